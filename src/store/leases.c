// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a lease is a row (address, user, session). Rows stay when a session ends, so that the user
 * gets the same address again as long as the pool is not short. The rows are the truth; which
 * addresses have none is remembered in a map of bits per pool, only to find one fast. A map that is
 * out of date (another process removed a user) costs a look in vain, never an address given twice:
 * the primary key sees to that.
 */
#include <errno.h>

#include "base/clock.h"
#include "store/internal.h"

/* --- maps --- */

/* Marks the addresses that a statement gives for the pool's range. */
static int mark(struct db *db, struct pool_map *m, enum statement s)
{
	struct addr low = pool_addr(&m->pool, 0), high = pool_addr(&m->pool, m->size - 1);
	struct query q = query_start(db, s);
	int r;

	query_bind_addr(&q, &low);
	query_bind_addr(&q, &high);
	while (query_row(&q)) {
		struct addr a = query_addr(&q);

		pool_map_mark(m, &a);
	}
	r = query_end(&q);
	return r < 0 ? r : 0;
}

static int fill(struct db *db, struct pool_map *m)
{
	int r;

	pool_map_clear(m);
	r = mark(db, m, SQL_LEASE_IN_RANGE);
	return r < 0 ? r : mark(db, m, SQL_LEASE_STATICS);
}

static struct pool_map *get_map(struct db *db, const struct prefix *pool)
{
	struct pool_map *m = pool_maps_find(&db->pools, pool);

	if (m)
		return m;
	m = pool_maps_add(&db->pools, pool);
	if (m && fill(db, m) < 0) {
		pool_maps_drop(&db->pools, m);
		return NULL;
	}
	return m;
}

/* --- taking --- */

/* The first row's address; 1 when there was a row, 0 when not. */
static int end_with_address(struct query *q, struct addr *ret)
{
	bool got = query_row(q);
	int r;

	if (got)
		*ret = query_addr(q);
	while (query_row(q))
		;
	r = query_end(q);
	return r < 0 ? r : got;
}

/* The last address of an IPv6 prefix. */
static struct addr last_of(const struct prefix *p)
{
	struct addr a = p->addr;

	for (unsigned bit = p->len; bit < 128; bit++)
		a.octets[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return a;
}

static void bind_range(struct query *q, const struct db_lease_request *req)
{
	const struct prefix *pool = &req->pool;
	struct addr low = req->each_len ? pool->addr : pool_addr(pool, 1);
	struct addr high = req->each_len ? last_of(pool) : pool_addr(pool, pool_size(pool) - 2);

	query_bind_addr(q, &low);
	query_bind_addr(q, &high);
}

static int take_own(struct db *db, const struct db_lease_request *req, struct addr *ret)
{
	struct query q = query_start(db, SQL_LEASE_OWN);

	query_bind_int(&q, db->node);
	query_bind_int(&q, db->epoch);
	query_bind_int(&q, (int64_t)req->session);
	query_bind_int(&q, clock_wall_s());
	query_bind_int(&q, req->user_id);
	bind_range(&q, req);
	return end_with_address(&q, ret);
}

static int take_oldest(struct db *db, const struct db_lease_request *req, struct addr *ret)
{
	struct query q = query_start(db, SQL_LEASE_OLDEST);

	query_bind_int(&q, req->user_id);
	query_bind_int(&q, db->node);
	query_bind_int(&q, db->epoch);
	query_bind_int(&q, (int64_t)req->session);
	query_bind_int(&q, clock_wall_s());
	bind_range(&q, req);
	return end_with_address(&q, ret);
}

/* The row of one address, by LEASE_FRESH or LEASE_STATIC: 0 when somebody has it. */
static int take_one(struct db *db, enum statement s, const struct db_lease_request *req,
	const struct addr *address, struct addr *ret)
{
	struct query q = query_start(db, s);

	query_bind_addr(&q, address);
	query_bind_int(&q, req->user_id);
	query_bind_int(&q, db->node);
	query_bind_int(&q, db->epoch);
	query_bind_int(&q, (int64_t)req->session);
	query_bind_int(&q, clock_wall_s());
	return end_with_address(&q, ret);
}

static bool is_excluded(const struct db_lease_request *req, const struct addr *a)
{
	uint32_t v = addr_v4_value(a);

	for (size_t i = 0; i < req->n_excluded; i++)
		if (v >= req->excluded[i].first && v <= req->excluded[i].last)
			return true;
	return false;
}

static int take_fresh(struct db *db, const struct db_lease_request *req, struct addr *ret)
{
	struct pool_map *m = get_map(db, &req->pool);
	struct addr a;
	int r;

	if (!m)
		return -ENOMEM;
	while (pool_map_next(m, &a)) {
		if (addr_equal(&a, &req->reserved) || is_excluded(req, &a))
			continue;
		r = take_one(db, SQL_LEASE_FRESH, req, &a, ret);
		if (r)
			return r;
	}
	return 0;
}

typedef int take_fn(struct db *db, const struct db_lease_request *req, struct addr *ret);

/* --- prefixes --- */

#define STATICS_MAX 256 /* of users' own, inside the pool */
#define TRIES_MAX 4096  /* prefixes looked at for a user who has none */

struct statics {
	struct prefix pool;
	size_t n;
	struct prefix of[STATICS_MAX];
};

static int note_static(const struct db_key_value *v, void *arg)
{
	struct statics *s = arg;
	struct prefix p;

	if (s->n < STATICS_MAX && !prefix_parse(v->value, &p) && prefix_overlaps(&p, &s->pool))
		s->of[s->n++] = p;
	return 0;
}

/* Of another length once, it may not begin where one does; or it is a user's own meanwhile. */
static bool may_give(
	const struct db_lease_request *req, const struct statics *s, const struct addr *a)
{
	struct prefix p = {*a, req->each_len};

	if (!req->each_len)
		return !is_excluded(req, a);
	if (prefix_mask(&p))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (prefix_overlaps(&p, &s->of[i]))
			return false;
	return true;
}

static int forget(struct db *db, const struct addr *a)
{
	struct query q = query_start(db, SQL_LEASE_REMOVE);
	int r;

	query_bind_addr(&q, a);
	r = query_run(&q);
	return r < 0 ? r : 0;
}

/* Rows that cannot be given any more are dropped on the way. 1, 0 or negative errno. */
static int take_row(struct db *db, const struct db_lease_request *req, const struct statics *s,
	take_fn *take, struct addr *ret)
{
	int r;

	while ((r = take(db, req, ret)) > 0 && !may_give(req, s, ret)) {
		r = forget(db, ret);
		if (r < 0)
			return r;
	}
	return r;
}

/* The n-th prefix of the pool; n wraps around. */
static struct addr nth_of(const struct db_lease_request *req, uint64_t n)
{
	unsigned bits = req->each_len - req->pool.len;
	struct addr a = req->pool.addr;

