// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One tunnel at a time, one loop, one thread. What happens is fed to machine.c, whose orders are carried
 * out here; attempt.c makes each connection. The order is that of the seven steps: name → TCP → (link and
 * tunnel do TLS, HTTP, SSTP, PPP) → interface, routes, resolver → data. The TUN is opened first,
 * before anything is sent, so that a missing right shows at once and not after a login.
 *
 * Over a lost connection the interface stays, with its address, routes and name servers, and the next
 * connection asks for the same address: TCP connections inside go on. Packets wait in the interface's
 * queue meanwhile, so that what TCP repeated in vain goes out at the first moment.
 *
 * What it sets up and how that goes away: the interface is not persistent, so addresses and routes
 * on it die with the process, however it ends. Policy rules (client/policy.h) carry our protocol mark and
 * are deleted at the end, or by the next start after a kill -9. The resolver is restored the same way
 * (os/resolver.h).
 */
#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/hot.h"
#include "base/text.h"
#include "client/attempt.h"
#include "client/guard.h"
#include "client/lane.h"
#include "client/machine.h"
#include "client/setup.h"
#include "client/watch.h"
#include "datapath/link.h"
#include "front/proxy_connect.h"
#include "ip/ra.h"
#include "os/keylog.h"
#include "os/tun.h"
#include "tls/ctx.h"

#define HELLO_MS 10000 /* a path that is dead while nothing is sent shows after twice that */

