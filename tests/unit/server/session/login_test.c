// SPDX-License-Identifier: Apache-2.0
/*
 * server/session/login.c: from a proof to a place and an address. What is asked of aaa and of the store
 * is answered here, when the test says so: the linker takes nothing from aaa/conversation.c and
 * store/jobs.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/limits.h"
#include "store/store.h"
#include "unit/server/rooms.h"

/* ---- aaa and store, as the test wants them ---- */

#define ASKED_MAX 8

struct aaa_conversation {
	struct aaa_input input;
};

static struct {
	struct aaa_conversation *conversation[ASKED_MAX];
	size_t n;
	bool busy;
	unsigned ended;
	struct store_lease *lease;
	bool store_busy;
	unsigned released;
} asked;

int aaa_begin(struct aaa *aaa, const struct aaa_facts *facts, struct aaa_conversation **ret)
{
	(void)aaa, (void)facts;
	*ret = calloc(1, sizeof(**ret));
	return 0;
}

size_t aaa_methods(const struct aaa_conversation *c, enum auth_method ret[static AUTH_METHODS])
{
	(void)c;
	ret[0] = AUTH_MSCHAPV2;
	return 1;
}

int aaa_feed(struct aaa_conversation *c, const struct aaa_input *input)
{
	if (asked.busy)
		return -EAGAIN;
	assert_true(asked.n < ASKED_MAX);
	c->input = *input;
	asked.conversation[asked.n++] = c;
	return 0;
}

void aaa_end(struct aaa_conversation *c)
{
	asked.ended += c != NULL;
	for (size_t i = 0; c && i < asked.n; i++)
		if (asked.conversation[i] == c)
			asked.conversation[i] = NULL;
	free(c);
}

int store_lease_take(struct store *s, struct store_lease *l)
{
	(void)s;
	if (asked.store_busy)
		return -EAGAIN;
	assert_null(asked.lease);
	asked.lease = l;
	return 0;
}

int store_lease_release(struct store *s, const struct addr *address, uint64_t session)
{
	(void)s, (void)address, (void)session;
	asked.released++;
	return 0;
}

/* ---- answers ---- */

static struct rooms *r;

static void give(size_t i, struct aaa_answer *a)
{
	struct aaa_input in;

	assert_non_null(asked.conversation[i]);
	in = asked.conversation[i]->input;
	asked.conversation[i]->input.done = NULL;
	in.done(in.owner, a);
}

static void accept_with(size_t i, int64_t user, struct grant_values values)
{
	AUTO(grant) struct grant *g = NULL;
	struct aaa_answer a = {.outcome = AAA_ACCEPT,
		.event = EV_AUTH_ACCEPTED,
		.user = "alice",
		.detail = "user=alice",
		.user_id = user};

	assert_int_equal(grant_new(&values, &g), 0);
	a.grant = g;
	give(i, &a);
}

static void reject(size_t i, enum event why, enum auth_error code)
{
	give(i, &(struct aaa_answer){
			.outcome = AAA_REJECT, .event = why, .code = code, .final = true});
}

static void lease(int result, enum event outcome, uint32_t address)
{
	struct store_lease *l = asked.lease;

	assert_non_null(l);
	asked.lease = NULL;
	l->result = result;
	l->outcome = outcome;
	l->address = addr_v4(address);
	l->done(l);
}

static uint64_t logins(enum login_result result)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SITES; i++)
		n += r->sites[i]->logins[result];
	return n;
}

static struct session *knocks(unsigned site, uint64_t id, uint32_t from)
{
	struct session *s = rooms_session(r->sites[site], id, "");
	struct proof proof = {.method = AUTH_MSCHAPV2, .user_len = 5};

	s->peer = (struct endpoint){addr_v4(from), 5000};
	memcpy(proof.user, "alice", 5);
	login_request(s, &proof);
	return s;
}

static int setup(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof(asked));
	r = rooms_new("[server]\nmax_sessions = 3\n[auth]\nfail_delay = 1s\n");
	r->context.store = (struct store *)&asked; /* nobody looks inside */
	return 0;
}

/* What was asked is answered: a question lives until then. */
static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < asked.n; i++)
		if (asked.conversation[i])
			reject(i, EV_AUTH_STORE_FAILED, AUTH_FAILED);
	if (asked.lease)
		lease(-EIO, EV_SERVER_BUSY, 0);
	rooms_free(r);
	return 0;
}

