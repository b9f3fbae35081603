// SPDX-License-Identifier: Apache-2.0
/*
 * bench/probe.h — the packets that the load generator sends through its tunnels, and how it knows
 * them when they come back: ICMP echo requests, and UDP datagrams. IPv4; pure functions.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct probe {
	uint64_t run;     /* a random number of this run: no other program's packets count */
	uint64_t sent_us; /* monotonic */
	uint32_t caller;  /* whose it is */
	uint32_t number;  /* the caller's own count */
};

#define PROBE_LEN_MIN 52 /* IP, ICMP or UDP header, struct probe on the wire (24) */
#define PROBE_LEN_MAX 4087
#define PROBE_UDP_PORT 40000 /* our own end */

/* Each writes an IP packet of exactly `len` octets (PROBE_LEN_MIN to _MAX) to out. */
void probe_echo(const struct probe *p, const struct addr *from, const struct addr *to, uint8_t *out,
	size_t len);
void probe_udp(const struct probe *p, const struct addr *from, const struct endpoint *to,
	uint8_t *out, size_t len);

/* Is this IP packet an answer (echo reply, or a datagram that was sent back) to one of `run`? */
bool probe_parse(const uint8_t *octets, size_t n, uint64_t run, struct probe *ret);
