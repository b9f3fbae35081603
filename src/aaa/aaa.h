// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/aaa.h — who may enter, and with what: a conversation for each connection.
 *
 *     r = aaa_begin(aaa, &facts, &c);
 *     n = aaa_methods(c, methods);                 // what LCP may offer
 *     r = aaa_feed(c, &input);                     // -EAGAIN: too many wait; answer AUTH_FAILED
 *     static void on_answer(void *owner, const struct aaa_answer *a)    // on the owner's thread
 *     { CHALLENGE: send a->challenge and feed what comes back; ACCEPT: a->grant; REJECT: a->code }
 *     aaa_end(c);                                  // at any time
 *
 * What the peer learns is in keys, code and message: a wrong password and an unknown user look the
 * same and take the same time; that a user is disabled (647) or expired (648) is said only after the
 * right password. What the admin learns is in `event` (41xx) and `detail`.
 *
 * Users are looked up without DOMAIN\ and regardless of case; the hash is taken over the name as
 * sent (RFC 2759 section 8.2).
 *
 * Ownership: the creator owns the conversation until aaa_end(), after which done() is not called any
 *            more. Memory that a look-up still uses is freed when its answer arrives in the mailbox,
 *            which outlives it; no session waits. An answer lives until done() returns; a grant that
 *            is kept longer is referenced.
 * Threads:   a conversation belongs to the thread that takes letters out of reply_to.
 * Secrets:   proofs and keys are wiped when done() has returned.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "aaa/grant.h"
#include "base/auto.h"
#include "base/credentials.h"
#include "base/eap.h"
#include "base/mailbox.h"
#include "events/event.h"

#define AAA_CHALLENGE_MAX EAP_PACKET_MAX
#define AAA_AUTH_RESPONSE_LEN 43
#define AAA_EAP_TYPES 8

struct aaa;
struct eap_anchors;
struct radius;
struct radius_classes;
struct peer_cert;
struct tls_ctx;
struct aaa_conversation;
struct aaa_judge;
struct store;

struct aaa_opts {
	struct store *store;           /* local users; outlives the aaa */
	const struct aaa_judge *judge; /* NULL: the one of judge.h */
	struct radius *radius;         /* NULL: there is none; outlives the aaa */
};

int aaa_new(const struct aaa_opts *opts, struct aaa **ret);
void aaa_free(struct aaa *aaa); /* every conversation has ended, every letter has come */
DEFINE_AUTO(aaa, struct aaa *, aaa_free)

/* What RADIUS servers learn of a connection. */
struct aaa_connection {
	struct endpoint peer;
	char called[64];    /* the server's name or address; "": not known */
	char interface[16]; /* the TUN device */
	char session[24];   /* Acct-Session-Id: no other session has had it, restarts included */
	uint32_t port;
};

/* Who knows users; in the order of auth.sources, each once, AAA_RADIUS last. */
enum aaa_source { AAA_LOCAL, AAA_RADIUS, AAA_SOURCES };

/* Of the connection; copied. */
struct aaa_facts {
	enum aaa_source sources[AAA_SOURCES];
	size_t n_sources; /* 0: AAA_LOCAL alone */
	bool pass_eap;    /* EAP goes on to RADIUS */
	struct aaa_connection connection;
	const enum auth_method *methods; /* that the configuration allows, most wanted first */
	size_t n_methods;
	/* Of EAP: enum eap_type, most wanted first. */
	uint8_t eap_types[AAA_EAP_TYPES];
	size_t n_eap_types;
	const char *name;            /* the server's, in challenges; outlives the conversation */
	struct tls_ctx *eap_tls;     /* for EAP-TLS; referenced; NULL: not served */
	struct eap_anchors *anchors; /* likewise */
	struct tls_ctx *eap_peap;    /* for PEAP; likewise */
	struct mailbox *reply_to;
};

enum aaa_outcome { AAA_REJECT, AAA_ACCEPT, AAA_CHALLENGE };

struct aaa_keys {
	uint8_t hlak[HLAK_LEN];                    /* zeros for methods that yield no key */
	char auth_response[AAA_AUTH_RESPONSE_LEN]; /* MS-CHAPv2: "S=…" with a zero */
};

struct aaa_answer {
	enum aaa_outcome outcome;
	/*
	 * EV_AUTH_ACCEPTED, or why not. With a challenge: EV_NONE, or why the last proof was wrong; the
	 * challenge says so to the peer, and a rejection with the same event follows.
	 */
	enum event event;
	char detail[400];             /* "user=alice method=mschapv2", for log and record */
	char user[USER_NAME_MAX + 1]; /* the name as the admin spells it; unknown users: as sent */
	/* AAA_CHALLENGE: for the peer; the next input has its response. */
	uint8_t challenge[AAA_CHALLENGE_MAX];
	size_t challenge_len;
	/* AAA_ACCEPT */
	int64_t user_id; /* for leases and records */
	struct aaa_keys keys;
	struct grant *grant;
	bool password_changed;
	struct peer_cert *cert; /* by which the user was accepted; NULL: none */
	bool by_radius;
	struct radius_classes *classes; /* of RADIUS; NULL: none */
	/* AAA_REJECT */
	enum auth_error code;
	char message[128]; /* shown to the peer; may be empty */
	bool final;        /* no further proof is judged in this conversation */
};

/* One step of the peer's. */
struct aaa_input {
	const struct proof *proof; /* copied, with EAP's packet */
	struct grant *defaults; /* what the configuration grants now; referenced; NULL: nothing */
	void (*done)(void *owner, const struct aaa_answer *answer);
	void *owner;
};

int aaa_begin(struct aaa *aaa, const struct aaa_facts *facts, struct aaa_conversation **ret);
/* Of the methods in the facts those that can be judged, in the same order. */
size_t aaa_methods(const struct aaa_conversation *c, enum auth_method ret[static AUTH_METHODS]);
/*
 * One at a time; done() comes later, never before this returns. -EBUSY: an answer is outstanding, or
 * the last one was final; -EAGAIN: too many wait. On failure done() is not called.
 */
int aaa_feed(struct aaa_conversation *c, const struct aaa_input *input);
void aaa_end(struct aaa_conversation *c); /* NULL is fine; also inside done() */
