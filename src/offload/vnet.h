// SPDX-License-Identifier: Apache-2.0
/*
 * offload/vnet.h — the header in front of each packet of a TUN with IFF_VNET_HDR
 * (VIRTIO 1.2, 5.1.6; linux/virtio_net.h). Ours, because Debian's headers lack GSO_UDP_L4.
 *
 * Numbers are in the byte order of the host (the TUN default), offsets count from the IP header.
 */
#pragma once
#include <stdint.h>

#define VNET_HDR_LEN 10

enum vnet_flags {
	VNET_F_NEEDS_CSUM = 1, /* sum csum_start..end, store at csum_start + csum_offset */
	VNET_F_DATA_VALID = 2, /* somebody has verified the checksum */
};

enum vnet_gso {
	VNET_GSO_NONE = 0,
	VNET_GSO_TCPV4 = 1,
	VNET_GSO_TCPV6 = 4,
	VNET_GSO_UDP_L4 = 5,
	VNET_GSO_ECN = 0x80, /* a flag on the two TCP types: CWR is set, and for the first only */
};

struct vnet_hdr {
	uint8_t flags, gso_type;
	uint16_t hdr_len;  /* octets of all headers: a hint */
	uint16_t gso_size; /* octets of payload in each segment but the last */
	uint16_t csum_start, csum_offset;
};

_Static_assert(sizeof(struct vnet_hdr) == VNET_HDR_LEN, "struct vnet_hdr has no holes");
