// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One tunnel, one loop, one thread. The order is that of the seven steps: name → TCP → (link and
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
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/hot.h"
#include "base/text.h"
#include "client/lane.h"
#include "client/private.h"
#include "client/setup.h"
#include "datapath/link.h"
#include "front/proxy_connect.h"
#include "ip/ra.h"
#include "os/keylog.h"
#include "os/route_watch.h"
#include "os/socket.h"
#include "os/tun.h"
#include "tls/ctx.h"
#include "tls/engine.h"

#define CONNECT_TRY_MS 10000 /* one address of the server; then the next */
#define LEAK_CHECK_MS 3000   /* by then a router advertisement has come, or none will */
#define CUT_OFF_MS 5000      /* DHCP may bring the same address back */
#define UPLINK_SETTLE_MS 100 /* one cable makes ten changes */
#define GOODBYE_MS 3000      /* after Ctrl-C: how long the server may take to answer */

struct client {
	const struct client_opts *opts;
	struct link link;
	bool link_open;
	struct port port;
	uv_loop_t loop;
	uv_signal_t signals[16];
	unsigned n_signals;
	uv_timer_t goodbye, leak_check, uplink_settle, cut_off, lifetimes;
	uv_poll_t uplink_poll;
	int uplink_fd; /* os/route_watch.h; negative: not watched */
	struct tun *tun;
	struct client_setup *setup;
	struct client_lane *lane; /* NULL: none is wanted */
	struct endpoint server;
	struct endpoint local; /* of the connection to it */
	struct tls_ctx *tls;
	bool up, stopping;
	enum event reason;
	char *detail;
	size_t detail_cap;
};

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

