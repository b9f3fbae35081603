/*
 * os/choose.c — choosing pools.
 *
 * Random, because a pool that every Culvert shared would collide the day two of them meet, or the
 * day a client sits in a network that chose the same; and away from what home routers, other VPNs
 * and container systems take by default, which the server cannot see but its clients may sit in.
 */
#include "os/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

/* A route shorter than this is a default route in disguise (0/1, 128/1), not a network. */
#define SHORTEST_NETWORK_V4 8
#define SHORTEST_NETWORK_V6 7 /* fc00::/7 */

static const struct popular {
	uint8_t second_first, second_last; /* 10.X.0.0/16 */
} popular[] = {
	{0, 1},     /* home routers, cloud networks */
	{8, 8},     /* OpenVPN's examples */
	{10, 10},   /* hand-made networks */
	{42, 43},   /* k3s */
	{88, 89},   /* podman */
	{96, 111},  /* Kubernetes services */
	{244, 244}, /* Kubernetes pods */
};

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
	for (size_t i = 0; i < ARRAY_SIZE(popular); i++)
		if (p->addr.octets[0] == 10 && p->addr.octets[1] >= popular[i].second_first &&
			p->addr.octets[1] <= popular[i].second_last)
			return true;
	return false;
}

/* Starts somewhere in the block and goes round once; the first free /22. */
static bool choose_in(uint32_t block, unsigned block_len, bool avoid_popular, uint64_t *state,
	const struct prefix *taken, size_t n, struct prefix *ret)
{
	uint32_t count = UINT32_C(1) << (POOL_V4_LEN - block_len);
	uint32_t start = (uint32_t)(next_number(state) % count);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = (start + i) % count;
		struct prefix p = {addr_v4(block | slot << (32 - POOL_V4_LEN)), POOL_V4_LEN};

		if ((avoid_popular && is_popular(&p)) || !is_free(&p, taken, n))
			continue;
		*ret = p;
		return true;
	}
	return false;
}

int choose_pool_v4(uint64_t seed, const struct prefix *taken, size_t n, struct prefix *ret)
{
	uint64_t state = seed;

	if (choose_in(0x0a000000, 8, true, &state, taken, n, ret) ||
		choose_in(0x64400000, 10, false, &state, taken, n, ret) ||
		choose_in(0x0a000000, 8, false, &state, taken, n, ret))
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

static bool add_address(unsigned ifindex, const struct prefix *p, void *arg)
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
	if (r == 0 && ((ret_v4 && (r = choose_pool_v4(seed, t.all, t.n, &v4)) < 0) ||
			      (ret_v6 && (r = choose_pool_v6(seed, t.all, t.n, &v6)) < 0)))
		os_fail(why, EV_POOL_NONE_FREE, r, "choose an address range for the tunnel");
	free(t.all);
	if (r == 0 && ret_v4)
		*ret_v4 = v4;
	if (r == 0 && ret_v6)
		*ret_v6 = v6;
	return r;
}
