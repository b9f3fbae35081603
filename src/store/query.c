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

struct query query_start(struct db *db, enum statement s)
{
	struct query q = {.db = db, .code = SQLITE_OK};

	if (!db->stmt[s])
		q.code = sqlite3_prepare_v3(
			db->h, texts[s], -1, SQLITE_PREPARE_PERSISTENT, &db->stmt[s], NULL);
	q.stmt = db->stmt[s];
	return q;
}

static void keep(struct query *q, int code)
{
	if (q->code == SQLITE_OK)
		q->code = code;
}

void query_bind_int(struct query *q, int64_t v)
{
	keep(q, sqlite3_bind_int64(q->stmt, ++q->param, v));
}

/* What a peer sent need not be UTF-8; what is no UTF-8 stands as \xNN (base/text.h). */
void query_bind_text(struct query *q, const char *text, size_t n)
{
	char *copy = malloc(4 * n + 1);

	q->param++;
	if (!copy) {
		keep(q, SQLITE_NOMEM);
		return;
	}
	n = text_to_utf8(text, n, copy);
	keep(q, sqlite3_bind_text64(q->stmt, q->param, copy, n, free, SQLITE_UTF8));
}

void query_bind_octets(struct query *q, const void *octets, size_t n)
{
	keep(q, sqlite3_bind_blob64(q->stmt, ++q->param, octets, n, SQLITE_TRANSIENT));
}

void query_bind_addr(struct query *q, const struct addr *a)
{
	if (a->family == AF_UNSPEC)
		keep(q, sqlite3_bind_null(q->stmt, ++q->param));
	else
		query_bind_octets(q, a->octets, addr_len(a));
}

bool query_row(struct query *q)
{
	int code;

	if (q->code != SQLITE_OK)
		return false;
	code = sqlite3_step(q->stmt);
	q->column = 0;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		q->code = code;
	return code == SQLITE_ROW;
}

int64_t query_int(struct query *q)
{
	return sqlite3_column_int64(q->stmt, q->column++);
}

const char *query_text(struct query *q)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, q->column++);

	return text ? text : "";
}

const void *query_octets(struct query *q, size_t *ret_n)
{
	const void *p = sqlite3_column_blob(q->stmt, q->column);

	*ret_n = (size_t)sqlite3_column_bytes(q->stmt, q->column++);
	return p;
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
	int r = 0;

	if (q->code != SQLITE_OK)
		r = db_fail_sqlite(q->db, q->code);
	if (q->stmt) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
	}
	return r < 0 ? r : sqlite3_changes(q->db->h);
}

int query_run(struct query *q)
{
	while (query_row(q))
		;
	return query_end(q);
}
