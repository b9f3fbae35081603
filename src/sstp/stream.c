// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: TLS delivers some 16 KiB at a time with a dozen packets, and the last packet is usually
 * cut. All other packets are used in place. The cut packet is copied to one half of a block of two
 * packets' size and completed from the next octets. The next cut packet goes to the other half, so
 * that the completed one stays valid (for a coalescer that collects frames).
 */
#include "sstp/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sstp_stream_shrink(struct sstp_stream *s)
{
	if (s->cut_len)
		return;
	if (s->mem)
		explicit_bzero(s->mem, 2 * SSTP_PACKET_MAX); /* PAP passwords come this way */
	free(s->mem);
	s->mem = NULL;
}

void sstp_stream_feed(struct sstp_stream *s, const void *octets, size_t n)
{
	sstp_stream_shrink(s);
	s->in = rd_init(octets, n);
}

static uint8_t *cut_mem(const struct sstp_stream *s)
{
	return s->mem + s->half * SSTP_PACKET_MAX;
}

/* Moves fed octets to the cut packet until it has `want` of them; false when they ran out. */
static bool cut_fill(struct sstp_stream *s, size_t want)
{
	size_t n = want - s->cut_len;

	if (n > rd_left(&s->in))
		n = rd_left(&s->in);
	rd_copy(&s->in, cut_mem(s) + s->cut_len, n);
	s->cut_len += n;
	return s->cut_len == want;
}

static int keep_rest(struct sstp_stream *s)
{
	size_t n = rd_left(&s->in); /* less than a packet, or it had been parsed */

	if (!n)
		return -EAGAIN;
	if (!s->mem)
		s->mem = malloc(2 * SSTP_PACKET_MAX);
	if (!s->mem)
		return -ENOMEM;
	cut_fill(s, n);
	return -EAGAIN;
}

/* Completes the packet whose beginning was kept: first its header, then as much as that says. */
static int next_cut(struct sstp_stream *s, struct sstp_packet *ret)
{
	struct rd whole;
	size_t length;
	int r;

	if (s->cut_len < SSTP_HEADER_LEN && !cut_fill(s, SSTP_HEADER_LEN))
		return -EAGAIN;
	whole = rd_init(cut_mem(s), SSTP_HEADER_LEN);
	rd_be16(&whole);
	length = rd_be16(&whole) & SSTP_LENGTH_MASK;
	if (length > s->cut_len)
		cut_fill(s, length); /* short or not: a header that is wrong is known now */
	whole = rd_init(cut_mem(s), s->cut_len);
	r = sstp_packet_parse(&whole, ret);
	if (r < 0)
		return r;
	s->half ^= 1;
	s->cut_len = 0;
	return 0;
}

int sstp_stream_next(struct sstp_stream *s, struct sstp_packet *ret)
{
	int r;

	if (s->cut_len)
		return next_cut(s, ret);
	r = sstp_packet_parse(&s->in, ret);
	return r == -EAGAIN ? keep_rest(s) : r;
}

void sstp_stream_stop(struct sstp_stream *s)
{
	s->in = (struct rd){0};
	s->cut_len = 0;
}

void sstp_stream_done(struct sstp_stream *s)
{
	sstp_stream_stop(s);
	sstp_stream_shrink(s);
}
