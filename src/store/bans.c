// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/internal.h"

/* Names are compared as those of users are. */
static size_t fold(const char *name, char ret[static USER_NAME_MAX + 1])
{
	size_t n = strnlen(name, USER_NAME_MAX);

	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 'a' - 'A' : name[i]);
	return n;
}

static void bind_of(struct query *q, const struct prefix *of, const char *user)
{
	char text[PREFIX_TEXT_LEN], folded[USER_NAME_MAX + 1];

	prefix_format(of, text);
	query_bind_text(q, text, strlen(text));
	query_bind_text(q, folded, fold(user, folded));
}

/* Those whose time is over go with the next one. */
int db_ban_set(struct db *db, const struct db_ban *b)
{
	struct query q = query_start(db, SQL_BAN_PRUNE);
	int r;

	query_bind_int(&q, clock_wall_s());
	r = query_run(&q);
	if (r < 0)
		return r;
	q = query_start(db, SQL_BAN_SET);
	bind_of(&q, &b->of, b->user);
	query_bind_int(&q, b->since_at);
	query_bind_int(&q, b->until_at);
	query_bind_int(&q, b->by_admin);
	r = query_run(&q);
	return r < 0 ? r : 0;
}

int db_ban_remove(struct db *db, const struct prefix *of, const char *user)
{
	struct query q = query_start(db, SQL_BAN_REMOVE);
	char text[PREFIX_TEXT_LEN];
	int r;

	bind_of(&q, of, user);
	r = query_run(&q);
	return r < 0 ? r
	       : r   ? 0
		     : db_fail(db, -ENOENT, EV_STORE_NO_BAN, "%s%s%.100s", prefix_format(of, text),
                             *user ? " as " : "", user);
}

int db_ban_list(
	struct db *db, int64_t now, int (*each)(const struct db_ban *, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_BAN_LIST);
	int stop = 0, r;

	query_bind_int(&q, now);
	while (!stop && query_row(&q)) {
		struct db_ban b = {0};
		bool good = !prefix_parse(query_text(&q), &b.of);

		snprintf(b.user, sizeof(b.user), "%s", query_text(&q));
		b.since_at = query_int(&q);
		b.until_at = query_int(&q);
		b.by_admin = query_int(&q);
		stop = good ? each(&b, arg) : 0;
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}
