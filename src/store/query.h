// SPDX-License-Identifier: Apache-2.0
/*
 * store/query.h — one run of a statement: bind in order, read rows in order. Inside store/ only.
 *
 *     struct query q = query_start(db, SQL_META_GET);
 *
 *     query_bind_text(&q, key, strlen(key));
 *     while (query_row(&q))
 *             value = query_text(&q, &n);
 *     return query_end(&q);
 *
 * Like rd.h: errors are kept and asked for once, at the end. Pointers that query_text() and
 * query_octets() give live until the next query_row() or query_end().
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct db;
struct cursor;

enum statement {
#define STATEMENT(name, sql) SQL_##name,
#include "store/statements.def"
#undef STATEMENT
	SQL_STATEMENTS,
};

struct query {
	struct db *db;
	struct cursor *cursor; /* NULL: it could not be prepared */
	int param, column;
	int error; /* the first negative errno; what follows does nothing */
};

struct query query_start(struct db *db, enum statement s);
void query_bind_int(struct query *q, int64_t v);
/* Octets that are no UTF-8, and zeros, become \xNN: PostgreSQL takes no such text. */
void query_bind_text(struct query *q, const char *text, size_t n);
void query_bind_octets(struct query *q, const void *octets, size_t n);
void query_bind_addr(struct query *q, const struct addr *a); /* AF_UNSPEC: NULL */
bool query_row(struct query *q);
int64_t query_int(struct query *q);
const char *query_text(struct query *q);                  /* "" for NULL */
bool query_null(struct query *q);                         /* the next column; it stays the next */
const void *query_octets(struct query *q, size_t *ret_n); /* 0 for NULL */
struct addr query_addr(struct query *q);
/* Negative errno, and db_error() is set; else how many rows a writing statement changed. */
int query_end(struct query *q);
/* Runs to the end, ignoring rows. */
int query_run(struct query *q);
/* The next number of a counter, from 1. */
int query_next_number(struct db *db, const char *counter, int64_t *ret);
