// SPDX-License-Identifier: Apache-2.0
/* The client's judgement: every fault made by the test itself, alone and together with others. */
#include "unit/tls/pair.h"

static struct made ca, other_ca, inter;
static char ca_pem[128];

static int setup(void **state)
{
	if (make_test_dir(state))
		return -1;
	ca = make((struct wish){.cn = "test root", .ca = true, .ec = true});
	other_ca = make((struct wish){.cn = "other root", .ca = true, .ec = true});
	inter = make(
		(struct wish){.cn = "test intermediate", .ca = true, .ec = true, .issuer = &ca});
	write_made("ca", &ca, NULL);
	write_made("other", &other_ca, NULL);
	strcpy(ca_pem, in_dir("ca.crt"));
	return 0;
}

static int teardown(void **state)
{
	made_done(&ca);
	made_done(&other_ca);
	made_done(&inter);
	return remove_test_dir(state);
}

/* A good one; each test changes a thing. */
static const struct wish good = {
	.cn = "vpn.test",
	.san = "DNS:vpn.test,IP:192.0.2.1,IP:2001:db8::1",
	.eku = "serverAuth",
	.ec = true,
	.issuer = &ca,
};

/* A connection from a client with these options, judged to its end. */
static struct pair *met(
	struct wish w, const struct made *more, const char *host, struct tls_client_opts opts)
{
	struct made leaf = make(w);
	struct tls_ctx *server, *client;
	struct pair *p;

	write_made("leaf", &leaf, more);
	server = server_of("leaf.crt", "leaf.key");
	client = client_of(opts);
	p = pair_new(server, client, host);
	pair_run(p);
	tls_ctx_free(server);
	tls_ctx_free(client);
	made_done(&leaf);
	return p;
}

/* The event that the default client (trusting ca) comes to; EV_NONE: accepted. */
static enum event verdict(struct wish w, const char *host, const char *expected_text)
{
	struct pair *p = met(w, NULL, host, (struct tls_client_opts){.ca_file = ca_pem});
	enum event event = tls_failure(p->client)->event;

	assert_int_equal(tls_established(p->client), event == EV_NONE);
	if (event != EV_NONE)
		assert_false(tls_established(p->server));
	if (expected_text && !strstr(tls_failure(p->client)->text, expected_text))
		fail_msg("\"%s\" is not in: %s", expected_text, tls_failure(p->client)->text);
	pair_free(p);
	return event;
}

static void a_good_certificate_is_accepted_under_each_of_its_names(void **state)
{
	assert_int_equal(verdict(good, "vpn.test", NULL), EV_NONE);
	assert_int_equal(verdict(good, "VPN.Test", NULL), EV_NONE);
	assert_int_equal(verdict(good, "vpn.test.", NULL), EV_NONE);
	assert_int_equal(verdict(good, "192.0.2.1", NULL), EV_NONE);
	assert_int_equal(verdict(good, "2001:db8::1", NULL), EV_NONE);
	assert_int_equal(verdict(good, "2001:DB8:0::1", NULL), EV_NONE);
}

static void another_name_is_refused_and_the_names_found_are_told(void **state)
{
	const char *found = "the certificate is for: vpn.test, 192.0.2.1, 2001:db8::1";

	assert_int_equal(verdict(good, "vpn2.test", found), EV_CERT_NAME_MISMATCH);
	assert_int_equal(verdict(good, "test", found), EV_CERT_NAME_MISMATCH);
	assert_int_equal(verdict(good, "a.vpn.test", found), EV_CERT_NAME_MISMATCH);
	assert_int_equal(verdict(good, "192.0.2.2", found), EV_CERT_NAME_MISMATCH);
	assert_int_equal(
		verdict(good, "2001:db8::2", "asked for \"2001:db8::2\""), EV_CERT_NAME_MISMATCH);
}

static void a_common_name_alone_is_no_name(void **state)
{
	struct wish w = good;

	w.san = NULL;
	assert_int_equal(verdict(w, "vpn.test", "no name at all (no subjectAltName)"),
		EV_CERT_NAME_MISMATCH);
}

