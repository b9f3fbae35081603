// SPDX-License-Identifier: Apache-2.0
#include "unit/ppp/talk.h"
#include "vectors.h"

#include "ppp/auth/mschapv2.h"

static const enum auth_method mschapv2[] = {AUTH_MSCHAPV2};

/* The frame of a vector of group mschapv2-packets, without its SSTP header. */
static struct hexlit packet(const char *key)
{
	struct hexlit h = vector_octets("mschapv2-packets", key);

	memmove(h.p, h.p + 4, h.n - 4);
	h.n -= 4;
	return h;
}

static struct mschapv2_failure failure_of(const char *text)
{
	struct mschapv2_failure f;

	assert_int_equal(mschapv2_failure_parse(rd_init(text, strlen(text)), &f), 0);
	return f;
}

static void the_failure_message_is_taken_apart(void **state)
{
	struct hexlit h = packet("failure_691_retry");
	struct mschapv2_failure f;

	assert_int_equal(mschapv2_failure_parse(rd_init(h.p + 8, h.n - 8), &f), 0);
	assert_int_equal(f.error, 691);
	assert_true(f.retry);
	assert_true(f.has_challenge);
	assert_octets(f.challenge, 16, "5b5d7c7d7b3f2f3e3c2c602132262628");
	assert_int_equal(f.version, 3);
	assert_string_equal(f.message, "Authentication failed");
}

static void failure_messages_of_all_kinds_of_servers_are_read(void **state)
{
	struct mschapv2_failure f = failure_of("E=691 R=0 V=3"); /* accel-ppp */

	assert_int_equal(f.error, 691);
	assert_false(f.retry || f.has_challenge);
	assert_string_equal(f.message, "");
	f = failure_of("R=1 C=5B5D V=3 E=648 M=a b=c M=d");
	assert_int_equal(f.error, 648);
	assert_false(f.has_challenge);
	assert_string_equal(f.message, "a b=c M=d");
	f = failure_of("  E=999999999  R=7 = X R E=99999999999 ");
	assert_int_equal(f.error, 999999999);
	assert_false(f.retry);
}

static void what_is_no_failure_message_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "E", "E=", "E=x", "E=12x", "E=-1", "no", "M=E=691", "691", "= = ="};
	struct mschapv2_failure f;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(
			mschapv2_failure_parse(rd_init(texts[i], strlen(texts[i])), &f), -EPROTO);
}

static void client(struct talk *t, const char *user, const char *password)
{
	struct ppp_opts opts = talk_client_opts(mschapv2, 1);

	opts.user = user;
	opts.password = password;
	talk_start(t, &opts);
	talk_expect(t, "ff03c021 0101000e 01040578 0506????????");
	talk_answer(t, 2);
	talk_recv(t, "ff03c021 01010009 0305c22381");
	talk_expect(t, "ff03c021 02010009 0305c22381");
	talk_expect_quiet(t);
}

static void challenge(struct talk *t)
{
	struct hexlit h = packet("challenge");

	ppp_recv(t->ppp, rd_init(h.p, h.n), t->now);
}

/* The client chose its own peer challenge, so the expected values are computed from it. */
static void expect_response(struct talk *t, const char *user, uint8_t hash[16],
	uint8_t response[24], uint8_t peer_challenge[16])
{
	struct hexlit auth = hexlit("5b5d7c7d7b3f2f3e3c2c602132262628");

	talk_expect(t, "ff03c223 0211003a 31???????????????????????????????? 0000000000000000"
		       "???????????????????????????????????????????????? 00 55736572");
	memcpy(peer_challenge, t->last + 9, 16);
	assert_int_equal(mschap_nt_hash("clientPass", hash), 0);
	assert_int_equal(
		mschap_nt_response(auth.p, peer_challenge, user, strlen(user), hash, response), 0);
	assert_memory_equal(t->last + 9 + 24, response, 24);
}

static void send_success(struct talk *t, const char *text)
{
	struct hexlit h = hexlit("ff03c223 03110000");

	memcpy(h.p + 8, text, strlen(text));
	h.p[7] = (uint8_t)(4 + strlen(text));
	ppp_recv(t->ppp, rd_init(h.p, 8 + strlen(text)), t->now);
}

