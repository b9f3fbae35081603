// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a question goes from one step to the next by letters and by waits, and its verdict ends
 * it. The line of held ones is the site's: proofs that admission lets wait.
 */
#include "server/session/question.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

struct question_wait { /* of its own: a handle of libuv outlives its closing by a turn */
	uv_timer_t timer;
	struct question *question;
	question_next *next;
};

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_wait_closed(uv_handle_t *h)
{
	free(h->data);
}

void question_end_wait(struct question *q)
{
	if (q->wait)
		uv_close((uv_handle_t *)&q->wait->timer, on_wait_closed);
	q->wait = NULL;
}

static void on_wait(uv_timer_t *t)
{
	struct question_wait *wait = t->data;
	struct question *q = wait->question;
	question_next *next = wait->next;

	question_end_wait(q);
	next(q);
}

bool question_wait(struct question *q, uint64_t ms, question_next *next)
{
	struct question_wait *wait = malloc(sizeof(*wait));

	if (!wait)
		return false;
	*wait = (struct question_wait){.question = q, .next = next};
	q->wait = wait;
	uv_timer_init(&q->site->loop, &wait->timer);
	wait->timer.data = wait;
	uv_timer_start(&wait->timer, on_wait, ms, 0);
	return true;
}

void question_hold(struct question *q)
{
	struct site *site = q->site;

	if (q->held_prev)
		return;
	q->held_next = NULL;
	q->held_prev = site->held_tail;
	*site->held_tail = q;
	site->held_tail = &q->held_next;
}

void question_unhold(struct question *q)
{
	if (!q->held_prev)
		return;
	*q->held_prev = q->held_next;
	if (q->held_next)
		q->held_next->held_prev = q->held_prev;
	else
		q->site->held_tail = q->held_prev;
	q->held_prev = NULL;
}

void question_free(struct question *q)
{
	if (q->session)
		q->session->question = NULL;
	question_end_wait(q);
	question_unhold(q);
	aaa_end(q->conversation);
	proof_wipe(&q->proof);
	verdict_wipe(&q->verdict);
	free(q);
}

void question_abandon(struct question *q)
{
	q->session->question = NULL;
	q->session = NULL;
	question_end_wait(q);
	question_unhold(q);
	if (!q->asked)
		question_free(q);
}

/*
 * ---- the verdict -------------------------------------------------------------------------------
 */

void question_answer(struct question *q)
{
	struct session *s = q->session;

	if (q->verdict.error != AUTH_OK) /* it makes room like any other again */
		admission_progress(s->site, s->door, SOURCES_TLS);
	tunnel_auth_verdict(s->link.tunnel, &q->verdict, clock_mono_ms());
	question_free(q);
	link_kick(&s->link);
}

void question_answer_after(struct question *q, uint64_t ms)
{
	if (!ms || !question_wait(q, ms, question_answer))
		question_answer(q);
}

void question_turn_away(
	struct question *q, enum login_result result, enum event why, const char *text)
{
	struct session *s = q->session;

	session_count_login(s, result);
	session_record_refusal(s, why, "");
	verdict_wipe(&q->verdict);
	q->verdict.error = AUTH_NO_DIALIN;
	snprintf(q->verdict.message, sizeof(q->verdict.message), "%s", text);
	question_answer(q);
}
