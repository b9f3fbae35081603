// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 *     DIAL ──connected──▶ CALL ──addresses──▶ UP
 *       │                   │                  │
 *       └───────────────────┴──────────────────┴──closed──▶ WAIT: the end
 *
 * A client dials once: WAIT orders the end at once. The first reason is the one that is reported, for
 * what follows it is its consequence; after the user's wish to stop there is none.
 *
 * A change of this machine's links is looked at MACHINE_SETTLE_MS after the first of several; those
 * that follow do not move that moment, so in a storm of changes the route is still looked at. When
 * the connection's own address is gone, nothing more can come or go on it, which TCP would find out
 * in a minute; MACHINE_CUT_OFF_MS later, unless the address is back, the connection ends.
 */
#include "client/machine.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"

void machine_init(struct machine *m)
{
	*m = (struct machine){.goodbye_ms = NEVER,
		.leak_check_ms = NEVER,
		.settle_ms = NEVER,
		.cut_off_ms = NEVER};
}

static void order(struct machine *m, enum machine_order what)
{
	m->orders |= 1U << what;
}

static bool is_connected(const struct machine *m)
{
	return m->state == MACHINE_CALL || m->state == MACHINE_UP;
}

void machine_start(struct machine *m)
{
	m->state = MACHINE_DIAL;
	order(m, MACHINE_ORDER_DIAL);
}

void machine_dialled(struct machine *m)
{
	if (m->state != MACHINE_DIAL)
		return;
	m->state = MACHINE_CALL;
	order(m, m->stopping ? MACHINE_ORDER_ABORT : MACHINE_ORDER_CALL);
}

void machine_up(struct machine *m, uint64_t now_ms)
{
	if (!is_connected(m))
		return;
	m->state = MACHINE_UP;
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

void machine_closed(struct machine *m)
{
	if (m->state == MACHINE_WAIT)
		return;
	m->state = MACHINE_WAIT;
	m->goodbye_ms = m->leak_check_ms = m->settle_ms = m->cut_off_ms = NEVER;
	m->orders = 0;
	order(m, MACHINE_ORDER_END);
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
	}
}

void machine_links_changed(struct machine *m, uint64_t now_ms)
{
	if (is_connected(m) && m->settle_ms == NEVER)
		m->settle_ms = now_ms + MACHINE_SETTLE_MS;
}

void machine_uplink(struct machine *m, bool cut_off, const char *address, uint64_t now_ms)
{
	char text[100];

	if (!is_connected(m))
		return;
	if (!cut_off) {
		m->cut_off_ms = NEVER;
	} else if (m->cut_off_ms == NEVER) {
		m->cut_off_ms = now_ms + MACHINE_CUT_OFF_MS;
	} else if (now_ms >= m->cut_off_ms && !m->stopping) {
		m->cut_off_ms = NEVER;
		text_format(text, sizeof(text), "address=%s", address);
		machine_fail(m, EV_CLIENT_UPLINK_ADDRESS_GONE, text);
		order(m, MACHINE_ORDER_ABORT);
	}
}

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
	return deadline_min(deadline_min(m->goodbye_ms, m->leak_check_ms),
		deadline_min(m->settle_ms, m->cut_off_ms));
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
}
