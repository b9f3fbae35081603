// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include "base/crypto.h"
#include "base/mschap.h"
#include "sstp/binding.h"

/* One vector of the crypto-binding group that has a whole CALL_CONNECTED. */
struct example {
	const char *id;
	bool negative;
	uint8_t hash;
	uint8_t nonce[SSTP_NONCE_LEN], hlak[HLAK_LEN];
	struct sstp_cert_hash cert;
	uint8_t packet[SSTP_CALL_CONNECTED_LEN];
};

static void cert_of(json_t *v, struct example *e)
{
	struct hexlit der = vector_octets_of(v, "certificate_der");
	struct hexlit hash = vector_octets_of(v, "cert_hash");

	if (der.n) {
		assert_int_equal(hash_one(HASH_SHA1, der.p, der.n, e->cert.sha1), 0);
		assert_int_equal(hash_one(HASH_SHA256, der.p, der.n, e->cert.sha256), 0);
	} else {
		memcpy(hash.n == 20 ? e->cert.sha1 : e->cert.sha256, hash.p, hash.n);
	}
}

static bool example_of(json_t *v, struct example *e)
{
	struct hexlit packet = vector_octets_of(v, "call_connected");
	struct hexlit hlak = vector_octets_of(v, "hlak"), nonce = vector_octets_of(v, "nonce");

	*e = (struct example){.id = json_string_value(json_object_get(v, "id"))};
	if (!packet.n)
		return false;
	assert_int_equal(packet.n, sizeof(e->packet));
	memcpy(e->packet, packet.p, packet.n);
	memcpy(e->hlak, hlak.p, sizeof(e->hlak));
	memcpy(e->nonce, nonce.p, sizeof(e->nonce));
	e->hash = e->packet[15];
	e->negative = strstr(e->id, "WRONG-ORDER") != NULL;
	cert_of(v, e);
	return true;
}

static enum event verify_with(
	const struct example *e, const uint8_t *packet, const uint8_t *hlak, uint8_t offered)
{
	struct sstp_binding_terms terms = {offered, e->nonce, &e->cert, 1};
	struct rd in = rd_init(packet, SSTP_CALL_CONNECTED_LEN);
	struct sstp_attr attr;

	rd_ptr(&in, SSTP_CONTROL_HEADER_LEN);
	sstp_attr_parse(&in, &attr);
	assert_int_equal(attr.fault, SSTP_ATTR_OK);
	return sstp_binding_verify(packet, &attr.crypto_binding, &terms, hlak);
}

static struct example load(const char *id)
{
	struct example e;

	assert_true(example_of(vector(id), &e));
	return e;
}

static void every_vector_is_built_to_the_octet_and_verified(void **state)
{
	unsigned n = 0;
	size_t i;
	json_t *v;

	json_array_foreach(vectors_all(), i, v)
	{
		uint8_t built[SSTP_CALL_CONNECTED_LEN];
		struct example e;

		if (!example_of(v, &e))
			continue;
		n++;
		assert_int_equal(sstp_binding_build(e.hash, e.nonce, &e.cert, e.hlak, built), 0);
		assert_memory_equal(built, e.packet, sizeof(built));
		assert_int_equal(verify_with(&e, e.packet, e.hlak, 3), EV_NONE);
	}
	assert_int_equal(n, 9);
}

static void from_the_password_to_the_packet(void **state)
{
	static const char *const ids[] = {"e2e-mschapv2-sha256", "e2e-mschapv2-sha1"};

	for (size_t i = 0; i < 2; i++) {
		struct hexlit auth = vector_octets(ids[i], "authenticator_challenge");
		struct hexlit peer = vector_octets(ids[i], "peer_challenge");
		uint8_t nt_hash[16], response[24], hlak[HLAK_LEN];
		uint8_t built[SSTP_CALL_CONNECTED_LEN];
		struct example e = load(ids[i]);

		assert_int_equal(mschap_nt_hash("clientPass", nt_hash), 0);
		assert_int_equal(
			mschap_nt_response(auth.p, peer.p, "User", 4, nt_hash, response), 0);
		assert_int_equal(mschap_hlak(nt_hash, response, hlak), 0);
		assert_int_equal(sstp_binding_build(e.hash, e.nonce, &e.cert, hlak, built), 0);
		assert_memory_equal(built, e.packet, sizeof(built));
	}
}

/* The halves of the HLAK swapped: what half of the small implementations get wrong. */
static void the_wrong_order_of_the_key_is_refused(void **state)
{
	struct example right = load("e2e-mschapv2-sha256");
	struct example wrong = load("e2e-mschapv2-sha256-WRONG-ORDER");

	assert_int_equal(verify_with(&right, wrong.packet, right.hlak, 3), EV_SSTP_BINDING_MAC);
	assert_int_equal(verify_with(&right, right.packet, wrong.hlak, 3), EV_SSTP_BINDING_MAC);
}

/* Each bit of the packet belongs to one check; reserved bits too, for the MAC is over them. */
static enum event failure_of_octet(size_t i)
{
	if (i == 15)
		return EV_SSTP_BINDING_HASH_PROTOCOL;
	if (i >= 16 && i < 48)
		return EV_SSTP_BINDING_NONCE;
	if (i >= 48 && i < 80)
		return EV_SSTP_BINDING_MISMATCH;
	return EV_SSTP_BINDING_MAC;
}

