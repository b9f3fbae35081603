// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/auth.h — one login through RADIUS, as many rounds as it takes: a proof goes out as
 * Access-Request, the answer becomes a struct aaa_answer. Inside aaa/ and for `culvert radius
 * test`.
 *
 * Keys: HLAK = MS-MPPE-Recv-Key | MS-MPPE-Send-Key, cut at 32 octets: 16 and 16 of MS-CHAPv2, 32 of
 * EAP. A method that yields keys is refused without them, since the crypto binding would fail.
 *
 * Ownership: a login that was asked belongs to the thread of RADIUS until done(); the mailbox
 * outlives it.
 * Threads:   radius_login_ask() any; done() on the thread that takes letters out of reply_to.
 */
#pragma once
#include "aaa/aaa.h"
#include "aaa/radius/transport.h"

struct radius_login {
	struct radius_call call; /* first */
	/* The sender's: */
	struct radius *radius;
	struct proof proof;
	uint8_t packet[EAP_PACKET_MAX]; /* EAP: proof.eap points here */
	struct aaa_connection connection;
	struct grant *defaults; /* or NULL */
	struct mailbox *reply_to;
	void (*done)(struct radius_login *l);
	void *owner;
	/* Its own, between rounds: */
	uint8_t state_len, state[RADIUS_VALUE_MAX];
	uint8_t eap_method; /* of the last request */
	/* When done: */
	struct aaa_answer answer;
	size_t n_text; /* `text` is wanted: octets */
	char *text;    /* the answer's attributes, a line each; for `culvert radius test` */
	struct letter letter;
};

void radius_login_ask(struct radius_login *l);
