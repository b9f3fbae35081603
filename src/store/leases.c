/*
 * Theory: a lease is a row (address, user, session). Rows stay when a session ends, so that the user
 * gets the same address again as long as the pool is not short. The rows are the truth; which
 * addresses have none is remembered in a map of bits per pool, only to find one fast. A map that is
 * out of date (another process removed a user) costs a look in vain, never an address given twice:
 * the primary key sees to that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/internal.h"

/* --- addresses as numbers inside a pool --- */

static uint32_t low_bits(const struct addr *a)
{
	const uint8_t *p = a->octets + addr_len(a) - 4;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct addr pool_addr(const struct prefix *pool, uint32_t offset)
{
	struct addr a = pool->addr;
	uint32_t v = low_bits(&pool->addr) + offset;
	uint8_t *p = a.octets + addr_len(&a) - 4;

	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
	return a;
}

static uint32_t pool_offset(const struct prefix *pool, const struct addr *a)
{
	return low_bits(a) - low_bits(&pool->addr);
}

static bool is_good_pool(const struct prefix *pool)
{
	size_t bits = 8 * addr_len(&pool->addr);

	return bits && pool->len + 2u <= bits && bits - pool->len <= STORE_POOL_BITS_MAX;
}

/* --- maps --- */

static bool is_set(const struct pool_map *m, uint32_t i)
{
	return m->bits[i / 64] >> i % 64 & 1;
}

static void set(struct pool_map *m, uint32_t i)
{
	m->bits[i / 64] |= (uint64_t)1 << i % 64;
}

static void pool_map_done(struct pool_map *m)
{
	free(m->bits);
	*m = (struct pool_map){0};
}

void pool_maps_done(struct db *db)
{
	for (size_t i = 0; i < db->n_pools; i++)
		pool_map_done(&db->pools[i]);
	db->n_pools = 0;
}

/* Sets the bits of the addresses that a statement gives for the pool's range. */
static int mark(struct db *db, struct pool_map *m, enum statement s)
{
	struct addr low = pool_addr(&m->pool, 0), high = pool_addr(&m->pool, m->size - 1);
	struct query q = query_start(db, s);
	int r;

	query_bind_addr(&q, &low);
	query_bind_addr(&q, &high);
	while (query_row(&q)) {
		struct addr a = query_addr(&q);

		if (prefix_contains(&m->pool, &a))
			set(m, pool_offset(&m->pool, &a));
	}
	r = query_end(&q);
	return r < 0 ? r : 0;
}

/* The first address names the network, the last is its broadcast. */
static int fill(struct db *db, struct pool_map *m)
{
	int r;

	memset(m->bits, 0, (m->size + 63) / 64 * 8);
	set(m, 0);
	set(m, m->size - 1);
	m->next = 1;
	r = mark(db, m, SQL_LEASE_IN_RANGE);
	return r < 0 ? r : mark(db, m, SQL_LEASE_STATICS);
}

static struct pool_map *find_map(struct db *db, const struct prefix *pool)
{
	for (size_t i = 0; i < db->n_pools; i++)
		if (db->pools[i].pool.len == pool->len &&
			addr_equal(&db->pools[i].pool.addr, &pool->addr))
			return &db->pools[i];
	return NULL;
}

static struct pool_map *get_map(struct db *db, const struct prefix *pool)
{
	uint32_t size = (uint32_t)1 << (8 * addr_len(&pool->addr) - pool->len);
	struct pool_map *m = find_map(db, pool);

	if (m)
		return m;
	if (db->n_pools < STORE_POOLS_MAX) {
		m = &db->pools[db->n_pools++];
	} else {
		m = &db->pools[db->evict_next++ % STORE_POOLS_MAX];
		pool_map_done(m);
	}
	*m = (struct pool_map){*pool, calloc((size + 63) / 64, 8), size, 1};
	if (m->bits && fill(db, m) == 0)
		return m;
	pool_map_done(m);
	*m = db->pools[--db->n_pools];
	db->pools[db->n_pools] = (struct pool_map){0};
	return NULL;
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

static void bind_range(struct query *q, const struct prefix *pool)
{
	uint32_t size = (uint32_t)1 << (8 * addr_len(&pool->addr) - pool->len);
	struct addr low = pool_addr(pool, 1), high = pool_addr(pool, size - 2);

	query_bind_addr(q, &low);
	query_bind_addr(q, &high);
}

static int take_own(struct db *db, const struct db_lease_request *req, struct addr *ret)
{
	struct query q = query_start(db, SQL_LEASE_OWN);

	query_bind_int(&q, db->node);
	query_bind_int(&q, (int64_t)req->session);
	query_bind_int(&q, clock_wall_s());
	query_bind_int(&q, req->user_id);
	bind_range(&q, &req->pool);
	return end_with_address(&q, ret);
}

static int take_oldest(struct db *db, const struct db_lease_request *req, struct addr *ret)
{
	struct query q = query_start(db, SQL_LEASE_OLDEST);

	query_bind_int(&q, req->user_id);
	query_bind_int(&q, db->node);
	query_bind_int(&q, (int64_t)req->session);
	query_bind_int(&q, clock_wall_s());
	bind_range(&q, &req->pool);
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
	query_bind_int(&q, (int64_t)req->session);
	query_bind_int(&q, clock_wall_s());
	return end_with_address(&q, ret);
}

static int take_fresh(struct db *db, const struct db_lease_request *req, struct addr *ret)
{
	struct pool_map *m = get_map(db, &req->pool);

	if (!m)
		return -ENOMEM;
	for (; m->next < m->size; m->next++) {
		struct addr a = pool_addr(&m->pool, m->next);
		int r;

		if (is_set(m, m->next))
			continue;
		set(m, m->next);
		if (addr_equal(&a, &req->reserved))
			continue;
		r = take_one(db, SQL_LEASE_FRESH, req, &a, ret);
		if (r)
			return r;
	}
	return 0;
}

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

static int tell_holder(struct db *db, const struct addr *address, uint64_t *ret_holder)
{
	struct query q = query_start(db, SQL_LEASE_HOLDER);
	char text[ADDR_TEXT_LEN];
	int64_t node = 0;
	int r;

	query_bind_addr(&q, address);
	if (query_row(&q)) {
		node = query_int(&q);
		*ret_holder = (uint64_t)query_int(&q);
	}
	r = query_end(&q);
	return r < 0 ? r
		     : db_fail(db, -EADDRINUSE, EV_LEASE_ADDRESS_IN_USE,
			       "address=%s holder=%llu node=%lld", addr_format(address, text),
			       (unsigned long long)*ret_holder, (long long)node);
}

int db_lease_take(
	struct db *db, const struct db_lease_request *req, struct addr *ret, uint64_t *ret_holder)
{
	char text[PREFIX_TEXT_LEN];
	int r;

	db->error = (struct db_error){0};
	if (req->wanted.family != AF_UNSPEC) {
		r = take_one(db, SQL_LEASE_STATIC, req, &req->wanted, ret);
		if (r)
			return r < 0 ? r : 0;
		return tell_holder(db, &req->wanted, ret_holder);
	}
	if (!is_good_pool(&req->pool))
		return db_fail(db, -EINVAL, EV_STORE_FAILED, "no pool of addresses: %s",
			prefix_format(&req->pool, text));
	r = take_own(db, req, ret);
	if (!r)
		r = take_fresh(db, req, ret);
	if (!r)
		r = take_oldest(db, req, ret);
	if (!r)
		r = take_fresh_again(db, req, ret);
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
	query_bind_int(&q, (int64_t)session);
	r = query_run(&q);
	return r < 0 ? r : r ? 0 : -ENOENT;
}
