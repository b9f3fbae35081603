// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/auth/chap.h — the Challenge Handshake Authentication Protocol (RFC 1994): the exchange, and
 * its algorithm 5, MD5. MS-CHAPv2 is algorithm 0x81 (mschapv2.h).
 */
#pragma once
#include "base/wr.h"
#include "ppp/auth/auth.h"

enum chap_code {
	CHAP_CHALLENGE = 1,
	CHAP_RESPONSE,
	CHAP_SUCCESS,
	CHAP_FAILURE,
	CHAP_CHANGE_PASSWORD = 7, /* RFC 2759 7 */
};

#define CHAP_VALUE_MAX 255
#define CHAP_OWN_CHALLENGE_LEN 16

/* Challenge or Response (RFC 1994 4.1). */
struct chap_value {
	struct rd value, name;
};

/* -EPROTO when the value leaves the packet, or is empty. */
int chap_value_parse(struct rd body, struct chap_value *ret);

/* What differs between the algorithms. Texts are those of Success and Failure. */
struct chap_algorithm {
	size_t challenge_len; /* 0: any */
	size_t response_len;
	/* Client: the Response's value from a->challenge and the secrets; negative errno. */
	int (*respond)(struct auth *a, struct wr *value);
	/* Client: does the Success prove the server? Fills a->hlak. */
	bool (*check_success)(struct auth *a, struct rd text);
	void (*explain_failure)(struct auth *a, struct rd text);
	/* Server. */
	void (*fill_proof)(struct rd value, struct proof *ret);
	size_t (*success_text)(struct auth *a, const struct verdict *v, char *ret, size_t cap);
	size_t (*failure_text)(struct auth *a, const struct verdict *v, char *ret, size_t cap);
};

extern const struct auth_scheme chap_md5_scheme, mschapv2_scheme;

/* The exchange, for scheme rows of protocol c223. */
void chap_start(struct auth *a, uint64_t now_ms);
void chap_recv(struct auth *a, const struct ppp_packet *packet, uint64_t now_ms);
void chap_resend(struct auth *a);
void chap_conclude(struct auth *a, const struct verdict *v);
void chap_end(struct auth *a);
