// SPDX-License-Identifier: Apache-2.0
/*
 * tls/ca.h — a certificate authority for users: its root, the certificates that it issues, and the
 * PKCS#12 files in which Windows takes them. Octets in, octets out; no file is touched.
 *
 * Ownership: a blob belongs to the caller; ca_blob_free() wipes it.
 * Errors:    negative errno; *ret_failure (may be NULL) has the event and the words.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "tls/failure.h"

enum ca_key { CA_P256, CA_RSA }; /* RSA: 3072 bits for the authority, 2048 for users */

#define CA_ROOT_DAYS 3650
#define CA_USER_DAYS 730
#define CA_DAYS_MAX 36500
#define CA_NAME_MAX 64                /* octets; RFC 5280, ub-common-name */
#define CA_SERIAL_LEN 64              /* hexadecimal digits, upper case, and a zero */
#define CA_FILE_MAX (1U << 20)        /* octets of a certificate file that is read */
#define CA_P12_ITERATIONS 50000       /* of our own files */
#define CA_P12_ITERATIONS_MAX 5000000 /* of others': more is a trap for the reader */

struct ca_blob {
	uint8_t *p;
	size_t n;
};

void ca_blob_free(struct ca_blob *b);
static inline void ca_blob_freep(struct ca_blob *b)
{
	ca_blob_free(b);
}
#define AUTO_CA_BLOB __attribute__((cleanup(ca_blob_freep))) struct ca_blob

struct ca_root_opts {
	const char *name; /* common name, 1 to CA_NAME_MAX octets of UTF-8 */
	enum ca_key key;
	unsigned days; /* 0: CA_ROOT_DAYS */
	int64_t now_s;
};

/* The certificate in DER, and its key in DER. */
int ca_make_root(const struct ca_root_opts *opts, struct ca_blob *ret_cert, struct ca_blob *ret_key,
	struct tls_failure *ret_failure);

struct ca_issue_opts {
	struct octets ca_cert, ca_key; /* DER */
	const char *user;              /* the common name (cut at CA_NAME_MAX), and SAN UPN */
	const char *email;             /* SAN rfc822Name; NULL: the user's name when it has an @ */
	enum ca_key key;
	unsigned days; /* 0: CA_USER_DAYS; never longer than the authority's own life */
	int64_t now_s;
};

/* EKU clientAuth. -EKEYREJECTED: the key is not that of the authority. */
int ca_issue(const struct ca_issue_opts *opts, struct ca_blob *ret_cert, struct ca_blob *ret_key,
	struct tls_failure *ret_failure);

/*
 * AES-256-CBC with PBKDF2 and an HMAC-SHA256, which Windows reads since 10 version 1709 and Server
 * 2019; `old`: 3DES and SHA-1, which every Windows reads.
 */
struct ca_p12_opts {
	struct octets cert, key, ca_cert; /* DER */
	const char *name;                 /* shown by the machine that takes it */
	const char *password;             /* UTF-8 */
	bool old;
};
int ca_pkcs12(const struct ca_p12_opts *opts, struct ca_blob *ret, struct tls_failure *ret_failure);

/* What a certificate says. */
struct ca_cert_info {
	char serial[CA_SERIAL_LEN];
	char subject[128];         /* common name, or the whole name */
	char issuer[300];          /* the whole name, "/CN=…" */
	char subject_dn[300];      /* likewise */
	char upn[257], email[257]; /* the first of each in the subjectAltName; "": none */
	int64_t not_before_s, not_after_s;
	uint8_t sha1[SHA1_LEN], sha256[SHA256_LEN];
	bool ca;          /* it may issue certificates */
	bool client_auth; /* EKU clientAuth, any, or no EKU at all */
	char key[16];
};
int ca_cert_info(struct octets der, struct ca_cert_info *ret);

/*
 * The one certificate in a file's octets as DER: PEM, DER, or Base64 without the PEM lines, as the
 * Azure portal shows it. -EINVAL; -E2BIG: there are several.
 */
int ca_read_cert(struct octets file, struct ca_blob *ret_der, struct tls_failure *ret_failure);

struct peer_cert;
/* With thumbprints, serial number, subject and end; `anchor` is the caller's. -EINVAL, -E2BIG. */
int ca_peer_cert(struct octets der, struct peer_cert **ret);
