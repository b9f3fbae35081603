// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a tree of networks that do not overlap, so their order is that of their addresses, and a
 * comparison that calls overlapping ones equal finds the one in the way of a claim (tsearch(3)). Beside
 * it a line of those whose session is not what the kernel's routes say.
 */
#include "server/core/networks.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct network {
	struct prefix prefix;
	enum network_kind kind;
	uint64_t session; /* 0: none has it any more */
	bool routed;      /* in the kernel */
	bool queued;
	struct network *next; /* in the line of changes */
};

struct networks {
	pthread_mutex_t lock; /* of all below */
	void *tree;
	size_t n; /* that sessions have */
	struct network *changes, **changes_tail;
	struct mailbox *mailbox;
	struct letter *changed;
	bool posted; /* the letter is under way */
};

int networks_new(struct mailbox *mailbox, struct letter *changed, struct networks **ret)
{
	struct networks *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	pthread_mutex_init(&n->lock, NULL);
	n->changes_tail = &n->changes;
	n->mailbox = mailbox;
	n->changed = changed;
	*ret = n;
	return 0;
}

void networks_free(struct networks *n)
{
	if (!n)
		return;
	tdestroy(n->tree, free);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

/* Overlapping ones are equal; members of the tree do not overlap, so it is an order among them. */
static int compare(const void *a, const void *b)
{
	const struct prefix *p = a, *q = b;

	if (prefix_overlaps(p, q))
		return 0;
	if (p->addr.family != q->addr.family)
		return p->addr.family < q->addr.family ? -1 : 1;
	return memcmp(p->addr.octets, q->addr.octets, sizeof(p->addr.octets));
}

static bool is_same(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

static struct network *find(struct networks *n, const struct prefix *p)
{
	struct network **at = tfind(p, &n->tree, compare);

	return at ? *at : NULL;
}

/* Locked. The letter goes once; who takes the changes takes them all. */
static void queue(struct networks *n, struct network *e)
{
	if (!e->queued) {
		e->queued = true;
		e->next = NULL;
		*n->changes_tail = e;
		n->changes_tail = &e->next;
	}
	if (n->changed && !n->posted) {
		n->posted = true;
		mailbox_post(n->mailbox, n->changed);
	}
}

/* Locked. */
static int add(
	struct networks *n, const struct prefix *prefix, enum network_kind kind, uint64_t session)
{
	struct network *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	*e = (struct network){.prefix = *prefix, .kind = kind, .session = session};
	if (!tsearch(e, &n->tree, compare)) {
		free(e);
		return -ENOMEM;
	}
	n->n++;
	queue(n, e);
	return 0;
}

/* Locked. */
static int take(struct networks *n, struct network *e, const struct prefix *prefix,
	enum network_kind kind, uint64_t session)
{
	if (e->session)
		return e->session == session && is_same(&e->prefix, prefix) ? 0 : -EEXIST;
	if (!is_same(&e->prefix, prefix))
		return -EAGAIN;
	e->kind = kind;
	e->session = session;
	n->n++;
	queue(n, e);
	return 0;
}

int networks_claim(struct networks *n, const struct prefix *prefix, enum network_kind kind,
	uint64_t session, struct prefix *ret_with, uint64_t *ret_session)
{
	struct network *e;
	int r;

	pthread_mutex_lock(&n->lock);
	e = find(n, prefix);
	r = e ? take(n, e, prefix, kind, session) : add(n, prefix, kind, session);
	if (e && r < 0) {
		*ret_with = e->prefix;
		*ret_session = e->session;
	}
	pthread_mutex_unlock(&n->lock);
	return r;
}

void networks_release(struct networks *n, const struct prefix *prefix, uint64_t session)
{
	struct network *e;

	pthread_mutex_lock(&n->lock);
	e = find(n, prefix);
	if (e && e->session == session && is_same(&e->prefix, prefix)) {
		e->session = 0;
		n->n--;
		queue(n, e);
	}
	pthread_mutex_unlock(&n->lock);
}

bool networks_is_own(struct networks *n, const struct addr *a)
{
	const struct prefix p = {*a, (uint8_t)(8 * addr_len(a))};
	const struct network *e;
	bool own;

	pthread_mutex_lock(&n->lock);
	e = find(n, &p);
	own = e && e->session && e->kind == NETWORK_OWN;
	pthread_mutex_unlock(&n->lock);
	return own;
}

size_t networks_count(struct networks *n)
{
	size_t count;

	pthread_mutex_lock(&n->lock);
	count = n->n;
	pthread_mutex_unlock(&n->lock);
	return count;
}

/* ---- the control thread ----------------------------------------------------------------- */

/* Locked. No session has it, and no route is left. */
static void forget(struct networks *n, struct network *e)
{
	tdelete(e, &n->tree, compare);
	free(e);
}

static struct network *pop(struct networks *n)
{
	struct network *e = n->changes;

	if (!e)
		return NULL;
	n->changes = e->next;
	if (!n->changes)
		n->changes_tail = &n->changes;
	e->queued = false;
	return e;
}

bool networks_next(struct networks *n, struct network_change *ret)
{
	struct network *e;
	bool found = false;

	pthread_mutex_lock(&n->lock);
	n->posted = false;
	while (!found && (e = pop(n))) {
		found = e->routed != (e->session != 0);
		if (found)
			*ret = (struct network_change){e->prefix, e->kind, e->session, e};
		else if (!e->session)
			forget(n, e);
	}
	pthread_mutex_unlock(&n->lock);
	return found;
}

void networks_done(struct networks *n, const struct network_change *c, bool routed)
{
	struct network *e = c->of;

	pthread_mutex_lock(&n->lock);
	e->routed = routed;
	if (!e->session && !routed && !e->queued)
		forget(n, e);
	pthread_mutex_unlock(&n->lock);
}
