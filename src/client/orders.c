// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what happens is fed to machine.c, whose orders are carried out here, one after the other,
 * until there is none. Callbacks (the tunnel's, the attempt's, the timer's) feed the machine and
 * carry out what it orders then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "client/lane.h"
#include "client/private.h"
#include "front/proxy_connect.h"

#define HELLO_MS 10000 /* a path that is dead while nothing is sent shows after twice that */

static struct client *client_of(struct link *l)
{
	return container_of(l, struct client, link);
}

/* ---- what the tunnel says ---------------------------------------------------------- */

static const char *const step_names[] = {[TUNNEL_STEP_TLS] = "2 tls",
	[TUNNEL_STEP_HTTP] = "3 https",
	[TUNNEL_STEP_SSTP] = "4 sstp",
	[TUNNEL_STEP_AUTH] = "5 auth"};

static void on_event(struct link *l, const struct tunnel_event *ev)
{
	struct client *c = client_of(l);

	switch (ev->type) {
	case TUNNEL_STEP: client_say(c, step_names[ev->step], ev->text); break;
	case TUNNEL_BOUND:
		client_say(c, "binding",
			ev->binding == TUNNEL_BINDING_KEYED
				? "sent with the login's key; whether it holds is for the server to judge"
				: "sent without a key, which this login does not yield: it proves nothing");
		break;
	case TUNNEL_UP:
		network_up(c, ev);
		client_carry_out(c);
		break;
	case TUNNEL_DOWN: network_down(c, ev); break;
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

static void tell_traffic(const struct client *c)
{
	const struct port_stats *st = &c->port.stats;
	char line[240];

	snprintf(line, sizeof(line),
		"received %" PRIu64 " packets, sent %" PRIu64 "; dropped: %" PRIu64
		" by the queue, %" PRIu64 " too big, %" PRIu64 " that the interface refused",
		st->rx_packets, st->tx_packets, st->drop_queue, st->drop_too_big, st->drop_tun);
	client_say(c, "traffic", line);
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
	client_carry_out(c);
}

static void on_closed(struct link *l)
{
	struct client *c = client_of(l);

	tell_traffic(c);
	c->link_open = false;
	asker_down(&c->asker);
	port_set_tun_polling(&c->port, false);
	attempt_over(c);
}

static const struct link_ops link_ops = {.event = on_event,
	.intercept = network_intercept,
	.accept_source = network_accept_source,
	.want_lane = want_lane,
	.closed = on_closed};

/* ---- one attempt ---------------------------------------------------------- */

/* Before there is anything to order. */
enum event client_fail(struct client *c, enum event why, const char *text)
{
	machine_fail(&c->machine, why, text);
	return why;
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
		.tell = client_tell};

	return c->opts->lanes ? client_lane_new(&opts, &c->lane) : 0;
}

static void report_connection(const struct client *c)
{
	const struct attempt *a = &c->attempt;
	const struct proxy *proxy = c->opts->proxy;
	char text[ENDPOINT_TEXT_LEN], line[400];

	for (size_t i = 0; i < a->n_silent; i++)
		client_say(c, "tcp", "one address did not answer, trying the next");
	if (a->event)
		return;
	if (proxy)
		snprintf(line, sizeof(line), "by the proxy %s:%u%s%s", proxy->host, proxy->port,
			*a->scheme ? ", login by " : "", a->scheme);
	else
		snprintf(line, sizeof(line), "connected to %s in %.1f ms",
			endpoint_format(&a->peer, text), (double)a->us / 1000);
	client_say(c, "1 tcp", line);
}

void client_on_attempt(struct attempt *a)
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
	client_carry_out(c);
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
		return client_fail(c, EV_OUT_OF_MEMORY, strerror(-r));
	c->link_open = true;
	if (!c->lane && make_lane(c) < 0)
		return client_fail(c, EV_OUT_OF_MEMORY, "at the start");
	return EV_NONE;
}

/* ---- what the machine orders ---------------------------------------------------------- */

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

static void close_loop(struct client *c)
{
	if (c->opts->on_close)
		c->opts->on_close(c->opts->arg);
	port_close(&c->port);
	if (c->lane)
		client_lane_end(c->lane);
	client_watch_stop(&c->watch);
	uv_close((uv_handle_t *)&c->timer, NULL);
	uv_close((uv_handle_t *)&c->lifetimes, NULL);
	asker_close(&c->asker);
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
	client_carry_out(c);
}

void client_carry_out(struct client *c)
{
	uint64_t now_ms = clock_mono_ms(), deadline_ms;
	enum machine_order order;

	while (machine_next_order(&c->machine, &order))
		obey(c, order);
	client_look_at_phase(c);
	deadline_ms = machine_deadline(&c->machine);
	if (deadline_ms == NEVER)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(
			&c->timer, on_timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0, 0);
}
