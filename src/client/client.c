// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One tunnel, one loop, one thread. What happens is fed to machine.c, whose orders are carried out
 * here; attempt.c makes the connection. The order is that of the seven steps: name → TCP → (link and
 * tunnel do TLS, HTTP, SSTP, PPP) → interface, routes, resolver → data. The TUN is opened first,
 * before anything is sent, so that a missing right shows at once and not after a login.
 *
 * What it sets up and how that goes away: the interface is not persistent, so addresses and routes
 * on it die with the process, however it ends. The route to the server itself (so that the tunnel
 * does not swallow its own packets) carries our protocol mark and is deleted at the end, or by the
 * next start after a kill -9. The resolver is restored the same way (os/resolver.h).
 *
 * The default route is two halves (0/1 and 128/1) beside the old one, which stays untouched and
 * counts again when the interface goes.
 */
#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/hot.h"
#include "base/text.h"
#include "client/attempt.h"
#include "client/lane.h"
#include "client/machine.h"
#include "client/setup.h"
#include "datapath/link.h"
#include "front/proxy_connect.h"
#include "ip/ra.h"
#include "os/keylog.h"
#include "os/route_watch.h"
#include "os/tun.h"
#include "tls/ctx.h"

struct client {
	const struct client_opts *opts;
	struct link link;
	bool link_open;
	struct port port;
	uv_loop_t loop;
	uv_signal_t signals[16];
	unsigned n_signals;
	uv_timer_t timer; /* the machine's deadline */
	uv_timer_t lifetimes;
	uv_poll_t uplink_poll;
	int uplink_fd; /* os/route_watch.h; negative: not watched */
	struct tun *tun;
	struct client_setup *setup;
	struct client_lane *lane; /* NULL: none is wanted */
	struct endpoint server;   /* or the proxy: what the tunnel must not swallow */
	struct attempt attempt;
	struct machine machine;
	struct tls_ctx *tls;
};

static void carry_out(struct client *c);

static struct client *client_of(struct link *l)
{
	return container_of(l, struct client, link);
}

static void tell(const struct client_opts *o, const char *step, const char *text)
{
	if (o->verbose)
		text_fprintf(stderr, "culvert: %-9s %s\n", step, text);
}

static void say(const struct client *c, const char *step, const char *text)
{
	tell(c->opts, step, text);
}

/* ---- what the tunnel says ---------------------------------------------------------- */

/* The kernel would ask as well, but not where it is itself a router or accept_ra is off. */
static void solicit(struct client *c, const uint8_t ifid[static 8])
{
	static const struct vnet_hdr plain;
	struct addr own = {AF_INET6, {0xfe, 0x80}};
	uint8_t rs[RS_LEN];

	memcpy(own.octets + 8, ifid, 8);
	link_send_copy(&c->link, &plain, rs, ra_solicit(&own, rs));
}

/* The kernel counts none of them: its addresses and routes are ours, without a lifetime. */
static void follow_lifetimes(struct client *c, uv_timer_cb ended)
{
	uint64_t end = client_setup_next_end_ms(c->setup), now = clock_mono_ms();

	c->link.guard.own6 = client_setup_own6(c->setup);
	if (end == NEVER)
		uv_timer_stop(&c->lifetimes);
	else
		uv_timer_start(&c->lifetimes, ended, end > now ? end - now : 0, 0);
}

static void on_lifetime_ended(uv_timer_t *timer)
{
	struct client *c = timer->data;

	client_setup_end_due(c->setup);
	follow_lifetimes(c, on_lifetime_ended);
}

/* Neighbour discovery is answered here and not by the kernel, whatever its accept_ra says. */
COLD static void intercept(
	struct link *l, enum guard_verdict kind, const uint8_t *octets, const struct ip_packet *ip)
{
	static const struct vnet_hdr plain;
	const struct addr own[] = {l->guard.own_link_local, l->guard.own6};
	struct client *c = client_of(l);
	uint8_t reply[NA_LEN];
	struct ra ra;
	size_t n;