static void each_bit_flipped_in_the_packet_fails_its_own_check(void **state)
{
	static const char *const ids[] = {"e2e-mschapv2-sha256", "e2e-mschapv2-sha1"};

	for (size_t v = 0; v < 2; v++) {
		struct example e = load(ids[v]);

		for (size_t bit = 0; bit < sizeof(e.packet) * 8; bit++) {
			uint8_t packet[SSTP_CALL_CONNECTED_LEN];
			struct sstp_binding_terms terms = {3, e.nonce, &e.cert, 1};
			struct sstp_crypto_binding b = {
				packet[0], packet + 16, packet + 48, packet + 80};
			enum event got;

			memcpy(packet, e.packet, sizeof(packet));
			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
			b.hash = packet[15];
			got = sstp_binding_verify(packet, &b, &terms, e.hlak);
			/* 01 and 02 differ by two bits, so no flip makes the other hash of it. */
			assert_int_equal(got, failure_of_octet(bit / 8));
		}
	}
}

static void each_bit_flipped_in_the_key_fails_the_mac(void **state)
{
	static const char *const ids[] = {"e2e-mschapv2-sha256", "e2e-mschapv2-sha1"};

	for (size_t v = 0; v < 2; v++) {
		struct example e = load(ids[v]);

		for (size_t bit = 0; bit < sizeof(e.hlak) * 8; bit++) {
			e.hlak[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(verify_with(&e, e.packet, e.hlak, 3), EV_SSTP_BINDING_MAC);
			e.hlak[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void a_hash_that_was_not_offered_is_refused(void **state)
{
	struct example sha1 = load("e2e-mschapv2-sha1"), sha256 = load("e2e-mschapv2-sha256");

	assert_int_equal(verify_with(&sha1, sha1.packet, sha1.hlak, CERT_HASH_PROTOCOL_SHA256),
		EV_SSTP_BINDING_HASH_PROTOCOL);
	assert_int_equal(verify_with(&sha256, sha256.packet, sha256.hlak, CERT_HASH_PROTOCOL_SHA1),
		EV_SSTP_BINDING_HASH_PROTOCOL);
	for (unsigned hash = 0; hash < 256; hash++) {
		if (hash == 1 || hash == 2)
			continue;
		sha256.packet[15] = (uint8_t)hash;
		assert_int_equal(verify_with(&sha256, sha256.packet, sha256.hlak, 3),
			EV_SSTP_BINDING_HASH_PROTOCOL);
	}
}

static void any_certificate_of_the_list_will_do(void **state)
{
	struct example e = load("e2e-mschapv2-sha256");
	struct sstp_cert_hash certs[4];
	struct sstp_crypto_binding b = {e.packet[15], e.packet + 16, e.packet + 48, e.packet + 80};

	memset(certs, 0x77, sizeof(certs));
	for (size_t at = 0; at <= 4; at++) {
		struct sstp_binding_terms terms = {3, e.nonce, certs, 4};

		if (at < 4)
			certs[at] = e.cert;
		assert_int_equal(sstp_binding_verify(e.packet, &b, &terms, e.hlak),
			at < 4 ? EV_NONE : EV_SSTP_BINDING_MISMATCH);
		if (at < 4)
			memset(&certs[at], 0x77, sizeof(certs[at]));
	}
}

/* A terminator's certificate may be known by one hash only. */
static void a_certificate_hash_of_zeros_matches_nobody(void **state)
{
	struct example e = load("e2e-zero-hlak-sha1");
	uint8_t packet[SSTP_CALL_CONNECTED_LEN];

	memset(e.cert.sha1, 0, sizeof(e.cert.sha1));
	assert_int_equal(sstp_binding_build(e.hash, e.nonce, &e.cert, e.hlak, packet), 0);
	assert_int_equal(verify_with(&e, packet, e.hlak, 3), EV_SSTP_BINDING_MISMATCH);
}

static void sha256_is_chosen_whenever_both_sides_know_it(void **state)
{
	for (unsigned offered = 0; offered < 256; offered++)
		for (unsigned ours = 1; ours <= 3; ours++) {
			unsigned common = offered & ours;

			assert_int_equal(sstp_binding_choose((uint8_t)offered, (uint8_t)ours),
				common & 2 ? 2 : common & 1);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_is_built_to_the_octet_and_verified),
		cmocka_unit_test(from_the_password_to_the_packet),
		cmocka_unit_test(the_wrong_order_of_the_key_is_refused),
		cmocka_unit_test(each_bit_flipped_in_the_packet_fails_its_own_check),
		cmocka_unit_test(each_bit_flipped_in_the_key_fails_the_mac),
		cmocka_unit_test(a_hash_that_was_not_offered_is_refused),
		cmocka_unit_test(any_certificate_of_the_list_will_do),
		cmocka_unit_test(a_certificate_hash_of_zeros_matches_nobody),
		cmocka_unit_test(sha256_is_chosen_whenever_both_sides_know_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
