// SPDX-License-Identifier: Apache-2.0
/*
 * socks/socks5.h — the server's side of SOCKS version 5 (RFC 1928): no authentication, CONNECT only.
 *
 * Pure: octets in, octets out. Names are passed on as they are, to be resolved where the connection is
 * made.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "socks/destination.h"

#define SOCKS5_REPLY_LEN 10

/* RFC 1928 section 6. */
enum socks5_reply {
	SOCKS5_SUCCEEDED = 0,
	SOCKS5_FAILURE = 1,
	SOCKS5_NET_UNREACHABLE = 3,
	SOCKS5_HOST_UNREACHABLE = 4,
	SOCKS5_REFUSED = 5,
	SOCKS5_COMMAND = 7,
	SOCKS5_ADDRESS_TYPE = 8,
};

/*
 * The methods that the client offers; *ret_method goes back behind a 5. 0 and *in behind it; -EAGAIN:
 * octets are missing; -EPROTO: this is not SOCKS 5; -EACCES: answered with 0xff, then closed.
 */
int socks5_greeting(struct rd *in, uint8_t *ret_method);
/* The request. As above; on -EOPNOTSUPP *ret_reply says which reply to close with. */
int socks5_request(struct rd *in, struct destination *ret, uint8_t *ret_reply);
void socks5_answer(uint8_t reply, uint8_t ret[static SOCKS5_REPLY_LEN]);
/* The reply to a failed connection; `error`: negative errno. */
uint8_t socks5_reply_of(int error);
