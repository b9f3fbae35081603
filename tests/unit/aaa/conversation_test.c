// SPDX-License-Identifier: Apache-2.0
/* Rounds, ends at any time, and what is given back: with a judge that asks twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "aaa/aaa.h"
#include "aaa/judge.h"
#include "base/clock.h"
#include "store/store.h"
#include "unit/store/state.h"

/* ---- a judge of two rounds: "who are you", "and the number?", then in ---- */

static bool serves_eap(enum auth_method m)
{
	return m == AUTH_EAP || m == AUTH_PAP;
}

static void in_two_rounds(const struct judge_case *c, struct judgement *ret)
{
	if (!strcmp(c->proof->password, "no")) {
		judge_reject(EV_AUTH_WRONG_PASSWORD, ret);
	} else if (c->round == 0) {
		*ret = (struct judgement){
			.outcome = AAA_CHALLENGE, .challenge = "number?", .challenge_len = 7};
	} else {
		*ret = (struct judgement){.outcome = AAA_ACCEPT, .event = EV_AUTH_ACCEPTED};
		memset(ret->keys.hlak, 7, sizeof(ret->keys.hlak));
	}
}

static const struct aaa_judge two_rounds = {serves_eap, in_two_rounds};

/* ---- what each test stands on ---- */

struct fixture {
	struct state state;
	struct mailbox box;
	struct store *store;
	struct aaa *aaa;
	struct aaa_conversation *c;
	struct grant *defaults;
	struct proof proof;
	unsigned answers;
	struct aaa_answer answer; /* its grant is referenced */
	bool end_inside;
	int fed_inside;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const enum auth_method methods[] = {AUTH_MSCHAPV2, AUTH_EAP, AUTH_PAP};
	const struct grant_values all = {.sessions = {GRANT_DEFAULT, 2}};
	struct db_error err;
	struct db *db;

	state_make(&f->state);
	db = state_open(&f->state);
	state_add_user(db, "alice", "secret", false);
	assert_int_equal(store_new(db, &(struct store_opts){0}, &f->store, &err), 0);
	mailbox_init(&f->box);
	assert_int_equal(
		aaa_new(&(struct aaa_opts){.store = f->store, .judge = &two_rounds}, &f->aaa), 0);
	assert_int_equal(aaa_begin(f->aaa,
				 &(struct aaa_facts){.methods = methods,
					 .n_methods = ARRAY_SIZE(methods),
					 .reply_to = &f->box},
				 &f->c),
		0);
	assert_int_equal(grant_new(&all, &f->defaults), 0);
	f->proof = (struct proof){.method = AUTH_EAP, .user = "ALICE", .user_len = 5};
	*state = f;
	return 0;
}

/* What a conversation took it has given back: the sanitizer sees memory, this sees references. */
static int teardown(void **state)
{
	struct fixture *f = *state;

	aaa_end(f->c);
	grant_unref(f->answer.grant);
	store_free(f->store);
	mailbox_deliver(&f->box);
	mailbox_done(&f->box);
	aaa_free(f->aaa);
	assert_int_equal(atomic_load(&f->defaults->refs), 1);
	grant_unref(f->defaults);
	state_remove(&f->state);
	free(f);
	return 0;
}

static int feed(struct fixture *f);

static void on_answer(void *owner, const struct aaa_answer *answer)
{
	struct fixture *f = owner;

	f->answers++;
	grant_unref(f->answer.grant);
	f->answer = *answer;
	if (f->answer.grant)
		grant_ref(f->answer.grant);
	f->fed_inside = feed(f);
	if (f->end_inside)
		aaa_end(TAKE(f->c));
}

static int feed(struct fixture *f)
{
	return aaa_feed(f->c, &(struct aaa_input){.proof = &f->proof,
				      .defaults = f->defaults,
				      .done = on_answer,
				      .owner = f});
}

static void feed_and_wait(struct fixture *f)
{
	uint64_t give_up = clock_mono_ms() + 20000;
	unsigned before = f->answers;

	assert_int_equal(feed(f), 0);
	assert_int_equal(f->answers, before); /* never before it returns */
	while (f->answers == before && clock_mono_ms() < give_up) {
		poll(&(struct pollfd){f->box.fd, POLLIN, 0}, 1, 100);
		mailbox_deliver(&f->box);
	}
	assert_int_equal(f->answers, before + 1);
}

/* ---- tests ---- */

