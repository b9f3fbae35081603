#include "server/control/broadcast.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "server/core/context.h"
#include "server/worker/worker.h"

/* ---- on the worker ---------------------------------------------------------------------------- */

/* Until a login is judged, the session has the name as it was sent: DOMAIN\NAME, too. */
static bool is_user(const char *wanted, const char *name)
{
	const char *slash = strchr(name, '\\');

	return !strcasecmp(wanted, name) || (slash && !strcasecmp(wanted, slash + 1));
}

static bool meant(const struct round_match *m, const struct session_info *s)
{
	struct endpoint peer;
	struct addr own = {0};

	if (m->session && m->session != s->id)
		return false;
	if (*m->user && !is_user(m->user, s->user))
		return false;
	if (m->before && s->since >= m->before)
		return false;
	if (m->address.family == AF_UNSPEC)
		return true;
	if (*s->address && !addr_parse(s->address, &own) && addr_equal(&own, &m->address))
		return true;
	return !endpoint_parse(s->peer, 0, &peer) && addr_equal(&peer.addr, &m->address);
}

static void note(struct round_part *p, const struct session_info *info, size_t *cap)
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
	struct round_part *p = container_of(l, struct round_part, letter);
	const struct round *r = p->round;
	struct session *next;
	size_t cap = 0;

	for (struct session *s = p->worker->sessions; s && p->n < p->most; s = next) {
		struct session_info info;

		next = session_next(s);
		session_info(s, &info);
		if (!meant(&r->match, &info) || !strcmp(info.phase, "ended") ||
			(r->end && !strcmp(info.phase, "leaving")))
			continue;
		note(p, &info, &cap);
		if (r->end)
			session_end(s, r->end);
		else if (r->dated)
			session_set_expiry(s, r->expires_at);
	}
	l->deliver = come_home;
	mailbox_post(&r->server->control_mailbox, l);
}

/* ---- on the control thread ------------------------------------------------------------------------ */

static void come_home(struct letter *l)
{
	struct round *r = container_of(l, struct round_part, letter)->round;

	if (!--r->waiting)
		r->done(r);
}

int round_new(struct server *s, void (*done)(struct round *r), void *arg, struct round **ret)
{
	struct round *r = calloc(1, sizeof(*r) + s->n_workers * sizeof(*r->part));

	if (!r)
		return -ENOMEM;
	*r = (struct round){.server = s, .done = done, .arg = arg, .waiting = s->n_workers};
	for (unsigned i = 0; i < s->n_workers; i++)
		r->part[i] = (struct round_part){.letter = {.deliver = visit},
			.round = r,
			.worker = &s->workers[i],
			.most = UINT_MAX};
	*ret = r;
	return 0;
}

void round_start(struct round *r)
{
	struct server *s = r->server;

	for (unsigned i = 0; i < s->n_workers; i++)
		mailbox_post(&s->workers[i].mailbox, &r->part[i].letter);
}

void round_free(struct round *r)
{
	for (unsigned i = 0; i < r->server->n_workers; i++)
		free(r->part[i].session);
	free(r);
}

size_t round_count(const struct round *r)
{
	size_t n = 0;

	for (unsigned i = 0; i < r->server->n_workers; i++)
		n += r->part[i].n;
	return n;
}
