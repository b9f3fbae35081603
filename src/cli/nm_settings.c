// SPDX-License-Identifier: Apache-2.0
#include "cli/nm_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

enum kind { TEXT, FILE_NAME, YES, FLAGS };

static const struct {
	const char *key;
	enum kind kind;
	size_t at;
} keys[] = {
	{"gateway", TEXT, offsetof(struct nm_settings, gateway)},
	{"user", TEXT, offsetof(struct nm_settings, user)},
	{"domain", TEXT, offsetof(struct nm_settings, domain)},
	{"password", TEXT, offsetof(struct nm_settings, password)},
	{"password-flags", FLAGS, offsetof(struct nm_settings, password_flags)},
	{"ca-cert", FILE_NAME, offsetof(struct nm_settings, ca)},
	{"tls-ca-cert", FILE_NAME, offsetof(struct nm_settings, ca)},
	{"tls-user-cert", FILE_NAME, offsetof(struct nm_settings, cert)},
	{"tls-user-key", FILE_NAME, offsetof(struct nm_settings, key)},
	{"ignore-cert-warn", YES, offsetof(struct nm_settings, insecure)},
	{"refuse-mschapv2", YES, offsetof(struct nm_settings, no_mschapv2)},
	{"refuse-chap", YES, offsetof(struct nm_settings, no_chap)},
	{"refuse-pap", YES, offsetof(struct nm_settings, no_pap)},
	{"refuse-eap", YES, offsetof(struct nm_settings, no_eap)},
	{"proxy-server", TEXT, offsetof(struct nm_settings, proxy_server)},
	{"proxy-port", TEXT, offsetof(struct nm_settings, proxy_port)},
	{"proxy-user", TEXT, offsetof(struct nm_settings, proxy_user)},
	{"proxy-password", TEXT, offsetof(struct nm_settings, proxy_password)},
	{"proxy-password-flags", FLAGS, offsetof(struct nm_settings, proxy_password_flags)},
	{"pin", TEXT, offsetof(struct nm_settings, pin)},
	{"sni", TEXT, offsetof(struct nm_settings, sni)},
	{"mtu", TEXT, offsetof(struct nm_settings, mtu)},
};

static int take_text(char *ret, const char *value)
{
	size_t n = strlen(value);

	if (n >= NM_VALUE_MAX)
		return -EMSGSIZE;
	if (strchr(value, '\n') || strchr(value, '\r'))
		return -EINVAL;
	memcpy(ret, value, n + 1);
	return 0;
}

static int take_flags(unsigned *ret, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || n > 7)
		return -EINVAL;
	*ret = (unsigned)n;
	return 0;
}

int nm_settings_take(struct nm_settings *s, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		void *at = (char *)s + keys[i].at;

		if (strcmp(keys[i].key, key))
			continue;
		switch (keys[i].kind) {
		case TEXT: return take_text(at, value);
		case FILE_NAME:
			return take_text(at, strncmp(value, "file://", 7) ? value : value + 7);
		case YES: *(bool *)at = !strcmp(value, "yes"); return 0;
		case FLAGS: return take_flags(at, value);
		}
	}
	return 0; /* pppd's affairs */
}

bool nm_settings_has(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].key, key))
			return true;
	return false;
}

size_t nm_settings_missing(const struct nm_settings *s, const char *ret[static 2])
{
	size_t n = 0;

	if (!*s->password && !*s->cert && !(s->password_flags & NM_SECRET_NOT_REQUIRED))
		ret[n++] = "password";
	if (*s->proxy_user && !*s->proxy_password &&
		!(s->proxy_password_flags & NM_SECRET_NOT_REQUIRED))
		ret[n++] = "proxy-password";
	return n;
}

/* The words before it joined into one; nothing when there is no room. */
static void add(struct nm_words *w, const char *a, const char *b, const char *c)
{
	size_t room = sizeof(w->text) - w->used;
	int n = snprintf(w->text + w->used, room, "%s%s%s", a, b, c);

	if (w->argc >= NM_WORDS_MAX || (size_t)n >= room)
		return;
	w->argv[w->argc++] = w->text + w->used;
	w->argv[w->argc] = NULL;
	w->used += (size_t)n + 1;
}

static void add_option(struct nm_words *w, const char *option, const char *value)
{
	if (!*value)
		return;
	add(w, option, "=", value); /* a value that begins with - stays one */
}

static const char *methods(const struct nm_settings *s)
{
	if (*s->cert)
		return "eap-tls";
	if (!s->no_mschapv2)
		return s->no_eap ? "mschapv2" : "mschapv2,eap-mschapv2";
	if (s->no_chap)
		return s->no_pap ? NULL : "pap";
	return s->no_pap ? "chap" : "chap,pap";
}

static void add_user(struct nm_words *w, const struct nm_settings *s)
{
	char user[2 * NM_VALUE_MAX];
	bool has_domain = *s->domain && !strpbrk(s->user, "\\@");

	snprintf(user, sizeof(user), "%s%s%s", has_domain ? s->domain : "", has_domain ? "\\" : "",
		s->user);
	add_option(w, "--user", user);
}

static void add_proxy(struct nm_words *w, const struct nm_settings *s, const char *password_file)
{
	char url[2 * NM_VALUE_MAX + 16];

	if (!*s->proxy_server) {
		add(w, "--no-proxy", "", "");
		return;
	}
	snprintf(url, sizeof(url), "http://%s:%s", s->proxy_server,
		*s->proxy_port ? s->proxy_port : "8080");
	add_option(w, "--proxy", url);
	add_option(w, "--proxy-user", s->proxy_user);
	if (*s->proxy_user)
		add_option(w, "--proxy-password-file", password_file);
}

int nm_settings_words(const struct nm_settings *s, const char *proxy_password_file,
	struct nm_words *ret, const char **ret_why)
{
	const char *auth = methods(s);

	*ret = (struct nm_words){0};
	*ret_why = !*s->gateway ? "gateway is missing"
		   : !*s->user  ? "user is missing"
		   : !auth      ? "every login method is refused"
				: NULL;
	if (*ret_why)
		return -EINVAL;
	add(ret, "connect", "", "");
	add_user(ret, s);
	add_option(ret, "--auth", auth);
	if (!*s->cert)
		add_option(ret, "--password-file", "-");
	add_option(ret, "--cert", s->cert);
	add_option(ret, "--key", s->key);
	add_option(ret, "--ca", s->ca);
	add_option(ret, "--pin", s->pin);
	add_option(ret, "--sni", s->sni);
	add_option(ret, "--mtu", s->mtu);
	if (s->insecure)
		add(ret, "--insecure", "", "");
	add_proxy(ret, s, proxy_password_file);
	add(ret, "--", "", "");
	add(ret, s->gateway, "", "");
	return 0;
}

void nm_settings_done(struct nm_settings *s)
{
	explicit_bzero(s, sizeof(*s));
}
