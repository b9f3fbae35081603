// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a request waits in its source's turn, is given a server, a source port and an identifier,
 * and is in flight there until an answer is trusted or the server's time is up. What is in flight
 * is found by (server, port, identifier) alone, the way an answer names it, so there is no list of
 * it: ticks walk the tables of identifiers.
 */
#include "aaa/radius/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"

#define IDENTIFIERS 256
#define NEVER UINT64_MAX

struct port {
	struct radius_request *by_id[IDENTIFIERS];
	uint64_t rests_ms[IDENTIFIERS];
	unsigned next, used;
};

struct server {
	struct radius_server_opts is;
	struct radius_server_status stats; /* dead, sealed and the counters */
	struct port *port[RADIUS_PORTS_MAX];
	uint64_t dead_until_ms, heard_ms, probe_ms;
	unsigned reported; /* bits: distrust that news reported of */
	bool probing;
	struct radius_request probe;
};

struct turn {
	struct radius_request *head, **tail;
};

struct radius_peer {
	struct radius_peer_opts opts;
	struct server *server[RADIUS_SERVERS_MAX];
	struct turn turn[RADIUS_TURNS], again; /* again: for another server, before all others */
	unsigned next_turn, waiting;
	unsigned n_due, scan; /* to be sent again; where output() looks on */
	uint64_t wake_ms;
	struct turn done;
	struct radius_news news[4 * RADIUS_SERVERS_MAX];
	size_t n_news;
};

/* ---- lists ------------------------------------------------------------- */

static void turn_init(struct turn *t)
{
	*t = (struct turn){.tail = &t->head};
}

static void turn_add(struct turn *t, struct radius_request *r)
{
	r->next = NULL;
	*t->tail = r;
	t->tail = &r->next;
}

static struct radius_request *turn_take(struct turn *t)
{
	struct radius_request *r = t->head;

	if (!r)
		return NULL;
	t->head = r->next;
	if (!t->head)
		t->tail = &t->head;
	return r;
}

static void wake_at(struct radius_peer *p, uint64_t ms)
{
	if (ms < p->wake_ms)
		p->wake_ms = ms;
}

static void tell(
	struct radius_peer *p, size_t server, enum radius_change change, enum radius_trust why)
{
	if (p->n_news < ARRAY_SIZE(p->news))
		p->news[p->n_news++] = (struct radius_news){server, change, why};
}

static void finish(struct radius_peer *p, struct radius_request *r, enum radius_outcome outcome)
{
	if (r->probe) {
		p->server[r->at]->probing = false;
		return;
	}
	r->outcome = outcome;
	turn_add(&p->done, r);
}

/* ---- identifiers ------------------------------------------------------- */

static int free_identifier(struct port *port, uint64_t now_ms)
{
	for (unsigned i = 0; i < IDENTIFIERS; i++) {
		unsigned id = (port->next + i) % IDENTIFIERS;

		if (!port->by_id[id] && port->rests_ms[id] <= now_ms) {
			port->next = id + 1;
			return (int)id;
		}
	}
	return -EBUSY;
}

/* On the first port that has one; another port when none has. -EBUSY, -ENOMEM. */
static int take_identifier(struct server *s, struct radius_request *r, uint64_t now_ms)
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

