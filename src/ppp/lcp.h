// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/lcp.h — the Link Control Protocol (RFC 1661 5 and 6, RFC 1570): its options, its own codes.
 *
 * Ownership: the queue, fault, draw and methods given to lcp_init() belong to the caller and outlive it.
 */
#pragma once
#include "ppp/auth/auth.h"
#include "ppp/draw.h"
#include "ppp/fsm.h"

/* What the peer's Configure-Request says. */
struct lcp_peer {
	uint16_t mru;
	uint32_t magic;                 /* 0: none */
	const struct auth_scheme *auth; /* client: how we have to authenticate; NULL: not at all */
};

struct lcp_opts {
	bool server;
	uint16_t mru;
	const enum auth_method *methods;
	size_t n_methods;
};

struct lcp {
	struct fsm fsm;
	struct lcp_opts opts;
	struct draw *draw;
	uint16_t mru;                /* ours; a Nak may change it */
	uint32_t magic;              /* ours */
	struct lcp_peer asked, peer; /* in the Request under judgment; in the one acked last */
	size_t offer;                /* server: the method in our Request */
	unsigned auth_naks;          /* server: Naks of that option so far */
	size_t suggestions;          /* client: methods suggested in Naks so far */
	char refused[96]; /* client: the methods that were Nak'd; server: those the client named */
	unsigned loops;   /* own magic numbers seen */
};

/* What a received packet meant beyond the automaton. */
struct lcp_notice {
	enum { LCP_NOTHING, LCP_PROTOCOL_REJECTED, LCP_IDENTIFIED, LCP_TERMINATED } type;
	uint16_t protocol; /* the one rejected */
	char text
		[PPP_TEXT_MAX]; /* Identification, Time-Remaining, or the reason of a Terminate-Request */
};

int lcp_init(struct lcp *l, const struct lcp_opts *opts, struct draw *draw, struct buf *queue,
	struct ppp_fault *fault); /* what draw_octets() returns */
void lcp_recv(
	struct lcp *l, const struct ppp_packet *packet, uint64_t now_ms, struct lcp_notice *ret);
/* `packet` is what stood behind the protocol number. Sends nothing unless LCP is Opened (5.7). */
void lcp_protocol_reject(struct lcp *l, uint16_t protocol, struct rd packet);
/* How this link authenticates, once LCP is Opened; NULL: not at all. */
const struct auth_scheme *lcp_auth(const struct lcp *l);
/* Methods were refused and none was agreed on. */
bool lcp_auth_open(const struct lcp *l);
/* The fault for that; `text` is what the peer said when it ended the link, or "". */
void lcp_auth_not_common(struct lcp *l, const char *text);
/* The link came up without authentication: the fault that says why. */
void lcp_without_auth(struct lcp *l);
