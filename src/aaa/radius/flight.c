// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what is in flight is found by (server, port, identifier) alone, the way an answer names
 * it, so there is no list of it: ticks walk the tables of identifiers.
 */
#include "aaa/radius/peer_state.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"

void radius_turn_init(struct radius_turn *t)
{
	*t = (struct radius_turn){.tail = &t->head};
}

void radius_turn_add(struct radius_turn *t, struct radius_request *r)
{
	r->next = NULL;
	*t->tail = r;
	t->tail = &r->next;
}

struct radius_request *radius_turn_take(struct radius_turn *t)
{
	struct radius_request *r = t->head;

	if (!r)
		return NULL;
	t->head = r->next;
	if (!t->head)
		t->tail = &t->head;
	return r;
}

void radius_wake_at(struct radius_peer *p, uint64_t ms)
{
	if (ms < p->wake_ms)
		p->wake_ms = ms;
}

void radius_tell(
	struct radius_peer *p, size_t server, enum radius_change change, enum radius_trust why)
{
	if (p->n_news < ARRAY_SIZE(p->news))
		p->news[p->n_news++] = (struct radius_news){server, change, why};
}

void radius_finish(struct radius_peer *p, struct radius_request *r, enum radius_outcome outcome)
{
	if (r->probe) {
		p->server[r->at]->probing = false;
		return;
	}
	r->outcome = outcome;
	radius_turn_add(&p->done, r);
}

/* ---- identifiers ------------------------------------------------------- */

static int free_identifier(struct radius_port *port, uint64_t now_ms)
{
	for (unsigned i = 0; i < RADIUS_IDENTIFIERS; i++) {
		unsigned id = (port->next + i) % RADIUS_IDENTIFIERS;

		if (!port->by_id[id] && port->rests_ms[id] <= now_ms) {
			port->next = id + 1;
			return (int)id;
		}
	}
	return -EBUSY;
}

int radius_take_identifier(struct radius_server *s, struct radius_request *r, uint64_t now_ms)
{
	for (unsigned i = 0; i < RADIUS_PORTS_MAX; i++) {
		int id;

		if (!s->port[i]) {
			s->port[i] = calloc(1, sizeof(*s->port[i]));
			if (!s->port[i])
				return -ENOMEM;
			s->stats.ports++;
		}
		id = free_identifier(s->port[i], now_ms);
		if (id < 0)
			continue;
		r->port = (uint8_t)i;
		r->identifier = (uint8_t)id;
		s->port[i]->by_id[id] = r;
		s->port[i]->used++;
		s->stats.in_flight++;
		return 0;
	}
	return -EBUSY;
}

void radius_give_identifier_back(struct radius_peer *p, struct radius_request *r, uint64_t rests_ms)
{
	struct radius_server *s = p->server[r->at];
	struct radius_port *port = s->port[r->port];

	port->by_id[r->identifier] = NULL;
	port->rests_ms[r->identifier] = rests_ms;
	port->used--;
	s->stats.in_flight--;
	p->n_due -= r->due;
	r->due = false;
}

/* ---- which server ------------------------------------------------------ */

static bool is_candidate(const struct radius_request *r, size_t i)
{
	return r->server == RADIUS_ANY_SERVER ? !(r->asked & 1u << i)
					      : (size_t)r->server == i && !r->asked;
}

static bool is_up(const struct radius_server *s, uint64_t now_ms)
{
	return !s->stats.dead || s->dead_until_ms <= now_ms;
}

/* Is `a` the better choice? */
static bool is_lighter(const struct radius_server *a, const struct radius_server *b)
{
	if (!a->is.weight != !b->is.weight)
		return a->is.weight;
	return (uint64_t)(a->stats.in_flight + 1) * (b->is.weight ? b->is.weight : 1) <
	       (uint64_t)(b->stats.in_flight + 1) * (a->is.weight ? a->is.weight : 1);
}

struct radius_server *radius_choose(
	struct radius_peer *p, const struct radius_request *r, uint64_t now_ms, size_t *ret_at)
{
	struct radius_server *best = NULL, *last = NULL;
	size_t last_at = 0;

	for (size_t i = 0; i < p->opts.n_servers; i++) {
		struct radius_server *s = p->server[i];

		if (!is_candidate(r, i))
			continue;
		if (is_up(s, now_ms)) {
			if (!best || (!p->opts.in_order && is_lighter(s, best))) {
				best = s;
				*ret_at = i;
			}
		} else if (!last || s->dead_until_ms < last->dead_until_ms) {
			last = s;
			last_at = i;
		}
	}
	if (best || r->asked || !last)
		return best;
	*ret_at = last_at;
	return last;
}
