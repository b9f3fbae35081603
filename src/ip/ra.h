/*
 * ip/ra.h — router solicitations and advertisements (RFC 4861 sections 4.1 and 4.2), with DNS
 * servers in them (RFC 8106), as whole IPv6 packets for a point-to-point link: no link-layer
 * address options, and the prefix is for addresses only (A set, L clear), never on-link.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip/packet.h"

#define RA_DNS_MAX 3
#define RA_MAX 256 /* the longest that is built: 56 + prefix 32 + DNS 56 + MTU 8 */
#define RS_LEN 48

struct ra {
	struct addr from, to;       /* the router's link-local address; the host's, or ff02::1 */
	uint16_t router_lifetime_s; /* 0: no default route this way */
	bool other_config;          /* O: more (DNS) by stateless DHCPv6 */
	uint32_t mtu;               /* 0: not told */
	struct prefix prefix;       /* a /64 to make addresses from; AF_UNSPEC: none */
	uint32_t valid_s, preferred_s;
	struct addr dns[RA_DNS_MAX];
	size_t n_dns;
	uint32_t dns_lifetime_s;
};

/* Returns the packet's length; 0: cap (RA_MAX suffices) is too small. */
size_t ra_build(const struct ra *ra, uint8_t *ret, size_t cap);
/*
 * What a host heeds of an advertisement (RFC 4861 section 6.1.2): the first prefix with A that is a
 * /64, the first DNS servers. `p` is packet_parse() of the octets. -ENOMSG: something else;
 * -EPROTO: a broken one, or one that did not begin on this link.
 */
int ra_parse(const uint8_t *octets, const struct ip_view *p, struct ra *ret);

/* A good solicitation (RFC 4861 section 6.1.1)? */
bool ra_is_solicitation(const uint8_t *octets, const struct ip_view *p);
/* One from the link-local address `from` to all routers. Returns RS_LEN. */
size_t ra_solicit(const struct addr *from, uint8_t ret[static RS_LEN]);
