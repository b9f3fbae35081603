// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/talk.h — listening to a tunnel: the octets that its tap shows become messages, and what
 * they say is noted (HTTP head, SSTP messages, LCP and IPCP options, the login's verdict).
 *
 * The tunnel itself keeps such things to itself; this reads the same octets a second time.
 * Secrets: passwords and proofs pass through and are not kept.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tunnel/tap.h"

/* How far it came: each is reached when the message that begins it went out. */
enum talk_stage {
	TALK_TLS,
	TALK_HTTP, /* the request is out */
	TALK_SSTP, /* CALL_CONNECT_REQUEST is out */
	TALK_LCP,  /* the server accepted the call */
	TALK_AUTH, /* LCP is open: the login */
	TALK_NCP,  /* the login is accepted: addresses */
	TALK_STAGES,
};

/* One whole message: an HTTP head, or an SSTP packet. */
typedef void talk_message_fn(void *arg, bool sent, bool http, const uint8_t *octets, size_t n);

#define TALK_TEXT_LEN 300

struct talk {
	struct tunnel_tap tap; /* for tunnel_opts.tap */
	struct buf side[2];    /* received, sent: what is not a whole message yet */
	bool http_done[2], lost[2];
	enum talk_stage stage;
	uint64_t at_us[TALK_STAGES];
	uint64_t heard_ms; /* the last message from the server */
	uint64_t (*now_us)(void);
	talk_message_fn *message;
	void *message_arg;

	unsigned status; /* HTTP */
	char line[120], server[80], via[80], location[160];
	uint8_t hashes;        /* of the CALL_CONNECT_ACK; 0: none came */
	uint64_t ack_us;       /* from the request to the CALL_CONNECT_ACK */
	uint64_t passed_us;    /* when the login was accepted */
	uint64_t connected_us; /* when CALL_CONNECTED went out; 0: not yet */
	unsigned naks;         /* CALL_CONNECT_NAKs that came */
	char nak[TALK_TEXT_LEN], abort[TALK_TEXT_LEN]; /* with attribute and status by name */
	bool lcp_acked[2]; /* by the server, by us: LCP is open when both */
	bool lcp_heard, auth_passed, ncp_heard;
	uint16_t mru;                    /* the server's */
	char lcp_options[TALK_TEXT_LEN]; /* of its first Configure-Request */
	char offered[80];                /* the methods it asked for, in order: "EAP, MS-CHAPv2" */
	char rejected[80];               /* protocols that it rejected */
	char auth_message[160];          /* of a CHAP Failure or PAP Nak */
	char terminated[80];             /* text of its LCP Terminate-Request */
};

void talk_init(struct talk *t, uint64_t (*now_us)(void));
void talk_done(struct talk *t);
/* "Thu, 09 Nov 2006 00:51:09 GMT" in seconds since 1970; 0: not understood. */
int64_t http_date(const char *text);
/* The value of a header in a raw head, "" when it is not there. Returns ret. */
const char *head_value(const char *head, const char *name, char *ret, size_t cap);
