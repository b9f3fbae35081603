// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what ends a session from outside its tunnel: a command, silence when another login needs what it
 * holds, its client that has come back, and the limits of its grant: the date, the hours, the longest time,
 * the idle time. Each ends politely, and is gone later.
 *
 * The limits are looked at once a second, and only in sessions that have some. A packet of the server's
 * own (an advertisement, an answer on the link) is no traffic: it does not keep an idle session up.
 */
#include "aaa/eap/anchors.h"
#include "aaa/policy.h"
#include "base/peer_cert.h"
#include "base/clock.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"
#include "server/session/private.h"

void session_end(struct session *s, enum event why)
{
	s->leaving = true;
	link_close(&s->link, why);
}

static struct session *find(const struct site *site, uint64_t number)
{
	struct session *s = site->sessions;

	while (s && s->scope.session != number)
		s = s->next;
	return s;
}

void session_replace(struct site *site, uint64_t session)
{
	struct session *s = find(site, session);

	if (!s || s->leaving)
		return;
	/* Its client may be gone, and then the polite end takes a while. */
	directory_leave(site->context->directory, &s->place);
	session_end(s, EV_SESSION_REPLACED);
}

/* No wait for the answer to the good-bye: the connection is dead, which is why the client came again. */
void session_supersede(struct site *site, uint64_t session)
{
	struct session *s = find(site, session);

	if (!s)
		return;
	session_end(s, EV_SESSION_SUPERSEDED);
	link_abort(&s->link);
}

void session_probe(struct site *site, uint64_t session)
{
	struct session *s = find(site, session);

	if (!s)
		return;
	tunnel_probe(s->link.tunnel, HOLDER_ANSWERS_MS, clock_mono_ms());
	link_kick(&s->link);
}

/* ---- the limits of a grant --------------------------------------------- */

void limits_take(struct session *s)
{
	const struct grant_values *v = s->grant ? &s->grant->is : NULL;

	s->limits.some = v && (v->expires.value || v->hours.n || v->idle.value ||
				      v->session_time.value || v->disabled.value || s->cert);
	if (!s->limits.since_ms)
		s->limits.since_ms = s->limits.moved_ms = clock_mono_ms();
}

static bool is_idle(struct session *s, uint64_t now_ms)
{
	uint64_t moved = s->link.rx_packets + s->link.tx_packets - s->own_packets;
	uint32_t idle_s = s->grant->is.idle.value;

	if (moved != s->limits.moved) {
		s->limits.moved = moved;
		s->limits.moved_ms = now_ms;
	}
	return idle_s && now_ms - s->limits.moved_ms >= (uint64_t)idle_s * 1000;
}

enum event limits_judge(struct session *s, int64_t now_s, uint64_t now_ms)
{
	const struct grant_values *v = &s->grant->is;
	bool idle = is_idle(s, now_ms);

	if (s->cert && s->cert->not_after_s <= now_s)
		return EV_SESSION_CERT_EXPIRED;
	if (v->disabled.value)
		return EV_USER_CHANGED;
	if (v->expires.value && v->expires.value <= now_s)
		return EV_USER_DATE_PASSED;
	if (!policy_within_hours(&v->hours, now_s))
		return EV_SESSION_HOURS_OVER;
	if (v->session_time.value &&
		now_ms - s->limits.since_ms >= (uint64_t)v->session_time.value * 1000)
		return EV_SESSION_TIME_UP;
	return idle ? EV_SESSION_IDLE : EV_NONE;
}

static enum event end_of(enum event why)
{
	return why == EV_AUTH_CERT_REVOKED ? EV_SESSION_CERT_REVOKED : EV_SESSION_CERT_UNTRUSTED;
}

bool session_recheck(struct session *s)
{
	struct eap_anchors *now = s->site->snapshot->anchors;
	enum event why;

	if (!s->cert || s->leaving || (now && now == s->judged_by))
		return false;
	eap_anchors_unref(s->judged_by);
	s->judged_by = now ? eap_anchors_ref(now) : NULL;
	why = eap_anchors_recheck(now, s->cert, s->user);
	if (why == EV_NONE)
		return false;
	session_end(s, end_of(why));
	return true;
}

void limits_enforce(struct session *s)
{
	enum event why;

	if (!s->limits.some || s->leaving || !s->grant)
		return;
	/* a login that was judged by the authorities of the moment before */
	if (session_recheck(s))
		return;
	why = limits_judge(s, clock_wall_s(), clock_mono_ms());
	if (why != EV_NONE)
		session_end(s, why);
}

void session_tick_all(struct site *site)
{
	uint64_t now_ms = clock_mono_ms();
	struct session *next;

	for (struct session *s = site->sessions; s; s = next) {
		next = s->next;
		limits_enforce(s);
		session_record_interim(s, now_ms);
	}
}
