/* server/core/handles.c — a hash table; handles are random, so their first octets are the hash. */
#include "server/core/handles.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096

struct handles {
	pthread_mutex_t lock;
	struct handle *bucket[BUCKETS];
};

int handles_new(struct handles **ret)
{
	struct handles *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	pthread_mutex_init(&h->lock, NULL);
	*ret = h;
	return 0;
}

void handles_free(struct handles *h)
{
	if (h)
		pthread_mutex_destroy(&h->lock);
	free(h);
}

static struct handle **bucket_of(struct handles *h, const uint8_t *octets)
{
	return &h->bucket[(octets[0] << 8 | octets[1]) % BUCKETS];
}

void handles_add(struct handles *h, struct handle *e)
{
	struct handle **at = bucket_of(h, e->octets);

	pthread_mutex_lock(&h->lock);
	e->next = *at;
	e->prev = at;
	if (e->next)
		e->next->prev = &e->next;
	*at = e;
	pthread_mutex_unlock(&h->lock);
}

void handles_del(struct handles *h, struct handle *e)
{
	if (!e->prev)
		return;
	pthread_mutex_lock(&h->lock);
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
	pthread_mutex_unlock(&h->lock);
	e->prev = NULL;
}

int handles_find(struct handles *h, const uint8_t octets[static SSTP_LANE_HANDLE_LEN],
	unsigned *ret_worker, struct session **ret_session)
{
	struct handle *e;

	pthread_mutex_lock(&h->lock);
	e = *bucket_of(h, octets);
	while (e && memcmp(e->octets, octets, sizeof(e->octets)))
		e = e->next;
	if (e) {
		*ret_worker = e->worker;
		*ret_session = e->session;
	}
	pthread_mutex_unlock(&h->lock);
	return e ? 0 : -ENOENT;
}
