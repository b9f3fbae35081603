// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what ends a session from outside its tunnel: an order, its user's date, silence when another
 * login wants what it holds. Each ends politely, and is gone later.
 */
#include "base/clock.h"
#include "server/core/limits.h"
#include "server/session/private.h"

void session_end(struct session *s, enum event why)
{
	s->leaving = true;
	link_close(&s->link, why);
}

void session_set_expiry(struct session *s, int64_t expires_at)
{
	s->expires_at = expires_at;
	if (expires_at && expires_at <= clock_wall_s() && !s->leaving)
		session_end(s, EV_USER_DATE_PASSED);
}

void session_expire_all(struct site *site, int64_t now_s)
{
	struct session *next;

	for (struct session *s = site->sessions; s; s = next) {
		next = s->next;
		if (s->expires_at && s->expires_at <= now_s && !s->leaving)
			session_end(s, EV_USER_DATE_PASSED);
	}
}

void session_probe(struct site *site, uint64_t session)
{
	struct session *s = site->sessions;

	while (s && s->scope.session != session)
		s = s->next;
	if (!s)
		return;
	tunnel_probe(s->link.tunnel, HOLDER_ANSWERS_MS, clock_mono_ms());
	link_kick(&s->link);
}
