// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 *     DIAL ──connected──▶ CALL ──addresses──▶ UP
 *      ▲ │                  │                  │
 *      │ └──────────────────┴──────────────────┴──closed──▶ WAIT ──▶ the end
 *      └─────────────────── again ──────────────────────────┘
 *
 * Until the first success a failure is the end: the user is at hand and reads why. After it the client
 * comes back by itself: at once when a connection is lost, then after 1, 2, 4 … 60 s with jitter, for a
 * server that restarts loses all its clients at one moment. The wait ends early when the way to the
 * server changes or the machine wakes up, and starts from the beginning after a connection that lasted.
 * The end is what a repeat does not cure (a wrong password, a certificate, the crypto binding).
 *
 * Several servers: a round begins at the one that was up last and goes through all in their order; the
 * wait is between rounds.
 *
 * The first reason of an attempt is the one that is reported, for what follows it is its consequence;
 * after the user's wish to stop there is none.
 *
 * A change of this machine's links is looked at MACHINE_SETTLE_MS after the first of several; those
 * that follow do not move that moment, so in a storm of changes the route is still looked at. When
 * the connection's own address is gone, nothing more can come or go on it, which TCP would find out
 * in a minute; MACHINE_CUT_OFF_MS later, unless the address is back, the connection ends. A way that is
 * new makes the client dial at once; an attempt on its way is given up for it, unless it is so young
 * that it was made for the new way.
 */
#include "client/machine.h"

#include <stdio.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/text.h"

void machine_init(struct machine *m, const struct machine_opts *opts)
{
	*m = (struct machine){.opts = *opts,
		.up_ms = NEVER,
		.goodbye_ms = NEVER,
		.leak_check_ms = NEVER,
		.settle_ms = NEVER,
		.cut_off_ms = NEVER,
		.again_ms = NEVER,
		.hurry_ms = NEVER};
	if (!m->opts.servers)
		m->opts.servers = 1;
}

static void order(struct machine *m, enum machine_order what)
{
	m->orders |= 1U << what;
}

static bool is_connected(const struct machine *m)
{
	return m->state == MACHINE_CALL || m->state == MACHINE_UP;
}

/* The wait before another attempt, not the end. */
static bool is_waiting(const struct machine *m)
{
	return m->state == MACHINE_WAIT && m->again_ms != NEVER;
}

static bool is_over(const struct machine *m)
{
	return m->state == MACHINE_WAIT && m->again_ms == NEVER;
}

void machine_start(struct machine *m, uint64_t now_ms)
{
	m->state = MACHINE_DIAL;
	m->began_ms = now_ms;
	m->up_ms = m->again_ms = m->hurry_ms = NEVER;
	m->reason = m->hang_up = EV_NONE;
	m->at_once = false;
	*m->text = '\0';
	order(m, MACHINE_ORDER_DIAL);
}

void machine_dialled(struct machine *m)
{
	if (m->state != MACHINE_DIAL)
		return;
	m->state = MACHINE_CALL;
	m->hurry_ms = NEVER;
	order(m, m->stopping ? MACHINE_ORDER_ABORT : MACHINE_ORDER_CALL);
}

void machine_up(struct machine *m, uint64_t now_ms)
{
	if (!is_connected(m))
		return;
	if (m->state != MACHINE_UP)
		m->up_ms = now_ms;
	m->state = MACHINE_UP;
	m->was_up = true;
	m->tried = 0;
	m->leak_check_ms = now_ms + MACHINE_LEAK_CHECK_MS;
}

void machine_fail(struct machine *m, enum event why, const char *text)
{
	if (m->reason || m->stopping)
		return;
	m->reason = why;
	snprintf(m->text, sizeof(m->text), "%s", text);
}

void machine_refuse(struct machine *m, enum event why, const char *text)
{
	machine_fail(m, why, text);
	if (!is_connected(m))
		return;
	m->hang_up = why;
	order(m, MACHINE_ORDER_HANG_UP);
}

/* ---- what follows an end ---------------------------------------------------------- */

