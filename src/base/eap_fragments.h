// SPDX-License-Identifier: Apache-2.0
/*
 * base/eap_fragments.h — TLS in the packets of EAP-TLS and PEAP (RFC 5216 2.1.5 and 3.1), either end.
 *
 *     flags | [total length, 4 octets] | a piece of the TLS messages
 *
 * Pieces are handed on as they come: TLS is a stream, and nothing is put together here. So the announced
 * length is only compared with what came, and never allocates or bounds anything (GHSA-q5g3-qhc6-pr3h).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "base/wr.h"

struct buf;

enum {
	EAP_FLAG_LENGTH = 0x80,
	EAP_FLAG_MORE = 0x40,
	EAP_FLAG_START = 0x20,
	EAP_VERSION_MASK = 0x07, /* PEAP */
};

/* One message of all its pieces: a chain of certificates fits several times. */
#define EAP_MESSAGE_MAX 65536

struct eap_fragments {
	uint32_t announced; /* of the message that comes in; 0: not said */
	uint32_t got;
	bool more;    /* the peer has not come to its end */
	bool sending; /* ours has not: the peer acknowledges each piece */
};

/* What a packet's data says. */
struct eap_fragment {
	uint8_t flags;
	struct rd piece; /* empty: an acknowledgement, or nothing to say */
};

/*
 * -EPROTO: no flags; a length that is too long, missing on the first of several pieces, or other than
 * what came; octets in an acknowledgement.
 */
int eap_fragments_take(struct eap_fragments *f, struct rd data, struct eap_fragment *ret);

/*
 * The next piece of `out`, as many octets as `room` (of w) lets; with the total length on the first of
 * several. An empty `out` gives the flags alone. `version` goes into the flags.
 */
void eap_fragments_put(
	struct eap_fragments *f, struct buf *out, uint8_t version, size_t room, struct wr *w);
