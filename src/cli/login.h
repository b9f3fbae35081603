// SPDX-License-Identifier: Apache-2.0
/*
 * cli/login.h — how a command logs in: the methods of --auth, the user's secrets, and the EAP peer that is
 * made of them. For `connect` and `diagnose`.
 *
 * Ownership: texts are borrowed from the command line; login_done() frees and wipes the rest.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/credentials.h"
#include "cli/password.h"

struct eap_peer;

struct login {
	enum auth_method methods[AUTH_METHODS]; /* most wanted first */
	size_t n_methods;
	uint8_t eap[4]; /* enum eap_type, likewise */
	size_t n_eap;
	const char *password_file;
	/* What login_make() made: */
	char password[PASSWORD_MAX + 1]; /* "": no method needs one */
	struct eap_peer *peer;           /* NULL: no EAP */
};

#define LOGIN_METHODS "mschapv2, chap, pap, eap-mschapv2 or eap-md5"

/* "eap-mschapv2,mschapv2": blanks or commas between them, preferred first. -EINVAL. */
int login_allow(const char *list, struct login *ret);
/* Asks for what is missing. 0, or an exit code: it has been said why. */
int login_make(struct login *l, const char *user);
void login_done(struct login *l);
