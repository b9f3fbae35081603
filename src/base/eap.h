// SPDX-License-Identifier: Apache-2.0
/*
 * base/eap.h — packets of the Extensible Authentication Protocol (RFC 3748 section 4).
 *
 * It stands in base/ because the carrier (ppp/auth/eap.c), the methods of a server (aaa/eap/) and those
 * of a client read the same packets, and neither may know the other.
 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"

enum eap_code { EAP_REQUEST = 1, EAP_RESPONSE, EAP_SUCCESS, EAP_FAILURE };

enum eap_type {
	EAP_IDENTITY = 1,
	EAP_NOTIFICATION = 2,
	EAP_NAK = 3,
	EAP_MD5 = 4,
	EAP_TLS = 13,
	EAP_PEAP = 25,
	EAP_MSCHAPV2 = 26,
	EAP_TLV = 33, /* Extensions, inside PEAP */
	EAP_EXPANDED = 254,
};

#define EAP_HEADER_LEN 4
#define EAP_PACKET_MAX 1500 /* what is built here, and the longest that a PPP frame brings */
#define EAP_MSK_LEN 64      /* RFC 3748 7.10 */

struct eap_packet {
	uint8_t code, identifier;
	uint8_t type;    /* Request and Response; else 0 */
	struct rd data;  /* behind the type */
	struct rd whole; /* without padding */
};

/* -EPROTO: the length is wrong, a Request or Response has no type, or the code is none of the four. */
static inline int eap_packet_parse(struct rd octets, struct eap_packet *ret)
{
	struct rd in = octets;
	struct eap_packet p = {.code = rd_u8(&in), .identifier = rd_u8(&in)};
	size_t length = rd_be16(&in);

	if (in.short_read || length < EAP_HEADER_LEN || length > rd_left(&octets))
		return -EPROTO;
	if (p.code < EAP_REQUEST || p.code > EAP_FAILURE)
		return -EPROTO;
	p.whole = rd_init(octets.p, length);
	p.data = rd_sub(&in, length - EAP_HEADER_LEN);
	if (p.code == EAP_REQUEST || p.code == EAP_RESPONSE) {
		p.type = rd_u8(&p.data);
		if (p.data.short_read)
			return -EPROTO;
	}
	*ret = p;
	return 0;
}

/* The header of n octets of type and data, in front of them. */
static inline void eap_header(uint8_t *ret, enum eap_code code, uint8_t identifier, size_t n)
{
	ret[0] = (uint8_t)code;
	ret[1] = identifier;
	ret[2] = (uint8_t)((n + EAP_HEADER_LEN) >> 8);
	ret[3] = (uint8_t)(n + EAP_HEADER_LEN);
}
