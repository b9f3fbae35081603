// SPDX-License-Identifier: Apache-2.0
/*
 * cli/ask.h — for the commands that ask the running server: finds the server, prints its answer.
 */
#pragma once
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

struct ask {
	const char *usage;
	const char *state, *config;
	bool json;
};

// clang-format off
#define ASK_OPTIONS                                                                                \
	{"state", required_argument, NULL, 's'}, {"config", required_argument, NULL, 'c'},         \
	{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}
#define ASK_USAGE                                                                                  \
	"      --state DIR     the server's state folder (/var/lib/culvert, or as in the file)\n"    \
	"      --config FILE   the server's configuration (/etc/culvert/culvert.conf)\n"             \
	"      --json          as JSON (docs/control.md)\n"                                          \
	"  -h, --help\n"
// clang-format on

/* One of the options above. -1: go on; else the exit code. */
int ask_option(struct ask *a, int c);
/* The control socket. Negative when the configuration cannot be read (printed). */
int ask_path(const struct ask *a, char *ret, size_t cap);
/* Steals request. CMD_OK and *ret, or the exit code (the reason is printed). */
int ask_server(const struct ask *a, json_t *request, json_t **ret);
/* Whether a server answers at all; then as ask_server(), else -1 and nothing is printed. */
int ask_server_if_up(const struct ask *a, json_t *request, json_t **ret);
json_t *ask_request(const char *cmd);
/*
 * The tail of a command that asked: with exit code r it failed already, else prints the answer, or
 * the part of it under that name, as JSON or with `print`. Steals answer; returns the exit code.
 */
int ask_finish(const struct ask *a, int r, json_t *answer, const char *part,
	void (*print)(const json_t *part, const void *arg), const void *arg);
/* NAME, SESSION, ADDRESS or a certificate's THUMBPRINT, into the request. Negative: none of these. */
int ask_whom(json_t *request, const char *text);
/* reload.c: asks for a reload, or (dry) for what it would change; prints the answer. */
int ask_reload(const struct ask *a, bool dry);
void ask_print_json(json_t *value);

const char *ask_text(const json_t *o, const char *key);
/* Columns for the texts under `key` in the rows of `list`: 20 to 40. */
int ask_width(const json_t *list, const char *key);
json_int_t ask_number(const json_t *o, const char *key);
/* "1.5 GiB", "12 s", "2026-11-22 02:00:00" */
const char *ask_size(json_int_t octets, char ret[static 24]);
const char *ask_span(json_int_t seconds, char ret[static 24]);
const char *ask_time(json_int_t at, char ret[static 24]);
