// SPDX-License-Identifier: Apache-2.0
/* The octets of RFC 1928's figures, every prefix of them, and what no client should send. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "socks/socks5.h"

struct request {
	const char *octets;
	size_t n;
	int result;
	const char *host;
	uint16_t port;
	uint8_t reply;
};

#define OCTETS(s) s, sizeof(s) - 1

static const struct request requests[] = {
	{OCTETS("\5\1\0\1\xcb\0\x71\2\x1f\x90"), 0, "203.0.113.2", 8080, SOCKS5_FAILURE},
	{OCTETS("\5\1\0\3\7a.b.c.d\0\x50"), 0, "a.b.c.d", 80, SOCKS5_FAILURE},
	{OCTETS("\5\1\0\4\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb"), 0, "fd00::1", 443,
		SOCKS5_FAILURE},
	{OCTETS("\5\2\0\1\xcb\0\x71\2\0\x50"), -EOPNOTSUPP, NULL, 0, SOCKS5_COMMAND},
	{OCTETS("\5\3\0\1\xcb\0\x71\2\0\x50"), -EOPNOTSUPP, NULL, 0, SOCKS5_COMMAND},
	{OCTETS("\5\1\0\1\xcb\0\x71\2\0\0"), -EOPNOTSUPP, NULL, 0, SOCKS5_FAILURE},
	{OCTETS("\5\1\0\3\0\0\x50"), -EOPNOTSUPP, NULL, 0, SOCKS5_FAILURE},
	{OCTETS("\5\1\0\3\3a\0b\0\x50"), -EOPNOTSUPP, NULL, 0, SOCKS5_FAILURE},
	{OCTETS("\5\1\0\3\3a b\0\x50"), -EOPNOTSUPP, NULL, 0, SOCKS5_FAILURE},
	{OCTETS("\5\1\0\3\3a\nb\0\x50"), -EOPNOTSUPP, NULL, 0, SOCKS5_FAILURE},
	{OCTETS("\5\1\0\x09"), -EOPNOTSUPP, NULL, 0, SOCKS5_ADDRESS_TYPE},
	{OCTETS("\4\1\0\1\xcb\0\x71\2\0\x50"), -EPROTO, NULL, 0, SOCKS5_FAILURE},
};

static void requests_are_read_and_every_prefix_asks_for_more(void **state)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct request *q = &requests[i];

		for (size_t n = 0; n <= q->n; n++) {
			struct rd in = rd_init(q->octets, n);
			uint8_t reply = SOCKS5_FAILURE;
			struct destination to = {0};
			int r = socks5_request(&in, &to, &reply);

			if (n < q->n) {
				assert_int_equal(r, -EAGAIN);
				assert_int_equal(rd_left(&in), n);
				continue;
			}
			assert_int_equal(r, q->result);
			assert_int_equal(reply, q->reply);
			if (r == 0) {
				assert_string_equal(to.host, q->host);
				assert_int_equal(to.port, q->port);
				assert_int_equal(rd_left(&in), 0);
			}
		}
	}
}

static void a_greeting_without_our_method_is_answered_and_refused(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		int result;
		uint8_t method;
	} rows[] = {{OCTETS("\5\1\0"), 0, 0}, {OCTETS("\5\3\2\1\0"), 0, 0},
		{OCTETS("\5\1\2"), -EACCES, 0xff}, {OCTETS("\5\0"), -EACCES, 0xff},
		{OCTETS("\4\1"), -EPROTO, 0}, {OCTETS("GET / HTTP/1.1"), -EPROTO, 0},
		{OCTETS("\5\2\0"), -EAGAIN, 0}, {OCTETS("\5"), -EAGAIN, 0},
		{OCTETS(""), -EAGAIN, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rd in = rd_init(rows[i].octets, rows[i].n);
		uint8_t method = 0;

		assert_int_equal(socks5_greeting(&in, &method), rows[i].result);
		assert_int_equal(method, rows[i].method);
	}
}

static void what_follows_the_greeting_stays(void **state)
{
	struct rd in = rd_init("\5\1\0\5\1", 5);
	uint8_t method;

	assert_int_equal(socks5_greeting(&in, &method), 0);
	assert_int_equal(rd_left(&in), 2);
}

static void errors_have_their_reply(void **state)
{
	uint8_t answer[SOCKS5_REPLY_LEN];

	assert_int_equal(socks5_reply_of(0), SOCKS5_SUCCEEDED);
	assert_int_equal(socks5_reply_of(-ECONNREFUSED), SOCKS5_REFUSED);
	assert_int_equal(socks5_reply_of(-EHOSTUNREACH), SOCKS5_HOST_UNREACHABLE);
	assert_int_equal(socks5_reply_of(-ETIMEDOUT), SOCKS5_HOST_UNREACHABLE);
	assert_int_equal(socks5_reply_of(-ENETUNREACH), SOCKS5_NET_UNREACHABLE);
	assert_int_equal(socks5_reply_of(-ENOMEM), SOCKS5_FAILURE);
	socks5_answer(SOCKS5_REFUSED, answer);
	assert_memory_equal(answer, "\5\5\0\1\0\0\0\0\0\0", sizeof(answer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read_and_every_prefix_asks_for_more),
		cmocka_unit_test(a_greeting_without_our_method_is_answered_and_refused),
		cmocka_unit_test(what_follows_the_greeting_stays),
		cmocka_unit_test(errors_have_their_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
