// SPDX-License-Identifier: Apache-2.0
/*
 * os/choose.c — choosing pools.
 *
 * The choice is random: if all servers had the same pool, two of them would collide when they meet, and
 * so would a client in a network with that pool. It avoids the defaults of home routers, other VPNs and
 * container systems, which the server cannot see but in which its clients may be.
 */
#include "os/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/auto.h"

/* A route shorter than this is a default route in disguise (0/1, 128/1), not a network. */
#define SHORTEST_NETWORK_V4 8
#define SHORTEST_NETWORK_V6 7 /* fc00::/7 */

/* The octet behind the first (10, 172) or behind the second (192.168) names a network. */
static const struct popular {
	uint8_t octet[2], first, last;
} popular[] = {
	{{10, 0}, 0, 1},      /* home routers, cloud networks */
	{{10, 0}, 8, 8},      /* OpenVPN's examples */
	{{10, 0}, 10, 10},    /* hand-made networks */
	{{10, 0}, 42, 43},    /* k3s */
	{{10, 0}, 88, 89},    /* podman */
	{{10, 0}, 96, 111},   /* Kubernetes services */
	{{10, 0}, 244, 244},  /* Kubernetes pods */
	{{172, 0}, 17, 31},   /* Docker */
	{{192, 168}, 0, 15},  /* home routers, hand-made networks */
	{{192, 168}, 20, 20}, /* hand-made networks */
	{{192, 168}, 30, 30},
	{{192, 168}, 42, 43}, /* phones that share their connection */
	{{192, 168}, 49, 50},
	{{192, 168}, 64, 64},   /* virtual machines on macOS */
	{{192, 168}, 86, 88},   /* home routers */
	{{192, 168}, 99, 101},  /* minikube, hand-made networks */
	{{192, 168}, 122, 122}, /* libvirt */
	{{192, 168}, 137, 137}, /* Windows that shares its connection */
	{{192, 168}, 178, 179}, /* home routers */
	{{192, 168}, 254, 254},
};

/* RFC 1918, and RFC 6598 as the second choice: carriers use it, hosts seldom do. */
static const struct block {
	uint32_t first;
	unsigned len;
} blocks[] = {{0x0a000000, 8}, {0x64400000, 10}, {0xac100000, 12}, {0xc0a80000, 16}};

/* splitmix64: a seed in, well mixed numbers out, the same everywhere. */
static uint64_t next_number(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool is_free(const struct prefix *p, const struct prefix *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_overlaps(p, &taken[i]))
			return false;
	return true;
}

static bool is_popular(const struct prefix *p)
{
	const uint8_t *o = p->addr.octets;
	uint8_t spread = p->len < 24 ? (uint8_t)((1u << (24 - p->len)) - 1) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(popular); i++) {
		const struct popular *n = &popular[i];
		bool third = n->octet[1];
		uint8_t low = third ? o[2] : o[1], high = third ? o[2] | spread : o[1];

		if (o[0] == n->octet[0] && (!third || o[1] == n->octet[1]) && low <= n->last &&
			high >= n->first)
			return true;
	}
	return false;
}

/* Starts somewhere in the block and goes round once; the first free prefix of `len`. */
static bool choose_in(const struct block *b, unsigned len, bool avoid_popular, uint64_t *state,
	const struct prefix *taken, size_t n, struct prefix *ret)
{
	uint32_t count = UINT32_C(1) << (len - b->len);
	uint32_t start = (uint32_t)(next_number(state) % count);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = (start + i) % count;
		struct prefix p = {addr_v4(b->first | slot << (32 - len)), (uint8_t)len};

		if ((avoid_popular && is_popular(&p)) || !is_free(&p, taken, n))
			continue;
		*ret = p;
		return true;
	}
	return false;
}

/* A popular network is better than none, and a short pool (one /24) better than a refusal. */
int choose_pool_v4(uint64_t seed, const struct prefix *taken, size_t n, struct prefix *ret)
{
	static const unsigned lengths[] = {POOL_V4_LEN, POOL_V4_LEN_SHORT};
	uint64_t state = seed;

	for (size_t l = 0; l < ARRAY_SIZE(lengths); l++)
		for (int avoid = 1; avoid >= 0; avoid--)
			for (size_t b = 0; b < ARRAY_SIZE(blocks); b++)
				if (choose_in(&blocks[b], lengths[l], avoid, &state, taken, n, ret))
					return 0;
	return -EADDRNOTAVAIL;
}

/* RFC 4193 section 3.1: fd and 40 random bits. */
int choose_pool_v6(uint64_t seed, const struct prefix *taken, size_t n, struct prefix *ret)
{
	uint64_t state = ~seed;

	for (int tries = 0; tries < 1000; tries++) {
		struct prefix p = {
			.addr = {.family = AF_INET6, .octets = {0xfd}}, .len = POOL_V6_LEN};
		uint64_t random = next_number(&state);

		for (int i = 1; i < POOL_V6_LEN / 8; i++, random >>= 8)
			p.addr.octets[i] = (uint8_t)random;
		if (!is_free(&p, taken, n))
			continue;
		*ret = p;
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* --- what is taken ----------------------------------------------------------------------- */

struct taken {
	struct prefix *all;
	size_t n, cap;
	bool no_memory;
};

static void taken_add(struct taken *t, const struct prefix *p)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct prefix *more = reallocarray(t->all, cap, sizeof(*more));

		if (!more) {
			t->no_memory = true;
			return;
		}
		t->all = more;
		t->cap = cap;
	}
	t->all[t->n++] = *p;
}

/* A bogon filter (unreachable 10/8) does not mean that the network is there. */
static bool add_route(const struct route *rt, void *arg)
{
	uint8_t shortest =
		rt->dst.addr.family == AF_INET ? SHORTEST_NETWORK_V4 : SHORTEST_NETWORK_V6;

	if (rt->dst.len >= shortest && rt->type == RTN_UNICAST)
		taken_add(arg, &rt->dst);
	return true;
}

static bool add_address(unsigned ifindex UNUSED, const struct prefix *p, void *arg)
{
	taken_add(arg, p);
	return true;
}

int os_choose_pool(struct netlink *nl, uint64_t seed, struct prefix *ret_v4, struct prefix *ret_v6,
	struct os_failure *why)
{
	struct taken t = {0};
	struct prefix v4 = {0}, v6 = {0};
	int r = netlink_routes(nl, AF_UNSPEC, add_route, &t, why);

	if (r == 0)
		r = netlink_addresses(nl, AF_UNSPEC, add_address, &t, why);
	if (r == 0 && t.no_memory)
		r = os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "list the networks of this machine");
	if (r == 0 && ret_v4 && (r = choose_pool_v4(seed, t.all, t.n, &v4)) < 0)
		os_fail(why, EV_POOL_NONE_FREE, r,
			"find a free /%d in 10/8, 100.64/10, 172.16/12, 192.168/16 for "
			"tunnel.ipv4_pool",
			POOL_V4_LEN_SHORT);
	if (r == 0 && ret_v6 && (r = choose_pool_v6(seed, t.all, t.n, &v6)) < 0)
		os_fail(why, EV_POOL_NONE_FREE, r,
			"find a free /%d in fd00::/8 for tunnel.ipv6_prefix", POOL_V6_LEN);
	free(t.all);
	if (r == 0 && ret_v4)
		*ret_v4 = v4;
	if (r == 0 && ret_v6)
		*ret_v6 = v6;
	return r;
}
