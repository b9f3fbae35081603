// SPDX-License-Identifier: Apache-2.0
#include "datapath/fit.h"

#include "base/clock.h"
#include "base/hot.h"
#include "datapath/link_state.h"
#include "ip/mss.h"
#include "ip/toobig.h"

#define TOOBIG_PER_SECOND 10 /* answers a link gives; RFC 4443 section 2.4 (f) */

/* Is it a SYN? Nearly nothing is, and only those are looked into. */
static bool is_syn(const uint8_t *octets, const struct ip_packet *ip)
{
	return ip->simple && ip->protocol == IP_TCP && (octets[ip->l4 + 13] & 0x02);
}

/* Octets of the largest IP packet that will come out of what the TUN gave. */
static size_t largest(const struct vnet_hdr *vnet, size_t n)
{
	return vnet->gso_type == VNET_GSO_NONE ? n : (size_t)vnet->hdr_len + vnet->gso_size;
}

static void answer_too_big(struct link *l, const uint8_t *octets, const struct ip_packet *ip)
{
	uint64_t second = clock_mono_ms() / 1000;
	const struct addr *from = octets[0] >> 4 == 4 ? &l->local4 : &l->local6;
	uint8_t answer[TOOBIG_MAX];
	struct ip_packet parsed;
	size_t n;

	if (second != l->toobig_second)
		l->toobig_answers = 0;
	l->toobig_second = second;
	if (!from->family || l->toobig_answers++ >= TOOBIG_PER_SECOND)
		return;
	if (!ip->whole)
		return;
	n = toobig_build(octets, ip, from, l->mtu, answer, sizeof(answer));
	if (n && !packet_parse(answer, n, &parsed))
		port_deliver(l->port, answer, &parsed);
	port_deliver_end(l->port); /* the answer's octets go away now */
}

/* IPv4 without DF, and not a super-packet, which TCP makes only of packets with DF. */
static bool may_cut(const struct vnet_hdr *vnet, const uint8_t *octets)
{
	return vnet->gso_type == VNET_GSO_NONE && octets[0] >> 4 == 4 && !(octets[6] & 0x40);
}

HOT enum fit fit_egress(
	struct link *l, const struct vnet_hdr *vnet, const struct ip_packet *ip, uint8_t *octets)
{
	if (is_syn(octets, ip))
		mss_clamp(octets, ip, l->mtu, vnet->flags & VNET_F_NEEDS_CSUM);
	if (largest(vnet, ip->len) <= l->mtu)
		return FIT_AS_IT_IS;
	if (may_cut(vnet, octets))
		return FIT_CUT;
	stat_add(&l->port->stats.drop_too_big, 1);
	answer_too_big(l, octets, ip);
	return FIT_DROP;
}

HOT void fit_ingress(struct link *l, const struct ip_packet *ip, uint8_t *octets)
{
	if (is_syn(octets, ip))
		mss_clamp(octets, ip, l->mtu, false);
}
