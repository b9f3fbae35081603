// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: SSTP is a stream of packets with a four-octet header; a packet is a PPP frame or a
 * control message of nine kinds. Only the header says where the next packet begins,
 * so an invalid header ends the connection, while any fault behind the header can be answered with
 * a message.
 *
 * Implements [MS-SSTP] 2.2.1 to 2.2.3 and the layouts of 2.2.9 to 2.2.15. Every length is checked
 * here and in attr.c, nowhere else.
 */
#include "sstp/packet.h"

#include <errno.h>

#include "base/auto.h"
#include "base/hot.h"
#include "base/wr.h"

/*
 * [MS-SSTP] 2.2.1 SSTP Packet
 *   0               8             15 16    20                     31
 *  +---------------+--------------+-+-----+-----------------------+
 *  | Version 0x10  |  Reserved    |C|  R  |        Length         |
 *  +---------------+--------------+-+-----+-----------------------+
 */
HOT int sstp_packet_parse(struct rd *in, struct sstp_packet *ret)
{
	struct rd r = *in, body;
	uint8_t version = rd_u8(&r);
	bool control = rd_u8(&r) & SSTP_FLAG_C;
	uint16_t length = rd_be16(&r) & SSTP_LENGTH_MASK;

	if (r.short_read)
		return -EAGAIN;
	if (version != SSTP_VERSION_1_0)
		return -EPROTO;
	if (length < (control ? SSTP_CONTROL_HEADER_LEN : SSTP_HEADER_LEN))
		return -EPROTO;
	body = rd_sub(&r, (size_t)length - SSTP_HEADER_LEN);
	if (r.short_read)
		return -EAGAIN;
	*ret = (struct sstp_packet){.control = control, .body = body, .start = in->p};
	*in = r;
	return 0;
}

/* [MS-SSTP] 2.2.2: type (2), number of attributes (2), attributes. */
int sstp_message_parse(struct rd body, struct sstp_message *ret)
{
	uint16_t announced;

	ret->type = rd_be16(&body);
	announced = rd_be16(&body);
	ret->n_attrs = 0;
	ret->extra = 0;
	if (body.short_read || !sstp_msg_name(ret->type))
		return -EBADMSG;
	for (size_t i = 0; i < announced; i++) {
		if (ret->n_attrs == SSTP_ATTRS_MAX)
			return -EBADMSG;
		sstp_attr_parse(&body, &ret->attrs[ret->n_attrs++]);
		if (ret->attrs[i].fault == SSTP_ATTR_BROKEN)
			return -EBADMSG;
	}
	ret->extra = rd_left(&body);
	return 0;
}

size_t sstp_message_build(
	enum sstp_msg type, const struct sstp_attr *attrs, size_t n_attrs, uint8_t *ret, size_t cap)
{
	struct wr w = wr_init(ret, cap);
	uint8_t *length;

	wr_u8(&w, SSTP_VERSION_1_0);
	wr_u8(&w, SSTP_FLAG_C);
	length = wr_room(&w, 2);
	wr_be16(&w, (uint16_t)type);
	wr_be16(&w, (uint16_t)n_attrs);
	for (size_t i = 0; i < n_attrs; i++)
		sstp_attr_put(&w, &attrs[i]);
	if (w.overflow)
		return 0;
	wr_patch_be16(length, wr_len(&w));
	return wr_len(&w);
}

const char *sstp_msg_name(uint16_t type)
{
	static const char *const names[] = {
		[SSTP_MSG_CALL_CONNECT_REQUEST] = "SSTP_MSG_CALL_CONNECT_REQUEST",
		[SSTP_MSG_CALL_CONNECT_ACK] = "SSTP_MSG_CALL_CONNECT_ACK",
		[SSTP_MSG_CALL_CONNECT_NAK] = "SSTP_MSG_CALL_CONNECT_NAK",
		[SSTP_MSG_CALL_CONNECTED] = "SSTP_MSG_CALL_CONNECTED",
		[SSTP_MSG_CALL_ABORT] = "SSTP_MSG_CALL_ABORT",
		[SSTP_MSG_CALL_DISCONNECT] = "SSTP_MSG_CALL_DISCONNECT",
		[SSTP_MSG_CALL_DISCONNECT_ACK] = "SSTP_MSG_CALL_DISCONNECT_ACK",
		[SSTP_MSG_ECHO_REQUEST] = "SSTP_MSG_ECHO_REQUEST",
		[SSTP_MSG_ECHO_RESPONSE] = "SSTP_MSG_ECHO_RESPONSE",
	};

	return type < ARRAY_SIZE(names) ? names[type] : NULL;
}
