// SPDX-License-Identifier: Apache-2.0
/*
 * ip/dhcpv6.h — stateless DHCPv6 (RFC 8415 section 18.3.6): a host that has its addresses by router
 * advertisement asks for DNS servers and domains. Information-Request in, Reply out, as whole packets.
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
#define DHCPV6_SEARCH_MAX 900 /* octets of the search list; names beyond it are left out */
#define DHCPV6_REPLY_MAX 1240

struct dhcpv6_request {
	struct addr from;
	uint8_t transaction[3];
	uint8_t client_id[DHCPV6_DUID_MAX];
	size_t client_id_len; /* 0: it named none, which an Information-Request may */
	bool wants_dns, wants_search;
};

struct dhcpv6_answer {
	struct addr from; /* the server's link-local address */
	uint8_t duid[DHCPV6_DUID_LEN];
	const struct addr *dns;
	size_t n_dns;
	const struct dhcp_names *search; /* or NULL */
	uint32_t refresh_s;              /* when to ask again; 0: not given */
};

/*
 * `p` is packet_parse() of the octets; `duid` the server's. -ENOMSG: not for a DHCPv6 server;
 * -EPROTO: broken, for another server, or asking for what a stateless one does not give.
 */
int dhcpv6_parse(const uint8_t *octets, const struct ip_packet *p,
	const uint8_t duid[static DHCPV6_DUID_LEN], struct dhcpv6_request *ret);
/* Returns the packet's length; 0: cap (DHCPV6_REPLY_MAX suffices) is too small. */
size_t dhcpv6_reply(const struct dhcpv6_request *req, const struct dhcpv6_answer *answer,
	uint8_t *ret, size_t cap);
