// SPDX-License-Identifier: Apache-2.0
#include "diagnose/inner_packet.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "ip/packet.h"
#include "offload/csum.h"

#define ICMP_HEADER_LEN 8
#define HOP_LIMIT 64

enum { TCP_RST = 0x04, TCP_SYN = 0x02, TCP_ACK = 0x10 };

/* ---- making ------------------------------------------------------------------------------------- */

static void put_ipv4(uint8_t *p, const struct addr *from, const struct addr *to, uint8_t protocol,
	uint8_t hops, size_t payload)
{
	struct wr w = wr_init(p, IPV4_HEADER_LEN);
	uint16_t check;

	wr_u8(&w, 0x45);
	wr_u8(&w, 0);
	wr_be16(&w, (uint16_t)(IPV4_HEADER_LEN + payload));
	wr_be16(&w, 0);
	wr_be16(&w, 0x4000); /* don't fragment */
	wr_u8(&w, hops);
	wr_u8(&w, protocol);
	wr_be16(&w, 0);
	wr_octets(&w, from->octets, 4);
	wr_octets(&w, to->octets, 4);
	check = csum_finish(csum_add(0, p, IPV4_HEADER_LEN));
	memcpy(p + 10, &check, 2);
}

/* Without a write cursor: gcc 12 at -O2 takes the room behind p for empty. */
static void put_ipv6(uint8_t *p, const struct addr *from, const struct addr *to, uint8_t protocol,
	uint8_t hops, size_t payload)
{
	const uint8_t head[8] = {
		6 << 4, 0, 0, 0, (uint8_t)(payload >> 8), (uint8_t)payload, protocol, hops};

	memcpy(p, head, sizeof(head));
	memcpy(p + 8, from->octets, 16);
	memcpy(p + 24, to->octets, 16);
}

void inner_put_ipv4(uint8_t *p, const struct addr *from, const struct addr *to, uint8_t protocol,
	size_t payload)
{
	put_ipv4(p, from, to, protocol, HOP_LIMIT, payload);
}

static size_t header_len(const struct inner_question *q)
{
	return q->to.family == AF_INET ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
}

static uint8_t wire_protocol(const struct inner_question *q)
{
	return q->protocol == IP_ICMP && q->to.family == AF_INET6 ? (uint8_t)IP_ICMPV6
								  : q->protocol;
}

/* The pseudo header of TCP and ICMPv6 (RFC 9293 section 3.1, RFC 8200 section 8.1). */
static uint64_t pseudo_sum(const struct inner_question *q, size_t payload)
{
	uint64_t sum = csum_add(0, q->from.octets, addr_len(&q->from));

	sum = csum_add(sum, q->to.octets, addr_len(&q->to));
	sum = csum_plus(sum, csum_be16((uint16_t)payload));
	return csum_plus(sum, csum_be16(wire_protocol(q)));
}

/* Header, hop limit and checksum around what stands at header_len(). */
static size_t finish(const struct inner_question *q, uint8_t *p, size_t payload, size_t check_at)
{
	uint8_t hops = q->hops ? q->hops : HOP_LIMIT, *upper = p + header_len(q);
	bool pseudo = q->protocol == IP_TCP || q->to.family == AF_INET6;
	uint16_t check = csum_finish(csum_add(pseudo ? pseudo_sum(q, payload) : 0, upper, payload));

	memcpy(upper + check_at, &check, 2);
	if (q->to.family == AF_INET)
		put_ipv4(p, &q->from, &q->to, wire_protocol(q), hops, payload);
	else
		put_ipv6(p, &q->from, &q->to, wire_protocol(q), hops, payload);
	return header_len(q) + payload;
}