bool machine_is_incurable(enum event why, bool portal)
{
	static const enum event yes[] = {EV_LCP_AUTH_REFUSED, EV_LCP_AUTH_NOT_COMMON,
		EV_LCP_NO_AUTHENTICATION, EV_AUTH_FAILED, EV_AUTH_DISABLED,
		EV_AUTH_PASSWORD_EXPIRED, EV_AUTH_SERVER_NOT_PROVEN, EV_AUTH_PROTOCOL_REJECTED,
		EV_AUTH_CANNOT_COMPUTE, EV_AUTH_PASSWORD_NOT_CHANGED, EV_AUTH_RESTRICTED_HOURS};
	static const enum event not_by_portal[] = {EV_PROXY_AUTH_NEEDED, EV_PROXY_AUTH_REFUSED,
		EV_PROXY_AUTH_SCHEME, EV_PROXY_TLS, EV_HTTP_PROXY_AUTH};
	enum layer layer = event_info(why)->layer;

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (yes[i] == why)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(not_by_portal); i++)
		if (not_by_portal[i] == why)
			return !portal;
	if (layer == LAYER_CERT)
		return !portal;
	return layer == LAYER_BINDING || layer == LAYER_CONFIG;
}

/* xorshift32: a seed that is random is all it takes for clients not to come at one moment. */
static uint32_t draw(struct machine *m)
{
	uint32_t x = m->opts.seed ? m->opts.seed : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return m->opts.seed = x;
}

static uint64_t next_wait_ms(struct machine *m)
{
	unsigned n = m->failures++;
	uint64_t ms = n ? (uint64_t)MACHINE_AGAIN_MIN_MS << (n < 8 ? n - 1 : 7) : 0;

	if (ms > MACHINE_AGAIN_MAX_MS)
		ms = MACHINE_AGAIN_MAX_MS;
	return ms ? ms - ms / 4 + draw(m) % (ms / 2) : 0;
}

/* The next server of the round, or the first one of another round after a wait. */
static uint64_t go_on(struct machine *m, bool was_up, uint64_t now_ms)
{
	if (was_up && now_ms - m->up_ms >= MACHINE_LASTED_MS)
		m->failures = 0;
	if (m->at_once)
		return 0;
	if (!was_up) {
		m->server = (m->server + 1) % m->opts.servers;
		if (++m->tried < m->opts.servers)
			return 0;
		m->tried = 0;
	}
	return m->was_up ? next_wait_ms(m) : NEVER;
}

static void say_lost(struct machine *m)
{
	m->lost = m->reason;
	snprintf(m->lost_text, sizeof(m->lost_text), "%s", m->text);
	order(m, MACHINE_ORDER_LOST);
}

void machine_closed(struct machine *m, bool portal, uint64_t now_ms)
{
	bool was_up = m->state == MACHINE_UP, incurable = machine_is_incurable(m->reason, portal);
	uint64_t wait_ms = NEVER;

	if (m->state == MACHINE_WAIT)
		return;
	m->state = MACHINE_WAIT;
	m->goodbye_ms = m->leak_check_ms = m->settle_ms = m->cut_off_ms = m->hurry_ms = NEVER;
	m->orders = 0;
	if (!m->stopping && !incurable && !(m->opts.once && m->was_up))
		wait_ms = go_on(m, was_up, now_ms);
	if (wait_ms == NEVER) {
		m->incurable = incurable && m->was_up && !m->stopping;
		order(m, MACHINE_ORDER_END);
		return;
	}
	m->wait_ms = wait_ms;
	m->again_ms = now_ms + wait_ms;
	if (!m->at_once)
		say_lost(m);
	if (!wait_ms)
		machine_start(m, now_ms);
}

void machine_stop(struct machine *m, uint64_t now_ms)
{
	bool again = m->stopping;

	m->stopping = true;
	if (m->state == MACHINE_DIAL) {
		order(m, MACHINE_ORDER_CANCEL);
	} else if (is_connected(m) && again) {
		order(m, MACHINE_ORDER_ABORT);
	} else if (is_connected(m)) {
		m->goodbye_ms = now_ms + MACHINE_GOODBYE_MS;
		m->hang_up = EV_CLIENT_STOPPED;
		order(m, MACHINE_ORDER_HANG_UP);
	} else if (is_waiting(m)) {
		m->again_ms = m->settle_ms = NEVER;
		m->reason = EV_NONE;
		*m->text = '\0';
		m->orders = 0;
		order(m, MACHINE_ORDER_END);
	}
}

