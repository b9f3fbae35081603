// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the peer's servers and their change. A server that stays keeps what is in flight there;
 * requests of one that goes wait for another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/radius/peer_state.h"
#include "base/crypto.h"

static struct radius_server *server_new(const struct radius_server_opts *is)
{
	struct radius_server *s = calloc(1, sizeof(*s));

	if (s) {
		s->is = *is;
		memcpy(s->stats.name, is->name, sizeof(s->stats.name));
	}
	return s;
}

static void server_free(struct radius_server *s)
{
	for (unsigned i = 0; s && i < RADIUS_PORTS_MAX; i++)
		free(s->port[i]);
	if (s)
		explicit_bzero(s, sizeof(*s));
	free(s);
}

int radius_peer_new(const struct radius_peer_opts *opts, struct radius_peer **ret)
{
	struct radius_peer *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	for (unsigned i = 0; i < RADIUS_TURNS; i++)
		radius_turn_init(&p->turn[i]);
	radius_turn_init(&p->again);
	radius_turn_init(&p->done);
	p->wake_ms = NEVER;
	radius_peer_configure(p, opts, 0);
	*ret = p;
	return 0;
}

void radius_peer_free(struct radius_peer *p)
{
	for (size_t i = 0; p && i < p->opts.n_servers; i++)
		server_free(p->server[i]);
	if (p)
		explicit_bzero(&p->opts, sizeof(p->opts));
	free(p);
}

int radius_peer_server(const struct radius_peer *p, const char *name)
{
	for (size_t i = 0; i < p->opts.n_servers; i++)
		if (!strcmp(p->server[i]->is.name, name))
			return (int)i;
	return RADIUS_ANY_SERVER;
}

/* What is in flight there is over here: it waits for another server. */
static void clear_port(struct radius_peer *p, struct radius_port *port, bool ends)
{
	for (unsigned id = 0; port && id < RADIUS_IDENTIFIERS; id++) {
		struct radius_request *r = port->by_id[id];

		if (!r)
			continue;
		radius_give_identifier_back(p, r, 0);
		if (ends || r->probe || r->server != RADIUS_ANY_SERVER) {
			radius_finish(p, r, RADIUS_TIMED_OUT);
			continue;
		}
		r->asked = 0;
		radius_turn_add(&p->again, r);
		p->waiting++;
	}
}

static void clear_server(struct radius_peer *p, size_t at, bool ends)
{
	for (unsigned i = 0; i < RADIUS_PORTS_MAX; i++)
		clear_port(p, p->server[at]->port[i], ends);
}

static void each_in_flight(
	struct radius_server *s, void (*what)(struct radius_request *r, size_t at), size_t at)
{
	for (unsigned i = 0; i < RADIUS_PORTS_MAX; i++)
		for (unsigned id = 0; s->port[i] && id < RADIUS_IDENTIFIERS; id++)
			if (s->port[i]->by_id[id])
				what(s->port[i]->by_id[id], at);
}

static void moved(struct radius_request *r, size_t at)
{
	r->at = (uint8_t)at;
	r->asked = 0;
	if (r->server != RADIUS_ANY_SERVER)
		r->server = (int)at;
}

static void take_new_key(struct radius_request *r, size_t at)
{
	(void)at;
	r->rekeyed = true;
}

static bool same_secret(const struct radius_secret *a, const struct radius_secret *b)
{
	return a->len == b->len && crypto_equal(a->octets, b->octets, a->len);
}

/* A server of before with what is in flight there, or another one. NULL: no memory. */
static struct radius_server *kept(
	struct radius_server **before, size_t n, const struct radius_server_opts *is, size_t at)
{
	for (size_t i = 0; i < n; i++) {
		struct radius_server *s = before[i];

		if (!s || strcmp(s->is.name, is->name))
			continue;
		before[i] = NULL;
		each_in_flight(s, moved, at);
		if (!same_secret(&s->is.secret, &is->secret))
			each_in_flight(s, take_new_key, at);
		s->is = *is;
		s->reported = 0;
		return s;
	}
	return server_new(is);
}

static bool is_named(const struct radius_peer_opts *opts, const char *name)
{
	for (size_t i = 0; i < opts->n_servers; i++)
		if (!strcmp(opts->server[i].name, name))
			return true;
	return false;
}

void radius_peer_configure(
	struct radius_peer *p, const struct radius_peer_opts *opts, uint64_t now_ms)
{
	struct radius_server *before[RADIUS_SERVERS_MAX] = {0};
	size_t n_before = p->opts.n_servers, n = 0;

	for (size_t i = 0; i < n_before; i++) {
		if (!is_named(opts, p->server[i]->is.name))
			clear_server(p, i, false);
		before[i] = p->server[i];
	}
	p->opts = *opts;
	for (size_t i = 0; i < opts->n_servers; i++) {
		p->server[n] = kept(before, n_before, &opts->server[i], n);
		n += p->server[n] != NULL;
	}
	p->opts.n_servers = n;
	for (size_t i = 0; i < n_before; i++)
		server_free(before[i]);
	for (struct radius_request *r = p->again.head; r; r = r->next)
		r->asked = 0;
	p->n_news = 0; /* it named servers by their old places */
	radius_wake_at(p, now_ms);
}

void radius_peer_abandon(struct radius_peer *p)
{
	struct radius_request *r;

	for (size_t i = 0; i < p->opts.n_servers; i++)
		clear_server(p, i, true);
	for (unsigned i = 0; i <= RADIUS_TURNS; i++)
		while ((r = radius_turn_take(i < RADIUS_TURNS ? &p->turn[i] : &p->again)))
			radius_finish(p, r, RADIUS_TIMED_OUT);
	p->waiting = 0;
}

void radius_peer_status(
	const struct radius_peer *p, size_t server, struct radius_server_status *ret)
{
	*ret = p->server[server]->stats;
}

unsigned radius_peer_waiting(const struct radius_peer *p)
{
	return p->waiting;
}
