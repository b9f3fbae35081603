// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what server and client send each other as hosts on one link. The client gets a default route
 * by router advertisement only while this host has one: with router lifetime 0 (RFC 4861 section 6.2.3)
 * it keeps its own IPv6 beside the tunnel, instead of losing it into a hole. The advertisement goes out
 * when IPv6 comes up, when it is solicited, when the host gains or loses its route, and every five
 * minutes. Name servers come by RDNSS and by stateless DHCPv6. The kernel gets none of these packets.
 */
#include <string.h>

#include "base/clock.h"
#include "base/hot.h"
#include "ip/dhcpv6.h"
#include "ip/ra.h"
#include "server/session/private.h"

#define ROUTER_LIFETIME_S 1800
#define VALID_S 86400
#define PREFERRED_S 14400
#define REFRESH_S 1800
#define ADVERTISE_EVERY_MS 300000 /* RFC 4861 section 6.2.1: 200 to 600 seconds */
#define ANSWER_MAX 320            /* the longest packet that is built here */

/* A packet of ours to this client. It leaves with the link's next flush, which is due. */
static void say(struct session *s, const uint8_t *octets, size_t n)
{
	static const struct vnet_hdr plain;

	uint64_t before = s->link.tx_packets;

	if (n)
		link_send_copy(&s->link, &plain, octets, n);
	s->own_packets += s->link.tx_packets - before;
}

/* `prefix` AF_UNSPEC: none to give. */
static size_t advertisement(const struct context *c, const struct prefix *prefix, uint16_t mtu,
	uint8_t ret[static ANSWER_MAX])
{
	bool onward = atomic_load_explicit(&c->ipv6_onward, memory_order_relaxed);
	struct ra ra = {.from = c->link_local,
		.to = {AF_INET6, {0xff, 2, [15] = 1}},
		.router_lifetime_s = onward && prefix->addr.family ? ROUTER_LIFETIME_S : 0,
		.mtu = mtu >= 1280 ? mtu : 0, /* RFC 8200 section 5 */
		.prefix = *prefix,
		.valid_s = VALID_S,
		.preferred_s = PREFERRED_S,
		.dns_lifetime_s = ROUTER_LIFETIME_S};

	ra.n_dns = ra.router_lifetime_s ? c->n_dns6 : 0;
	ra.other_config = ra.n_dns > 0;
	memcpy(ra.dns, c->dns6, sizeof(ra.dns));
	return ra_build(&ra, ret, ANSWER_MAX);
}

void onlink_advertise(struct session *s)
{
	struct context *srv = s->site->context;
	uint8_t ra[ANSWER_MAX];

	s->advertised_ms = clock_mono_ms();
	s->advertised_onward = atomic_load_explicit(&srv->ipv6_onward, memory_order_relaxed);
	say(s, ra, advertisement(srv, &s->claims[CLAIM_IPV6], s->link.mtu, ra));
}

static size_t dhcp_reply(const struct context *c, const uint8_t *octets, const struct ip_packet *p,
	uint8_t ret[static ANSWER_MAX])
{
	struct dhcpv6_answer answer = {.from = c->link_local, .dns = c->dns6};
	struct dhcpv6_request req;

	if (dhcpv6_parse(octets, p, c->duid, &req) < 0)
		return 0;
	memcpy(answer.duid, c->duid, sizeof(answer.duid));
	if (atomic_load_explicit(&c->ipv6_onward, memory_order_relaxed))
		answer.n_dns = c->n_dns6;
	answer.refresh_s = REFRESH_S;
	return dhcpv6_reply(&req, &answer, ret, ANSWER_MAX);
}

/* Packets to the link itself are answered here; the kernel gets none of them. */
COLD void onlink_intercept(
	struct link *l, enum guard_verdict kind, const uint8_t *octets, const struct ip_packet *ip)
{
	struct session *s = session_of(l);
	const struct context *srv = s->site->context;
	const struct addr own[] = {srv->link_local, srv->own6};
	uint8_t reply[ANSWER_MAX];

	if (kind == GUARD_SOLICITATION && ra_is_solicitation(octets, ip))
		onlink_advertise(s);
	else if (kind == GUARD_DHCPV6)
		say(s, reply, dhcp_reply(srv, octets, ip, reply));
	else if (kind == GUARD_NEIGHBOUR)
		say(s, reply, ra_answer_neighbour(octets, ip, own, ARRAY_SIZE(own), true, reply));
}

void onlink_advertise_all(struct site *site)
{
	bool onward = atomic_load_explicit(&site->context->ipv6_onward, memory_order_relaxed);
	uint64_t now_ms = clock_mono_ms();

	for (struct session *s = site->sessions; s; s = s->next)
		if (s->up6 && (onward != s->advertised_onward ||
				      now_ms - s->advertised_ms >= ADVERTISE_EVERY_MS))
			onlink_advertise(s);
	port_flush(&site->port);
}
