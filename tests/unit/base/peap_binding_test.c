// SPDX-License-Identifier: Apache-2.0
/* The crypto-binding TLV: [MS-PEAP] 4.4's numbers, and each octet of it wrong. */
#include "vectors.h"

#include <errno.h>

#include "base/peap_binding.h"

static struct hexlit of(const char *key)
{
	return vector_octets("ms-peap-4.4", key);
}

static struct peap_keys keys(void)
{
	struct hexlit tk = of("tunnel_key"), isk = of("inner_session_key");
	struct peap_keys k;

	assert_int_equal(peap_keys_make(tk.p, isk.p, &k), 0);
	return k;
}

static void the_documents_keys_and_values_come_out(void **state)
{
	struct hexlit ipmk = of("ipmk"), cmk = of("cmk"), recv = of("server_recv_key"),
		      send = of("server_send_key"), nonce = of("server_nonce"),
		      tlv = of("request_tlv");
	uint8_t msk[EAP_MSK_LEN], made[PEAP_BINDING_LEN];
	struct peap_keys k = keys();

	(void)state;
	assert_memory_equal(k.ipmk, ipmk.p, ipmk.n);
	assert_memory_equal(k.cmk, cmk.p, cmk.n);
	assert_int_equal(peap_msk(&k, msk), 0);
	assert_memory_equal(msk, recv.p, 32);
	assert_memory_equal(msk + 32, send.p, 32);
	assert_int_equal(peap_binding_write(&k, PEAP_BINDING_REQUEST, nonce.p, made), 0);
	assert_memory_equal(made, tlv.p, sizeof(made));
}

static void the_documents_response_verifies_and_no_other(void **state)
{
	struct hexlit response = of("response_tlv"), request = of("request_tlv");
	struct peap_keys k = keys();

	(void)state;
	assert_true(
		peap_binding_verifies(&k, PEAP_BINDING_RESPONSE, rd_init(response.p, response.n)));
	assert_false(
		peap_binding_verifies(&k, PEAP_BINDING_RESPONSE, rd_init(request.p, request.n)));
	assert_false(peap_binding_verifies(&k, PEAP_BINDING_RESPONSE, rd_init(NULL, 0)));
	for (size_t n = 0; n < response.n; n++)
		assert_false(
			peap_binding_verifies(&k, PEAP_BINDING_RESPONSE, rd_init(response.p, n)));
	for (size_t i = 0; i < response.n; i++) {
		struct hexlit bad = response;

		bad.p[i] ^= 1;
		assert_false(
			peap_binding_verifies(&k, PEAP_BINDING_RESPONSE, rd_init(bad.p, bad.n)));
	}
	k.cmk[0] ^= 1;
	assert_false(
		peap_binding_verifies(&k, PEAP_BINDING_RESPONSE, rd_init(response.p, response.n)));
}

static int parse(const char *hex, struct peap_extensions *ret)
{
	static struct hexlit h; /* the binding points into it */

	h = hexlit(hex);
	return peap_extensions_parse(rd_init(h.p, h.n), ret);
}

static void what_an_extensions_packet_says(void **state)
{
	static const char *const bad[] = {"80", "8003", "800300", "80030002",
		"8003000200",                            /* cut */
		"8003000100", "800300030001 00",         /* a result of another length */
		"80030002 0000",                         /* that is none */
		"80030002 0001 80030002 0001",           /* twice */
		"000c0001 00 000c0001 00", "8011000100", /* mandatory, and unknown */
		"80030002 0001 000c0038", "0011ffff 00"};
	struct peap_extensions e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(bad[i], &e), -EPROTO);
	assert_int_equal(parse("", &e), 0);
	assert_int_equal(e.result, 0);
	assert_int_equal(
		parse("0011 0001 ff 80030002 0001", &e), 0); /* unknown, and need not be known */
	assert_int_equal(e.result, 1);
	assert_int_equal(rd_left(&e.binding), 0);
	assert_int_equal(parse("80030002 0002 000c 0002 aabb", &e), 0);
	assert_int_equal(e.result, 2);
	assert_int_equal(rd_left(&e.binding), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documents_keys_and_values_come_out),
		cmocka_unit_test(the_documents_response_verifies_and_no_other),
		cmocka_unit_test(what_an_extensions_packet_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
