// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/internal.h"

static const char *const texts[] = {
#define STATEMENT(name, sql) sql,
#include "store/statements.def"
#undef STATEMENT
};

static void keep(struct query *q, int r)
{
	if (r < 0)
		q->error = db_result(q->db, r);
}

struct query query_start(struct db *db, enum statement s)
{
	struct query q = {.db = db};

	keep(&q, db->engine->ops->start(db->engine, s, texts[s], &q.cursor));
	return q;
}

void query_bind_int(struct query *q, int64_t v)
{
	struct engine *e = q->db->engine;

	q->param++;
	if (!q->error)
		keep(q, e->ops->bind_int(e, q->cursor, q->param, v));
}

/* What a peer sent need not be UTF-8; what is no UTF-8 stands as \xNN (base/text.h). */
void query_bind_text(struct query *q, const char *text, size_t n)
{
	struct engine *e = q->db->engine;
	char *copy = malloc(4 * n + 1);

	q->param++;
	if (!copy) {
		q->error = db_fail(q->db, -ENOMEM, EV_OUT_OF_MEMORY, "a text of %zu octets", n);
		return;
	}
	n = text_to_utf8(text, n, copy);
	if (!q->error)
		keep(q, e->ops->bind_text(e, q->cursor, q->param, copy, n));
	free(copy);
}

void query_bind_octets(struct query *q, const void *octets, size_t n)
{
	struct engine *e = q->db->engine;

	q->param++;
	if (!q->error)
		keep(q, e->ops->bind_octets(e, q->cursor, q->param, octets, n));
}

static void bind_null(struct query *q)
{
	struct engine *e = q->db->engine;

	q->param++;
	if (!q->error)
		keep(q, e->ops->bind_null(e, q->cursor, q->param));
}

void query_bind_addr(struct query *q, const struct addr *a)
{
	if (a->family == AF_UNSPEC)
		bind_null(q);
	else
		query_bind_octets(q, a->octets, addr_len(a));
}

bool query_row(struct query *q)
{
	int r;

	if (q->error)
		return false;
	r = q->db->engine->ops->step(q->db->engine, q->cursor);
	q->column = 0;
	keep(q, r);
	return r > 0;
}

bool query_null(struct query *q)
{
	return q->db->engine->ops->is_null(q->cursor, q->column);
}

int64_t query_int(struct query *q)
{
	return q->db->engine->ops->column_int(q->cursor, q->column++);
}

const char *query_text(struct query *q)
{
	const char *text = q->db->engine->ops->column_text(q->cursor, q->column++);

	return text ? text : "";
}

const void *query_octets(struct query *q, size_t *ret_n)
{
	return q->db->engine->ops->column_octets(q->cursor, q->column++, ret_n);
}

struct addr query_addr(struct query *q)
{
	struct addr a = {0};
	size_t n;
	const void *p = query_octets(q, &n);

	if (n == 4 || n == 16) {
		a.family = n == 4 ? AF_INET : AF_INET6;
		memcpy(a.octets, p, n);
	}
	return a;
}

int query_end(struct query *q)
{
	struct engine *e = q->db->engine;
	int changed = q->cursor ? e->ops->finish(e, q->cursor) : 0;

	return q->error ? q->error : changed;
}

int query_run(struct query *q)
{
	while (query_row(q))
		;
	return query_end(q);
}

int query_next_number(struct db *db, const char *counter, int64_t *ret)
{
	struct query q = query_start(db, SQL_COUNTER_NEXT);
	int r;

	query_bind_text(&q, counter, strlen(counter));
	if (query_row(&q))
		*ret = query_int(&q);
	while (query_row(&q))
		;
	r = query_end(&q);
	return r < 0 ? r : 0;
}