static void wildcards_stand_for_one_label(void **state)
{
	struct wish w = good;

	w.san = "DNS:*.vpn.test";
	assert_int_equal(verdict(w, "a.vpn.test", NULL), EV_NONE);
	assert_int_equal(verdict(w, "vpn.test", "*.vpn.test"), EV_CERT_NAME_MISMATCH);
	assert_int_equal(verdict(w, "a.b.vpn.test", NULL), EV_CERT_NAME_MISMATCH);
	w.san = "DNS:v*.vpn.test";
	assert_int_equal(verdict(w, "va.vpn.test", NULL), EV_CERT_NAME_MISMATCH);
	w.san = "DNS:192.0.2.1";
	assert_int_equal(verdict(w, "192.0.2.1", NULL), EV_CERT_NAME_MISMATCH);
}

static void the_dates_count_and_are_told(void **state)
{
	struct wish w = good;

	w.from = NOW - 3 * DAY;
	w.to = NOW - 1;
	assert_int_equal(
		verdict(w, "vpn.test", "valid until 2027-01-15 07:59:59 UTC"), EV_CERT_EXPIRED);
	w.from = NOW + 1;
	w.to = NOW + DAY;
	assert_int_equal(verdict(w, "vpn.test", "valid from 2027-01-15 08:00:01 UTC"),
		EV_CERT_NOT_YET_VALID);
}

