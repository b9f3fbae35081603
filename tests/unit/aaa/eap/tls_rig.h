/*
 * A login by EAP-TLS or PEAP: the server's methods against a client of bare OpenSSL, with certificates
 * that the test makes itself.
 */
#pragma once
#include "unit/tls/pair.h"

#include "talk.h"

#include "aaa/eap/anchors.h"
#include "base/peer_cert.h"
#include "tls/anchors.h"

#define UPN "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:"

static struct made ca, other_ca, server_cert;
static int64_t now;

/* ---- certificates ---------------------------------------------------------------------------- */

static inline struct wish wish(const char *cn)
{
	return (struct wish){.cn = cn,
		.eku = "clientAuth",
		.ec = true,
		.issuer = &ca,
		.from = now - DAY,
		.to = now + DAY};
}

static inline struct made make_ca(const char *cn)
{
	struct wish w = wish(cn);

	w.ca = true;
	w.eku = NULL;
	w.issuer = NULL;
	return make(w);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	made_done(&ca);
	made_done(&other_ca);
	made_done(&server_cert);
	return remove_test_dir(state);
}

/* A list of the CA with these serial numbers, in DER. */
static inline struct octets make_crl(const X509 *revoked, int64_t next)
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
	uint8_t type; /* EAP_TLS or EAP_PEAP */
	bool known;   /* the user exists */
	uint8_t msk
		[128]; /* and EMSK, as the client computes them: in TLS 1.3 the length is in the label */
	uint8_t text[2048]; /* that came inside TLS, last */
	size_t text_len;
};

struct set {
	int version;
	uint8_t type; /* 0: EAP_TLS */
	const struct octets *crls;
	size_t n_crls;
	bool require_crl;
	const struct made *user; /* NULL: the client shows none */
	uint8_t (*revoked)[20];
};

static inline void begin(struct login *l, const struct set *set)
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
	l->type = set->type ? set->type : EAP_TLS;
	opts.anchors = l->type == EAP_TLS ? l->anchors->tls : NULL;
	assert_int_equal(tls_server_ctx_new(&opts, &l->ctx, &why), 0);
	const struct eap_opts eap = {.methods = eap_methods,
		.types = &l->type,
		.n_types = 1,
		.name = "culvert",
		.tls = l->type == EAP_TLS ? l->ctx : NULL,
		.peap = l->type == EAP_PEAP ? l->ctx : NULL,
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

static inline void end(struct login *l)
{
	talk_end(&l->talk);
	tls_ctx_free(l->ctx);
	eap_anchors_unref(l->anchors);
	stranger_done(&l->client);
}

static inline void answer_question(struct login *l)
{
	struct aaa_answer a = {.outcome = l->known ? AAA_ACCEPT : AAA_REJECT,
		.event = l->known ? EV_AUTH_ACCEPTED : EV_AUTH_CERT_UNKNOWN_USER,
		.code = l->known ? AUTH_OK : AUTH_FAILED};

	assert_string_equal(eap_question(l->talk.eap)->user, "alice");
	assert_int_equal(
		eap_question(l->talk.eap)->eap_type, l->type == EAP_TLS ? EAP_TLS : EAP_MSCHAPV2);
	assert_int_equal(eap_question(l->talk.eap)->eap_tunnel, l->type == EAP_TLS ? 0 : EAP_PEAP);
	memset(a.keys.hlak, 0x42, sizeof(a.keys.hlak));
	l->talk.step = eap_judged(l->talk.eap, &a);
	if (l->talk.step == EAP_STEP_SEND)
		l->talk.identifier = talk_request(&l->talk).identifier;
}

static inline void say(struct login *l, const void *data, size_t n)
{
	l->rounds++;
	talk_say(&l->talk, l->type, data, n);
	if (l->talk.step == EAP_STEP_ASK)
		answer_question(l);
}

/* The server's message, all its pieces, to the client. */
static inline void hear(struct login *l)
{
	for (;;) {
		struct rd data = talk_request(&l->talk).data;
		uint8_t flags = rd_u8(&data);

		if (flags & 0x80)
			rd_be32(&data);
		assert_int_equal(talk_request(&l->talk).type, l->type);
		BIO_write(l->client.in, data.p, (int)rd_left(&data));
		if (!(flags & 0x40))
			return;
		say(l, "", 1);
		assert_int_equal(l->talk.step, EAP_STEP_SEND);
	}
}

/* What the client's TLS has to send; whatever came inside is in l->text. */
static inline size_t client_speaks(struct login *l, uint8_t *wire, size_t cap)
{
	static const char label12[] = "client EAP encryption",
			  label13[] = "EXPORTER_EAP_TLS_Key_Material";
	bool modern;
	int n;

	if (!SSL_is_init_finished(l->client.ssl))
		SSL_do_handshake(l->client.ssl);
	if (SSL_is_init_finished(l->client.ssl)) {
		uint8_t type = l->type;

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
static inline void send_message(struct login *l, const uint8_t *message, size_t n)
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

static inline void run(struct login *l)
{
	uint8_t wire[32768];

	talk_identity(&l->talk, "some identity");
	while (l->talk.step == EAP_STEP_SEND) {
		hear(l);
		send_message(l, wire, client_speaks(l, wire, sizeof(wire)));
	}
}
