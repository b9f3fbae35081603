// SPDX-License-Identifier: Apache-2.0
/*
 * EAP-TLS, the server, against a client of bare OpenSSL: TLS 1.2 and 1.3, pieces of any size, each fault
 * of a certificate, and packets that are cut, doubled or out of turn.
 */
#include "tls_rig.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_good_certificate_lets_its_user_in_with_the_same_key(void **state)
{
	struct wish w = wish("not this");
	struct made user;

	(void)state;
	w.san = UPN "alice";
	user = make(w);
	for (size_t i = 0; i < 2; i++) {
		struct login l;

		begin(&l, &(struct set){.version = versions[i], .user = &user});
		run(&l);
		assert_int_equal(l.talk.step, EAP_STEP_SUCCESS);
		assert_memory_equal(eap_msk(l.talk.eap), l.msk, 64);
		/* RFC 9190 2.1.1: one octet 00 before the Success; none with TLS 1.2. */
		assert_int_equal(l.text_len, i);
		assert_int_equal(l.text[0], 0);
		assert_non_null(eap_certificate(l.talk.eap));
		assert_int_equal(eap_certificate(l.talk.eap)->n, i2d_X509(user.x, NULL));
		end(&l);
	}
	made_done(&user);
}

static void pieces_of_any_size_make_the_same_login(void **state)
{
	static const size_t sizes[] = {90, 91, 333, 1000};
	struct made user = make(wish("alice"));

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		struct login l;

		begin(&l, &(struct set){.version = versions[i & 1], .user = &user});
		l.piece = sizes[i / 2];
		run(&l);
		assert_int_equal(l.talk.step, EAP_STEP_SUCCESS);
		assert_memory_equal(eap_msk(l.talk.eap), l.msk, 64);
		end(&l);
	}
	made_done(&user);
}

/* RFC 9190 2.1.1: the octet commits the server, so it comes after the look-up. */
static void an_unknown_user_hears_no_success(void **state)
{
	struct made user = make(wish("alice"));

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct login l;

		begin(&l, &(struct set){.version = versions[i], .user = &user});
		l.known = false;
		run(&l);
		assert_int_equal(talk_refused(&l.talk), EV_AUTH_CERT_UNKNOWN_USER);
		assert_int_equal(l.text_len, 0);
		end(&l);
	}
	made_done(&user);
}

static enum event refused(const struct set *set)
{
	struct login l;
	enum event event;

	begin(&l, set);
	run(&l);
	event = talk_refused(&l.talk);
	assert_int_equal(eap_refusal(l.talk.eap)->code, AUTH_FAILED);
	end(&l);
	return event;
}

static void each_fault_of_a_certificate_has_its_event(void **state)
{
	struct wish rows[] = {wish("alice"), wish("alice"), wish("alice"), wish("alice"),
		wish("alice"), wish("")};
	static const enum event events[] = {EV_AUTH_CERT_EXPIRED, EV_AUTH_CERT_NOT_YET_VALID,
		EV_AUTH_CERT_WRONG_USAGE, EV_AUTH_CERT_UNKNOWN_CA, EV_AUTH_CERT_UNKNOWN_CA,
		EV_AUTH_CERT_NO_NAME};

	(void)state;
	rows[0].to = now - 60;
	rows[1].from = now + 3600;
	rows[2].eku = "serverAuth";
	rows[3].issuer = &other_ca;
	rows[4].issuer = NULL; /* self-signed */
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct made user = make(rows[i / 2]);

		assert_int_equal(refused(&(struct set){.version = versions[i & 1], .user = &user}),
			events[i / 2]);
		made_done(&user);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			refused(&(struct set){.version = versions[i]}), EV_AUTH_TLS_FAILED);
}

static void usage_by_any_purpose_or_none_said_will_do(void **state)
{
	static const char *const ekus[] = {NULL, "anyExtendedKeyUsage", "serverAuth,clientAuth"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ekus); i++) {
		struct wish w = wish("alice");
		struct made user;
		struct login l;

		w.eku = ekus[i];
		w.ku = "digitalSignature";
		user = make(w);
		begin(&l, &(struct set){.version = TLS1_3_VERSION, .user = &user});
		run(&l);
		assert_int_equal(l.talk.step, EAP_STEP_SUCCESS);
		end(&l);
		made_done(&user);
	}
}

static void revocation_by_list_and_by_thumbprint(void **state)
{
	struct made user = make(wish("alice"));
	struct octets on = make_crl(user.x, now + DAY), off = make_crl(NULL, now + DAY),
		      old = make_crl(NULL, now - 60), old_on = make_crl(user.x, now - 60);
	const struct {
		const struct octets *crl;
		bool require;
		enum event event; /* EV_NONE: let in */
	} rows[] = {{&on, false, EV_AUTH_CERT_REVOKED}, {&on, true, EV_AUTH_CERT_REVOKED},
		{&off, true, EV_NONE}, {&old, true, EV_AUTH_CERT_NO_LIST}, {&old, false, EV_NONE},
		{&old_on, false, EV_AUTH_CERT_REVOKED}, {NULL, true, EV_AUTH_CERT_NO_LIST},
		{NULL, false, EV_NONE}};
	uint8_t thumbprint[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct set set = {.version = versions[i & 1],
			.crls = rows[i].crl,
			.n_crls = rows[i].crl ? 1 : 0,
			.require_crl = rows[i].require,
			.user = &user};
		struct login l;

		begin(&l, &set);
		run(&l);
		if (rows[i].event)
			assert_int_equal(talk_refused(&l.talk), rows[i].event);
		else
			assert_int_equal(l.talk.step, EAP_STEP_SUCCESS);
		end(&l);
	}
	X509_digest(user.x, EVP_sha1(), thumbprint, NULL);
	assert_int_equal(refused(&(struct set){
				 .version = TLS1_3_VERSION, .user = &user, .revoked = &thumbprint}),
		EV_AUTH_CERT_REVOKED);
	OPENSSL_free((void *)on.p);
	OPENSSL_free((void *)off.p);
	OPENSSL_free((void *)old.p);
	OPENSSL_free((void *)old_on.p);
	made_done(&user);
}

