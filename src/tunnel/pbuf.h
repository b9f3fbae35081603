// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/pbuf.h — packet buffers of one worker: three sizes, free lists, a bound for each size.
 *
 * Ownership: pbuf_get() hands the packet to the caller; pbuf_free() gives it back from wherever it
 *            is. The pool outlives its packets.
 * Threads:   a pool and its packets belong to one worker; nothing here locks.
 * Memory:    is allocated when first needed and kept for the next packet; pbuf_pool_trim(), now and then,
 *            gives back what was not used, so that an idle worker holds one buffer of each size.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "ip/packet.h"
#include "offload/segment.h"

enum pbuf_class {
	PBUF_SMALL,  /* one packet */
	PBUF_MEDIUM, /* a few */
	PBUF_LARGE,  /* whatever a TUN read may give: virtio_net_hdr and 64 KiB */
	PBUF_CLASSES,
};

enum pbuf_octets {
	PBUF_SMALL_OCTETS = 2048,
	PBUF_MEDIUM_OCTETS = 8192,
	PBUF_LARGE_OCTETS = 65536 + 128,
};

struct pbuf_pool;

struct pbuf {
	struct pbuf *next; /* in the list or queue it is in */
	struct pbuf_pool *pool;
	enum pbuf_class class;
	uint32_t cap;           /* octets[] holds so many */
	uint64_t enqueued_us;   /* monotonic; set by the queue */
	struct ip_packet ip;    /* packet_parse() of octets[]; set by the owner */
	struct segment segment; /* what of octets[] is still to go out; set by the owner */
	uint8_t octets[];
};

int pbuf_pool_new(const uint32_t max[static PBUF_CLASSES], struct pbuf_pool **ret);
void pbuf_pool_free(struct pbuf_pool *pool);
DEFINE_AUTO(pbuf_pool, struct pbuf_pool *, pbuf_pool_free)

/* A packet with room for n octets; NULL: the bound is reached, there is no memory, or n is too large. */
struct pbuf *pbuf_get(struct pbuf_pool *pool, size_t n);
void pbuf_free(struct pbuf *p); /* NULL is fine */
DEFINE_AUTO(pbuf, struct pbuf *, pbuf_free)

/*
 * Moves p to the smallest buffer that holds its first n octets, segment included, when there is one
 * free; returns p or the new one. For packets that are going to wait: a TUN read takes a large one.
 */
struct pbuf *pbuf_fit(struct pbuf *p, size_t n);

/* Asks for what the next packets touch (base/hot.h). */
void pbuf_pool_prefetch(const struct pbuf_pool *pool);

/*
 * Gives back half of the memory that lies unused, but one buffer of each size: the next lone packet
 * would wait for it. Call it every second or so.
 */
void pbuf_pool_trim(struct pbuf_pool *pool);

/* Packets that are out there, and memory that is allocated, used or not. */
uint32_t pbuf_pool_used(const struct pbuf_pool *pool, enum pbuf_class class);
size_t pbuf_pool_octets(const struct pbuf_pool *pool);
