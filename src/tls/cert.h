// SPDX-License-Identifier: Apache-2.0
/*
 * tls/cert.h — certificates as files: making self-signed ones, and reading what is in one.
 *
 * A generated certificate is a self-signed leaf, not the child of a private CA: Windows would want
 * to ask that CA for revocation and could not. Clients trust the leaf itself, or pin its key.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "tls/failure.h"

enum cert_key {
	CERT_RSA_2048,
	CERT_P256
}; /* old routers know RSA only; P-256 is ten times cheaper */

/*
 * The longest life that every platform takes: Apple's verifier refuses more than 825 days even for
 * certificates that the user trusted by hand. A renewal keeps the key (keep_key), so pins outlive it.
 */
#define CERT_DAYS 825
#define CERT_NAMES_MAX 32
#define CERT_PIN_LEN 53 /* "sha256//" and 44 of Base64 and the zero */

struct cert_opts {
	enum cert_key key;
	const char *const *names; /* host names and IP addresses; the first is the common name */
	size_t n_names;
	int64_t now_s; /* valid from a day before this, for clients whose clock is late */
	unsigned days; /* 0: CERT_DAYS */
	bool keep_key; /* use the key in key_file if there is one */
};

/*
 * Makes both files: the key 0600, the certificate 0644, each whole or not at all (written beside,
 * synced and renamed; the key first).
 */
int cert_create(const struct cert_opts *opts, const char *cert_file, const char *key_file,
	struct tls_failure *ret_failure);

struct cert_info {
	char names[512];   /* subjectAltName, "vpn.example, 192.0.2.1"; "" when it has none */
	char subject[128]; /* common name, or the whole name when it has none */
	char issuer[128];
	char issuer_dn
		[300]; /* all of the issuer's name, "/C=../O=../CN=..", cut where it is long */
	char key[16];  /* "RSA-2048", "EC P-256" */
	int64_t not_before_s, not_after_s;
	uint8_t sha1[SHA1_LEN], sha256[SHA256_LEN]; /* fingerprints: of the DER */
	char pin[CERT_PIN_LEN];
	bool self_signed;
	bool server_auth; /* usable for a server: no EKU, serverAuth, or any */
};

/*
 * Is each certificate of a chain file the issuer of the one before it? A self-signed leaf has no
 * chain: what follows it is another. -EINVAL with which is not, or as cert_info_load().
 */
int cert_chain_check(const char *file, struct tls_failure *ret_failure);
/* Is the first certificate of `file` for this host name or address, as clients judge it? */
bool cert_is_for(const char *file, const char *name);
/* Each host name and address of the first certificate, however many, as text. As cert_info_load(). */
int cert_names(const char *file, void (*each)(void *arg, const char *name), void *arg);
/* The first certificate in a PEM file. */
int cert_info_load(const char *file, struct cert_info *ret, struct tls_failure *ret_failure);
