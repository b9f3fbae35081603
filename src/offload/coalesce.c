// SPDX-License-Identifier: Apache-2.0
/*
 * offload/coalesce.c — generic receive offload for the packets of a tunnel.
 *
 * A packet joins the super-packet of its flow when cutting that again would give back the very
 * packets that came:
 *
 *   both   same addresses and ports, plain headers (no IPv4 options, fragments, extension headers),
 *          right checksums; same TTL or hop limit, TOS or traffic class with its ECN bits, DF, flow
 *          label; IPv4 id one more than before, or the same and DF (RFC 6864: it means nothing then)
 *   TCP    the octets follow on (sequence); only ACK, ECE, PSH and, in the first, CWR are set; same
 *          acknowledgement, window, urgent pointer and options, timestamps included
 *   size   not longer than the first; a shorter one is taken and ends the super-packet
 *   UDP    the datagram carries a checksum
 *   each   the TUN takes super-packets of the kind (enum coalesce_kinds)
 *
 * Two things are not given back as they came. A PSH goes to the end of the super-packet: Linux sets it
 * on all that it sends in one piece, so that GRO hands it on at once, and we hand on the whole batch at
 * once anyway. And of pure acknowledgements in a row only the last is passed on, as long as it says no
 * more than a super-packet could answer. Both keep the sender inside in its slow start: when the outer
 * TCP has mended a loss, what waited behind it comes all at once, and late. A sender that sees eight
 * acknowledgements that are late (HyStart, RFC 9406) takes the path for full; of one or two it does not.
 *
 * Anything else ends the super-packet of its flow and passes behind it, alone and unchanged; when
 * its ports cannot be known (a fragment, an extension header), it ends all that it might belong to.
 * A packet with a wrong checksum passes in this way too: the kernel drops and counts it.
 *
 * A place (struct slot) is free, open (may grow) or ready (waits to be pulled). The first octets of
 * the iovec array are the virtio_net_hdr and the new headers, in the slot; the payloads stay where
 * they are. A super-packet of one packet is that packet, untouched.
 *
 * Left out: encapsulated flows, IPv6 extension headers, VLAN tags (a TUN has none).
 */
#include "offload/coalesce.h"
#include "base/hot.h"
#include "base/line.h"
#include "offload/csum.h"
#include "offload/inet.h"
#include "offload/vnet.h"

#include <errno.h>
#include <stdlib.h>

#define HEADERS_MAX (IPV6_HEADER_LEN + 60) /* of a joined packet: no options but TCP's */

enum id_step {
	ID_UNKNOWN = -1, /* a single packet so far */
	ID_FIXED = 0,
	ID_COUNTS = 1,
};

/* A packet and where it lies. */
struct piece {
	const uint8_t *octets;
	struct ip_packet ip;
};

struct slot {
	struct slot *next; /* in its list */
	struct piece first;
	uint32_t ports;  /* of the flow, as on the wire */
	uint32_t octets; /* headers and payloads, once */
	union {
		uint32_t next_seq; /* TCP */
		uint32_t acked;    /* of a pure ACK: what the first said */
	};
	uint16_t gso_size; /* payload of the first */
	uint16_t last_id;
	enum id_step id_step;
	bool verified;     /* the checksums were found right */
	uint8_t end_flags; /* TCP: PSH of one behind the first */
	uint32_t packets;
	struct iovec iov[COALESCE_IOV_MAX];
	struct vnet_hdr vnet;
	uint8_t headers[HEADERS_MAX]; /* follows vnet without a gap: one piece of the iovec */
};

_Static_assert(offsetof(struct slot, headers) == offsetof(struct slot, vnet) + VNET_HDR_LEN,
	"virtio_net_hdr and headers are one piece");

struct list {
	struct slot *head, **tail;
};

struct coalesce {
	enum coalesce_kinds kinds;
	struct slot *free;
	struct slot *pulled; /* the caller has its iov until the next call */
	struct list open, ready;
	struct coalesce_stats stats;
	struct slot slots[COALESCE_FLOWS];
};

static void list_init(struct list *l)
{
	*l = (struct list){NULL, &l->head};
}

static void prefetch_slot(const struct slot *s)
{
	if (!s)
		return;
	prefetch(s, offsetof(struct slot, iov) + sizeof(s->iov[0]));
	prefetch(&s->vnet, sizeof(s->vnet));
}

