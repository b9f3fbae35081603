// SPDX-License-Identifier: Apache-2.0
/*
 * offload/segment.h — cuts a packet from the TUN into the frames that go over the tunnel.
 *
 * The kernel hands over TCP and UDP in pieces of up to 64 KiB with unfinished checksums. A
 * struct segment walks over such a piece and writes, for each packet it stands for, straight into
 * the caller's plaintext buffer:
 *
 *     SSTP data header   10 00 LL LL           [MS-SSTP] 2.2.1, 2.2.3
 *     PPP header         FF 03 00 21 | 00 57   RFC 1662 3.1 (no ACFC, no PFC), 1332, 5072
 *     IP packet          finished: lengths, IPv4 id, TCP sequence and flags, checksums
 *
 * back to back: no copy but the one into the buffer, and the checksum is summed on the way.
 *
 *     segment_init(&s, &vnet, packet, n)
 *     while (!segment_done(&s))
 *         n = segment_frames(&s, room, room_len)    (write these n octets, make room, go on later)
 *
 * Ownership: the caller owns packet and keeps it until segment_done(); struct segment is a value
 *            (no _done) and may be copied: the queue keeps it beside the packet.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "offload/vnet.h"

enum segment_limits {
	SEGMENT_PREFIX_LEN = 8,   /* SSTP and PPP header of a frame */
	SEGMENT_FRAME_MAX = 4095, /* [MS-SSTP] 2.2.1: 12 bits of length */
	SEGMENT_PACKET_MAX = SEGMENT_FRAME_MAX - SEGMENT_PREFIX_LEN,
	SEGMENT_SUPER_MAX = 65575, /* the largest the TUN gives: IPv6 header + 65535 */
};

struct segment {
	const uint8_t *packet;
	uint32_t len;        /* octets of it */
	uint32_t next;       /* the first octet not yet sent; `len`: all done */
	uint16_t gso_size;   /* 0: one packet, sent as it is but for the checksum */
	uint16_t l4;         /* where the checksum starts */
	uint16_t check;      /* where it is stored; 0: it is finished already */
	uint16_t header_len; /* gso: octets repeated in front of each segment */
	uint16_t l4_sum;     /* gso: sum of the pseudo header without its length */
	bool udp;            /* gso: UDP_L4, else TCP */
};

/*
 * Begins to cut the packet of n octets behind *vnet. -EPROTO: the two do not fit each other or it
 * is no IP packet: drop it. -EMSGSIZE: a frame cannot carry it (SEGMENT_PACKET_MAX).
 */
int segment_init(struct segment *s, const struct vnet_hdr *vnet, const void *packet, size_t n);

static inline bool segment_done(const struct segment *s)
{
	return s->next >= s->len;
}

/* Octets of the largest IP packet that will come out; above the peer's MRU it is too big. */
static inline size_t segment_largest(const struct segment *s)
{
	return s->gso_size ? (size_t)s->header_len + s->gso_size : s->len;
}

/* Packets still to come; 0 when done. */
uint32_t segment_count(const struct segment *s);
/* Octets of the next frame, 0 when done; and of all that are still to come. */
size_t segment_next_frame(const struct segment *s);
size_t segment_all_frames(const struct segment *s);

/* Writes as many whole frames as fit; returns their octets. */
size_t segment_frames(struct segment *s, uint8_t *out, size_t room);
/* Drops the next packet. */
void segment_skip(struct segment *s);
