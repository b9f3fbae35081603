// SPDX-License-Identifier: Apache-2.0
/*
 * EAP-TLS, the server, against a client of bare OpenSSL: TLS 1.2 and 1.3, pieces of any size, each fault
 * of a certificate, and packets that are cut, doubled or out of turn.
 */
#include "unit/tls/pair.h"

#include "talk.h"

#include "aaa/eap/anchors.h"
#include "base/peer_cert.h"
#include "tls/anchors.h"

#define UPN "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:"

static const uint8_t only_tls[] = {EAP_TLS};
static struct made ca, other_ca, server_cert;
static int64_t now;

/* ---- certificates ---------------------------------------------------------------------------- */

static struct wish wish(const char *cn)
{
	return (struct wish){.cn = cn,
		.eku = "clientAuth",
		.ec = true,
		.issuer = &ca,
		.from = now - DAY,
		.to = now + DAY};
}

static struct made make_ca(const char *cn)
{
	struct wish w = wish(cn);

	w.ca = true;
	w.eku = NULL;
	w.issuer = NULL;
	return make(w);
}

static int setup(void **state)
{
	struct wish w = wish("server");

	if (make_test_dir(state))
		return -1;
	now = time(NULL);
	ca = make_ca("test root");
	other_ca = make_ca("other root");
	w.eku = "serverAuth";
	server_cert = make(w);
	write_made("server", &server_cert, NULL);
	return 0;
}

static int teardown(void **state)
{
	made_done(&ca);
	made_done(&other_ca);
	made_done(&server_cert);
	return remove_test_dir(state);
}

/* A list of the CA with these serial numbers, in DER. */
static struct octets make_crl(const X509 *revoked, int64_t next)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, now - DAY);
	unsigned char *der = NULL;
	int n;

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca.x));
	X509_CRL_set1_lastUpdate(crl, t);
	ASN1_TIME_set(t, next);
	X509_CRL_set1_nextUpdate(crl, t);
	if (revoked) {
		X509_REVOKED *r = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)X509_get0_serialNumber(revoked));
		ASN1_TIME_set(t, now - DAY);
		X509_REVOKED_set_revocationDate(r, t);
		X509_CRL_add0_revoked(crl, r);
	}
	assert_true(X509_CRL_sign(crl, ca.key, EVP_sha256()));
	n = i2d_X509_CRL(crl, &der);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
	return (struct octets){der, (size_t)n};
}

/* ---- one login ------------------------------------------------------------------------------- */

struct login {
	struct talk talk;
	struct eap_anchors *anchors;
	struct tls_ctx *ctx;
	struct stranger client;
	size_t piece; /* the client's fragments; 0: 1300 */
	unsigned rounds;
	bool known; /* the user exists */
	uint8_t msk
		[128]; /* and EMSK, as the client computes them: in TLS 1.3 the length is in the label */
	uint8_t text[16]; /* that came inside TLS */
	size_t text_len;
};

struct set {
	int version;
	const struct octets *crls;
	size_t n_crls;
	bool require_crl;
	const struct made *user; /* NULL: the client shows none */
	uint8_t (*revoked)[20];
};

static void begin(struct login *l, const struct set *set)
{
	unsigned char *der = NULL;
	int n = i2d_X509(ca.x, &der);
	struct tls_anchor anchor = {der, (size_t)n, set->crls, set->n_crls, set->require_crl};
	struct tls_failure why = {0};
	struct tls_pair pair = {in_dir("server.crt"), in_dir("server.key"), NULL};
	struct tls_server_opts opts = {.pairs = &pair, .n_pairs = 1, .inner = true};

	*l = (struct login){.known = true, .anchors = calloc(1, sizeof(*l->anchors))};
	atomic_init(&l->anchors->refs, 1);
	l->anchors->n = 1;
	l->anchors->item = calloc(1, sizeof(*l->anchors->item));
	l->anchors->item->names = EAP_ANCHOR_UPN | EAP_ANCHOR_CN;
	if (set->revoked) {
		l->anchors->revoked = malloc(20);
		memcpy(l->anchors->revoked, set->revoked, 20);
		l->anchors->n_revoked = 1;
	}
	assert_int_equal(tls_anchors_new(&anchor, 1, &l->anchors->tls, &why), 0);
	OPENSSL_free(der);
	opts.anchors = l->anchors->tls;
	assert_int_equal(tls_server_ctx_new(&opts, &l->ctx, &why), 0);
	const struct eap_opts eap = {.types = only_tls,
		.n_types = 1,
		.name = "culvert",
		.tls = l->ctx,
		.anchors = l->anchors};

	l->talk = (struct talk){.identifier = 0xfe}; /* wraps soon */
	assert_int_equal(eap_new(&eap, &l->talk.eap), 0);
	l->client = stranger_new(set->version, set->version);
	if (set->user) {
		SSL_CTX_use_certificate(l->client.ctx, set->user->x);
		SSL_CTX_use_PrivateKey(l->client.ctx, set->user->key);
	}
	stranger_dial(&l->client);
}

