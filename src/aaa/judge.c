// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a stranger cannot find out whether a name exists: an unknown user is checked against a hash
 * of zeros, with the same work, and gets the same 691. That an account is disabled or expired is said
 * only after the right password.
 *
 * With a second factor the proof is that of password and code in one word (code.h), and so are its keys.
 *
 * Left out: retries in the same link (R=1).
 */
#include "aaa/judge.h"

#include <errno.h>
#include <string.h>

#include "aaa/code.h"
#include "base/crypto.h"
#include "base/eap.h"
#include "base/mschap.h"
#include "base/mschap_change.h"
#include "store/db.h"

/* ---- the methods: whether the proof is right is 1, 0, or negative errno (not to be checked) ---- */

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
static int keys_of_mschapv2(
	const struct proof *proof, const struct db_login *login, struct aaa_keys *ret)
{
	int r = mschap_auth_response(login->nt_hash, proof->nt_response, proof->challenge,
		proof->peer_challenge, proof->user, proof->user_len, ret->auth_response);

	return r < 0 ? r : mschap_hlak(login->nt_hash, proof->nt_response, ret->hlak);
}

/* What each method needs and does. A method without a row is not for local users. */
static const struct method {
	const char *word;
	int (*check)(const struct proof *proof, const struct db_login *login);
	int (*keys)(const struct proof *proof, const struct db_login *login, struct aaa_keys *ret);
	bool needs_reversible;
	bool carries_code, code_needs_reversible; /* a one-time code behind the password */
} methods[AUTH_METHODS] = {
	[AUTH_PAP] = {"pap", check_pap, NULL, false, true, false},
	[AUTH_CHAP_MD5] = {"chap", check_chap_md5, NULL, true, false, false},
	[AUTH_MSCHAPV2] = {"mschapv2", check_mschapv2, keys_of_mschapv2, false, true, true},
};

static bool serves(enum auth_method m)
{
	return m < AUTH_METHODS && methods[m].check;
}

const char *judge_method_word(const struct proof *proof)
{
	switch (proof->eap_tunnel ? proof->eap_tunnel : proof->eap_type) {
	case EAP_MD5: return "eap-md5";
	case EAP_TLS: return "eap-tls";
	case EAP_PEAP: return "eap-peap";
	case EAP_MSCHAPV2: return "eap-mschapv2";
	}
	if (proof->method == AUTH_EAP)
		return "eap";
	return serves(proof->method) ? methods[proof->method].word : "other";
}

bool judge_is_certificate(const struct proof *proof)
{
	return proof->method == AUTH_EAP && proof->eap_type == EAP_TLS;
}

/* ---- the judgement ------------------------------------------------------------ */

static enum event broken_crypto(int r)
{
	return r == -ENOTSUP ? EV_AUTH_CRYPTO_MISSING : EV_AUTH_STORE_FAILED;
}

static enum event find_holder(const struct judge_case *c)
{
	if (!c->known)
		return EV_AUTH_CERT_UNKNOWN_USER;
	if (c->login->disabled)
		return EV_AUTH_USER_DISABLED;
	if (c->login->expires_at && c->login->expires_at <= c->now_s)
		return EV_AUTH_USER_EXPIRED;
	return c->needs_code ? EV_AUTH_TOTP_METHOD : EV_AUTH_ACCEPTED;
}

/* `right`: the proof is that of the password alone. */
static enum event find_code(const struct judge_case *c, const struct method *m, bool right,
	const struct code_match *match)
{
	if (!c->login->has_totp)
		return right ? EV_AUTH_TOTP_NOT_ENROLLED : EV_AUTH_WRONG_PASSWORD;
	if (!m->carries_code)
		return right ? EV_AUTH_TOTP_METHOD : EV_AUTH_WRONG_PASSWORD;
	if (match->step)
		return EV_AUTH_ACCEPTED;
	if (right)
		return EV_AUTH_TOTP_MISSING;
	if (m->code_needs_reversible && !c->login->has_reversible)
		return EV_AUTH_TOTP_NO_REVERSIBLE;
	return match->password ? EV_AUTH_TOTP_WRONG : EV_AUTH_WRONG_PASSWORD;
}

static enum event find_fault(const struct judge_case *c, const struct method *m, bool right,
	const struct code_match *match)
{
	const struct db_login *login = c->login;

	if (!c->known)
		return EV_AUTH_UNKNOWN_USER;
	if (!login->has_nt)
		return EV_AUTH_NO_SECRET;
	if (m->needs_reversible && !login->has_reversible)
		return EV_AUTH_NO_REVERSIBLE_SECRET;
	if (c->needs_code)
		return find_code(c, m, right, match);
	return right ? EV_AUTH_ACCEPTED : EV_AUTH_WRONG_PASSWORD;
}

/*
 * The check is made whether the user is known or not. A missing hash or password is zeros, which the
 * answer to `right` must not count on: it comes after what is missing. A wrong proof costs the work of one
 * with a code, too, for every name.
 */
