// SPDX-License-Identifier: Apache-2.0
/*
 * Cycles of a lookup in ip/table.c: 10,000 sessions that have an address each, and then five networks
 * behind each of them, too, of lengths from 16 to 28.
 */
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#include "ip/table.h"
#include "micro.h"

enum { SESSIONS = 10000, NETWORKS = 5, LOOKUPS = 4096 };

static uint8_t asked[LOOKUPS][4];
static volatile uintptr_t sink;

static void add(struct table *t, uint32_t address, uint8_t len, uintptr_t session)
{
	struct prefix p = {addr_v4(address), len};

	if (table_add(t, &p, (void *)session, 0) < 0)
		abort();
}

/* 10.s.s.0/24 and the like: five of each session, none overlapping another. */
static uint32_t network_of(uint32_t session, uint32_t n)
{
	return 0x64000000 + ((session * NETWORKS + n) << 8);
}

static void lookups(struct table *t)
{
	struct table_hit hit;
	uintptr_t sum = 0;

	urcu_memb_read_lock();
	for (size_t i = 0; i < LOOKUPS; i++)
		if (table_lookup_v4(t, asked[i], &hit))
			sum += (uintptr_t)hit.session;
	urcu_memb_read_unlock();
	sink = sum;
}

static void measure(struct table *t, const char *what, uint32_t (*address)(uint32_t at))
{
	uint64_t best;

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		struct addr a = addr_v4(address((uint32_t)(i * 2654435761u)));

		for (int k = 0; k < 4; k++)
			asked[i][k] = a.octets[k];
	}
	MICRO_BEST(best, 200, lookups(t));
	printf("%-56s %8.1f cycles a lookup\n", what, (double)best / LOOKUPS);
}

static uint32_t an_address(uint32_t at)
{
	return 0x0a000002 + at % SESSIONS;
}

static uint32_t behind(uint32_t at)
{
	return network_of(at % SESSIONS, at / SESSIONS % NETWORKS) + 9;
}

static uint32_t nowhere(uint32_t at)
{
	return 0xc0000000 + at % 65536;
}

int main(void)
{
	static const uint8_t lengths[NETWORKS] = {24, 25, 26, 27, 28};
	struct table *t;

	urcu_memb_register_thread();
	if (table_new(&t) < 0)
		return 1;
	for (uint32_t s = 0; s < SESSIONS; s++)
		add(t, 0x0a000002 + s, 32, s + 1);
	measure(t, "10,000 sessions with an address: that address", an_address);
	measure(t, "  an address that leads nowhere", nowhere);
	for (uint32_t s = 0; s < SESSIONS; s++)
		for (uint32_t n = 0; n < NETWORKS; n++)
			add(t, network_of(s, n), lengths[n], s + 1);
	measure(t, "and five networks each, of five lengths: an address", an_address);
	measure(t, "  one in a network", behind);
	measure(t, "  an address that leads nowhere", nowhere);
	table_free(t);
	urcu_memb_unregister_thread();
	return 0;
}
