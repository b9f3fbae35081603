// SPDX-License-Identifier: Apache-2.0
#include "server/control/broadcast.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "server/core/context.h"
#include "server/core/site.h"

/* ---- on the worker ---------------------------------------------------------------------------- */

/* Until a login is judged, the session has the name as it was sent: DOMAIN\NAME, too. */
static bool is_user(const char *wanted, const char *name)
{
	const char *slash = strchr(name, '\\');

	return !strcasecmp(wanted, name) || (slash && !strcasecmp(wanted, slash + 1));
}

static bool meant(const struct broadcast_match *m, const struct session_info *s)
{
	struct endpoint peer;
	struct addr own = {0};

	if (m->session && m->session != s->id)
		return false;
	if (*m->user && !is_user(m->user, s->user))
		return false;
	if (*m->thumbprint && strcmp(m->thumbprint, s->thumbprint) != 0)
		return false;
	if (m->before && s->since >= m->before)
		return false;
	if (m->inner.family &&
		(!*s->address || addr_parse(s->address, &own) < 0 || !addr_equal(&own, &m->inner)))
		return false;
	if (m->peer.family &&
		(endpoint_parse(s->peer, 0, &peer) < 0 || !addr_equal(&peer.addr, &m->peer)))
		return false;
	if (m->address.family == AF_UNSPEC)
		return true;
	if (*s->address && !addr_parse(s->address, &own) && addr_equal(&own, &m->address))
		return true;
	return !endpoint_parse(s->peer, 0, &peer) && addr_equal(&peer.addr, &m->address);
}

static void note(struct broadcast_part *p, const struct session_info *info, size_t *cap)
{
	if (p->n == *cap) {
		size_t more = *cap ? 2 * *cap : 64;
		struct session_info *grown = realloc(p->session, more * sizeof(*grown));

		if (!grown) {
			p->incomplete = true;
			return;
		}
		p->session = grown;
		*cap = more;
	}
	p->session[p->n++] = *info;
}

static void come_home(struct letter *l);

static void visit(struct letter *l)
{
	struct broadcast_part *p = container_of(l, struct broadcast_part, letter);
	const struct broadcast *r = p->round;
	struct session *next;
	size_t cap = 0;

	for (struct session *s = p->site->sessions; s && p->n < p->most; s = next) {
		struct session_info info;

		next = session_next(s);
		session_info(s, &info);
		if (!meant(&r->match, &info) || !strcmp(info.phase, "ended") ||
			(r->end && !strcmp(info.phase, "leaving")))
			continue;
		if (r->recheck && !session_recheck(s))
			continue;
		note(p, &info, &cap);
		if (r->end)
			session_end(s, r->end);
		else if (r->dated)
			session_set_expiry(s, r->expires_at);
		else if (r->regrant)
			session_regrant(s);
		else if (r->changed)
			session_change(s, &r->change);
	}
	l->deliver = come_home;
	mailbox_post(&r->context->control_mailbox, l);
}

/* ---- on the control thread ------------------------------------------------------------------------ */

static void come_home(struct letter *l)
{
	struct broadcast *r = container_of(l, struct broadcast_part, letter)->round;

	if (!--r->waiting)
		r->done(r);
}

int broadcast_new(
	struct context *s, void (*done)(struct broadcast *r), void *arg, struct broadcast **ret)
{
	struct broadcast *r = calloc(1, sizeof(*r) + s->n_sites * sizeof(*r->part));

	if (!r)
		return -ENOMEM;
	*r = (struct broadcast){.context = s, .done = done, .arg = arg, .waiting = s->n_sites};
	for (unsigned i = 0; i < s->n_sites; i++)
		r->part[i] = (struct broadcast_part){.letter = {.deliver = visit},
			.round = r,
			.site = s->sites[i],
			.most = UINT_MAX};
	*ret = r;
	return 0;
}

void broadcast_start(struct broadcast *r)
{
	struct context *s = r->context;

	for (unsigned i = 0; i < s->n_sites; i++)
		mailbox_post(&s->sites[i]->mailbox, &r->part[i].letter);
}

void broadcast_free(struct broadcast *r)
{
	for (unsigned i = 0; i < r->context->n_sites; i++)
		free(r->part[i].session);
	free(r);
}
