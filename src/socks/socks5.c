// SPDX-License-Identifier: Apache-2.0
#include "socks/socks5.h"

#include <errno.h>

#include "base/addr.h"

#define VERSION 5
#define NO_AUTHENTICATION 0
#define NO_ACCEPTABLE_METHODS 0xff
#define CONNECT 1
#define IPV4 1
#define NAME 3
#define IPV6 4

int socks5_greeting(struct rd *in, uint8_t *ret_method)
{
	struct rd r = *in;
	uint8_t version = rd_u8(&r), n = rd_u8(&r);
	const uint8_t *methods;

	if (!in->short_read && rd_left(in) && version != VERSION)
		return -EPROTO;
	methods = rd_ptr(&r, n);
	if (r.short_read)
		return -EAGAIN;
	*in = r;
	*ret_method = NO_ACCEPTABLE_METHODS;
	for (size_t i = 0; i < n; i++)
		if (methods[i] == NO_AUTHENTICATION)
			*ret_method = NO_AUTHENTICATION;
	return *ret_method == NO_AUTHENTICATION ? 0 : -EACCES;
}

static bool take_address(struct rd *r, uint8_t family, char ret[static ADDR_TEXT_LEN])
{
	struct addr a = {.family = family};

	rd_copy(r, a.octets, addr_len(&a));
	addr_format(&a, ret);
	return !r->short_read;
}

int socks5_request(struct rd *in, struct destination *ret, uint8_t *ret_reply)
{
	struct rd r = *in;
	uint8_t version = rd_u8(&r), command = rd_u8(&r);
	char text[ADDR_TEXT_LEN];
	const void *host = text;
	size_t n = 0;
	uint16_t port;

	rd_u8(&r); /* reserved */
	switch (rd_u8(&r)) {
	case IPV4: n = take_address(&r, AF_INET, text) ? strlen(text) : 0; break;
	case IPV6: n = take_address(&r, AF_INET6, text) ? strlen(text) : 0; break;
	case NAME:
		n = rd_u8(&r);
		host = rd_ptr(&r, n);
		break;
	default:
		if (r.short_read)
			return -EAGAIN;
		*ret_reply = SOCKS5_ADDRESS_TYPE;
		return version == VERSION ? -EOPNOTSUPP : -EPROTO;
	}
	port = rd_be16(&r);
	if (r.short_read)
		return -EAGAIN;
	if (version != VERSION)
		return -EPROTO;
	*in = r;
	*ret_reply = command == CONNECT ? SOCKS5_FAILURE : SOCKS5_COMMAND;
	return command == CONNECT && port && destination_set(ret, host, n, port) ? 0 : -EOPNOTSUPP;
}

/* The bound address is not known to the program that asks, and none looks at it: zeros. */
void socks5_answer(uint8_t reply, uint8_t ret[static SOCKS5_REPLY_LEN])
{
	memset(ret, 0, SOCKS5_REPLY_LEN);
	ret[0] = VERSION;
	ret[1] = reply;
	ret[3] = IPV4;
}

uint8_t socks5_reply_of(int error)
{
	switch (error) {
	case 0: return SOCKS5_SUCCEEDED;
	case -ENETUNREACH: return SOCKS5_NET_UNREACHABLE;
	case -EHOSTUNREACH:
	case -ETIMEDOUT: return SOCKS5_HOST_UNREACHABLE;
	case -ECONNREFUSED: return SOCKS5_REFUSED;
	default: return SOCKS5_FAILURE;
	}
}
