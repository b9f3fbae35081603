/*
 * tests/unit/tls/pair.h — certificates made by the test itself, and two TLS ends joined in memory:
 * engine with engine, or engine with a bare OpenSSL object as a peer that nobody here wrote.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/rd.h"
#include "tls/cert.h"
#include "tls/ctx.h"
#include "tls/engine.h"
#include "tls/limits.h"

#define NOW 1800000000 /* 2027-01-15: the time at which certificates are made and judged */
#define DAY 86400

/* ---- a folder that goes away with the test ---- */

static char test_dir[64];

static inline int make_test_dir(void **state)
{
	strcpy(test_dir, "/tmp/culvert-tls-XXXXXX");
	return mkdtemp(test_dir) ? 0 : -1;
}

static inline int remove_test_dir(void **state)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", test_dir);
	return system(cmd);
}

/* Paths live in a ring of static buffers: enough for one expression. */
static inline const char *in_dir(const char *name)
{
	static char paths[16][128];
	static unsigned next;
	char *p = paths[next++ % 16];

	snprintf(p, sizeof(paths[0]), "%s/%s", test_dir, name);
	return p;
}

/* ---- certificates with any fault wanted ---- */

struct made {
	X509 *x;
	EVP_PKEY *key;
};

struct wish {
	const char *cn,
		*san;    /* san in OpenSSL's words: "DNS:a.test,IP:192.0.2.1"; NULL: no extension */
	const char *eku; /* NULL: no extension */
	const char *ku;
	int64_t from, to; /* 0: around NOW */
	bool ca, ec;
	unsigned rsa_bits;         /* 0: 2048 */
	const struct made *issuer; /* NULL: itself */
	const EVP_MD *md;
};

