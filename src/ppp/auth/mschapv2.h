// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/auth/mschapv2.h — MS-CHAPv2 (RFC 2759) as an algorithm of CHAP: the layout of its values and
 * texts. What it computes is in base/mschap.h; its row is declared in chap.h.
 */
#pragma once
#include "base/mschap.h"
#include "ppp/auth/chap.h"

#define MSCHAPV2_RESPONSE_LEN 49

/* RFC 2759 section 6: E=691 R=1 C=… V=3 M=… */
struct mschapv2_failure {
	unsigned error;
	bool retry;
	bool has_challenge; /* peers exist that leave C= out */
	uint8_t challenge[MSCHAP_CHALLENGE_LEN];
	unsigned version;
	char message[PPP_TEXT_MAX]; /* for people, "" without M= */
};

/* Fields in any order but M=, which runs to the end; -EPROTO without E=. */
int mschapv2_failure_parse(struct rd text, struct mschapv2_failure *ret);
