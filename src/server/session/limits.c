// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what ends a session from outside its tunnel: a command, or silence when another login needs
 * what it holds; grant.c has the user's date. Each ends politely, and is gone later.
 */
#include "base/clock.h"
#include "server/core/limits.h"
#include "server/session/private.h"

void session_end(struct session *s, enum event why)
{
	s->leaving = true;
	link_close(&s->link, why);
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
