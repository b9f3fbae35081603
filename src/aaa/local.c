// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the whole judgement is one job on the store's reading thread: find the user, open the
 * secret, judge the proof, make the grant, see whether it lets the user in (policy.h). Secrets never
 * leave that thread, and a worker only posts and receives.
 *
 * A one-time code must count once, among all workers and processes. When a proof with a code is right,
 * the whole judgement is made again as a writing job, which uses the code up in the same transaction.
 */
#include "aaa/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aaa/judge.h"
#include "aaa/policy.h"
#include "aaa/stored.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/eap.h"
#include "base/text.h"
#include "store/db.h"

static void describe(struct local_lookup *l, const char *why)
{
	struct aaa_answer *a = &l->answer;

	text_format(a->detail, sizeof(a->detail), "user=\"%.64s\" method=%s%s%.60s", a->user,
		judge_method_word(&l->proof), *why ? " " : "", why);
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
	if (event == EV_AUTH_PASSWORD_OLD && l->proof.method == AUTH_MSCHAPV2 && !l->proof.change)
		l->answer.final = false; /* a new one may follow */
	describe(l, why);
}

static bool needs_code(const struct local_lookup *l, const struct db_login *login,
	const struct grant_values *values)
{
	return policy_needs_code(values, login->has_totp, judge_is_certificate(&l->proof));
}

/*
 * The code is right, and its login may come in: it counts unless it was used before. In a job that
 * only reads that is left to the second one.
 */
static void use_code(struct local_lookup *l, struct db *db, int64_t step)
{
	int r;

	if (l->job.kind == STORE_READ) {
		l->uses_code = true;
		return;
	}
	r = db_totp_use(db, l->answer.user_id, step);
	if (!r)
		return;
	grant_unref(TAKE(l->answer.grant));
	reject(l, r == -EALREADY ? EV_AUTH_TOTP_USED : EV_AUTH_STORE_FAILED, "");
}

/* An old password would be changed in the login, where the code cannot be asked for once more. */
static void reject_old_with_code(struct local_lookup *l)
{
	reject(l, EV_AUTH_TOTP_NO_CHANGE, "");
	l->answer.code = AUTH_NO_DIALIN;
	snprintf(l->answer.message, sizeof(l->answer.message), "%s",
		"The administrator must set a new password");
}

/* The proof was right: what the user may have, and whether that lets it in. */
static void admit(struct local_lookup *l, const struct db_login *login,
	const struct grant_values *values, int64_t now_s)
{
	const struct policy_case c = {.method = judge_method_word(&l->proof),
		.has_password = l->proof.eap_type != EAP_TLS,
		.password_at = login->password_at,
		.now_s = now_s};
	enum event event;

	if (policy_grant(l->defaults, values, &l->answer.grant) < 0) {
		reject(l, EV_AUTH_STORE_FAILED, event_info(EV_OUT_OF_MEMORY)->name);
		return;
	}
	event = policy_check(&l->answer.grant->is, &c);
	if (event == EV_AUTH_ACCEPTED) {
		l->answer.user_id = login->id;
		return;
	}
	grant_unref(TAKE(l->answer.grant));
	if (event == EV_AUTH_PASSWORD_OLD && needs_code(l, login, values))
		reject_old_with_code(l);
	else
		reject(l, event, "");
}

static void judge(struct local_lookup *l, struct db *db, const struct db_login *login, bool known,
	const struct grant_values *values)
{
	const struct judge_case c = {.proof = &l->proof,
		.login = login,
		.known = known,
		.needs_code = needs_code(l, login, values),
		.round = l->round,
		.now_s = clock_wall_s()};
	struct judgement j = {0};

	l->judge->judge(&c, &j);
	if (known)
		strcpy(l->answer.user, login->name);
	take_judgement(&l->answer, &j);
	describe(l, "");
	if (l->answer.outcome == AAA_ACCEPT)
		admit(l, login, values, c.now_s);
	if (l->answer.outcome == AAA_ACCEPT && j.totp_step)
		use_code(l, db, j.totp_step);
	explicit_bzero(&j, sizeof(j));
}

/*
 * The user's row and values. 0; -ENOENT: there is no such user, for whom rows are read, too: it takes as
 * long. Else the answer is a rejection already.
 */
static int find_user(struct db *db, struct local_lookup *l, struct db_login *ret_login,
	struct grant_values *ret_values)
{
	char why[GRANT_WHY_LEN];
	int found = db_login(db, l->proof.user, l->proof.user_len, ret_login), r = found;

	if (!r || r == -ENOENT) {
		const struct grant_values columns = stored_columns(&ret_login->ipv4,
			ret_login->pool, ret_login->expires_at, ret_login->disabled);

		r = stored_grant(db, ret_login->id, &columns, ret_values, why);
	}
	if (r == -EBADMSG)
		reject(l, EV_AUTH_GRANT_UNREADABLE, why);
	else if (r < 0)
		reject(l, EV_AUTH_STORE_FAILED, event_info(db_error(db)->event)->name);
	return r < 0 ? r == -ENOENT ? -EIO : r : found;
}