/* ---- cases ---- */

static void an_accepted_user_gets_a_place_then_an_address(void **state)
{
	struct session *s = knocks(0, 1, 0xc0000201);

	(void)state;
	assert_int_equal(asked.n, 1);
	assert_null(asked.lease);
	accept_with(0, 42, (struct grant_values){0});
	assert_int_equal(context_sessions(&r->context), 1);
	assert_non_null(asked.lease);
	assert_int_equal(asked.lease->request.user_id, 42);
	assert_int_equal(asked.lease->request.session, 1);
	lease(0, EV_NONE, 0x0a000007);
	assert_int_equal(addr_v4_value(&s->leased_address), 0x0a000007);
	assert_int_equal(addr_v4_value(&s->addresses.peer), 0x0a000007);
	assert_null(s->question);
	assert_string_equal(s->user, "alice");
	assert_int_equal(logins(LOGIN_ACCEPTED), 1);
	assert_int_equal(r->attempts, 0); /* that is recorded when it is up */
	assert_int_equal(asked.ended, 1);
}

static void a_rejected_one_is_recorded_and_counted_by_its_reason(void **state)
{
	static const struct {
		enum event why;
		enum auth_error code;
		enum login_result result;
	} cases[] = {
		{EV_AUTH_WRONG_PASSWORD, AUTH_FAILED, LOGIN_REJECTED},
		{EV_AUTH_USER_DISABLED, AUTH_DISABLED, LOGIN_DISABLED},
		{EV_AUTH_USER_EXPIRED, AUTH_PASSWORD_EXPIRED, LOGIN_EXPIRED},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct addr source = addr_v4(0xc0000201 + i);
		struct session *s;

		admission_remember(r->context.admission, &source, "alice", clock_wall_s());
		s = knocks(0, i + 1, 0xc0000201 + i);
		reject(i, cases[i].why, cases[i].code);
		assert_null(s->question);
		assert_int_equal(logins(cases[i].result), 1);
		assert_int_equal(r->attempts, i + 1);
		assert_int_equal(r->last_attempt, cases[i].why);
	}
	assert_int_equal(context_sessions(&r->context), 0);
	assert_null(asked.lease);
}

/* The next proof of the source is not judged until the delay is over, whatever its session. */
static void after_a_wrong_one_the_source_waits(void **state)
{
	const struct addr home = addr_v4(0xc0000299);
	struct session *s;

	(void)state;
	admission_remember(r->context.admission, &home, "alice", clock_wall_s());
	knocks(0, 1, 0xc0000201);
	reject(0, EV_AUTH_WRONG_PASSWORD, AUTH_FAILED);
	s = knocks(1, 2, 0xc0000201);
	assert_int_equal(asked.n, 1);
	assert_non_null(s->question);
	knocks(1, 3, 0xc0000299); /* a source that the user logs in from does not */
	assert_int_equal(asked.n, 2);
}

/* Banned as this user: refused unjudged, as a wrong password is. */
static void a_banned_one_is_not_judged(void **state)
{
	const struct prefix of = {addr_v4(0xc0000201), 32};
	struct session *s;

	(void)state;
	assert_int_equal(admission_ban(r->context.admission, &of, "alice", 0), 0);
	s = knocks(0, 1, 0xc0000201);
	assert_int_equal(asked.n, 0);
	assert_non_null(s->question); /* the time that a wrong one takes */
}

/* What the server is to blame for is no guess: the next proof is judged at once. */
static void a_busy_server_is_not_held_against_the_peer(void **state)
{
	(void)state;
	asked.busy = true;
	knocks(0, 1, 0xc0000201);
	assert_int_equal(r->last_attempt, EV_SERVER_BUSY);
	asked.busy = false;
	knocks(0, 2, 0xc0000201);
	assert_int_equal(asked.n, 1);
}

static void a_full_server_turns_away(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		knocks(i % SITES, i + 1, 0xc0000201 + i);
		accept_with(i, 100 + i, (struct grant_values){0});
		if (i < 3)
			lease(0, EV_NONE, 0x0a000010 + i);
	}
	assert_null(asked.lease);
	assert_int_equal(context_sessions(&r->context), 3);
	assert_int_equal(logins(LOGIN_NO_PLACE), 1);
	assert_int_equal(r->last_attempt, EV_SERVER_FULL);
}

