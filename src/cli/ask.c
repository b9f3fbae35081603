// SPDX-License-Identifier: Apache-2.0
#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/control.h"
#include "base/addr.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "config/config.h"

#define NAME_COLUMNS_MIN 20
#define NAME_COLUMNS_MAX 40 /* a longer name is cut; --json has all of it */

int ask_option(struct ask *a, int c)
{
	switch (c) {
	case 's': a->state = optarg; return -1;
	case 'c': a->config = optarg; return -1;
	case 'j': a->json = true; return -1;
	case 'h': fputs(a->usage, stdout); return CMD_OK;
	default: return CMD_USAGE;
	}
}

int ask_path(const struct ask *a, char *ret, size_t cap)
{
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;

	if (!a->state && config_load(cmd_config_file(a->config), &cfg, &err) < 0) {
		cmd_fail(err.event, err.text);
		return -EINVAL;
	}
	snprintf(ret, cap, "%s/%s", a->state ? a->state : cfg->server.state, CONTROL_SOCKET);
	return 0;
}

static int ask(const struct ask *a, json_t *request, json_t **ret, bool quiet)
{
	char path[512], why[800] = "";
	int r = ask_path(a, path, sizeof(path));

	if (r < 0) {
		json_decref(request);
		return CMD_USAGE;
	}
	r = admin_call(path, request, ret, why, sizeof(why));
	if (quiet && (r == -ENOENT || r == -ECONNREFUSED))
		return -1;
	if (r < 0)
		text_fprintf(stderr, "culvert: %s\n", why);
	return r < 0 ? CMD_FAILED : CMD_OK;
}

int ask_server(const struct ask *a, json_t *request, json_t **ret)
{
	return ask(a, request, ret, false);
}

int ask_server_if_up(const struct ask *a, json_t *request, json_t **ret)
{
	return ask(a, request, ret, true);
}

json_t *ask_request(const char *cmd)
{
	return json_pack("{s:i, s:s}", "v", CONTROL_VERSION, "cmd", cmd);
}

int ask_finish(const struct ask *a, int r, json_t *answer, const char *part,
	void (*print)(const json_t *part, const void *arg), const void *arg)
{
	json_t *shown = part ? json_object_get(answer, part) : answer;

	if (!r && a->json)
		ask_print_json(shown);
	else if (!r)
		print(shown, arg);
	json_decref(answer);
	return r;
}

int ask_whom(json_t *request, const char *text)
{
	struct addr address;

	if (!*text)
		return -EINVAL;
	if (strlen(text) == 40 && strspn(text, "0123456789abcdefABCDEF") == 40)
		return json_object_set_new(request, "thumbprint", json_text(text));
	if (strspn(text, "0123456789") == strlen(text))
		return json_object_set_new(
			request, "session", json_integer((json_int_t)strtoll(text, NULL, 10)));
	return json_object_set_new(
		request, addr_parse(text, &address) < 0 ? "user" : "address", json_text(text));
}

void ask_print_json(json_t *value)
{
	json_print(value, stdout, JSON_INDENT(2));
}

const char *ask_text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

int ask_width(const json_t *list, const char *key)
{
	size_t width = NAME_COLUMNS_MIN, i;
	const json_t *row;

	json_array_foreach(list, i, row)
	{
		size_t n = text_columns(ask_text(row, key));

		if (n > width)
			width = n < NAME_COLUMNS_MAX ? n : NAME_COLUMNS_MAX;
	}
	return (int)width;
}

json_int_t ask_number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *ask_size(json_int_t octets, char ret[static 24])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)octets;
	int u = 0;

	for (; v >= 1024 && u < 4; u++)
		v /= 1024;
	snprintf(ret, 24, "%.*f %s", u ? 1 : 0, v, units[u]);
	return ret;
}

const char *ask_span(json_int_t seconds, char ret[static 24])
{
	long long s = seconds < 0 ? 0 : seconds;

	if (s < 120)
		snprintf(ret, 24, "%lld s", s);
	else if (s < 2 * 3600)
		snprintf(ret, 24, "%lld min", s / 60);
	else if (s < 48 * 3600)
		snprintf(ret, 24, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		snprintf(ret, 24, "%lld d %lld h", s / 86400, s / 3600 % 24);
	return ret;
}

const char *ask_time(json_int_t at, char ret[static 24])
{
	time_t t = (time_t)at;
	struct tm tm;

	if (!at || !localtime_r(&t, &tm) || !strftime(ret, 24, "%F %T", &tm))
		strcpy(ret, "-");
	return ret;
}
