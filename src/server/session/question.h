// SPDX-License-Identifier: Apache-2.0
/*
 * server/session/question.h — one login under way, from its proof to the verdict. login.c asks who
 * it is, place.c then for a place and an address; the verdict goes to the peer here. The struct is
 * open to these three files: each keeps in it what it has asked.
 *
 * Ownership: a question that waits for a letter (of aaa or the store) holds its own memory and only the
 *            session's number, so a session may end without waiting for it.
 * Units:     *_ms are monotonic milliseconds.
 * Threads:   the session's worker.
 */
#pragma once
#include "server/session/private.h"

typedef void question_next(struct question *q);

struct question {
	struct session *session; /* NULL: it ended meanwhile */
	struct site *site;
	uint64_t id;                           /* the session's, also when it is gone */
	struct aaa_conversation *conversation; /* NULL: it has answered */
	struct proof proof;
	/* EAP: the proof's packet, then the next request; a Change-Password's blocks. */
	uint8_t packet[EAP_PACKET_MAX];
	size_t packet_len;
	struct verdict verdict; /* held until the address is known */
	struct store_lease lease;
	bool asked;                       /* aaa or store: a letter will come */
	struct admission_proof admission; /* whose proof it is */
	struct question *held_next, **held_prev;
	struct question_wait *wait;
	struct prefix pool;
	uint64_t place_ms; /* since when a place is looked for */
	bool holders_asked, older_told;
};

/* Calls next later. False: no memory, and nothing will happen. */
bool question_wait(struct question *q, uint64_t ms, question_next *next);
void question_end_wait(struct question *q);
/* Into, and out of, the worker's line of proofs that are not judged yet. */
void question_hold(struct question *q);
void question_unhold(struct question *q);

void question_free(struct question *q);
/* The question is over: the verdict goes to the peer. */
void question_answer(struct question *q);
void question_answer_after(struct question *q, uint64_t ms);
/* The peer has proved who it is, and still cannot come in: it may know why. */
void question_turn_away(
	struct question *q, enum login_result result, enum event why, const char *text);

/* ---- place.c ---- */

/* The user is known: a place among the sessions, an address, the verdict. */
void place_take(struct question *q);
