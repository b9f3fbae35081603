// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what a user or a group sets is a row (key, value), both text: aaa/grant.def knows their types,
 * and the writer has checked them. A user is in groups in an order; the rows of all groups come with one
 * statement.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/internal.h"

/* A name is typed on command lines and stands in lists with commas. */
static int check_name(struct db *db, const char *name)
{
	size_t n = strlen(name);

	if (n < 1 || n > STORE_GROUP_NAME_MAX ||
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") !=
			n)
		return db_fail(db, -EINVAL, EV_STORE_BAD_GROUP, "\"%.100s\"", name);
	return 0;
}

static void bind_folded(struct query *q, const char *name)
{
	char folded[STORE_GROUP_NAME_MAX + 1];
	size_t n = strnlen(name, STORE_GROUP_NAME_MAX);

	for (size_t i = 0; i < n; i++)
		folded[i] =
			(char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 'a' - 'A' : name[i]);
	query_bind_text(q, folded, n);
}

int db_group_add(struct db *db, const char *name, int64_t *ret_id)
{
	struct query q;
	int64_t id = 0;
	int r = check_name(db, name);

	if (!r)
		r = query_next_number(db, "group", &id);
	if (r < 0)
		return r;
	q = query_start(db, SQL_GROUP_ADD);
	query_bind_int(&q, id);
	query_bind_text(&q, name, strlen(name));
	bind_folded(&q, name);
	query_bind_int(&q, clock_wall_s());
	r = query_run(&q);
	if (r == -EEXIST)
		return db_fail(db, -EEXIST, EV_STORE_GROUP_TAKEN, "\"%.100s\"", name);
	if (r < 0)
		return r;
	*ret_id = id;
	return 0;
}

static void take_group(struct query *q, struct db_group *ret)
{
	*ret = (struct db_group){.id = query_int(q)};
	snprintf(ret->name, sizeof(ret->name), "%s", query_text(q));
	ret->users = query_int(q);
}

int db_group_find(struct db *db, const char *name, struct db_group *ret)
{
	struct query q = query_start(db, SQL_GROUP_FIND);
	bool found = false;
	int r;

	bind_folded(&q, strlen(name) > STORE_GROUP_NAME_MAX ? "" : name);
	if (query_row(&q)) {
		take_group(&q, ret);
		found = true;
	}
	r = query_end(&q);
	if (r < 0)
		return r;
	return found ? 0 : db_fail(db, -ENOENT, EV_STORE_NO_GROUP, "\"%.100s\"", name);
}

static int list(struct query *q, int (*each)(const struct db_group *, void *arg), void *arg)
{
	struct db_group group;
	int stop = 0, r;

	while (!stop && query_row(q)) {
		take_group(q, &group);
		stop = each(&group, arg);
	}
	r = query_end(q);
	return r < 0 ? r : stop;
}

int db_group_list(struct db *db, int (*each)(const struct db_group *, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_GROUP_LIST);

	return list(&q, each, arg);
}

int db_groups_of_user(
	struct db *db, int64_t user_id, int (*each)(const struct db_group *, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_GROUPS_OF_USER);

	query_bind_int(&q, user_id);
	return list(&q, each, arg);
}

int db_group_members(
	struct db *db, int64_t group_id, int (*each)(const char *name, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_GROUP_MEMBERS);
	int stop = 0, r;

	query_bind_int(&q, group_id);
	while (!stop && query_row(&q))
		stop = each(query_text(&q), arg);
	r = query_end(&q);
	return r < 0 ? r : stop;
}

int db_group_remove(struct db *db, int64_t id)
{
	struct query q = query_start(db, SQL_GROUP_REMOVE);
	int r;

	query_bind_int(&q, id);
	r = query_run(&q);
	return r < 0 ? r
	       : r   ? 0
		     : db_fail(db, -ENOENT, EV_STORE_NO_GROUP, "number %lld", (long long)id);
}

int db_user_set_groups(struct db *db, int64_t user_id, const int64_t *groups, size_t n)
{
	struct query q = query_start(db, SQL_MEMBER_REMOVE_ALL);
	int r;

	query_bind_int(&q, user_id);
	r = query_run(&q);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		q = query_start(db, SQL_MEMBER_ADD);
		query_bind_int(&q, user_id);
		query_bind_int(&q, groups[i]);
		query_bind_int(&q, (int64_t)i + 1);
		r = query_run(&q);
	}
	return r < 0 ? r : 0;
}

/* ---- values ---- */

int db_value_set(struct db *db, enum db_subject of, int64_t id, const char *key, const char *value)
{
	static const enum statement set[] = {SQL_USER_VALUE_SET, SQL_GROUP_VALUE_SET},
				    unset[] = {SQL_USER_VALUE_UNSET, SQL_GROUP_VALUE_UNSET};
	struct query q = query_start(db, value ? set[of] : unset[of]);
	int r;

	query_bind_int(&q, id);
	query_bind_text(&q, key, strlen(key));
	if (value)
		query_bind_text(&q, value, strlen(value));
	r = query_run(&q);
	return r < 0 ? r : 0;
}

int db_values(struct db *db, enum db_subject of, int64_t id,
	int (*each)(const struct db_value *, void *arg), void *arg)
{
	struct query q = query_start(db, of == DB_USER ? SQL_USER_VALUES : SQL_GROUP_VALUES);
	int stop = 0, r;

	query_bind_int(&q, id);
	while (!stop && query_row(&q)) {
		struct db_value v = {.place = query_int(&q)};

		v.group = query_text(&q);
		v.key = query_text(&q);
		v.value = query_text(&q);
		stop = each(&v, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}

int db_values_of_key(struct db *db, const char *key,
	int (*each)(const struct db_key_value *, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_VALUES_OF_KEY);
	int stop = 0, r;

	query_bind_text(&q, key, strlen(key));
	while (!stop && query_row(&q)) {
		struct db_key_value v = {.of = query_int(&q) ? DB_GROUP : DB_USER};

		v.id = query_int(&q);
		v.name = query_text(&q);
		v.value = query_text(&q);
		stop = each(&v, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}