/* ---- this machine's links ---------------------------------------------------------- */

void machine_links_changed(struct machine *m, uint64_t now_ms)
{
	if (!is_over(m) && m->settle_ms == NEVER)
		m->settle_ms = now_ms + MACHINE_SETTLE_MS;
}

/* Another attempt now, in the place of a wait or of an attempt that knows nothing of the change. */
static void hurry(struct machine *m, uint64_t now_ms)
{
	if (m->stopping || !m->was_up)
		return;
	m->failures = 0;
	if (is_waiting(m)) {
		machine_start(m, now_ms);
	} else if (m->state == MACHINE_DIAL && now_ms < m->began_ms + MACHINE_HURRY_MS) {
		m->hurry_ms = m->began_ms + MACHINE_HURRY_MS;
	} else {
		m->at_once = true;
		order(m, m->state == MACHINE_DIAL ? MACHINE_ORDER_CANCEL : MACHINE_ORDER_ABORT);
	}
}

static void judge(struct machine *m, const struct machine_uplink *uplink, uint64_t now_ms)
{
	char text[100];

	if (!uplink->cut_off) {
		m->cut_off_ms = NEVER;
	} else if (m->cut_off_ms == NEVER) {
		m->cut_off_ms = now_ms + MACHINE_CUT_OFF_MS;
	} else if (now_ms >= m->cut_off_ms && !m->stopping) {
		m->cut_off_ms = NEVER;
		text_format(text, sizeof(text), "address=%s", uplink->address);
		machine_fail(m, EV_CLIENT_UPLINK_ADDRESS_GONE, text);
		order(m, MACHINE_ORDER_ABORT);
	}
}

void machine_uplink(struct machine *m, const struct machine_uplink *uplink, uint64_t now_ms)
{
	if (is_connected(m))
		judge(m, uplink, now_ms);
	else if (uplink->is_new)
		hurry(m, now_ms);
}

void machine_woke(struct machine *m, uint64_t now_ms)
{
	if (m->stopping || is_over(m))
		return;
	if (m->state == MACHINE_UP)
		order(m, MACHINE_ORDER_PROBE);
	else
		hurry(m, now_ms);
}

/* ---- orders and time ---------------------------------------------------------- */

bool machine_next_order(struct machine *m, enum machine_order *ret)
{
	for (unsigned i = 0; i < MACHINE_ORDERS; i++)
		if (m->orders & 1U << i) {
			m->orders &= ~(1U << i);
			*ret = (enum machine_order)i;
			return true;
		}
	return false;
}

uint64_t machine_deadline(const struct machine *m)
{
	uint64_t links = deadline_min(m->settle_ms, deadline_min(m->cut_off_ms, m->hurry_ms));

	return deadline_min(
		links, deadline_min(m->again_ms, deadline_min(m->goodbye_ms, m->leak_check_ms)));
}

/* Orders `what` once *at_ms has come. */
static void when_due(struct machine *m, uint64_t *at_ms, enum machine_order what, uint64_t now_ms)
{
	if (now_ms < *at_ms)
		return;
	*at_ms = NEVER;
	order(m, what);
}

void machine_tick(struct machine *m, uint64_t now_ms)
{
	when_due(m, &m->goodbye_ms, MACHINE_ORDER_ABORT, now_ms);
	when_due(m, &m->leak_check_ms, MACHINE_ORDER_CHECK_LEAK, now_ms);
	when_due(m, &m->settle_ms, MACHINE_ORDER_FOLLOW_UPLINK, now_ms);
	if (now_ms >= m->cut_off_ms && m->stopping)
		m->cut_off_ms = NEVER; /* its end has its own time */
	else if (now_ms >= m->cut_off_ms)
		order(m, MACHINE_ORDER_JUDGE_UPLINK); /* whose answer stops it */
	if (now_ms >= m->hurry_ms) {
		m->hurry_ms = NEVER;
		hurry(m, now_ms);
	}
	if (now_ms >= m->again_ms)
		machine_start(m, now_ms);
}
