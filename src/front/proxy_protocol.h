// SPDX-License-Identifier: Apache-2.0
/*
 * front/proxy_protocol.h — the header that a balancer puts in front of a connection to say where it
 * came from: PROXY protocol, version 1 (one line of text) and version 2 (binary), as HAProxy's
 * document "The PROXY protocol" describes them.
 *
 * The caller trusts the peer: only for connections from trusted addresses.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rd.h"
#include "events/event.h"

#define PROXY_PROTOCOL_V1_MAX 107 /* section 2.1: with CR LF */
#define PROXY_PROTOCOL_MAX 2048   /* version 2 with all its extensions; longer ones are refused */

struct proxy_protocol {
	unsigned version;
	/*
	 * False: the connection is the balancer's own (version 2 LOCAL: a health check), or it does not
	 * know (UNKNOWN, UNSPEC): the addresses of the connection itself count.
	 */
	bool relayed;
	struct endpoint peer, local; /* the client, and where it connected to */
};

/*
 * 0 and *in advanced past the header; -EAGAIN: more is needed (*in untouched); -EPROTO: this is no
 * such header, close the connection.
 */
int proxy_protocol_parse(struct rd *in, struct proxy_protocol *ret);
/*
 * How many octets may be read after the `n` that are there without passing the header's end, so that
 * what follows stays in the socket. 0: the header is whole, or is none.
 */
size_t proxy_protocol_want(const uint8_t *octets, size_t n);