static size_t make_echo(const struct inner_question *q, uint8_t *ret)
{
	struct wr w = wr_init(ret + header_len(q), ICMP_HEADER_LEN);

	wr_u8(&w, q->to.family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
	wr_u8(&w, 0);
	wr_be16(&w, 0);
	wr_be16(&w, q->id);
	wr_be16(&w, q->seq);
	return finish(q, ret, q->size - header_len(q), 2);
}

static size_t make_tcp(const struct inner_question *q, uint32_t seq, uint8_t flags, uint8_t *ret)
{
	struct wr w = wr_init(ret + header_len(q), TCP_HEADER_LEN);

	wr_be16(&w, q->from_port);
	wr_be16(&w, q->to_port);
	wr_be32(&w, seq);
	wr_be32(&w, 0);
	wr_u8(&w, TCP_HEADER_LEN / 4 << 4);
	wr_u8(&w, flags);
	wr_be16(&w, flags & TCP_SYN ? 65535 : 0); /* window */
	wr_be32(&w, 0);
	return finish(q, ret, TCP_HEADER_LEN, 16);
}

static bool fits(const struct inner_question *q, size_t payload, size_t cap)
{
	return q->from.family == q->to.family && q->to.family && header_len(q) + payload <= cap;
}

size_t inner_make(const struct inner_question *q, uint8_t *ret, size_t cap)
{
	memset(ret, 0, cap);
	if (q->protocol == IP_TCP)
		return fits(q, TCP_HEADER_LEN, cap) ? make_tcp(q, q->tcp_seq, TCP_SYN, ret) : 0;
	if (!fits(q, ICMP_HEADER_LEN, cap) || q->size > cap ||
		q->size < header_len(q) + ICMP_HEADER_LEN)
		return 0;
	return make_echo(q, ret);
}

size_t inner_make_reset(const struct inner_question *q, uint8_t *ret, size_t cap)
{
	memset(ret, 0, cap);
	return fits(q, TCP_HEADER_LEN, cap) ? make_tcp(q, q->tcp_seq + 1, TCP_RST, ret) : 0;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static bool is_addr(const uint8_t *octets, const struct addr *a)
{
	return !memcmp(octets, a->octets, addr_len(a));
}

/* The octets that an ICMP error quotes: were they ours? */
static bool quotes(const struct inner_question *q, struct rd r)
{
	size_t n = header_len(q);
	const uint8_t *ip = rd_ptr(&r, n);
	uint8_t protocol;

	if (!ip)
		return false;
	if (q->to.family == AF_INET && ip[0] != (4 << 4 | IPV4_HEADER_LEN / 4))
		return false; /* we send no options */
	protocol = q->to.family == AF_INET ? ip[9] : ip[6];
	if (protocol != wire_protocol(q) || !is_addr(ip + n - 2 * addr_len(&q->to), &q->from) ||
		!is_addr(ip + n - addr_len(&q->to), &q->to))
		return false;
	if (q->protocol == IP_TCP)
		return rd_be16(&r) == q->from_port && rd_be16(&r) == q->to_port && !r.short_read;
	rd_be32(&r); /* type, code, checksum */
	return rd_be16(&r) == q->id && rd_be16(&r) == q->seq && !r.short_read;
}

/* RFC 792, RFC 1812 section 5.2.7.1. */
static enum inner_answer_kind unreachable_v4(uint8_t code)
{
	switch (code) {
	case ICMP_HOST_UNREACH:
	case ICMP_HOST_UNKNOWN:
	case ICMP_HOST_ISOLATED:
	case ICMP_HOST_UNR_TOS: return INNER_NO_HOST;
	case ICMP_PROT_UNREACH:
	case ICMP_PORT_UNREACH: return INNER_NO_PORT;
	case ICMP_FRAG_NEEDED: return INNER_TOO_BIG;
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP_PKT_FILTERED:
	case ICMP_PREC_VIOLATION:
	case ICMP_PREC_CUTOFF: return INNER_PROHIBITED;
	}
	return INNER_NO_NET;
}

/* RFC 4443 section 3.1. */
static enum inner_answer_kind unreachable_v6(uint8_t code)
{
	switch (code) {
	case ICMP6_DST_UNREACH_ADMIN:
	case 5: /* source address failed policy */
	case 6: /* reject route */ return INNER_PROHIBITED;
	case ICMP6_DST_UNREACH_ADDR: return INNER_NO_HOST;
	case ICMP6_DST_UNREACH_NOPORT: return INNER_NO_PORT;
	}
	return INNER_NO_NET;
}

static bool read_icmp(const struct inner_question *q, struct rd r, struct inner_answer *ret)
{
	bool v4 = q->to.family == AF_INET;
	uint8_t type = rd_u8(&r), code = rd_u8(&r);
	uint32_t rest;

	rd_be16(&r);
	rest = rd_be32(&r);
	if (r.short_read)
		return false;
	if (type == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) {
		ret->kind = INNER_ECHO;
		return q->protocol == IP_ICMP && rest >> 16 == q->id && (uint16_t)rest == q->seq;
	}
	if (type == (v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH))
		ret->kind = v4 ? unreachable_v4(code) : unreachable_v6(code);
	else if (type == (v4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED) && code == 0)
		ret->kind = INNER_HOPS_OVER;
	else if (!v4 && type == ICMP6_PACKET_TOO_BIG)
		ret->kind = INNER_TOO_BIG;
	else
		return false;
	ret->next_mtu = ret->kind != INNER_TOO_BIG ? 0 : v4 ? (uint16_t)rest : rest;
	return quotes(q, r);
}

static bool read_tcp(const struct inner_question *q, struct rd r, struct inner_answer *ret)
{
	uint16_t from = rd_be16(&r), to = rd_be16(&r);
	uint32_t ack;
	uint8_t flags;

	rd_be32(&r);
	ack = rd_be32(&r);
	rd_u8(&r);
	flags = rd_u8(&r);
	if (r.short_read || q->protocol != IP_TCP || from != q->to_port || to != q->from_port ||
		!(flags & TCP_ACK) || ack != q->tcp_seq + 1)
		return false;
	ret->kind = flags & TCP_RST ? INNER_TCP_REFUSED : INNER_TCP_OPEN;
	return flags & (TCP_RST | TCP_SYN);
}

bool inner_read(
	const struct inner_question *q, const uint8_t *octets, size_t n, struct inner_answer *ret)
{
	struct ip_packet v;
	struct inner_answer a = {0};
	struct rd r;
	bool ok;

	if (packet_parse(octets, n, &v) < 0 || v.family != q->to.family || v.fragment ||
		!is_addr(packet_destination_at(octets, &v), &q->from))
		return false;
	r = rd_init(octets + v.header_len, v.len - v.header_len);
	a.from = packet_source(octets, &v);
	if (v.protocol == IP_TCP)
		ok = addr_equal(&a.from, &q->to) && read_tcp(q, r, &a);
	else
		ok = v.protocol == (v.family == AF_INET ? IP_ICMP : IP_ICMPV6) &&
		     read_icmp(q, r, &a) && (a.kind != INNER_ECHO || addr_equal(&a.from, &q->to));
	if (ok)
		*ret = a;
	return ok;
}

const char *inner_answer_text(enum inner_answer_kind kind)
{
	switch (kind) {
	case INNER_SILENCE: return "no answer";
	case INNER_ECHO: return "answers";
	case INNER_TCP_OPEN: return "connects";
	case INNER_TCP_REFUSED: return "refused (RST)";
	case INNER_PROHIBITED: return "administratively prohibited (ICMP)";
	case INNER_NO_PORT: return "port unreachable (ICMP)";
	case INNER_NO_HOST: return "host unreachable (ICMP)";
	case INNER_NO_NET: return "network unreachable (ICMP)";
	case INNER_HOPS_OVER: return "time exceeded on the way (ICMP)";
	case INNER_TOO_BIG: return "packet too big (ICMP)";
	}
	return "";
}
