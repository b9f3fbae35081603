// SPDX-License-Identifier: Apache-2.0
/*
 * sstp/stream.h — packets out of a stream of octets that is cut anywhere.
 *
 * Ownership: a packet points into the octets given to the last sstp_stream_feed(), or into the
 *            stream for one that came in pieces; it lives until the next feed or shrink. The octets
 *            fed are the caller's and must stay until sstp_stream_next() said -EAGAIN.
 * Memory:    none but for a cut packet, then two packets' size; given back when fed or shrunk with
 *            nothing cut.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "sstp/packet.h"

struct sstp_stream {    /* all zeros: empty */
	struct rd in;   /* fed, not yet parsed */
	uint8_t *mem;   /* NULL, or two halves of SSTP_PACKET_MAX */
	size_t cut_len; /* octets of the incomplete packet in the half in use */
	size_t half;    /* 0 or 1 */
};

/* Must not be called before the octets of the last call are used up. */
void sstp_stream_feed(struct sstp_stream *s, const void *octets, size_t n);

/* 0; -EAGAIN: feed more; -EPROTO: not SSTP (packet.h); -ENOMEM: a rest could not be kept. */
int sstp_stream_next(struct sstp_stream *s, struct sstp_packet *ret);

void sstp_stream_shrink(struct sstp_stream *s); /* an idle stream holds no memory */
void sstp_stream_stop(struct sstp_stream *s);   /* forgets what was not parsed */
void sstp_stream_done(struct sstp_stream *s);
