#include "ip/noise.h"

#include "ip/packet.h"

#define ICMPV6_RS 133
#define ICMPV6_RA 134
#define ICMPV6_NS 135
#define ICMPV6_NA 136
#define PORT_DHCPV6_SERVER 547

/* 224/4, 240/4, the limited broadcast, and the pool's own broadcast address. */
static enum noise noise_of_v4(const uint8_t *octets, const struct prefix *pool)
{
	const uint8_t *d = octets + 16;
	uint32_t to = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
	uint32_t host_bits = pool->len >= 31 ? 0 : UINT32_MAX >> pool->len;

	if (d[0] >= 224)
		return NOISE_OTHER;
	if (host_bits && to == (addr_v4_value(&pool->addr) | host_bits))
		return NOISE_OTHER;
	return NOISE_NONE;
}

static enum noise noise_of_v6(const uint8_t *octets, size_t n)
{
	const uint8_t *d = octets + 24, *l4 = octets + IPV6_HEADER_LEN;
	uint8_t next = octets[6];

	if (next == IP_ICMPV6 && n > IPV6_HEADER_LEN) {
		if (l4[0] == ICMPV6_RS)
			return NOISE_ROUTER;
		if (l4[0] == ICMPV6_RA)
			return NOISE_OTHER; /* a client is no router of ours */
		if (l4[0] == ICMPV6_NS || l4[0] == ICMPV6_NA)
			return NOISE_NEIGHBOUR;
	}
	if (next == IP_UDP && n >= IPV6_HEADER_LEN + UDP_HEADER_LEN &&
		(l4[2] << 8 | l4[3]) == PORT_DHCPV6_SERVER &&
		(d[0] == 0xff || (d[0] == 0xfe && (d[1] & 0xc0) == 0x80)))
		return NOISE_DHCPV6;
	return d[0] == 0xff ? NOISE_OTHER : NOISE_NONE;
}

enum noise noise_of(const uint8_t *octets, size_t n, const struct prefix *pool)
{
	return octets[0] >> 4 == 4 ? noise_of_v4(octets, pool) : noise_of_v6(octets, n);
}
