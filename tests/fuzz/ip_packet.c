/*
 * ip/packet.c, ip/toobig.c and ip/fragment.c: any octets as a packet; whatever is accepted must lie
 * inside them.
 */
#include <stdlib.h>
#include <string.h>

#include "ip/fragment.h"
#include "ip/packet.h"
#include "ip/toobig.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void must(bool b)
{
	if (!b)
		abort();
}

static void answer(const uint8_t *octets, const struct ip_view *p)
{
	struct addr from = {.family = p->family, .octets = {10, 0, 0, 1}};
	uint8_t out[TOOBIG_MAX];
	size_t len = toobig_build(octets, p, &from, 1400, out, sizeof(out));
	struct ip_view reply, again;
	uint8_t second[TOOBIG_MAX];

	if (!len)
		return;
	must(packet_parse(out, len, &reply) == 0 && reply.len == len);
	must(!memcmp(reply.destination, p->source, p->family == AF_INET ? 4 : 16));
	again = reply;
	again.dont_fragment = true; /* an error is never answered by an error */
	must(toobig_build(out, &again, &from, 68, second, sizeof(second)) == 0);
}

/* The pieces carry all of the data, and each is a packet itself. */
static void cut(const uint8_t *octets, const struct ip_view *p, uint16_t mtu)
{
	uint8_t *piece = malloc(mtu);
	size_t at = 0, n, sum = 0;
	struct ip_view q;

	must(piece != NULL);
	while ((n = fragment_next(octets, p, mtu, &at, piece)) > 0) {
		must(n <= mtu && packet_parse(piece, n, &q) == 0 && q.len == n);
		sum += n - q.header_len;
	}
	must(sum == 0 || sum == p->len - p->header_len);
	free(piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct prefix all[] = {{{.family = AF_INET}, 0}, {{.family = AF_INET6}, 0}};
	struct ip_view p;

	if (packet_parse(octets, n, &p) < 0)
		return 0;
	must(p.len <= n && p.header_len <= p.len);
	must(p.header_len >= (p.family == AF_INET ? IPV4_HEADER_LEN : IPV6_HEADER_LEN));
	must(packet_source_in(&p, all, 2));
	must(packet_flow_hash(&p, 1) == packet_flow_hash(&p, 1));
	must(ip_scope_of(p.family, p.destination) <= IP_BROADCAST);
	answer(octets, &p);
	cut(octets, &p, 68);
	cut(octets, &p, 29);
	return 0;
}
