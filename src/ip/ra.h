// SPDX-License-Identifier: Apache-2.0
/*
 * ip/ra.h — router solicitations and advertisements (RFC 4861 sections 4.1 and 4.2), with DNS
 * servers and a search list in them (RFC 8106) and routes (RFC 4191), as whole IPv6 packets for a
 * point-to-point link: no link-layer address options, and the prefix that is built is for addresses
 * only (A set, L clear).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip/packet.h"

#define RA_DNS_MAX 3
#define RA_ON_LINK_MAX 4
#define RA_ROUTES_MAX 64 /* of one packet */
#define RA_SEARCH_MAX 6
#define RA_NAME_LEN 254
#define RA_MAX 4096 /* octets: more than the longest that is built */
#define RS_LEN 48
#define NA_LEN 64

/* A prefix with the flag L: its addresses are reached on this link. */
struct ra_on_link {
	struct prefix prefix;
	uint32_t valid_s; /* 0: not any more */
};

/* Addresses that this router is the way to (RFC 4191 section 2.3). */
struct ra_route {
	struct prefix to;
	uint32_t lifetime_s; /* 0: not any more */
	int preference;      /* -1 low, 0 medium, 1 high */
};

struct ra {
	struct addr from, to;       /* the router's link-local address; the host's, or ff02::1 */
	uint16_t router_lifetime_s; /* 0: no default route this way */
	bool other_config;          /* O: more (DNS) by stateless DHCPv6 */
	uint32_t mtu;               /* 0: not given */
	struct prefix prefix;       /* a /64 to make addresses from; AF_UNSPEC: none */
	uint32_t valid_s, preferred_s;
	struct addr dns[RA_DNS_MAX];
	size_t n_dns;
	uint32_t dns_lifetime_s;
	char search[RA_SEARCH_MAX][RA_NAME_LEN]; /* "corp.example" */
	size_t n_search;
	uint32_t search_lifetime_s;
	struct ra_route routes[RA_ROUTES_MAX];
	size_t n_routes;
	struct ra_on_link on_link[RA_ON_LINK_MAX]; /* read only: none is built */
	size_t n_on_link;
};

/* Returns the packet's length; 0: cap (RA_MAX suffices) is too small. */
size_t ra_build(const struct ra *ra, uint8_t *ret, size_t cap);
/* Octets that the option of one route takes. */
size_t ra_route_len(const struct prefix *to);
/*
 * What a host heeds of an advertisement (RFC 4861 section 6.1.2): the first prefix with A that is a
 * /64, the first prefixes with L, the first DNS servers, search domains and routes. `p` is
 * packet_parse() of the octets.
 * -ENOMSG: something else; -EPROTO: a broken one, or one that did not begin on this link.
 */
int ra_parse(const uint8_t *octets, const struct ip_packet *p, struct ra *ret);

/*
 * The answer to a neighbour solicitation (RFC 4861 sections 7.1.1 and 7.2.4) for one of `own`,
 * without link-layer address. Returns its length; 0: it is another packet, or not for us.
 */
size_t ra_answer_neighbour(const uint8_t *octets, const struct ip_packet *p, const struct addr *own,
	size_t n_own, bool router, uint8_t ret[static NA_LEN]);
/* A good solicitation (RFC 4861 section 6.1.1)? */
bool ra_is_solicitation(const uint8_t *octets, const struct ip_packet *p);
/* One from the link-local address `from` to all routers. Returns RS_LEN. */
size_t ra_solicit(const struct addr *from, uint8_t ret[static RS_LEN]);
