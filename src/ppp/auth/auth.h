// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/auth/auth.h — one authentication exchange, either side, whatever the method.
 *
 * Each method is a row: how LCP's option 3 names it and what it does when it starts, hears a packet,
 * must send again, has a verdict. The server's side does not check a proof: it fills a `struct proof` and
 * waits for a verdict; EAP's also for another Request.
 *
 * Secrets: auth_done() wipes everything.
 */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/credentials.h"
#include "ppp/budget.h"
#include "ppp/draw.h"
#include "ppp/fault.h"
#include "ppp/frame.h"

enum auth_stage {
	AUTH_IDLE,
	AUTH_WAITING, /* for the peer's packet */
	AUTH_JUDGING, /* server: proof is filled, the verdict outstanding */
	AUTH_PASSED,
	AUTH_DENIED,
};

struct auth;
struct chap_change;
struct eap_carrier;
struct eap_peer;

struct auth_scheme {
	enum auth_method method;
	const char *name;
	uint16_t protocol;
	uint8_t option_data[1]; /* behind the protocol in LCP's option 3 */
	size_t option_data_len;
	void (*start)(struct auth *a, uint64_t now_ms);
	void (*on_packet)(struct auth *a, const struct ppp_packet *packet, uint64_t now_ms);
	void (*resend)(struct auth *a); /* the timer ran out: say the last thing again */
	void (*conclude)(struct auth *a, const struct verdict *v); /* server */
	void (*end)(struct auth *a); /* frees what it holds; NULL: nothing */
	const struct chap_algorithm *chap;
};

/* The client's own secrets. */
struct auth_secrets {
	char *user, *password;
	size_t user_len, password_len;
};

struct auth {
	const struct auth_scheme *scheme; /* NULL before LCP is Opened */
	bool server;
	const char *name; /* the server's */
	const struct auth_secrets *secrets;
	struct draw *draw;
	struct buf *queue;
	struct ppp_fault *fault;

	enum auth_stage stage;
	uint64_t deadline;
	unsigned tries;
	uint64_t first_resend_ms; /* server, CHAP: the first wait for a Response; 3 s or less */
	uint64_t resend_ms;       /* the wait that runs */
	uint8_t identifier;       /* of the Challenge (CHAP) or Request (PAP) */

	/* Server. */
	struct proof *proof; /* from the peer's packet to the verdict; else NULL */
	uint8_t reply_code,
		reply_identifier; /* the verdict as it was sent; repeated when asked again */
	uint8_t reply[CHAP_MESSAGE_MAX];
	size_t reply_len;

	/* CHAP: the Challenge in hand; client: with the answer given to it. */
	uint8_t challenge[255], challenge_len;
	bool responded;
	bool concluded; /* client: the Response has its verdict; one that comes again is not looked at */
	struct budget challenges; /* client */
	uint8_t peer_challenge[16], nt_hash[16], nt_response[24];

	/* Server, MS-CHAPv2: the last Failure allows a Change-Password (chap.c). NULL: it does not. */
	struct chap_change *change;

	/* EAP. */
	uint16_t mtu;            /* the longest packet that the peer takes; 0: any */
	struct eap_peer *peer;   /* client: its methods; the owner's */
	struct eap_carrier *eap; /* eap.c; NULL: the exchange has not begun, or is over */

	bool has_hlak; /* it stays that of the first authentication: the binding is made from it */
	uint8_t hlak[HLAK_LEN];
};

/* schemes.c */
const struct auth_scheme *auth_scheme_of_method(enum auth_method method); /* NULL: none such */
/* By the value of an Authentication-Protocol option. */
const struct auth_scheme *auth_scheme_of_option(struct rd value);

/* queue … fault are shared with the other parts of the end, secrets are the client's. */
void auth_init(struct auth *a, bool server, const char *name, const struct auth_secrets *secrets,
	struct draw *draw, struct buf *queue, struct ppp_fault *fault);
void auth_done(struct auth *a);
void auth_start(struct auth *a, const struct auth_scheme *scheme, uint64_t now_ms);
void auth_recv(struct auth *a, const struct ppp_packet *packet, uint64_t now_ms);
void auth_tick(struct auth *a, uint64_t now_ms);
/* Server: sends Success or Failure, wipes the proof. */
void auth_conclude(struct auth *a, const struct verdict *v);

/* For the methods. */
void auth_send(struct auth *a, uint8_t code, uint8_t identifier, const void *body, size_t n);
void auth_reply(
	struct auth *a, uint8_t code, uint8_t identifier, const void *body, size_t n); /* kept */
void auth_repeat_reply(struct auth *a);
void auth_wait(struct auth *a, uint64_t now_ms, uint64_t ms);
void auth_proven(struct auth *a, enum auth_stage stage); /* the exchange ends here */
/*
 * Server: this is the proof from now on, and its end. NULL: no memory; the packet counts as lost.
 */
struct proof *auth_keep_proof(struct auth *a, const struct proof *proof);
void auth_drop_proof(struct auth *a); /* wipes */
/* Server: -EMSGSIZE when the name does not fit. */
int auth_set_user(struct auth *a, const void *user, size_t n);
/* Server: refuses without a verdict. */
void auth_refuse(struct auth *a, const char *why);
/* The event for an E= number of RFC 2759 section 6, and the number in words. */
enum event auth_error_event(unsigned error);
const char *auth_error_words(unsigned error);
