// SPDX-License-Identifier: Apache-2.0
/*
 * sstp/packet.h — SSTP packets and control messages on the wire ([MS-SSTP] 2.2.1 to 2.2.3,
 * 2.2.9 to 2.2.15).
 *
 * Ownership: parsing copies nothing; what comes out points into the octets that went in.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "sstp/attr.h"
#include "sstp/limits.h"

#define SSTP_VERSION_1_0 0x10
#define SSTP_FLAG_C 0x01 /* control packet; the other seven bits are reserved */
#define SSTP_LENGTH_MASK 0x0fff

#define SSTP_HEADER_LEN 4
#define SSTP_CONTROL_HEADER_LEN 8
#define SSTP_PACKET_MAX 4095
#define SSTP_FRAME_MAX (SSTP_PACKET_MAX - SSTP_HEADER_LEN) /* the largest PPP frame, 3.1.5.2 */
#define SSTP_CALL_CONNECTED_LEN 112
#define SSTP_CERT_HASH_OFFSET 48 /* in a CALL_CONNECTED */
#define SSTP_MAC_OFFSET 80

/* The largest message sstp_message_build() makes: a NAK with every Status Info it can hold. */
#define SSTP_MESSAGE_MAX                                                                           \
	(SSTP_CONTROL_HEADER_LEN +                                                                 \
		(SSTP_ATTRS_MAX + 1) * (SSTP_STATUS_INFO_LEN + SSTP_STATUS_VALUE_MAX))

enum sstp_msg { /* 2.2.2 */
	SSTP_MSG_CALL_CONNECT_REQUEST = 0x0001,
	SSTP_MSG_CALL_CONNECT_ACK = 0x0002,
	SSTP_MSG_CALL_CONNECT_NAK = 0x0003,
	SSTP_MSG_CALL_CONNECTED = 0x0004,
	SSTP_MSG_CALL_ABORT = 0x0005,
	SSTP_MSG_CALL_DISCONNECT = 0x0006,
	SSTP_MSG_CALL_DISCONNECT_ACK = 0x0007,
	SSTP_MSG_ECHO_REQUEST = 0x0008,
	SSTP_MSG_ECHO_RESPONSE = 0x0009,
};

struct sstp_packet {
	bool control;
	struct rd body;       /* a PPP frame, or the message from its type on */
	const uint8_t *start; /* of the header: the crypto binding is made over all of it */
};

/*
 * Returns 0 and advances *in past the packet; -EAGAIN when octets are missing (*in untouched, call
 * again with more); -EPROTO when the stream is lost: close without a message (3.1.5.1).
 */
int sstp_packet_parse(struct rd *in, struct sstp_packet *ret);

struct sstp_message {
	uint16_t type; /* enum sstp_msg, or an unknown number */
	size_t n_attrs;
	struct sstp_attr attrs[SSTP_ATTRS_MAX]; /* with their own faults, attr.h */
	size_t extra;                           /* octets after the attributes announced */
};

/*
 * A control packet's body. Returns 0, or -EBADMSG for a message to be answered with
 * INVALID_FRAME_RECEIVED (3.1.5.1): unknown type, attributes that run over the end, are shorter
 * than their header, or more than SSTP_ATTRS_MAX. Then *ret holds what was read up to there.
 */
int sstp_message_parse(struct rd body, struct sstp_message *ret);

/* A whole packet into ret; returns its length, 0 when `cap` is too small. */
size_t sstp_message_build(enum sstp_msg type, const struct sstp_attr *attrs, size_t n_attrs,
	uint8_t *ret, size_t cap);

/* "SSTP_MSG_CALL_ABORT"; NULL for a type the document does not have. */
const char *sstp_msg_name(uint16_t type);

/* The header of a data packet in front of a PPP frame of frame_len <= SSTP_FRAME_MAX octets. */
static inline void sstp_data_header(uint8_t ret[static SSTP_HEADER_LEN], size_t frame_len)
{
	size_t length = frame_len + SSTP_HEADER_LEN;

	ret[0] = SSTP_VERSION_1_0;
	ret[1] = 0;
	ret[2] = (uint8_t)(length >> 8);
	ret[3] = (uint8_t)length;
}
