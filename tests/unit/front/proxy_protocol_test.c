// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "front/proxy_protocol.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"

struct row {
	const char *octets;
	size_t n;
	const char *peer, *local; /* NULL: not relayed */
};

#define ROW(text, peer, local)                                                                     \
	{                                                                                          \
		text, sizeof(text) - 1, peer, local                                                \
	}

// clang-format off
static const struct row good[] = {
	ROW("PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n", "192.0.2.7:56324", "192.0.2.1:443"),
	ROW("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535", "255.255.255.255:65535"),
	ROW("PROXY TCP6 2001:db8::7 2001:db8::1 1 443\r\n", "[2001:db8::7]:1", "[2001:db8::1]:443"),
	ROW("PROXY UNKNOWN\r\n", NULL, NULL),
	ROW("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", NULL, NULL),
	ROW(SIG "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb", "192.0.2.7:56324", "192.0.2.1:443"),
	/* with a TLV (PP2_TYPE_NOOP) behind the addresses */
	ROW(SIG "\x21\x11\x00\x10\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb\x04\x00\x01\x00", "192.0.2.7:56324", "192.0.2.1:443"),
	ROW(SIG "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
		"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x01\x01\xbb", "[2001:db8::7]:1", "[2001:db8::1]:443"),
	/* IPv4-mapped: one client has one address */
	ROW(SIG "\x21\x21\x00\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"
		"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01\x00\x01\x01\xbb", "192.0.2.7:1", "192.0.2.1:443"),
	ROW(SIG "\x20\x00\x00\x00", NULL, NULL),                                                         /* LOCAL */
	ROW(SIG "\x20\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb", NULL, NULL), /* LOCAL, addresses ignored */
	ROW(SIG "\x21\x00\x00\x03\x04\x00\x00", NULL, NULL),                                             /* UNSPEC */
};
static const struct row bad[] = {
	ROW("GET / HTTP/1.1\r\n", NULL, NULL),
	ROW("\x16\x03\x01\x02\x00\x01", NULL, NULL),
	ROW("PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\n", NULL, NULL),
	ROW("PROXY TCP4  192.0.2.7 192.0.2.1 56324 443\r\n", NULL, NULL),
	ROW("PROXY TCP4 192.0.2.7 192.0.2.1 56324 443 \r\n", NULL, NULL),
	ROW("PROXY TCP4 192.0.2.7 192.0.2.1 56324\r\n", NULL, NULL),
	ROW("PROXY TCP4 192.0.2.7 192.0.2.1 65536 443\r\n", NULL, NULL),
	ROW("PROXY TCP4 192.0.2.7 192.0.2.1 +1 443\r\n", NULL, NULL),
	ROW("PROXY TCP4 192.0.2.7 192.0.2.1 01 443\r\n", NULL, NULL),
	ROW("PROXY TCP4 192.0.2.777 192.0.2.1 1 443\r\n", NULL, NULL),
	ROW("PROXY TCP4 2001:db8::7 2001:db8::1 1 443\r\n", NULL, NULL),
	ROW("PROXY TCP6 192.0.2.7 192.0.2.1 1 443\r\n", NULL, NULL),
	ROW("PROXY UDP4 192.0.2.7 192.0.2.1 1 443\r\n", NULL, NULL),
	ROW("PROXY UNKNOWNX\r\n", NULL, NULL),
	ROW("PROXY TCP4 192.0.2.7\0 192.0.2.1 1 443\r\n", NULL, NULL),
	ROW("PROXY \r\n", NULL, NULL),
	ROW("proxy TCP4 192.0.2.7 192.0.2.1 1 443\r\n", NULL, NULL),
	ROW("PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", NULL, NULL),
	ROW(SIG "\x11\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb", NULL, NULL), /* version 1 there */
	ROW(SIG "\x22\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb", NULL, NULL), /* unknown command */
	ROW(SIG "\x21\x12\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb", NULL, NULL), /* UDP */
	ROW(SIG "\x21\x11\x00\x0b\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01", NULL, NULL),     /* too short for IPv4 */
	ROW(SIG "\x21\x21\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb", NULL, NULL), /* … for IPv6 */
	ROW(SIG "\x21\x11\xff\xff", NULL, NULL),                                                 /* too long */
};
// clang-format on

static void headers_are_read_and_what_follows_is_left(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint8_t octets[512];
		struct rd in;
		struct proxy_protocol p;
		char text[ENDPOINT_TEXT_LEN];

		memcpy(octets, good[i].octets, good[i].n);
		memcpy(octets + good[i].n, "\x16\x03\x01", 3);
		in = rd_init(octets, good[i].n + 3);
		if (proxy_protocol_parse(&in, &p))
			fail_msg("row %zu", i);
		assert_int_equal(rd_left(&in), 3);
		assert_int_equal(p.version, *good[i].octets == 'P' ? 1 : 2);
		assert_int_equal(p.relayed, good[i].peer != NULL);
		if (!p.relayed)
			continue;
		assert_string_equal(endpoint_format(&p.peer, text), good[i].peer);
		assert_string_equal(endpoint_format(&p.local, text), good[i].local);
	}
}

static void every_prefix_asks_for_more_and_takes_nothing(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		for (size_t n = 0; n < good[i].n; n++) {
			struct rd in = rd_init((const uint8_t *)good[i].octets, n);
			struct proxy_protocol p;

			if (proxy_protocol_parse(&in, &p) != -EAGAIN)
				fail_msg("row %zu, %zu octets", i, n);
			assert_int_equal(rd_left(&in), n);
		}
}

static void reading_what_is_wanted_never_passes_the_end(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		size_t n = 0, want;

		while ((want = proxy_protocol_want((const uint8_t *)good[i].octets, n))) {
			n += want;
			if (n > good[i].n)
				fail_msg("row %zu: %zu octets of %zu", i, n, good[i].n);
		}
		assert_int_equal(n, good[i].n);
	}
}

static void anything_else_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct rd in = rd_init((const uint8_t *)bad[i].octets, bad[i].n);
		struct proxy_protocol p;

		if (proxy_protocol_parse(&in, &p) != -EPROTO)
			fail_msg("row %zu", i);
		assert_int_equal(proxy_protocol_want((const uint8_t *)bad[i].octets, bad[i].n), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read_and_what_follows_is_left),
		cmocka_unit_test(every_prefix_asks_for_more_and_takes_nothing),
		cmocka_unit_test(reading_what_is_wanted_never_passes_the_end),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
