// SPDX-License-Identifier: Apache-2.0
/*
 * base/peer_cert.h — the certificate by which a user was accepted, as long as the session lives: it
 * distinguishes devices of one user, and a revocation is compared with it.
 *
 * Shown, as its readers (records, `culvert sessions`, the check after a reload) are the point of it. It
 * does not change once it was handed out.
 *
 * Ownership: counted; the last peer_cert_unref() frees.
 * Threads:   peer_cert_ref() and peer_cert_unref() any.
 */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

#define PEER_CERT_MAX 16384 /* octets of DER that are kept */

struct peer_cert {
	atomic_uint refs;
	uint8_t sha1[20], sha256[32]; /* thumbprints: of the DER */
	int64_t not_after_s;
	char serial[64];   /* hexadecimal, upper case */
	char subject[128]; /* common name, or the whole name */
	char anchor[64];   /* the authority by which it was accepted */
	size_t n;
	uint8_t der[];
};

/* With one reference and a copy of the octets; the maker fills in the rest. -E2BIG, -ENOMEM. */
int peer_cert_new(const void *der, size_t n, struct peer_cert **ret);
struct peer_cert *peer_cert_ref(struct peer_cert *c);
void peer_cert_unref(struct peer_cert *c); /* NULL is fine */
DEFINE_AUTO(peer_cert, struct peer_cert *, peer_cert_unref)
