// SPDX-License-Identifier: Apache-2.0
#include "cli/login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "eap/peer.h"

static const struct {
	const char *name;
	enum auth_method method;
	uint8_t eap;
	bool password;
} words[] = {
	{"mschapv2", AUTH_MSCHAPV2, 0, true},
	{"chap", AUTH_CHAP_MD5, 0, true},
	{"pap", AUTH_PAP, 0, true},
	{"eap-mschapv2", AUTH_EAP, EAP_MSCHAPV2, true},
	{"eap-md5", AUTH_EAP, EAP_MD5, true},
};

static int add_word(struct login *l, const char *word, size_t len)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(words) &&
		(strlen(words[i].name) != len || memcmp(words[i].name, word, len) != 0))
		i++;
	if (i == ARRAY_SIZE(words))
		return -EINVAL;
	if (words[i].eap && !memchr(l->eap, words[i].eap, l->n_eap))
		l->eap[l->n_eap++] = words[i].eap;
	for (size_t k = 0; k < l->n_methods; k++)
		if (l->methods[k] == words[i].method)
			return 0;
	l->methods[l->n_methods++] = words[i].method;
	return 0;
}

int login_allow(const char *list, struct login *ret)
{
	ret->n_methods = ret->n_eap = 0;
	for (list += strspn(list, ", "); *list; list += strspn(list, ", ")) {
		size_t len = strcspn(list, ", ");

		if (add_word(ret, list, len) < 0)
			return -EINVAL;
		list += len;
	}
	return ret->n_methods ? 0 : -EINVAL;
}

/* A method that needs a password is allowed. */
static bool needs_password(const struct login *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!words[i].password)
			continue;
		if (words[i].eap && memchr(l->eap, words[i].eap, l->n_eap))
			return true;
		for (size_t k = 0; !words[i].eap && k < l->n_methods; k++)
			if (l->methods[k] == words[i].method)
				return true;
	}
	return false;
}

/* The server says that the password has expired. It waits while the user types. */
static int ask_new_password(void *arg UNUSED, char ret[static PAP_PASSWORD_MAX + 1])
{
	char again[PASSWORD_MAX + 1];
	int r;

	text_fprintf(stderr, "culvert: the password has expired\n");
	r = password_read(NULL, "New password: ", ret, PASSWORD_MAX + 1);
	if (!r)
		r = password_read(NULL, "Again: ", again, sizeof(again));
	if (!r && strcmp(ret, again)) {
		text_fprintf(stderr, "culvert: the two passwords differ\n");
		r = -EINVAL;
	}
	explicit_bzero(again, sizeof(again));
	return r;
}

static int make_peer(struct login *l, const char *user)
{
	struct eap_client_opts opts = {.user = user,
		.password = *l->password ? l->password : NULL,
		.n_types = l->n_eap,
		.new_password = ask_new_password};

	memcpy(opts.types, l->eap, l->n_eap);
	return eap_client_new(&opts, &l->peer) < 0 ? CMD_FAILED : CMD_OK;
}

int login_make(struct login *l, const char *user)
{
	if (needs_password(l) &&
		password_read(l->password_file, "Password: ", l->password, sizeof(l->password)) < 0)
		return CMD_USAGE; /* it said why */
	return l->n_eap ? make_peer(l, user) : CMD_OK;
}

void login_done(struct login *l)
{
	eap_client_free(l->peer);
	explicit_bzero(l, sizeof(*l));
}