static void a_server_that_proves_itself_gives_the_key(void **state)
{
	struct hexlit auth = hexlit("5b5d7c7d7b3f2f3e3c2c602132262628");
	uint8_t hash[16], response[24], peer[16], hlak[32];
	char text[64] = "";
	struct talk t;

	client(&t, "User", "clientPass");
	challenge(&t);
	expect_response(&t, "User", hash, response, peer);
	challenge(&t); /* repeated: the very same Response */
	expect_response(&t, "User", hash, response, peer);
	assert_int_equal(mschap_auth_response(hash, response, auth.p, peer, "User", 4, text), 0);
	strcpy(text + 42, " M=Welcome");
	send_success(&t, text);
	talk_expect_event(&t, PPP_AUTHENTICATED);
	assert_int_equal(mschap_hlak(hash, response, hlak), 0);
	assert_memory_equal(t.ev.hlak, hlak, 32);
	talk_end(&t);
}

static void a_server_that_does_not_prove_itself_is_left_at_once(void **state)
{
	static const char *const texts[] = {"", "S=", "M=hello",
		"S=407A5589115FD0D6209F510FE9C04566932CDA5",
		"S=407A5589115FD0D6209F510FE9C04566932CDA56",
		"s=407A5589115FD0D6209F510FE9C04566932CDA56",
		"S=0000000000000000000000000000000000000000 M=ok",
		"S=ZZ7A5589115FD0D6209F510FE9C04566932CDA56"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct talk t;

		client(&t, "User", "clientPass");
		challenge(&t);
		talk_drain(&t);
		send_success(&t, texts[i]);
		talk_expect_no_event(&t);
		talk_advance(&t, 6000);
		talk_expect_closed(&t, EV_AUTH_SERVER_NOT_PROVEN);
		talk_end(&t);
	}
}

static void each_bit_of_the_servers_proof_counts(void **state)
{
	struct hexlit auth = hexlit("5b5d7c7d7b3f2f3e3c2c602132262628");

	for (unsigned digit = 0; digit < 40; digit++) {
		uint8_t hash[16], response[24], peer[16];
		char text[64] = "";
		struct talk t;

		client(&t, "User", "clientPass");
		challenge(&t);
		expect_response(&t, "User", hash, response, peer);
		mschap_auth_response(hash, response, auth.p, peer, "User", 4, text);
		text[2 + digit] = text[2 + digit] == '0' ? '1' : '0';
		send_success(&t, text);
		talk_advance(&t, 6000);
		talk_expect_closed(&t, EV_AUTH_SERVER_NOT_PROVEN);
		talk_end(&t);
	}
}

static void each_failure_has_its_event_and_its_words(void **state)
{
	static const struct {
		const char *text;
		enum event event;
		const char *detail;
	} cases[] = {
		{"E=691 R=0 C=00 V=3 M=go away", EV_AUTH_FAILED,
			"E=691, wrong user name or password; the server says \"go away\""},
		{"E=646 R=0", EV_AUTH_RESTRICTED_HOURS,
			"E=646, not within the hours allowed to log in"},
		{"E=647 R=0", EV_AUTH_DISABLED, "E=647, account disabled"},
		{"E=648 R=0 V=3", EV_AUTH_PASSWORD_EXPIRED, "E=648, password expired"},
		{"E=649 R=0", EV_AUTH_NO_DIALIN, "E=649, no permission to connect"},
		{"E=709 R=0", EV_AUTH_PASSWORD_NOT_CHANGED, "E=709, password could not be changed"},
		{"E=1 R=0", EV_AUTH_REFUSED, "E=1, a reason of the server's own"},
		{"oops", EV_AUTH_FAILED, "the server says \"oops\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hexlit h = hexlit("ff03c223 04110000");
		struct talk t;

		client(&t, "User", "clientPass");
		challenge(&t);
		memcpy(h.p + 8, cases[i].text, strlen(cases[i].text));
		h.p[7] = (uint8_t)(4 + strlen(cases[i].text));
		ppp_recv(t.ppp, rd_init(h.p, 8 + strlen(cases[i].text)), t.now);
		talk_advance(&t, 6000);
		talk_expect_closed(&t, cases[i].event);
		assert_string_equal(t.ev.detail, cases[i].detail);
		talk_end(&t);
	}
}

static void a_password_that_is_not_utf_8_is_said_to_be_so(void **state)
{
	struct talk t;

	client(&t, "User", "\xff\xfe");
	challenge(&t);
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_AUTH_CANNOT_COMPUTE);
	talk_end(&t);
}