static void a_challenge_is_answered_by_the_next_input(void **state)
{
	struct fixture *f = *state;

	feed_and_wait(f);
	assert_int_equal(f->answer.outcome, AAA_CHALLENGE);
	assert_int_equal(f->answer.challenge_len, 7);
	assert_memory_equal(f->answer.challenge, "number?", 7);
	assert_null(f->answer.grant);
	feed_and_wait(f);
	assert_int_equal(f->answer.outcome, AAA_ACCEPT);
	assert_int_equal(f->answer.keys.hlak[31], 7);
	assert_string_equal(f->answer.user, "alice");
	assert_true(f->answer.user_id > 0);
	assert_int_equal(f->answer.grant->is.sessions.value, 2);
	assert_int_equal(f->answer.grant->is.sessions.origin, GRANT_DEFAULT);
}

static void one_input_at_a_time_and_none_after_the_last_answer(void **state)
{
	struct fixture *f = *state;

	feed_and_wait(f);
	assert_int_equal(f->fed_inside, -EBUSY); /* the answer is still being given */
	assert_int_equal(feed(f), 0);
	assert_int_equal(feed(f), -EBUSY);
	while (f->answers < 2) {
		poll(&(struct pollfd){f->box.fd, POLLIN, 0}, 1, 100);
		mailbox_deliver(&f->box);
	}
	assert_int_equal(f->answer.outcome, AAA_ACCEPT);
	assert_int_equal(feed(f), -EBUSY);
}

static void a_final_refusal_ends_the_conversation(void **state)
{
	struct fixture *f = *state;

	strcpy(f->proof.password, "no");
	feed_and_wait(f);
	assert_int_equal(f->answer.outcome, AAA_REJECT);
	assert_int_equal(f->answer.code, AUTH_FAILED);
	assert_true(f->answer.final);
	assert_null(f->answer.grant);
	assert_int_equal(feed(f), -EBUSY);
}

/* No session waits: the letter frees what the look-up used, and the owner hears no more. */
static void an_end_during_a_look_up_gives_all_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(feed(f), 0);
	aaa_end(TAKE(f->c));
	store_free(TAKE(f->store)); /* runs what waits */
	mailbox_deliver(&f->box);
	assert_int_equal(f->answers, 0);
}

static void an_end_inside_the_answer_is_fine(void **state)
{
	struct fixture *f = *state;

	f->end_inside = true;
	feed_and_wait(f);
	assert_null(f->c);
}

static void an_end_between_two_rounds_is_fine(void **state)
{
	struct fixture *f = *state;

	feed_and_wait(f);
	aaa_end(TAKE(f->c));
	aaa_end(NULL);
}

static void lcp_offers_what_the_judge_serves_in_the_configured_order(void **state)
{
	struct fixture *f = *state;
	enum auth_method methods[AUTH_METHODS];

	assert_int_equal(aaa_methods(f->c, methods), 2);
	assert_int_equal(methods[0], AUTH_EAP);
	assert_int_equal(methods[1], AUTH_PAP);
}

static atomic_bool stuck, begun;

static int waits(struct db *db, struct store_job *job)
{
	(void)db;
	(void)job;
	atomic_store(&begun, true);
	while (atomic_load(&stuck))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return 0;
}

static void freed(struct store_job *job)
{
	free(job);
}

static int submit_one(struct fixture *f)
{
	struct store_job *job = calloc(1, sizeof(*job));
	int r;

	*job = (struct store_job){.kind = STORE_READ, .run = waits, .done = freed};
	r = store_submit(f->store, job);
	if (r < 0)
		free(job);
	return r;
}

/* The first one is being run before the queue is filled: none leaves it any more. */
static void when_too_many_wait_the_input_is_refused_and_nothing_is_kept(void **state)
{
	struct fixture *f = *state;
	int r;

	atomic_store(&begun, false);
	atomic_store(&stuck, true);
	r = submit_one(f);
	while (!r && !atomic_load(&begun))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	while (!r)
		r = submit_one(f);
	r = feed(f);
	atomic_store(&stuck, false); /* before anything may fail: the thread is to end */
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(atomic_load(&f->defaults->refs), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_challenge_is_answered_by_the_next_input),
		CASE(one_input_at_a_time_and_none_after_the_last_answer),
		CASE(a_final_refusal_ends_the_conversation),
		CASE(an_end_during_a_look_up_gives_all_back),
		CASE(an_end_inside_the_answer_is_fine),
		CASE(an_end_between_two_rounds_is_fine),
		CASE(lcp_offers_what_the_judge_serves_in_the_configured_order),
		CASE(when_too_many_wait_the_input_is_refused_and_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
