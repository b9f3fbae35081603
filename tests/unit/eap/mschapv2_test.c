// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include "unit/eap/ask.h"

#include <errno.h>
#include <stdio.h>

#include "base/mschap.h"
#include "base/mschap_change.h"

/* RFC 2759 9.2 in EAP's packets. */
#define CHALLENGE "01 21 0021 1a 01 21 001c 10 5b5d7c7d7b3f2f3e3c2c602132262628 63756c76657274"

struct fixture {
	struct eap_peer *peer;
	const char *new_password; /* NULL: the user gives none */
	unsigned asked;
};

static int give_password(void *arg, char ret[static PAP_PASSWORD_MAX + 1])
{
	struct fixture *f = arg;

	f->asked++;
	if (!f->new_password)
		return -EINVAL;
	strcpy(ret, f->new_password);
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct eap_client_opts opts = {.user = "User",
		.password = "clientPass",
		.types = {EAP_MSCHAPV2},
		.n_types = 1,
		.new_password = give_password,
		.arg = f,
		.random = peer_challenge};

	assert_int_equal(eap_client_new(&opts, &f->peer), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	eap_client_free(f->peer);
	free(f);
	return 0;
}

static struct answer ask_text(
	struct eap_peer *peer, uint8_t identifier, uint8_t op, const char *text)
{
	uint8_t packet[600] = {1, identifier, 0, 0, EAP_MSCHAPV2, op, 0x21};
	size_t n = strlen(text);

	memcpy(packet + 9, text, n);
	packet[7] = (uint8_t)((n + 4) >> 8);
	packet[8] = (uint8_t)(n + 4);
	packet[2] = (uint8_t)((n + 9) >> 8);
	packet[3] = (uint8_t)(n + 9);
	return ask_mtu(peer, packet, n + 9, EAP_PACKET_MAX);
}

static void the_exchange_of_the_rfc_is_byte_for_byte(void **state)
{
	struct fixture *f = *state;
	struct hexlit response = vector_octets("eap-mschapv2-packets", "response");
	struct hexlit request = vector_octets("eap-mschapv2-packets", "success_request");
	struct hexlit msk = vector_octets("eap-mschapv2-msk", "msk");
	uint8_t key[EAP_MSK_LEN];
	struct answer a = ask(f->peer, CHALLENGE);

	assert_int_equal(a.n, response.n);
	assert_memory_equal(a.p, response.p, response.n);
	assert_int_equal(f->peer->ops->key(f->peer, key), -EAGAIN);
	a = ask_mtu(f->peer, request.p, request.n, EAP_PACKET_MAX);
	assert_octets(a.p, (size_t)a.n, "02 22 0006 1a 03");
	assert_int_equal(f->peer->ops->key(f->peer, key), 0);
	assert_memory_equal(key, msk.p, EAP_MSK_LEN);
}

static void a_server_that_does_not_know_the_password_gets_no_success(void **state)
{
	static const char *const texts[] = {"S=407A5589115FD0D6209F510FE9C04566932CDA57 M=OK",
		"S=407A5589115FD0D6209F510FE9C04566932CDA5", "M=OK", "",
		"s=407A5589115FD0D6209F510FE9C04566932CDA56"};
	uint8_t key[EAP_MSK_LEN];
	const char *detail;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct fixture *f = *state;

		assert_true(ask(f->peer, CHALLENGE).n > 0);
		assert_true(ask_text(f->peer, 0x22, 3, texts[i]).n < 0);
		assert_int_equal(ask_why(f->peer, &detail), EV_AUTH_SERVER_NOT_PROVEN);
		assert_int_equal(f->peer->ops->key(f->peer, key), -EAGAIN);
	}
}

/* Success without a Challenge before it: the keys would be made of zeros. */
static void success_out_of_place_is_discarded(void **state)
{
	struct fixture *f = *state;
	uint8_t key[EAP_MSK_LEN];

	assert_int_equal(
		ask_text(f->peer, 0x22, 3, "S=0000000000000000000000000000000000000000").n, 0);
	assert_int_equal(f->peer->ops->key(f->peer, key), -EAGAIN);
}

static void a_refusal_is_acknowledged_and_explained(void **state)
{
	struct fixture *f = *state;
	const char *detail;
	struct answer a;

	assert_true(ask(f->peer, CHALLENGE).n > 0);
	a = ask_text(
		f->peer, 0x22, 4, "E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=no\x1b[31m");
	assert_octets(a.p, (size_t)a.n, "02 22 0006 1a 04");
	assert_int_equal(ask_why(f->peer, &detail), EV_AUTH_FAILED);
	assert_non_null(strstr(detail, "E=691"));
	assert_null(strchr(detail, 0x1b));
	assert_int_equal(f->asked, 0);
	assert_int_equal(
		ask_text(f->peer, 0x23, 3, "S=407A5589115FD0D6209F510FE9C04566932CDA56").n, 0);
}

#define EXPIRED "E=648 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=expired"

