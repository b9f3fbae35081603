// SPDX-License-Identifier: Apache-2.0
/*
 * ip/table.c — address to session.
 *
 * Theory of operation. One hash table (cds_lfht of liburcu) whose key is a prefix: family, length
 * and the bits under it. Beside it, per family, a set of the lengths ever used. A lookup tries
 * those lengths from the longest down, masking the address each time: a server whose clients have
 * a /32 and a /64 and a link-local /128 makes one probe for IPv4 and one or two for IPv6.
 *
 * A length once used stays in the set: clearing it would race with another writer who adds a
 * prefix of that length at this very moment, and costs at most one vain probe per packet.
 *
 * The hash needs no secret: a peer chooses which address is looked up, never which is added.
 */
#include "ip/table.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-memb.h>

#include <urcu/rculfhash.h>

#include "base/hot.h"
#include "base/line.h"

#define BUCKETS_MIN 64

struct key {
	uint64_t bits[2]; /* as on the wire, zero padded */
	uint8_t family, len;
};

struct entry {
	struct cds_lfht_node node;
	struct rcu_head rcu;
	struct key key;
	void *session;
	unsigned worker;
};

struct table {
	struct cds_lfht *entries;
	uint64_t v4_lengths;    /* bit n: some prefix of length n was added */
	uint64_t v6_lengths[3]; /* 129 bits */
};

int table_new(struct table **ret)
{
	AUTO(table) struct table *t = line_calloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->entries = cds_lfht_new_flavor(BUCKETS_MIN, BUCKETS_MIN, 0,
		CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, &urcu_memb_flavor, NULL);
	if (!t->entries)
		return -ENOMEM;
	*ret = TAKE(t);
	return 0;
}

static void entry_free(struct rcu_head *head)
{
	free(container_of(head, struct entry, rcu));
}

void table_free(struct table *t)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	if (!t)
		return;
	if (t->entries) {
		urcu_memb_read_lock();
		for (cds_lfht_first(t->entries, &iter); (node = cds_lfht_iter_get_node(&iter));
			cds_lfht_next(t->entries, &iter))
			if (cds_lfht_del(t->entries, node) == 0)
				urcu_memb_call_rcu(
					&container_of(node, struct entry, node)->rcu, entry_free);
		urcu_memb_read_unlock();
		cds_lfht_destroy(t->entries, NULL);
	}
	free(t);
}

/* The first `len` bits of an address of `n` octets. */
HOT static struct key key_of(uint8_t family, const uint8_t *octets, size_t n, unsigned len)
{
	struct key k = {.family = family, .len = (uint8_t)len};
	uint8_t bits[16] = {0};

	memcpy(bits, octets, n);
	if (len % 8)
		bits[len / 8] &= (uint8_t)(0xff00 >> len % 8);
	for (unsigned i = (len + 7) / 8; i < n; i++)
		bits[i] = 0;
	memcpy(k.bits, bits, sizeof(bits));
	return k;
}

/* Two rounds of multiply and fold (the finalizer of MurmurHash3): addresses differ in few bits. */
static unsigned long key_hash(const struct key *k)
{
	uint64_t h = k->bits[0] * UINT64_C(0x9e3779b97f4a7c15) + k->bits[1];

	h += (uint64_t)k->family << 8 | k->len;
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (unsigned long)(h ^ h >> 33);
}

HOT static int key_match(struct cds_lfht_node *node, const void *key)
{
	const struct key *a = &container_of(node, struct entry, node)->key, *b = key;

	return a->bits[0] == b->bits[0] && a->bits[1] == b->bits[1] && a->len == b->len &&
	       a->family == b->family;
}

static void remember_length(struct table *t, const struct key *k)
{
	uint64_t *set = k->family == AF_INET ? &t->v4_lengths : &t->v6_lengths[k->len / 64];

	__atomic_fetch_or(set, UINT64_C(1) << k->len % 64, __ATOMIC_RELEASE);
}

static bool prefix_valid(const struct prefix *p)
{
	return addr_len(&p->addr) && p->len <= 8 * addr_len(&p->addr);
}

static struct key key_of_prefix(const struct prefix *p)
{
	return key_of(p->addr.family, p->addr.octets, addr_len(&p->addr), p->len);
}

int table_add(struct table *t, const struct prefix *prefix, void *session, unsigned worker)
{
	struct cds_lfht_node *there;
	struct entry *e;

	if (!prefix_valid(prefix))
		return -EINVAL;
	e = line_alloc(sizeof(*e)); /* others read it on their way to the next */
	if (!e)
		return -ENOMEM;
	*e = (struct entry){.key = key_of_prefix(prefix), .session = session, .worker = worker};
	cds_lfht_node_init(&e->node);
	remember_length(t, &e->key);
	urcu_memb_read_lock();
	there = cds_lfht_add_unique(t->entries, key_hash(&e->key), key_match, &e->key, &e->node);
	urcu_memb_read_unlock();
	if (there != &e->node) {
		free(e);
		return -EEXIST;
	}
	return 0;
}

HOT static struct entry *find(struct table *t, const struct key *k)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(t->entries, key_hash(k), key_match, k, &iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? container_of(node, struct entry, node) : NULL;
}

int table_del(struct table *t, const struct prefix *prefix, const void *session)
{
	struct key k;
	struct entry *e;
	int r = -ENOENT;

	if (!prefix_valid(prefix))
		return -ENOENT;
	k = key_of_prefix(prefix);
	urcu_memb_read_lock();
	e = find(t, &k);
	if (e && e->session == session && cds_lfht_del(t->entries, &e->node) == 0) {
		urcu_memb_call_rcu(&e->rcu, entry_free);
		r = 0;
	}
	urcu_memb_read_unlock();
	return r;
}

/* Tries the lengths of one word of a set, longest first; `base` is the length of its bit 0. */
HOT static bool lookup_lengths(struct table *t, uint8_t family, const uint8_t *address, size_t n,
	const uint64_t *set, unsigned base, struct table_hit *ret)
{
	uint64_t lengths = __atomic_load_n(set, __ATOMIC_ACQUIRE);

	while (lengths) {
		unsigned bit = 63 - (unsigned)__builtin_clzll(lengths);
		struct key k = key_of(family, address, n, base + bit);
		const struct entry *e = find(t, &k);

		if (e) {
			*ret = (struct table_hit){e->session, e->worker};
			return true;
		}
		lengths &= ~(UINT64_C(1) << bit);
	}
	return false;
}

HOT bool table_lookup_v4(struct table *t, const uint8_t address[static 4], struct table_hit *ret)
{
	return lookup_lengths(t, AF_INET, address, 4, &t->v4_lengths, 0, ret);
}

bool table_lookup_v6(struct table *t, const uint8_t address[static 16], struct table_hit *ret)
{
	return lookup_lengths(t, AF_INET6, address, 16, &t->v6_lengths[2], 128, ret) ||
	       lookup_lengths(t, AF_INET6, address, 16, &t->v6_lengths[1], 64, ret) ||
	       lookup_lengths(t, AF_INET6, address, 16, &t->v6_lengths[0], 0, ret);
}
