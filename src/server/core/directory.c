// SPDX-License-Identifier: Apache-2.0
/* server/core/directory.c — a hash table by user id; a number is looked for in all of it, which is rare. */
#include "server/core/directory.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 4096

struct directory {
	pthread_mutex_t lock;
	unsigned n;
	struct directory_entry *bucket[BUCKETS];
};

int directory_new(struct directory **ret)
{
	struct directory *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	pthread_mutex_init(&d->lock, NULL);
	*ret = d;
	return 0;
}

void directory_free(struct directory *d)
{
	if (d)
		pthread_mutex_destroy(&d->lock);
	free(d);
}

static struct directory_entry **bucket_of(struct directory *d, int64_t user_id)
{
	return &d->bucket[(uint64_t)user_id % BUCKETS];
}

static unsigned count_of_user(struct directory *d, int64_t user_id)
{
	unsigned n = 0;

	for (struct directory_entry *e = *bucket_of(d, user_id); e; e = e->next)
		n += e->user_id == user_id;
	return n;
}

static int judge(struct directory *d, int64_t user_id, const struct directory_limits *limits)
{
	if (limits->per_user && count_of_user(d, user_id) >= limits->per_user)
		return -EUSERS;
	return d->n >= limits->all ? -ENFILE : 0;
}

static void add(struct directory *d, struct directory_entry *e)
{
	struct directory_entry **at = bucket_of(d, e->user_id);

	e->next = *at;
	e->prev = at;
	if (e->next)
		e->next->prev = &e->next;
	*at = e;
	d->n++;
}

int directory_enter(
	struct directory *d, struct directory_entry *e, const struct directory_limits *limits)
{
	int r;

	if (e->prev)
		return 0;
	pthread_mutex_lock(&d->lock);
	r = judge(d, e->user_id, limits);
	if (!r)
		add(d, e);
	pthread_mutex_unlock(&d->lock);
	return r;
}

void directory_leave(struct directory *d, struct directory_entry *e)
{
	if (!e->prev)
		return;
	pthread_mutex_lock(&d->lock);
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
	d->n--;
	pthread_mutex_unlock(&d->lock);
	e->prev = NULL;
}

unsigned directory_count(struct directory *d)
{
	unsigned n;

	pthread_mutex_lock(&d->lock);
	n = d->n;
	pthread_mutex_unlock(&d->lock);
	return n;
}

int directory_find(struct directory *d, uint64_t session, struct directory_hit *ret)
{
	int r = -ENOENT;

	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < BUCKETS && r; i++)
		for (struct directory_entry *e = d->bucket[i]; e && r; e = e->next)
			if (e->session == session) {
				*ret = (struct directory_hit){e->session, e->worker};
				r = 0;
			}
	pthread_mutex_unlock(&d->lock);
	return r;
}

size_t directory_of_user(
	struct directory *d, int64_t user_id, struct directory_hit *ret, size_t cap)
{
	size_t n = 0;

	pthread_mutex_lock(&d->lock);
	for (struct directory_entry *e = *bucket_of(d, user_id); e && n < cap; e = e->next)
		if (e->user_id == user_id)
			ret[n++] = (struct directory_hit){e->session, e->worker};
	pthread_mutex_unlock(&d->lock);
	return n;
}
