// SPDX-License-Identifier: Apache-2.0
/* cli/profile_sstpc.c — a command line of sstp-client, as its manual has it, with pppd's options. */
#include <errno.h>
#include <string.h>

#include "cli/profile_sstpc.h"

#define PROGRAM "sstpc "

/* As a shell cuts it: blanks, quotes, backslashes; a backslash at the end of a line goes on. */
static int cut(char **text, char **ret)
{
	char *s = *text, *out, quote = '\0';

	while (strchr(" \t\r\n", *s) ? *s != '\0' : (*s == '\\' && s[1] == '\n'))
		s++;
	if (!*s)
		return 0;
	for (*ret = out = s; *s && (quote || !strchr(" \t\r\n", *s)); s++) {
		if (quote ? *s == quote : (*s == '\'' || *s == '"'))
			quote = quote ? '\0' : *s;
		else if (*s == '\\' && quote != '\'' && s[1])
			*out++ = *++s;
		else
			*out++ = *s;
	}
	*text = *s ? s + 1 : s;
	*out = '\0';
	return quote ? -EINVAL : 1;
}

enum what { NOTHING, VALUE_OF, SECRET, IGNORED, IGNORED_WITH, REFUSED, SPLIT, WEAKER };

/* Options of sstpc with their dashes, then those of pppd. */
static const struct {
	const char *word;
	enum what what;
	int id; /* enum connect_id */
	const char *auth;
} words[] = {
	{"--user", VALUE_OF, CONNECT_USER, NULL},
	{"--password", SECRET, 0, NULL},
	{"--ca-cert", VALUE_OF, CONNECT_CA, NULL},
	{"--host", VALUE_OF, CONNECT_SNI, NULL},
	{"--proxy", VALUE_OF, CONNECT_PROXY, NULL},
	{"--cert-warn", WEAKER, 0, NULL},
	{"--tls-ext", IGNORED, 0, NULL},
	{"--save-server-route", IGNORED, 0, NULL},
	{"--nolaunchpppd", IGNORED, 0, NULL},
	{"--log-stderr", IGNORED, 0, NULL},
	{"--log-stdout", IGNORED, 0, NULL},
	{"--log-syslog", IGNORED, 0, NULL},
	{"--debug", IGNORED, 0, NULL},
	{"--log-level", IGNORED_WITH, 0, NULL},
	{"--log-fileout", IGNORED_WITH, 0, NULL},
	{"--ipparam", IGNORED_WITH, 0, NULL},
	{"--uuid", IGNORED_WITH, 0, NULL},
	{"--priv-user", IGNORED_WITH, 0, NULL},
	{"--priv-group", IGNORED_WITH, 0, NULL},
	{"--priv-dir", IGNORED_WITH, 0, NULL},
	{"user", VALUE_OF, CONNECT_USER, NULL},
	{"name", VALUE_OF, CONNECT_USER, NULL},
	{"password", SECRET, 0, NULL},
	{"mtu", VALUE_OF, CONNECT_MTU, NULL},
	{"mru", IGNORED_WITH, 0, NULL},
	{"noauth", IGNORED, 0, NULL},
	{"usepeerdns", IGNORED, 0, NULL},
	{"defaultroute", IGNORED, 0, NULL},
	{"replacedefaultroute", IGNORED, 0, NULL},
	{"nodefaultroute", SPLIT, 0, NULL},
	{"refuse-eap", REFUSED, 0, "eap-mschapv2"},
	{"refuse-mschap-v2", REFUSED, 0, "mschapv2"},
	{"refuse-mschap", IGNORED, 0, NULL},
	{"refuse-chap", REFUSED, 0, "chap"},
	{"refuse-pap", REFUSED, 0, "pap"},
	{"require-mschap-v2", IGNORED, 0, NULL},
	{"noipv6", NOTHING, CONNECT_NO_IPV6, NULL},
	{"nodetach", IGNORED, 0, NULL},
	{"noipdefault", IGNORED, 0, NULL},
	{"plugin", IGNORED_WITH, 0, NULL},
	{"remotename", IGNORED_WITH, 0, NULL},
	{"linkname", IGNORED_WITH, 0, NULL},
	{"lcp-echo-interval", IGNORED_WITH, 0, NULL},
	{"lcp-echo-failure", IGNORED_WITH, 0, NULL},
};

static int take_secret(struct foreign *f, const char *value)
{
	char *secret = f->profile->secrets.value[profile_secret_at(CONNECT_PASSWORD_FILE)];

	if (strlen(value) > PASSWORD_MAX)
		return foreign_fail(f, 0, "a password of 255 octets at most");
	strcpy(secret, value);
	return 0;
}

static int take(struct foreign *f, size_t i, const char *value, bool *refused)
{
	switch (words[i].what) {
	case VALUE_OF: return foreign_put(f, words[i].id, value, 0);
	case NOTHING: return foreign_put(f, words[i].id, "", 0);
	case SECRET: return take_secret(f, value);
	case SPLIT: return foreign_put(f, CONNECT_NO_DEFAULT_ROUTE, "", 0);
	case REFUSED: *refused = true; break;
	case WEAKER:
		foreign_note(f, 0, "%s was left out: the certificate is checked", words[i].word);
		break;
	case IGNORED:
	case IGNORED_WITH: break;
	} /* no default */
	return 0;
}

static bool has_value(enum what what)
{
	return what == VALUE_OF || what == SECRET || what == IGNORED_WITH;
}

/* "--user=x" is its name alone afterwards, and the value. */
static size_t find(char *word, char **ret_value)
{
	size_t i = 0;

	*ret_value = strncmp(word, "--", 2) ? NULL : strchr(word, '=');
	if (*ret_value)
		*(*ret_value)++ = '\0';
	while (i < ARRAY_SIZE(words) && strcmp(words[i].word, word))
		i++;
	return i;
}

/* What it accepts: all that is not refused, when any is. */
static int put_auth(struct foreign *f, const bool *refused)
{
	char list[80] = "";
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		any |= refused[i];
	for (size_t i = 0; any && i < ARRAY_SIZE(words); i++) {
		if (!words[i].auth || refused[i])
			continue;
		strcat(list, *list ? "," : "");
		strcat(list, words[i].auth);
	}
	return *list ? foreign_put(f, CONNECT_AUTH, list, 0) : 0;
}

int foreign_sstpc(char *text, struct foreign *f)
{
	bool refused[ARRAY_SIZE(words)] = {false}, has_server = false;
	char *word, *value;
	int r, bad = 0;

	text = strstr(text, PROGRAM);
	if (!text)
		return foreign_fail(f, 0, "the program sstpc and its options");
	text += strlen(PROGRAM);
	while (!bad && (r = cut(&text, &word)) > 0) {
		size_t i = find(word, &value);

		if (i == ARRAY_SIZE(words)) {
			if (!has_server && strncmp(word, "-", 1)) {
				bad = foreign_server(f, word, 0);
				has_server = true;
			} else {
				foreign_note(f, 0, "%s was left out", word);
			}
			continue;
		}
		if (has_value(words[i].what) && !value && cut(&text, &value) <= 0)
			return foreign_fail(f, 0, "a value behind the last option");
		bad = take(f, i, value, &refused[i]);
	}
	if (bad || r < 0)
		return bad ? bad : foreign_fail(f, 0, "a closing quote");
	return put_auth(f, refused);
}