void coalesce_prefetch(const struct coalesce *c)
{
	prefetch(c, offsetof(struct coalesce, slots));
	prefetch_slot(c->pulled); /* the next packet gives this one back, and takes … */
	prefetch_slot(c->free);   /* … this one */
}

static void list_append(struct list *l, struct slot *s)
{
	s->next = NULL;
	*l->tail = s;
	l->tail = &s->next;
}

/* Takes out the slot that *at points to, which is l->head or the next of another. */
static struct slot *list_take(struct list *l, struct slot **at)
{
	struct slot *s = *at;

	*at = s->next;
	if (l->tail == &s->next)
		l->tail = at;
	return s;
}

int coalesce_new(enum coalesce_kinds kinds, struct coalesce **ret)
{
	struct coalesce *c = line_calloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->kinds = kinds;
	list_init(&c->open);
	list_init(&c->ready);
	for (size_t i = 0; i < COALESCE_FLOWS; i++) {
		c->slots[i].next = c->free;
		c->free = &c->slots[i];
	}
	*ret = c;
	return 0;
}

void coalesce_free(struct coalesce *c)
{
	free(c);
}

const struct coalesce_stats *coalesce_stats(const struct coalesce *c)
{
	return &c->stats;
}

/* ---- one super-packet ---- */

static const uint8_t *l4_of(const struct piece *p)
{
	return p->octets + p->ip.l4;
}

static void slot_append(struct slot *s, const uint8_t *payload, size_t n)
{
	s->packets++;
	s->iov[s->packets] = (struct iovec){.iov_base = (void *)(uintptr_t)payload, .iov_len = n};
	s->octets += (uint32_t)n;
}

static void slot_start(struct slot *s, const struct piece *p)
{
	uint16_t payload = (uint16_t)(p->ip.len - p->ip.payload);

	s->first = *p;
	s->ports = load32(l4_of(p));
	s->octets = p->ip.payload;
	s->packets = 0;
	s->gso_size = payload;
	s->id_step = ID_UNKNOWN;
	s->last_id = load_be16(p->octets + IPV4_ID);
	s->end_flags = 0;
	s->verified = true;
	if (p->ip.protocol == PROTOCOL_TCP)
		s->next_seq = load_be32(l4_of(p) + TCP_SEQ) + payload;
	slot_append(s, p->octets + p->ip.payload, payload);
}

/* A packet that goes as it came. */
static void slot_whole(struct slot *s, const struct piece *p, bool verified)
{
	s->first = *p;
	s->packets = 1;
	s->verified = verified;
}

static void finish_whole(struct slot *s)
{
	s->vnet = (struct vnet_hdr){.flags = s->verified ? VNET_F_DATA_VALID : 0};
	s->iov[0] = (struct iovec){.iov_base = &s->vnet, .iov_len = VNET_HDR_LEN};
	s->iov[1] = (struct iovec){
		.iov_base = (void *)(uintptr_t)s->first.octets, .iov_len = s->first.ip.len};
}

static void finish_ip_header(struct slot *s)
{
	uint8_t *ip = s->headers;

	if (s->first.ip.version == 6) {
		store_be16(ip + IPV6_PAYLOAD_LENGTH, (uint16_t)(s->octets - IPV6_HEADER_LEN));
		return;
	}
	store_be16(ip + IPV4_TOTAL_LENGTH, (uint16_t)s->octets);
	store16(ip + IPV4_CHECK, 0);
	store16(ip + IPV4_CHECK, csum_finish(csum_add_scalar(0, ip, IPV4_HEADER_LEN)));
}

static uint8_t finish_tcp_header(struct slot *s)
{
	uint8_t *tcp = s->headers + s->first.ip.l4;

	tcp[TCP_FLAGS] |= s->end_flags;
	if (s->first.ip.version == 6)
		return tcp[TCP_FLAGS] & TCP_FLAG_CWR ? VNET_GSO_TCPV6 | VNET_GSO_ECN
						     : VNET_GSO_TCPV6;
	return tcp[TCP_FLAGS] & TCP_FLAG_CWR ? VNET_GSO_TCPV4 | VNET_GSO_ECN : VNET_GSO_TCPV4;
}