static void a_challenge_of_another_length_is_dropped(void **state)
{
	struct talk t;

	client(&t, "User", "clientPass");
	talk_recv(&t, "ff03c223 0111000d 08 0102030405060708");
	talk_expect_quiet(&t);
	talk_end(&t);
}

static void server(struct talk *t)
{
	struct ppp_opts opts = talk_server_opts(mschapv2, 1);

	talk_start(t, &opts);
	talk_recv(t, "ff03c021 01010004");
	talk_expect(t, "ff03c021 01010013 01040578 0305c22381 0506????????");
	talk_answer(t, 2);
	talk_expect(t, "ff03c021 02010004");
	talk_expect(t, "ff03c223 01??001c 10???????????????????????????????? 63756c76657274");
}

static void respond(struct talk *t)
{
	struct hexlit h = packet("response");

	h.p[5] = t->last[5];
	ppp_recv(t->ppp, rd_init(h.p, h.n), t->now);
	talk_expect_event(t, PPP_AUTH_REQUEST);
}

static void the_published_response_becomes_a_proof(void **state)
{
	struct talk t;
	uint8_t own[16];

	server(&t);
	memcpy(own, t.last + 9, 16);
	respond(&t);
	assert_int_equal(t.ev.proof->method, AUTH_MSCHAPV2);
	assert_string_equal(t.ev.proof->user, "User");
	assert_memory_equal(t.ev.proof->challenge, own, 16);
	assert_octets(t.ev.proof->peer_challenge, 16, "21402324255e262a28295f2b3a337c7e");
	assert_octets(
		t.ev.proof->nt_response, 24, "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df");
	talk_end(&t);
}

/* Vector mschapv2-packets, success: the S= of RFC 2759 9.2 and " M=Welcome". */
static void success_carries_the_servers_proof_and_message(void **state)
{
	struct hexlit want = packet("success");
	struct verdict v = talk_verdict();
	struct talk t;

	server(&t);
	respond(&t);
	strcpy(v.auth_response, "S=407A5589115FD0D6209F510FE9C04566932CDA56");
	strcpy(v.message, "Welcome");
	memset(v.hlak, 0x5a, sizeof(v.hlak));
	want.p[5] = t.last[5];
	ppp_auth_verdict(t.ppp, &v, t.now);
	assert_int_equal(ppp_output(t.ppp, t.last, sizeof(t.last)), want.n);
	assert_memory_equal(t.last, want.p, want.n);
	talk_expect_event(&t, PPP_AUTHENTICATED);
	assert_memory_equal(t.ev.hlak, v.hlak, sizeof(v.hlak));
	talk_end(&t);
}

/* As vector mschapv2-packets, failure_648, but for the challenge, which is ours. */
static void failure_has_all_its_fields(void **state)
{
	struct hexlit want = packet("failure_648");
	struct verdict v = {.error = AUTH_PASSWORD_EXPIRED, .message = "Password expired"};
	struct talk t;
	struct mschapv2_failure f;

	server(&t);
	respond(&t);
	want.p[5] = t.last[5];
	ppp_auth_verdict(t.ppp, &v, t.now);
	assert_int_equal(ppp_output(t.ppp, t.last, sizeof(t.last)), want.n);
	assert_memory_equal(t.last, want.p, 8 + strlen("E=648 R=0 C="));
	assert_memory_equal(t.last + 8 + 12 + 32, want.p + 8 + 12 + 32, want.n - 8 - 12 - 32);
	assert_int_equal(mschapv2_failure_parse(rd_init(t.last + 8, want.n - 8), &f), 0);
	assert_true(f.has_challenge);
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_AUTH_PASSWORD_EXPIRED);
	talk_end(&t);
}

/* ---- Change-Password, the server ---- */

static struct hexlit change_packet(uint8_t identifier)
{
	struct hexlit body = vector_octets("mschapv2-change-password", "change_password_packet"),
		      h = hexlit("ff03c223");

	memcpy(h.p + 4, body.p, body.n);
	h.n += body.n;
	h.p[5] = identifier;
	return h;
}

