// SPDX-License-Identifier: Apache-2.0
/*
 * ip/ra.c and ip/dhcpv6.c: any packet read, with its checksum put right first, or nothing would come
 * past it. An advertisement that was read is built anew and must read the same.
 */
#include <stdlib.h>
#include <string.h>

#include "ip/dhcpv6.h"
#include "ip/ra.h"
#include "ip/sum.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void must(bool b)
{
	if (!b)
		abort();
}

static void put_sum(uint8_t *octets, const struct ip_packet *p)
{
	size_t at = p->header_len + (p->protocol == IP_UDP ? 6u : 2u);

	if (p->header_len != IPV6_HEADER_LEN || at + 2 > p->len)
		return;
	octets[at] = octets[at + 1] = 0;
	uint16_t sum = sum_v6(octets, p->len, p->protocol);

	octets[at] = (uint8_t)(sum >> 8);
	octets[at + 1] = (uint8_t)sum;
}

static void again(const struct ra *ra)
{
	uint8_t built[RA_MAX];
	size_t n = ra_build(ra, built, sizeof(built));
	struct ip_packet p;
	struct ra back;

	must(n > 0 && packet_parse(built, n, &p) == 0 && ra_parse(built, &p, &back) == 0);
	must(back.router_lifetime_s == ra->router_lifetime_s && back.mtu == ra->mtu);
	must(back.n_dns == ra->n_dns && addr_equal(&back.prefix.addr, &ra->prefix.addr));
}

static void answer(const struct dhcpv6_request *req)
{
	static const struct addr dns[DHCPV6_DNS_MAX];
	struct dhcpv6_answer a = {.dns = dns,
		.n_dns = DHCPV6_DNS_MAX,
		.prefix = {{AF_INET6, {0x20, 1}}, 56},
		.refresh_s = 1};
	uint8_t reply[DHCPV6_REPLY_MAX];

	must(dhcpv6_reply(req, &a, reply, sizeof(reply)) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const uint8_t duid[DHCPV6_DUID_LEN] = {0, 4};
	uint8_t *copy = malloc(n + !n);
	struct dhcpv6_request req;
	struct ip_packet p;
	struct ra ra;

	must(copy != NULL);
	memcpy(copy, octets, n);
	if (packet_parse(copy, n, &p) == 0 && p.family == AF_INET6) {
		put_sum(copy, &p);
		ra_is_solicitation(copy, &p);
		if (ra_parse(copy, &p, &ra) == 0)
			again(&ra);
		if (dhcpv6_parse(copy, &p, duid, &req) == 0)
			answer(&req);
	}
	free(copy);
	return 0;
}
