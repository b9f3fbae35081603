// SPDX-License-Identifier: Apache-2.0
/* culvert ca list — authorities, certificates of our own, bindings, revoked thumbprints. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ca.h"
#include "cli/cmd.h"

struct listing {
	const struct ca_args *args;
	int64_t now_s;
	json_t *authorities, *certificates, *revoked, *bindings;
};

static const char *day(int64_t at, char ret[static 16])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(ret, 16, "%F", gmtime_r(&t, &tm));
	return ret;
}

static int add_authority(const struct db_authority *a, void *arg)
{
	struct listing *l = arg;
	json_t *fields = json_array();
	static const char *const words[] = {"upn", "email", "cn"};

	for (unsigned i = 0; i < 3; i++)
		if (a->names & (1U << i))
			json_array_append_new(fields, json_string(words[i]));
	return json_array_append_new(
		l->authorities, json_pack("{s:o, s:b, s:s, s:I, s:o, s:o, s:b, s:s, s:o}", "name",
					json_text(a->name), "own", a->own, "sha256", a->sha256,
					"not_after", (json_int_t)a->not_after, "user_from", fields,
					"match", json_text(a->pattern), "strip", a->strip, "crl",
					ca_crl_text(a->crl), "crl_file", json_text(a->crl_path)));
}

static const char *state_of(const struct db_certificate *c, int64_t now_s)
{
	return c->revoked_at ? "revoked" : c->not_after <= now_s ? "expired" : "good";
}

/* With --expiring: those that a user still needs, and that end soon. */
static bool is_asked_for(const struct listing *l, const struct db_certificate *c)
{
	int64_t span_s = l->args->expiring_s;

	return !span_s ||
	       (!c->revoked_at && c->not_after > l->now_s && c->not_after <= l->now_s + span_s);
}

static int add_certificate(const struct db_certificate *c, void *arg)
{
	struct listing *l = arg;

	if (!is_asked_for(l, c))
		return 0;
	return json_array_append_new(l->certificates,
		json_pack("{s:o, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "user",
			json_text(c->user), "state", state_of(c, l->now_s), "serial", c->serial,
			"thumbprint", c->sha1, "sha256", c->sha256, "not_before",
			(json_int_t)c->not_before, "not_after", (json_int_t)c->not_after,
			"issued_at", (json_int_t)c->issued_at, "revoked_at",
			(json_int_t)c->revoked_at));
}

static int add_revoked(const char *sha1, int64_t at, void *arg)
{
	struct listing *l = arg;

	return json_array_append_new(l->revoked,
		json_pack("{s:s, s:I}", "thumbprint", sha1, "revoked_at", (json_int_t)at));
}

static int add_binding(const struct db_binding *b, void *arg)
{
	struct listing *l = arg;

	return json_array_append_new(l->bindings,
		json_pack("{s:o, s:s, s:o, s:s}", "user", json_text(b->user), "sha256", b->sha256,
			"issuer", json_text(b->issuer), "serial", b->serial));
}

/* ---- as text ---- */

static void print_authorities(const struct listing *l)
{
	size_t i, k;
	json_t *a, *field;
	char until[16];

	json_array_foreach(l->authorities, i, a)
	{
		text_fprintf(stdout, "authority %s (%s), good until %s\n  users from ",
			ask_text(a, "name"),
			json_is_true(json_object_get(a, "own")) ? "our own" : "imported",
			day(ask_number(a, "not_after"), until));
		json_array_foreach(json_object_get(a, "user_from"), k, field)
			text_fprintf(stdout, "%s%s", k ? ", " : "", json_string_value(field));
		if (!k)
			fputs("bound certificates only", stdout);
		text_fprintf(stdout, "%s%s%s; crl %s%s%s\n",
			*ask_text(a, "match") ? " that match " : "", ask_text(a, "match"),
			json_is_true(json_object_get(a, "strip")) ? ", stripped" : "",
			ask_text(a, "crl"), *ask_text(a, "crl_file") ? " " : "",
			ask_text(a, "crl_file"));
	}
}

static void print_certificates(const struct listing *l)
{
	int width = ask_width(l->certificates, "user");
	size_t i;
	json_t *c;
	char until[16];

	text_fprintf(stdout, "%-*s %-8s %-10s %-34s %s\n", width, "USER", "STATE", "UNTIL",
		"SERIAL", "THUMBPRINT (SHA-1)");
	json_array_foreach(l->certificates, i, c) text_fprintf(stdout,
		"%-*.*s %-8s %-10s %-34s %s\n", width, width, ask_text(c, "user"),
		ask_text(c, "state"), day(ask_number(c, "not_after"), until), ask_text(c, "serial"),
		ask_text(c, "thumbprint"));
}

static void print_rest(const struct listing *l)
{
	size_t i;
	json_t *o;

	json_array_foreach(l->bindings, i, o) text_fprintf(stdout, "bound to %s: %s%s\n",
		ask_text(o, "user"), *ask_text(o, "sha256") ? "sha256 " : "serial ",
		*ask_text(o, "sha256") ? ask_text(o, "sha256") : ask_text(o, "serial"));
	if (json_array_size(l->revoked))
		text_fprintf(stdout, "%zu thumbprint%s revoked (--json lists them)\n",
			json_array_size(l->revoked),
			json_array_size(l->revoked) == 1 ? " is" : "s are");
}

static void print_all(const struct listing *l)
{
	if (!l->args->expiring_s)
		print_authorities(l);
	print_certificates(l);
	if (!l->args->expiring_s)
		print_rest(l);
}

int ca_list(struct db *db, const struct ca_args *a)
{
	struct listing l = {
		a, clock_wall_s(), json_array(), json_array(), json_array(), json_array()};
	json_t *all = json_pack("{s:o, s:o, s:o, s:o}", "authorities", l.authorities,
		"certificates", l.certificates, "revoked", l.revoked, "bindings", l.bindings);
	int r = db_authority_list(db, add_authority, &l);

	if (!r)
		r = db_certificate_list(db, NULL, add_certificate, &l);
	if (!r)
		r = db_thumbprint_list(db, add_revoked, &l);
	if (!r)
		r = db_binding_list(db, 0, add_binding, &l);
	if (!r && a->ask.json)
		ask_print_json(all);
	else if (!r)
		print_all(&l);
	json_decref(all);
	return r < 0 ? ca_db_failed(db) : CMD_OK;
}
