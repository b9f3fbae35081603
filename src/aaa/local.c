// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the whole judgement is one job on the store's reading thread: find the user, open the
 * secret, judge the proof, make the grant. Secrets never leave that thread, and a worker only posts
 * and receives.
 */
#include "aaa/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aaa/judge.h"
#include "aaa/policy.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/db.h"

static void describe(struct local_lookup *l, const char *why)
{
	struct aaa_answer *a = &l->answer;

	text_format(a->detail, sizeof(a->detail), "user=\"%.64s\" method=%s%s%.60s", a->user,
		judge_method_word(&l->proof), *why ? " " : "", why);
}

/* What the user's own row grants. */
static struct grant_values values_of(const struct db_login *login)
{
	struct grant_values v = {0};

	if (login->ipv4.family)
		v.address = (struct grant_addr){GRANT_USER, login->ipv4};
	if (*login->pool) {
		v.pool.origin = GRANT_USER;
		snprintf(v.pool.value, sizeof(v.pool.value), "%s", login->pool);
	}
	if (login->expires_at)
		v.expires = (struct grant_date){GRANT_USER, login->expires_at};
	return v;
}

static void take_judgement(struct aaa_answer *a, const struct judgement *j)
{
	a->outcome = j->outcome;
	a->event = j->event;
	a->keys = j->keys;
	a->code = j->code;
	a->final = j->outcome == AAA_REJECT;
	if (j->message)
		snprintf(a->message, sizeof(a->message), "%s", j->message);
	memcpy(a->challenge, j->challenge, j->challenge_len);
	a->challenge_len = j->challenge_len;
}

static void reject(struct local_lookup *l, enum event event, const char *why)
{
	struct judgement j;

	judge_reject(event, &j);
	take_judgement(&l->answer, &j);
	describe(l, why);
}

static void judge(struct local_lookup *l, const struct db_login *login, bool known)
{
	const struct judge_case c = {.proof = &l->proof,
		.login = login,
		.known = known,
		.round = l->round,
		.now_s = clock_wall_s()};
	const struct grant_values own = values_of(login);
	struct judgement j = {0};

	l->judge->judge(&c, &j);
	if (known)
		strcpy(l->answer.user, login->name);
	take_judgement(&l->answer, &j);
	describe(l, "");
	explicit_bzero(&j, sizeof(j));
	if (l->answer.outcome != AAA_ACCEPT)
		return;
	l->answer.user_id = login->id;
	if (policy_grant(l->defaults, &own, &l->answer.grant) < 0)
		reject(l, EV_AUTH_STORE_FAILED, event_info(EV_OUT_OF_MEMORY)->name);
}

static int run_login(struct db *db, struct store_job *job)
{
	struct local_lookup *l = container_of(job, struct local_lookup, job);
	const struct proof *proof = &l->proof;
	struct db_login login = {0};
	int r = db_login(db, proof->user, proof->user_len, &login);

	if (r < 0 && r != -ENOENT)
		reject(l, EV_AUTH_STORE_FAILED, event_info(db_error(db)->event)->name);
	else
		judge(l, &login, !r);
	db_login_wipe(&login);
	return 0;
}

static int refuse(struct db *db UNUSED, struct store_job *job)
{
	reject(container_of(job, struct local_lookup, job), EV_AUTH_METHOD_NOT_SERVED, "");
	return 0;
}

static void login_done(struct store_job *job)
{
	struct local_lookup *l = container_of(job, struct local_lookup, job);

	l->done(l);
}

static bool serves(const struct local_lookup *l)
{
	return judge_is_certificate(&l->proof) || l->judge->serves(l->proof.method);
}

int local_ask(struct store *store, struct local_lookup *l)
{
	l->answer = (struct aaa_answer){0};
	text_of_octets(l->proof.user, l->proof.user_len, l->answer.user, sizeof(l->answer.user));
	l->job = (struct store_job){.kind = STORE_READ,
		.run = serves(l) ? run_login : refuse,
		.done = login_done,
		.reply_to = l->reply_to};
	return store_submit(store, &l->job);
}
