// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: an epoch is one run of a server, a number that no run before had. Leases, sessions and attempts
 * carry (node, epoch, n), so rows of two runs never mean each other. While a run lasts it holds its
 * epoch's lock (engine.h), which the system drops with the process, however that ends. A start takes
 * over the epochs whose lock is free, and leaves alone those of runs that go on.
 *
 * All of it is one transaction: two starts at the same moment come one after the other.
 */
#include <errno.h>

#include "base/clock.h"
#include "store/internal.h"

static int run(struct query *q)
{
	int r = query_run(q);

	return r < 0 ? r : 0;
}

/* -ENOENT: none. */
static int epoch_after(struct db *db, int64_t after, int64_t *ret)
{
	struct query q = query_start(db, SQL_EPOCH_AFTER);
	bool found = false;
	int r;

	query_bind_int(&q, db->node);
	query_bind_int(&q, after);
	if (query_row(&q)) {
		found = !query_null(&q);
		*ret = query_int(&q);
	}
	r = query_end(&q);
	return r < 0 ? r : found ? 0 : -ENOENT;
}

/* Its addresses are idle, its open records end, its row goes. */
static int take_over(struct db *db, int64_t epoch)
{
	struct query q = query_start(db, SQL_LEASE_RELEASE_EPOCH);
	int r;

	query_bind_int(&q, db->node);
	query_bind_int(&q, epoch);
	r = run(&q);
	if (r < 0)
		return r;
	q = query_start(db, SQL_SESSION_STOP_EPOCH);
	query_bind_int(&q, clock_wall_s());
	query_bind_int(&q, EV_SESSION_LOST);
	query_bind_int(&q, db->node);
	query_bind_int(&q, epoch);
	r = run(&q);
	if (r < 0)
		return r;
	q = query_start(db, SQL_EPOCH_END);
	query_bind_int(&q, db->node);
	query_bind_int(&q, epoch);
	return run(&q);
}

static int take_over_the_dead(struct db *db)
{
	struct engine *e = db->engine;
	int64_t epoch = -1; /* 0 is that of the versions without epochs */
	bool dead;
	int r;

	while (!(r = epoch_after(db, epoch, &epoch))) {
		r = db_result(db, e->ops->epoch_is_dead(e, epoch, &dead));
		if (!r && dead)
			r = take_over(db, epoch);
		if (r < 0)
			return r;
		if (dead)
			e->ops->forget_epoch(e, epoch);
	}
	return r == -ENOENT ? 0 : r;
}

int db_epoch_begin(struct db *db)
{
	struct engine *e = db->engine;
	struct query q;
	int64_t epoch = 0;
	int r = take_over_the_dead(db);

	if (!r)
		r = query_next_number(db, "epoch", &epoch);
	if (!r)
		r = db_result(db, e->ops->hold_epoch(e, epoch));
	if (r < 0)
		return r;
	q = query_start(db, SQL_EPOCH_BEGIN);
	query_bind_int(&q, db->node);
	query_bind_int(&q, epoch);
	query_bind_int(&q, clock_wall_s());
	r = run(&q);
	if (!r)
		db->epoch = epoch;
	return r;
}

uint64_t db_epoch(const struct db *db)
{
	return (uint64_t)db->epoch;
}
