// SPDX-License-Identifier: Apache-2.0
#include "datapath/allowance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/link_state.h"
#include "offload/segment.h"

#define QUEUE_US 250000 /* what may wait: as much as goes in that time */
#define QUEUE_MIN (32 * 1024)

int allowance_new(uint32_t seed, struct allowance **ret)
{
	struct allowance *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->held_opts = FQ_CODEL_DEFAULTS;
	a->down_limit = UINT32_MAX;
	fq_codel_init(&a->held, &a->held_opts, seed);
	*ret = a;
	return 0;
}

static void drop_chain(struct allowance *a)
{
	for (size_t i = 0; i < a->chain.n; i++)
		filter_unref(a->chain.item[i]);
	a->chain.n = 0;
}

void allowance_free(struct allowance *a)
{
	if (!a)
		return;
	fq_codel_done(&a->held);
	drop_chain(a);
	free(a);
}

static uint32_t queue_limit(uint64_t rate)
{
	uint64_t octets = rate / 8 * QUEUE_US / 1000000;

	if (!rate)
		return UINT32_MAX;
	return octets < QUEUE_MIN         ? QUEUE_MIN
	       : octets > FQ_LIMIT_OCTETS ? (uint32_t)FQ_LIMIT_OCTETS
					  : (uint32_t)octets;
}

/* RFC 8290 section 5.2.1: a target below the time of one packet would drop each. */
static uint32_t target_us(uint64_t rate)
{
	uint64_t packet_us = rate ? UINT64_C(1514) * 8 * 3 / 2 * 1000000 / rate : 0;

	return packet_us > 5000 ? (uint32_t)packet_us : 5000;
}

void allowance_set_rates(struct allowance *a, uint64_t down, uint64_t up, uint64_t now_us)
{
	shaper_set(&a->down, down, now_us);
	shaper_set(&a->up, up, now_us);
	a->down_limit = queue_limit(down);
	a->held_opts.limit_octets = up ? queue_limit(up) : (uint32_t)FQ_LIMIT_OCTETS;
	a->held_opts.target_us = target_us(up);
	a->held_opts.interval_us =
		a->held_opts.target_us > 5000 ? 20 * a->held_opts.target_us : 100000;
}

void allowance_set_filter(struct allowance *a, const struct filter_chain *chain)
{
	struct filter_chain next = chain ? *chain : (struct filter_chain){0};

	for (size_t i = 0; i < next.n; i++)
		filter_ref(next.item[i]);
	drop_chain(a);
	a->chain = next;
	a->filtered = chain;
}

bool allowance_is_empty(const struct allowance *a)
{
	return !a->down.rate && !a->up.rate && !a->filtered && fq_codel_empty(&a->held);
}

/* ---- from the peer, over its rate ----------------------------------------------- */

static void count_losses(struct allowance *a, struct port *p)
{
	uint64_t lost = a->held.stats.dropped + a->held.stats.dropped_full;

	stat_add(&p->stats.drop_queue, lost - a->lost);
	a->lost = lost;
}

static void hold(struct allowance *a, struct link *l, const uint8_t *octets,
	const struct ip_packet *p, uint64_t now_us)
{
	static const struct vnet_hdr plain;
	struct pbuf *pkt = pbuf_get(l->port->pool, p->len);

	if (!pkt) {
		stat_add(&l->port->stats.drop_queue, 1);
		return;
	}
	memcpy(pkt->octets, octets, p->len);
	pkt->ip = *p;
	if (segment_init(&pkt->segment, &plain, pkt->octets, p->len) < 0)
		pbuf_free(pkt);
	else
		fq_codel_enqueue(&a->held, pkt, now_us);
	count_losses(a, l->port);
}

bool allowance_holds(struct allowance *a, struct link *l, const uint8_t *octets,
	const struct ip_packet *p, uint64_t now_us)
{
	if (!a->up.rate && fq_codel_empty(&a->held))
		return false;
	if (fq_codel_empty(&a->held) && shaper_ask(&a->up, now_us)) {
		shaper_spend(&a->up, p->len);
		return false;
	}
	hold(a, l, octets, p, now_us);
	return true;
}

/* Frames as the queue writes them; each is one packet. Returns the octets of packets. */
static uint64_t deliver(struct port *p, const uint8_t *frames, size_t n)
{
	uint64_t sum = 0;

	while (n >= SEGMENT_PREFIX_LEN) {
		size_t len = (size_t)(frames[2] & 0x0f) << 8 | frames[3];
		struct ip_packet ip;

		if (len < SEGMENT_PREFIX_LEN || len > n)
			break;
		packet_parse(frames + SEGMENT_PREFIX_LEN, len - SEGMENT_PREFIX_LEN, &ip);
		port_deliver(p, frames + SEGMENT_PREFIX_LEN, &ip);
		sum += ip.len;
		frames += len;
		n -= len;
	}
	port_deliver_end(p);
	return sum;
}

uint64_t allowance_release(struct allowance *a, struct link *l, uint64_t now_us)
{
	uint32_t may;

	while (!fq_codel_empty(&a->held) && (may = shaper_ask(&a->up, now_us))) {
		size_t n = fq_codel_fill(&a->held, now_us, may, l->port->tx, PORT_TX_LEN);

		if (!n)
			break;
		shaper_spend(&a->up, deliver(l->port, l->port->tx, n));
	}
	count_losses(a, l->port);
	if (fq_codel_empty(&a->held))
		return 0;
	return shaper_wait_us(&a->up) / 1000 + 1;
}
