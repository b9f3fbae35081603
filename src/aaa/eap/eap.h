// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/eap/eap.h — the authenticator of EAP (RFC 3748, cut as in RFC 4137): chooses the method, runs it,
 * and ends with a key or a reason.
 *
 *     step = eap_receive(e, response, mtu);        // the first Response is the Identity
 *     SEND: eap_request() goes to the peer; feed its Response
 *     ASK:  is eap_question() right? then step = eap_judged(e, &answer)
 *     SUCCESS: eap_msk() and the answer that was accepted; FAILURE: eap_refusal()
 *
 * It does no I/O: who a user is, its owner finds out.
 *
 * Ownership: what the options point to outlives it.
 * Threads:   one at a time.
 * Secrets:   eap_free() wipes.
 */
#pragma once
#include "aaa/aaa.h"
#include "base/eap.h"
#include "base/rd.h"

/* Rounds of one login: a peer that sends its certificate in tiny pieces, or never comes to an end. */
#define EAP_ROUNDS_MAX 128

enum eap_step { EAP_STEP_SEND, EAP_STEP_ASK, EAP_STEP_SUCCESS, EAP_STEP_FAILURE };

struct eap_anchors;
struct peer_cert;
struct tls_ctx;

struct eap_method;

/* All that there are; ends with NULL. */
extern const struct eap_method *const eap_methods[];

struct eap_opts {
	const struct eap_method *const *methods; /* eap_methods */
	const uint8_t *types;                    /* enum eap_type, most wanted first */
	size_t n_types;
	const char *name; /* the server's, in challenges */
	/* EAP-TLS: a context that asks for certificates of the anchors; NULL: not served. */
	struct tls_ctx *tls;
	struct eap_anchors *anchors;
	struct tls_ctx *peap; /* one that asks for no certificate; NULL: PEAP is not served */
	void (*random)(void *ret, size_t n); /* NULL: crypto_random() */
};

struct eap_refusal {
	enum event event;
	enum auth_error code;
	char detail[160];
};

struct eap;

int eap_new(const struct eap_opts *opts, struct eap **ret);
void eap_free(struct eap *e); /* NULL is fine */
/* Can methods of this type be served with these options? */
bool eap_serves(const struct eap_opts *opts, uint8_t type);

enum eap_step eap_receive(struct eap *e, struct rd response, size_t mtu);
enum eap_step eap_judged(struct eap *e, const struct aaa_answer *answer);

size_t eap_request(const struct eap *e, const uint8_t **ret); /* SEND: the whole packet */
/* SEND: the reason, when the Request says that the proof was wrong; EV_NONE. */
enum event eap_failed(const struct eap *e);
const struct proof *eap_question(const struct eap *e);      /* ASK */
const uint8_t *eap_msk(const struct eap *e);                /* SUCCESS: EAP_MSK_LEN octets */
const struct eap_refusal *eap_refusal(const struct eap *e); /* FAILURE */
struct peer_cert *eap_certificate(const struct eap *e); /* that the client showed, or NULL; lent */
/* The method that runs: "eap-mschapv2"; "eap" before there is one. */
const char *eap_word(const struct eap *e);