static inline void add_ext(X509 *x, int nid, const char *value)
{
	X509V3_CTX v3;
	X509_EXTENSION *e;

	if (!value)
		return;
	X509V3_set_ctx(&v3, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	assert_non_null(e);
	assert_true(X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

static inline struct made make(struct wish w)
{
	static long serial = 1;
	unsigned bits = w.rsa_bits ? w.rsa_bits : 2048;
	struct made m = {X509_new(), w.ec ? EVP_EC_gen("P-256") : EVP_RSA_gen(bits)};
	X509_NAME *name = X509_get_subject_name(m.x);

	X509_set_version(m.x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(m.x), serial++);
	X509_NAME_add_entry_by_NID(
		name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)w.cn, -1, -1, 0);
	X509_set_issuer_name(m.x, w.issuer ? X509_get_subject_name(w.issuer->x) : name);
	ASN1_TIME_set(X509_getm_notBefore(m.x), w.from ? w.from : NOW - DAY);
	ASN1_TIME_set(X509_getm_notAfter(m.x), w.to ? w.to : NOW + 30 * DAY);
	X509_set_pubkey(m.x, m.key);
	add_ext(m.x, NID_basic_constraints, w.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_ext(m.x, NID_subject_alt_name, w.san);
	add_ext(m.x, NID_ext_key_usage, w.eku);
	add_ext(m.x, NID_key_usage, w.ku);
	assert_true(X509_sign(m.x, w.issuer ? w.issuer->key : m.key, w.md ? w.md : EVP_sha256()));
	return m;
}

static inline void made_done(struct made *m)
{
	X509_free(m->x);
	EVP_PKEY_free(m->key);
}

/* The files NAME.crt (leaf, then more if given) and NAME.key. */
static inline void write_made(const char *name, const struct made *leaf, const struct made *more)
{
	char file[64];
	FILE *f;

	snprintf(file, sizeof(file), "%s.crt", name);
	f = fopen(in_dir(file), "w");
	assert_non_null(f);
	PEM_write_X509(f, leaf->x);
	if (more)
		PEM_write_X509(f, more->x);
	fclose(f);
	snprintf(file, sizeof(file), "%s.key", name);
	f = fopen(in_dir(file), "w");
	assert_non_null(f);
	PEM_write_PrivateKey(f, leaf->key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

/* ---- contexts ---- */

static inline struct tls_ctx *server_of(const char *crt, const char *key)
{
	struct tls_pair pair = {in_dir(crt), in_dir(key), NULL};
	struct tls_failure f = {0};
	struct tls_ctx *ctx = NULL;
	int r = tls_server_ctx_new(
		&(struct tls_server_opts){.pairs = &pair, .n_pairs = 1}, &ctx, &f);

	if (r < 0)
		fail_msg("%s: %d %s", crt, f.event, f.text);
	return ctx;
}

static inline struct tls_ctx *client_of(struct tls_client_opts opts)
{
	struct tls_failure f = {0};
	struct tls_ctx *ctx = NULL;

	if (tls_client_ctx_new(&opts, &ctx, &f) < 0)
		fail_msg("%d %s", f.event, f.text);
	return ctx;
}

/* ---- two engines ---- */

struct pair {
	struct tls *server, *client;
	uint8_t got[2]
		   [256 * 1024]; /* plaintext that arrived: [0] at the server, [1] at the client */
	size_t n[2];
	ssize_t end[2]; /* what the last tls_read() said when it gave no octets */
	size_t chunk;   /* ciphertext is handed over in pieces of this size; 0: all at once */
};

static inline struct pair *pair_new(
	struct tls_ctx *server, struct tls_ctx *client, const char *host)
{
	struct tls_peer_opts peer = {.host = host, .verify_at_s = NOW};
	struct pair *p = test_calloc(1, sizeof(*p));

	assert_int_equal(tls_new(server, NULL, &p->server), 0);
	assert_int_equal(tls_new(client, &peer, &p->client), 0);
	return p;
}

static inline void pair_free(struct pair *p)
{
	tls_free(p->server);
	tls_free(p->client);
	test_free(p);
}

static inline void pair_read(struct pair *p, int end)
{
	struct tls *t = end ? p->client : p->server;
	ssize_t n;

	while ((n = tls_read(t, p->got[end] + p->n[end], sizeof(p->got[end]) - p->n[end])) > 0)
		p->n[end] += (size_t)n;
	p->end[end] = n;
}

/* One end's output to the other; true if there was any. */
static inline bool pair_carry(struct pair *p, int to)
{
	struct buf *out = tls_output(to ? p->server : p->client);
	size_t n = buf_len(out), chunk = p->chunk ? p->chunk : n;

	for (size_t at = 0; at < n; at += chunk) {
		size_t len = n - at < chunk ? n - at : chunk;
		uint8_t *copy = test_malloc(len); /* so that a read past it is found */

		memcpy(copy, buf_data(out) + at, len);
		tls_recv(to ? p->client : p->server, copy, len);
		pair_read(p, to);
		test_free(copy);
	}
	buf_consume(out, n);
	return n > 0;
}

static inline void pair_run(struct pair *p)
{
	bool any;

	pair_read(p, 1);
	do {
		any = pair_carry(p, 0);
		any = pair_carry(p, 1) || any;
	} while (any);
}

/* ---- a bare OpenSSL client or server as the stranger ---- */

struct stranger {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* memory BIOs; owned by ssl */
	bool server;
};

static inline struct stranger stranger_new(int min, int max)
{
	struct stranger s = {.ctx = SSL_CTX_new(TLS_method())};

	SSL_CTX_set_min_proto_version(s.ctx, min);
	SSL_CTX_set_max_proto_version(s.ctx, max);
	SSL_CTX_set_cipher_list(s.ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_session_cache_mode(s.ctx, SSL_SESS_CACHE_CLIENT);
	return s;
}

/* A server that loads what ours would refuse, and has sessions and tickets as servers commonly do. */
static inline struct stranger stranger_server(const char *crt, const char *key, int min, int max)
{
	struct stranger s = stranger_new(min, max);

	s.server = true;
	assert_int_equal(SSL_CTX_use_certificate_chain_file(s.ctx, in_dir(crt)), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(s.ctx, in_dir(key), SSL_FILETYPE_PEM), 1);
	SSL_CTX_set_session_id_context(s.ctx, (const uint8_t *)"x", 1);
	SSL_CTX_set_session_cache_mode(s.ctx, SSL_SESS_CACHE_SERVER);
	return s;
}

/* A new connection of the same stranger (so that it can show a session it saved). */
static inline void stranger_dial(struct stranger *s)
{
	SSL_free(s->ssl);
	s->ssl = SSL_new(s->ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	SSL_set_bio(s->ssl, s->in, s->out);
	if (s->server)
		SSL_set_accept_state(s->ssl);
	else
		SSL_set_connect_state(s->ssl);
}

static inline void stranger_done(struct stranger *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
}

/* What waits at either end goes to the other, until nothing waits. The engine's text goes to `got`. */
static inline ssize_t stranger_run(struct stranger *s, struct tls *t, void *got, size_t cap)
{
	ssize_t n, end = tls_read(t, got, 0);
	size_t at = 0;
	bool any;

	do {
		uint8_t wire[65536];
		int len;

		any = false;
		if (!SSL_is_init_finished(s->ssl))
			SSL_do_handshake(s->ssl);
		while ((len = BIO_read(s->out, wire, sizeof(wire))) > 0) {
			any = true;
			tls_recv(t, wire, (size_t)len);
			while ((n = tls_read(t, (uint8_t *)got + at, cap - at)) > 0)
				at += (size_t)n;
			end = n;
		}
		if (buf_len(tls_output(t))) {
			any = true;
			BIO_write(s->in, buf_data(tls_output(t)), (int)buf_len(tls_output(t)));
			buf_consume(tls_output(t), buf_len(tls_output(t)));
		}
	} while (any);
	ERR_clear_error();
	return at ? (ssize_t)at : end;
}
