// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a request waits in its source's turn, is given a server, a source port and an identifier,
 * and is in flight there until an answer is trusted or the server's time is up.
 */
#include <errno.h>
#include <string.h>

#include "aaa/radius/peer_state.h"
#include "base/auto.h"
#include "base/crypto.h"

/* ---- sending ----------------------------------------------------------- */

static uint64_t about(uint64_t ms)
{
	uint16_t dice;

	crypto_random(&dice, sizeof(dice));
	return ms - ms / 10 + ms * dice / (5 * UINT16_MAX);
}

static bool encode(struct radius_request *r, const struct radius_server *s, uint64_t now_ms)
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
	radius_wake_at(p, r->resend_ms < r->give_up_ms ? r->resend_ms : r->give_up_ms);
}

/* Puts it in flight at server `at`. -EBUSY: no identifier is free there; -EMSGSIZE: too long. */
static int launch(struct radius_peer *p, struct radius_request *r, size_t at, uint64_t now_ms)
{
	struct radius_server *s = p->server[at];
	int e = radius_take_identifier(s, r, now_ms);

	if (e < 0)
		return e;
	r->at = (uint8_t)at;
	r->rekeyed = false;
	if (!encode(r, s, now_ms)) {
		radius_give_identifier_back(p, r, 0);
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
		radius_finish(p, r, e == -EMSGSIZE ? RADIUS_UNENCODABLE : RADIUS_TIMED_OUT);
	return e == 0;
}

/* The same octets; with a new secret another request, for which the old identifier rests. */
static bool resend(
	struct radius_peer *p, struct radius_request *r, uint64_t now_ms, struct radius_send *ret)
{
	r->due = false;
	p->n_due--;
	if (r->rekeyed) {
		radius_give_identifier_back(p, r, now_ms + RADIUS_REST_MS);
		return start(p, r, r->at, now_ms) && output_of(r, ret);
	}
	p->server[r->at]->stats.resent += !r->probe;
	schedule(p, r, now_ms);
	return output_of(r, ret);
}

static struct radius_request *slot(struct radius_peer *p, unsigned n)
{
	size_t server = n / (RADIUS_PORTS_MAX * RADIUS_IDENTIFIERS);
	const struct radius_port *port =
		server < p->opts.n_servers
			? p->server[server]->port[n / RADIUS_IDENTIFIERS % RADIUS_PORTS_MAX]
			: NULL;

	return port ? port->by_id[n % RADIUS_IDENTIFIERS] : NULL;
}

#define SLOTS (RADIUS_SERVERS_MAX * RADIUS_PORTS_MAX * RADIUS_IDENTIFIERS)

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
	struct radius_peer *p, struct radius_turn *t, uint64_t now_ms, struct radius_send *ret)
{
	struct radius_request *r;

