// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/limits.h — bounds on what a peer can make this layer hold or do, each with the attack.
 */
#pragma once

/* Longest control packet built here: what every end takes before LCP agreed on more (RFC 1661 6.1). */
#define PPP_PACKET_MAX 1500
#define PPP_FRAME_MAX (4 + PPP_PACKET_MAX)

/* Octets waiting in ppp_output(): a peer that floods Echo-Requests and never reads. Beyond: dropped. */
#define PPP_OUTPUT_MAX 16384

/* A Configure-Request longer than this, or with more options, is dropped: thousands of two-octet
 * options would make thousands of table look-ups and a Reject of the same size. */
#define FSM_REQUEST_MAX 512
#define FSM_OPTIONS_MAX 32
#define FSM_REPLY_MAX (FSM_REQUEST_MAX + 128) /* a Nak may add options */
#define FSM_OWN_REQUEST_MAX 64

/* RFC 1661 4.6. The first interval may be shorter, from a measured round trip: twice that and the 100 ms
 * that the RFC leaves the peer; each interval is twice the one before, up to FSM_RESTART_MS. */
#define PPP_RESTART_MS_MIN 250
#define PPP_PEER_TIME_MS 100
#define FSM_RESTART_MS 3000
#define FSM_MAX_CONFIGURE 10
#define FSM_MAX_TERMINATE 2
#define FSM_MAX_FAILURE 5

/* How long a server is silent before its first LCP Request (ppp.c, "The server's first word"). pppd under
 * sstp-client waits for that word, so the login waits with it. */
#define PPP_FIRST_REQUEST_WAIT_MS 300

/* A peer that answers every Request with another Nak, or asks for ever: no timer ever fires then. */
#define FSM_NAKS_HEARD_MAX 20
#define FSM_REQUESTS_HEARD_MAX 50

/* A logged-in peer that negotiates an open network protocol again and again: each round takes a family
 * down and up, with addresses, routes and the directory of all workers behind it. So many rounds at
 * once, then one back in so many milliseconds, for each of IPCP and IPv6CP; beyond: the link ends. */
#define NCP_RENEGOTIATIONS_MAX 8
#define NCP_RENEGOTIATION_MS 15000

/* Identifications (Windows sends three) reported per call: a log flood. */
#define PPP_IDENTIFICATIONS_MAX 8

#define LCP_LOOPS_MAX 5 /* own magic numbers seen before the link counts as looped back */

/* A peer's MRU below this is Nak'd: tiny ones multiply the packets we would have to send. */
#define PPP_MRU_MIN 576
#define PPP_MRU_DEFAULT 1500
#define PPP_MRU_MAX 4087 /* an SSTP packet holds 4095: 4 for SSTP, 4 for FF 03 and the protocol */

/* Client: a server that sends Challenge after Challenge; each costs DES, hashes and a Response. So many at
 * once, then one back in so many milliseconds, since an open link may be challenged again (RFC 1994 2);
 * beyond: the link ends. */
#define CHAP_CHALLENGES_MAX 20
#define CHAP_CHALLENGE_MS 1000 /* servers ask again after some seconds at the soonest */

#define AUTH_RESEND_MS 3000
#define AUTH_TRIES 10

/* EAP, client: how long a server may think about its next word (its own judge may take 55 s), and how many
 * Requests it may make, repeated ones counted: one that asks for ever holds the login otherwise. */
#define EAP_SILENCE_MS 60000
#define EAP_REQUESTS_MAX 200

#define CHAP_MESSAGE_MAX 256 /* of a Success or Failure text; the rest is cut */

#define PPP_TEXT_MAX 128   /* a peer's text in an event */
#define PPP_DETAIL_MAX 256 /* the detail of PPP_CLOSED */
