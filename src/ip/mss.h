// SPDX-License-Identifier: Apache-2.0
/* ip/mss.h — keeping TCP's maximum segment size within the tunnel (RFC 9293 section 3.7.1). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "ip/packet.h"

/*
 * Lowers the MSS option of a SYN to what fits into `mtu` octets of IP; never raises it, never adds
 * one. `p` is packet_parse() of these octets. With `checksum_partial` (a vnet header that says
 * NEEDS_CSUM) the checksum covers the pseudo header only and is left alone, else it is corrected.
 * True when the packet was changed.
 */
bool mss_clamp(uint8_t *octets, const struct ip_packet *p, uint16_t mtu, bool checksum_partial);