	while ((r = t->head)) {
		size_t at = 0;
		struct radius_server *s = radius_choose(p, r, now_ms, &at);

		if (s && s->stats.in_flight >= p->opts.in_flight)
			return false;
		radius_turn_take(t);
		p->waiting--;
		if (!s)
			radius_finish(p, r, r->asked ? RADIUS_TIMED_OUT : RADIUS_NO_SERVER);
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
		struct radius_turn *t = &p->turn[p->next_turn];

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
	radius_turn_add(&p->turn[r->turn % RADIUS_TURNS], r);
	p->waiting++;
	radius_wake_at(p, now_ms + RADIUS_WAIT_MS);
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
	struct radius_server *s = p->server[at];

	s->heard_ms = now_ms;
	if (s->stats.dead)
		radius_tell(p, at, RADIUS_SERVER_ALIVE, RADIUS_TRUSTED);
	s->stats.dead = false;
}

static void measure(struct radius_server *s, uint64_t sent_ms, uint64_t now_ms)
{
	uint64_t us = (now_ms - sent_ms) * 1000 + 500;

	s->stats.round_trip_us =
		s->stats.round_trip_us ? (s->stats.round_trip_us * 7 + us) / 8 : us;
}

static void distrust(struct radius_peer *p, struct radius_request *r, enum radius_trust why)
{
	struct radius_server *s = p->server[r->at];

	s->stats.dropped[why]++;
	r->distrusted = true;
	r->why = why;
	if (!(s->reported & 1u << why))
		radius_tell(p, r->at, RADIUS_SERVER_DISTRUSTED, why);
	s->reported |= 1u << why;
}

static void learn(struct radius_peer *p, size_t at, bool sealed)
{
	struct radius_server *s = p->server[at];

	if (!sealed || s->stats.sealed)
		return;
	s->stats.sealed = true;
	if (s->is.learn_seal)
		radius_tell(p, at, RADIUS_SERVER_SEALED, RADIUS_TRUSTED);
}

static bool requires_seal(const struct radius_server *s, const struct radius_request *r)
{
	return r->code == RADIUS_ACCESS_REQUEST &&
	       (s->is.require_seal || (s->is.learn_seal && s->stats.sealed));
}

void radius_peer_recv(struct radius_peer *p, size_t server, unsigned port, const void *octets,
	size_t n, uint64_t now_ms)
{
	struct radius_server *s = p->server[server];
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
	radius_give_identifier_back(p, r, 0);
	r->reply = reply;
	radius_finish(p, r, RADIUS_ANSWERED);
}

/* ---- time -------------------------------------------------------------- */

static void declare_dead(struct radius_peer *p, size_t at, uint64_t now_ms)
{
	struct radius_server *s = p->server[at];

	if (!s->stats.dead)
		radius_tell(p, at, RADIUS_SERVER_DEAD, RADIUS_TRUSTED);
	s->stats.dead = true;
	s->dead_until_ms = now_ms + p->opts.dead_ms;
	s->probe_ms = now_ms;
}

/* The server's time is up: another one, or none. */
static void give_up(struct radius_peer *p, struct radius_request *r, uint64_t now_ms)
{
	struct radius_server *s = p->server[r->at];
	size_t at;

	radius_give_identifier_back(p, r, now_ms + RADIUS_REST_MS);
	if (r->probe) {
		radius_finish(p, r, RADIUS_TIMED_OUT);
		return;
	}
	s->stats.timed_out++;
	if (s->heard_ms < r->sent_ms)
		declare_dead(p, r->at, now_ms);
	r->asked |= 1u << r->at;
	if (!radius_choose(p, r, now_ms, &at)) {
		radius_finish(p, r, RADIUS_TIMED_OUT);
		return;
	}
	radius_turn_add(&p->again, r);
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
		radius_wake_at(p, r->resend_ms < r->give_up_ms ? r->resend_ms : r->give_up_ms);
}

static void look_at_port(struct radius_peer *p, struct radius_port *port, uint64_t now_ms)
{
	for (unsigned id = 0; port && port->used && id < RADIUS_IDENTIFIERS; id++)
		if (port->by_id[id])
			look_at(p, port->by_id[id], now_ms);
}

static void probe(struct radius_peer *p, size_t at, uint64_t now_ms)
{
	struct radius_server *s = p->server[at];

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
	radius_wake_at(p, s->probe_ms);
}

static void give_up_waiting(struct radius_peer *p, struct radius_turn *t, uint64_t now_ms)
{
	while (t->head && t->head->submitted_ms + RADIUS_WAIT_MS <= now_ms) {
		p->waiting--;
		radius_finish(p, radius_turn_take(t), RADIUS_TIMED_OUT);
	}
	if (t->head)
		radius_wake_at(p, t->head->submitted_ms + RADIUS_WAIT_MS);
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

/* ---- out --------------------------------------------------------------- */

struct radius_request *radius_peer_done(struct radius_peer *p)
{
	struct radius_request *r = radius_turn_take(&p->done);

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
