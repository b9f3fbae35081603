// SPDX-License-Identifier: Apache-2.0
#include "unit/eap/ask.h"

#include <errno.h>

#include "base/crypto.h"

static struct eap_peer *peer_of(const uint8_t *types, size_t n, const char *password)
{
	struct eap_client_opts opts = {
		.user = "User", .password = password, .n_types = n, .random = peer_challenge};
	struct eap_peer *peer = NULL;

	memcpy(opts.types, types, n);
	assert_int_equal(eap_client_new(&opts, &peer), 0);
	return peer;
}

static void another_method_gets_a_nak_with_ours(void **state)
{
	static const uint8_t types[] = {EAP_MSCHAPV2, EAP_MD5};
	struct eap_peer *peer = peer_of(types, 2, "secret");
	struct answer a = ask(peer, "01 05 0006 0d 20");
	const char *detail;
	uint8_t msk[EAP_MSK_LEN];

	(void)state;
	assert_octets(a.p, (size_t)a.n, "02 05 0007 03 1a 04");
	assert_int_equal(ask_why(peer, &detail), EV_AUTH_EAP_NOT_WANTED);
	assert_string_equal(
		detail, "the server proposed EAP-TLS; wanted here: EAP-MSCHAPv2 EAP-MD5");
	assert_int_equal(peer->ops->key(peer, msk), -EAGAIN);
	eap_client_free(peer);
}

static void without_a_password_no_method_that_needs_one_is_named(void **state)
{
	static const uint8_t types[] = {EAP_MSCHAPV2};
	struct eap_peer *peer = peer_of(types, 1, NULL);
	struct answer a = ask(peer, "01 05 0021 1a 01 21 001c 10 5b5d7c7d7b3f2f3e3c2c602132262628 "
				    "63756c76657274");

	(void)state;
	assert_octets(a.p, (size_t)a.n, "02 05 0006 03 00");
	eap_client_free(peer);
}

/* A server, or who stands in its place, must not lead from the strong method to the weak one. */
static void a_method_that_runs_is_not_left_for_another(void **state)
{
	static const uint8_t types[] = {EAP_MSCHAPV2, EAP_MD5};
	struct eap_peer *peer = peer_of(types, 2, "secret");

	(void)state;
	assert_true(ask(peer, "01 21 0021 1a 01 21 001c 10 5b5d7c7d7b3f2f3e3c2c602132262628 "
			      "63756c76657274")
			    .n > 0);
	assert_int_equal(ask(peer, "01 22 0016 04 10 000102030405060708090a0b0c0d0e0f").n, 0);
	eap_client_free(peer);
}

static void md5_is_that_of_chap_and_yields_zeros(void **state)
{
	static const uint8_t types[] = {EAP_MD5};
	struct eap_peer *peer = peer_of(types, 1, "secret");
	uint8_t digest[MD5_LEN], msk[EAP_MSK_LEN], zero[EAP_MSK_LEN] = {0};
	struct answer a;

	(void)state;
	assert_int_equal(peer->ops->key(peer, msk), -EAGAIN);
	a = ask(peer, "01 07 0018 04 10 000102030405060708090a0b0c0d0e0f 7376");
	assert_int_equal(
		hash_one(HASH_MD5, "\7secret\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 23, digest),
		0);
	assert_int_equal(a.n, 5 + 1 + 16 + 4);
	assert_memory_equal(a.p, "\2\7\0\32\4\20", 6);
	assert_memory_equal(a.p + 6, digest, sizeof(digest));
	assert_memory_equal(a.p + 22, "User", 4);
	assert_int_equal(peer->ops->key(peer, msk), 0);
	assert_memory_equal(msk, zero, sizeof(msk));
	eap_client_free(peer);
}

static void what_is_cut_is_discarded(void **state)
{
	static const uint8_t types[] = {EAP_MD5, EAP_MSCHAPV2};
	struct hexlit md5 = hexlit("01 07 0018 04 10 000102030405060708090a0b0c0d0e0f 7376");
	struct hexlit ms = hexlit("01 21 0021 1a 01 21 001c 10 5b5d7c7d7b3f2f3e3c2c602132262628 "
				  "63756c76657274");

	(void)state;
	for (size_t n = 0; n < ms.n; n++) {
		struct eap_peer *peer = peer_of(types, 2, "secret");
		uint8_t cut[64];

		assert_int_equal(ask_mtu(peer, ms.p, n, EAP_PACKET_MAX).n, 0);
		/* and with a length that says so: the name may be missing, nothing else */
		memcpy(cut, ms.p, n);
		if (n >= 4)
			cut[3] = (uint8_t)n;
		if (n >= 4 && n < 26)
			assert_int_equal(ask_mtu(peer, cut, n, EAP_PACKET_MAX).n, 0);
		memcpy(cut, md5.p, n < md5.n ? n : md5.n);
		if (n >= 4)
			cut[3] = (uint8_t)n;
		if (n >= 4 && n < 22)
			assert_int_equal(ask_mtu(peer, cut, n, EAP_PACKET_MAX).n, 0);
		eap_client_free(peer);
	}
}

static void opts_that_make_no_sense_are_refused(void **state)
{
	struct eap_client_opts opts = {.user = "User"};
	struct eap_peer *peer = NULL;

	(void)state;
	assert_int_equal(eap_client_new(&opts, &peer), -EINVAL);
	assert_null(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_method_gets_a_nak_with_ours),
		cmocka_unit_test(without_a_password_no_method_that_needs_one_is_named),
		cmocka_unit_test(a_method_that_runs_is_not_left_for_another),
		cmocka_unit_test(md5_is_that_of_chap_and_yields_zeros),
		cmocka_unit_test(what_is_cut_is_discarded),
		cmocka_unit_test(opts_that_make_no_sense_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
