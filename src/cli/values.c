// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a value is checked by its row's type before anything is changed, and stored as text. Four of a
 * user's values stand in columns of the user's row, since they are older than the rest, or unique. There
 * `never` and `no` are no values; as answers to a group's value they are stored as the others are.
 */
#include "cli/values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aaa/stored.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "server/host/grant.h"

/* ---- from the command line ------------------------------------------------- */

static int wrong(const char *why)
{
	cmd_fail(EV_USER_VALUE_BAD, why);
	return CMD_USAGE;
}

static bool is_users_own(const char *word)
{
	return !strcmp(word, "address") || !strcmp(word, "must_change");
}

/* What the older commands call the value of none. */
static bool is_none(const char *word, const char *value)
{
	return !*value || (!strcmp(word, "address") && !strcmp(value, "auto")) ||
	       (!strcmp(word, "pool") && !strcmp(value, "default"));
}

static int add_change(
	struct values_change *c, const char *word, const char *value, enum db_subject of)
{
	const struct grant_key *key = grant_key_find(word);
	char why[GRANT_WHY_LEN] = "";
	bool set = !is_none(word, value);

	if (key && of == DB_GROUP && is_users_own(word)) {
		text_format(why, sizeof(why), "%s is a user's own: a group cannot have it", word);
		return wrong(why);
	}
	for (size_t i = 0; i < c->n; i++)
		if (c->item[i].key == key) {
			text_format(why, sizeof(why), "%s is given twice", word);
			return wrong(why);
		}
	if ((set || !key) && grant_parse(&c->values, word, value,
				     of == DB_GROUP ? GRANT_GROUP : GRANT_USER, why) < 0)
		return wrong(why);
	if (set && *why)
		text_fprintf(stderr, "culvert: %s\n", why);
	if (c->n == VALUES_MAX)
		return wrong("too many values at once");
	c->item[c->n].key = key;
	c->item[c->n++].set = set;
	return CMD_OK;
}

static int take_groups(struct values_change *c, const char *names)
{
	char why[GRANT_WHY_LEN];
	size_t n = 1;

	for (const char *p = names; *p; p++)
		n += *p == ',';
	if (n > STORE_GROUPS_MAX) {
		text_format(why, sizeof(why), "groups: expected at most %d names, got %zu",
			STORE_GROUPS_MAX, n);
		return wrong(why);
	}
	c->groups = names;
	return CMD_OK;
}

int values_read(char *const *words, size_t n, enum db_subject of, struct values_change *ret)
{
	int r = CMD_OK;

	*ret = (struct values_change){0};
	for (size_t i = 0; i < n && !r; i++) {
		const char *equals = strchr(words[i], '=');
		char word[40], why[GRANT_WHY_LEN];

		if (!equals || (size_t)(equals - words[i]) >= sizeof(word)) {
			text_format(
				why, sizeof(why), "expected KEY=VALUE, got \"%.100s\"", words[i]);
			return wrong(why);
		}
		snprintf(word, sizeof(word), "%.*s", (int)(equals - words[i]), words[i]);
		if (of == DB_USER && !strcmp(word, "groups"))
			r = take_groups(ret, equals + 1);
		else
			r = add_change(ret, word, equals + 1, of);
	}
	return r;
}

int values_check(const struct where *w, struct db *db, const struct values_change *c)
{
	const struct grant_values *v = &c->values;
	int r = CMD_OK;

	if (v->address.origin)
		r = where_check_address(w, db, &v->address.value);
	if (!r && v->pool.origin)
		r = where_check_pool(w, db, v->pool.value);
	if (!r && v->filter.n)
		r = where_check_filters(w, &v->filter);
	if (!r)
		r = where_check_servers("dns", &v->dns);
	if (!r)
		r = where_check_servers("nbns", &v->nbns);
	if (!r && v->routes.list.n) {
		struct prefixes list;

		prefixes_unpack(&v->routes.list, &list);
		where_doubt_routes(w, &list);
	}
	return r;
}

/* Help is one paragraph; a line has room for 100 columns. */
static void print_help(const struct grant_key *key, FILE *out)
{
	const char *at = key->help;
	const char *label = key->word;

	while (*at) {
		size_t n = strlen(at), room = 78;

		if (n > room)
			for (n = room; n && at[n] != ' '; n--)
				;
		text_fprintf(out, "  %-17s %.*s\n", label, (int)n, at);
		label = "";
		at += n;
		at += strspn(at, " ");
	}
}

void values_help(enum db_subject of, FILE *out)
{
	const struct grant_key *key;

	fputs("\nKeys:\n", out);
	for (size_t i = 0; (key = grant_key(i)); i++)
		if (of == DB_USER || !is_users_own(key->word))
			print_help(key, out);
}

/* ---- into the database ------------------------------------------------------- */

