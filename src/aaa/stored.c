// SPDX-License-Identifier: Apache-2.0
#include "aaa/stored.h"

#include <errno.h>
#include <stdio.h>

#include "base/text.h"

struct gathering {
	struct grant_values all;    /* of the sources so far */
	struct grant_values source; /* of the one that is being read */
	int64_t place;
	char *why;
};

struct grant_values stored_columns(
	const struct addr *ipv4, const char *pool, int64_t expires_at, bool disabled)
{
	struct grant_values v = {0};

	if (ipv4->family)
		v.address = (struct grant_addr){GRANT_USER, *ipv4};
	if (*pool) {
		v.pool.origin = GRANT_USER;
		snprintf(v.pool.value, sizeof(v.pool.value), "%s", pool);
	}
	if (expires_at)
		v.expires = (struct grant_date){GRANT_USER, expires_at};
	if (disabled)
		v.disabled = (struct grant_flag){GRANT_USER, true};
	return v;
}

/* Sources come nearest first: values of the earlier ones stay. */
static void end_source(struct gathering *g)
{
	struct grant_values both = g->source;

	grant_merge(&both, &g->all);
	g->all = both;
	g->source = (struct grant_values){0};
}

static int take_value(const struct db_value *v, void *arg)
{
	struct gathering *g = arg;
	char why[GRANT_WHY_LEN];

	if (v->place != g->place)
		end_source(g);
	g->place = v->place;
	if (!grant_parse(&g->source, v->key, v->value, v->place ? GRANT_GROUP : GRANT_USER, why))
		return 0;
	text_format(g->why, GRANT_WHY_LEN, "%s%s%s%.200s", *v->group ? "group " : "", v->group,
		*v->group ? ": " : "", why);
	return -EBADMSG;
}

int stored_grant(struct db *db, int64_t user_id, const struct grant_values *columns,
	struct grant_values *ret, char why[static GRANT_WHY_LEN])
{
	struct gathering g = {.all = *columns, .why = why};
	int r = db_values(db, DB_USER, user_id, take_value, &g);

	if (r < 0)
		return r;
	end_source(&g);
	*ret = g.all;
	return 0;
}