static enum event find(const struct judge_case *c, struct aaa_keys *ret, int64_t *ret_step)
{
	const struct method *m = &methods[c->proof->method];
	struct code_match match = {0};
	int right = m->check(c->proof, c->login), r = 0;
	enum event event;

	if (right >= 0 && m->carries_code && (!right || c->needs_code))
		r = code_find(c->proof, c->login, c->now_s, m->check, &match);
	if (right < 0 || r < 0)
		return broken_crypto(right < 0 ? right : r);
	event = find_fault(c, m, right, &match);
	if (event == EV_AUTH_ACCEPTED && m->keys)
		r = m->keys(c->proof, c->needs_code ? &match.login : c->login, ret);
	*ret_step = c->needs_code ? match.step : 0;
	explicit_bzero(&match, sizeof(match));
	return r < 0 ? broken_crypto(r) : event;
}

/* The new password's own proofs, once it is open. */
static bool change_is_right(const struct judge_case *c, const char *password)
{
	struct db_login next = *c->login;
	uint8_t sealed[MSCHAP_NT_HASH_LEN];
	bool right = !mschap_nt_hash(password, next.nt_hash) &&
		     !mschap_hash_seal(c->login->nt_hash, next.nt_hash, sealed) &&
		     crypto_equal(sealed, c->proof->change + MSCHAP_PW_BLOCK_LEN, sizeof(sealed)) &&
		     check_mschapv2(c->proof, &next) == 1;

	db_login_wipe(&next);
	explicit_bzero(sealed, sizeof(sealed));
	return right;
}

static int keys_of_change(
	const struct judge_case *c, const char *password, struct aaa_keys *ret_keys)
{
	struct db_login next = *c->login;
	int r = mschap_nt_hash(password, next.nt_hash);

	if (!r && crypto_equal(next.nt_hash, c->login->nt_hash, sizeof(next.nt_hash)))
		r = -EEXIST; /* the old one again */
	if (!r)
		r = keys_of_mschapv2(c->proof, &next, ret_keys);
	db_login_wipe(&next);
	return r;
}

enum event judge_change(const struct judge_case *c,
	char ret_password[static STORE_PASSWORD_MAX + 1], struct aaa_keys *ret_keys)
{
	int r = mschap_password_open(
		c->proof->change, c->login->nt_hash, ret_password, STORE_PASSWORD_MAX + 1);

	if (r == -ENOTSUP)
		return EV_AUTH_CRYPTO_MISSING;
	if (!c->known)
		return EV_AUTH_UNKNOWN_USER;
	if (!c->login->has_nt)
		return EV_AUTH_NO_SECRET;
	if (r < 0 || !change_is_right(c, ret_password))
		return EV_AUTH_WRONG_PASSWORD;
	r = keys_of_change(c, ret_password, ret_keys);
	if (r == -EEXIST)
		return EV_AUTH_PASSWORD_UNFIT;
	return r < 0 ? broken_crypto(r) : EV_AUTH_ACCEPTED;
}

/* What the peer learns; it may be none of its business why. */
void judge_reject(enum event event, struct judgement *ret)
{
	*ret = (struct judgement){.outcome = AAA_REJECT, .event = event};
	switch ((int)event) {
	case EV_AUTH_USER_DISABLED:
		ret->code = AUTH_DISABLED;
		ret->message = "Account disabled";
		break;
	case EV_AUTH_USER_EXPIRED:
		ret->code = AUTH_PASSWORD_EXPIRED;
		ret->message = "Account expired";
		break;
	case EV_AUTH_PASSWORD_OLD:
		ret->code = AUTH_PASSWORD_EXPIRED;
		ret->message = "Password expired";
		break;
	case EV_AUTH_PASSWORD_UNFIT:
		ret->code = AUTH_PASSWORD_REFUSED;
		ret->message = "The new password cannot be taken";
		break;
	case EV_AUTH_OUTSIDE_HOURS:
		ret->code = AUTH_RESTRICTED_HOURS;
		ret->message = "Not at this hour";
		break;
	default: ret->code = AUTH_FAILED; ret->message = "Wrong user name or password";
	}
}

static void judge_password(const struct judge_case *c, struct judgement *ret)
{
	struct aaa_keys keys = {0};
	int64_t step = 0;
	enum event event = judge_is_certificate(c->proof) ? find_holder(c) : find(c, &keys, &step);

	if (event == EV_AUTH_ACCEPTED)
		*ret = (struct judgement){
			.outcome = AAA_ACCEPT, .event = event, .keys = keys, .totp_step = step};
	else
		judge_reject(event, ret);
	explicit_bzero(&keys, sizeof(keys));
}

const struct aaa_judge judge_of_passwords = {serves, judge_password};

static bool serves_any(enum auth_method m)
{
	return m != AUTH_NONE;
}

static void judge_presence(const struct judge_case *c, struct judgement *ret)
{
	if (c->known)
		*ret = (struct judgement){.outcome = AAA_CHALLENGE};
	else
		judge_reject(EV_AUTH_UNKNOWN_USER, ret);
}

const struct aaa_judge judge_of_presence = {serves_any, judge_presence};