	if (kind == GUARD_ADVERTISEMENT && !ra_parse(octets, ip, &ra)) {
		client_setup_advertised(c->setup, &ra);
		follow_lifetimes(c, on_lifetime_ended);
	} else if (kind == GUARD_NEIGHBOUR) {
		n = ra_answer_neighbour(octets, ip, own, ARRAY_SIZE(own), false, reply);
		if (n)
			link_send_copy(l, &plain, reply, n);
	}
}

static void guard_ipv6(struct guard *g, const struct ppp_addresses *a)
{
	g->peer_link_local = g->own_link_local = (struct addr){AF_INET6, {0xfe, 0x80}};
	memcpy(g->peer_link_local.octets + 8, a->peer_ifid, 8);
	memcpy(g->own_link_local.octets + 8, a->local_ifid, 8);
}

static void come_up(struct client *c, const struct tunnel_event *ev)
{
	char own[ADDR_TEXT_LEN], peer[ADDR_TEXT_LEN], line[160];
	struct os_failure why = {0};

	c->link.mtu = tunnel_peer_mru(c->link.tunnel);
	if (ev->family == AF_INET6) {
		client_setup_ipv6(c->setup, ev->addresses);
		guard_ipv6(&c->link.guard, ev->addresses);
		c->link.guard.own6 = client_setup_own6(c->setup);
		solicit(c, ev->addresses->local_ifid);
		return;
	}
	if (client_setup_ipv4(c->setup, ev->addresses, tunnel_peer_mru(c->link.tunnel), &why) < 0) {
		machine_refuse(&c->machine, why.event, why.text);
		carry_out(c);
		return;
	}
	c->link.local4 = c->link.guard.own4 = ev->addresses->local;
	addr_format(&ev->addresses->local, own);
	addr_format(&ev->addresses->peer, peer);
	snprintf(line, sizeof(line), "%s, peer %s, mtu %u", own, peer,
		tunnel_peer_mru(c->link.tunnel));
	say(c, "6 address", line);
	say(c, "7 data", "packets may flow");
	text_fprintf(stdout, "culvert: connected %s (peer %s)\n", own, peer);
	fflush(stdout);
	machine_up(&c->machine, clock_mono_ms());
	if (c->opts->on_up)
		c->opts->on_up(c->opts->arg);
	carry_out(c);
}

static const char *const step_names[] = {[TUNNEL_STEP_TLS] = "2 tls",
	[TUNNEL_STEP_HTTP] = "3 https",
	[TUNNEL_STEP_SSTP] = "4 sstp",
	[TUNNEL_STEP_AUTH] = "5 auth"};

static void on_event(struct link *l, const struct tunnel_event *ev)
{
	struct client *c = client_of(l);

	switch (ev->type) {
	case TUNNEL_STEP: say(c, step_names[ev->step], ev->text); break;
	case TUNNEL_BOUND:
		say(c, "binding",
			ev->binding == TUNNEL_BINDING_KEYED
				? "sent with the login's key; whether it holds is for the server to judge"
				: "sent without a key, which this login does not yield: it proves nothing");
		break;
	case TUNNEL_UP: come_up(c, ev); break;
	case TUNNEL_DOWN: break; /* the end follows, or the family comes up again */
	case TUNNEL_IDENTIFIED: break;
	case TUNNEL_ENDED:
		if (c->lane)
			client_lane_end(c->lane);
		machine_fail(&c->machine, ev->reason, ev->text);
		break;
	case TUNNEL_HTTP_REQUEST:
	case TUNNEL_AUTH_REQUEST:
	case TUNNEL_LANE_REQUEST:
	case TUNNEL_LANE_UP:
	case TUNNEL_BATCH_END:
	case TUNNEL_PACKET: break; /* a server's, or the link's own */
	}                          /* no default */
}

static void want_lane(struct link *l)
{
	if (client_of(l)->lane)
		client_lane_want(client_of(l)->lane);
}

HOT static bool accept_any_source(
	struct link *l UNUSED, const uint8_t *octets UNUSED, const struct ip_packet *ip UNUSED)
{
	return true; /* the server routes; it may forward from anywhere */
}

/*
 * What ends a process unless it is caught, and is not a fault in it: a closed terminal (HUP), ^\\,
 * a script's `kill -USR1`. Each would leave resolv.conf and routes as the tunnel needed them.
 */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
	SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT};

