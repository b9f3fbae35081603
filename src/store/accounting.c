// SPDX-License-Identifier: Apache-2.0
#include "store/accounting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

static int run(struct query *q)
{
	int r = query_run(q);

	return r < 0 ? r : 0;
}

static void bind_string(struct query *q, const char *text)
{
	query_bind_text(q, text, strlen(text));
}

static void bind_counters(struct query *q, const struct accounting_counters *c)
{
	query_bind_int(q, (int64_t)c->octets_in);
	query_bind_int(q, (int64_t)c->octets_out);
	query_bind_int(q, (int64_t)c->packets_in);
	query_bind_int(q, (int64_t)c->packets_out);
}

/* Opens the session, or saves its counters. */
static int save(struct db *db, const struct accounting_record *r)
{
	struct query q = query_start(db, SQL_ACCOUNTING_SAVE);

	query_bind_int(&q, db->node);
	query_bind_int(&q, db->epoch);
	bind_string(&q, r->session);
	query_bind_octets(&q, r->octets, r->common_len);
	query_bind_int(&q, r->started_at);
	query_bind_int(&q, r->at);
	bind_counters(&q, &r->counters);
	return run(&q);
}

static int run_for_session(struct db *db, enum statement s, const char *session)
{
	struct query q = query_start(db, s);

	query_bind_int(&q, db->node);
	bind_string(&q, session);
	return run(&q);
}

static int insert(struct db *db, const struct accounting_record *r)
{
	struct query q;
	int64_t seq;
	int e = query_next_number(db, "accounting", &seq);

	if (e < 0)
		return e;
	q = query_start(db, SQL_ACCOUNTING_ADD);
	query_bind_int(&q, seq);
	query_bind_int(&q, db->node);
	bind_string(&q, r->session);
	query_bind_int(&q, r->kind);
	query_bind_int(&q, r->at);
	query_bind_octets(&q, r->octets, r->n);
	return run(&q);
}

int db_accounting_add(struct db *db, const struct accounting_record *r)
{
	int e = 0;

	if (r->kind == ACCOUNTING_START || r->kind == ACCOUNTING_INTERIM)
		e = save(db, r);
	if (r->kind == ACCOUNTING_STOP) {
		e = run_for_session(db, SQL_ACCOUNTING_OVERTAKE, r->session);
		if (!e)
			e = run_for_session(db, SQL_ACCOUNTING_CLOSE, r->session);
	}
	return e < 0 ? e : insert(db, r);
}

static void take_octets(struct query *q, struct accounting_record *r)
{
	const void *octets = query_octets(q, &r->n);

	if (r->n > sizeof(r->octets))
		r->n = sizeof(r->octets);
	if (r->n)
		memcpy(r->octets, octets, r->n);
}

int db_accounting_list(struct db *db, int most,
	int (*each)(const struct accounting_record *r, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_ACCOUNTING_LIST);
	struct accounting_record r;
	int e = 0, end;

	query_bind_int(&q, db->node);
	query_bind_int(&q, most);
	while (!e && query_row(&q)) {
		r = (struct accounting_record){.seq = query_int(&q)};
		snprintf(r.session, sizeof(r.session), "%s", query_text(&q));
		r.kind = (enum accounting_kind)query_int(&q);
		r.at = query_int(&q);
		take_octets(&q, &r);
		e = each(&r, arg);
	}
	end = query_end(&q);
	return e ? e : end < 0 ? end : 0;
}

int db_accounting_remove(struct db *db, int64_t seq)
{
	struct query q = query_start(db, SQL_ACCOUNTING_REMOVE);

	query_bind_int(&q, seq);
	return run(&q);
}

int db_accounting_count(struct db *db, int64_t *ret)
{
	struct query q = query_start(db, SQL_ACCOUNTING_COUNT);

	*ret = 0;
	query_bind_int(&q, db->node);
	if (query_row(&q))
		*ret = query_int(&q);
	return run(&q);
}

/* The oldest n of a kind (0: of all). Returns how many went. */
static int drop(struct db *db, int64_t n, int kind)
{
	struct query q = query_start(db, SQL_ACCOUNTING_DROP);

	query_bind_int(&q, db->node);
	query_bind_int(&q, kind);
	query_bind_int(&q, n);
	return query_run(&q);
}

int db_accounting_prune(struct db *db, int64_t most, int64_t before, uint64_t *ret_dropped)
{
	struct query q = query_start(db, SQL_ACCOUNTING_DROP_OLD);
	int64_t n = 0;
	int r;

	*ret_dropped = 0;
	query_bind_int(&q, db->node);
	query_bind_int(&q, before);
	r = query_run(&q);
	if (r < 0)
		return r;
	*ret_dropped += (uint64_t)r;
	r = db_accounting_count(db, &n);
	for (int kind = ACCOUNTING_INTERIM; r >= 0 && n > most; kind = 0) {
		r = drop(db, n - most, kind);
		if (r < 0)
			break;
		*ret_dropped += (uint64_t)r;
		n -= r;
		if (!kind)
			break;
	}
	return r < 0 ? r : 0;
}

/* ---- after a crash --------------------------------------------------------- */

static bool read_open(struct query *q, struct accounting_record *r, int64_t *last_at)
{
	if (!query_row(q))
		return false;
	*r = (struct accounting_record){.kind = ACCOUNTING_STOP};
	snprintf(r->session, sizeof(r->session), "%s", query_text(q));
	take_octets(q, r);
	r->common_len = r->n;
	r->started_at = query_int(q);
	*last_at = query_int(q);
	r->counters.octets_in = (uint64_t)query_int(q);
	r->counters.octets_out = (uint64_t)query_int(q);
	r->counters.packets_in = (uint64_t)query_int(q);
	r->counters.packets_out = (uint64_t)query_int(q);
	return true;
}

int db_accounting_recover(struct db *db, int64_t now,
	void (*stop)(struct accounting_record *r, int64_t last_at, void *arg), void *arg,
	unsigned *ret_n)
{
	int e = 0;

	*ret_n = 0;
	while (!e) {
		struct query q = query_start(db, SQL_ACCOUNTING_LOST);
		struct accounting_record r;
		int64_t last_at = 0;
		bool found;

		query_bind_int(&q, db->node);
		query_bind_int(&q, db->epoch);
		found = read_open(&q, &r, &last_at);
		e = query_end(&q);
		if (e < 0 || !found)
			break;
		r.at = now;
		stop(&r, last_at, arg);
		e = db_accounting_add(db, &r);
		(*ret_n)++;
	}
	return e < 0 ? e : 0;
}
