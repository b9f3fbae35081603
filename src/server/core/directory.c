// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: three tables. By user id, hashed: a bucket is a line of users, each the first of its
 * entries, which also counts them, since a login asks how many there are. A number is looked for in
 * all of it, which is rare. By handle: handles are random, so their first octets are the hash. By
 * address: ip/table.h, read without a lock; the steering map of the TUN is kept beside it.
 */
#include "server/core/directory.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

#include "base/hot.h"
#include "ip/table.h"
#include "offload/inet.h"
#include "ip/packet.h"
#include "os/steering.h"

#define BUCKETS 4096

struct directory {
	struct table *by_address;
	struct steering *steering;
	pthread_mutex_t lock; /* of all below */
	unsigned n;
	struct directory_entry *bucket[BUCKETS];
	struct directory_handle *by_handle[BUCKETS];
};

int directory_new(struct steering *steering, struct directory **ret)
{
	struct directory *d = calloc(1, sizeof(*d));

	if (!d || table_new(&d->by_address) < 0) {
		free(d);
		return -ENOMEM;
	}
	d->steering = steering;
	pthread_mutex_init(&d->lock, NULL);
	*ret = d;
	return 0;
}

void directory_free(struct directory *d)
{
	if (!d)
		return;
	table_free(d->by_address);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static struct directory_entry **bucket_of(struct directory *d, int64_t user_id)
{
	return &d->bucket[(uint64_t)user_id % BUCKETS];
}

/* NULL: the user has none. */
static struct directory_entry *first_of(struct directory *d, int64_t user_id)
{
	struct directory_entry *e = *bucket_of(d, user_id);

	while (e && e->user_id != user_id)
		e = e->next_user;
	return e;
}

static int judge(struct directory *d, int64_t user_id, const struct directory_limits *limits)
{
	const struct directory_entry *first = first_of(d, user_id);

	if (limits->per_user && first && first->n >= limits->per_user)
		return -EUSERS;
	return d->n >= limits->all ? -ENFILE : 0;
}

/* `e` becomes the first of its user, with `n` in all, in the bucket's line at `at`. */
static void lead(struct directory_entry *e, unsigned n, struct directory_entry **at,
	struct directory_entry *next)
{
	e->n = n;
	e->next_user = next;
	e->prev_user = at;
	if (next)
		next->prev_user = &e->next_user;
	*at = e;
}

static void add(struct directory *d, struct directory_entry *e)
{
	struct directory_entry *first = first_of(d, e->user_id), **at = bucket_of(d, e->user_id);

	e->next = first;
	e->prev = &e->next; /* no other's next points here */
	if (first) {
		first->prev = &e->next;
		lead(e, first->n + 1, first->prev_user, first->next_user);
		first->prev_user = NULL;
	} else {
		lead(e, 1, at, *at);
	}
	d->n++;
}

static void take_out(struct directory *d, struct directory_entry *e)
{
	struct directory_entry *second = e->next;

	if (!e->prev_user) {
		first_of(d, e->user_id)->n--;
		*e->prev = second;
		if (second)
			second->prev = e->prev;
	} else if (second) {
		lead(second, e->n - 1, e->prev_user, e->next_user);
		second->prev = &second->next;
	} else {
		*e->prev_user = e->next_user;
		if (e->next_user)
			e->next_user->prev_user = e->prev_user;
	}
	e->prev = e->prev_user = NULL;
	d->n--;
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
	take_out(d, e);
	pthread_mutex_unlock(&d->lock);
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
	const struct directory_entry *e = NULL;

	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < BUCKETS && !e; i++)
		for (const struct directory_entry *u = d->bucket[i]; u && !e; u = u->next_user)
			for (e = u; e && e->session != session; e = e->next)
				continue;
	if (e)
		*ret = (struct directory_hit){e->session, e->site};
	pthread_mutex_unlock(&d->lock);
	return e ? 0 : -ENOENT;
}

int directory_oldest_of_user(struct directory *d, int64_t user_id, struct directory_hit *ret)
{
	const struct directory_entry *oldest = NULL;

	pthread_mutex_lock(&d->lock);
	for (const struct directory_entry *e = first_of(d, user_id); e; e = e->next)
		if (!oldest || e->session < oldest->session)
			oldest = e;
	if (oldest)
		*ret = (struct directory_hit){oldest->session, oldest->site};
	pthread_mutex_unlock(&d->lock);
	return oldest ? 0 : -ENOENT;
}

