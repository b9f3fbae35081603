// SPDX-License-Identifier: Apache-2.0
#include "bench/probe.h"

#include <string.h>

#include "base/rd.h"
#include "ip/packet.h"
#include "offload/csum.h"

#define BODY 28 /* behind the 20 octets of IP and 8 of ICMP or UDP */
#define ICMP_ECHO_REQUEST 8
#define ICMP_ECHO_REPLY 0

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v & 0xffff);
}

static void put64(uint8_t *at, uint64_t v)
{
	put32(at, (uint32_t)(v >> 32));
	put32(at + 4, (uint32_t)v);
}

/* RFC 791, without options, not to be fragmented; and what both kinds carry. */
static void put_ip(const struct probe *p, unsigned protocol, const struct addr *from,
	const struct addr *to, uint8_t *out, size_t len)
{
	uint16_t sum;

	memset(out, 0, len);
	out[0] = 0x45;
	put16(out + 2, (unsigned)len);
	put16(out + 6, 0x4000);
	out[8] = 64;
	out[9] = (uint8_t)protocol;
	memcpy(out + 12, from->octets, 4);
	memcpy(out + 16, to->octets, 4);
	sum = csum_finish(csum_add(0, out, 20));
	memcpy(out + 10, &sum, 2);
	put64(out + BODY, p->run);
	put64(out + BODY + 8, p->sent_us);
	put32(out + BODY + 16, p->caller);
	put32(out + BODY + 20, p->number);
}

void probe_echo(const struct probe *p, const struct addr *from, const struct addr *to, uint8_t *out,
	size_t len)
{
	uint16_t sum;

	put_ip(p, IP_ICMP, from, to, out, len);
	out[20] = ICMP_ECHO_REQUEST;
	put16(out + 24, p->caller & 0xffff);
	put16(out + 26, p->number & 0xffff);
	sum = csum_finish(csum_add(0, out + 20, len - 20));
	memcpy(out + 22, &sum, 2);
}

void probe_udp(const struct probe *p, const struct addr *from, const struct endpoint *to,
	uint8_t *out, size_t len)
{
	uint16_t sum;

	put_ip(p, IP_UDP, from, &to->addr, out, len);
	put16(out + 20, PROBE_UDP_PORT);
	put16(out + 22, to->port);
	put16(out + 24, (unsigned)len - 20);
	sum = csum_finish(csum_add(csum_pseudo(out, IP_UDP, len - 20), out + 20, len - 20));
	if (!sum)
		sum = 0xffff; /* 0 means that there is none (RFC 768) */
	memcpy(out + 26, &sum, 2);
}

static uint64_t get64(struct rd *r)
{
	uint64_t high = rd_be32(r);

	return high << 32 | rd_be32(r);
}

bool probe_parse(const uint8_t *octets, size_t n, uint64_t run, struct probe *ret)
{
	struct ip_packet view;
	struct rd r;

	if (packet_parse(octets, n, &view) < 0 || view.family != AF_INET || view.fragment ||
		view.header_len != IPV4_HEADER_LEN || view.len < PROBE_LEN_MIN)
		return false;
	if (view.protocol == IP_ICMP
			? octets[20] != ICMP_ECHO_REPLY
			: view.protocol != IP_UDP || view.destination_port != PROBE_UDP_PORT)
		return false;
	r = rd_init(octets + BODY, view.len - BODY);
	if (get64(&r) != run)
		return false;
	ret->run = run;
	ret->sent_us = get64(&r);
	ret->caller = rd_be32(&r);
	ret->number = rd_be32(&r);
	return !r.short_read;
}
