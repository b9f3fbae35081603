// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/frame.h — PPP frames as SSTP carries them: `[FF 03] protocol payload`, no flags, no byte
 * stuffing, no FCS (RFC 1662 3.1 less what the SSTP packet and TLS already do).
 *
 * Received frames may omit FF 03 and the first octet of the protocol at any time, whatever was
 * negotiated; sent ones never do: both forms are legal in every state and peers exist that take
 * only the long one.
 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"

enum ppp_protocol {
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_IPCP = 0x8021,
	PPP_IPV6CP = 0x8057,
	PPP_CCP = 0x80fd,
	PPP_LCP = 0xc021,
	PPP_PAP = 0xc023,
	PPP_CHAP = 0xc223,
	PPP_EAP = 0xc227,
};

#define PPP_HEADER_LEN 4

/* Of the data path: parse with it, hand everything from 0x8000 up to ppp_recv(). */
static inline bool ppp_protocol_is_data(uint16_t protocol)
{
	return protocol < 0x8000;
}

/*
 * Advances *frame to the payload. -EPROTO when there is no protocol number in it (*frame untouched).
 * A number that breaks the rule "first octet even, last octet odd" counts as an unknown protocol
 * (RFC 1661 2) and is returned as it stands.
 */
static inline int ppp_frame_parse(struct rd *frame, uint16_t *ret_protocol)
{
	const uint8_t *p = frame->p;
	size_t n = rd_left(frame);

	if (n >= 2 && p[0] == 0xff && p[1] == 0x03) {
		p += 2;
		n -= 2;
	}
	if (n >= 2 && !(p[0] & 1)) {
		*ret_protocol = (uint16_t)(p[0] << 8 | p[1]);
		frame->p = p + 2;
		return 0;
	}
	if (n < 1 || !(p[0] & 1) || p[0] == 0xff)
		return -EPROTO;
	*ret_protocol = p[0]; /* RFC 1661 6.5 */
	frame->p = p + 1;
	return 0;
}

static inline void ppp_frame_header(uint8_t ret[static PPP_HEADER_LEN], uint16_t protocol)
{
	ret[0] = 0xff;
	ret[1] = 0x03;
	ret[2] = (uint8_t)(protocol >> 8);
	ret[3] = (uint8_t)protocol;
}

/* What LCP, the NCPs, PAP and CHAP share: code, identifier, length (RFC 1661 5). */
struct ppp_packet {
	uint8_t code, identifier;
	struct rd body;  /* after the four octets */
	struct rd whole; /* from the code on, without padding */
};

/* -EPROTO when the length is below 4 or beyond the end; octets after it are padding. */
int ppp_packet_parse(struct rd payload, struct ppp_packet *ret);

/* The frames waiting to be sent, in a buf with a limit: a frame that does not fit is dropped. */
void ppp_queue_packet(struct buf *queue, uint16_t protocol, uint8_t code, uint8_t identifier,
	const void *body, size_t n);
/* The oldest frame; 0 when none waits. cap must be PPP_FRAME_MAX or more. Wipes what it took. */
size_t ppp_queue_take(struct buf *queue, uint8_t *frame, size_t cap);

/* A peer's octets as a string, not escaped (base/text.h does that at the output); cut to cap. */
void ppp_text(struct rd octets, char *ret, size_t cap);
