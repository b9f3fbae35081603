// SPDX-License-Identifier: Apache-2.0
/*
 * tls/private.h — shared by the files of this folder only; the one header with <openssl/ssl.h>.
 */
#pragma once
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>

#include "base/rd.h"
#include "tls/anchors.h"
#include "tls/cert.h"
#include "tls/ctx.h"
#include "tls/engine.h"
#include "tls/identity.h"
#include "tls/limits.h"
#include "tls/record.h"

struct tls_pin {
	uint8_t sha256[SHA256_LEN]; /* of the SubjectPublicKeyInfo */
};

/* A server's certificates for the same names, one of each kind of key (choose.c). */
struct tls_set {
	SSL_CTX *ssl;
	struct tls_shown {
		X509 *leaf;
		char kind[4];
		unsigned char *staple; /* NULL: none */
		size_t staple_len;
		int64_t staple_until_s; /* wall clock; 0: it does not say */
	} shown[TLS_KINDS];
	size_t n;
};

struct tls_ctx {
	atomic_uint refs;
	bool server;
	SSL_CTX *ssl; /* a server's is that of the first set */
	struct tls_set sets[TLS_PAIRS_MAX];
	size_t n_sets;
	BIO_METHOD *bio; /* reads from tls.in, writes to tls.out */
	tls_keylog_fn *keylog;
	void *keylog_arg;
	uint64_t records_per_key;
	bool insecure, own_ca;
	bool probe; /* OpenSSL stays after the handshake: it knows the chain and sees tickets */
	struct tls_anchors *anchors; /* server: clients must show a certificate of these; or NULL */
	struct tls_pin pins[TLS_PINS_MAX];
	size_t n_pins;
};

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_PEER_CLOSED, TLS_FAILED };

struct tls {
	struct tls_ctx *ctx;
	SSL *ssl;
	struct rd in; /* given to tls_recv(), not yet taken by OpenSSL */
	struct buf out;
	enum tls_state state;
	bool closed;       /* we sent close_notify */
	bool unread;       /* tls_read() has not said yet that it is over, or filled its room */
	bool short_output; /* an answer found no room in out */
	uint8_t alert;     /* fatal alert received, 0xff: none */
	uint16_t offered;  /* server: the newest version in the ClientHello; 0: none yet */
	uint8_t first[8], n_first; /* the very first octets: what is it, if not TLS? */
	char *host;
	int64_t verify_at_s;
	uint64_t records; /* sealed since the last key change */
	struct tls_failure failure;
	struct tls_failure *problems; /* made by verify.c, TLS_PROBLEMS_MAX of them */
	size_t n_problems;
	bool distrusted; /* something is wrong with the server's certificate */

	/* engine.c: the handshake is fed one record at a time */
	uint8_t header[RECORD_HEADER_LEN], n_header; /* of the record that begins */
	uint16_t record_left;                        /* octets of it still to come */

	/* traffic.c: TLS 1.3 after the handshake; ssl is NULL then */
	struct record *record; /* NULL: OpenSSL does it (TLS 1.2, or a suite we do not know) */
	struct record_secret secrets[3]; /* of client and server, until they are used; exporter */
	uint8_t message[4], n_message;   /* header of a handshake message under way */
	uint32_t message_left;
	uint8_t empty_records; /* and others without data, in a row */
	uint8_t messages;      /* taken, less those that data has earned back (TLS_MESSAGES_MAX) */
	uint8_t data_records;  /* since the last one that was */
	struct buf aside;      /* text of a record that the caller had no room for */
	X509 *leaf;
	struct tls_info info;
	char sni[256];

	bool resumable, client_cert_wanted; /* probe.c */
	bool crl_missing, crl_stale;        /* anchors.c: of the leaf's issuer */
	size_t anchor;                      /* the one that its chain leads to */
};

/* bio.c */
BIO_METHOD *tls_bio_method(void);

/* info.c */
X509 *tls_leaf(const struct tls *t);
bool tls_is_address(const char *host);

/* choose.c: which certificate a client is shown. */
const char *tls_kind_of(const struct cert_info *info);
/* The set for these names, NULL: none yet; *ret_taken: it has a certificate of this kind already. */
struct tls_set *tls_set_for(struct tls_ctx *ctx, const struct cert_info *info, bool *ret_taken);

/*
 * staple.c: an OCSP response for s->leaf. One that is about another certificate, or not in its time,
 * is left out: 0, and *ret_note says why (EV_NONE: it is stapled).
 */
int tls_load_staple(struct tls_shown *s, const char *file, struct tls_failure *ret_failure,
	struct tls_failure *ret_note);
bool tls_staple_is_current(const struct tls_shown *s); /* there, and not past its end */

void tls_choose_on(struct tls_ctx *ctx);
void tls_sets_done(struct tls_ctx *ctx);

/* traffic.c: after the handshake, TLS 1.3. */
void traffic_note_secret(struct tls *t, const char *keylog_line);
void traffic_start(struct tls *t); /* leaves t->record NULL when OpenSSL has to go on */
size_t traffic_read(struct tls *t, uint8_t *buf, size_t cap);
bool traffic_pending(const struct tls *t);
int traffic_write(struct tls *t, const uint8_t *octets, size_t n);
int traffic_write_empty(struct tls *t);
int traffic_export(const struct tls *t, const char *label, uint8_t *ret, size_t n);
void traffic_close(struct tls *t);
void traffic_idle(struct tls *t);
void traffic_done(struct tls *t);

/* failure.c: names the fault in OpenSSL's error queue, an alert or the first octets. */
void tls_fail_from_queue(struct tls *t);
void tls_fail_from_alert(struct tls *t); /* t->alert */
void tls_info_callback(const SSL *ssl, int where, int ret);
int tls_client_hello_callback(SSL *ssl, int *alert, void *arg);
const char *tls_error_text(char *ret, size_t cap); /* OpenSSL's error queue in words */
int tls_open_error(void); /* why a file could not be opened, as a negative errno */

/* verify.c: the client's judgement on the server's certificate. */
int tls_verify_server(X509_STORE_CTX *sctx, void *arg);

/* identity.c */
int tls_identity_use(SSL_CTX *c, struct tls_identity *i);

/* anchors.c: the server's judgement on a client's certificate. */
int tls_anchors_use(SSL_CTX *c, struct tls_anchors *a);

/* cert.c */
int cert_spki_sha256(const X509 *x, uint8_t ret[static SHA256_LEN]);
void cert_names_text(const X509 *x, char *ret, size_t cap);
void cert_info_fill(X509 *x, struct cert_info *ret);
void cert_time_text(const ASN1_TIME *at, char *ret, size_t cap);
