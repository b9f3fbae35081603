// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation. On standard input come the pairs of vpn.data and vpn.secrets, two lines each,
 * and DONE; on standard output goes a key file with a group for each secret: its value so far, its label,
 * whether the user is to be asked. Without external UI mode the agent wants a window of us, which we do
 * not have: the secrets that are known go back, and it waits for QUIT.
 */
#include "cli/nm_auth.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/nm_settings.h"

#define LINE_MAX_LEN (NM_VALUE_MAX + 16)
#define HINTS_MAX 8

struct dialog {
	const char *name, *hints[HINTS_MAX];
	size_t n_hints;
	bool external, may_ask, again;
};

/* "DATA_KEY=x" then "DATA_VAL=y". Returns what stands behind the prefix, or NULL. */
static const char *behind(const char *line, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(line, prefix, n) ? NULL : line + n;
}

static void read_pairs(struct nm_settings *s)
{
	char line[LINE_MAX_LEN], key[64] = "";
	const char *p;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "DONE"))
			break;
		p = behind(line, "DATA_KEY=");
		if (!p)
			p = behind(line, "SECRET_KEY=");
		if (p)
			snprintf(key, sizeof(key), "%s", p);
		p = behind(line, "DATA_VAL=");
		if (!p)
			p = behind(line, "SECRET_VAL=");
		if (p)
			nm_settings_take(s, key, p);
	}
	explicit_bzero(line, sizeof(line));
}

/* A value of a GLib key file. */
static void put_value(const char *value)
{
	if (*value == ' ') {
		fputs("\\s", stdout);
		value++;
	}
	for (; *value; value++)
		switch (*value) {
		case '\\': fputs("\\\\", stdout); break;
		case '\t': fputs("\\t", stdout); break;
		default: putchar(*value);
		}
	putchar('\n');
}

static bool is_hinted(const struct dialog *d, const char *key)
{
	for (size_t i = 0; i < d->n_hints; i++)
		if (!strcmp(d->hints[i], key))
			return true;
	return false;
}

static void put_secret(const struct dialog *d, const char *key, const char *label,
	const char *value, unsigned flags)
{
	bool ask = d->may_ask && !(flags & NM_SECRET_NOT_REQUIRED) &&
		   (d->again || is_hinted(d, key) || !*value || (flags & NM_SECRET_NOT_SAVED));

	printf("\n[%s]\nValue=", key);
	put_value(value);
	printf("Label=%s\nIsSecret=true\nShouldAsk=%s\n", label, ask ? "true" : "false");
}

static void put_description(const struct dialog *d, const struct nm_settings *s)
{
	char text[300];

	text_format(text, sizeof(text), "Login at the VPN %.200s", d->name);
	fputs("[VPN Plugin UI]\nVersion=2\nTitle=VPN login\nDescription=", stdout);
	put_value(text);
	if (!*s->cert)
		put_secret(d, "password", "Password", s->password, s->password_flags);
	if (*s->proxy_user)
		put_secret(d, "proxy-password", "Password for the proxy", s->proxy_password,
			s->proxy_password_flags);
}

static void put_known(const struct nm_settings *s)
{
	char line[16];

	if (*s->password)
		printf("password\n%s\n", s->password);
	if (*s->proxy_password)
		printf("proxy-password\n%s\n", s->proxy_password);
	fputs("\n\n", stdout);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) && strncmp(line, "QUIT", 4))
		;
}

static int parse(int argc, char **argv, struct dialog *d)
{
	static const struct option options[] = {NM_AUTH_OPTIONS, {0}};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "u:n:s:t:ir", options, NULL)) != -1)
		switch (c) {
		case 'n': d->name = optarg; break;
		case 't':
			if (d->n_hints < HINTS_MAX)
				d->hints[d->n_hints++] = optarg;
			break;
		case 'i': d->may_ask = true; break;
		case 'r': d->again = true; break;
		case 'e': d->external = true; break;
		case '?': return CMD_USAGE;
		}
	return CMD_OK;
}

int nm_auth_dialog(int argc, char **argv)
{
	struct dialog d = {.name = ""};
	struct nm_settings s = {0};
	int r = parse(argc, argv, &d);

	if (r)
		return r;
	read_pairs(&s);
	if (d.external)
		put_description(&d, &s);
	else
		put_known(&s);
	nm_settings_done(&s);
	return fflush(stdout) ? CMD_FAILED : CMD_OK;
}