/* correlation NULL: of any client. */
static size_t list_of_user(struct directory *d, int64_t user_id, const char *correlation,
	struct directory_hit *ret, size_t cap)
{
	size_t n = 0;

	pthread_mutex_lock(&d->lock);
	for (const struct directory_entry *e = first_of(d, user_id); e && n < cap; e = e->next)
		if (!correlation || !strcmp(correlation, e->correlation))
			ret[n++] = (struct directory_hit){e->session, e->site};
	pthread_mutex_unlock(&d->lock);
	return n;
}

size_t directory_of_user(
	struct directory *d, int64_t user_id, struct directory_hit *ret, size_t cap)
{
	return list_of_user(d, user_id, NULL, ret, cap);
}

size_t directory_of_client(struct directory *d, int64_t user_id, const char *correlation,
	struct directory_hit *ret, size_t cap)
{
	return *correlation ? list_of_user(d, user_id, correlation, ret, cap) : 0;
}

/* ---- by address -------------------------------------------------------------------------------- */

int directory_claim(
	struct directory *d, const struct prefix *prefix, struct session *session, unsigned site)
{
	int r = table_add(d->by_address, prefix, session, site);

	if (!r && d->steering)
		steering_set(d->steering, prefix, site);
	return r;
}

void directory_unclaim(
	struct directory *d, const struct prefix *prefix, const struct session *session)
{
	if (d->steering)
		steering_clear(d->steering, prefix);
	table_del(d->by_address, prefix, session);
}

HOT bool directory_at(struct directory *d, const uint8_t *octets, const struct ip_packet *ip,
	struct directory_owner *ret)
{
	struct table_hit hit;
	bool found;

	urcu_memb_read_lock();
	found = ip->version == 4
			? table_lookup_v4(d->by_address, packet_destination_at(octets, ip), &hit)
			: table_lookup_v6(d->by_address, packet_destination_at(octets, ip), &hit);
	urcu_memb_read_unlock();
	/* Only the owner may look inside the session, and only the owner ends it: no more is needed. */
	if (found)
		*ret = (struct directory_owner){hit.session, hit.worker};
	return found;
}

bool directory_leads_to(
	struct directory *d, int version, const uint8_t *address, const struct session *session)
{
	struct table_hit hit;
	bool found;

	urcu_memb_read_lock();
	found = version == 4 ? table_lookup_v4(d->by_address, address, &hit)
			     : table_lookup_v6(d->by_address, address, &hit);
	urcu_memb_read_unlock();
	return found && hit.session == session;
}

/* ---- by handle --------------------------------------------------------------------------------- */

static struct directory_handle **handles_at(struct directory *d, const uint8_t *octets)
{
	return &d->by_handle[(octets[0] << 8 | octets[1]) % BUCKETS];
}

void directory_add_handle(struct directory *d, struct directory_handle *h)
{
	struct directory_handle **at = handles_at(d, h->octets);

	pthread_mutex_lock(&d->lock);
	h->next = *at;
	h->prev = at;
	if (h->next)
		h->next->prev = &h->next;
	*at = h;
	pthread_mutex_unlock(&d->lock);
}

void directory_drop_handle(struct directory *d, struct directory_handle *h)
{
	if (!h->prev)
		return;
	pthread_mutex_lock(&d->lock);
	*h->prev = h->next;
	if (h->next)
		h->next->prev = h->prev;
	pthread_mutex_unlock(&d->lock);
	h->prev = NULL;
}

bool directory_by_handle(struct directory *d, const uint8_t octets[static SSTP_LANE_HANDLE_LEN],
	struct directory_owner *ret)
{
	struct directory_handle *h;

	pthread_mutex_lock(&d->lock);
	h = *handles_at(d, octets);
	while (h && memcmp(h->octets, octets, sizeof(h->octets)))
		h = h->next;
	if (h)
		*ret = h->owner;
	pthread_mutex_unlock(&d->lock);
	return h;
}
