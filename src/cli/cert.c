// SPDX-License-Identifier: Apache-2.0
/* culvert cert — prints and renews the server's certificates. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/host_name.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "config/config.h"
#include "server/host/certificates.h"
#include "tls/cert.h"

static const char usage[] =
	"Usage: culvert cert show [--json]\n"
	"       culvert cert pin\n"
	"       culvert cert renew [--name HOST]...\n"
	"\n"
	"  show    prints the server's certificates: names, dates, fingerprints, pins\n"
	"  pin     prints only the pins, for `culvert connect --pin`, in the order of the certificates\n"
	"  renew   renews the generated, self-signed certificates: the old names and those given, the\n"
	"          same keys. Pins stay valid, but a client that trusts the certificate itself must\n"
	"          import it again. A running server uses them at once; sessions go on.\n"
	"\n"
	"      --name HOST     renew: one more name or address; repeat\n" ASK_USAGE "\n"
	"Exit status: 0 done, 1 this machine, 2 wrong use, 14 something is wrong with a certificate.\n";

static int failed(const struct tls_failure *why)
{
	return cmd_fail(why->event, why->text);
}

static const char *day(int64_t at, char ret[static 24])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(ret, 24, "%F %TZ", gmtime_r(&t, &tm));
	return ret;
}

static json_t *cert_json(const char *file, const struct cert_info *i)
{
	char sha1[41], sha256[65];

	hex_encode(i->sha1, sizeof(i->sha1), sha1);
	hex_encode(i->sha256, sizeof(i->sha256), sha256);
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:s, s:s, s:s, s:b, s:b}", "file",
		json_text(file), "subject", json_text(i->subject), "issuer", json_text(i->issuer),
		"names", json_text(i->names), "key", i->key, "not_before",
		(json_int_t)i->not_before_s, "not_after", (json_int_t)i->not_after_s, "sha1", sha1,
		"sha256", sha256, "pin", i->pin, "self_signed", i->self_signed, "server_auth",
		i->server_auth);
}

/* "xn--mller-kva.example (müller.example), 192.0.2.1" */
static const char *shown_names(const char *names, char *ret, size_t cap)
{
	char copy[512], one[600];
	size_t n = 0;

	*ret = '\0';
	snprintf(copy, sizeof(copy), "%s", names);
	for (char *save = NULL, *name = strtok_r(copy, ", ", &save); name;
		name = strtok_r(NULL, ", ", &save))
		n += text_format(ret + n, cap - n, "%s%s", n ? ", " : "",
			host_shown(name, one, sizeof(one)));
	return ret;
}

static void print_cert(const char *file, const struct cert_info *i)
{
	char sha1[41], sha256[65], from[24], to[24], names[2048];
	int64_t left = (i->not_after_s - clock_wall_s()) / 86400;

	hex_encode(i->sha1, sizeof(i->sha1), sha1);
	hex_encode(i->sha256, sizeof(i->sha256), sha256);
	text_fprintf(stdout, "%s\n  subject  %s (%s)\n  issuer   %s%s\n  names    %s\n", file,
		i->subject, i->key, i->issuer,
		i->self_signed ? " (self-signed: clients must trust or pin it)" : "",
		shown_names(i->names, names, sizeof(names)));
	text_fprintf(stdout,
		"  valid    %s to %s, %lld days left\n  sha1     %s\n  sha256   %s\n  pin      %s\n",
		day(i->not_before_s, from), day(i->not_after_s, to), (long long)left, sha1, sha256,
		i->pin);
	if (!i->server_auth)
		puts("  NOT for servers: extended key usage lacks serverAuth");
}

static int show(const struct config *cfg, bool json, bool pins)
{
	json_t *list = json_array();
	struct certificate_files files;
	struct tls_failure why;

	certificates_list(cfg, &files);
	for (size_t i = 0; i < files.n; i++) {
		struct cert_info info;

		if (cert_info_load(files.item[i].cert, &info, &why) < 0) {
			json_decref(list);
			return failed(&why);
		}
		json_array_append_new(list, cert_json(files.item[i].cert, &info));
		if (pins)
			text_fprintf(stdout, "%s\n", info.pin);
		else if (!json)
			print_cert(files.item[i].cert, &info);
	}
	if (json)
		ask_print_json(list);
	json_decref(list);
	return CMD_OK;
}

static int renew(const struct config *cfg, const struct ask *a)
{
	struct certificate_files files;
	struct tls_failure why;
	json_t *result = NULL;
	int r;

	certificates_list(cfg, &files);
	if (!files.generated) {
		text_fprintf(stderr,
			"culvert: the certificates come from the configuration; renew them "
			"where they came from, the server takes new files by itself\n");
		return CMD_USAGE;
	}
	if (certificates_make(cfg, true, &why) < 0)
		return failed(&why);
	r = ask_server_if_up(a, ask_request("reload"), &result);
	json_decref(result);
	return r > 0 ? r : show(cfg, a->json, false);
}

static int load(const struct ask *a, char **names, size_t n, struct config **ret)
{
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;
	int r = config_load(a->state ? a->config : cmd_config_file(a->config), &cfg, &err);

	if (!r && a->state)
		r = config_set(cfg, "server.state", a->state, &err);
	for (size_t i = 0; i < n && !r; i++)
		r = config_set(cfg, "server.name", names[i], &err);
	if (r < 0)
		return cmd_fail(err.event, err.text);
	*ret = TAKE(cfg);
	return CMD_OK;
}

int cmd_cert(int argc, char **argv)
{
	static const struct option longs[] = {
		{"name", required_argument, NULL, 'n'}, ASK_OPTIONS, {0}};
	AUTO(config) struct config *cfg = NULL;
	struct ask a = {.usage = usage};
	char *names[CERT_NAMES_MAX];
	const char *action;
	size_t n = 0;
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		if (c == 'n' && n < CERT_NAMES_MAX)
			names[n++] = optarg;
		else
			r = ask_option(&a, c);
	if (r >= 0)
		return r;
	action = argc - optind == 1 ? argv[optind] : "";
	if (strcmp(action, "show") && strcmp(action, "pin") && strcmp(action, "renew"))
		return cmd_usage(usage);
	r = load(&a, names, n, &cfg);
	if (r)
		return r;
	return !strcmp(action, "renew") ? renew(cfg, &a)
					: show(cfg, a.json, !strcmp(action, "pin"));
}
