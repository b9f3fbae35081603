// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/dns_kind.h — what an answer of the DNS is worth: the address of a server, or something
 * else that stands in its place.
 */
#pragma once
#include <stdbool.h>

#include "base/addr.h"

enum dns_kind {
	DNS_PUBLIC,
	DNS_PRIVATE,  /* RFC 1918, RFC 6598, RFC 4193, link-local */
	DNS_LOOPBACK, /* 127/8, ::1 */
	DNS_BLOCKED,  /* 0.0.0.0/8, ::, multicast, 240/4, or the block page of a known filter */
};

enum dns_kind dns_kind(const struct addr *a);
/* "0.0.0.0", "the block page of OpenDNS": for people, "" for an address of a server. */
const char *dns_kind_text(const struct addr *a);

/* Is this machine in a network that holds the address? */
bool dns_on_link(const struct addr *a);
