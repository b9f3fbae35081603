// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/eap/anchors.h — which user a client's certificate is of: the CAs of tls/anchors.h, each with its
 * rule. The certificate's own names decide; the Identity of EAP decides nothing.
 *
 * Ownership: counted; the maker gives the arrays away (malloc), the last eap_anchors_unref() frees them.
 * Threads:   constant after creation; ref and unref any.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/credentials.h"
#include "events/event.h"

struct tls_anchors;
struct tls_client_cert;

/* Where a certificate has its user's name; a mask, tried in this order. */
enum eap_anchor_name {
	EAP_ANCHOR_UPN = 1,
	EAP_ANCHOR_EMAIL = 2,
	EAP_ANCHOR_CN = 4,
};

/* A certificate that is one user's, whatever names are in it. */
struct eap_anchor_binding {
	bool by_sha256; /* else by issuer and serial number */
	uint8_t sha256[32];
	char issuer[300], serial[64]; /* as struct tls_client_cert has them */
	char user[USER_NAME_MAX + 1];
};

struct eap_anchor {
	char name[64];
	bool own;
	char crl_path[256]; /* file or folder of its lists; "": none */
	unsigned names;     /* 0: bound certificates only */
	char pattern[128];  /* with one * at most, compared without case; "": any name */
	bool strip;         /* the user is what the * matched, not all of the name */
	struct eap_anchor_binding *bindings;
	size_t n_bindings;
};

struct eap_anchors {
	atomic_uint refs;
	struct tls_anchors *tls; /* the same CAs in the same order; a reference */
	struct eap_anchor *item;
	size_t n;
	uint8_t (*revoked)[20]; /* SHA-1 thumbprints that are refused, sorted */
	size_t n_revoked;
};

struct eap_anchors *eap_anchors_ref(struct eap_anchors *a);
void eap_anchors_unref(struct eap_anchors *a); /* NULL is fine */
DEFINE_AUTO(eap_anchors, struct eap_anchors *, eap_anchors_unref)

struct peer_cert;
/*
 * May a session that came in by this certificate, as this user, go on with these? EV_NONE, or
 * EV_AUTH_CERT_REVOKED, EV_AUTH_CERT_UNKNOWN_CA, EV_AUTH_CERT_NO_NAME (it is another user's now, or no
 * one's). `a` NULL: there are no authorities any more.
 */
enum event eap_anchors_recheck(
	const struct eap_anchors *a, const struct peer_cert *cert, const char *user);
/* EV_NONE and the user's name; else why not: EV_AUTH_CERT_REVOKED, EV_AUTH_CERT_NO_NAME. */
enum event eap_anchors_user(const struct eap_anchors *a, const struct tls_client_cert *cert,
	char ret_user[static USER_NAME_MAX + 1]);
