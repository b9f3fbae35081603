// SPDX-License-Identifier: Apache-2.0
/*
 * `culvert user totp`: a second factor for a user. The seed is shown once, as a key to type, as a URI
 * and as a QR code; after that it is only in the database, sealed as passwords are.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aaa/method.h"
#include "base/crypto.h"
#include "base/eap.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/qr.h"
#include "cli/user.h"
#include "cli/values.h"
#include "config/config.h"

static int refuse(const char *text)
{
	cmd_fail(EV_USER_TOTP_REFUSED, text);
	return CMD_FAILED;
}

/* May the user log in by a method whose proof hides password and code? */
static bool needs_password_itself(const struct config *cfg, const struct grant_methods *own)
{
	static const char *const words[] = {"mschapv2", "eap-mschapv2", "eap-peap"};
	enum auth_method offered[AUTH_METHODS];
	uint8_t types[CONFIG_SET_MAX];
	size_t n = config_auth_methods(cfg, offered), n_types = config_eap_types(cfg, false, types);
	bool eap = memchr(types, EAP_MSCHAPV2, n_types) || memchr(types, EAP_PEAP, n_types);

	for (size_t i = 0; own->origin && i < ARRAY_SIZE(words); i++)
		if (method_allowed(own->mask, words[i]))
			return true;
	for (size_t i = 0; !own->origin && i < n; i++)
		eap |= offered[i] == AUTH_MSCHAPV2;
	return !own->origin && eap;
}

static int check_password_kept(struct db *db, const struct config *cfg, const struct db_user *user)
{
	AUTO_MEM struct values_found *f = calloc(1, sizeof(*f));
	char why[400];
	int r = f ? values_of_user(db, cfg, user, f) : -ENOMEM;

	if (r < 0 || user->reversible || !needs_password_itself(cfg, &f->all.methods))
		return r;
	text_format(why, sizeof(why),
		"only the NT hash of %.100s's password is kept, and MS-CHAPv2 with a code needs the password itself: "
		"`culvert user passwd %.100s --reversible` first; or methods=pap, or methods=eap-tls,pap",
		user->name, user->name);
	return refuse(why);
}

int user_totp_enrol(struct db *db, const struct config *cfg, const struct db_user *user, bool again,
	uint8_t ret_seed[static TOTP_SEED_LEN])
{
	char why[400];
	int r;

	if (user->totp && !again) {
		text_format(why, sizeof(why),
			"%.100s has one already: --new replaces it (the entry in the user's app no longer counts then), "
			"--remove takes it away",
			user->name);
		return refuse(why);
	}
	r = check_password_kept(db, cfg, user);
	if (r)
		return r;
	crypto_random(ret_seed, TOTP_SEED_LEN);
	return db_user_set_totp(db, user->id, ret_seed);
}

static void print_json(const char *user, const char *uri, const char *key)
{
	json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:i, s:i}", "user", json_text(user), "uri", uri,
		"secret", key, "algorithm", "SHA1", "digits", TOTP_DIGITS, "period", TOTP_STEP_S);

	ask_print_json(o);
	json_decref(o);
}

static void print_key(const char *key)
{
	fputs("The key, to type: ", stdout);
	for (size_t i = 0; key[i]; i += 4)
		text_fprintf(stdout, "%s%.4s", i ? " " : "", key + i);
	fputs(" (time-based, 6 digits, 30 seconds)\n", stdout);
}

void user_totp_print(
	const char *issuer, const char *user, const uint8_t seed[static TOTP_SEED_LEN], bool json)
{
	char uri[TOTP_URI_LEN], key[TOTP_BASE32_LEN];

	totp_uri(seed, issuer, user, uri);
	totp_base32(seed, key);
	if (json) {
		print_json(user, uri, key);
	} else {
		text_fprintf(stdout, "%s\n", uri);
		if (qr_print(uri, isatty(STDOUT_FILENO), stdout) < 0)
			fputs("(too long for a QR code)\n", stdout);
		print_key(key);
		text_fprintf(stdout,
			"From now on user %s types the password with the six digits behind it, in one word.\n",
			user);
	}
	explicit_bzero(uri, sizeof(uri));
	explicit_bzero(key, sizeof(key));
}
