// SPDX-License-Identifier: Apache-2.0
#include "unit/ip/craft.h"

#include <errno.h>
#include <stdlib.h>

#include "ip/filter.h"

/* ---- text ---- */

static struct filter *made(const char *text)
{
	struct filter *f = NULL;
	char why[FILTER_WHY_LEN];

	if (filter_parse(text, &f, why) < 0)
		fail_msg("%s: %s", text, why);
	return f;
}

static void rules_are_read(void **state)
{
	static const char *const good[] = {"allow any", "deny any", "allow tcp", "allow icmp any",
		" allow  tcp\t10.9.0.0/16  port 22,443,8000-8100 ; deny any ; ", "allow 10.9.0.53",
		"allow udp 2001:db8::/32 port 1-65535", "allow to 10.0.0.0/8", "allow tcp port 443",
		"allow tcp to any port 443;;deny any"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		filter_unref(made(good[i]));
}

static void wrong_rules_are_refused_with_the_word(void **state)
{
	static const char *const bad[][2] = {{"", ""}, {";;", ""}, {"permit any", "permit"},
		{"allow", ""}, {"allow tpc", "tpc"}, {"allow 10.9.0.1/16", "10.9.0.1/16"},
		{"allow any port 5", "5"}, {"allow icmp any port 5", "5"},
		{"allow tcp any port", ""}, {"allow tcp any port 0", "0"},
		{"allow tcp any port 65536", "65536"}, {"allow tcp any port 5-4", "5-4"},
		{"allow tcp any port 5,", "5,"}, {"allow tcp any port 5-", "5-"},
		{"allow tcp any port 5 6", "6"}, {"allow tcp any ports 5", "ports"},
		{"allow any any", "any"}, {"allow tcp any port 99999999999999999999", "9999"},
		{"allow tcp any port -5", "-5"}};
	char why[FILTER_WHY_LEN], long_text[4000] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct filter *f = NULL;

		if (filter_parse(bad[i][0], &f, why) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i][0]);
		assert_null(f);
		if (!strstr(why, "expected") || !strstr(why, bad[i][1]))
			fail_msg("\"%s\": %s", bad[i][0], why);
	}
	for (int i = 0; i <= FILTER_RULES_MAX; i++)
		strcat(long_text, "allow any;");
	assert_int_equal(filter_parse(long_text, &(struct filter *){NULL}, why), -EINVAL);
	assert_non_null(strstr(why, "at most 256"));
}

/* ---- packets: the client is 10.1.2.3 or fd00::3, the other end 192.0.2.9 or 2001:db8::9 ---- */

enum way { UP, DOWN };

static uint8_t packet[200];
static struct ip_packet ip;

/* For the client they come from there: the addresses change places. */
static void turn(void)
{
	uint8_t kept[16];
	size_t n = ip.version == 4 ? 4 : 16, at = ip.version == 4 ? 12 : 8;

	memcpy(kept, packet + at, n);
	memcpy(packet + at, packet + at + n, n);
	memcpy(packet + at + n, kept, n);
}

static void craft(enum way way, bool v6, uint8_t protocol, unsigned theirs, uint8_t flags)
{
	uint8_t body[40] = {0};
	size_t n;

	craft16(body, way == UP ? 50000 : theirs);
	craft16(body + 2, way == UP ? theirs : 50000);
	if (protocol == IP_TCP) {
		body[12] = 0x50;
		body[13] = flags;
	} else {
		craft16(body + 4, sizeof(body));
	}
	n = v6 ? craft_v6(packet, protocol, body, sizeof(body))
	       : craft_v4(packet, protocol, body, sizeof(body));
	ip = parsed(packet, n);
	if (way == DOWN)
		turn();
}

static bool passes(const char *a, const char *b, enum way way)
{
	struct filter_chain c = {b ? 2 : 1, {made(a), b ? made(b) : NULL}};
	bool r =
		way == UP ? filter_passes_up(&c, packet, &ip) : filter_passes_down(&c, packet, &ip);

	filter_unref(c.item[0]);
	filter_unref(c.item[1]);
	return r;
}

#define ACK 0x10
#define SYN 0x02

static void what_no_rule_names_does_not_pass(void **state)
{
	const struct filter_chain empty = {0};

	(void)state;
	craft(UP, false, IP_TCP, 443, SYN);
	assert_true(passes("allow tcp 192.0.2.0/24 port 443", NULL, UP));
	assert_true(passes("allow any", NULL, UP));
	assert_true(passes("allow 192.0.2.9", NULL, UP));
	assert_false(passes("allow tcp 192.0.2.0/24 port 80,444-65535", NULL, UP));
	assert_false(passes("allow udp 192.0.2.0/24 port 443", NULL, UP));
	assert_false(passes("allow tcp 192.0.2.8 port 443", NULL, UP));
	assert_false(passes("allow 2001:db8::/32", NULL, UP));
	assert_false(filter_passes_up(&empty, packet, &ip));
	craft(UP, true, IP_UDP, 53, 0);
	assert_true(passes("allow udp 2001:db8::/32 port 53", NULL, UP));
	assert_true(passes("allow 2001:db8::8/127", NULL, UP));
	assert_false(passes("allow 2001:db8::a/127", NULL, UP));
	assert_false(passes("allow 192.0.2.0/24", NULL, UP));
}

