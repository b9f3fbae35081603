// SPDX-License-Identifier: Apache-2.0
/* eap/method.h — a method of the client: a row of functions. Inside eap/ only. */
#pragma once
#include "base/wr.h"
#include "eap/peer.h"

/* What peer.c lends to the method that runs. */
struct eap_side {
	const struct eap_client_opts *opts;
	char password[PAP_PASSWORD_MAX + 1]; /* the one in use: a change replaces it */
	bool has_password;
	bool was_asked;     /* for a new password: once is enough, whatever the server says then */
	uint8_t identifier; /* of the Request in hand */
	size_t room;        /* octets of type data that the Response may have */
	enum event event;   /* why it failed, or what the server said */
	char detail[200];
};

enum eap_answer { EAP_ANSWER_SEND, EAP_ANSWER_DISCARD, EAP_ANSWER_FAIL };

struct eap_peer_method {
	uint8_t type;
	bool needs_password;
	int (*begin)(struct eap_side *side, void **ret);
	void (*end)(void *self);
	/* `data` is behind the type. Is it the first Request of this method, which starts it again? */
	bool (*starts)(struct rd data);
	enum eap_answer (*receive)(void *self, struct rd data, struct wr *out);
	/* 0 and the MSK; -EAGAIN: it has not come to its end. */
	int (*key)(const void *self, uint8_t ret_msk[static EAP_MSK_LEN]);
};

extern const struct eap_peer_method eap_peer_md5, eap_peer_mschapv2, eap_peer_tls, eap_peer_peap;

/* EAP_ANSWER_FAIL, with the reason. */
__attribute__((format(printf, 3, 4))) enum eap_answer eap_side_fail(
	struct eap_side *side, enum event event, const char *fmt, ...);
void eap_side_note(struct eap_side *side, enum event event, const char *detail);