static int set_row(struct db *db, enum db_subject of, int64_t id, const struct grant_key *key,
	const struct grant_values *values, bool set)
{
	char text[GRANT_VALUE_LEN];

	return db_value_set(
		db, of, id, key->word, set ? grant_stored_text(values, key, text) : NULL);
}

/* Whether the column takes it; if not, it is a row, and the column is empty. */
static bool goes_to_column(const char *word, const struct grant_values *v, bool set)
{
	if (!strcmp(word, "expires"))
		return set && v->expires.value;
	if (!strcmp(word, "disabled"))
		return set && v->disabled.value;
	return set;
}

static int set_column(
	struct db *db, int64_t id, const char *word, const struct grant_values *v, bool set)
{
	if (!strcmp(word, "address"))
		return db_user_set_ipv4(db, id, &v->address.value);
	if (!strcmp(word, "pool"))
		return db_user_set_pool(db, id, v->pool.value);
	if (!strcmp(word, "expires"))
		return db_user_set_expiry(db, id, v->expires.value);
	return db_user_set_disabled(db, id, set && v->disabled.value);
}

static bool has_column(const char *word)
{
	return !strcmp(word, "address") || !strcmp(word, "pool") || !strcmp(word, "expires") ||
	       !strcmp(word, "disabled");
}

static int apply_one(struct db *db, enum db_subject of, int64_t id, const struct grant_key *key,
	const struct grant_values *values, bool set)
{
	int r = 0;

	if (of == DB_GROUP || !has_column(key->word))
		return set_row(db, of, id, key, values, set);
	r = set_column(db, id, key->word, values, set);
	if (r < 0)
		return r;
	set = set && !goes_to_column(key->word, values, set);
	return set_row(db, of, id, key, values, set);
}