static void hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaddset(&set, ending[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void close_loop(struct client *c)
{
	port_close(&c->port);
	hold_signals(); /* a second one must not end us half-way through undoing */
	for (unsigned i = 0; i < c->n_signals; i++)
		uv_close((uv_handle_t *)&c->signals[i], NULL);
	uv_close((uv_handle_t *)&c->timer, NULL);
	uv_close((uv_handle_t *)&c->lifetimes, NULL);
	if (c->uplink_fd >= 0)
		uv_close((uv_handle_t *)&c->uplink_poll, NULL);
}

static void tell_traffic(const struct client *c)
{
	const struct port_stats *st = &c->port.stats;
	char line[240];

	snprintf(line, sizeof(line),
		"received %" PRIu64 " packets, sent %" PRIu64 "; dropped: %" PRIu64
		" by the queue, %" PRIu64 " too big, %" PRIu64 " that the interface refused",
		st->rx_packets, st->tx_packets, st->drop_queue, st->drop_too_big, st->drop_tun);
	say(c, "traffic", line);
}

static void on_closed(struct link *l)
{
	struct client *c = client_of(l);

	tell_traffic(c);
	c->link_open = false;
	machine_closed(&c->machine);
	carry_out(c);
}

static const struct link_ops link_ops = {.event = on_event,
	.intercept = intercept,
	.accept_source = accept_any_source,
	.want_lane = want_lane,
	.closed = on_closed};

static bool is_link_local(const uint8_t *octets, const struct ip_packet *ip)
{
	const uint8_t *to = packet_destination_at(octets, ip);

	return to[0] == 0xff || (to[0] == 0xfe && (to[1] & 0xc0) == 0x80);
}

/*
 * The tunnel's own connection, which comes this way while the machine has no other: inside itself it
 * would go round for ever. TCP sends it again when there is a way.
 */
HOT static bool is_outer(const struct client *c, const uint8_t *octets, const struct ip_packet *ip)
{
	const struct addr *to = &c->server.addr;
	const uint8_t *destination = packet_destination_at(octets, ip);

	if (ip->protocol != IP_TCP || !ip->l4 || ip->destination_port != c->server.port)
		return false;
	return to->family == ip->family &&
	       !memcmp(destination, to->octets, ip->version == 4 ? 4 : 16);
}

HOT static struct link *route(struct port *p, const struct vnet_hdr *vnet UNUSED,
	const uint8_t *octets, const struct ip_packet *ip)
{
	struct client *c = container_of(p, struct client, port);

	if (!c->opts->apart && is_outer(c, octets, ip))
		return NULL;
	if (ip->version == 6 && !client_setup_ipv6_onward(c->setup) && !is_link_local(octets, ip))
		return NULL; /* --block-ipv6: the server would not take it, and it shall not leak */
	return tunnel_data_ok(c->link.tunnel, ip->family) ? &c->link : NULL;
}

static const struct port_ops port_ops = {.route = route};

static void on_signal(uv_signal_t *handle, UNUSED int signum)
{
	struct client *c = handle->data;

	machine_stop(&c->machine, clock_mono_ms());
	carry_out(c);
}

/* ---- putting it together ---------------------------------------------------------- */

/* Before there is anything to order. */
static enum event fail(struct client *c, enum event why, const char *text)
{
	machine_fail(&c->machine, why, text);
	return why;
}

static enum event make_tls(struct client *c)
{
	struct tls_client_opts opts = {.ca_file = c->opts->ca_file,
		.pins = c->opts->pins,
		.n_pins = c->opts->n_pins,
		.insecure = c->opts->insecure};
	struct tls_failure why = {0};

	if (c->opts->keylog) {
		opts.keylog = keylog_write;
		opts.keylog_arg = (void *)(uintptr_t)c->opts->keylog;
	}
	return tls_client_ctx_new(&opts, &c->tls, &why) < 0 ? fail(c, why.event, why.text)
							    : EV_NONE;
}

static int open_link(struct client *c)
{
	const struct client_opts *o = c->opts;
	struct tunnel_opts opts = {.tls = c->tls,
		.require_binding = true,
		.mru = o->mtu,
		.hello_ms = (uint64_t)o->hello_s * 1000,
		.methods = o->methods,
		.n_methods = o->n_methods,
		.eap = o->eap,
		.user = o->user,
		.password = o->password,
		.lanes = o->lanes,
		.ipv4 = true,
		.ipv6 = o->ipv6,
		.want_dns = o->dns};

	return attempt_link(&c->attempt, &opts, &c->port, &c->link, &link_ops);
}

static void on_uplink(uv_poll_t *poll, UNUSED int status, UNUSED int events)
{
	struct client *c = poll->data;

	if (!route_watch_drain(c->uplink_fd))
		return;
	machine_links_changed(&c->machine, clock_mono_ms());
	carry_out(c);
}

/* Without it the tunnel works until the way to the server changes. */
static void watch_uplink(struct client *c)
{
	c->uplink_poll.data = c;
	c->uplink_fd = route_watch_open();
	if (c->uplink_fd < 0)
		return;
	uv_poll_init(&c->loop, &c->uplink_poll, c->uplink_fd);
	uv_poll_start(&c->uplink_poll, UV_READABLE, on_uplink);
}

/* nohup(1) ignores SIGHUP for us, a script's shell SIGQUIT of what it starts with &: so be it. */
static bool is_ignored(int signum)
{
	struct sigaction now;

	return signum != SIGINT && signum != SIGTERM && !sigaction(signum, NULL, &now) &&
	       now.sa_handler == SIG_IGN;
}

static void watch_signals(struct client *c)
{
	_Static_assert(ARRAY_SIZE(ending) <= ARRAY_SIZE(((struct client *)0)->signals), "room");

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
		uv_signal_t *handle = &c->signals[c->n_signals];

		if (is_ignored(ending[i]))
			continue;
		uv_signal_init(&c->loop, handle);
		handle->data = c;
		uv_signal_start(handle, on_signal, ending[i]);
		c->n_signals++;
	}
}

static int make_lane(struct client *c)
{
	struct client_lane_opts opts = {.client = c->opts,
		.tls = c->tls,
		.main = &c->link,
		.server = &c->server,
		.tell = tell};

	return c->opts->lanes ? client_lane_new(&opts, &c->lane) : 0;
}

/* ---- what the machine orders ---------------------------------------------------------- */

static void report_connection(const struct client *c)
{
	const struct attempt *a = &c->attempt;
	const struct proxy *proxy = c->opts->proxy;
	char text[ENDPOINT_TEXT_LEN], line[400];

	for (size_t i = 0; i < a->n_silent; i++)
		say(c, "tcp", "one address did not answer, trying the next");
	if (a->event)
		return;
	if (proxy)
		snprintf(line, sizeof(line), "by the proxy %s:%u%s%s", proxy->host, proxy->port,
			*a->scheme ? ", login by " : "", a->scheme);
	else
		snprintf(line, sizeof(line), "connected to %s in %.1f ms",
			endpoint_format(&a->peer, text), (double)a->us / 1000);
	say(c, "1 tcp", line);
}

static void on_attempt(struct attempt *a)
{
	struct client *c = container_of(a, struct client, attempt);

	report_connection(c);
	c->server = a->peer;
	if (a->event) {
		machine_fail(&c->machine, a->event, a->text);
		machine_closed(&c->machine);
	} else {
		machine_dialled(&c->machine);
	}
	carry_out(c);
}

static void dial(struct client *c)
{
	if (!attempt_begin(&c->attempt, &c->loop))
		return;
	machine_fail(&c->machine, EV_OUT_OF_MEMORY, "at the start");
	machine_closed(&c->machine);
}

static enum event set_up(struct client *c)
{
	struct os_failure why = {0};
	int r = open_link(c);

	if (r < 0)
		return fail(c, EV_OUT_OF_MEMORY, strerror(-r));
	c->link_open = true;
	watch_signals(c);
	watch_uplink(c);
	if (client_setup_new(c->opts, c->tun, &c->server.addr, &c->setup, &why) < 0)
		return fail(c, why.event, why.text);
	return make_lane(c) < 0 ? fail(c, EV_OUT_OF_MEMORY, "at the start") : EV_NONE;
}

static void abort_call(struct client *c)
{
	if (c->link_open)
		link_abort(&c->link);
	else
		machine_closed(&c->machine);
}

static void look_at_uplink(struct client *c, bool follow)
{
	const struct addr *own = &c->attempt.local.addr;
	char text[ADDR_TEXT_LEN];

	if (!c->setup || !c->link_open || c->opts->apart)
		return;
	if (follow)
		client_setup_follow_uplink(c->setup);
	machine_uplink(&c->machine, client_setup_is_cut_off(c->setup, own), addr_format(own, text),
		clock_mono_ms());
}

static void obey(struct client *c, enum machine_order order)
{
	switch (order) {
	case MACHINE_ORDER_DIAL: dial(c); break;
	case MACHINE_ORDER_CANCEL: attempt_stop(&c->attempt); break;
	case MACHINE_ORDER_CALL: set_up(c) ? abort_call(c) : link_start(&c->link); break;
	case MACHINE_ORDER_HANG_UP: link_close(&c->link, c->machine.hang_up); break;
	case MACHINE_ORDER_ABORT: abort_call(c); break;
	case MACHINE_ORDER_CHECK_LEAK: client_setup_warn_of_leak(c->setup); break;
	case MACHINE_ORDER_FOLLOW_UPLINK: look_at_uplink(c, true); break;
	case MACHINE_ORDER_JUDGE_UPLINK: look_at_uplink(c, false); break;
	case MACHINE_ORDER_END: close_loop(c); break;
	case MACHINE_ORDERS: break;
	} /* no default */
}

static void on_timer(uv_timer_t *timer)
{
	struct client *c = timer->data;

	machine_tick(&c->machine, clock_mono_ms());
	carry_out(c);
}

static void carry_out(struct client *c)
{
	uint64_t now_ms = clock_mono_ms(), deadline_ms;
	enum machine_order order;

	while (machine_next_order(&c->machine, &order))
		obey(c, order);
	deadline_ms = machine_deadline(&c->machine);
	if (deadline_ms == NEVER)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(
			&c->timer, on_timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0, 0);
}

/* ---- from the start to the end ---------------------------------------------------------- */

static enum event prepare(struct client *c)
{
	struct tun_opts tun = {
		.name = c->opts->tun_name, .queues = 1, .no_offloads = c->opts->no_offloads};
	struct os_failure why = {0};
	char line[80];
	enum event ev = make_tls(c);

	if (ev)
		return ev;
	if (tun_new(&tun, &c->tun, &why) < 0)
		return fail(c, why.event, why.text);
	snprintf(line, sizeof(line), "%s, super-packets: %s", tun_name(c->tun),
		tun_offload_text(c->tun));
	say(c, "interface", line);
	if (c->opts->insecure)
		fputs("culvert: --insecure: the server's certificate is not checked; anyone on the way "
		      "can read everything and attack your password\n",
			stderr);
	uv_loop_init(&c->loop);
	uv_timer_init(&c->loop, &c->timer);
	uv_timer_init(&c->loop, &c->lifetimes);
	c->timer.data = c->lifetimes.data = c;
	if (attempt_init(&c->attempt, c->opts, NULL, on_attempt) < 0 ||
		port_init(&c->port, &c->loop, tun_fd(c->tun, 0),
			(tun_takes_tcp(c->tun) ? COALESCE_TCP : 0) |
				(tun_takes_udp(c->tun) ? COALESCE_UDP : 0),
			&port_ops, &link_calls) < 0)
		return fail(c, EV_OUT_OF_MEMORY, "at the start");
	return EV_NONE;
}

static void run(struct client *c)
{
	if (prepare(c))
		return;
	machine_start(&c->machine);
	carry_out(c);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	client_lane_free(c->lane);
	client_setup_free(c->setup);
	port_done(&c->port);
	uv_loop_close(&c->loop);
	if (c->uplink_fd >= 0)
		close(c->uplink_fd);
}

enum event client_run(const struct client_opts *opts, char *detail, size_t detail_cap)
{
	struct client c = {.opts = opts, .uplink_fd = -1, .attempt = {.fd = -1, .stop = -1}};

	machine_init(&c.machine);
	signal(SIGPIPE, SIG_IGN);
	run(&c);
	attempt_done(&c.attempt);
	tun_free(c.tun);
	tls_ctx_free(c.tls);
	text_format(detail, detail_cap, "%s", c.machine.text);
	return c.machine.reason;
}
