// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/inform.h — what a client is offered (aaa/offer.h), as the answer to its DHCPINFORM. Pure.
 * Commands may include this header, too: `culvert user show` says what has no room.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct dhcp_inform;
struct offer;

#define INFORM_ANSWER_MAX 1500

struct inform_link {
	struct addr local; /* the server's address on it */
	size_t mtu;        /* what the client takes */
	bool split;        /* tunnel.routes_split */
};

struct inform_answer {
	size_t n; /* octets; 0: the link is too narrow for any answer */
	uint8_t octets[INFORM_ANSWER_MAX];
	size_t routes;                  /* of IPv4, given */
	size_t left_routes, left_names; /* that have no room */
};

void inform_build(const struct dhcp_inform *request, const struct offer *offer,
	const struct inform_link *link, struct inform_answer *ret);
/* As Windows would get it: it asks for options 121 and 249, and says no size. */
void inform_preview(const struct offer *offer, bool split, struct inform_answer *ret);