/* A name with a zero in it, or two of a kind, is none: "alice\0.evil" and its like. */
static void a_doubtful_name_is_no_name(void **state)
{
	static const char *const sans[] = {UPN "alice," UPN "bob"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sans); i++) {
		struct wish w = wish("");
		struct made user;

		w.san = sans[i];
		user = make(w);
		assert_int_equal(refused(&(struct set){.version = TLS1_3_VERSION, .user = &user}),
			EV_AUTH_CERT_NO_NAME);
		made_done(&user);
	}
}

/* One packet of the login, spoilt; the n-th from the client. The server says no, and that is all. */
enum spoil { CUT, EMPTY, MORE_FOR_EVER, TOO_LONG, START, TWICE, SPOILS };

static void spoil(struct login *l, enum spoil how, const uint8_t *wire, size_t n)
{
	uint8_t data[1400] = {0};
	size_t len = n < 1300 ? n : 1300;

	memcpy(data + 5, wire, len);
	switch (how) {
	case CUT: say(l, data, 0); break;
	case EMPTY: say(l, data, 1); break;
	case MORE_FOR_EVER:
		data[0] = 0xc0;
		data[3] = 1;
		say(l, data, 5);
		break;
	case TOO_LONG:
		data[0] = 0x80;
		data[4] = 1;
		say(l, data, 5 + len);
		break;
	case START:
		data[4] = 0x20;
		say(l, data + 4, 1 + len);
		break;
	case TWICE:
		say(l, data + 4, 1 + len);
		if (l->talk.step == EAP_STEP_SEND)
			say(l, data + 4, 1 + len);
		break;
	case SPOILS: break;
	}
}

static void a_spoilt_packet_ends_the_login_wherever_it_comes(void **state)
{
	struct made user = make(wish("alice"));
	uint8_t wire[32768];

	(void)state;
	for (unsigned at = 0; at < 2; at++)
		for (int how = 0; how < SPOILS; how++)
			for (size_t v = 0; v < 2; v++) {
				struct login l;
				size_t n;

				begin(&l, &(struct set){.version = versions[v], .user = &user});
				talk_identity(&l.talk, "x");
				for (unsigned i = 0; i <= at; i++) {
					hear(&l);
					n = client_speaks(&l, wire, sizeof(wire));
					if (i < at)
						send_message(&l, wire, n);
				}
				spoil(&l, (enum spoil)how, wire, n);
				while (l.talk.step == EAP_STEP_SEND)
					say(&l, "", 1);
				assert_int_equal(l.talk.step, EAP_STEP_FAILURE);
				end(&l);
			}
	made_done(&user);
}

/* GHSA-7437-282p-7465: a peer that goes on after the failure. Whatever it says, it stays a failure. */
static void after_a_failure_nothing_is_used_again(void **state)
{
	struct wish w = wish("alice");
	struct made user;
	struct login l;

	(void)state;
	w.to = now - 60;
	user = make(w);
	begin(&l, &(struct set){.version = TLS1_2_VERSION, .user = &user});
	run(&l);
	for (int i = 0; i < 5; i++) {
		say(&l, "\0\x16\x03\x03\0\x01\0", 7);
		assert_int_equal(l.talk.step, EAP_STEP_FAILURE);
		talk_nak(&l.talk, "\x1a", 1);
		assert_int_equal(l.talk.step, EAP_STEP_FAILURE);
	}
	end(&l);
	made_done(&user);
}

static void without_authorities_it_is_not_served(void **state)
{
	struct eap_opts o = {.methods = eap_methods, .name = ""};

	(void)state;
	assert_false(eap_serves(&o, EAP_TLS));
	assert_true(eap_serves(&o, EAP_MSCHAPV2));
	assert_false(eap_serves(&o, 21));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_certificate_lets_its_user_in_with_the_same_key),
		cmocka_unit_test(pieces_of_any_size_make_the_same_login),
		cmocka_unit_test(an_unknown_user_hears_no_success),
		cmocka_unit_test(each_fault_of_a_certificate_has_its_event),
		cmocka_unit_test(usage_by_any_purpose_or_none_said_will_do),
		cmocka_unit_test(revocation_by_list_and_by_thumbprint),
		cmocka_unit_test(a_doubtful_name_is_no_name),
		cmocka_unit_test(a_spoilt_packet_ends_the_login_wherever_it_comes),
		cmocka_unit_test(after_a_failure_nothing_is_used_again),
		cmocka_unit_test(without_authorities_it_is_not_served),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