static void finish_joined(struct slot *s)
{
	uint16_t l4 = s->first.ip.l4, l4_len = (uint16_t)(s->octets - l4);
	bool tcp = s->first.ip.protocol == PROTOCOL_TCP;

	memcpy(s->headers, s->first.octets, s->first.ip.payload);
	finish_ip_header(s);
	s->vnet = (struct vnet_hdr){
		.flags = VNET_F_NEEDS_CSUM,
		.gso_type = tcp ? finish_tcp_header(s) : VNET_GSO_UDP_L4,
		.hdr_len = s->first.ip.payload,
		.gso_size = s->gso_size,
		.csum_start = l4,
		.csum_offset = tcp ? TCP_CHECK : UDP_CHECK,
	};
	if (!tcp)
		store_be16(s->headers + l4 + UDP_LENGTH, l4_len);
	store16(s->headers + l4 + s->vnet.csum_offset,
		csum_fold(csum_pseudo(s->headers, s->first.ip.protocol, l4_len)));
	s->iov[0] = (struct iovec){
		.iov_base = &s->vnet, .iov_len = VNET_HDR_LEN + (size_t)s->first.ip.payload};
}

/* ---- may it join? ---- */

static bool ipv4_header_good(const struct piece *p)
{
	return p->ip.version != 4 ||
	       csum_finish(csum_add_scalar(0, p->octets, IPV4_HEADER_LEN)) == 0;
}

enum verdict {
	CHECKSUM_GOOD,
	CHECKSUM_BAD,
	CHECKSUM_NONE, /* UDP without one (RFC 768), or nothing that has one */
};

static enum verdict verify(const struct piece *p)
{
	uint64_t sum;

	if (!p->ip.simple || (p->ip.protocol == PROTOCOL_UDP && !load16(l4_of(p) + UDP_CHECK)))
		return CHECKSUM_NONE;
	sum = csum_pseudo(p->octets, p->ip.protocol, p->ip.len - p->ip.l4);
	if (csum_finish(csum_add(sum, l4_of(p), p->ip.len - p->ip.l4)) || !ipv4_header_good(p))
		return CHECKSUM_BAD;
	return CHECKSUM_GOOD;
}

/* Of the kind that can be part of a super-packet; checksums apart. */
static bool can_join(const struct coalesce *c, const struct piece *p)
{
	if (!p->ip.simple || p->ip.len <= p->ip.payload || p->ip.len > COALESCE_OCTETS_MAX)
		return false;
	if (p->ip.protocol == PROTOCOL_UDP)
		return c->kinds & COALESCE_UDP;
	return (c->kinds & COALESCE_TCP) &&
	       (l4_of(p)[TCP_FLAGS] & ~(TCP_FLAG_PSH | TCP_FLAG_ECE | TCP_FLAG_CWR)) ==
		       TCP_FLAG_ACK;
}

/* ---- acknowledgements ---- */

static bool is_pure_ack(const struct piece *p)
{
	return p->ip.simple && p->ip.protocol == PROTOCOL_TCP && p->ip.len == p->ip.payload &&
	       l4_of(p)[TCP_FLAGS] == TCP_FLAG_ACK && !(l4_of(p)[TCP_DATA_OFFSET] & 0xf);
}

/* No options, or timestamps as everybody writes them: no SACK, which says more than the number does. */
static bool later_options(const struct piece *earlier, const struct piece *later)
{
	static const uint8_t timestamps[] = {1, 1, 8, 10};
	const uint8_t *a = l4_of(earlier) + TCP_HEADER_LEN, *b = l4_of(later) + TCP_HEADER_LEN;
	size_t n = (size_t)(later->ip.payload - later->ip.l4 - TCP_HEADER_LEN);

	if (later->ip.len != earlier->ip.len || (n && n != 12))
		return false;
	return !n || (!memcmp(a, timestamps, 4) && !memcmp(b, timestamps, 4) &&
			     (int32_t)(load_be32(b + 4) - load_be32(a + 4)) >= 0);
}

/*
 * The later one says all that the earlier one did. The same number again does not: TCP counts how often
 * it comes.
 */
static bool supersedes(const struct slot *s, const struct piece *p)
{
	const uint8_t *a = l4_of(&s->first), *b = l4_of(p);
	uint32_t acked = load_be32(b + TCP_ACK);

	return is_pure_ack(&s->first) && later_options(&s->first, p) &&
	       load32(a + TCP_SEQ) == load32(b + TCP_SEQ) &&
	       (int32_t)(acked - load_be32(a + TCP_ACK)) > 0 &&
	       acked - s->acked <= COALESCE_OCTETS_MAX;
}

