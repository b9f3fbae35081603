// SPDX-License-Identifier: Apache-2.0
/*
 * eap/peer.h — the EAP methods of a client, behind the carrier (ppp/eap_peer.h): which of them is run, and
 * the Nak for those that are not wanted. No I/O: packets go in and out.
 *
 *     eap_client_new(&opts, &peer);  tunnel_opts.eap = peer;  …  eap_client_free(peer);
 *
 * One peer serves one tunnel after another: each server begins with a first Request, which starts its
 * method from the beginning.
 *
 * Ownership: opts are copied; the peer holds a reference to tls.
 * Threads:   one at a time.
 * Secrets:   eap_client_free() wipes password and keys.
 */
#pragma once
#include <stdbool.h>

#include "base/auto.h"
#include "base/credentials.h"
#include "ppp/eap_peer.h"

#define EAP_CLIENT_TYPES_MAX 4

struct tls_ctx;

struct eap_client_opts {
	const char *user;
	const char *password;                /* NULL: none; type 4 and 26 are not run then */
	uint8_t types[EAP_CLIENT_TYPES_MAX]; /* enum eap_type, most wanted first */
	size_t n_types;
	/*
	 * The server says that the password has expired: fills in the next one. 0, or negative: the login
	 * ends. It may ask a person; the server waits meanwhile. NULL: never.
	 */
	int (*new_password)(void *arg, char ret[static PAP_PASSWORD_MAX + 1]);
	void *arg;
	/* Types 13 and 25: a client's context that is `inner`, and the name that the server's
	 * certificate must have. NULL: these types are not run. */
	struct tls_ctx *tls;
	bool has_certificate;  /* tls has one of ours: EAP-TLS inside PEAP may be run */
	const char *tls_host;  /* copied */
	bool binding_optional; /* type 25: a server may send no crypto binding */
	void (*random)(void *ret, size_t n); /* NULL: crypto_random() */
};

/* -EINVAL: no type, or one that is not known here. */
int eap_client_new(const struct eap_client_opts *opts, struct eap_peer **ret);
void eap_client_free(struct eap_peer *peer); /* NULL is fine */
DEFINE_AUTO(eap_client, struct eap_peer *, eap_client_free)
