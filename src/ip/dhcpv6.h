// SPDX-License-Identifier: Apache-2.0
/*
 * ip/dhcpv6.h — what a DHCPv6 server on the link hears and says (RFC 8415): name servers and domains for a
 * host that has its addresses by router advertisement (Information-Request, section 18.3.6), and a prefix
 * for a router (Solicit, Request, Renew, Rebind, Release with IA_PD, sections 6.3 and 18.3). Whole packets
 * in and out; which prefix is whose is the caller's to know. Addresses (IA_NA, IA_TA) are not leased.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "ip/dhcp_value.h"
#include "ip/packet.h"

#define DHCPV6_DUID_MAX 130 /* RFC 8415 section 11.1: 128 octets and a type */
#define DHCPV6_DUID_LEN 18  /* ours: type 4, an UUID */
#define DHCPV6_DNS_MAX 3
#define DHCPV6_IA_MAX 4       /* in one message; the first IA_PD gets the prefix, the others none */
#define DHCPV6_SEARCH_MAX 700 /* octets of the search list; names beyond it are left out */
#define DHCPV6_REPLY_MAX 1280

enum dhcpv6_message { /* section 7.3 */
	DHCPV6_SOLICIT = 1,
	DHCPV6_ADVERTISE = 2,
	DHCPV6_REQUEST = 3,
	DHCPV6_RENEW = 5,
	DHCPV6_REBIND = 6,
	DHCPV6_REPLY = 7,
	DHCPV6_RELEASE = 8,
	DHCPV6_INFORMATION_REQUEST = 11,
};

struct dhcpv6_ia {
	uint16_t option; /* 3 IA_NA, 4 IA_TA, 25 IA_PD */
	uint32_t iaid;
	struct prefix
		prefix; /* IA_PD: the first that it names, AF_UNSPEC: none; host bits cleared */
};

struct dhcpv6_request {
	enum dhcpv6_message message;
	struct addr from;
	uint8_t transaction[3];
	uint8_t client_id[DHCPV6_DUID_MAX];
	size_t client_id_len; /* 0: it named none, which an Information-Request may */
	bool wants_dns, wants_search;
	bool rapid_commit;
	size_t n_ia;
	struct dhcpv6_ia ia[DHCPV6_IA_MAX];
};

struct dhcpv6_answer {
	struct addr from; /* the server's link-local address */
	uint8_t duid[DHCPV6_DUID_LEN];
	const struct addr *dns;
	size_t n_dns;
	const struct dhcp_names *search; /* or NULL */
	uint32_t refresh_s;              /* Information-Request: when to ask again; 0: not given */
	struct prefix prefix;            /* for the first IA_PD; AF_UNSPEC: none */
	uint32_t preferred_s, valid_s;
};

/*
 * `p` is packet_parse() of the octets; `duid` the server's. -ENOMSG: not for a DHCPv6 server;
 * -EPROTO: broken, for another server (sections 16.2 to 16.12), or nothing that this one answers.
 */
int dhcpv6_parse(const uint8_t *octets, const struct ip_packet *p,
	const uint8_t duid[static DHCPV6_DUID_LEN], struct dhcpv6_request *ret);
/* The first IA_PD, or NULL. */
const struct dhcpv6_ia *dhcpv6_delegation(const struct dhcpv6_request *req);
/* Returns the packet's length; 0: cap (DHCPV6_REPLY_MAX suffices) is too small. */
size_t dhcpv6_reply(const struct dhcpv6_request *req, const struct dhcpv6_answer *answer,
	uint8_t *ret, size_t cap);
