// SPDX-License-Identifier: Apache-2.0
/*
 * sstp/lane.h — what proves that a second connection, a lane, belongs to a call (docs/interop.md,
 * "Lanes"): the values of its HTTP headers, and the proofs in them.
 *
 *     call    >  Culvert-Lanes: 1                         the client knows lanes
 *     call    <  Culvert-Lanes: 1 HANDLE                  so does the server
 *     lane    >  Culvert-Lane: HANDLE PROOF               once the binding holds
 *     lane    <  Culvert-Lane: PROOF                      the server's own
 *
 * Other peers see no extension of [MS-SSTP]: a client that does not send the first line gets none.
 *
 * Secrets: a ticket holds a key; sstp_lane_forget() when done.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/credentials.h"

#define SSTP_LANE_HANDLE_LEN 16
#define SSTP_LANE_KEY_LEN 32
#define SSTP_LANE_PROOF_LEN 32
#define SSTP_LANE_EXPORT_LEN 32 /* octets of the TLS exporter (RFC 8446 7.5), empty context */
#define SSTP_LANE_EXPORT_LABEL "EXPORTER-culvert-lane"

/* Texts with their zeros. */
#define SSTP_LANE_OFFER "1"
#define SSTP_LANE_ANSWER_LEN (2 + 2 * SSTP_LANE_HANDLE_LEN + 1)
#define SSTP_LANE_PROOF_TEXT_LEN (2 * SSTP_LANE_PROOF_LEN + 1)
#define SSTP_LANE_REQUEST_LEN (2 * SSTP_LANE_HANDLE_LEN + 1 + SSTP_LANE_PROOF_TEXT_LEN)

/* The secret that only the two ends of a call know. */
struct sstp_lane_ticket {
	uint8_t handle[SSTP_LANE_HANDLE_LEN]; /* public; the server's choice, random */
	uint8_t key[SSTP_LANE_KEY_LEN];
};

enum sstp_lane_side { SSTP_LANE_CLIENT, SSTP_LANE_SERVER };

/*
 * The key of the call's lanes, from what PPP authentication yielded (3.2.5.2). -ENOKEY: it yielded
 * nothing (PAP, CHAP-MD5), and there can be no lane.
 */
int sstp_lane_key(const uint8_t hlak[static HLAK_LEN], uint8_t ret_key[static SSTP_LANE_KEY_LEN]);
void sstp_lane_forget(struct sstp_lane_ticket *t);

/* Proves that `side` of the lane's own TLS connection, which exported `exported`, has the key. */
int sstp_lane_prove(const struct sstp_lane_ticket *t, enum sstp_lane_side side,
	const uint8_t exported[static SSTP_LANE_EXPORT_LEN],
	uint8_t ret_proof[static SSTP_LANE_PROOF_LEN]);
/* Takes the same time wherever the octets differ. */
bool sstp_lane_proved(const struct sstp_lane_ticket *t, enum sstp_lane_side side,
	const uint8_t exported[static SSTP_LANE_EXPORT_LEN],
	const uint8_t proof[static SSTP_LANE_PROOF_LEN]);

/* Header values. Parsing takes a whole value and -EINVAL for anything but the one right form. */
bool sstp_lane_offered(const char *text);
void sstp_lane_answer_format(
	const uint8_t handle[static SSTP_LANE_HANDLE_LEN], char ret[static SSTP_LANE_ANSWER_LEN]);
int sstp_lane_answer_parse(const char *text, uint8_t ret_handle[static SSTP_LANE_HANDLE_LEN]);
void sstp_lane_request_format(const uint8_t handle[static SSTP_LANE_HANDLE_LEN],
	const uint8_t proof[static SSTP_LANE_PROOF_LEN], char ret[static SSTP_LANE_REQUEST_LEN]);
int sstp_lane_request_parse(const char *text, uint8_t ret_handle[static SSTP_LANE_HANDLE_LEN],
	uint8_t ret_proof[static SSTP_LANE_PROOF_LEN]);
void sstp_lane_proof_format(
	const uint8_t proof[static SSTP_LANE_PROOF_LEN], char ret[static SSTP_LANE_PROOF_TEXT_LEN]);
int sstp_lane_proof_parse(const char *text, uint8_t ret_proof[static SSTP_LANE_PROOF_LEN]);
