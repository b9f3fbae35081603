// SPDX-License-Identifier: Apache-2.0
#include "ppp/frame.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ppp/limits.h"

#define PACKET_HEADER_LEN 4
#define QUEUE_LENGTH_LEN 2 /* each queued frame stands behind its length */

int ppp_packet_parse(struct rd payload, struct ppp_packet *ret)
{
	struct rd r = payload;
	uint8_t code = rd_u8(&r), identifier = rd_u8(&r);
	uint16_t length = rd_be16(&r);

	if (r.short_read || length < PACKET_HEADER_LEN)
		return -EPROTO;

	struct rd body = rd_sub(&r, length - PACKET_HEADER_LEN);

	if (r.short_read)
		return -EPROTO;
	*ret = (struct ppp_packet){code, identifier, body, rd_init(payload.p, length)};
	return 0;
}

void ppp_queue_packet(struct buf *queue, uint16_t protocol, uint8_t code, uint8_t identifier,
	const void *body, size_t n)
{
	size_t length = PACKET_HEADER_LEN + n, frame = PPP_HEADER_LEN + length;
	uint8_t *p;

	assert(length <= PPP_PACKET_MAX);
	if (buf_reserve(queue, QUEUE_LENGTH_LEN + frame, &p) < 0)
		return;
	p[0] = (uint8_t)(frame >> 8);
	p[1] = (uint8_t)frame;
	ppp_frame_header(p + 2, protocol);
	p[6] = code;
	p[7] = identifier;
	p[8] = (uint8_t)(length >> 8);
	p[9] = (uint8_t)length;
	if (n)
		memcpy(p + 10, body, n);
	buf_commit(queue, QUEUE_LENGTH_LEN + frame);
}

size_t ppp_queue_take(struct buf *queue, uint8_t *frame, size_t cap)
{
	struct rd r = rd_init(buf_data(queue), buf_len(queue));
	size_t n = rd_be16(&r);

	if (!n)
		return 0;
	assert(n <= cap);
	rd_copy(&r, frame, n);
	/* A PAP password may have been in it. */
	explicit_bzero(queue->mem + queue->head, QUEUE_LENGTH_LEN + n);
	buf_consume(queue, QUEUE_LENGTH_LEN + n);
	buf_shrink(queue);
	return n;
}

void ppp_text(struct rd octets, char *ret, size_t cap)
{
	text_of_octets(octets.p, rd_left(&octets), ret, cap);
}