	if (bits < 64)
		n &= (UINT64_C(1) << bits) - 1;
	for (unsigned bit = 0; bit < bits && bit < 64; bit++) {
		unsigned at = req->each_len - 1u - bit;

		if (n >> bit & 1)
			a.octets[at / 8] |= (uint8_t)(0x80 >> at % 8);
	}
	return a;
}

/* Beginning where the user's number leads, so that a lost database gives much the same ones again. */
static int take_new(struct db *db, const struct db_lease_request *req, const struct statics *s,
	struct addr *ret)
{
	unsigned bits = req->each_len - req->pool.len;
	uint64_t first = (uint64_t)req->user_id * UINT64_C(0x9e3779b97f4a7c15) >> 16;
	uint64_t n = bits < 12 ? UINT64_C(1) << bits : TRIES_MAX;
	int r = 0;

	for (uint64_t i = 0; i < n && !r; i++) {
		struct addr a = nth_of(req, first + i);

		if (may_give(req, s, &a))
			r = take_one(db, SQL_LEASE_FRESH, req, &a, ret);
	}
	return r;
}

static int take_prefix(struct db *db, const struct db_lease_request *req, struct addr *ret)
{
	struct statics s = {.pool = req->pool};
	char text[PREFIX_TEXT_LEN];
	int r = db_values_of_key(db, "prefix", note_static, &s);

	if (!r)
		r = take_row(db, req, &s, take_own, ret);
	if (!r)
		r = take_new(db, req, &s, ret);
	if (!r)
		r = take_row(db, req, &s, take_oldest, ret);
	if (r)
		return r < 0 ? r : 0;
	return db_fail(db, -EADDRNOTAVAIL, EV_PREFIX_NONE_LEFT, "pool=%s",
		prefix_format(&req->pool, text));
}

/* --- addresses --- */

/* Before giving up: rows may have gone since the map was made, when a user was removed. */
static int take_fresh_again(struct db *db, const struct db_lease_request *req, struct addr *ret)
{
	struct pool_map *m = get_map(db, &req->pool);
	int r;

	if (!m)
		return -ENOMEM;
	r = fill(db, m);
	return r < 0 ? r : take_fresh(db, req, ret);
}

/* An address that was excluded since is dropped on the way. */
static int take_good(
	struct db *db, const struct db_lease_request *req, take_fn *take, struct addr *ret)
{
	static const struct statics none;

