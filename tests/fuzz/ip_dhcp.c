// SPDX-License-Identifier: Apache-2.0
/*
 * ip/dhcp.c: any packet read as a request and as an answer, with its checksum put right first. A request
 * is answered with what the same octets hold as names and routes, within a bound that they choose, and
 * the answer must be readable.
 */
#include <stdlib.h>
#include <string.h>

#include "ip/dhcp.h"
#include "ip/sum.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void must(bool b)
{
	if (!b)
		abort();
}

static void put_sum(uint8_t *octets, const struct ip_packet *p)
{
	size_t n = p->len - p->header_len;
	uint8_t *udp = octets + p->header_len;

	if (p->protocol != IP_UDP || p->fragment || n < UDP_HEADER_LEN)
		return;
	udp[6] = udp[7] = 0;
	uint16_t sum = sum_finish(sum16(sum16((uint32_t)n + IP_UDP, octets + 12, 8), udp, n));

	udp[6] = (uint8_t)(sum >> 8);
	udp[7] = (uint8_t)sum;
}

static struct dhcp_ack ack;
static struct dhcp_names names;
static struct dhcp_route routes[DHCP_ROUTES_MAX];
static struct prefix to[DHCP_ROUTES_MAX];

static void answer(const struct dhcp_inform *inform, const uint8_t *octets, size_t n)
{
	struct dhcp_answer a = {.from = {AF_INET, {10, 8, 0, 1}},
		.domain = n % 2 ? "corp.example" : "",
		.search = &names,
		.routes = to,
		.split = n % 3 == 0};
	struct rd r = rd_init(octets + 20, n > 20 ? n - 20 : 0);
	uint8_t out[1500];
	struct dhcp_left_out left;
	struct ip_packet p;
	unsigned ignored;
	size_t cap = 328 + (size_t)(octets[4] << 8 | octets[5]) % (sizeof(out) - 328), len;

	if (n < 30 || dhcp_read_names(octets + 20, n - 20, &names, &ignored) < 0)
		names.n = 0;
	dhcp_read_routes(&r, routes, &a.n_routes, &ignored);
	for (size_t i = 0; i < a.n_routes; i++)
		to[i] = routes[i].to;
	len = dhcp_build_ack(inform, &a, out, cap, &left);
	must(len >= 328 && len <= cap && left.routes <= a.n_routes && left.names <= names.n);
	must(packet_parse(out, len, &p) == 0 && p.len == len);
	if (p.destination_port == DHCP_PORT_CLIENT) {
		must(dhcp_parse_ack(out, &p, &ack) == 0);
		must(ack.n_routes == a.n_routes - left.routes && ack.search.n <= names.n);
	}
}

static void again(const struct dhcp_inform *inform)
{
	struct dhcp_inform back;
	uint8_t out[800];
	struct ip_packet p;
	size_t n = dhcp_build_inform(inform, out, sizeof(out));

	must(n > 0 && packet_parse(out, n, &p) == 0 && dhcp_parse_inform(out, &p, &back) == 0);
	must(back.xid == inform->xid && back.n_asked == inform->n_asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	uint8_t *copy = malloc(n + !n);
	struct dhcp_inform inform;
	struct ip_packet p;

	must(copy != NULL);
	memcpy(copy, octets, n);
	if (packet_parse(copy, n, &p) == 0 && p.family == AF_INET) {
		put_sum(copy, &p);
		if (dhcp_parse_inform(copy, &p, &inform) == 0) {
			again(&inform);
			answer(&inform, copy, p.len);
		}
		if (dhcp_parse_ack(copy, &p, &ack) == 0)
			must(ack.n_routes <= DHCP_ROUTES_MAX && strlen(ack.domain) < DHCP_NAME_LEN);
	}
	free(copy);
	return 0;
}
