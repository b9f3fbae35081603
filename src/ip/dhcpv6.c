// SPDX-License-Identifier: Apache-2.0
#include "ip/dhcpv6.h"

#include <errno.h>
#include <string.h>

#include "base/wr.h"
#include "ip/sum.h"

#define PORT_CLIENT 546
#define PORT_SERVER 547
#define HOP_LIMIT 64

enum { REPLY = 7, INFORMATION_REQUEST = 11 }; /* RFC 8415 section 7.3 */

enum { /* section 21 */
	OPTION_CLIENT_ID = 1,
	OPTION_SERVER_ID = 2,
	OPTION_IA_NA = 3,
	OPTION_IA_TA = 4,
	OPTION_OPTION_REQUEST = 6,
	OPTION_DNS_SERVERS = 23, /* RFC 3646 */
	OPTION_DOMAIN_LIST = 24,
	OPTION_IA_PD = 25,
	OPTION_REFRESH_TIME = 32,
};

static int take_client_id(struct rd *body, struct dhcpv6_request *req)
{
	size_t n = rd_left(body);

	if (n < 3 || n > sizeof(req->client_id) || req->client_id_len)
		return -EPROTO;
	req->client_id_len = n;
	rd_copy(body, req->client_id, n);
	return 0;
}

static int take_option(
	uint16_t code, struct rd *body, const uint8_t *duid, struct dhcpv6_request *req)
{
	switch (code) {
	case OPTION_CLIENT_ID: return take_client_id(body, req);
	case OPTION_SERVER_ID: /* section 16.12: another server is meant */
		return rd_left(body) == DHCPV6_DUID_LEN && !memcmp(body->p, duid, DHCPV6_DUID_LEN)
			       ? 0
			       : -EPROTO;
	case OPTION_IA_NA:
	case OPTION_IA_TA:
	case OPTION_IA_PD: return -EPROTO; /* section 16.12: not in an Information-Request */
	case OPTION_OPTION_REQUEST:
		while (rd_left(body) >= 2) {
			uint16_t wanted = rd_be16(body);

			req->wants_dns |= wanted == OPTION_DNS_SERVERS;
			req->wants_search |= wanted == OPTION_DOMAIN_LIST;
		}
		return 0;
	default: return 0;
	}
}

static int take_options(struct rd *r, const uint8_t *duid, struct dhcpv6_request *req)
{
	while (rd_left(r)) {
		uint16_t code = rd_be16(r);
		struct rd body = rd_sub(r, rd_be16(r));
		int e = r->short_read ? -EPROTO : take_option(code, &body, duid, req);

		if (e < 0)
			return e;
	}
	return 0;
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
	if (rd_u8(&r) != INFORMATION_REQUEST)
		return -EPROTO; /* Solicit and the like: no addresses are leased here */
	rd_copy(&r, req.transaction, sizeof(req.transaction));
	memcpy(req.from.octets, packet_source_at(octets, p), 16);
	e = r.short_read ? -EPROTO : take_options(&r, duid, &req);
	if (!e)
		*ret = req;
	return e;
}

static void put_option(struct wr *w, uint16_t code, const void *body, size_t n)
{
	wr_be16(w, code);
	wr_be16(w, (uint16_t)n);
	wr_octets(w, body, n);
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
	wr_u8(w, REPLY);
	wr_octets(w, req->transaction, sizeof(req->transaction));
	if (req->client_id_len)
		put_option(w, OPTION_CLIENT_ID, req->client_id, req->client_id_len);
	put_option(w, OPTION_SERVER_ID, answer->duid, sizeof(answer->duid));
	if (answer->n_dns && req->wants_dns) {
		wr_be16(w, OPTION_DNS_SERVERS);
		wr_be16(w, (uint16_t)(16 * answer->n_dns));
		for (size_t i = 0; i < answer->n_dns; i++)
			wr_octets(w, answer->dns[i].octets, 16);
	}
	if (answer->search && answer->search->n && req->wants_search)
		put_search(w, answer->search);
	if (answer->refresh_s) {
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
