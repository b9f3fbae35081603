// SPDX-License-Identifier: Apache-2.0
/*
 * ip/limits.h — what a peer can pile up here, and where it ends.
 */
#pragma once

/*
 * IPv6 extension headers looked through before a packet is given up as malformed. RFC 8200 section
 * 4.1 names at most one of each kind and two of destination options; a chain of thousands of empty
 * ones in a super-packet would cost a walk through 64 KiB.
 */
#define PACKET_EXTENSIONS_MAX 8
