// SPDX-License-Identifier: Apache-2.0
/*
 * ip/dhcp_value.h — the two DHCP options whose values are lists: names (119, RFC 3397: in the form of
 * RFC 1035 section 4.1.4) and classless routes (121, RFC 3442; 249, [MS-DHCPE] 2.2.8).
 *
 * Units: octets. A reader's octets are a whole value, joined from its pieces.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rd.h"
#include "base/wr.h"

#define DHCP_NAME_LEN 256 /* with the zero; 253 at most */
#define DHCP_NAMES_MAX 16
#define DHCP_ROUTES_MAX 320

struct dhcp_names {
	size_t n;
	char of[DHCP_NAMES_MAX][DHCP_NAME_LEN]; /* "." is the root */
};

struct dhcp_route {
	struct prefix to;
	struct addr via; /* 0.0.0.0: on the link */
};

/*
 * Each reader: -EPROTO: not well-formed. What does not fit, or is no name of letters, digits, hyphens
 * and underscores, is left out and counted in *ret_ignored.
 */
int dhcp_read_names(const uint8_t *octets, size_t n, struct dhcp_names *ret, unsigned *ret_ignored);
int dhcp_read_routes(struct rd *r, struct dhcp_route ret[static DHCP_ROUTES_MAX], size_t *ret_n,
	unsigned *ret_ignored);

/* As many names as fit into `most` octets; returns how many. `compress`: with pointers. */
size_t dhcp_write_names(struct wr *w, size_t most, const struct dhcp_names *names, bool compress);
/* One route (IPv4). */
void dhcp_write_route(struct wr *w, const struct prefix *to, const struct addr *via);
size_t dhcp_route_len(const struct prefix *to);
