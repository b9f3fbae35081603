// SPDX-License-Identifier: Apache-2.0
/* Alerts of the peer become events with the name that the RFC gives them. */
#include "unit/tls/pair.h"

static struct tls_ctx *server, *client;

static int setup(void **state)
{
	static const char *const names[] = {"vpn.test"};
	struct cert_opts opts = {.key = CERT_P256, .names = names, .n_names = 1, .now_s = NOW};

	if (make_test_dir(state) || cert_create(&opts, in_dir("s.crt"), in_dir("s.key"), NULL) < 0)
		return -1;
	server = server_of("s.crt", "s.key");
	client = client_of((struct tls_client_opts){.ca_file = in_dir("s.crt")});
	return 0;
}

static int teardown(void **state)
{
	tls_ctx_free(server);
	tls_ctx_free(client);
	return remove_test_dir(state);
}

/* What a client makes of this alert, sent in the clear instead of a ServerHello. */
static struct tls_failure told(uint8_t level, uint8_t code)
{
	uint8_t record[] = {21, 3, 3, 0, 2, level, code};
	struct pair *p = pair_new(server, client, "vpn.test");
	struct tls_failure f;
	char got[8];

	pair_read(p, 1);
	tls_recv(p->client, record, sizeof(record));
	tls_read(p->client, got, sizeof(got));
	f = *tls_failure(p->client);
	pair_free(p);
	return f;
}

static void each_fatal_alert_has_its_event_and_its_name(void **state)
{
	static const struct {
		uint8_t code;
		enum event event;
		const char *text;
	} rows[] = {
		{40, EV_TLS_NOTHING_IN_COMMON, "alert from the peer: handshake_failure (40)"},
		{71, EV_TLS_NOTHING_IN_COMMON, "alert from the peer: insufficient_security (71)"},
		{70, EV_TLS_VERSION, "alert from the peer: protocol_version (70)"},
		{42, EV_TLS_PEER_REFUSES_CERT, "alert from the peer: bad_certificate (42)"},
		{45, EV_TLS_PEER_REFUSES_CERT, "alert from the peer: certificate_expired (45)"},
		{46, EV_TLS_PEER_REFUSES_CERT, "alert from the peer: certificate_unknown (46)"},
		{48, EV_TLS_PEER_REFUSES_CERT, "alert from the peer: unknown_ca (48)"},
		{20, EV_TLS_DAMAGED, "alert from the peer: bad_record_mac (20)"},
		{112, EV_TLS_PEER_REFUSES_NAME, "alert from the peer: unrecognized_name (112)"},
		{116, EV_TLS_PEER_WANTS_CERT, "alert from the peer: certificate_required (116)"},
		{80, EV_TLS_PEER_ALERT, "alert from the peer: internal_error (80)"},
		{49, EV_TLS_PEER_ALERT, "alert from the peer: access_denied (49)"},
		{199, EV_TLS_PEER_ALERT, "alert from the peer: 199"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_failure f = told(2, rows[i].code);

		assert_int_equal(f.event, rows[i].event);
		assert_string_equal(f.text, rows[i].text);
	}
}

static void every_alert_there_could_be_is_a_failure_with_words(void **state)
{
	for (int code = 1; code < 256; code++) {
		struct tls_failure f = told(2, (uint8_t)code);

		assert_int_not_equal(f.event, EV_NONE);
		assert_true(*f.text);
	}
}

/* The server learns why a client hangs up: it does not know the issuer. */
static void the_server_is_told_that_its_certificate_is_not_trusted(void **state)
{
	struct tls_ctx *other = client_of((struct tls_client_opts){0});
	struct pair *p = pair_new(server, other, "vpn.test");

	pair_run(p);
	assert_int_equal(tls_failure(p->client)->event, EV_CERT_SELF_SIGNED);
	assert_int_equal(p->end[0], -EPROTO);
	assert_int_equal(tls_failure(p->server)->event, EV_TLS_PEER_REFUSES_CERT);
	assert_string_equal(tls_failure(p->server)->text, "alert from the peer: unknown_ca (48)");
	pair_free(p);
	tls_ctx_free(other);
}

static void a_failure_is_cut_to_fit_and_may_be_unwanted(void **state)
{
	struct tls_failure f;
	char text[400];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(tls_failure_set(&f, -EIO, EV_TLS_SETTING, "%s", text), -EIO);
	assert_int_equal(strlen(f.text), sizeof(f.text) - 2);
	assert_int_equal(tls_failure_set(NULL, -EIO, EV_TLS_SETTING, "%s", text), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fatal_alert_has_its_event_and_its_name),
		cmocka_unit_test(every_alert_there_could_be_is_a_failure_with_words),
		cmocka_unit_test(the_server_is_told_that_its_certificate_is_not_trusted),
		cmocka_unit_test(a_failure_is_cut_to_fit_and_may_be_unwanted),
	};

	return cmocka_run_group_tests_name("tls/failure", tests, setup, teardown);
}