static enum event fail(struct client *c, enum event ev, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum event fail(struct client *c, enum event ev, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vformat(c->detail, c->detail_cap, fmt, ap);
	va_end(ap);
	return ev;
}

/* ---- name and TCP ---------------------------------------------------------- */

static enum event resolve(struct client *c, struct addrinfo **ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	char port[8];
	int r;

	snprintf(port, sizeof(port), "%u", c->opts->port);
	r = getaddrinfo(c->opts->host, port, &hints, ret);
	if (r == EAI_NONAME || r == EAI_NODATA)
		return fail(c, EV_DNS_NO_SUCH_NAME, "%s: %s", c->opts->host, gai_strerror(r));
	if (r)
		return fail(c, EV_DNS_FAILED, "%s: %s", c->opts->host,
			r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	return EV_NONE;
}

/* Waits for a connect() under way; 0 or a negative errno. */
static int wait_connected(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t n = sizeof(int);
	int err = 0;

	do {
		int r = poll(&p, 1, CONNECT_TRY_MS);

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
	} while (!p.revents);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n);
	return -err;
}

static const char *wanted_congestion(const struct client_opts *opts)
{
	return opts->congestion ? opts->congestion : CONGESTION_AUTO;
}

void client_tune(const struct client_opts *opts, int fd)
{
	tcp_tune_client(fd, congestion_first(wanted_congestion(opts)));
}

static int connect_one(struct client *c, const struct addrinfo *ai, int *ret_fd)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	client_tune(c->opts, fd);
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		r = errno == EINPROGRESS ? wait_connected(fd) : -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* The host that the tunnel must not swallow is the proxy then. */
static enum event connect_by_proxy(struct client *c, int *ret_fd)
{
	const struct proxy_limit limit = {CONNECT_TRY_MS, -1};
	const struct proxy *proxy = c->opts->proxy;
	struct proxy_outcome how;
	char line[400];
	enum event ev = proxy_connect(proxy, c->opts->host, c->opts->port, &limit, ret_fd, &how);

	if (ev)
		return fail(c, ev, "%s:%u: %s", proxy->host, proxy->port, how.text);
	client_tune(c->opts, *ret_fd);
	socket_peer(*ret_fd, &c->server);
	snprintf(line, sizeof(line), "by the proxy %s:%u%s%s", proxy->host, proxy->port,
		*how.scheme ? ", login by " : "", how.scheme);
	say(c, "1 tcp", line);
	return EV_NONE;
}

static enum event connect_server(struct client *c, int *ret_fd)
{
	struct addrinfo *list = NULL;
	char text[ENDPOINT_TEXT_LEN] = "", line[160];
	uint64_t start = clock_mono_us();
	enum event ev = resolve(c, &list);
	int r = -EHOSTUNREACH;

	if (ev)
		return ev;
	for (const struct addrinfo *ai = list; ai && r < 0; ai = ai->ai_next) {
		endpoint_from_sockaddr(ai->ai_addr, &c->server);
		endpoint_format(&c->server, text);
		r = connect_one(c, ai, ret_fd);
		if (r < 0 && ai->ai_next)
			say(c, "tcp", "one address did not answer, trying the next");
	}
	freeaddrinfo(list);
	if (r < 0)
		return fail(c, tcp_event(r), "%s: %s", text, strerror(-r));
	snprintf(line, sizeof(line), "connected to %s in %.1f ms", text,
		(double)(clock_mono_us() - start) / 1000);
	say(c, "1 tcp", line);
	return EV_NONE;
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

static void on_leak_check(uv_timer_t *timer)
{
	client_setup_warn_of_leak(((struct client *)timer->data)->setup);
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
		c->reason = fail(c, why.event, "%s", why.text);
		link_close(&c->link, why.event);
		return;
	}
	c->link.local4 = c->link.guard.own4 = ev->addresses->local;
	addr_format(&ev->addresses->local, own);
	addr_format(&ev->addresses->peer, peer);
	snprintf(line, sizeof(line), "%s, peer %s, mtu %u", own, peer,
		tunnel_peer_mru(c->link.tunnel));
	say(c, "6 address", line);
	say(c, "7 data", "packets may flow");
	c->up = true;
	uv_timer_start(&c->leak_check, on_leak_check, LEAK_CHECK_MS, 0);
	text_fprintf(stdout, "culvert: connected %s (peer %s)\n", own, peer);
	fflush(stdout);
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
		if (!c->reason && !c->stopping)
			c->reason = fail(c, ev->reason, "%s", ev->text);
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
	uv_close((uv_handle_t *)&c->goodbye, NULL);
	uv_close((uv_handle_t *)&c->leak_check, NULL);
	uv_close((uv_handle_t *)&c->lifetimes, NULL);
	uv_close((uv_handle_t *)&c->uplink_settle, NULL);
	uv_close((uv_handle_t *)&c->cut_off, NULL);
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
	close_loop(c);
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

	if (is_outer(c, octets, ip))
		return NULL;
	if (ip->version == 6 && !client_setup_ipv6_onward(c->setup) && !is_link_local(octets, ip))
		return NULL; /* --block-ipv6: the server would not take it, and it shall not leak */
	return tunnel_data_ok(c->link.tunnel, ip->family) ? &c->link : NULL;
}

static const struct port_ops port_ops = {.route = route};

static void on_goodbye(uv_timer_t *timer)
{
	link_abort(&((struct client *)timer->data)->link);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct client *c = handle->data;

	(void)signum;
	if (c->stopping) { /* asked twice: at once */
		link_abort(&c->link);
		return;
	}
	c->stopping = true;
	uv_timer_start(&c->goodbye, on_goodbye, GOODBYE_MS, 0);
	link_close(&c->link, EV_CLIENT_STOPPED);
}

/* ---- putting it together ---------------------------------------------------------- */

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
	if (tls_client_ctx_new(&opts, &c->tls, &why) < 0)
		return fail(c, why.event, "%s", why.text);
	return EV_NONE;
}

static int make_tunnel(struct client *c, struct tunnel **ret)
{
	const struct client_opts *o = c->opts;
	struct tls_peer_opts peer = {.host = o->host, .sni = o->sni};
	struct tunnel_opts opts = {.role = TUNNEL_CLIENT,
		.tls = c->tls,
		.verify = &peer,
		.host = o->host,
		.port = o->port,
		.scratch = c->port.scratch,
		.require_binding = true,
		.mru = o->mtu,
		.hello_ms = (uint64_t)o->hello_s * 1000,
		.methods = o->methods,
		.n_methods = o->n_methods,
		.user = o->user,
		.password = o->password,
		.lanes = o->lanes,
		.ipv4 = true,
		.ipv6 = o->ipv6,
		.want_dns = o->dns};

	return tunnel_new(&opts, clock_mono_ms(), ret);
}

/* Nothing more can come or go on this connection; TCP would find out in a minute. */
static void on_cut_off(uv_timer_t *timer)
{
	struct client *c = timer->data;
	char text[ADDR_TEXT_LEN];

	if (!c->link_open || c->stopping || !client_setup_is_cut_off(c->setup, &c->local.addr))
		return;
	if (!c->reason)
		c->reason = fail(c, EV_CLIENT_UPLINK_ADDRESS_GONE, "address=%s",
			addr_format(&c->local.addr, text));
	link_abort(&c->link);
}

