// SPDX-License-Identifier: Apache-2.0
/*
 * tls/identity.h — a client's own certificate with its key and chain, out of PEM files or a PKCS#12 file.
 *
 * Ownership: the maker's; a TLS context takes what it needs, so the identity may go first.
 * Threads:   constant after creation.
 * Errors:    -EKEYREJECTED: a passphrase is needed and was not given, or it is wrong; else -EINVAL, -EIO …
 *            with the event and the words in *ret_failure (may be NULL).
 */
#pragma once
#include <stdbool.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "tls/failure.h"

struct tls_identity;

#define TLS_IDENTITY_FILE_MAX (1U << 20) /* octets of a file */

/* `key_file` NULL: the key is in cert_file, too. `passphrase` NULL: none. */
int tls_identity_pem(const char *cert_file, const char *key_file, const char *passphrase,
	struct tls_identity **ret, struct tls_failure *ret_failure);
/* Also what old programs wrote (RC2, 3DES). */
int tls_identity_p12(struct octets file, const char *passphrase, struct tls_identity **ret,
	struct tls_failure *ret_failure);
void tls_identity_free(struct tls_identity *i); /* NULL is fine; wipes the key */
DEFINE_AUTO(tls_identity, struct tls_identity *, tls_identity_free)

/* The name in it: UPN, e-mail address or common name; "" with none. */
void tls_identity_name(const struct tls_identity *i, char *ret, size_t cap);
