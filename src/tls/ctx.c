// SPDX-License-Identifier: Apache-2.0
/*
 * Contexts: everything about TLS that is chosen once and shared. The choices, and why:
 *
 *     versions     1.2 and 1.3; min_version may say 1.3 only
 *     suites 1.3   OpenSSL's three
 *     suites 1.2   ECDHE with AEAD first; then CBC and plain RSA, last, for routers that offer nothing
 *                  else (RouterOS: AES-CBC-SHA). The server's order counts, for suites and signatures,
 *                  and with it which of its certificates a client is shown: the first one given,
 *                  if it can be.
 *     groups       X25519, P-256; then P-384 and P-521, which a certificate's key may be on
 *     resumption   none at all: no session cache, no tickets, no early data (engine.c says why)
 *     ALPN         http/1.1 when offered; other offers are passed over, not refused
 */
#include "tls/private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/hex.h"

#define READ_AHEAD (36 * 1024)
#define SUITES_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:kRSA+AESGCM:kRSA+AES:!AESCCM"
#define SIGN_RSA "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"
#define SIGN_EC "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448"
#define GROUPS "X25519:P-256:P-384:P-521"

struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}

void tls_ctx_free(struct tls_ctx *ctx)
{
	if (!ctx || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
		return;
	tls_sets_done(ctx);
	tls_anchors_free(ctx->anchors);
	SSL_CTX_free(ctx->ssl);
	BIO_meth_free(ctx->bio);
	free(ctx);
}

static void on_keylog(const SSL *ssl, const char *line)
{
	struct tls *t = SSL_get_app_data(ssl);

	traffic_note_secret(t, line);
	if (t->ctx->keylog)
		t->ctx->keylog(t->ctx->keylog_arg, line);
}

static int min_version(const char *text, int *ret)
{
	if (!text || !strcmp(text, "1.2"))
		*ret = TLS1_2_VERSION;
	else if (!strcmp(text, "1.3"))
		*ret = TLS1_3_VERSION;
	else
		return -EINVAL;
	return 0;
}

static bool set_common(const struct tls_ctx *ctx UNUSED, SSL_CTX *c, int version)
{
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	/* AUTO_RETRY: a read past a KeyUpdate goes on to the data behind it */
	SSL_CTX_set_mode(
		c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_default_read_buffer_len(c, READ_AHEAD);
	SSL_CTX_set_max_cert_list(c, TLS_CHAIN_MAX);
	SSL_CTX_set_info_callback(c, tls_info_callback);
	SSL_CTX_set_keylog_callback(c, on_keylog);
	return SSL_CTX_set_min_proto_version(c, version) && SSL_CTX_set_max_proto_version(c, 0) &&
	       SSL_CTX_set_cipher_list(c, SUITES_1_2) && SSL_CTX_set1_groups_list(c, GROUPS);
}

static int ctx_new(bool server, const char *version_text, tls_keylog_fn *keylog, void *keylog_arg,
	uint64_t records_per_key, struct tls_ctx **ret, struct tls_failure *ret_failure)
{
	AUTO(tls_ctx) struct tls_ctx *ctx = calloc(1, sizeof(*ctx));
	int version = 0;

	if (!ctx)
		return -ENOMEM;
	*ctx = (struct tls_ctx){.refs = 1,
		.server = server,
		.keylog = keylog,
		.keylog_arg = keylog_arg,
		.records_per_key = records_per_key ? records_per_key : TLS_RECORDS_PER_KEY};
	if (min_version(version_text, &version) < 0)
		return tls_failure_set(ret_failure, -EINVAL, EV_TLS_SETTING,
			"least version \"%s\": 1.2 and 1.3 are known", version_text);
	ctx->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	ctx->bio = tls_bio_method();
	if (!ctx->ssl || !ctx->bio || !set_common(ctx, ctx->ssl, version)) {
		char text[128];

		return tls_failure_set(ret_failure, -EIO, EV_TLS_SETTING, "%s",
			tls_error_text(text, sizeof(text)));
	}
	*ret = TAKE(ctx);
	return 0;
}

/* RFC 7301 3.2. A client that offers only other names gets no answer to that rather than an alert. */
static int choose_alpn(SSL *ssl UNUSED, const unsigned char **ret, unsigned char *ret_n,
	const unsigned char *offered, unsigned n, void *arg UNUSED)
{
	static const char ours[] = "http/1.1";
	struct rd r = rd_init(offered, n);

	while (rd_left(&r)) {
		size_t len = rd_u8(&r);
		const uint8_t *name = rd_ptr(&r, len);

		if (name && len == strlen(ours) && !memcmp(name, ours, len)) {
			*ret = name;
			*ret_n = (unsigned char)len;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* Instead of OpenSSL's own, which asks on the terminal. */
static int no_passphrase(char *buf UNUSED, int cap UNUSED, int writing UNUSED, void *arg)
{
	*(bool *)arg = true;
	return -1;
}

static int load_key(const char *file, EVP_PKEY **ret, struct tls_failure *ret_failure)
{
	BIO *bio = BIO_new_file(file, "r");
	bool encrypted = false;
	char text[128];

	if (!bio)
		return tls_failure_set(ret_failure, tls_open_error(), EV_CERT_FILE_UNREADABLE,
			"%s: %s", file, tls_error_text(text, sizeof(text)));
	*ret = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
	BIO_free(bio);
	if (*ret)
		return 0;
	if (encrypted)
		return tls_failure_set(ret_failure, -EACCES, EV_CERT_KEY_ENCRYPTED, "%s", file);
	return tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
		"%s: no private key: %s", file, tls_error_text(text, sizeof(text)));
}

static int load_chain(SSL_CTX *c, const char *file, struct tls_failure *ret_failure)
{
	struct cert_info
		probe; /* distinguishes a missing file from a bad one, better than OpenSSL does */
	char text[128];
	int r = cert_info_load(file, &probe, ret_failure);

	if (r < 0)
		return r;
	if (SSL_CTX_use_certificate_chain_file(c, file) == 1) {
		if (probe.self_signed) /* what follows it is another leaf to trust, no issuer */
			SSL_CTX_clear_chain_certs(c);
		return 0;
	}
	return tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED, "%s: %s", file,
		tls_error_text(text, sizeof(text)));
}

static int load_pair(SSL_CTX *c, const struct tls_pair *pair, struct tls_failure *ret_failure)
{
	EVP_PKEY *key = NULL;
	int r = load_chain(c, pair->cert_file, ret_failure);

	if (r < 0)
		return r;
	r = load_key(pair->key_file, &key, ret_failure);
	if (r < 0)
		return r;
	if (!X509_check_private_key(SSL_CTX_get0_certificate(c), key))
		r = tls_failure_set(ret_failure, -EKEYREJECTED, EV_CERT_KEY_MISMATCH, "%s and %s",
			pair->cert_file, pair->key_file);
	else if (SSL_CTX_use_PrivateKey(c, key) != 1)
		r = tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
			"%s: a key of this kind cannot be used", pair->key_file);
	EVP_PKEY_free(key);
	return r;
}

/* A set for names that no other set has; the first one uses the context that is there. */
static struct tls_set *new_set(struct tls_ctx *ctx)
{
	struct tls_set *set = &ctx->sets[ctx->n_sets];

	set->ssl = ctx->n_sets ? SSL_CTX_new(TLS_server_method()) : ctx->ssl;
	if (!set->ssl)
		return NULL;
	ctx->n_sets++;
	return set;
}

static int add_staple(struct tls_shown *s, const char *file, const struct tls_server_opts *opts,
	struct tls_failure *ret_failure)
{
	struct tls_failure note = {0};
	int r = tls_load_staple(s, file, ret_failure, &note);

	if (note.event && opts->note)
		opts->note(opts->note_arg, &note);
	return r;
}

static int add_pair(struct tls_ctx *ctx, const struct tls_pair *pair,
	const struct tls_server_opts *opts, struct tls_failure *ret_failure)
{
	struct cert_info info;
	struct tls_set *set;
	struct tls_shown *s;
	bool taken;
	int r = cert_info_load(pair->cert_file, &info, ret_failure);

	if (r < 0)
		return r;
	set = tls_set_for(ctx, &info, &taken);
	if (taken) /* OpenSSL would silently drop the first of the two */
		return tls_failure_set(ret_failure, -EEXIST, EV_TLS_SETTING,
			"%s: another certificate with the same kind of key has one of its names",
			pair->cert_file);
	if (!set)
		set = new_set(ctx);
	if (!set)
		return -ENOMEM;
	r = load_pair(set->ssl, pair, ret_failure);
	if (r < 0)
		return r;
	s = &set->shown[set->n++];
	s->leaf = SSL_CTX_get0_certificate(set->ssl);
	X509_up_ref(s->leaf);
	strcpy(s->kind, tls_kind_of(&info));
	return pair->ocsp_file ? add_staple(s, pair->ocsp_file, opts, ret_failure) : 0;
}

/* Kinds of key that the first set lacks, from the others: better another name than no certificate. */
static int lend_kinds(struct tls_ctx *ctx, const struct tls_server_opts *opts)
{
	for (size_t i = 0; i < opts->n_pairs; i++) {
		struct cert_info info;
		bool there = false;

		if (cert_info_load(opts->pairs[i].cert_file, &info, NULL) < 0)
			return -EIO;
		for (size_t k = 0; k < ctx->sets[0].n; k++)
			there = there || !strcmp(ctx->sets[0].shown[k].kind, tls_kind_of(&info));
		if (there)
			continue;
		if (load_pair(ctx->ssl, &opts->pairs[i], NULL) < 0)
			return -EIO;
	}
	return 0;
}

static int add_pairs(
	struct tls_ctx *ctx, const struct tls_server_opts *opts, struct tls_failure *ret_failure)
{
	int r = 0;

	if (!opts->n_pairs || opts->n_pairs > TLS_PAIRS_MAX)
		return tls_failure_set(ret_failure, -EINVAL, EV_TLS_SETTING,
			"%zu certificates; 1 to %d can be used", opts->n_pairs, TLS_PAIRS_MAX);
	for (size_t i = 0; i < opts->n_pairs && !r; i++)
		r = add_pair(ctx, &opts->pairs[i], opts, ret_failure);
	return r;
}

#define BEST(key) "ECDHE+" key "+AESGCM:ECDHE+" key "+CHACHA20:"

/* TLS 1.2 chooses the certificate by the suite, 1.3 by the signature algorithm. */
static bool prefer_first(const struct tls_set *set)
{
	bool rsa = !strcmp(set->shown[0].kind, "RSA");

	return SSL_CTX_set_cipher_list(
		       set->ssl, rsa ? BEST("aRSA") SUITES_1_2 : BEST("aECDSA") SUITES_1_2) &&
	       SSL_CTX_set1_sigalgs_list(
		       set->ssl, rsa ? SIGN_RSA ":" SIGN_EC : SIGN_EC ":" SIGN_RSA);
}

static bool set_server(const struct tls_ctx *ctx, SSL_CTX *c)
{
	SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL); /* [MS-SSTP] <1>: Windows has none to show */
	if (!ctx->probe)
		SSL_CTX_set_alpn_select_cb(c, choose_alpn, NULL);
	SSL_CTX_set_client_hello_cb(c, tls_client_hello_callback, NULL);
	if (ctx->anchors && tls_anchors_use(c, ctx->anchors) < 0)
		return false;
	return SSL_CTX_set_num_tickets(c, 0) && SSL_CTX_set_max_early_data(c, 0);
}

int tls_server_ctx_new(
	const struct tls_server_opts *opts, struct tls_ctx **ret, struct tls_failure *ret_failure)
{
	AUTO(tls_ctx) struct tls_ctx *ctx = NULL;
	int r, version = 0;

	ERR_clear_error();
	r = ctx_new(true, opts->min_version, opts->keylog, opts->keylog_arg, opts->records_per_key,
		&ctx, ret_failure);
	if (r < 0)
		return r;
	ctx->probe = opts->inner;
	ctx->anchors = opts->anchors ? tls_anchors_ref(opts->anchors) : NULL;
	r = add_pairs(ctx, opts, ret_failure);
	if (!r && (lend_kinds(ctx, opts) < 0 || min_version(opts->min_version, &version) < 0))
		r = -EIO;
	for (size_t i = 0; !r && i < ctx->n_sets; i++)
		if (!set_common(ctx, ctx->sets[i].ssl, version) ||
			!set_server(ctx, ctx->sets[i].ssl) || !prefer_first(&ctx->sets[i]))
			r = -EIO;
	if (r < 0)
		return r;
	tls_choose_on(ctx);
	*ret = TAKE(ctx);
	return 0;
}

static int parse_pins(
	struct tls_ctx *ctx, const struct tls_client_opts *opts, struct tls_failure *ret_failure)
{
	static const char scheme[] = "sha256//";

	if (opts->n_pins > TLS_PINS_MAX)
		return tls_failure_set(ret_failure, -E2BIG, EV_CERT_PIN_MALFORMED,
			"%zu pins; %d at most", opts->n_pins, TLS_PINS_MAX);
	for (size_t i = 0; i < opts->n_pins; i++) {
		const char *text = opts->pins[i];

		if (strncmp(text, scheme, strlen(scheme)) ||
			base64_decode(text + strlen(scheme), ctx->pins[i].sha256, SHA256_LEN) !=
				SHA256_LEN)
			return tls_failure_set(
				ret_failure, -EINVAL, EV_CERT_PIN_MALFORMED, "\"%.100s\"", text);
	}
	ctx->n_pins = opts->n_pins;
	return 0;
}

static int load_roots(struct tls_ctx *ctx, const char *file, struct tls_failure *ret_failure)
{
	struct cert_info probe;
	char text[128];
	int r;

	/* A self-signed server certificate handed out as --ca is no CA, but trusted all the same. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx->ssl), X509_V_FLAG_PARTIAL_CHAIN);
	if (!file) {
		SSL_CTX_set_default_verify_paths(ctx->ssl);
		return 0;
	}
	r = cert_info_load(file, &probe, ret_failure);
	if (r < 0)
		return r;
	ctx->own_ca = true;
	if (SSL_CTX_load_verify_file(ctx->ssl, file) == 1)
		return 0;
	return tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED, "%s: %s", file,
		tls_error_text(text, sizeof(text)));
}

int tls_client_ctx_new(
	const struct tls_client_opts *opts, struct tls_ctx **ret, struct tls_failure *ret_failure)
{
	AUTO(tls_ctx) struct tls_ctx *ctx = NULL;
	int r;

	ERR_clear_error();
	r = ctx_new(false, opts->min_version, opts->keylog, opts->keylog_arg, opts->records_per_key,
		&ctx, ret_failure);
	if (r < 0)
		return r;
	ctx->insecure = opts->insecure;
	r = parse_pins(ctx, opts, ret_failure);
	if (!r)
		r = load_roots(ctx, opts->ca_file, ret_failure);
	if (!r && opts->identity && tls_identity_use(ctx->ssl, opts->identity) < 0)
		r = tls_failure_set(ret_failure, -EINVAL, EV_CERT_KEY_MISMATCH, "the client's own");
	if (r < 0)
		return r;
	ctx->probe = opts->inner;
	SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx->ssl, tls_verify_server, NULL);
	*ret = TAKE(ctx);
	return 0;
}