static bool id_follows(struct slot *s, const struct piece *p)
{
	uint16_t id = load_be16(p->octets + IPV4_ID);
	bool df = load_be16(p->octets + IPV4_FRAGMENT) & IPV4_DF;
	uint16_t step = (uint16_t)(id - s->last_id);

	if (step > 1 || (step == ID_FIXED && !df))
		return false;
	return s->id_step == ID_UNKNOWN || s->id_step == (enum id_step)step;
}

static bool same_ip_header(struct slot *s, const struct piece *p)
{
	const uint8_t *a = s->first.octets, *b = p->octets;

	if (p->ip.version == 6)
		return load32(a) == load32(b) && a[IPV6_HOP_LIMIT] == b[IPV6_HOP_LIMIT];
	return load16(a) == load16(b) && load16(a + IPV4_FRAGMENT) == load16(b + IPV4_FRAGMENT) &&
	       a[IPV4_TTL] == b[IPV4_TTL] && id_follows(s, p);
}

static bool same_tcp_header(const struct slot *s, const struct piece *p)
{
	const uint8_t *a = l4_of(&s->first), *b = l4_of(p);
	size_t options = (size_t)(s->first.ip.payload - s->first.ip.l4 - TCP_HEADER_LEN);
	uint8_t a_flags = a[TCP_FLAGS] & (uint8_t) ~(TCP_FLAG_CWR | TCP_FLAG_PSH),
		b_flags = b[TCP_FLAGS] & (uint8_t)~TCP_FLAG_PSH;

	return load_be32(b + TCP_SEQ) == s->next_seq &&
	       load32(a + TCP_ACK) == load32(b + TCP_ACK) &&
	       a[TCP_DATA_OFFSET] == b[TCP_DATA_OFFSET] && a_flags == b_flags &&
	       load16(a + TCP_WINDOW) == load16(b + TCP_WINDOW) &&
	       load16(a + TCP_URGENT) == load16(b + TCP_URGENT) &&
	       !memcmp(a + TCP_HEADER_LEN, b + TCP_HEADER_LEN, options);
}

static bool slot_join(struct slot *s, const struct piece *p)
{
	size_t payload = p->ip.len - p->ip.payload;

	if (payload > s->gso_size || s->octets + payload > COALESCE_OCTETS_MAX ||
		!same_ip_header(s, p))
		return false;
	if (p->ip.protocol == PROTOCOL_TCP) {
		if (!same_tcp_header(s, p))
			return false;
		s->end_flags |= l4_of(p)[TCP_FLAGS] & TCP_FLAG_PSH;
		s->next_seq += (uint32_t)payload;
	}
	if (p->ip.version == 4) {
		uint16_t id = load_be16(p->octets + IPV4_ID);

		s->id_step = id == s->last_id ? ID_FIXED : ID_COUNTS;
		s->last_id = id;
	}
	slot_append(s, p->octets + p->ip.payload, payload);
	return true;
}

/* Nothing may follow the packet that was just taken. */
static bool slot_complete(const struct slot *s, const struct piece *p)
{
	return s->packets == COALESCE_PIECES || p->ip.len - p->ip.payload < s->gso_size;
}

/* ---- the table ---- */

HOT static void make_ready(struct coalesce *c, struct slot *s)
{
	if (s->packets > 1) {
		finish_joined(s);
		c->stats.super_packets++;
	} else {
		finish_whole(s);
	}
	list_append(&c->ready, s);
}

static void give_back_pulled(struct coalesce *c)
{
	if (!c->pulled)
		return;
	c->pulled->next = c->free;
	c->free = c->pulled;
	c->pulled = NULL;
}

static struct slot *take_free(struct coalesce *c)
{
	struct slot *s = c->free;

	c->free = s->next;
	return s;
}

static bool same_addresses(const struct piece *a, const struct piece *b)
{
	if (a->ip.version != b->ip.version)
		return false;
	if (a->ip.version == 4)
		return load64(a->octets + IPV4_ADDRESSES) == load64(b->octets + IPV4_ADDRESSES);
	return !memcmp(a->octets + IPV6_ADDRESSES, b->octets + IPV6_ADDRESSES, 32);
}

