// SPDX-License-Identifier: Apache-2.0
/*
 * base/addr.h — IP addresses, prefixes and endpoints as values, and their text forms.
 *
 * An IPv4 address is held in the first 4 of 16 octets; family says which. Text parsing is strict:
 * -EINVAL for anything but the canonical forms of inet_pton().
 */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct addr {
	uint8_t family; /* AF_UNSPEC (none), AF_INET or AF_INET6 */
	uint8_t octets[16];
};

struct prefix {
	struct addr addr;
	uint8_t len;
};

struct addr_range { /* of IPv4, in host order; both are in it */
	uint32_t first, last;
};

struct endpoint { /* an address and a TCP or UDP port */
	struct addr addr;
	uint16_t port;
};

#define ADDR_TEXT_LEN 46 /* with the zero */
#define PREFIX_TEXT_LEN 50
#define ENDPOINT_TEXT_LEN 56 /* "[v6]:port" or "v4:port" */

static inline size_t addr_len(const struct addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

struct addr addr_v4(uint32_t host_order);
uint32_t addr_v4_value(const struct addr *a); /* host order */
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_parse(const char *text, struct addr *ret);
/* "10.0.0.0/8", "fd00::/64"; a bare address is a host prefix. Host bits must be zero: -EINVAL. */
int prefix_parse(const char *text, struct prefix *ret);
/* The same with any host bits, which become zero: 1 when there were some, else 0. */
int prefix_parse_masked(const char *text, struct prefix *ret);
/* Sets the bits beyond the length to zero. True: some were not. */
bool prefix_mask(struct prefix *p);
/* "ADDR:PORT", "[ADDR6]:PORT", ":PORT" (then [::]), or "ADDR" with default_port. */
int endpoint_parse(const char *text, uint16_t default_port, struct endpoint *ret);
/* The n decimal digits at text are a port, 1 to 65535; -EINVAL. */
int port_parse(const char *text, size_t n, uint16_t *ret);
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/* Each returns `ret`, so that it can stand in a printf argument. */
const char *addr_format(const struct addr *a, char ret[static ADDR_TEXT_LEN]);
const char *prefix_format(const struct prefix *p, char ret[static PREFIX_TEXT_LEN]);
const char *endpoint_format(const struct endpoint *e, char ret[static ENDPOINT_TEXT_LEN]);
/* IPv4-mapped IPv6 addresses come back as IPv4. */
void endpoint_from_sockaddr(const struct sockaddr *sa, struct endpoint *ret);
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret);
