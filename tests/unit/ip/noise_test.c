/* ip/noise.c: what is said to everybody, and what is not. */
#include "craft.h"

#include "ip/noise.h"

static struct prefix pool;
static uint8_t octets[200];

static int setup(void **state)
{
	(void)state;
	return prefix_parse("10.1.0.0/22", &pool);
}

static enum noise to_v4(const char *to)
{
	static uint8_t body[20];
	struct addr a;
	size_t n = craft_v4(octets, IP_UDP, body, sizeof(body));

	assert_int_equal(addr_parse(to, &a), 0);
	memcpy(octets + 16, a.octets, 4);
	return noise_of(octets, n, &pool);
}

static enum noise to_v6(const char *to, uint8_t next, const void *body, size_t len)
{
	struct addr a;
	size_t n = craft_v6(octets, next, body, len);

	assert_int_equal(addr_parse(to, &a), 0);
	memcpy(octets + 24, a.octets, 16);
	return noise_of(octets, n, &pool);
}

static void ipv4_to_everybody_is_noise(void **state)
{
	(void)state;
	assert_int_equal(to_v4("224.0.0.251"), NOISE_OTHER);     /* mDNS */
	assert_int_equal(to_v4("239.255.255.250"), NOISE_OTHER); /* SSDP */
	assert_int_equal(to_v4("255.255.255.255"), NOISE_OTHER);
	assert_int_equal(to_v4("10.1.3.255"), NOISE_OTHER); /* NetBIOS, to the pool's broadcast */
}

static void ipv4_to_somebody_is_not(void **state)
{
	(void)state;
	assert_int_equal(to_v4("10.1.0.255"), NOISE_NONE); /* a host of the /22 */
	assert_int_equal(to_v4("10.1.4.255"), NOISE_NONE);
	assert_int_equal(to_v4("223.255.255.255"), NOISE_NONE);
}

static void ipv6_is_sorted_by_what_it_asks_for(void **state)
{
	static const uint8_t rs[8] = {133}, ra[16] = {134}, ns[24] = {135}, na[24] = {136},
			     echo[8] = {128};
	static const uint8_t dhcp[8] = {0x02, 0x22, 0x02, 0x23, 0, 8};

	(void)state;
	assert_int_equal(to_v6("ff02::2", IP_ICMPV6, rs, sizeof(rs)), NOISE_ROUTER);
	assert_int_equal(to_v6("ff02::1", IP_ICMPV6, ra, sizeof(ra)), NOISE_OTHER);
	assert_int_equal(to_v6("ff02::1:ff00:1", IP_ICMPV6, ns, sizeof(ns)), NOISE_NEIGHBOUR);
	assert_int_equal(to_v6("fe80::1", IP_ICMPV6, na, sizeof(na)), NOISE_NEIGHBOUR);
	assert_int_equal(to_v6("ff02::1:2", IP_UDP, dhcp, sizeof(dhcp)), NOISE_DHCPV6);
	assert_int_equal(to_v6("2001:db8::1", IP_UDP, dhcp, sizeof(dhcp)), NOISE_NONE);
	assert_int_equal(to_v6("ff02::fb", IP_UDP, echo, sizeof(echo)), NOISE_OTHER);
	assert_int_equal(to_v6("fe80::1", IP_ICMPV6, echo, sizeof(echo)), NOISE_NONE);
	assert_int_equal(to_v6("2001:db8::1", IP_TCP, echo, 0), NOISE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_to_everybody_is_noise),
		cmocka_unit_test(ipv4_to_somebody_is_not),
		cmocka_unit_test(ipv6_is_sorted_by_what_it_asks_for),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