/* Where the open super-packet of p's flow hangs in the list, or NULL. */
static struct slot **find_open(struct coalesce *c, const struct piece *p)
{
	uint32_t ports = load32(l4_of(p));

	for (struct slot **at = &c->open.head; *at; at = &(*at)->next)
		if ((*at)->ports == ports && (*at)->first.ip.protocol == p->ip.protocol &&
			same_addresses(&(*at)->first, p))
			return at;
	return NULL;
}

/* p may belong to the flow of s: what is not known of it does not speak against it. */
static bool may_belong(const struct piece *p, const struct slot *s)
{
	if (p->ip.protocol && p->ip.protocol != s->first.ip.protocol)
		return false;
	return (!p->ip.l4 || load32(l4_of(p)) == s->ports) && same_addresses(p, &s->first);
}

static void end_flows_of(struct coalesce *c, const struct piece *p)
{
	struct slot **at = &c->open.head;

	while (*at) {
		if (may_belong(p, *at))
			make_ready(c, list_take(&c->open, at));
		else
			at = &(*at)->next;
	}
}

/* No place is free: makes room by ending the oldest, which the caller must pull. */
static bool refuse(struct coalesce *c)
{
	if (!c->ready.head)
		make_ready(c, list_take(&c->open, &c->open.head));
	return false;
}

static bool pass_alone(struct coalesce *c, const struct piece *p, bool verified)
{
	struct slot *s;

	if (!c->free)
		return refuse(c);
	if (p->ip.version)
		end_flows_of(c, p);
	s = take_free(c);
	slot_whole(s, p, verified);
	make_ready(c, s);
	return true;
}

static bool open_new(struct coalesce *c, const struct piece *p)
{
	struct slot *s;

	if (!c->free)
		return refuse(c);
	s = take_free(c);
	slot_start(s, p);
	if (slot_complete(s, p))
		make_ready(c, s);
	else
		list_append(&c->open, s);
	return true;
}

static bool take_ack(struct coalesce *c, const struct piece *p)
{
	struct slot **at = find_open(c, p), *s;

	if (at && supersedes(*at, p)) {
		(*at)->first = *p;
		c->stats.acks_merged++;
		return true;
	}
	if (at)
		make_ready(c, list_take(&c->open, at));
	if (!c->free)
		return refuse(c);
	s = take_free(c);
	slot_start(s, p);
	s->acked = load_be32(l4_of(p) + TCP_ACK);
	list_append(&c->open, s);
	return true;
}

static bool join_or_open(struct coalesce *c, const struct piece *p)
{
	struct slot **at = find_open(c, p);

	if (!at)
		return open_new(c, p);
	if (slot_join(*at, p)) {
		if (slot_complete(*at, p))
			make_ready(c, list_take(&c->open, at));
		return true;
	}
	make_ready(c, list_take(&c->open, at));
	return open_new(c, p);
}

HOT bool coalesce_add(struct coalesce *c, const uint8_t *octets, const struct ip_packet *ip)
{
	const struct piece p = {octets, *ip};
	enum verdict verdict;
	bool taken;

	give_back_pulled(c);
	verdict = verify(&p);
	if (verdict == CHECKSUM_GOOD && can_join(c, &p))
		taken = join_or_open(c, &p);
	else if (verdict == CHECKSUM_GOOD && (c->kinds & COALESCE_TCP) && is_pure_ack(&p))
		taken = take_ack(c, &p);
	else
		taken = pass_alone(c, &p, verdict == CHECKSUM_GOOD);
	if (taken)
		c->stats.bad_checksums += verdict == CHECKSUM_BAD;
	return taken;
}

HOT void coalesce_flush(struct coalesce *c)
{
	give_back_pulled(c);
	while (c->open.head)
		make_ready(c, list_take(&c->open, &c->open.head));
}

HOT bool coalesce_next(struct coalesce *c, struct coalesced *ret)
{
	struct slot *s = c->ready.head;

	give_back_pulled(c);
	if (!s)
		return false;
	list_take(&c->ready, &c->ready.head);
	c->pulled = s;
	*ret = (struct coalesced){
		.iov = s->iov,
		.iovcnt = s->packets > 1 ? (int)s->packets + 1 : 2,
		.packets = s->packets,
	};
	return true;
}
