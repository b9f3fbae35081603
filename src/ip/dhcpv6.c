// SPDX-License-Identifier: Apache-2.0
#include "ip/dhcpv6.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/wr.h"
#include "ip/sum.h"

#define PORT_CLIENT 546
#define PORT_SERVER 547
#define HOP_LIMIT 64

enum { /* RFC 8415 section 21 */
	OPTION_CLIENT_ID = 1,
	OPTION_SERVER_ID = 2,
	OPTION_IA_NA = 3,
	OPTION_IA_TA = 4,
	OPTION_OPTION_REQUEST = 6,
	OPTION_STATUS = 13,
	OPTION_RAPID_COMMIT = 14,
	OPTION_DNS_SERVERS = 23, /* RFC 3646 */
	OPTION_DOMAIN_LIST = 24,
	OPTION_IA_PD = 25,
	OPTION_IAPREFIX = 26,
	OPTION_REFRESH_TIME = 32,
};

enum { STATUS_SUCCESS = 0, STATUS_NO_ADDRS = 2, STATUS_NO_BINDING = 3, STATUS_NO_PREFIX = 6 };

/* Sections 16.2 to 16.12: which identifiers a message must have, and must not. */
static const struct rule {
	enum dhcpv6_message message;
	enum { ANY, MUST, MUST_NOT } client, server;
	bool ia; /* it is about IAs; without one there is nothing to answer */
} rules[] = {
	{DHCPV6_SOLICIT, MUST, MUST_NOT, true},
	{DHCPV6_REQUEST, MUST, MUST, true},
	{DHCPV6_RENEW, MUST, MUST, true},
	{DHCPV6_REBIND, MUST, MUST_NOT, true},
	{DHCPV6_RELEASE, MUST, MUST, true},
	{DHCPV6_INFORMATION_REQUEST, ANY, ANY, false},
}; /* the others have no answer here: Confirm and Decline are about addresses */

static const struct rule *rule_of(uint8_t message)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].message == message)
			return &rules[i];
	return NULL;
}

/* ---- options in ------------------------------------------------------------------------ */

static int take_client_id(struct rd *body, struct dhcpv6_request *req)
{
	size_t n = rd_left(body);

	if (n < 3 || n > sizeof(req->client_id) || req->client_id_len)
		return -EPROTO;
	req->client_id_len = n;
	rd_copy(body, req->client_id, n);
	return 0;
}

