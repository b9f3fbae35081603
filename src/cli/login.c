// SPDX-License-Identifier: Apache-2.0
#include "cli/login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "eap/peer.h"
#include "tls/ctx.h"
#include "tls/identity.h"

static const struct {
	const char *name;
	enum auth_method method;
	uint8_t eap;
	bool password;
} words[] = {
	{"mschapv2", AUTH_MSCHAPV2, 0, true},
	{"chap", AUTH_CHAP_MD5, 0, true},
	{"pap", AUTH_PAP, 0, true},
	{"eap-tls", AUTH_EAP, EAP_TLS, false},
	{"peap", AUTH_EAP, EAP_PEAP, true},
	{"eap-peap", AUTH_EAP, EAP_PEAP, true},
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

/* A method that needs a password is allowed. Inside PEAP a certificate does as well. */
static bool needs_password(const struct login *l)
{
	bool other = l->password_file || !l->identity;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!words[i].password || (words[i].eap == EAP_PEAP && !other))
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

bool login_option(struct login *l, int c, const char *value)
{
	switch (c) {
	case LOGIN_CERT: l->cert = value; return true;
	case LOGIN_KEY: l->key = value; return true;
	case LOGIN_P12: l->p12 = value; return true;
	case LOGIN_P12_PASSWORD: l->p12_password_file = value; return true;
	case LOGIN_EAP_CA: l->eap_ca = value; return true;
	case LOGIN_EAP_NAME: l->eap_name = value; return true;
	case LOGIN_PEAP_BINDING: l->peap_binding = value; return true;
	default: return false;
	}
}

/* ---- the certificate ---- */

static int refused(const struct tls_failure *why)
{
	return cmd_fail(why->event, why->text);
}

static int read_whole(const char *path, uint8_t **ret, size_t *ret_n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct tls_failure why;
	ssize_t got = 1;
	size_t n = 0;

	if (fd < 0) {
		tls_failure_set(&why, 0, EV_CERT_FILE_UNREADABLE, "%s: %s", path, strerror(errno));
		return refused(&why);
	}
	*ret = malloc(TLS_IDENTITY_FILE_MAX + 1);
	while (*ret && got > 0 && n <= TLS_IDENTITY_FILE_MAX) {
		got = read(fd, *ret + n, TLS_IDENTITY_FILE_MAX + 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	*ret_n = n;
	return *ret ? CMD_OK : CMD_FAILED;
}

static int open_p12(
	struct login *l, const char *passphrase, struct tls_failure *why, int *ret_error)
{
	AUTO_MEM uint8_t *octets = NULL;
	size_t n = 0;
	int r = read_whole(l->p12, &octets, &n);

	if (r)
		return r;
	*ret_error = tls_identity_p12(
		(struct octets){octets, n}, passphrase ? passphrase : "", &l->identity, why);
	explicit_bzero(octets, n);
	return CMD_OK;
}

static int open_identity(
	struct login *l, const char *passphrase, struct tls_failure *why, int *ret_error)
{
	if (l->p12)
		return open_p12(l, passphrase, why, ret_error);
	*ret_error = tls_identity_pem(l->cert, l->key, passphrase, &l->identity, why);
	return CMD_OK;
}

/* Without a passphrase first: many files have none. */
static int load_identity(struct login *l)
{
	char passphrase[PASSWORD_MAX + 1] = "", prompt[300];
	struct tls_failure why = {0};
	int error = -EKEYREJECTED, r = CMD_OK;

	if (!l->p12_password_file)
		r = open_identity(l, NULL, &why, &error);
	if (!r && error == -EKEYREJECTED) {
		text_format(prompt, sizeof(prompt), "Passphrase of %.200s: ",
			l->p12   ? l->p12
			: l->key ? l->key
				 : l->cert);
		if (password_read(l->p12_password_file, prompt, passphrase, sizeof(passphrase)) < 0)
			return CMD_USAGE;
		r = open_identity(l, passphrase, &why, &error);
	}
	explicit_bzero(passphrase, sizeof(passphrase));
	return r ? r : error < 0 ? refused(&why) : CMD_OK;
}

static int check_options(const struct login *l)
{
	const char *wrong = NULL;

	if (l->p12 && (l->cert || l->key))
		wrong = "--p12 has certificate and key: --cert and --key are of no use";
	else if (l->key && !l->cert)
		wrong = "--key needs --cert: which certificate is it of?";
	else if (memchr(l->eap, EAP_TLS, l->n_eap) && !l->p12 && !l->cert)
		wrong = "eap-tls needs your certificate: --p12 FILE, or --cert and --key";
	else if (l->peap_binding && strcmp(l->peap_binding, "required") != 0 &&
		 strcmp(l->peap_binding, "optional") != 0)
		wrong = "--peap-binding: expected required or optional";
	if (wrong)
		text_fprintf(stderr, "culvert: %s\n", wrong);
	return wrong ? CMD_USAGE : CMD_OK;
}

static int make_tls(struct login *l, const struct login_trust *trust)
{
	struct tls_client_opts opts = {.ca_file = l->eap_ca ? l->eap_ca : trust->ca_file,
		.pins = l->eap_ca ? NULL : trust->pins,
		.n_pins = l->eap_ca ? 0 : trust->n_pins,
		.insecure = !l->eap_ca && trust->insecure,
		.inner = true,
		.identity = l->identity};
	struct tls_failure why = {0};

	return tls_client_ctx_new(&opts, &l->tls, &why) < 0 ? refused(&why) : CMD_OK;
}

/* ---- all together ---- */

static int make_peer(struct login *l, const struct login_trust *trust, const char *user)
{
	struct eap_client_opts opts = {.user = user,
		.password = *l->password ? l->password : NULL,
		.n_types = l->n_eap,
		.new_password = ask_new_password,
		.tls = l->tls,
		.has_certificate = l->identity,
		.binding_optional = l->peap_binding && !strcmp(l->peap_binding, "optional"),
		.tls_host = l->eap_name ? l->eap_name : trust->host};

	memcpy(opts.types, l->eap, l->n_eap);
	return eap_client_new(&opts, &l->peer) < 0 ? CMD_FAILED : CMD_OK;
}

/* A certificate is given to be used: it is what --auth says when that says nothing. */
static void choose_methods(struct login *l)
{
	if (!l->n_methods)
		login_allow(l->p12 || l->cert ? "eap-tls" : "mschapv2", l);
}

int login_make(struct login *l, const struct login_trust *trust, char *user)
{
	int r;

	choose_methods(l);
	r = check_options(l);
	if (!r && (l->p12 || l->cert))
		r = load_identity(l);
	if (!r && l->identity && !*user)
		tls_identity_name(l->identity, user, USER_NAME_MAX + 1);
	if (!r && needs_password(l) && *user &&
		password_read(l->password_file, "Password: ", l->password, sizeof(l->password)) < 0)
		r = CMD_USAGE; /* it said why */
	if (!r && (memchr(l->eap, EAP_TLS, l->n_eap) || memchr(l->eap, EAP_PEAP, l->n_eap)))
		r = make_tls(l, trust);
	return !r && l->n_eap && *user ? make_peer(l, trust, user) : r;
}

void login_done(struct login *l)
{
	eap_client_free(l->peer);
	tls_ctx_free(l->tls);
	tls_identity_free(l->identity);
	explicit_bzero(l, sizeof(*l));
}
