// SPDX-License-Identifier: Apache-2.0
#include "aaa/code.h"

#include <string.h>

#include "base/crypto.h"

/* Was the proof made with this code? 1, and m->login is set; 0; negative errno. */
typedef int try_step(struct code_match *m, const struct proof *proof, const struct db_login *login,
	const char *code, code_check *check);

/* ---- MS-CHAPv2: what would the proof be? ---- */

static int try_hidden(struct code_match *m, const struct proof *proof, const struct db_login *login,
	const char *code, code_check *check)
{
	char word[STORE_PASSWORD_MAX + TOTP_CODE_LEN];
	struct db_login tried = *login;
	size_t n = login->has_reversible ? strnlen(login->password, STORE_PASSWORD_MAX) : 0;
	int r;

	memcpy(word, login->password, n);
	memcpy(word + n, code, TOTP_CODE_LEN);
	r = mschap_nt_hash(word, tried.nt_hash);
	if (!r)
		r = check(proof, &tried);
	if (r > 0)
		m->login = tried;
	explicit_bzero(word, sizeof(word));
	db_login_wipe(&tried);
	return r;
}

/* ---- PAP: what was typed? ---- */

static int try_shown(struct code_match *m, const struct proof *proof, const struct db_login *login,
	const char *code, code_check *check UNUSED)
{
	size_t n = proof->password_len;
	bool right = n > TOTP_DIGITS &&
		     crypto_equal(proof->password + n - TOTP_DIGITS, code, TOTP_DIGITS);

	if (right && m->password)
		m->login = *login;
	return right && m->password;
}

/* Is the word without its last digits the password? */
static int check_front(const struct proof *proof, const struct db_login *login, code_check *check)
{
	struct proof front = *proof;
	int r;

	front.password_len -= front.password_len > TOTP_DIGITS ? TOTP_DIGITS : 0;
	front.password[front.password_len] = '\0';
	r = check(&front, login);
	proof_wipe(&front);
	return r;
}

/* ------------------------------------------------------------------------------------------------- */

static int try_all(const struct proof *proof, const struct db_login *login, int64_t now_s,
	code_check *check, struct code_match *m)
{
	try_step *try = proof->method == AUTH_PAP ? try_shown : try_hidden;
	char code[TOTP_CODE_LEN];
	int r = 0;

	for (int64_t step = totp_step(now_s) - TOTP_WINDOW;
		r >= 0 && step <= totp_step(now_s) + TOTP_WINDOW; step++) {
		r = totp_code(login->totp_seed, sizeof(login->totp_seed), step, TOTP_DIGITS, code);
		if (!r)
			r = try(m, proof, login, code, check);
		if (r > 0 && step > m->step)
			m->step = step;
	}
	explicit_bzero(code, sizeof(code));
	return r < 0 ? r : 0;
}

int code_find(const struct proof *proof, const struct db_login *login, int64_t now_s,
	code_check *check, struct code_match *ret)
{
	int r = 0;

	*ret = (struct code_match){0};
	if (proof->method == AUTH_PAP) {
		r = check_front(proof, login, check);
		ret->password = r > 0;
	}
	return r < 0 ? r : try_all(proof, login, now_s, check, ret);
}