	return take_row(db, req, &none, take, ret);
}

static int in_each_range(
	struct db *db, const struct db_lease_request *req, take_fn *take, struct addr *ret)
{
	struct db_lease_request one = *req;
	int r = take_good(db, req, take, ret);

	for (size_t i = 0; i < req->n_more && !r; i++) {
		one.pool = req->more[i];
		one.reserved = pool_addr(&one.pool, 1);
		r = take_good(db, &one, take, ret);
	}
	return r;
}

static int expire(struct db *db, const struct db_lease_request *req)
{
	struct query q;
	int r;

	if (!req->keep_s)
		return 0;
	q = query_start(db, SQL_LEASE_EXPIRE);
	query_bind_int(&q, clock_wall_s() - req->keep_s);
	r = query_run(&q);
	return r < 0 ? r : 0;
}

/* The number of a session of another run means nothing here: it may be that of one of ours. */
static int name_holder(struct db *db, const struct addr *address, uint64_t *ret_holder)
{
	struct query q = query_start(db, SQL_LEASE_HOLDER);
	int64_t node = 0, epoch = 0, session = 0;
	char text[ADDR_TEXT_LEN];
	int r;

	query_bind_addr(&q, address);
	if (query_row(&q)) {
		node = query_int(&q);
		epoch = query_int(&q);
		session = query_int(&q);
	}
	r = query_end(&q);
	if (r < 0)
		return r;
	if (node == db->node && epoch == db->epoch)
		*ret_holder = (uint64_t)session;
	return db_fail(db, -EADDRINUSE, EV_LEASE_ADDRESS_IN_USE,
		"address=%s holder=%lld node=%lld epoch=%lld", addr_format(address, text),
		(long long)session, (long long)node, (long long)epoch);
}

/* Local users; those of RADIUS have numbers below 0 and no rows. */
static int check_user(struct db *db, int64_t id)
{
	struct query q = query_start(db, SQL_LEASE_USER);
	bool found;
	int r;

	query_bind_int(&q, id);
	found = query_row(&q);
	r = query_end(&q);
	if (r < 0)
		return r;
	return found ? 0 : db_fail(db, -ENOENT, EV_STORE_NO_USER, "number %lld", (long long)id);
}

int db_lease_take(
	struct db *db, const struct db_lease_request *req, struct addr *ret, uint64_t *ret_holder)
{
	char text[PREFIX_TEXT_LEN];
	int r = req->user_id < 0 ? 0 : check_user(db, req->user_id);

	if (r < 0)
		return r;
	db->error = (struct db_error){0};
	if (req->wanted.family != AF_UNSPEC) {
		r = take_one(db, SQL_LEASE_STATIC, req, &req->wanted, ret);
		if (r)
			return r < 0 ? r : 0;
		return name_holder(db, &req->wanted, ret_holder);
	}
	r = expire(db, req);
	if (r < 0)
		return r;
	if (req->each_len)
		return take_prefix(db, req, ret);
	if (!pool_is_good(&req->pool))
		return db_fail(db, -EINVAL, EV_STORE_FAILED, "no pool of addresses: %s",
			prefix_format(&req->pool, text));
	r = in_each_range(db, req, take_own, ret);
	if (!r)
		r = in_each_range(db, req, take_fresh, ret);
	if (!r)
		r = in_each_range(db, req, take_oldest, ret);
	if (!r)
		r = in_each_range(db, req, take_fresh_again, ret);
	if (r)
		return r < 0 ? r : 0;
	return db_fail(db, -EADDRNOTAVAIL, EV_LEASE_POOL_EXHAUSTED, "pool=%s",
		prefix_format(&req->pool, text));
}

int db_lease_release(struct db *db, const struct addr *address, uint64_t session)
{
	struct query q = query_start(db, SQL_LEASE_RELEASE);
	int r;

	query_bind_int(&q, clock_wall_s());
	query_bind_addr(&q, address);
	query_bind_int(&q, db->node);
	query_bind_int(&q, db->epoch);
	query_bind_int(&q, (int64_t)session);
	r = query_run(&q);
	return r < 0 ? r : r ? 0 : -ENOENT;
}

int db_lease_list(struct db *db, int (*each)(const struct db_lease *, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_LEASE_LIST);
	int stop = 0, r;

	while (!stop && query_row(&q)) {
		struct db_lease l = {.address = query_addr(&q)};

		l.user = query_text(&q);
		l.session = (uint64_t)query_int(&q);
		l.used_at = query_int(&q);
		stop = each(&l, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}

int db_lease_forget(struct db *db, const struct addr *address)
{
	struct query q = query_start(db, SQL_LEASE_FORGET);
	int r;

	query_bind_addr(&q, address);
	r = query_run(&q);
	return r < 0 ? r : 0;
}