/* Section 21.22. The host bits of what a client would like to have are not its own to choose. */
static int take_prefix(struct rd body, struct dhcpv6_ia *ia)
{
	struct prefix p = {.addr.family = AF_INET6};

	rd_be32(&body);
	rd_be32(&body);
	p.len = rd_u8(&body);
	rd_copy(&body, p.addr.octets, 16);
	if (body.short_read || p.len > 128)
		return -EPROTO;
	for (unsigned bit = p.len; bit < 128; bit++)
		p.addr.octets[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	if (!ia->prefix.addr.family && p.len)
		ia->prefix = p;
	return 0;
}

/* Sections 21.4, 21.5 and 21.21: an identifier, two times (IA_TA: none), and options. */
static int take_ia(uint16_t option, struct rd *body, struct dhcpv6_request *req)
{
	struct dhcpv6_ia ia = {.option = option, .iaid = rd_be32(body)};
	int r = 0;

	if (option != OPTION_IA_TA)
		rd_ptr(body, 8);
	while (rd_left(body) && !r) {
		uint16_t code = rd_be16(body);
		struct rd inner = rd_sub(body, rd_be16(body));

		if (code == OPTION_IAPREFIX && option == OPTION_IA_PD && !body->short_read)
			r = take_prefix(inner, &ia);
	}
	if (body->short_read || r)
		return -EPROTO;
	if (req->n_ia < DHCPV6_IA_MAX)
		req->ia[req->n_ia++] = ia;
	return 0;
}

static void take_wishes(struct rd *body, struct dhcpv6_request *req)
{
	while (rd_left(body) >= 2) {
		uint16_t wanted = rd_be16(body);

		req->wants_dns |= wanted == OPTION_DNS_SERVERS;
		req->wants_search |= wanted == OPTION_DOMAIN_LIST;
	}
}

struct reading {
	const struct rule *rule;
	const uint8_t *duid;
	bool server; /* it names a server, which is this one */
};

static int take_option(
	uint16_t code, struct rd *body, struct reading *reading, struct dhcpv6_request *req)
{
	switch (code) {
	case OPTION_CLIENT_ID: return take_client_id(body, req);
	case OPTION_SERVER_ID: /* another server is meant, or none may be */
		reading->server = true;
		return rd_left(body) == DHCPV6_DUID_LEN &&
				       !memcmp(body->p, reading->duid, DHCPV6_DUID_LEN)
			       ? 0
			       : -EPROTO;
	case OPTION_IA_NA:
	case OPTION_IA_TA:
	case OPTION_IA_PD: /* section 16.12: not in an Information-Request */
		return reading->rule->ia ? take_ia(code, body, req) : -EPROTO;
	case OPTION_RAPID_COMMIT: req->rapid_commit = true; return 0;
	case OPTION_OPTION_REQUEST: take_wishes(body, req); return 0;
	default: return 0;
	}
}

static int take_options(struct rd *r, struct reading *reading, struct dhcpv6_request *req)
{
	while (rd_left(r)) {
		uint16_t code = rd_be16(r);
		struct rd body = rd_sub(r, rd_be16(r));
		int e = r->short_read ? -EPROTO : take_option(code, &body, reading, req);

		if (e < 0)
			return e;
	}
	return 0;
}

static bool has_its_identifiers(const struct reading *reading, const struct dhcpv6_request *req)
{
	const struct rule *rule = reading->rule;

	return (rule->client != MUST || req->client_id_len) &&
	       (rule->server != MUST || reading->server) &&
	       (rule->server != MUST_NOT || !reading->server) && (!rule->ia || req->n_ia);
}

static int take_message(struct rd *r, const uint8_t *duid, struct dhcpv6_request *req)
{
	struct reading reading = {.rule = rule_of(rd_u8(r)), .duid = duid};
	int e;

	rd_copy(r, req->transaction, sizeof(req->transaction));
	if (r->short_read || !reading.rule)
		return -EPROTO;
	req->message = reading.rule->message;
	e = take_options(r, &reading, req);
	return e || has_its_identifiers(&reading, req) ? e : -EPROTO;
}

int dhcpv6_parse(const uint8_t *octets, const struct ip_packet *p,
	const uint8_t duid[static DHCPV6_DUID_LEN], struct dhcpv6_request *ret)
{
	struct dhcpv6_request req = {.from = {.family = AF_INET6}};
	size_t n = p->len - p->header_len; /* UDP's own length must be the same */
	struct rd r;
	int e;

	if (p->family != AF_INET6 || p->protocol != IP_UDP || p->fragment ||
		p->destination_port != PORT_SERVER)
		return -ENOMSG;
	if (p->header_len != IPV6_HEADER_LEN || n < UDP_HEADER_LEN ||
		(size_t)(octets[IPV6_HEADER_LEN + 4] << 8 | octets[IPV6_HEADER_LEN + 5]) != n ||
		sum_v6(octets, p->len, IP_UDP) != 0 ||
		ip_scope_of(AF_INET6, packet_source_at(octets, p)) != IP_LINK_LOCAL)
		return -EPROTO;
	r = rd_init(octets + IPV6_HEADER_LEN + UDP_HEADER_LEN,
		p->len - IPV6_HEADER_LEN - UDP_HEADER_LEN);
	memcpy(req.from.octets, packet_source_at(octets, p), 16);
	e = take_message(&r, duid, &req);
	if (!e)
		*ret = req;
	return e;
}

const struct dhcpv6_ia *dhcpv6_delegation(const struct dhcpv6_request *req)
{
	for (size_t i = 0; i < req->n_ia; i++)
		if (req->ia[i].option == OPTION_IA_PD)
			return &req->ia[i];
	return NULL;
}

/* ---- options out ----------------------------------------------------------------------- */

static void put_option(struct wr *w, uint16_t code, const void *body, size_t n)
{
	wr_be16(w, code);
	wr_be16(w, (uint16_t)n);
	wr_octets(w, body, n);
}

/* Section 21.13; the text is for people, and left out. */
static void put_status(struct wr *w, uint16_t status)
{
	wr_be16(w, OPTION_STATUS);
	wr_be16(w, 2);
	wr_be16(w, status);
}

static void put_prefix(struct wr *w, const struct prefix *p, uint32_t preferred_s, uint32_t valid_s)
{
	wr_be16(w, OPTION_IAPREFIX);
	wr_be16(w, 25);
	wr_be32(w, preferred_s);
	wr_be32(w, valid_s);
	wr_u8(w, p->len);
	wr_octets(w, p->addr.octets, 16);
}

static bool is_same(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

/* T1 and T2 as section 21.21 recommends. A prefix that the client holds and may not: lifetimes 0. */
static void put_delegation(struct wr *w, const struct dhcpv6_request *req,
	const struct dhcpv6_ia *ia, const struct dhcpv6_answer *answer)
{
	bool has = ia == dhcpv6_delegation(req) && answer->prefix.addr.family;
	bool holds = req->message == DHCPV6_RENEW || req->message == DHCPV6_REBIND;
	uint8_t *len;

	wr_be16(w, OPTION_IA_PD);
	len = wr_room(w, 2);
	wr_be32(w, ia->iaid);
	wr_be32(w, has ? answer->preferred_s / 2 : 0);
	wr_be32(w, has ? answer->preferred_s / 5 * 4 : 0);
	if (has)
		put_prefix(w, &answer->prefix, answer->preferred_s, answer->valid_s);
	else if (!holds || !ia->prefix.addr.family)
		put_status(w, holds ? STATUS_NO_BINDING : STATUS_NO_PREFIX);
	if (holds && ia->prefix.addr.family && (!has || !is_same(&ia->prefix, &answer->prefix)))
		put_prefix(w, &ia->prefix, 0, 0);
	if (len && !w->overflow)
		wr_patch_be16(len, (size_t)(w->p - len) - 2);
}

/* No address is leased (section 18.3.9). */
static void put_no_address(struct wr *w, const struct dhcpv6_ia *ia)
{
	bool has_times = ia->option == OPTION_IA_NA;

	wr_be16(w, ia->option);
	wr_be16(w, has_times ? 18 : 10);
	wr_be32(w, ia->iaid);
	if (has_times)
		wr_zero(w, 8);
	put_status(w, STATUS_NO_ADDRS);
}

static void put_ias(
	struct wr *w, const struct dhcpv6_request *req, const struct dhcpv6_answer *answer)
{
	if (req->message == DHCPV6_RELEASE) {
		put_status(w, STATUS_SUCCESS); /* section 18.3.7 */
		return;
	}
	for (size_t i = 0; i < req->n_ia; i++)
		if (req->ia[i].option == OPTION_IA_PD)
			put_delegation(w, req, &req->ia[i], answer);
		else
			put_no_address(w, &req->ia[i]);
}

static void put_dns(
	struct wr *w, const struct dhcpv6_request *req, const struct dhcpv6_answer *answer)
{
	if (!answer->n_dns || !req->wants_dns)
		return;
	wr_be16(w, OPTION_DNS_SERVERS);
	wr_be16(w, (uint16_t)(16 * answer->n_dns));
	for (size_t i = 0; i < answer->n_dns; i++)
		wr_octets(w, answer->dns[i].octets, 16);
}

/* RFC 8415 section 10: names without pointers. */
static void put_search(struct wr *w, const struct dhcp_names *names)
{
	uint8_t *len;

	wr_be16(w, OPTION_DOMAIN_LIST);
	len = wr_room(w, 2);
	dhcp_write_names(w, DHCPV6_SEARCH_MAX, names, false);
	if (len)
		wr_patch_be16(len, (size_t)(w->p - len) - 2);
}

static void put_answers(
	struct wr *w, const struct dhcpv6_request *req, const struct dhcpv6_answer *answer)
{
	bool advertises = req->message == DHCPV6_SOLICIT && !req->rapid_commit;

	wr_u8(w, advertises ? DHCPV6_ADVERTISE : DHCPV6_REPLY);
	wr_octets(w, req->transaction, sizeof(req->transaction));
	if (req->client_id_len)
		put_option(w, OPTION_CLIENT_ID, req->client_id, req->client_id_len);
	put_option(w, OPTION_SERVER_ID, answer->duid, sizeof(answer->duid));
	if (req->message == DHCPV6_SOLICIT && req->rapid_commit)
		put_option(w, OPTION_RAPID_COMMIT, NULL, 0);
	put_ias(w, req, answer);
	put_dns(w, req, answer);
	if (answer->search && answer->search->n && req->wants_search)
		put_search(w, answer->search);
	if (answer->refresh_s && req->message == DHCPV6_INFORMATION_REQUEST) {
		wr_be16(w, OPTION_REFRESH_TIME);
		wr_be16(w, 4);
		wr_be32(w, answer->refresh_s);
	}
}

size_t dhcpv6_reply(const struct dhcpv6_request *req, const struct dhcpv6_answer *answer,
	uint8_t *ret, size_t cap)
{
	struct wr w = wr_init(ret, cap);
	size_t n;
	uint16_t sum;

	wr_be32(&w, 6u << 28);
	wr_be16(&w, 0);
	wr_u8(&w, IP_UDP);
	wr_u8(&w, HOP_LIMIT);
	wr_octets(&w, answer->from.octets, 16);
	wr_octets(&w, req->from.octets, 16);
	wr_be16(&w, PORT_SERVER);
	wr_be16(&w, PORT_CLIENT);
	wr_be32(&w, 0); /* length and checksum: below */
	put_answers(&w, req, answer);
	if (w.overflow)
		return 0;
	n = wr_len(&w);
	wr_patch_be16(ret + 4, n - IPV6_HEADER_LEN);
	wr_patch_be16(ret + IPV6_HEADER_LEN + 4, n - IPV6_HEADER_LEN);
	sum = sum_v6(ret, n, IP_UDP);
	wr_patch_be16(ret + IPV6_HEADER_LEN + 6, sum ? sum : 0xffff); /* RFC 8200 8.1: never zero */
	return n;
}