/* To the answer that the password is old. Returns the identifier of the Failure. */
static uint8_t refused_as_old(struct talk *t, bool may_change)
{
	struct ppp_opts opts = talk_server_opts(mschapv2, 1);
	struct hexlit response = packet("response");
	struct verdict v = {.error = AUTH_PASSWORD_EXPIRED, .may_change = may_change};
	uint8_t identifier;

	opts.first_request_wait_ms = 0;
	talk_start(t, &opts);
	talk_expect(t, "ff03c021 01*");
	talk_answer(t, 2);
	talk_recv(t, "ff03c021 01010004");
	talk_expect(t, "ff03c021 02010004");
	talk_expect(t, "ff03c223 01*");
	identifier = response.p[5] = t->last[5];
	ppp_recv(t->ppp, rd_init(response.p, response.n), t->now);
	talk_expect_event(t, PPP_AUTH_REQUEST);
	ppp_auth_verdict(t->ppp, &v, t->now);
	talk_expect(t, "ff03c223 04*");
	assert_int_equal(t->last[5], identifier);
	assert_memory_equal(t->last + 8, "E=648 R=0 C=", 12);
	return identifier;
}

static void a_new_password_is_the_next_proof(void **state)
{
	struct hexlit blocks = vector_octets("mschapv2-change-password", "encrypted_password");
	struct verdict ok = {.auth_response = "S=00"};
	struct hexlit h;
	struct talk t;
	uint8_t c[16], id = refused_as_old(&t, true);

	for (int i = 0; i < 16; i++) /* upper-case digits */
		sscanf((char *)t.last + 20 + 2 * i, "%2hhX", &c[i]);
	talk_advance(&t, 50000); /* a person types */
	talk_expect_quiet(&t);
	h = change_packet((uint8_t)(id + 1));
	for (size_t n = 8; n < h.n; n += 97) /* cut */
		ppp_recv(t.ppp, rd_init(h.p, n), t.now);
	talk_expect_no_event(&t);
	h.p[5] = id; /* another identifier */
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	talk_expect_no_event(&t);
	h.p[5] = (uint8_t)(id + 1);
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	assert_string_equal(t.ev.proof->user, "User");
	assert_memory_equal(t.ev.proof->challenge, c, 16);
	assert_memory_equal(t.ev.proof->change, blocks.p, 516);
	assert_octets(t.ev.proof->peer_challenge, 16, "21402324255e262a28295f2b3a337c7e");
	assert_octets(
		t.ev.proof->nt_response, 24, "8486d96cf7790138d50ee0e37f14d9e3cf9b4e9bb0d26db8");
	talk_expect_no_event(&t);
	ppp_auth_verdict(t.ppp, &ok, t.now);
	talk_expect(&t, "ff03c223 03*");
	assert_int_equal(t.last[5], id + 1);
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_end(&t);
}

static void a_new_password_that_was_not_asked_for_is_dropped(void **state)
{
	struct verdict no = {.error = AUTH_PASSWORD_EXPIRED, .may_change = true};
	struct hexlit h;
	struct talk t;
	uint8_t id = refused_as_old(&t, false);

	h = change_packet((uint8_t)(id + 1));
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_AUTH_PASSWORD_EXPIRED);
	talk_end(&t);
	id = refused_as_old(&t, true); /* and a second one after the first was refused */
	h = change_packet((uint8_t)(id + 1));
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	ppp_auth_verdict(t.ppp, &no, t.now);
	talk_drain(&t);
	h = change_packet((uint8_t)(id + 2));
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_AUTH_PASSWORD_EXPIRED);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_failure_message_is_taken_apart),
		cmocka_unit_test(failure_messages_of_all_kinds_of_servers_are_read),
		cmocka_unit_test(what_is_no_failure_message_is_refused),
		cmocka_unit_test(a_server_that_proves_itself_gives_the_key),
		cmocka_unit_test(a_server_that_does_not_prove_itself_is_left_at_once),
		cmocka_unit_test(each_bit_of_the_servers_proof_counts),
		cmocka_unit_test(each_failure_has_its_event_and_its_words),
		cmocka_unit_test(a_password_that_is_not_utf_8_is_said_to_be_so),
		cmocka_unit_test(a_challenge_of_another_length_is_dropped),
		cmocka_unit_test(the_published_response_becomes_a_proof),
		cmocka_unit_test(success_carries_the_servers_proof_and_message),
		cmocka_unit_test(failure_has_all_its_fields),
		cmocka_unit_test(a_new_password_is_the_next_proof),
		cmocka_unit_test(a_new_password_that_was_not_asked_for_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