static void end(struct login *l)
{
	talk_end(&l->talk);
	tls_ctx_free(l->ctx);
	eap_anchors_unref(l->anchors);
	stranger_done(&l->client);
}

static void answer_question(struct login *l)
{
	struct aaa_answer a = {.outcome = l->known ? AAA_ACCEPT : AAA_REJECT,
		.event = l->known ? EV_AUTH_ACCEPTED : EV_AUTH_CERT_UNKNOWN_USER,
		.code = l->known ? AUTH_OK : AUTH_FAILED};

	assert_string_equal(eap_question(l->talk.eap)->user, "alice");
	assert_int_equal(eap_question(l->talk.eap)->eap_type, EAP_TLS);
	l->talk.step = eap_judged(l->talk.eap, &a);
	if (l->talk.step == EAP_STEP_SEND)
		l->talk.identifier = talk_request(&l->talk).identifier;
}

static void say(struct login *l, const void *data, size_t n)
{
	l->rounds++;
	talk_say(&l->talk, EAP_TLS, data, n);
	if (l->talk.step == EAP_STEP_ASK)
		answer_question(l);
}

/* The server's message, all its pieces, to the client. */
static void hear(struct login *l)
{
	for (;;) {
		struct rd data = talk_request(&l->talk).data;
		uint8_t flags = rd_u8(&data);

		if (flags & 0x80)
			rd_be32(&data);
		assert_int_equal(talk_request(&l->talk).type, EAP_TLS);
		BIO_write(l->client.in, data.p, (int)rd_left(&data));
		if (!(flags & 0x40))
			return;
		say(l, "", 1);
		assert_int_equal(l->talk.step, EAP_STEP_SEND);
	}
}

static size_t client_speaks(struct login *l, uint8_t *wire, size_t cap)
{
	static const char label12[] = "client EAP encryption",
			  label13[] = "EXPORTER_EAP_TLS_Key_Material";
	bool modern;
	int n;

	if (!SSL_is_init_finished(l->client.ssl))
		SSL_do_handshake(l->client.ssl);
	if (SSL_is_init_finished(l->client.ssl)) {
		uint8_t type = EAP_TLS;

		modern = SSL_version(l->client.ssl) == TLS1_3_VERSION;
		n = SSL_read(l->client.ssl, l->text, sizeof(l->text));
		l->text_len = n > 0 ? (size_t)n : 0;
		SSL_export_keying_material(l->client.ssl, l->msk, sizeof(l->msk),
			modern ? label13 : label12, strlen(modern ? label13 : label12), &type,
			modern, modern);
	}
	ERR_clear_error();
	n = BIO_read(l->client.out, wire, (int)cap);
	return n > 0 ? (size_t)n : 0;
}

/* The client's message in pieces; the server acknowledges all but the last. */
static void send_message(struct login *l, const uint8_t *message, size_t n)
{
	size_t most = l->piece ? l->piece : 1300, total = n;
	uint8_t data[1400];

	for (bool first = true; first || n; first = false) {
		size_t take = n < most ? n : most, at = 1;

		data[0] = (uint8_t)((n > most ? 0x40 : 0) | (first && n > most ? 0x80 : 0));
		if (data[0] & 0x80) {
			data[1] = data[2] = 0;
			data[3] = (uint8_t)(total >> 8);
			data[4] = (uint8_t)total;
			at = 5;
		}
		memcpy(data + at, message, take);
		message += take;
		n -= take;
		say(l, data, at + take);
		if (l->talk.step != EAP_STEP_SEND)
			return;
		struct eap_packet request = talk_request(&l->talk);

		if (n)
			assert_int_equal(rd_left(&request.data), 1);
	}
}

static void run(struct login *l)
{
	uint8_t wire[32768];

	talk_identity(&l->talk, "some identity");
	while (l->talk.step == EAP_STEP_SEND) {
		hear(l);
		send_message(l, wire, client_speaks(l, wire, sizeof(wire)));
	}
}

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
	struct eap_opts o = {.name = ""};

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