static int run_login(struct db *db, struct store_job *job)
{
	struct local_lookup *l = container_of(job, struct local_lookup, job);
	struct db_login login = {0};
	struct grant_values values = {0};
	int found;

	grant_unref(TAKE(l->answer.grant)); /* of a run that was undone */
	found = find_user(db, l, &login, &values);
	if (!found || found == -ENOENT)
		judge(l, db, &login, !found, &values);
	db_login_wipe(&login);
	return l->job.kind == STORE_WRITE && l->answer.event == EV_AUTH_STORE_FAILED ? -EIO : 0;
}

/* ---- a new password -------------------------------------------------------------------------- */

static enum event write_password(struct db *db, const struct db_login *login, const char *password)
{
	int r = db_user_set_password(db, login->id, password, login->has_reversible);

	if (r == -EINVAL)
		return EV_AUTH_PASSWORD_UNFIT;
	if (!r)
		r = db_value_set(db, DB_USER, login->id, "must_change", NULL);
	return !r || r == -ENOENT ? EV_AUTH_ACCEPTED : EV_AUTH_STORE_FAILED;
}

/* All that policy asks but whether the password is old, before anything is written. */
static void change(struct local_lookup *l, struct db *db, struct db_login *login, bool known,
	struct grant_values *values)
{
	const struct judge_case c = {
		.proof = &l->proof, .login = login, .known = known, .now_s = clock_wall_s()};
	char password[STORE_PASSWORD_MAX + 1] = "";
	struct aaa_keys keys = {0};
	enum event event = judge_change(&c, password, &keys);

	if (known && needs_code(l, login, values)) /* whether the old one was right is not said */
		event = EV_AUTH_TOTP_NO_CHANGE;
	if (known)
		strcpy(l->answer.user, login->name);
	if (event == EV_AUTH_ACCEPTED) {
		const struct judgement j = {
			.outcome = AAA_ACCEPT, .event = EV_AUTH_ACCEPTED, .keys = keys};

		values->must_change.value = false;
		login->password_at = c.now_s;
		take_judgement(&l->answer, &j);
		describe(l, "");
		admit(l, login, values, c.now_s);
		event = l->answer.event;
	}
	if (event == EV_AUTH_ACCEPTED)
		event = write_password(db, login, password);
	l->answer.password_changed = event == EV_AUTH_ACCEPTED;
	if (!l->answer.password_changed) {
		grant_unref(TAKE(l->answer.grant));
		reject(l, event, "");
	}
	explicit_bzero(password, sizeof(password));
	explicit_bzero(&keys, sizeof(keys));
}

static int run_change(struct db *db, struct store_job *job)
{
	struct local_lookup *l = container_of(job, struct local_lookup, job);
	struct db_login login = {0};
	struct grant_values values = {0};
	int found;

	grant_unref(TAKE(l->answer.grant)); /* of a run that was undone */
	found = find_user(db, l, &login, &values);
	if (!found || found == -ENOENT)
		change(l, db, &login, !found, &values);
	db_login_wipe(&login);
	return l->answer.event == EV_AUTH_STORE_FAILED ? -EIO : 0;
}

static int refuse(struct db *db UNUSED, struct store_job *job)
{
	reject(container_of(job, struct local_lookup, job), EV_AUTH_METHOD_NOT_SERVED, "");
	return 0;
}

/* The judgement once more, with the right to write. False: too many wait. */
static bool judge_again(struct local_lookup *l)
{
	grant_unref(TAKE(l->answer.grant));
	l->uses_code = false;
	l->job.kind = STORE_WRITE;
	return !store_submit(l->store, &l->job);
}

static void login_done(struct store_job *job)
{
	struct local_lookup *l = container_of(job, struct local_lookup, job);

	if (l->uses_code) {
		if (judge_again(l))
			return;
		reject(l, EV_SERVER_BUSY, "");
	}
	if (job->result < 0 &&
		l->answer.outcome == AAA_ACCEPT) { /* a change that was not committed */
		grant_unref(TAKE(l->answer.grant));
		reject(l, EV_AUTH_STORE_FAILED, "");
	}
	l->done(l);
}

static bool serves(const struct local_lookup *l)
{
	return judge_is_certificate(&l->proof) || l->judge->serves(l->proof.method);
}

int local_ask(struct store *store, struct local_lookup *l)
{
	l->answer = (struct aaa_answer){0};
	l->store = store;
	text_of_octets(l->proof.user, l->proof.user_len, l->answer.user, sizeof(l->answer.user));
	l->job = (struct store_job){.kind = l->proof.change ? STORE_WRITE : STORE_READ,
		.run = !serves(l)        ? refuse
		       : l->proof.change ? run_change
					 : run_login,
		.done = login_done,
		.reply_to = l->reply_to};
	return store_submit(store, &l->job);
}