static void on_uplink_settled(uv_timer_t *timer)
{
	struct client *c = timer->data;

	if (!c->setup || !c->link_open)
		return;
	client_setup_follow_uplink(c->setup);
	if (!client_setup_is_cut_off(c->setup, &c->local.addr))
		uv_timer_stop(&c->cut_off);
	else if (!uv_is_active((uv_handle_t *)&c->cut_off))
		uv_timer_start(&c->cut_off, on_cut_off, CUT_OFF_MS, 0);
}

/* The timer is not moved by what follows: in a storm of changes the route is still looked at. */
static void on_uplink(uv_poll_t *poll, int status, int events)
{
	struct client *c = poll->data;

	(void)status;
	(void)events;
	if (route_watch_drain(c->uplink_fd) && !uv_is_active((uv_handle_t *)&c->uplink_settle))
		uv_timer_start(&c->uplink_settle, on_uplink_settled, UPLINK_SETTLE_MS, 0);
}

/* Without it the tunnel works until the way to the server changes. */
static void watch_uplink(struct client *c)
{
	uv_timer_init(&c->loop, &c->uplink_settle);
	uv_timer_init(&c->loop, &c->cut_off);
	c->uplink_settle.data = c->cut_off.data = c->uplink_poll.data = c;
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
	uv_timer_init(&c->loop, &c->goodbye);
	uv_timer_init(&c->loop, &c->leak_check);
	uv_timer_init(&c->loop, &c->lifetimes);
	c->goodbye.data = c->leak_check.data = c->lifetimes.data = c;
}

static enum event open_link(struct client *c)
{
	AUTO(tunnel) struct tunnel *tunnel = NULL;
	enum event ev;
	int fd = -1, r;

	ev = c->opts->proxy ? connect_by_proxy(c, &fd) : connect_server(c, &fd);
	if (ev)
		return ev;
	r = make_tunnel(c, &tunnel);
	if (!r)
		r = link_init(&c->link, &c->port, fd, tunnel, &link_ops);
	if (r < 0) {
		close(fd);
		return fail(c, EV_OUT_OF_MEMORY, "%s", strerror(-r));
	}
	(void)TAKE(tunnel);
	socket_local(fd, &c->local);
	if (congestion_is_ours(wanted_congestion(c->opts)))
		link_choose_congestion(&c->link);
	c->link_open = true;
	return EV_NONE;
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

static enum event run(struct client *c)
{
	struct tun_opts tun = {
		.name = c->opts->tun_name, .queues = 1, .no_offloads = c->opts->no_offloads};
	struct os_failure why = {0};
	char line[80];
	enum event ev;

	ev = make_tls(c);
	if (ev)
		return ev;
	if (tun_new(&tun, &c->tun, &why) < 0)
		return fail(c, why.event, "%s", why.text);
	snprintf(line, sizeof(line), "%s, super-packets: %s", tun_name(c->tun),
		tun_offload_text(c->tun));
	say(c, "interface", line);
	if (c->opts->insecure)
		fputs("culvert: --insecure: the server's certificate is not checked; anyone on the way "
		      "can read everything and attack your password\n",
			stderr);
	uv_loop_init(&c->loop);
	if (port_init(&c->port, &c->loop, tun_fd(c->tun, 0),
		    (tun_takes_tcp(c->tun) ? COALESCE_TCP : 0) |
			    (tun_takes_udp(c->tun) ? COALESCE_UDP : 0),
		    &port_ops, &link_calls) < 0)
		return fail(c, EV_OUT_OF_MEMORY, "at the start");
	ev = open_link(c);
	watch_signals(c);
	watch_uplink(c);
	if (!ev && client_setup_new(c->opts, c->tun, &c->server.addr, &c->setup, &why) < 0)
		ev = fail(c, why.event, "%s", why.text);
	if (!ev && make_lane(c) < 0)
		ev = fail(c, EV_OUT_OF_MEMORY, "at the start");
	if (ev)
		c->reason = ev;
	if (c->link_open)
		ev ? link_abort(&c->link) : link_start(&c->link);
	else
		close_loop(c);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	client_lane_free(c->lane);
	client_setup_free(c->setup);
	port_done(&c->port);
	uv_loop_close(&c->loop);
	if (c->uplink_fd >= 0)
		close(c->uplink_fd);
	return c->reason;
}

enum event client_run(const struct client_opts *opts, char *detail, size_t detail_cap)
{
	struct client c = {.opts = opts, .detail = detail, .detail_cap = detail_cap};
	enum event ev;

	signal(SIGPIPE, SIG_IGN);
	ev = run(&c);
	tun_free(c.tun);
	tls_ctx_free(c.tls);
	return ev;
}
