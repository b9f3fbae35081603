/*
 * What the PPP fuzzers share: the input as steps, and what must hold of every frame that goes out.
 *
 * A step begins with an octet: up to 0xef it is the length of a packet that follows; 0xf0 to 0xf3 let
 * the time pass to the next deadline; 0xf4 to 0xf7 are for the target's own use; 0xf8 to 0xff send
 * the last frame that went out back, with the octet that follows as its code: an Ack, a Nak.
 */
#pragma once
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "ppp/frame.h"
#include "ppp/limits.h"

#define STEPS_MAX 400 /* longer inputs find nothing more */

enum step { STEP_PACKET, STEP_TIME, STEP_OWN, STEP_ANSWER, STEP_END };

#define must(b) assert(b)

/* *ret: the packet, or (STEP_OWN, STEP_ANSWER) one octet. */
static inline enum step next_step(struct rd *in, struct rd *ret)
{
	uint8_t op;

	if (!rd_left(in))
		return STEP_END;
	op = rd_u8(in);
	if (op >= 0xf0 && op <= 0xf3)
		return STEP_TIME;
	*ret = rd_sub(in, op >= 0xf4 ? 1 : op);
	if (in->short_read)
		return STEP_END;
	return op >= 0xf8 ? STEP_ANSWER : op >= 0xf4 ? STEP_OWN : STEP_PACKET;
}

struct last_frame {
	uint8_t octets[PPP_FRAME_MAX];
	size_t n;
};

/* Every frame out is one packet, whole, in its long form, and no longer than it may be. */
static inline void check_frame(const uint8_t *frame, size_t n)
{
	struct rd r = rd_init(frame, n);
	struct ppp_packet packet;
	uint16_t protocol;

	must(n >= 8 && n <= PPP_FRAME_MAX && frame[0] == 0xff && frame[1] == 0x03);
	must(ppp_frame_parse(&r, &protocol) == 0 && !ppp_protocol_is_data(protocol));
	must(ppp_packet_parse(r, &packet) == 0 && rd_left(&packet.whole) == n - 4);
}

static inline void drain(struct buf *queue, struct last_frame *last)
{
	uint8_t frame[PPP_FRAME_MAX];
	size_t n;

	must(buf_len(queue) <= PPP_OUTPUT_MAX);
	while ((n = ppp_queue_take(queue, frame, sizeof(frame)))) {
		check_frame(frame, n);
		memcpy(last->octets, frame, n);
		last->n = n;
	}
}

/* A packet made of the last frame, with another code; false: there was none. */
static inline bool answer_of(struct last_frame *last, struct rd step, struct ppp_packet *ret)
{
	if (!last->n)
		return false;
	last->octets[4] = rd_u8(&step);
	return ppp_packet_parse(rd_init(last->octets + 4, last->n - 4), ret) == 0;
}
