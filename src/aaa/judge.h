// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/judge.h — is the proof right, and what follows from it: keys, or what to say. Pure functions of
 * a proof and of what the store knows about the user.
 *
 * Secrets: the caller wipes a judgement.
 */
#pragma once
#include "aaa/aaa.h"
#include "store/limits.h"

struct db_login;

struct judge_case {
	const struct proof *proof;
	/* All zeros with `known` false: no such user. The same work is done for it. */
	const struct db_login *login;
	bool known;
	bool needs_code; /* a second factor: aaa/policy.h */
	unsigned round;  /* inputs of this conversation before this one */
	int64_t now_s;   /* since 1970 */
};

struct judgement {
	enum aaa_outcome outcome;
	enum event event;
	enum auth_error code;
	const char *message; /* for the peer; static text */
	struct aaa_keys keys;
	int64_t totp_step; /* whose code was right; it counts once (db_totp_use()). 0: none was asked for */
	uint8_t challenge[AAA_CHALLENGE_MAX];
	size_t challenge_len;
};

/* A method of authentication is a judge's affair: which it knows, and how it judges a proof. */
struct aaa_judge {
	bool (*serves)(enum auth_method method);
	void (*judge)(const struct judge_case *c, struct judgement *ret);
};

/* PAP, CHAP-MD5 and MS-CHAPv2. */
extern const struct aaa_judge judge_of_passwords;

/* The proof is a certificate that was checked before (aaa/eap/tls.c): only its user is in question. */
bool judge_is_certificate(const struct proof *proof);
/* Whether there is such a user, for EAP's Identity: AAA_CHALLENGE; else EV_AUTH_UNKNOWN_USER. */
extern const struct aaa_judge judge_of_presence;

/*
 * A Change-Password (RFC 2759 7): EV_AUTH_ACCEPTED with the new password and the keys that follow from
 * it, or why not. The caller wipes both.
 */
enum event judge_change(const struct judge_case *c,
	char ret_password[static STORE_PASSWORD_MAX + 1], struct aaa_keys *ret_keys);
/* A rejection for `event`: its code and its words for the peer. */
void judge_reject(enum event event, struct judgement *ret);
/*
 * What log, record and the option ppp.auth call the method of a proof: pap, chap, mschapv2, eap-md5,
 * eap-mschapv2, eap-tls, eap-peap; "eap": a packet of no method yet; "other".
 */
const char *judge_method_word(const struct proof *proof);
