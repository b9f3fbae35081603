// SPDX-License-Identifier: Apache-2.0
/* culvert radius — how the RADIUS servers are, and one login as a test. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/password.h"

static const char usage[] =
	"Usage: culvert radius status [--json]\n"
	"       culvert radius test NAME [--password-file FILE] [--auth METHOD] [--json]\n"
	"\n"
	"status prints the RADIUS servers as the running server sees them. test lets the running\n"
	"server do one login through RADIUS and prints what came back.\n"
	"\n"
	"      --password-file FILE  first line: the password; -: standard input. Default: asks\n"
	"      --auth METHOD   mschapv2 (default) or pap\n" ASK_USAGE "\n"
	"Exit status: 0; 1 when no server answers, or the login was refused.\n";

static void print_server(const char *service, const json_t *s)
{
	text_fprintf(stdout, "%-11s %-28s %-5s %9lld %8.1f %9lld %9lld %9lld %8lld\n", service,
		ask_text(s, "server"), json_is_true(json_object_get(s, "dead")) ? "dead" : "alive",
		(long long)ask_number(s, "in_flight"),
		(double)ask_number(s, "round_trip_us") / 1000, (long long)ask_number(s, "sent"),
		(long long)ask_number(s, "answered"), (long long)ask_number(s, "timed_out"),
		(long long)ask_number(s, "dropped"));
}

static void print_service(const json_t *all, const char *key)
{
	const json_t *service = json_object_get(all, key), *row;
	size_t i;

	json_array_foreach(json_object_get(service, "servers"), i, row) print_server(key, row);
	if (ask_number(service, "waiting"))
		text_fprintf(stdout, "%-11s %lld requests wait\n", key,
			(long long)ask_number(service, "waiting"));
}

static void print_status(const json_t *all, const void *arg UNUSED)
{
	const json_t *spool;

	text_fprintf(stdout, "%-11s %-28s %-5s %9s %8s %9s %9s %9s %8s\n", "FOR", "SERVER", "STATE",
		"IN FLIGHT", "RTT ms", "SENT", "ANSWERED", "TIMED OUT", "DROPPED");
	print_service(all, "logins");
	print_service(all, "accounting");
	spool = json_object_get(all, "spool");
	if (json_is_true(json_object_get(spool, "on")))
		text_fprintf(stdout, "records: %lld wait, %lld sent, %lld dropped\n",
			(long long)ask_number(spool, "waiting"),
			(long long)ask_number(spool, "sent"),
			(long long)ask_number(spool, "dropped"));
}

static void print_keys(const char *keys)
{
	if (!strcmp(keys, "right"))
		fputs("  keys:    the MPPE keys are those of the password: the crypto binding will hold\n",
			stdout);
	if (!strcmp(keys, "wrong"))
		fputs("  keys:    the MPPE keys are not those of the password: the crypto binding will fail\n",
			stdout);
}

static void print_test(const json_t *t, const void *arg UNUSED)
{
	bool accepted = json_is_true(json_object_get(t, "accepted"));
	const json_t *line;
	size_t i;

	text_fprintf(stdout, "%s by %s: %s\n", accepted ? "accepted" : "refused",
		*ask_text(t, "server") ? ask_text(t, "server") : "no server", ask_text(t, "what"));
	if (!accepted)
		text_fprintf(stdout, "  found:   %s\n  to try:  %s\n  event:   %lld %s\n",
			ask_text(t, "detail"), ask_text(t, "cure"),
			(long long)ask_number(t, "event"), ask_text(t, "name"));
	print_keys(ask_text(t, "keys"));
	if (accepted)
		text_fprintf(stdout, "  grants:  %s\n", ask_text(t, "grant"));
	json_array_foreach(json_object_get(t, "attributes"), i, line)
		text_fprintf(stdout, "  sent:    %s\n", json_string_value(line));
}

static int status(const struct ask *a)
{
	json_t *result = NULL;
	int r = ask_server(a, ask_request("radius"), &result);

	return ask_finish(a, r, result, NULL, print_status, NULL);
}

static int test(const struct ask *a, const char *user, const char *file, const char *method)
{
	char password[PASSWORD_MAX + 1];
	json_t *request, *result = NULL;
	bool accepted;
	int r;

	if (password_read(file, "Password: ", password, sizeof(password)) < 0)
		return CMD_FAILED;
	request = ask_request("radius_test");
	json_object_set_new(request, "user", json_text(user));
	json_object_set_new(request, "password", json_string(password));
	json_object_set_new(request, "auth", json_text(method));
	explicit_bzero(password, sizeof(password));
	r = ask_server(a, request, &result);
	accepted = json_is_true(json_object_get(result, "accepted"));
	r = ask_finish(a, r, result, NULL, print_test, NULL);
	return r || accepted ? r : CMD_FAILED;
}

int cmd_radius(int argc, char **argv)
{
	static const struct option longs[] = {{"password-file", required_argument, NULL, 'p'},
		{"auth", required_argument, NULL, 'a'}, ASK_OPTIONS, {0}};
	const char *file = NULL, *method = "mschapv2";
	struct ask a = {.usage = usage};
	int c, n, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1)
		if (c == 'p')
			file = optarg;
		else if (c == 'a')
			method = optarg;
		else
			r = ask_option(&a, c);
	if (r >= 0)
		return r;
	n = argc - optind;
	if (n == 1 && !strcmp(argv[optind], "status"))
		return status(&a);
	if (n == 2 && !strcmp(argv[optind], "test"))
		return test(&a, argv[optind + 1], file, method);
	return cmd_usage(usage);
}