/* The holder is asked for a sign of life; meanwhile the login waits, and asks again. */
static void the_place_of_a_user_is_asked_back_from_its_holder(void **state)
{
	const struct grant_values one = {.sessions = {GRANT_USER, 1}};
	struct session *first = knocks(0, 1, 0xc0000201), *second;

	(void)state;
	accept_with(0, 42, one);
	lease(0, EV_NONE, 0x0a000007);
	second = knocks(1, 2, 0xc0000202);
	accept_with(1, 42, one);
	assert_non_null(second->question);
	assert_null(asked.lease);
	rooms_deliver(r); /* the probe */
	directory_leave(r->context.directory, &first->place);
	while (!asked.lease)
		uv_run(&r->sites[1]->loop, UV_RUN_ONCE);
	assert_int_equal(asked.lease->request.session, 2);
	lease(0, EV_NONE, 0x0a000007);
	assert_null(second->question);
}

static void a_holder_that_lives_keeps_its_place(void **state)
{
	const struct grant_values one = {.sessions = {GRANT_USER, 1}};
	struct session *second;

	(void)state;
	knocks(0, 1, 0xc0000201);
	accept_with(0, 42, one);
	lease(0, EV_NONE, 0x0a000007);
	second = knocks(1, 2, 0xc0000202);
	accept_with(1, 42, one);
	now_us += (HOLDER_GIVE_UP_MS + 1) * 1000;
	while (second->question)
		uv_run(&r->sites[1]->loop, UV_RUN_ONCE);
	assert_int_equal(logins(LOGIN_NO_PLACE), 1);
	assert_int_equal(r->last_attempt, EV_USER_SESSIONS_FULL);
	assert_int_equal(context_sessions(&r->context), 1);
}

static void without_an_address_there_is_a_login_and_no_network(void **state)
{
	struct session *s = knocks(0, 1, 0xc0000201);

	(void)state;
	accept_with(0, 42, (struct grant_values){0});
	lease(-ENOSPC, EV_LEASE_POOL_EXHAUSTED, 0);
	assert_null(s->question);
	assert_int_equal(s->leased_address.family, AF_UNSPEC);
	assert_int_equal(logins(LOGIN_NO_ADDRESS), 1);
	assert_int_equal(r->last_attempt, EV_LEASE_POOL_EXHAUSTED);
}

static void a_store_that_is_behind_gives_no_address(void **state)
{
	(void)state;
	asked.store_busy = true;
	knocks(0, 1, 0xc0000201);
	accept_with(0, 42, (struct grant_values){0});
	assert_int_equal(logins(LOGIN_NO_ADDRESS), 1);
	assert_int_equal(r->last_attempt, EV_SERVER_BUSY);
}

/* The client hung up while the store was asked: what comes then goes back. */
static void an_address_for_a_session_that_is_gone_goes_back(void **state)
{
	struct session *s = knocks(0, 1, 0xc0000201);

	(void)state;
	accept_with(0, 42, (struct grant_values){0});
	question_abandon(s->question);
	assert_null(s->question);
	lease(0, EV_NONE, 0x0a000007);
	assert_int_equal(asked.released, 1);
	assert_int_equal(s->leased_address.family, AF_UNSPEC);
}

static void an_answer_for_a_session_that_is_gone_is_dropped(void **state)
{
	struct session *s = knocks(0, 1, 0xc0000201);

	(void)state;
	question_abandon(s->question);
	accept_with(0, 42, (struct grant_values){0});
	assert_int_equal(context_sessions(&r->context), 0);
	assert_null(asked.lease);
	assert_int_equal(asked.ended, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_accepted_user_gets_a_place_then_an_address),
		CASE(a_rejected_one_is_recorded_and_counted_by_its_reason),
		CASE(after_a_wrong_one_the_source_waits),
		CASE(a_banned_one_is_not_judged),
		CASE(a_busy_server_is_not_held_against_the_peer),
		CASE(a_full_server_turns_away),
		CASE(the_place_of_a_user_is_asked_back_from_its_holder),
		CASE(a_holder_that_lives_keeps_its_place),
		CASE(without_an_address_there_is_a_login_and_no_network),
		CASE(a_store_that_is_behind_gives_no_address),
		CASE(an_address_for_a_session_that_is_gone_goes_back),
		CASE(an_answer_for_a_session_that_is_gone_is_dropped),
	};

	return cmocka_run_group_tests_name("server/session/login", tests, NULL, NULL);
}
