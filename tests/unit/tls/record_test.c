// SPDX-License-Identifier: Apache-2.0
/* TLS 1.3 records: RFC 8448 section 3 (the published trace), every cut, every flipped bit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hex.h"
#include "tls/record.h"

/* RFC 8448 section 3: client_application_traffic_secret_0, and its record of 50 octets 00 … 31. */
static const char client_secret[] =
	"9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
static const char server_secret[] =
	"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
static const char client_record[] =
	"1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20"
	"441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";

static struct record_secret secret_of(const char *hex)
{
	struct record_secret s = {.len = (uint8_t)(strlen(hex) / 2)};

	assert_int_equal(hex_decode(hex, s.octets, s.len), 0);
	return s;
}

static void make(const char *rx, const char *tx, struct record **ret)
{
	struct record_secret r = secret_of(rx), t = secret_of(tx);

	assert_int_equal(record_new(0x1301, &r, &t, ret), 0);
}

static void text_of_the_trace(uint8_t text[50])
{
	for (int i = 0; i < 50; i++)
		text[i] = (uint8_t)i;
}

static void sealing_gives_the_record_of_the_published_trace(void **state)
{
	uint8_t text[50], out[50 + RECORD_OVERHEAD], want[72];
	struct record *r;

	(void)state;
	make(server_secret, client_secret, &r);
	text_of_the_trace(text);
	assert_int_equal(record_seal(r, RECORD_DATA, text, 50, out), 0);
	assert_int_equal(hex_decode(client_record, want, sizeof(want)), 0);
	assert_memory_equal(out, want, sizeof(want));
	record_free(r);
}

static void opening_gives_the_text_however_the_record_is_cut(void **state)
{
	uint8_t text[50], wire[72], out[RECORD_TEXT_MAX + 256];
	enum record_type type;

	(void)state;
	text_of_the_trace(text);
	assert_int_equal(hex_decode(client_record, wire, sizeof(wire)), 0);
	for (size_t cut = 0; cut <= sizeof(wire); cut++) {
		struct rd first = rd_init(wire, cut),
			  rest = rd_init(wire + cut, sizeof(wire) - cut);
		struct record *r;
		ssize_t n;

		make(client_secret, server_secret, &r);
		n = record_open(r, &first, out, &type);
		if (cut < sizeof(wire)) {
			assert_int_equal(n, -EAGAIN);
			assert_int_equal(rd_left(&first), 0);
			n = record_open(r, &rest, out, &type);
		}
		assert_int_equal(n, 50);
		assert_int_equal(type, RECORD_DATA);
		assert_memory_equal(out, text, 50);
		record_free(r);
	}
}

static void every_flipped_bit_is_noticed(void **state)
{
	uint8_t wire[72], out[RECORD_TEXT_MAX + 256];
	enum record_type type;

	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof(wire); bit++) {
		struct record *r;
		struct rd in = rd_init(wire, sizeof(wire));

		assert_int_equal(hex_decode(client_record, wire, sizeof(wire)), 0);
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		make(client_secret, server_secret, &r);
		assert_true(record_open(r, &in, out, &type) < 0);
		record_free(r);
	}
}

static void a_record_does_not_open_twice(void **state)
{
	uint8_t wire[72], out[RECORD_TEXT_MAX + 256];
	enum record_type type;
	struct record *r;
	struct rd in = rd_init(wire, sizeof(wire)), again = in;

	(void)state;
	assert_int_equal(hex_decode(client_record, wire, sizeof(wire)), 0);
	make(client_secret, server_secret, &r);
	assert_int_equal(record_open(r, &in, out, &type), 50);
	assert_int_equal(record_open(r, &again, out, &type), -EBADMSG);
	record_free(r);
}

static void after_a_key_update_both_ends_go_on(void **state)
{
	uint8_t wire[100], out[RECORD_TEXT_MAX + 256];
	enum record_type type;
	struct record *a, *b;

	(void)state;
	make(server_secret, client_secret, &a);
	make(client_secret, server_secret, &b);
	for (int i = 0; i < 5; i++) {
		struct rd in = rd_init(wire, 4 + RECORD_OVERHEAD);

		assert_int_equal(record_seal(a, RECORD_HANDSHAKE, "text", 4, wire), 0);
		assert_int_equal(record_open(b, &in, out, &type), 4);
		assert_int_equal(type, RECORD_HANDSHAKE);
		assert_memory_equal(out, "text", 4);
		assert_int_equal(record_update_tx(a), 0);
		assert_int_equal(record_update_rx(b), 0);
	}
	record_free(a);
	record_free(b);
}

static void lengths_and_types_that_cannot_be_are_refused(void **state)
{
	static const struct {
		const char *header;
		int error;
	} cases[] = {{"1703034101", -EMSGSIZE}, {"170303ffff", -EMSGSIZE}, {"1703030010", -EAGAIN},
		{"1703030000", -EBADMSG}, {"1703010030", -EINVAL}, {"1703040030", -EINVAL},
		{"1603030030", -EPROTO}, {"1503030030", -EPROTO}, {"4854545031", -EPROTO}};
	uint8_t wire[5], out[RECORD_TEXT_MAX + 256];
	enum record_type type;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rd in = rd_init(wire, sizeof(wire));
		struct record *r;

		assert_int_equal(hex_decode(cases[i].header, wire, sizeof(wire)), 0);
		make(client_secret, server_secret, &r);
		assert_int_equal(record_open(r, &in, out, &type), cases[i].error);
		record_free(r);
	}
}

static void suites_that_are_not_known_stay_with_openssl(void **state)
{
	struct record_secret s = secret_of(client_secret);
	struct record *r;

	(void)state;
	assert_int_equal(record_new(0x1304, &s, &s, &r), -ENOTSUP); /* AES-128-CCM */
	assert_int_equal(
		record_new(0x1302, &s, &s, &r), -ENOTSUP); /* a secret of the wrong length */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealing_gives_the_record_of_the_published_trace),
		cmocka_unit_test(opening_gives_the_text_however_the_record_is_cut),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(a_record_does_not_open_twice),
		cmocka_unit_test(after_a_key_update_both_ends_go_on),
		cmocka_unit_test(lengths_and_types_that_cannot_be_are_refused),
		cmocka_unit_test(suites_that_are_not_known_stay_with_openssl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