static void the_first_rule_of_the_first_filter_decides(void **state)
{
	(void)state;
	craft(UP, false, IP_TCP, 443, SYN);
	assert_false(passes("deny 192.0.2.9; allow any", NULL, UP));
	assert_true(passes("allow 192.0.2.9; deny any", NULL, UP));
	assert_true(passes("allow udp any", "allow tcp any port 443", UP));
	assert_false(passes("deny tcp any port 443", "allow any", UP));
	assert_true(passes("allow tcp any port 443", "deny any", UP));
}

/* Answers pass; a connection for the client does not, unless all ports are allowed. */
static void answers_come_back_and_connections_do_not(void **state)
{
	static const char web[] = "allow tcp 192.0.2.0/24 port 443; allow udp any port 53";

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		const char *rule = v6 ? "allow tcp 2001:db8::/32 port 443" : web;

		craft(DOWN, v6, IP_TCP, 443, SYN | ACK);
		assert_true(passes(rule, NULL, DOWN));
		craft(DOWN, v6, IP_TCP, 443, ACK);
		assert_true(passes(rule, NULL, DOWN));
		craft(DOWN, v6, IP_TCP, 443, SYN);
		assert_false(passes(rule, NULL, DOWN));
		assert_true(passes("allow any", NULL, DOWN));
		craft(DOWN, v6, IP_TCP, 22, ACK);
		assert_false(passes(rule, NULL, DOWN));
	}
	craft(DOWN, false, IP_UDP, 53, 0);
	assert_true(passes(web, NULL, DOWN));
	craft(DOWN, false, IP_TCP, 443, SYN);
	assert_false(passes("deny tcp any port 443; allow any", NULL, DOWN));
}

static void a_later_fragment_passes_where_any_port_does(void **state)
{
	(void)state;
	craft(UP, false, IP_UDP, 5353, 0);
	craft16(packet + 6, 10); /* offset 80 */
	packet_parse(packet, ip.len, &ip);
	assert_true(ip.later_fragment);
	assert_true(passes("allow udp 192.0.2.0/24 port 53", NULL, UP));
	assert_false(passes("allow udp 198.51.100.0/24 port 53", NULL, UP));
	assert_false(passes("allow tcp 192.0.2.0/24 port 53", NULL, UP));
	/* A deny with ports says nothing of it; the first fragment meets it. */
	assert_true(passes("deny udp any port 5353; allow any", NULL, UP));
	assert_false(passes("deny udp any; allow any", NULL, UP));
}

/* ---- ICMP ---- */

static void craft_error(enum way way, bool v6, uint8_t type, uint8_t protocol, unsigned theirs)
{
	uint8_t body[120] = {type}, quoted[80];
	size_t n;

	craft(way == UP ? DOWN : UP, v6, protocol, theirs, ACK);
	n = v6 ? 60 : 48;
	memcpy(quoted, packet, n);
	memcpy(body + 8, quoted, n);
	n = v6 ? craft_v6(packet, IP_ICMPV6, body, 8 + n) : craft_v4(packet, IP_ICMP, body, 8 + n);
	ip = parsed(packet, n);
	packet[v6 ? 9 : 13] ^= 0x55; /* a router's own address, not the other end's */
	if (way == DOWN)
		turn();
}

static void an_error_passes_when_the_packet_that_it_quotes_would(void **state)
{
	static const char v4[] = "allow tcp 192.0.2.0/24 port 443",
			  v6[] = "allow tcp 2001:db8::/32 port 443";

	(void)state;
	craft_error(DOWN, false, 3, IP_TCP, 443);
	assert_true(passes(v4, NULL, DOWN));
	craft_error(DOWN, false, 3, IP_TCP, 80);
	assert_false(passes(v4, NULL, DOWN));
	craft_error(DOWN, true, 2, IP_TCP, 443);
	assert_true(passes(v6, NULL, DOWN));
	craft_error(DOWN, true, 2, IP_UDP, 443);
	assert_false(passes(v6, NULL, DOWN));
	craft_error(UP, false, 3, IP_TCP, 443);
	assert_true(passes(v4, NULL, UP));
	craft_error(UP, true, 1, IP_TCP, 80);
	assert_false(passes(v6, NULL, UP));
	/* An answer to a ping is no error. */
	craft_error(DOWN, false, 0, IP_TCP, 443);
	assert_false(passes(v4, NULL, DOWN));
	/* What it quotes is no packet. */
	craft_error(DOWN, false, 3, IP_TCP, 443);
	packet[28] = 0x65;
	assert_false(passes(v4, NULL, DOWN));
}

static void icmp_stands_for_both_families(void **state)
{
	(void)state;
	craft(UP, false, IP_ICMP, 0, 0);
	packet[20] = 8;
	assert_true(passes("allow icmp any", NULL, UP));
	craft(UP, true, IP_ICMPV6, 0, 0);
	packet[40] = 128;
	assert_true(passes("allow icmp 2001:db8::/32", NULL, UP));
	assert_false(passes("allow tcp any; allow udp any", NULL, UP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_read),
		cmocka_unit_test(wrong_rules_are_refused_with_the_word),
		cmocka_unit_test(what_no_rule_names_does_not_pass),
		cmocka_unit_test(the_first_rule_of_the_first_filter_decides),
		cmocka_unit_test(answers_come_back_and_connections_do_not),
		cmocka_unit_test(a_later_fragment_passes_where_any_port_does),
		cmocka_unit_test(an_error_passes_when_the_packet_that_it_quotes_would),
		cmocka_unit_test(icmp_stands_for_both_families),
	};

	return cmocka_run_group_tests_name("ip/filter", tests, NULL, NULL);
}
