// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/fit.h — making packets fit the tunnel, per link, whatever NAT does: TCP's MSS is lowered
 * in both directions, and a packet that is too big is answered (ICMP, RFC 1191 and RFC 8201).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct ip_packet;
struct link;
struct vnet_hdr;

enum fit {
	FIT_AS_IT_IS,
	FIT_CUT,  /* too big, but it may be cut: IPv4 without DF */
	FIT_DROP, /* too big for the peer; answered where that helps */
};

/* TUN → tunnel. May change the packet. */
enum fit fit_egress(
	struct link *l, const struct vnet_hdr *vnet, const struct ip_packet *ip, uint8_t *octets);
/* Tunnel → TUN. Changes the octets in place. */
void fit_ingress(struct link *l, const struct ip_packet *ip, uint8_t *octets);
