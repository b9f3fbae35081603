// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/inner_packet.h — packets that are made by hand for the inside of the tunnel, and what the
 * answers to them mean: ICMP echo (RFC 792, RFC 4443) and the opening of a TCP connection (RFC 9293
 * section 3.5), over IPv4 and IPv6.
 *
 * Pure: nothing is sent here. What is read comes from strangers; an ICMP message counts only when it
 * quotes the very packet that was sent.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct inner_question {
	struct addr from, to;
	uint8_t protocol; /* IP_ICMP: an echo, for IPv6 too; IP_TCP: a SYN */
	uint8_t hops;     /* hop limit; 0: 64 */
	uint16_t id, seq; /* of an echo */
	uint16_t from_port, to_port;
	uint32_t tcp_seq;
	size_t size; /* of the whole packet of an echo */
};

enum inner_answer_kind {
	INNER_SILENCE,
	INNER_ECHO,
	INNER_TCP_OPEN,    /* SYN and ACK */
	INNER_TCP_REFUSED, /* RST */
	INNER_PROHIBITED,  /* ICMP: administratively prohibited, or by a policy */
	INNER_NO_PORT,     /* ICMP: port (or protocol) unreachable */
	INNER_NO_HOST,     /* ICMP: host (address) unreachable */
	INNER_NO_NET,      /* ICMP: network unreachable, no route */
	INNER_HOPS_OVER,   /* ICMP: time exceeded on the way */
	INNER_TOO_BIG,     /* ICMP: fragmentation needed, packet too big */
};

struct inner_answer {
	enum inner_answer_kind kind;
	struct addr from;
	uint32_t next_mtu; /* of INNER_TOO_BIG; 0: not said */
};

/* Returns the packet's length; 0: it does not fit into cap, or the families differ. */
size_t inner_make(const struct inner_question *q, uint8_t *ret, size_t cap);
/* Ends the TCP connection that the answer opened. */
size_t inner_make_reset(const struct inner_question *q, uint8_t *ret, size_t cap);
/* IPv4: an empty header checksum and UDP in it, for DNS. `payload` octets follow the header. */
void inner_put_ipv4(uint8_t *p, const struct addr *from, const struct addr *to, uint8_t protocol,
	size_t payload);

/* Is this packet an answer to that question? *ret is written when it is. */
bool inner_read(
	const struct inner_question *q, const uint8_t *octets, size_t n, struct inner_answer *ret);
/* "admin prohibited (ICMP)", "connection refused": in words. */
const char *inner_answer_text(enum inner_answer_kind kind);
