// SPDX-License-Identifier: Apache-2.0
/*
 * base/credentials.h — the proof that a peer sends when it logs in, and the verdict on it.
 *
 * PPP fills a `struct proof` from the authentication protocol's packets; the keeper of the users
 * (local store, RADIUS) checks it and fills a `struct verdict`. The types are in base/ because
 * neither side may include the other.
 *
 * Secrets: both may hold keys or passwords; proof_wipe() and verdict_wipe() when done.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"

enum auth_method { AUTH_NONE, AUTH_PAP, AUTH_CHAP_MD5, AUTH_MSCHAPV2, AUTH_EAP, AUTH_METHODS };

#define USER_NAME_MAX 256    /* octets; a longer name is refused at the codec */
#define PAP_PASSWORD_MAX 255 /* RFC 1334: one octet of length */
#define PPP_NAME_SERVERS 2   /* of each kind: RFC 1877 */
#define HLAK_LEN 32          /* [MS-SSTP] 3.2.5.2.2 */

/* RFC 2759 7: the new password under the old hash, and the old hash under the new one. */
#define PROOF_CHANGE_LEN (516 + 16)

struct proof {
	enum auth_method method;
	uint8_t identifier; /* of the CHAP Response (RADIUS wants it) */
	/* As sent, with domain, NUL at [user_len]; may hold any octet. */
	char user[USER_NAME_MAX + 1];
	size_t user_len;
	char password[PAP_PASSWORD_MAX + 1]; /* PAP; NUL-terminated */
	size_t password_len;
	uint8_t challenge[16];      /* CHAP-MD5 and MS-CHAPv2: ours, the authenticator's */
	uint8_t md5_response[16];   /* CHAP-MD5 */
	uint8_t peer_challenge[16]; /* MS-CHAPv2 */
	uint8_t nt_response[24];
	/* MS-CHAPv2, Change-Password: PROOF_CHANGE_LEN octets; nt_response is the new password's. Borrowed
	 * until the verdict. NULL: none. */
	const uint8_t *change;
	/* EAP: one whole Response; borrowed until the verdict. */
	const uint8_t *eap;
	size_t eap_len;
	uint16_t eap_mtu; /* the longest packet that the peer takes */
	/* A proof that an EAP method took out of its packets (base/eap.h); 0: PPP carried it. */
	uint8_t eap_type;
	uint8_t eap_tunnel; /* the method around that one; 0: none */
};

/* E= of RFC 2759 section 6; also what other methods report. */
enum auth_error {
	AUTH_OK = 0,
	AUTH_RESTRICTED_HOURS = 646,
	AUTH_DISABLED = 647,
	AUTH_PASSWORD_EXPIRED = 648,
	AUTH_NO_DIALIN = 649,
	AUTH_FAILED = 691,
	AUTH_PASSWORD_REFUSED = 709,
};

/* What an accepted user gets for IPCP and IPv6CP. AF_UNSPEC: not given. */
struct ppp_addresses {
	struct addr local;                  /* the server's address inside the tunnel */
	struct addr peer;                   /* the client's */
	struct addr dns[PPP_NAME_SERVERS];  /* IPv4 */
	struct addr nbns[PPP_NAME_SERVERS]; /* IPv4 */
	bool ipv6;                          /* IPv6CP wanted */
	/* Interface identifiers; peer zero: any the peer likes. */
	uint8_t local_ifid[8], peer_ifid[8];
};

struct verdict {
	enum auth_error error;  /* AUTH_OK: accepted */
	char auth_response[43]; /* MS-CHAPv2, accepted: "S=…" with a zero */
	bool may_change;        /* refused, and a Change-Password may follow (MS-CHAPv2 with 648) */
	char message[128];      /* shown to the peer; may be empty */
	uint8_t hlak[HLAK_LEN]; /* zeros for methods that yield no key */
	struct ppp_addresses addresses;
	const char *no_address; /* accepted, but without an address: why; static text, or NULL */
};

static inline void proof_wipe(struct proof *p)
{
	explicit_bzero(p, sizeof(*p));
}

static inline void verdict_wipe(struct verdict *v)
{
	explicit_bzero(v, sizeof(*v));
}
