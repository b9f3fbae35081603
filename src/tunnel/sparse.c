// SPDX-License-Identifier: Apache-2.0
#include "tunnel/sparse.h"

#include <errno.h>
#include <stdlib.h>

#define SETS 64
#define WAYS 4

struct flow {
	uint32_t hash;
	uint32_t window_ms, last_ms; /* the clock's low 32 bits */
	uint32_t held;               /* octets by the lane since it became bulk */
	uint16_t octets;             /* in the window; as many as matter */
	uint8_t packets;
	bool known, bulk, by_lane;
};

struct sparse {
	uint64_t busy_until_ms; /* the main connection */
	struct flow flow[SETS][WAYS];
};

int sparse_new(struct sparse **ret)
{
	struct sparse *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}

void sparse_free(struct sparse *s)
{
	free(s);
}

/* The flow's entry; a new one, or one that was quiet for long, is reset. */
static struct flow *entry_of(struct sparse *s, uint32_t hash, uint32_t now_ms)
{
	struct flow *set = s->flow[hash / WAYS % SETS], *quietest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].known && set[i].hash == hash) {
			if (now_ms - set[i].last_ms < SPARSE_QUIET_MS)
				return &set[i];
			quietest = &set[i];
			break;
		}
		if (!set[i].known ||
			(quietest->known && now_ms - set[i].last_ms > now_ms - quietest->last_ms))
			quietest = &set[i];
	}
	*quietest = (struct flow){.hash = hash, .window_ms = now_ms, .last_ms = now_ms};
	return quietest;
}

static void count(struct flow *f, size_t n, uint32_t packets, uint32_t now_ms)
{
	if (now_ms - f->window_ms >= SPARSE_WINDOW_MS) {
		f->window_ms = now_ms;
		f->octets = 0;
		f->packets = 0;
	}
	if (f->bulk || f->octets + n > SPARSE_OCTETS || f->packets + packets > SPARSE_PACKETS) {
		f->bulk = true;
		return;
	}
	f->octets = (uint16_t)(f->octets + n);
	f->packets = (uint8_t)(f->packets + packets);
}

/* The way that the flow's next packet takes. */
static bool way(const struct flow *f, uint32_t gap_ms, bool busy)
{
	if (!f->known)
		return busy && !f->bulk;
	if (f->bulk)
		return f->by_lane && gap_ms < SPARSE_GAP_TO_MAIN_MS && f->held < SPARSE_HOLD_OCTETS;
	return f->by_lane || (busy && gap_ms >= SPARSE_GAP_TO_LANE_MS);
}

bool sparse_takes_lane(struct sparse *s, uint32_t hash, size_t n, uint32_t packets, uint64_t now_ms)
{
	uint32_t now = (uint32_t)now_ms;
	struct flow *f = entry_of(s, hash, now);

	count(f, n, packets, now);
	f->by_lane = way(f, now - f->last_ms, now_ms < s->busy_until_ms);
	f->held = f->bulk && f->by_lane ? f->held + (uint32_t)n : 0;
	if (f->bulk && !f->by_lane)
		s->busy_until_ms = now_ms + SPARSE_BUSY_MS;
	f->known = true;
	f->last_ms = now;
	return f->by_lane;
}