/* The block's padding is not the vector's; a server's own functions open it. */
static void an_expired_password_is_changed(void **state)
{
	struct fixture *f = *state;
	uint8_t old_hash[16], new_hash[16], sealed[16], key[EAP_MSK_LEN], hlak[MSCHAP_HLAK_LEN];
	char opened[64], proof[MSCHAP_AUTH_RESPONSE_LEN + 1] = "";
	struct hexlit response =
		vector_octets("mschapv2-change-password", "nt_response_with_new_password");
	struct hexlit ours = hexlit("21402324255e262a28295f2b3a337c7e");
	struct hexlit theirs = hexlit("5b5d7c7d7b3f2f3e3c2c602132262628");
	struct answer a;

	f->new_password = "newPass1";
	assert_true(ask(f->peer, CHALLENGE).n > 0);
	a = ask_text(f->peer, 0x22, 4, EXPIRED);
	assert_int_equal(a.n, 5 + 586);
	assert_memory_equal(a.p, "\2\x22\x02\x4f\x1a\7\x21\x02\x4a", 9);
	mschap_nt_hash("clientPass", old_hash);
	mschap_nt_hash("newPass1", new_hash);
	assert_int_equal(mschap_password_open(a.p + 9, old_hash, opened, sizeof(opened)), 0);
	assert_string_equal(opened, "newPass1");
	mschap_hash_seal(old_hash, new_hash, sealed);
	assert_memory_equal(a.p + 9 + 516, sealed, 16);
	assert_memory_equal(a.p + 9 + 516 + 16 + 16 + 8, response.p, 24);
	assert_int_equal(
		mschap_auth_response(new_hash, response.p, theirs.p, ours.p, "User", 4, proof), 0);
	a = ask_text(f->peer, 0x23, 3, proof);
	assert_octets(a.p, (size_t)a.n, "02 23 0006 1a 03");
	assert_int_equal(f->peer->ops->key(f->peer, key), 0);
	mschap_hlak(new_hash, response.p, hlak);
	assert_memory_equal(key, hlak, sizeof(hlak));
	assert_int_equal(f->asked, 1);
}

static void a_new_password_that_is_refused_says_so(void **state)
{
	struct fixture *f = *state;
	const char *detail;

	f->new_password = "x";
	assert_true(ask(f->peer, CHALLENGE).n > 0);
	assert_int_equal(ask_text(f->peer, 0x22, 4, EXPIRED).n, 591);
	assert_int_equal(
		ask_text(f->peer, 0x23, 4, "E=709 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3").n,
		6);
	assert_int_equal(ask_why(f->peer, &detail), EV_AUTH_PASSWORD_NOT_CHANGED);
	assert_int_equal(f->asked, 1);
}

static void without_a_new_password_expired_is_the_end(void **state)
{
	struct fixture *f = *state;
	const char *detail;

	assert_true(ask(f->peer, CHALLENGE).n > 0);
	assert_int_equal(ask_text(f->peer, 0x22, 4, EXPIRED).n, 6);
	assert_int_equal(ask_why(f->peer, &detail), EV_AUTH_PASSWORD_EXPIRED);
	/* no challenge, no change: the response would be over zeros */
	f->new_password = "x";
	assert_true(ask(f->peer, CHALLENGE).n > 0);
	assert_int_equal(ask_text(f->peer, 0x22, 4, "E=648 R=0 V=3").n, 6);
}

/* A server that begins again and says "expired" for ever: its user would type for ever. */
static void the_user_is_asked_once(void **state)
{
	struct fixture *f = *state;
	const char *detail;

	f->new_password = "newPass1";
	for (uint8_t i = 0; i < 20; i++) {
		assert_true(ask(f->peer, CHALLENGE).n > 0);
		assert_int_equal(ask_text(f->peer, (uint8_t)(0x22 + i), 4, EXPIRED).n, i ? 6 : 591);
	}
	assert_int_equal(f->asked, 1);
	assert_int_equal(ask_why(f->peer, &detail), EV_AUTH_PASSWORD_EXPIRED);
}

/* An MRU below the change's length: the login fails with words, nothing is cut. */
static void what_does_not_fit_fails(void **state)
{
	struct fixture *f = *state;
	struct hexlit challenge = hexlit(CHALLENGE);
	uint8_t packet[64] = {1, 0x22, 0, 0, EAP_MSCHAPV2, 4, 0x21};
	const char text[] = "E=648 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3";

	f->new_password = "newPass1";
	assert_true(ask_mtu(f->peer, challenge.p, challenge.n, 576).n > 0);
	memcpy(packet + 9, text, sizeof(text) - 1);
	packet[8] = (uint8_t)(sizeof(text) + 3);
	packet[3] = (uint8_t)(sizeof(text) + 8);
	assert_int_equal(ask_mtu(f->peer, packet, sizeof(text) + 8, 576).n, -EMSGSIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_exchange_of_the_rfc_is_byte_for_byte),
		TEST(a_server_that_does_not_know_the_password_gets_no_success),
		TEST(success_out_of_place_is_discarded),
		TEST(a_refusal_is_acknowledged_and_explained),
		TEST(an_expired_password_is_changed),
		TEST(a_new_password_that_is_refused_says_so),
		TEST(without_a_new_password_expired_is_the_end),
		TEST(the_user_is_asked_once),
		TEST(what_does_not_fit_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