static void the_usage_must_allow_servers(void **state)
{
	static const struct {
		const char *eku, *ku;
		enum event event;
	} rows[] = {
		{"serverAuth", NULL, EV_NONE},
		{"serverAuth,clientAuth", NULL, EV_NONE},
		{NULL, NULL, EV_NONE}, /* no EKU at all: any use */
		{"anyExtendedKeyUsage", NULL, EV_NONE},
		{"anyExtendedKeyUsage,clientAuth", "digitalSignature", EV_NONE},
		{"clientAuth", NULL, EV_CERT_WRONG_USAGE},
		{"codeSigning", NULL, EV_CERT_WRONG_USAGE},
		{"anyExtendedKeyUsage", "cRLSign", EV_CERT_WRONG_USAGE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wish w = good;
		enum event event;

		w.eku = rows[i].eku;
		w.ku = rows[i].ku;
		event = verdict(w, "vpn.test", NULL);
		if (event != rows[i].event)
			fail_msg("row %zu: %d", i, event);
	}
}

static void an_unknown_issuer_is_told_apart_from_a_self_signed_leaf(void **state)
{
	struct wish w = good;
	struct pair *p;

	w.issuer = &other_ca;
	assert_int_equal(
		verdict(w, "vpn.test", "issuer \"/CN=other root\""), EV_CERT_ISSUER_UNKNOWN);
	w.issuer = NULL;
	assert_int_equal(verdict(w, "vpn.test", "subject \"/CN=vpn.test\""), EV_CERT_SELF_SIGNED);
	w.issuer = &other_ca;
	p = met(w, &other_ca, "vpn.test", (struct tls_client_opts){.ca_file = ca_pem});
	assert_int_equal(tls_failure(p->client)->event, EV_CERT_UNTRUSTED_ROOT);
	pair_free(p);
}

static void an_intermediate_is_needed_and_is_enough(void **state)
{
	struct tls_client_opts opts = {.ca_file = ca_pem};
	struct wish w = good;
	struct pair *p;

	w.issuer = &inter;
	p = met(w, NULL, "vpn.test", opts);
	assert_int_equal(tls_failure(p->client)->event, EV_CERT_ISSUER_UNKNOWN);
	pair_free(p);
	p = met(w, &inter, "vpn.test", opts);
	assert_int_equal(tls_failure(p->client)->event, EV_NONE);
	pair_free(p);
}

static void a_leaf_is_no_issuer(void **state)
{
	struct made false_ca = make((struct wish){.cn = "no ca", .ec = true, .issuer = &ca});
	struct wish w = good;
	struct pair *p;

	w.issuer = &false_ca;
	p = met(w, &false_ca, "vpn.test", (struct tls_client_opts){.ca_file = ca_pem});
	assert_false(tls_established(p->client));
	assert_int_equal(tls_failure(p->client)->event, EV_CERT_INVALID);
	pair_free(p);
	made_done(&false_ca);
}

static void a_signature_of_another_key_is_found(void **state)
{
	struct made forged = {X509_dup(ca.x), EVP_EC_gen("P-256")};
	struct wish w = good;

	w.issuer = &forged;
	assert_int_equal(verdict(w, "vpn.test", NULL), EV_CERT_BAD_SIGNATURE);
	made_done(&forged);
}

/* What our server would not even load comes from a stranger: SHA-1 in the chain, a short RSA key. */
static void weak_hashes_and_keys_are_refused(void **state)
{
	struct tls_ctx *client = client_of((struct tls_client_opts){.ca_file = ca_pem});
	struct tls_peer_opts peer = {.host = "vpn.test", .verify_at_s = NOW};
	struct made weak = make((struct wish){.cn = "weak intermediate",
		.ca = true,
		.ec = true,
		.issuer = &ca,
		.md = EVP_sha1()});
	struct wish short_key = good, under_weak = good;

	under_weak.issuer = &weak;
	short_key.ec = false;
	short_key.rsa_bits = 1024;
	for (int i = 0; i < 2; i++) {
		struct made leaf = make(i ? short_key : under_weak);
		struct stranger s;
		struct tls *t;
		char got[8];

		write_made("weak", &leaf, i ? NULL : &weak);
		s = stranger_server("weak.crt", "weak.key", TLS1_2_VERSION, TLS1_3_VERSION);
		assert_int_equal(tls_new(client, &peer, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, got, sizeof(got));
		assert_false(tls_established(t));
		assert_int_equal(tls_failure(t)->event, EV_CERT_WEAK);
		tls_free(t);
		stranger_done(&s);
		made_done(&leaf);
	}
	made_done(&weak);
	tls_ctx_free(client);
}

/* Our client at a server of another make; no session of the first visit is shown at the second. */
static void a_server_of_another_make_is_accepted(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_ctx *client = client_of((struct tls_client_opts){.ca_file = ca_pem});
	struct tls_peer_opts peer = {.host = "vpn.test", .verify_at_s = NOW};
	struct made leaf = make(good);

	write_made("leaf", &leaf, NULL);
	for (int i = 0; i < 4; i++) {
		struct stranger s =
			stranger_server("leaf.crt", "leaf.key", versions[i / 2], versions[i / 2]);
		struct tls *t;
		char got[8];

		assert_int_equal(tls_new(client, &peer, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, got, sizeof(got));
		assert_true(tls_established(t));
		assert_false(SSL_session_reused(s.ssl));
		SSL_write(s.ssl, "abc", 3);
		assert_int_equal(stranger_run(&s, t, got, sizeof(got)), 3);
		tls_free(t);
		stranger_done(&s);
	}
	made_done(&leaf);
	tls_ctx_free(client);
}

static void the_self_signed_leaf_itself_will_do_as_ca(void **state)
{
	struct wish w = good;
	struct made leaf;
	struct tls_ctx *server, *client;
	static const char *const hosts[] = {"vpn.test", "wrong.test"};

	w.issuer = NULL;
	leaf = make(w);
	write_made("self", &leaf, NULL);
	server = server_of("self.crt", "self.key");
	client = client_of((struct tls_client_opts){.ca_file = in_dir("self.crt")});
	for (int i = 0; i < 2; i++) {
		struct pair *p = pair_new(server, client, hosts[i]);

		pair_run(p);
		assert_int_equal(
			tls_failure(p->client)->event, i ? EV_CERT_NAME_MISMATCH : EV_NONE);
		pair_free(p);
	}
	tls_ctx_free(server);
	tls_ctx_free(client);
	made_done(&leaf);
}

/* A file with two self-signed leaves, to be trusted as one: the server sends the first alone. */
static void a_second_leaf_in_the_file_is_not_sent_as_a_chain(void **state)
{
	struct wish w = good;
	struct made leaf, other;
	struct tls_ctx *server;
	struct stranger s = stranger_new(TLS1_2_VERSION, TLS1_3_VERSION);
	struct tls *t;
	char got[8];

	w.issuer = NULL;
	leaf = make(w);
	other = make(w);
	write_made("two", &leaf, &other);
	server = server_of("two.crt", "two.key");
	assert_int_equal(tls_new(server, NULL, &t), 0);
	stranger_dial(&s);
	stranger_run(&s, t, got, sizeof(got));
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(s.ssl)), 1);
	tls_free(t);
	tls_ctx_free(server);
	stranger_done(&s);
	made_done(&leaf);
	made_done(&other);
}

/* Name, date, issuer and usage wrong at once: one event each, and the first decides the alert. */
static void all_problems_are_told_each_by_its_event(void **state)
{
	static const enum event expected[] = {EV_CERT_ISSUER_UNKNOWN, EV_CERT_WRONG_USAGE,
		EV_CERT_EXPIRED, EV_CERT_NAME_MISMATCH};
	struct wish w = good;
	const struct tls_failure *problems;
	struct pair *p;
	size_t n;

	w.issuer = &other_ca;
	w.eku = "clientAuth";
	w.from = NOW - 9 * DAY;
	w.to = NOW - DAY;
	p = met(w, NULL, "wrong.test", (struct tls_client_opts){.ca_file = ca_pem});
	n = tls_problems(p->client, &problems);
	assert_int_equal(n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < n; i++) {
		bool there = false;

		for (size_t k = 0; k < n; k++)
			there = there || problems[k].event == expected[i];
		assert_true(there);
		assert_true(*problems[i].text);
	}
	pair_free(p);

	/* --insecure: the same is told, and the connection stands */
	p = met(w, NULL, "wrong.test",
		(struct tls_client_opts){.ca_file = ca_pem, .insecure = true});
	assert_true(tls_established(p->client));
	assert_true(tls_established(p->server));
	assert_int_equal(tls_failure(p->client)->event, EV_NONE);
	assert_int_equal(tls_problems(p->client, &problems), ARRAY_SIZE(expected));
	pair_free(p);
}

/* A leaf that is wrong in every way, met by a client with pins. */
static struct pair *met_with_pins(
	const char *const *pins, size_t n, const char *ca_file, bool right_ca)
{
	struct wish w = good;
	struct made leaf;
	struct tls_ctx *server, *client;
	struct cert_info info;
	struct pair *p;

	if (!right_ca) {
		w.issuer = NULL;
		w.eku = "clientAuth";
		w.from = NOW - 9 * DAY;
		w.to = NOW - DAY;
	}
	leaf = make(w);
	write_made("pinned", &leaf, NULL);
	assert_int_equal(cert_info_load(in_dir("pinned.crt"), &info, NULL), 0);
	const char *own[TLS_PINS_MAX];

	for (size_t i = 0; i < n; i++)
		own[i] = pins[i] ? pins[i] : info.pin; /* NULL stands for the right one */
	server = server_of("pinned.crt", "pinned.key");
	client = client_of((struct tls_client_opts){.pins = own, .n_pins = n, .ca_file = ca_file});
	p = pair_new(server, client, right_ca ? "vpn.test" : "wrong.test");
	pair_run(p);
	tls_ctx_free(server);
	tls_ctx_free(client);
	made_done(&leaf);
	return p;
}

#define WRONG_PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void a_right_pin_alone_is_enough(void **state)
{
	static const char *const one[] = {NULL}, *const second[] = {WRONG_PIN, NULL};
	struct pair *p = met_with_pins(one, 1, NULL, false);

	assert_true(tls_established(p->client));
	pair_free(p);
	p = met_with_pins(second, 2, NULL, false);
	assert_true(tls_established(p->client));
	pair_free(p);
}

static void a_wrong_pin_is_refused_whatever_else_is_right(void **state)
{
	static const char *const wrong[] = {WRONG_PIN};
	const char *const cas[] = {NULL, ca_pem};

	for (int i = 0; i < 2; i++) {
		struct pair *p = met_with_pins(wrong, 1, cas[i], true);

		assert_false(tls_established(p->client));
		assert_int_equal(tls_failure(p->client)->event, EV_CERT_PIN_MISMATCH);
		assert_non_null(
			strstr(tls_failure(p->client)->text, "the server's key is sha256//"));
		pair_free(p);
	}
}

static void a_pin_and_a_ca_must_both_hold(void **state)
{
	static const char *const one[] = {NULL};
	struct pair *p = met_with_pins(one, 1, ca_pem, true);

	assert_true(tls_established(p->client));
	pair_free(p);
	p = met_with_pins(one, 1, ca_pem, false);
	assert_false(tls_established(p->client));
	assert_int_equal(tls_failure(p->client)->event, EV_CERT_SELF_SIGNED);
	pair_free(p);
}

/* The pin is curl's: made here by hand from the key. */
static void the_pin_is_the_hash_of_the_public_key_info(void **state)
{
	struct made leaf = make(good);
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(leaf.key, &der);
	uint8_t sha256[SHA256_LEN];
	char expected[64] = "sha256//";
	struct cert_info info;

	hash_one(HASH_SHA256, der, (size_t)n, sha256);
	EVP_EncodeBlock((unsigned char *)expected + 8, sha256, SHA256_LEN);
	write_made("leaf", &leaf, NULL);
	assert_int_equal(cert_info_load(in_dir("leaf.crt"), &info, NULL), 0);
	assert_string_equal(info.pin, expected);
	OPENSSL_free(der);
	made_done(&leaf);
}

static void a_name_to_check_is_demanded(void **state)
{
	struct tls_ctx *ctx = client_of((struct tls_client_opts){.ca_file = ca_pem});
	struct tls *t = NULL;

	assert_int_equal(tls_new(ctx, NULL, &t), -EINVAL);
	assert_int_equal(tls_new(ctx, &(struct tls_peer_opts){.sni = "x"}, &t), -EINVAL);
	assert_int_equal(tls_new(ctx, &(struct tls_peer_opts){.host = ""}, &t), -EINVAL);
	assert_null(t);
	tls_ctx_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_certificate_is_accepted_under_each_of_its_names),
		cmocka_unit_test(another_name_is_refused_and_the_names_found_are_told),
		cmocka_unit_test(a_common_name_alone_is_no_name),
		cmocka_unit_test(wildcards_stand_for_one_label),
		cmocka_unit_test(the_dates_count_and_are_told),
		cmocka_unit_test(the_usage_must_allow_servers),
		cmocka_unit_test(an_unknown_issuer_is_told_apart_from_a_self_signed_leaf),
		cmocka_unit_test(an_intermediate_is_needed_and_is_enough),
		cmocka_unit_test(a_leaf_is_no_issuer),
		cmocka_unit_test(a_signature_of_another_key_is_found),
		cmocka_unit_test(weak_hashes_and_keys_are_refused),
		cmocka_unit_test(a_server_of_another_make_is_accepted),
		cmocka_unit_test(the_self_signed_leaf_itself_will_do_as_ca),
		cmocka_unit_test(a_second_leaf_in_the_file_is_not_sent_as_a_chain),
		cmocka_unit_test(all_problems_are_told_each_by_its_event),
		cmocka_unit_test(a_right_pin_alone_is_enough),
		cmocka_unit_test(a_wrong_pin_is_refused_whatever_else_is_right),
		cmocka_unit_test(a_pin_and_a_ca_must_both_hold),
		cmocka_unit_test(the_pin_is_the_hash_of_the_public_key_info),
		cmocka_unit_test(a_name_to_check_is_demanded),
	};

	return cmocka_run_group_tests_name("tls/verify", tests, setup, teardown);
}
