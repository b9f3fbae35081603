// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/user.h"
#include "cli/user_offer.h"
#include "cli/values.h"

static const char *state_of(const struct db_user *u)
{
	if (u->disabled)
		return "disabled";
	if (u->expires_at && u->expires_at <= clock_wall_s())
		return "expired";
	return u->password_at ? "active" : "no password";
}

static const char *day(int64_t at, char ret[static 20])
{
	time_t t = at;
	struct tm tm;

	if (!at || !localtime_r(&t, &tm) || !strftime(ret, 20, "%F %H:%M", &tm))
		strcpy(ret, "-");
	return ret;
}

static void print_head(void)
{
	text_fprintf(stdout, "%-24s %-11s %-10s %-15s %-16s %s\n", "NAME", "STATE", "SECRET",
		"ADDRESS", "UNTIL", "LAST LOGIN");
}

static int print_row(const struct db_user *u, void *arg UNUSED)
{
	char ip[ADDR_TEXT_LEN], until[20], login[20];

	text_fprintf(stdout, "%-24s %-11s %-10s %-15s %-16s %s\n", u->name, state_of(u),
		u->reversible ? "reversible" : "nt",
		u->ipv4.family != AF_UNSPEC ? addr_format(&u->ipv4, ip)
		: *u->pool                  ? u->pool
					    : "pool",
		u->expires_at ? day(u->expires_at, until) : "never", day(u->login_at, login));
	return 0;
}

static json_t *user_json(const struct db_user *u)
{
	char ip[ADDR_TEXT_LEN];
	json_t *o = json_pack("{s:I, s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I}", "id",
		(json_int_t)u->id, "name", u->name, "state", state_of(u), "disabled", u->disabled,
		"reversible", u->reversible, "expires_at", (json_int_t)u->expires_at, "created_at",
		(json_int_t)u->created_at, "password_at", (json_int_t)u->password_at, "login_at",
		(json_int_t)u->login_at);

	if (o && *u->pool)
		json_object_set_new(o, "pool", json_string(u->pool));
	if (o && u->ipv4.family != AF_UNSPEC)
		json_object_set_new(o, "address", json_string(addr_format(&u->ipv4, ip)));
	return o;
}

static int add_json(const struct db_user *u, void *arg)
{
	json_t *o = user_json(u);

	return !o || json_array_append_new(arg, o) < 0 ? -ENOMEM : 0;
}

int user_list(struct db *db, bool json)
{
	json_t *all;
	int r;

	if (!json) {
		print_head();
		return db_user_list(db, print_row, NULL);
	}
	all = json_array();
	r = db_user_list(db, add_json, all);
	if (!r)
		r = json_print(all, stdout, JSON_INDENT(2));
	json_decref(all);
	return r;
}

/* ---- one user, with what it may have and where that comes from ---------------- */

static void print_user(
	const struct db_user *user, const struct values_found *f, const struct config *cfg)
{
	print_head();
	print_row(user, NULL);
	fputs("\n  groups            ", stdout);
	for (size_t i = 0; i < f->n_groups; i++)
		text_fprintf(stdout, "%s%s", i ? "," : "", f->groups[i]);
	fputs(f->n_groups ? "\n" : "none\n", stdout);
	values_print(f);
	user_offer_print(f, cfg);
}

static void print_user_json(
	const struct db_user *user, const struct values_found *f, const struct config *cfg)
{
	json_t *o = user_json(user), *groups = json_array();

	for (size_t i = 0; i < f->n_groups; i++)
		json_array_append_new(groups, json_string(f->groups[i]));
	json_object_set_new(o, "groups", groups);
	json_object_set_new(o, "grant", values_json(f));
	json_object_set_new(o, "offered", user_offer_json(f, cfg));
	if (*f->unreadable)
		json_object_set_new(o, "unreadable", json_text(f->unreadable));
	ask_print_json(o);
	json_decref(o);
}

int user_show(struct db *db, const struct config *cfg, const struct db_user *user, bool json)
{
	AUTO_MEM struct values_found *f = calloc(1, sizeof(*f));
	int r = f ? values_of_user(db, cfg, user, f) : -ENOMEM;

	if (r < 0)
		return r;
	if (json)
		print_user_json(user, f, cfg);
	else
		print_user(user, f, cfg);
	return 0;
}
