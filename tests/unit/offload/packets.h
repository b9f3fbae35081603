/*
 * packets.h — packets for the tests of offload/: built, cut and compared in the plainest way, with
 * nothing of the code under test. Checksums are summed octet pair by octet pair, big endian.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* xorshift64*: the same numbers on every run. */
struct rng {
	uint64_t state;
};

static inline uint32_t rng_next(struct rng *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (uint32_t)((r->state * 0x2545f4914f6cdd1d) >> 32);
}

static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return rng_next(r) % n;
}

static inline bool rng_one_in(struct rng *r, uint32_t n)
{
	return rng_below(r, n) == 0;
}

static inline unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline uint32_t ref_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

struct spec {
	unsigned version, protocol;
	uint8_t host; /* the last octet of the source address */
	uint16_t sport;
	uint32_t seq, ack;
	uint16_t window, id;
	uint8_t flags, tos, ttl;
	bool df;
	unsigned tcp_options; /* octets, a multiple of 4 */
	uint32_t timestamp;   /* in the options, when there are 12 or more */
	size_t payload;
};

static inline size_t ip_header_octets(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? (packet[0] & 15) * 4u : 40;
}

static inline uint32_t ref_pseudo_sum(const uint8_t *packet, size_t l4_octets, unsigned protocol)
{
	uint32_t sum =
		packet[0] >> 4 == 4 ? ref_sum(packet + 12, 8, 0) : ref_sum(packet + 8, 32, 0);
	uint8_t rest[4] = {0, (uint8_t)protocol, (uint8_t)(l4_octets >> 8), (uint8_t)l4_octets};

	return ref_sum(rest, 4, sum);
}

/* Pseudo header and all from l4 on: 0xffff when the checksum in it is right. */
static inline uint32_t ref_l4_sum(const uint8_t *packet, size_t n, size_t l4, unsigned protocol)
{
	return ref_sum(packet + l4, n - l4, ref_pseudo_sum(packet, n - l4, protocol));
}

static inline void put_ip_check(uint8_t *packet)
{
	put16(packet + 10, 0);
	put16(packet + 10, ~ref_sum(packet, ip_header_octets(packet), 0) & 0xffff);
}

static inline void put_l4_check(uint8_t *packet, size_t n, size_t l4, unsigned protocol)
{
	uint8_t *check = packet + l4 + (protocol == 6 ? 16 : 6);
	unsigned sum;

	put16(check, 0);
	sum = ~ref_l4_sum(packet, n, l4, protocol) & 0xffff;
	put16(check, sum || protocol == 6 ? sum : 0xffff);
}

static inline size_t put_ip_header(uint8_t *p, const struct spec *s, size_t l4_octets)
{
	if (s->version == 4) {
		memset(p, 0, 20);
		p[0] = 0x45;
		p[1] = s->tos;
		put16(p + 2, (unsigned)(20 + l4_octets));
		put16(p + 4, s->id);
		put16(p + 6, s->df ? 0x4000 : 0);
		p[8] = s->ttl;
		p[9] = (uint8_t)s->protocol;
		memcpy(p + 12, (uint8_t[]){10, 1, 0, s->host, 10, 2, 0, 1}, 8);
		put_ip_check(p);
		return 20;
	}
	memset(p, 0, 40);
	put32(p, 6u << 28 | (uint32_t)s->tos << 20 | 0x12345);
	put16(p + 4, (unsigned)l4_octets);
	p[6] = (uint8_t)s->protocol;
	p[7] = s->ttl;
	p[8] = p[24] = 0xfd;
	p[15] = 1;
	p[31] = 2;
	p[23] = s->host;
	p[39] = 1;
	return 40;
}

/* A whole packet; its payload is a pattern that depends on seq, so misplaced octets are seen. */
static inline size_t build_packet(uint8_t *p, const struct spec *s)
{
	size_t header = s->protocol == 6 ? 20 + s->tcp_options : 8;
	size_t l4 = put_ip_header(p, s, header + s->payload);
	uint8_t *h = p + l4;

	memset(h, 0, header);
	put16(h, s->sport);
	put16(h + 2, 443);
	if (s->protocol == 6) {
		put32(h + 4, s->seq);
		put32(h + 8, s->ack);
		h[12] = (uint8_t)(header / 4 << 4);
		h[13] = s->flags;
		put16(h + 14, s->window);
		memset(h + 20, 1, s->tcp_options); /* No-Operation */
		if (s->tcp_options >= 12) {
			memcpy(h + 20, (uint8_t[]){1, 1, 8, 10}, 4);
			put32(h + 24, s->timestamp);
		}
	} else {
		put16(h + 4, (unsigned)(header + s->payload));
	}
	for (size_t i = 0; i < s->payload; i++)
		h[header + i] = (uint8_t)((s->seq + i) * 2654435761u >> 24);
	put_l4_check(p, l4 + header + s->payload, l4, s->protocol);
	return l4 + header + s->payload;
}

/* The packet as the kernel gives it: the sum of the pseudo header in place of the checksum. */
static inline size_t build_super(uint8_t *p, const struct spec *s)
{
	size_t n = build_packet(p, s), l4 = ip_header_octets(p);

	put16(p + l4 + (s->protocol == 6 ? 16 : 6), ref_pseudo_sum(p, n - l4, s->protocol));
	return n;
}

/* The packet number k of those that build_super(s) stands for, cut to gso_size. */
static inline size_t build_cut(uint8_t *p, const struct spec *s, unsigned k, unsigned gso_size)
{
	struct spec cut = *s;
	size_t left = s->payload - (size_t)k * gso_size;

	cut.seq += k * gso_size;
	cut.id = (uint16_t)(s->id + k);
	cut.payload = left < gso_size ? left : gso_size;
	if (k)
		cut.flags &= 0x7f; /* CWR */
	if (left > gso_size)
		cut.flags &= 0xf6; /* PSH, FIN */
	return build_packet(p, &cut);
}
