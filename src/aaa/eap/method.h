// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/eap/method.h — what an EAP method of the server is: a row of functions. Inside aaa/eap/ only.
 *
 * A method writes the data of its next Request (behind the type) into `out`, asks who a user is by
 * filling host->question, or ends. Packets, identifiers, Nak and bounds are eap.c's.
 */
#pragma once
#include "aaa/eap/eap.h"
#include "base/wr.h"

/* What eap.c lends to the method that runs. */
struct eap_host {
	const struct eap_opts *opts;
	const char *identity; /* as sent; may hold any octet; NUL behind it */
	size_t identity_len;
	uint8_t identifier;    /* of the Response in hand */
	size_t room;           /* octets of type data that the next Request may have */
	struct proof question; /* EAP_STEP_ASK */
	struct eap_refusal refusal;
	enum event
		failed; /* EAP_STEP_SEND: the Request says that a proof was wrong, and this is why */
	uint8_t msk[EAP_MSK_LEN];
	struct peer_cert *cert; /* that the client showed, or NULL; a reference */
};

struct eap_method {
	enum eap_type type;
	const char *word; /* of the option ppp.auth */
	/* The method's own state; -ENOMEM, or what it lacks. */
	int (*begin)(struct eap_host *host, void **ret);
	void (*end)(void *self);
	/* The first Request. */
	enum eap_step (*start)(void *self, struct wr *out);
	enum eap_step (*receive)(void *self, struct rd data, struct wr *out);
	/* The answer to EAP_STEP_ASK. */
	enum eap_step (*judged)(void *self, const struct aaa_answer *answer, struct wr *out);
};

extern const struct eap_method eap_method_mschapv2, eap_method_md5, eap_method_tls, eap_method_peap;

/* Ends it: EAP_STEP_FAILURE, with the reason for log and peer. */
__attribute__((format(printf, 4, 5))) enum eap_step eap_refuse(
	struct eap_host *host, enum event event, enum auth_error code, const char *fmt, ...);
