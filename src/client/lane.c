// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 *     IDLE ──want, not too soon──▶ CONNECTING ──TCP──▶ OPENING ──TLS, HTTP, proofs──▶ UP ──▶ LEAVING
 *       ▲                              │                  │                            │        │
 *       └──────────────────────────────┴──────────────────┴────────────────────────────┴────────┘
 *
 * The way to the server is that of the first connection: the same address (not the name looked up
 * again, which may lead to another server or through the tunnel), the same proxy. After each end
 * the next try waits, twice as long each time; after a lane that lasted the waits start from the
 * beginning. One that no transfer has wanted for IDLE_MS leaves, and comes back as soon as one
 * does.
 */
#include "client/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/clock.h"
#include "client/attempt.h"
#include "client/options.h"
#include "datapath/link.h"

#define AGAIN_MIN_MS 5000
#define AGAIN_MAX_MS 300000
#define LASTED_MS 60000
#define IDLE_MS 60000

enum state { LANE_IDLE, LANE_CONNECTING, LANE_OPENING, LANE_UP, LANE_LEAVING };

struct client_lane {
	struct client_lane_opts o;
	struct link link; /* from OPENING on, and until it is closed */
	enum state state;
	bool link_open, ended, told;
	bool dropped; /* the attempt under way is for a main connection that is over */
	uint64_t not_before_ms, again_ms, up_ms;
	uint64_t wanted_ms; /* the last time */
	uv_timer_t idle;    /* while UP; never moved, it asks wanted_ms */
	struct attempt attempt;
};

static struct client_lane *lane_of(struct link *l)
{
	return container_of(l, struct client_lane, link);
}

/* ---- how it goes ---------------------------------------------------------- */

static void over(struct client_lane *l, const char *why)
{
	uint64_t now_ms = clock_mono_ms();
	char line[400];

	if (l->state == LANE_UP && now_ms - l->up_ms >= LASTED_MS)
		l->again_ms = 0;
	l->again_ms = l->again_ms ? 2 * l->again_ms : AGAIN_MIN_MS;
	if (l->again_ms > AGAIN_MAX_MS)
		l->again_ms = AGAIN_MAX_MS;
	l->not_before_ms = now_ms + l->again_ms;
	l->state = LANE_IDLE;
	if (l->told || l->ended || l->dropped)
		return;
	l->told = true;
	snprintf(line, sizeof(line), "none for now, everything goes by one connection: %s", why);
	l->o.tell(l->o.client, "  lane", line);
}

static void on_idle(uv_timer_t *timer)
{
	struct client_lane *l = timer->data;
	uint64_t since_ms = clock_mono_ms() - l->wanted_ms;

	if (since_ms < IDLE_MS) {
		uv_timer_start(timer, on_idle, IDLE_MS - since_ms, 0);
		return;
	}
	l->state = LANE_LEAVING;
	l->again_ms = 0;
	l->o.tell(l->o.client, "  lane", "closed until a transfer wants it again");
	link_retire(&l->link, EV_LANE_ENDED);
}

static void on_event(struct link *link, const struct tunnel_event *ev)
{
	struct client_lane *l = lane_of(link);

	if (ev->type == TUNNEL_LANE_UP) {
		l->state = LANE_UP;
		l->up_ms = l->wanted_ms = clock_mono_ms();
		l->told = false;
		uv_timer_start(&l->idle, on_idle, IDLE_MS, 0);
		pair_join(l->o.main, link);
		l->o.tell(l->o.client, "  lane", "sparse flows have a connection of their own");
	} else if (ev->type == TUNNEL_ENDED && l->state == LANE_LEAVING) {
		l->state = LANE_IDLE;
	} else if (ev->type == TUNNEL_ENDED) {
		uv_timer_stop(&l->idle);
		over(l, *ev->text ? ev->text : event_info(ev->reason)->what);
	}
}

static bool accept_no_source(
	struct link *l UNUSED, const uint8_t *octets UNUSED, const struct ip_packet *ip UNUSED)
{
	return false; /* a lane that is joined asks its main link; another carries nothing */
}

static void on_closed(struct link *link)
{
	lane_of(link)->link_open = false;
}

static const struct link_ops link_ops = {
	.event = on_event, .accept_source = accept_no_source, .closed = on_closed};

/* ---- TLS and what follows, in the loop ---------------------------------------------------------- */

static int open_link(struct client_lane *l)
{
	struct tunnel_ticket ticket;
	struct tunnel_opts opts = {.tls = l->o.tls, .lane = &ticket};
	int r = -1;

	if (tunnel_lane_ticket(l->o.main->tunnel, &ticket))
		r = attempt_link(&l->attempt, &opts, l->o.main->port, &l->link, &link_ops);
	tunnel_ticket_wipe(&ticket);
	return r;
}

static void on_attempt(struct attempt *a)
{
	struct client_lane *l = container_of(a, struct client_lane, attempt);

	if (a->event) {
		over(l, "no connection");
		return;
	}
	if (l->ended || l->dropped || open_link(l) < 0) {
		over(l, "it could not be started");
		return;
	}
	l->link_open = true;
	l->state = LANE_OPENING;
	link_start(&l->link);
}

void client_lane_want(struct client_lane *l)
{
	struct tunnel_ticket ticket;

	l->wanted_ms = clock_mono_ms();
	if (l->state != LANE_IDLE || l->link_open || l->ended || l->wanted_ms < l->not_before_ms ||
		!tunnel_lane_ticket(l->o.main->tunnel, &ticket))
		return;
	tunnel_ticket_wipe(&ticket);
	l->dropped = false;
	l->attempt.server = l->o.way->server;
	l->attempt.to = l->o.way->peer;
	l->attempt.mark = l->o.way->mark;
	if (!attempt_begin(&l->attempt, l->o.main->port->loop))
		l->state = LANE_CONNECTING;
}

/* ---- birth and death ---------------------------------------------------------- */

int client_lane_new(const struct client_lane_opts *opts, struct client_lane **ret)
{
	AUTO(client_lane) struct client_lane *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->attempt.fd = l->attempt.stop = -1;
	l->o = *opts;
	r = attempt_init(&l->attempt, opts->client, on_attempt);
	if (r < 0)
		return r;
	uv_timer_init(opts->main->port->loop, &l->idle);
	l->idle.data = l;
	*ret = TAKE(l);
	return 0;
}

void client_lane_free(struct client_lane *l)
{
	if (l)
		attempt_done(&l->attempt);
	free(l);
}

void client_lane_drop(struct client_lane *l)
{
	uv_timer_stop(&l->idle);
	l->dropped = true;
	if (l->state == LANE_CONNECTING)
		attempt_stop(&l->attempt);
	if (!l->link_open)
		return;
	link_close(&l->link, EV_CLIENT_STOPPED); /* says goodbye ... */
	link_abort(&l->link);                    /* ... and does not wait for the answer */
	l->not_before_ms = l->again_ms = 0;      /* that end says nothing of the next lane */
}

void client_lane_end(struct client_lane *l)
{
	l->ended = true;
	client_lane_drop(l);
	uv_close((uv_handle_t *)&l->idle, NULL);
}