static bool holds(const int64_t *ids, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Given twice, the first place counts. */
static int apply_groups(struct db *db, int64_t id, const char *names)
{
	int64_t ids[STORE_GROUPS_MAX];
	size_t n = 0;

	while (*names) {
		char name[STORE_GROUP_NAME_MAX + 2];
		struct db_group group;
		size_t len = strcspn(names, ",");
		int r;

		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		r = db_group_find(db, name, &group);
		if (r < 0)
			return r;
		if (n < STORE_GROUPS_MAX && !holds(ids, n, group.id))
			ids[n++] = group.id;
		names += len + (names[len] == ',');
	}
	return db_user_set_groups(db, id, ids, n);
}

int values_apply(struct db *db, enum db_subject of, int64_t id, const struct values_change *c)
{
	int r = 0;

	for (size_t i = 0; i < c->n && r >= 0; i++)
		r = apply_one(db, of, id, c->item[i].key, &c->values, c->item[i].set);
	if (r >= 0 && c->groups)
		r = apply_groups(db, id, c->groups);
	return r;
}

/* ---- what counts when ---------------------------------------------------------- */

/* `effects`: a bit for each. */
static size_t list_keys(const struct values_change *c, unsigned effects, char *ret, size_t cap)
{
	size_t n = 0, keys = 0;

	*ret = '\0';
	for (size_t i = 0; i < c->n; i++) {
		if (!(effects >> c->item[i].key->effect & 1))
			continue;
		n += text_format(ret + n, cap - n, "%s%s", keys ? ", " : "", c->item[i].key->word);
		keys++;
	}
	return keys;
}

int values_tell(const struct where *w, const struct values_change *c, const char *user)
{
	char now[500], next[500], answer[500];
	size_t n_now = list_keys(c, 1u << GRANT_NOW, now, sizeof(now));
	size_t n_answer = list_keys(
		c, 1u << GRANT_NEXT_ANSWER | 1u << GRANT_NEXT_ANSWER_TOO, answer, sizeof(answer));
	size_t n_next = list_keys(c, 1u << GRANT_NEXT_SESSION | 1u << GRANT_NEXT_ANSWER_TOO, next,
		       sizeof(next)),
	       n;
	int r = where_regrant(w, user, &n);

	if (r || !n)
		return r;
	if (user)
		text_fprintf(stdout, "%zu session%s of this user %s up\n", n, n == 1 ? "" : "s",
			n == 1 ? "is" : "are");
	if (n_now)
		text_fprintf(stdout, "in sessions that are up, too, within a second: %s\n", now);
	if (n_answer)
		text_fprintf(stdout,
			"when the client asks again (IPv6: within a second), or connects again: %s\n",
			answer);
	if (n_next)
		text_fprintf(stdout, "from the next session on: %s\n", next);
	if (c->groups)
		text_fprintf(stdout, "what the groups say counts as if it were set here: "
				     "`culvert user show` lists it\n");
	return CMD_OK;
}

/* ---- what counts, and from where -------------------------------------------------- */

struct gathering {
	struct values_found *found;
	int64_t place;
};

static void begin_source(struct gathering *g, const struct db_value *v)
{
	struct values_found *f = g->found;

	if (v->place == g->place || f->n > STORE_GROUPS_MAX)
		return;
	g->place = v->place;
	f->source[f->n] = (struct values_source){0};
	snprintf(f->source[f->n++].group, STORE_GROUP_NAME_MAX + 1, "%s", v->group);
}

static int take_value(const struct db_value *v, void *arg)
{
	struct gathering *g = arg;
	struct values_found *f = g->found;
	char why[GRANT_WHY_LEN];

	begin_source(g, v);
	if (grant_parse(&f->source[f->n - 1].values, v->key, v->value,
		    v->place || f->source[0].group[0] ? GRANT_GROUP : GRANT_USER, why) < 0)
		text_format(f->unreadable, sizeof(f->unreadable), "%s%s%.200s", v->group,
			*v->group ? ": " : "", why);
	return 0;
}

/* Sources come nearest first; the farthest is the base. */
static void merge_all(struct values_found *f)
{
	f->all = f->defaults;
	for (size_t i = f->n; i-- > 0;)
		grant_merge(&f->all, &f->source[i].values);
}

static int take_group_name(const struct db_group *g, void *arg)
{
	struct values_found *f = arg;

	if (f->n_groups < STORE_GROUPS_MAX)
		strcpy(f->groups[f->n_groups++], g->name);
	return 0;
}

int values_of_user(struct db *db, const struct config *cfg, const struct db_user *user,
	struct values_found *ret)
{
	struct gathering g = {.found = ret, .place = 0};
	struct grant_values columns;
	int r;

	*ret = (struct values_found){.n = 1};
	host_default_values(cfg, &ret->defaults);
	r = db_groups_of_user(db, user->id, take_group_name, ret);
	if (!r)
		r = db_values(db, DB_USER, user->id, take_value, &g);
	if (r < 0)
		return r;
	columns = stored_columns(&user->ipv4, user->pool, user->expires_at, user->disabled);
	grant_merge(&ret->source[0].values, &columns);
	merge_all(ret);
	return 0;
}

int values_of_group(struct db *db, const struct db_group *group, struct values_found *ret)
{
	struct gathering g = {.found = ret, .place = 0};
	int r;

	*ret = (struct values_found){.n = 1};
	strcpy(ret->source[0].group, group->name);
	r = db_values(db, DB_GROUP, group->id, take_value, &g);
	merge_all(ret);
	return r;
}

/* "user", "group staff", "user, group staff" for lists that add up, "default". */
static void format_from(
	const struct values_found *f, const struct grant_key *key, char *ret, size_t cap)
{
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < f->n && (!n || key->merge == GRANT_APPEND); i++) {
		const struct values_source *s = &f->source[i];

		if (grant_origin_of(&s->values, key))
			n += text_format(ret + n, cap - n, "%s%s%s", n ? ", " : "",
				*s->group ? "group " : "user", s->group);
	}
	if (!n)
		text_format(ret, cap, "default");
}

char *values_from(const struct values_found *f, const char *word, char *ret, size_t cap)
{
	const struct grant_key *key = grant_key_find(word);

	*ret = '\0';
	if (key && grant_origin_of(&f->all, key))
		format_from(f, key, ret, cap);
	return ret;
}

static const char *const effects[] = {[GRANT_NOW] = "now",
	[GRANT_NEXT_SESSION] = "next session",
	[GRANT_NEXT_ANSWER] = "next answer",
	[GRANT_NEXT_ANSWER_TOO] = "next answer"};

void values_print(const struct values_found *f)
{
	const struct grant_key *key;

	for (size_t i = 0; (key = grant_key(i)); i++) {
		char text[GRANT_VALUE_LEN], from[400];

		if (!grant_origin_of(&f->all, key))
			continue;
		format_from(f, key, from, sizeof(from));
		text_fprintf(stdout, "  %-17s %-24s (%s)\n", key->word,
			grant_text(&f->all, key, text), from);
	}
	if (*f->unreadable)
		text_fprintf(stdout, "  not readable, logins are refused: %s\n", f->unreadable);
}

json_t *values_json(const struct values_found *f)
{
	json_t *all = json_object();
	const struct grant_key *key;

	for (size_t i = 0; (key = grant_key(i)); i++) {
		char text[GRANT_VALUE_LEN], from[400];

		if (!grant_origin_of(&f->all, key))
			continue;
		format_from(f, key, from, sizeof(from));
		json_object_set_new(all, key->word,
			json_pack("{s:o, s:o, s:s}", "value",
				json_text(grant_text(&f->all, key, text)), "from", json_text(from),
				"effect", effects[key->effect]));
	}
	return all;
}