static void give_identifier_back(struct radius_peer *p, struct radius_request *r, uint64_t rests_ms)
{
	struct server *s = p->server[r->at];
	struct port *port = s->port[r->port];

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

static bool is_up(const struct server *s, uint64_t now_ms)
{
	return !s->stats.dead || s->dead_until_ms <= now_ms;
}

/* Is a a better choice than b? */
static bool is_lighter(const struct server *a, const struct server *b)
{
	if (!a->is.weight != !b->is.weight)
		return a->is.weight;
	return (uint64_t)(a->stats.in_flight + 1) * (b->is.weight ? b->is.weight : 1) <
	       (uint64_t)(b->stats.in_flight + 1) * (a->is.weight ? a->is.weight : 1);
}

/*
 * NULL: none that was not asked. When all are dead, a request that asked no server yet goes to one
 * of them.
 */
static struct server *choose(
	struct radius_peer *p, const struct radius_request *r, uint64_t now_ms, size_t *ret_at)
{
	struct server *best = NULL, *last = NULL;
	size_t last_at = 0;

	for (size_t i = 0; i < p->opts.n_servers; i++) {
		struct server *s = p->server[i];

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

/* ---- sending ----------------------------------------------------------- */

static uint64_t about(uint64_t ms)
{
	uint16_t dice;

	crypto_random(&dice, sizeof(dice));
	return ms - ms / 10 + ms * dice / (5 * UINT16_MAX);
}

static bool encode(struct radius_request *r, const struct server *s, uint64_t now_ms)
{
	struct radius_builder b;
	int n;

	r->secret = s->is.secret;
	crypto_random(r->authenticator, sizeof(r->authenticator));
	radius_begin(&b, r->code, r->identifier,
		r->code == RADIUS_ACCOUNTING_REQUEST ? NULL : r->authenticator, r->sealed,
		r->packet, sizeof(r->packet));
	if (r->encode)
		r->encode(r, &b, &r->secret, r->authenticator, now_ms);
	n = radius_finish_request(&b, &r->secret);
	if (n < 0)
		return false;
	memcpy(r->authenticator, r->packet + 4, sizeof(r->authenticator));
	r->len = (size_t)n;
	return true;
}

static void schedule(struct radius_peer *p, struct radius_request *r, uint64_t now_ms)
{
	r->resend_ms = now_ms + about(r->interval_ms);
	r->interval_ms = r->interval_ms * 2 < RADIUS_LAST_RESEND_MS ? r->interval_ms * 2
								    : RADIUS_LAST_RESEND_MS;
	wake_at(p, r->resend_ms < r->give_up_ms ? r->resend_ms : r->give_up_ms);
}

/* Puts it in flight at server `at`. -EBUSY: no identifier is free there; -EMSGSIZE: too long. */
static int launch(struct radius_peer *p, struct radius_request *r, size_t at, uint64_t now_ms)
{
	struct server *s = p->server[at];
	int e = take_identifier(s, r, now_ms);

	if (e < 0)
		return e;
	r->at = (uint8_t)at;
	r->rekeyed = false;
	if (!encode(r, s, now_ms)) {
		give_identifier_back(p, r, 0);
		return -EMSGSIZE;
	}
	r->sent_ms = now_ms;
	r->give_up_ms = now_ms + (r->probe ? RADIUS_PROBE_MS - 1000 : p->opts.timeout_ms);
	r->interval_ms = RADIUS_FIRST_RESEND_MS;
	schedule(p, r, now_ms);
	s->stats.sent++;
	if (s->stats.dead &&
		!r->probe) /* one real request tries it, the others wait for what comes */
		s->dead_until_ms = now_ms + p->opts.dead_ms;
	return 0;
}

static bool output_of(const struct radius_request *r, struct radius_send *ret)
{
	*ret = (struct radius_send){r->at, r->port, r->packet, r->len};
	return true;
}

/* False: it could not be sent, and is over. */
static bool start(struct radius_peer *p, struct radius_request *r, size_t at, uint64_t now_ms)
{
	int e = launch(p, r, at, now_ms);

	if (e < 0)
		finish(p, r, e == -EMSGSIZE ? RADIUS_UNENCODABLE : RADIUS_TIMED_OUT);
	return e == 0;
}

/* The same octets; with a new secret another request, for which the old identifier rests. */
static bool resend(
	struct radius_peer *p, struct radius_request *r, uint64_t now_ms, struct radius_send *ret)
{
	r->due = false;
	p->n_due--;
	if (r->rekeyed) {
		give_identifier_back(p, r, now_ms + RADIUS_REST_MS);
		return start(p, r, r->at, now_ms) && output_of(r, ret);
	}
	p->server[r->at]->stats.resent += !r->probe;
	schedule(p, r, now_ms);
	return output_of(r, ret);
}

static struct radius_request *slot(struct radius_peer *p, unsigned n)
{
	size_t server = n / (RADIUS_PORTS_MAX * IDENTIFIERS);
	const struct port *port =
		server < p->opts.n_servers
			? p->server[server]->port[n / IDENTIFIERS % RADIUS_PORTS_MAX]
			: NULL;

	return port ? port->by_id[n % IDENTIFIERS] : NULL;
}

#define SLOTS (RADIUS_SERVERS_MAX * RADIUS_PORTS_MAX * IDENTIFIERS)

static struct radius_request *next_due(struct radius_peer *p)
{
	for (unsigned i = 0; p->n_due && i < SLOTS; i++) {
		struct radius_request *r = slot(p, p->scan);

		p->scan = (p->scan + 1) % SLOTS;
		if (r && r->due)
			return r;
	}
	return NULL;
}

/* The first of a turn goes out. False: nothing of this turn can. */
static bool start_first(
	struct radius_peer *p, struct turn *t, uint64_t now_ms, struct radius_send *ret)
{
	struct radius_request *r;

	while ((r = t->head)) {
		size_t at = 0;
		struct server *s = choose(p, r, now_ms, &at);

		if (s && s->stats.in_flight >= p->opts.in_flight)
			return false;
		turn_take(t);
		p->waiting--;
		if (!s)
			finish(p, r, r->asked ? RADIUS_TIMED_OUT : RADIUS_NO_SERVER);
		else if (start(p, r, at, now_ms))
			return output_of(r, ret);
	}
	return false;
}

bool radius_peer_output(struct radius_peer *p, uint64_t now_ms, struct radius_send *ret)
{
	struct radius_request *due;

	while ((due = next_due(p)))
		if (resend(p, due, now_ms, ret))
			return true;
	if (start_first(p, &p->again, now_ms, ret))
		return true;
	for (unsigned i = 0; i < RADIUS_TURNS && p->waiting; i++) {
		struct turn *t = &p->turn[p->next_turn];

		p->next_turn = (p->next_turn + 1) % RADIUS_TURNS;
		if (start_first(p, t, now_ms, ret))
			return true;
	}
	return false;
}

int radius_peer_submit(struct radius_peer *p, struct radius_request *r, uint64_t now_ms)
{
	if (p->waiting >= RADIUS_QUEUE_MAX)
		return -EAGAIN;
	r->asked = 0;
	r->outcome = RADIUS_ANSWERED;
	r->distrusted = r->due = r->probe = r->rekeyed = false;
	r->submitted_ms = now_ms;
	turn_add(&p->turn[r->turn % RADIUS_TURNS], r);
	p->waiting++;
	wake_at(p, now_ms + RADIUS_WAIT_MS);
	return 0;
}

/* ---- answers ----------------------------------------------------------- */

static bool answers(uint8_t request, uint8_t reply)
{
	switch (request) {
	case RADIUS_ACCESS_REQUEST:
		return reply == RADIUS_ACCESS_ACCEPT || reply == RADIUS_ACCESS_REJECT ||
		       reply == RADIUS_ACCESS_CHALLENGE;
	case RADIUS_ACCOUNTING_REQUEST: return reply == RADIUS_ACCOUNTING_RESPONSE;
	default: return reply == RADIUS_ACCESS_ACCEPT || reply == RADIUS_ACCOUNTING_RESPONSE;
	}
}

static void heard(struct radius_peer *p, size_t at, uint64_t now_ms)
{
	struct server *s = p->server[at];

	s->heard_ms = now_ms;
	if (s->stats.dead)
		tell(p, at, RADIUS_SERVER_ALIVE, RADIUS_TRUSTED);
	s->stats.dead = false;
}

static void measure(struct server *s, uint64_t sent_ms, uint64_t now_ms)
{
	uint64_t us = (now_ms - sent_ms) * 1000 + 500;

	s->stats.round_trip_us =
		s->stats.round_trip_us ? (s->stats.round_trip_us * 7 + us) / 8 : us;
}

static void distrust(struct radius_peer *p, struct radius_request *r, enum radius_trust why)
{
	struct server *s = p->server[r->at];

	s->stats.dropped[why]++;
	r->distrusted = true;
	r->why = why;
	if (!(s->reported & 1u << why))
		tell(p, r->at, RADIUS_SERVER_DISTRUSTED, why);
	s->reported |= 1u << why;
}

static void learn(struct radius_peer *p, size_t at, bool sealed)
{
	struct server *s = p->server[at];

	if (!sealed || s->stats.sealed)
		return;
	s->stats.sealed = true;
	if (s->is.learn_seal)
		tell(p, at, RADIUS_SERVER_SEALED, RADIUS_TRUSTED);
}

static bool requires_seal(const struct server *s, const struct radius_request *r)
{
	return r->code == RADIUS_ACCESS_REQUEST &&
	       (s->is.require_seal || (s->is.learn_seal && s->stats.sealed));
}

void radius_peer_recv(struct radius_peer *p, size_t server, unsigned port, const void *octets,
	size_t n, uint64_t now_ms)
{
	struct server *s = p->server[server];
	struct radius_packet reply;
	struct radius_request *r;
	enum radius_trust trust;
	bool sealed;

	if (radius_parse(octets, n, &reply) < 0) {
		s->stats.dropped[RADIUS_MALFORMED]++;
		return;
	}
	r = s->port[port] ? s->port[port]->by_id[reply.identifier] : NULL;
	if (!r) {
		s->stats.late++;
		return;
	}
	trust = radius_verify_reply(
		&reply, r->authenticator, &r->secret, requires_seal(s, r), &sealed);
	if (trust == RADIUS_TRUSTED && !answers(r->code, reply.code))
		trust = RADIUS_MALFORMED;
	if (trust != RADIUS_TRUSTED) {
		distrust(p, r, trust);
		return;
	}
	s->stats.answered++;
	measure(s, r->sent_ms, now_ms);
	heard(p, server, now_ms);
	if (!r->probe)
		learn(p, server, sealed);
	give_identifier_back(p, r, 0);
	r->reply = reply;
	finish(p, r, RADIUS_ANSWERED);
}

/* ---- time -------------------------------------------------------------- */

static void declare_dead(struct radius_peer *p, size_t at, uint64_t now_ms)
{
	struct server *s = p->server[at];

	if (!s->stats.dead)
		tell(p, at, RADIUS_SERVER_DEAD, RADIUS_TRUSTED);
	s->stats.dead = true;
	s->dead_until_ms = now_ms + p->opts.dead_ms;
	s->probe_ms = now_ms;
}

/* The server's time is up: another one, or none. */
static void give_up(struct radius_peer *p, struct radius_request *r, uint64_t now_ms)
{
	struct server *s = p->server[r->at];
	size_t at;

	give_identifier_back(p, r, now_ms + RADIUS_REST_MS);
	if (r->probe) {
		finish(p, r, RADIUS_TIMED_OUT);
		return;
	}
	s->stats.timed_out++;
	if (s->heard_ms < r->sent_ms)
		declare_dead(p, r->at, now_ms);
	r->asked |= 1u << r->at;
	if (!choose(p, r, now_ms, &at)) {
		finish(p, r, RADIUS_TIMED_OUT);
		return;
	}
	turn_add(&p->again, r);
	p->waiting++;
}

static void look_at(struct radius_peer *p, struct radius_request *r, uint64_t now_ms)
{
	if (r->give_up_ms <= now_ms) {
		give_up(p, r, now_ms);
		return;
	}
	if (r->resend_ms <= now_ms && !r->due) {
		r->due = true;
		p->n_due++;
	}
	if (!r->due)
		wake_at(p, r->resend_ms < r->give_up_ms ? r->resend_ms : r->give_up_ms);
}

static void look_at_port(struct radius_peer *p, struct port *port, uint64_t now_ms)
{
	for (unsigned id = 0; port && port->used && id < IDENTIFIERS; id++)
		if (port->by_id[id])
			look_at(p, port->by_id[id], now_ms);
}

static void probe(struct radius_peer *p, size_t at, uint64_t now_ms)
{
	struct server *s = p->server[at];

	if (!s->stats.dead)
		return;
	if (!s->probing && s->probe_ms <= now_ms) {
		s->probe = (struct radius_request){.code = RADIUS_STATUS_SERVER,
			.sealed = true,
			.server = (int)at,
			.probe = true};
		s->probe_ms = now_ms + RADIUS_PROBE_MS;
		s->probing = launch(p, &s->probe, at, now_ms) == 0;
		if (s->probing) {
			s->stats.probes++;
			s->stats.sent--;
			s->probe.due = true; /* its first octets go the way of a repetition */
			p->n_due++;
		}
	}
	wake_at(p, s->probe_ms);
}

static void give_up_waiting(struct radius_peer *p, struct turn *t, uint64_t now_ms)
{
	while (t->head && t->head->submitted_ms + RADIUS_WAIT_MS <= now_ms) {
		p->waiting--;
		finish(p, turn_take(t), RADIUS_TIMED_OUT);
	}
	if (t->head)
		wake_at(p, t->head->submitted_ms + RADIUS_WAIT_MS);
}

void radius_peer_tick(struct radius_peer *p, uint64_t now_ms)
{
	if (now_ms < p->wake_ms)
		return;
	p->wake_ms = NEVER;
	for (size_t i = 0; i < p->opts.n_servers; i++) {
		for (unsigned k = 0; k < RADIUS_PORTS_MAX; k++)
			look_at_port(p, p->server[i]->port[k], now_ms);
		probe(p, i, now_ms);
	}
	for (unsigned i = 0; i < RADIUS_TURNS && p->waiting; i++)
		give_up_waiting(p, &p->turn[i], now_ms);
}

uint64_t radius_peer_deadline(const struct radius_peer *p)
{
	return p->wake_ms;
}

struct radius_request *radius_peer_done(struct radius_peer *p)
{
	struct radius_request *r = turn_take(&p->done);

	if (r)
		explicit_bzero(&r->secret, sizeof(r->secret) * (r->outcome != RADIUS_ANSWERED));
	return r;
}

bool radius_peer_news(struct radius_peer *p, struct radius_news *ret)
{
	if (!p->n_news)
		return false;
	*ret = p->news[0];
	memmove(p->news, p->news + 1, --p->n_news * sizeof(*p->news));
	return true;
}

/* ---- life -------------------------------------------------------------- */

static struct server *server_new(const struct radius_server_opts *is)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s) {
		s->is = *is;
		memcpy(s->stats.name, is->name, sizeof(s->stats.name));
	}
	return s;
}

static void server_free(struct server *s)
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
		turn_init(&p->turn[i]);
	turn_init(&p->again);
	turn_init(&p->done);
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
static void clear_port(struct radius_peer *p, struct port *port, bool ends)
{
	for (unsigned id = 0; port && id < IDENTIFIERS; id++) {
		struct radius_request *r = port->by_id[id];

		if (!r)
			continue;
		give_identifier_back(p, r, 0);
		if (ends || r->probe || r->server != RADIUS_ANY_SERVER) {
			finish(p, r, RADIUS_TIMED_OUT);
			continue;
		}
		r->asked = 0;
		turn_add(&p->again, r);
		p->waiting++;
	}
}

static void clear_server(struct radius_peer *p, size_t at, bool ends)
{
	for (unsigned i = 0; i < RADIUS_PORTS_MAX; i++)
		clear_port(p, p->server[at]->port[i], ends);
}

static void each_in_flight(
	struct server *s, void (*what)(struct radius_request *r, size_t at), size_t at)
{
	for (unsigned i = 0; i < RADIUS_PORTS_MAX; i++)
		for (unsigned id = 0; s->port[i] && id < IDENTIFIERS; id++)
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
static struct server *kept(
	struct server **before, size_t n, const struct radius_server_opts *is, size_t at)
{
	for (size_t i = 0; i < n; i++) {
		struct server *s = before[i];

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
	struct server *before[RADIUS_SERVERS_MAX] = {0};
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
	wake_at(p, now_ms);
}

void radius_peer_abandon(struct radius_peer *p)
{
	struct radius_request *r;

	for (size_t i = 0; i < p->opts.n_servers; i++)
		clear_server(p, i, true);
	for (unsigned i = 0; i <= RADIUS_TURNS; i++)
		while ((r = turn_take(i < RADIUS_TURNS ? &p->turn[i] : &p->again)))
			finish(p, r, RADIUS_TIMED_OUT);
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
