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

/* What counts, the groups' values among it. */
static const char *state_of(const struct db_user *u, const struct grant_values *v)
{
	if (v->disabled.value)
		return "disabled";
	if (v->expires.value && v->expires.value <= clock_wall_s())
		return "expired";
	return u->password_at ? "active" : "no password";
}

static const char *secret_of(const struct db_user *u)
{
	if (u->totp)
		return u->reversible ? "rev.+totp" : "nt+totp";
	return u->reversible ? "reversible" : "nt";
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

static void print_row(const struct db_user *u, const struct grant_values *v)
{
	char ip[ADDR_TEXT_LEN], until[20], login[20];

	text_fprintf(stdout, "%-24s %-11s %-10s %-15s %-16s %s\n", u->name, state_of(u, v),
		secret_of(u),
		u->ipv4.family != AF_UNSPEC ? addr_format(&u->ipv4, ip)
		: *u->pool                  ? u->pool
					    : "pool",
		v->expires.value ? day(v->expires.value, until) : "never", day(u->login_at, login));
}

static json_t *user_json(const struct db_user *u, const struct grant_values *v)
{
	char ip[ADDR_TEXT_LEN];
	json_t *o = json_pack("{s:I, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:I, s:I}", "id",
		(json_int_t)u->id, "name", u->name, "state", state_of(u, v), "disabled",
		u->disabled, "reversible", u->reversible, "totp", u->totp, "expires_at",
		(json_int_t)u->expires_at, "created_at", (json_int_t)u->created_at, "password_at",
		(json_int_t)u->password_at, "login_at", (json_int_t)u->login_at);

	if (o && *u->pool)
		json_object_set_new(o, "pool", json_string(u->pool));
	if (o && u->ipv4.family != AF_UNSPEC)
		json_object_set_new(o, "address", json_string(addr_format(&u->ipv4, ip)));
	return o;
}

struct listing {
	struct db *db;
	const struct config *cfg;
	struct values_found *found;
	json_t *all; /* NULL: a table */
};

static int list_one(const struct db_user *u, void *arg)
{
	struct listing *l = arg;
	int r = values_of_user(l->db, l->cfg, u, l->found);
	json_t *o;

	if (r < 0)
		return r;
	if (!l->all) {
		print_row(u, &l->found->all);
		return 0;
	}
	o = user_json(u, &l->found->all);
	return !o || json_array_append_new(l->all, o) < 0 ? -ENOMEM : 0;
}

int user_list(struct db *db, const struct config *cfg, bool json)
{
	AUTO_MEM struct values_found *found = calloc(1, sizeof(*found));
	struct listing l = {db, cfg, found, json ? json_array() : NULL};
	int r = found ? 0 : -ENOMEM;

	if (!json)
		print_head();
	if (!r)
		r = db_user_list(db, list_one, &l);
	if (!r && json)
		r = json_print(l.all, stdout, JSON_INDENT(2));
	json_decref(l.all);
	return r;
}

/* ---- one user, with what it may have and where that comes from ---------------- */

static void print_user(
	const struct db_user *user, const struct values_found *f, const struct config *cfg)
{
	print_head();
	print_row(user, &f->all);
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
	json_t *o = user_json(user, &f->all), *groups = json_array();

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
