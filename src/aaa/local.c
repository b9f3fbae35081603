/*
 * aaa/local.c — users of the store.
 *
 * Theory: the whole judgement is one read job on the store thread: find the user, open the secret,
 * check the proof, compute the answer. Secrets thus never leave that thread, and a worker does no
 * more than to post and to receive.
 *
 * Nobody learns from outside whether a name exists: an unknown user is checked against a hash that
 * nobody's password has, with the same work, and gets the same 691. That an account is disabled or
 * expired is said only after the right password.
 *
 * Left out: change of password (RFC 2759 section 7), retries in the same link (R=1).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aaa/backend.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/text.h"
#include "base/mschap.h"

/* Whether the proof is right: 1, 0, or negative errno when it could not be checked. */
static int check_pap(const struct proof *proof, const struct db_login *login)
{
	uint8_t hash[MSCHAP_NT_HASH_LEN];
	bool whole = strlen(proof->password) == proof->password_len;
	int r = mschap_nt_hash(proof->password, hash);

	if (r == -EILSEQ)
		return 0; /* passwords are UTF-8 here */
	if (!r)
		r = whole && crypto_equal(hash, login->nt_hash, sizeof(hash));
	explicit_bzero(hash, sizeof(hash));
	return r;
}

/* RFC 1994 section 4.1: MD5 over identifier, secret, challenge. */
static int check_chap_md5(const struct proof *proof, const struct db_login *login)
{
	uint8_t digest[MD5_LEN];
	struct octets parts[] = {{&proof->identifier, 1},
		{login->password, strlen(login->password)},
		{proof->challenge, sizeof(proof->challenge)}};
	int r = hash_parts(HASH_MD5, parts, ARRAY_SIZE(parts), digest);

	return r < 0 ? r : crypto_equal(digest, proof->md5_response, sizeof(digest));
}

static int check_mschapv2(const struct proof *proof, const struct db_login *login)
{
	uint8_t response[MSCHAP_NT_RESPONSE_LEN];
	int r = mschap_nt_response(proof->challenge, proof->peer_challenge, proof->user,
		proof->user_len, login->nt_hash, response);

	return r < 0 ? r : crypto_equal(response, proof->nt_response, sizeof(response));
}

/* The server's own proof, and the key for the crypto binding ([MS-SSTP] 3.2.5.2.2). */
static int answer_mschapv2(
	const struct proof *proof, const struct db_login *login, struct verdict *ret)
{
	int r = mschap_auth_response(login->nt_hash, proof->nt_response, proof->challenge,
		proof->peer_challenge, proof->user, proof->user_len, ret->auth_response);

	return r < 0 ? r : mschap_hlak(login->nt_hash, proof->nt_response, ret->hlak);
}

/* What each method needs and does. A method without a row is not for local users. */
static const struct method {
	const char *name;
	int (*check)(const struct proof *proof, const struct db_login *login);
	int (*answer)(const struct proof *proof, const struct db_login *login, struct verdict *ret);
	bool needs_reversible;
} methods[AUTH_METHODS] = {
	[AUTH_PAP] = {"pap", check_pap, NULL, false},
	[AUTH_CHAP_MD5] = {"chap-md5", check_chap_md5, NULL, true},
	[AUTH_MSCHAPV2] = {"mschapv2", check_mschapv2, answer_mschapv2, false},
};

static const struct method *method_of(enum auth_method m)
{
	return m < AUTH_METHODS && methods[m].check ? &methods[m] : NULL;
}

static enum event broken_crypto(int r)
{
	return r == -ENOTSUP ? EV_AUTH_CRYPTO_MISSING : EV_AUTH_STORE_FAILED;
}

/*
 * `found`: 0 or -ENOENT, of db_login(). The check is made in either case; a missing hash or
 * password is zeros, which the answer to `right` must not count on: it comes after what is missing.
 */
static enum event judge(
	struct aaa_request *req, const struct db_login *login, int found, int64_t now)
{
	const struct method *m = method_of(req->proof.method);
	int right = m->check(&req->proof, login);

	if (right < 0)
		return broken_crypto(right);
	if (found < 0)
		return EV_AUTH_UNKNOWN_USER;
	if (!login->has_nt)
		return EV_AUTH_NO_SECRET;
	if (m->needs_reversible && !login->has_reversible)
		return EV_AUTH_NO_REVERSIBLE_SECRET;
	if (!right)
		return EV_AUTH_WRONG_PASSWORD;
	if (login->disabled)
		return EV_AUTH_USER_DISABLED;
	if (login->expires_at && login->expires_at <= now)
		return EV_AUTH_USER_EXPIRED;
	if (m->answer) {
		int r = m->answer(&req->proof, login, &req->verdict);

		if (r < 0)
			return broken_crypto(r);
	}
	return EV_AUTH_ACCEPTED;
}

/* What the peer is told; it may be none of its business why. */
static void set_verdict(struct verdict *v, enum event outcome)
{
	switch ((int)outcome) {
	case EV_AUTH_ACCEPTED: v->error = AUTH_OK; return;
	case EV_AUTH_USER_DISABLED:
		v->error = AUTH_DISABLED;
		strcpy(v->message, "Account disabled");
		break;
	case EV_AUTH_USER_EXPIRED:
		v->error = AUTH_PASSWORD_EXPIRED;
		strcpy(v->message, "Account expired");
		break;
	default: v->error = AUTH_FAILED; strcpy(v->message, "Wrong user name or password");
	}
	explicit_bzero(v->hlak, sizeof(v->hlak));
}

static void describe(struct aaa_request *req, const char *why)
{
	const struct method *m = method_of(req->proof.method);

	text_format(req->detail, sizeof(req->detail), "user=\"%.64s\" method=%s%s%.60s", req->user,
		m ? m->name : "other", *why ? " " : "", why);
}

static int run_login(struct db *db, struct store_job *job)
{
	struct aaa_request *req = container_of(job, struct aaa_request, job);
	const struct proof *proof = &req->proof;
	struct db_login login = {0};
	int r = db_login(db, proof->user, proof->user_len, &login);

	if (r < 0 && r != -ENOENT) {
		req->outcome = EV_AUTH_STORE_FAILED;
		describe(req, event_info(db_error(db)->event)->name);
	} else {
		req->outcome = judge(req, &login, r, clock_wall_s());
		if (!r)
			strcpy(req->user, login.name);
		describe(req, "");
	}
	if (req->outcome == EV_AUTH_ACCEPTED) {
		req->user_id = login.id;
		req->expires_at = login.expires_at;
		req->ipv4 = login.ipv4;
		strcpy(req->pool, login.pool);
	}
	set_verdict(&req->verdict, req->outcome);
	db_login_wipe(&login);
	return 0;
}

static int refuse(struct db *db, struct store_job *job)
{
	struct aaa_request *req = container_of(job, struct aaa_request, job);

	req->outcome = EV_AUTH_METHOD_NOT_SERVED;
	describe(req, "");
	set_verdict(&req->verdict, req->outcome);
	return 0;
}

static void login_done(struct store_job *job)
{
	struct aaa_request *req = container_of(job, struct aaa_request, job);

	req->done(req);
}

int local_submit(struct aaa *aaa, struct aaa_request *req)
{
	text_of_octets(req->proof.user, req->proof.user_len, req->user, sizeof(req->user));
	req->job = (struct store_job){.kind = STORE_READ,
		.run = method_of(req->proof.method) ? run_login : refuse,
		.done = login_done,
		.reply_to = req->reply_to};
	return store_submit(aaa->opts.store, &req->job);
}