struct client {
	const struct client_opts *opts;
	struct link link;
	bool link_open;
	struct port port;
	uv_loop_t loop;
	uv_timer_t timer; /* the machine's deadline */
	uv_timer_t lifetimes;
	struct client_watch watch;
	struct tun *tun;
	struct client_facts facts; /* for opts->on_up */
	struct client_setup *setup;
	struct client_lane *lane; /* NULL: none is wanted */
	struct attempt attempt;
	struct addr own4;         /* of the tunnel, or of the one before it */
	uint8_t ifid[8];          /* as negotiated last; zeros: never */
	uint8_t correlation[16];  /* of all its connections: a server knows the later one by it */
	struct client_way up_way; /* to the server, and our address on it, when it was up last */
	struct addr up_local;
	bool way_is_new; /* found while an attempt ended: to be looked at as a change */
	enum event told; /* why there is no connection, as it was said last */
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

/* `a` NULL: those of IPv4 are as before. */
static void tell_facts(struct client *c, const struct ppp_addresses *a)
{
	struct client_facts *f = &c->facts;

	if (!c->opts->on_up)
		return;
	snprintf(f->tun, sizeof(f->tun), "%s", tun_name(c->tun));
	f->own6 = client_setup_own6(c->setup);
	f->onward6 = f->own6.family && client_setup_ipv6_onward(c->setup);
	if (a) {
		f->server = c->attempt.peer;
		f->mtu = tunnel_peer_mru(c->link.tunnel);
		f->own4 = a->local;
		client_setup_pushed(c->setup, a, f);
	}
	if (f->own4.family)
		c->opts->on_up(c->opts->arg, f);
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
		if (!addr_equal(&c->facts.own6, &c->link.guard.own6))
			tell_facts(c, NULL);
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

static void tell_connected(struct client *c, const struct ppp_addresses *a)
{
	char own[ADDR_TEXT_LEN], peer[ADDR_TEXT_LEN], before[ADDR_TEXT_LEN], line[160];

	addr_format(&a->local, own);
	addr_format(&a->peer, peer);
	snprintf(line, sizeof(line), "%s, peer %s, mtu %u", own, peer,
		tunnel_peer_mru(c->link.tunnel));
	say(c, "6 address", line);
	say(c, "7 data", "packets may flow");
	if (c->own4.family && !addr_equal(&c->own4, &a->local))
		log_event(NULL, EV_CLIENT_ADDRESS_CHANGED, "before=%s now=%s",
			addr_format(&c->own4, before), own);
	text_fprintf(stdout, "culvert: connected %s (peer %s)\n", own, peer);
	fflush(stdout);
}

static void come_up6(struct client *c, const struct ppp_addresses *a)
{
	memcpy(c->ifid, a->local_ifid, sizeof(c->ifid));
	client_setup_ipv6(c->setup, a);
	guard_ipv6(&c->link.guard, a);
	c->link.guard.own6 = client_setup_own6(c->setup);
	solicit(c, a->local_ifid);
}

static void come_up(struct client *c, const struct tunnel_event *ev)
{
	struct os_failure why = {0};

	c->link.mtu = tunnel_peer_mru(c->link.tunnel);
	if (ev->family == AF_INET6) {
		come_up6(c, ev->addresses);
		return;
	}
	if (client_setup_ipv4(c->setup, ev->addresses, tunnel_peer_mru(c->link.tunnel), &why) < 0) {
		machine_refuse(&c->machine, why.event, why.text);
		carry_out(c);
		return;
	}
	c->link.local4 = c->link.guard.own4 = ev->addresses->local;
	tell_connected(c, ev->addresses);
	c->own4 = ev->addresses->local;
	c->told = EV_NONE;
	client_setup_follow_uplink(c->setup);
	c->up_way = client_setup_way(c->setup);
	c->up_local = c->attempt.local.addr;
	port_set_tun_polling(&c->port, true);
	machine_up(&c->machine, clock_mono_ms());
	tell_facts(c, ev->addresses);
	carry_out(c);
}

/* Without a reason the end follows, or the family comes up again. */
static void tell_down(struct client *c, const struct tunnel_event *ev)
{
	if (ev->reason && ev->family == AF_INET)
		log_event(NULL, ev->reason, "the call goes on%s%s%s",
			*ev->text ? "; it says: \"" : "", ev->text, *ev->text ? "\"" : "");
	else if (ev->reason) /* many servers have none */
		say(c, "ipv6", event_info(ev->reason)->what);
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
	case TUNNEL_DOWN: tell_down(c, ev); break;
	case TUNNEL_IDENTIFIED: break;
	case TUNNEL_ENDED:
		if (c->lane)
			client_lane_drop(c->lane);
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

static void close_loop(struct client *c)
{
	port_close(&c->port);
	if (c->lane)
		client_lane_end(c->lane);
	client_watch_stop(&c->watch);
	uv_close((uv_handle_t *)&c->timer, NULL);
	uv_close((uv_handle_t *)&c->lifetimes, NULL);
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

/* Was this the network in which the connection was up last? In another one a portal may answer. */
static bool is_elsewhere(struct client *c)
{
	struct client_way now;

	c->way_is_new |= client_setup_follow_uplink(c->setup);
	now = client_setup_way(c->setup);
	return now.ifindex != c->up_way.ifindex || !addr_equal(&now.via, &c->up_way.via) ||
	       (c->attempt.local.addr.family && !addr_equal(&c->attempt.local.addr, &c->up_local));
}

static void attempt_over(struct client *c)
{
	bool portal = c->machine.was_up && is_elsewhere(c);

	machine_closed(&c->machine, portal, clock_mono_ms());
	if (c->way_is_new)
		machine_links_changed(&c->machine, clock_mono_ms());
	carry_out(c);
}

static void on_closed(struct link *l)
{
	struct client *c = client_of(l);

	tell_traffic(c);
	c->link_open = false;
	port_set_tun_polling(&c->port, false);
	attempt_over(c);
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
	const struct addr *to = &c->attempt.peer.addr;
	const uint8_t *destination = packet_destination_at(octets, ip);

	if (ip->protocol != IP_TCP || !ip->l4 || ip->destination_port != c->attempt.peer.port)
		return false;
	return to->family == ip->family &&
	       !memcmp(destination, to->octets, ip->version == 4 ? 4 : 16);
}

HOT static struct link *route(struct port *p, const struct vnet_hdr *vnet UNUSED,
	const uint8_t *octets, const struct ip_packet *ip)
{
	struct client *c = container_of(p, struct client, port);

	if (!c->link_open || (!c->opts->apart && is_outer(c, octets, ip)))
		return NULL;
	if (ip->version == 6 && !client_setup_ipv6_onward(c->setup) && !is_link_local(octets, ip))
		return NULL; /* --block-ipv6: the server would not take it, and it shall not leak */
	return tunnel_data_ok(c->link.tunnel, ip->family) ? &c->link : NULL;
}

static const struct port_ops port_ops = {.route = route};

static void on_stop(void *arg)
{
	struct client *c = arg;

	machine_stop(&c->machine, clock_mono_ms());
	carry_out(c);
}

static void on_links_changed(void *arg)
{
	struct client *c = arg;

	machine_links_changed(&c->machine, clock_mono_ms());
	carry_out(c);
}

static void on_woke(void *arg)
{
	struct client *c = arg;

	say(c, "sleep", "this machine has slept");
	machine_woke(&c->machine, clock_mono_ms());
	carry_out(c);
}

static const struct client_watch_ops watch_ops = {on_stop, on_links_changed, on_woke};

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
		.hello_ms = o->hello_s ? (uint64_t)o->hello_s * 1000 : HELLO_MS,
		.methods = o->methods,
		.n_methods = o->n_methods,
		.eap = o->eap,
		.user = o->user,
		.password = o->password,
		.lanes = o->lanes,
		.ipv4 = true,
		.ipv6 = o->ipv6,
		.want_dns = o->dns,
		.want_address = c->own4};

	memcpy(opts.want_ifid, c->ifid, sizeof(c->ifid));
	memcpy(opts.correlation, c->correlation, sizeof(c->correlation));
	return attempt_link(&c->attempt, &opts, &c->port, &c->link, &link_ops);
}

static int make_lane(struct client *c)
{
	struct client_lane_opts opts = {.client = c->opts,
		.tls = c->tls,
		.main = &c->link,
		.way = &c->attempt,
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
	if (a->event) {
		machine_fail(&c->machine, a->event, a->text);
		attempt_over(c);
		return;
	}
	client_setup_server(c->setup, &a->peer);
	machine_dialled(&c->machine);
	carry_out(c);
}

static void dial(struct client *c)
{
	struct attempt *a = &c->attempt;

	a->server = &c->opts->servers[c->machine.server];
	a->n_dns = client_setup_names(c->setup, a->dns, ARRAY_SIZE(a->dns));
	if (!attempt_begin(a, &c->loop))
		return;
	machine_fail(&c->machine, EV_OUT_OF_MEMORY, "at the start");
	attempt_over(c);
}

static enum event set_up(struct client *c)
{
	int r = open_link(c);

	if (r < 0)
		return fail(c, EV_OUT_OF_MEMORY, strerror(-r));
	c->link_open = true;
	if (!c->lane && make_lane(c) < 0)
		return fail(c, EV_OUT_OF_MEMORY, "at the start");
	return EV_NONE;
}

/* A web page in the place of the server: 302 and 303 lead there, 511 is made for it (RFC 6585). */
static bool is_portal(const struct client *c, enum event why, const char *text)
{
	static const char *const codes[] = {"302", "303", "307", "511"};
	bool found = event_info(why)->layer == LAYER_CERT && c->machine.was_up;

	for (size_t i = 0; i < ARRAY_SIZE(codes) && why == EV_HTTP_STATUS; i++)
		found |= strstr(text, codes[i]) != NULL;
	return found;
}

/* Once for each reason: an hour without a network is not sixty lines. */
static void tell_lost(struct client *c)
{
	const struct machine *m = &c->machine;
	const char *host = c->attempt.server ? c->attempt.server->host : "";

	if (m->lost == c->told && c->opts->n_servers == 1)
		return;
	log_event(NULL, EV_CLIENT_CONNECTS_AGAIN,
		"server=%s reason=%s text=\"%s\" wait_ms=%" PRIu64, host, event_info(m->lost)->name,
		m->lost_text, m->wait_ms);
	if (m->was_up && m->lost != c->told && is_portal(c, m->lost, m->lost_text))
		log_event(NULL, EV_CLIENT_PORTAL, "server=%s", host);
	c->told = m->lost;
}

static void abort_call(struct client *c)
{
	if (c->link_open)
		link_abort(&c->link);
	else
		attempt_over(c);
}

static void look_at_uplink(struct client *c)
{
	const struct addr *own = &c->attempt.local.addr;
	char text[ADDR_TEXT_LEN];
	struct machine_uplink uplink = {.is_new = client_setup_follow_uplink(c->setup),
		.cut_off = c->link_open && client_setup_is_cut_off(c->setup, own),
		.address = addr_format(own, text)};

	uplink.is_new |= c->way_is_new;
	c->way_is_new = false;
	machine_uplink(&c->machine, &uplink, clock_mono_ms());
}

static void probe(struct client *c)
{
	if (!c->link_open)
		return;
	tunnel_probe(c->link.tunnel, MACHINE_PROBE_MS, clock_mono_ms());
	link_kick(&c->link);
}

static void end(struct client *c)
{
	if (c->machine.incurable)
		log_event(NULL, EV_CLIENT_INCURABLE, "reason=%s",
			event_info(c->machine.reason)->name);
	close_loop(c);
}

static void obey(struct client *c, enum machine_order order)
{
	switch (order) {
	case MACHINE_ORDER_LOST: tell_lost(c); break;
	case MACHINE_ORDER_DIAL: dial(c); break;
	case MACHINE_ORDER_CANCEL: attempt_stop(&c->attempt); break;
	case MACHINE_ORDER_CALL: set_up(c) ? abort_call(c) : link_start(&c->link); break;
	case MACHINE_ORDER_HANG_UP: link_close(&c->link, c->machine.hang_up); break;
	case MACHINE_ORDER_ABORT: abort_call(c); break;
	case MACHINE_ORDER_CHECK_LEAK: client_setup_warn_of_leak(c->setup); break;
	case MACHINE_ORDER_PROBE: probe(c); break;
	case MACHINE_ORDER_FOLLOW_UPLINK:
	case MACHINE_ORDER_JUDGE_UPLINK: look_at_uplink(c); break;
	case MACHINE_ORDER_END: end(c); break;
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

static int lock(struct client *c, struct os_failure *why)
{
	struct guard_lock guard = {.tun = tun_name(c->tun), .lan = c->opts->lock_lan};
	int r = guard_lock(&guard, why);

	if (!r)
		log_event(NULL, EV_CLIENT_LOCKED, "tun=%s", guard.tun);
	return r;
}

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
	if (c->opts->lock && lock(c, &why) < 0)
		return fail(c, why.event, why.text);
	if (c->opts->insecure)
		fputs("culvert: --insecure: the server's certificate is not checked; anyone on the way "
		      "can read everything and attack your password\n",
			stderr);
	if (client_setup_new(c->opts, c->tun, &c->setup, &why) < 0)
		return fail(c, why.event, why.text);
	uv_loop_init(&c->loop);
	uv_timer_init(&c->loop, &c->timer);
	uv_timer_init(&c->loop, &c->lifetimes);
	c->timer.data = c->lifetimes.data = c;
	if (attempt_init(&c->attempt, c->opts, on_attempt) < 0 ||
		port_init(&c->port, &c->loop, tun_fd(c->tun, 0),
			(tun_takes_tcp(c->tun) ? COALESCE_TCP : 0) |
				(tun_takes_udp(c->tun) ? COALESCE_UDP : 0),
			&port_ops, &link_calls) < 0)
		return fail(c, EV_OUT_OF_MEMORY, "at the start");
	c->attempt.mark = client_setup_mark(c->setup);
	port_set_tun_polling(&c->port, false); /* what comes before the tunnel waits */
	client_watch_start(&c->watch, &c->loop, &watch_ops, c);
	return EV_NONE;
}

static void run(struct client *c)
{
	if (prepare(c))
		return;
	machine_start(&c->machine, clock_mono_ms());
	carry_out(c);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	client_lane_free(c->lane);
	port_done(&c->port);
	uv_loop_close(&c->loop);
	client_watch_done(&c->watch);
}

enum event client_run(const struct client_opts *opts, char *detail, size_t detail_cap)
{
	struct client c = {.opts = opts, .attempt = {.fd = -1, .stop = -1}};
	struct machine_opts machine = {.once = opts->once, .servers = (unsigned)opts->n_servers};

	crypto_random(&machine.seed, sizeof(machine.seed));
	crypto_random(c.correlation, sizeof(c.correlation));
	machine_init(&c.machine, &machine);
	signal(SIGPIPE, SIG_IGN);
	run(&c);
	client_setup_free(c.setup);
	attempt_done(&c.attempt);
	tun_free(c.tun);
	tls_ctx_free(c.tls);
	text_format(detail, detail_cap, "%s", c.machine.text);
	return c.machine.reason;
}
