// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: an admin changed a user or a group, and sessions that are up read their grant again. They stand
 * in a line, and a few of each worker are asked for at a time: logins wait for the same thread of the
 * store. What takes effect now (grant.def) counts at once; the rest of the grant stays as it was at the
 * login.
 *
 * Only what the store granted is read again: users of RADIUS have numbers below 0, and a grant with values
 * of a RADIUS server is that server's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "aaa/regrant.h"
#include "server/core/snapshot.h"
#include "server/session/private.h"

#define ASKED_AT_ONCE 32

struct session_regrant {
	struct regrant regrant;
	struct session *session; /* NULL: it ended meanwhile */
	struct site *site;
};

static void leave_line(struct session *s)
{
	if (!s->regrant_prev)
		return;
	*s->regrant_prev = s->regrant_next;
	if (s->regrant_next)
		s->regrant_next->regrant_prev = s->regrant_prev;
	s->regrant_prev = NULL;
}

void regrant_forget(struct session *s)
{
	leave_line(s);
	if (s->regrant)
		s->regrant->session = NULL;
	s->regrant = NULL;
}

static void take(struct session *s, const struct regrant *r)
{
	AUTO(grant) struct grant *changed = NULL;
	struct grant_values values;

	if (s->leaving || !s->grant)
		return;
	if (r->event == EV_USER_CHANGED) {
		session_end(s, EV_USER_CHANGED);
		return;
	}
	if (!r->grant)
		return; /* the store has said why; the grant stays */
	values = s->grant->is;
	grant_take_now(&values, &r->grant->is);
	if (grant_new(&values, &changed) < 0)
		return;
	session_take_grant(s, changed);
	limits_enforce(s);
}

static void on_regrant(struct regrant *r)
{
	struct session_regrant *q = container_of(r, struct session_regrant, regrant);
	struct site *site = q->site;

	site->regrants_asked--;
	if (q->session) {
		q->session->regrant = NULL;
		take(q->session, r);
	}
	grant_unref(r->grant);
	grant_unref(r->defaults);
	free(q);
	regrants_go_on(site);
}

static int ask(struct session *s)
{
	struct site *site = s->site;
	struct session_regrant *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->session = s;
	q->site = site;
	q->regrant.user_id = s->user_id;
	snprintf(q->regrant.user, sizeof(q->regrant.user), "%s", s->user);
	q->regrant.defaults = grant_ref(site->snapshot->defaults);
	q->regrant.reply_to = &site->mailbox;
	q->regrant.done = on_regrant;
	r = regrant_ask(site->context->store, &q->regrant);
	if (r < 0) {
		grant_unref(q->regrant.defaults);
		free(q);
		return r;
	}
	s->regrant = q;
	site->regrants_asked++;
	return 0;
}

/* What cannot be asked for now is asked for in a second. */
void regrants_go_on(struct site *site)
{
	struct session *s, *next;

	for (s = site->regrants; s && site->regrants_asked < ASKED_AT_ONCE; s = next) {
		next = s->regrant_next;
		if (s->regrant)
			continue; /* an answer is on its way that may be older than the change */
		if (ask(s) < 0)
			return;
		leave_line(s);
	}
}

void session_regrant(struct session *s)
{
	s->regrant_wanted = !s->grant;
	if (!s->grant || s->regrant_prev || s->user_id <= 0 || s->user_id < 0 ||
		grant_has_origin(&s->grant->is, GRANT_RADIUS) ||
		grant_has_origin(&s->grant->is, GRANT_COA))
		return;
	s->regrant_next = s->site->regrants;
	s->regrant_prev = &s->site->regrants;
	if (s->regrant_next)
		s->regrant_next->regrant_prev = &s->regrant_next;
	s->site->regrants = s;
	regrants_go_on(s->site);
}
