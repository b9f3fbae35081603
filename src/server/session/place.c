// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: an accepted user needs a place among the sessions (directory.h) and an address (store, a letter).
 *
 * A place or an address may be held by a session whose client is gone. That session gets an Echo Request
 * at once, and this login retries for some seconds: a silent holder ends meanwhile, a live one stays
 * and the login is refused. A session of this very client (the same lasting SSTPCORRELATIONID, the same
 * user) is not asked: it ends at once, for the client has come back over another connection.
 */
#include "server/session/question.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"

/* ---- who holds what this login needs ----------------------------------------------------------- */

static void ask_holder(struct question *q, const struct directory_hit *holder)
{
	order_send(q->site->context, holder, session_probe);
}

static void note_asked(struct question *q, size_t n)
{
	if (n && !q->holders_asked)
		log_event(&q->session->scope, EV_HOLDER_ASKED, "user=\"%s\" sessions=%zu",
			q->session->user, n);
	q->holders_asked |= n > 0;
}

/* False: that long is enough. */
static bool again_soon(struct question *q, uint64_t pause_ms, question_next *next)
{
	uint64_t most = q->holders_asked ? HOLDER_GIVE_UP_MS : HOLDER_LEAVES_MS;

	return clock_mono_ms() - q->place_ms < most && question_wait(q, pause_ms, next);
}

/* ---- an address -------------------------------------------------------------------------------- */

static void ask_for_lease(struct question *q);

static void ask_holder_of_address(struct question *q)
{
	struct directory_hit holder;

	if (q->holders_asked ||
		directory_find(q->site->context->directory, q->lease.holder, &holder) < 0)
		return;
	ask_holder(q, &holder);
	note_asked(q, 1);
}

static void no_address(struct question *q)
{
	struct session *s = q->session;

	if (q->lease.outcome == EV_LEASE_ADDRESS_IN_USE) {
		ask_holder_of_address(q);
		if (again_soon(q, HOLDER_AGAIN_MS, ask_for_lease))
			return;
		question_turn_away(q, LOGIN_NO_ADDRESS, EV_LEASE_ADDRESS_IN_USE,
			"Another session is on your address");
		return;
	}
	/* The peer is who it says, but there is no address for it: no network protocol comes up. */
	session_count_login(s, LOGIN_NO_ADDRESS);
	session_record_refusal(s, q->lease.outcome, "");
	q->verdict.no_address = event_info(q->lease.outcome)->what;
	question_answer(q);
}

static void lease_done(struct store_lease *lease)
{
	struct question *q = container_of(lease, struct question, lease);
	struct session *s = q->session;

	q->asked = false;
	if (!s) {
		if (!lease->result && q->site->context->store)
			store_lease_release(q->site->context->store, &lease->address, q->id);
		question_free(q);
	} else if (lease->result) {
		no_address(q);
	} else {
		s->leased_address = lease->address;
		session_fill_addresses(s, &lease->address);
		q->verdict.addresses = s->addresses;
		question_answer(q);
	}
}

static struct addr pool_own_address(const struct prefix *pool)
{
	return addr_v4(addr_v4_value(&pool->addr) + 1);
}

/* The other ranges of the pool that `first` is the first one of. */
static void add_ranges(
	const struct context *c, const struct prefix *first, struct db_lease_request *req)
{
	const char *name = NULL;

	for (size_t i = 0; i < c->n_pools && req->n_more < LEASE_MORE_RANGES; i++) {
		const struct prefix *p = &c->pools[i].prefix;

		if (p->len == first->len && addr_equal(&p->addr, &first->addr))
			name = c->pools[i].name;
		else if (name && !strcmp(name, c->pools[i].name))
			req->more[req->n_more++] = *p;
	}
}

static void ask_for_lease(struct question *q)
{
	const struct context *c = q->site->context;
	const struct config *cfg = q->site->snapshot->config;

	q->lease =
		(struct store_lease){.request = {.user_id = q->session->user_id,
					     .session = q->id,
					     .wanted = q->session->grant->is.address.value,
					     .pool = q->pool,
					     .reserved = pool_own_address(&q->pool),
					     .excluded = c->excluded,
					     .n_excluded = c->config->tunnel.pool_exclude.n,
					     .keep_s = (int64_t)cfg->tunnel.lease_time_ms / 1000},
			.reply_to = &q->site->mailbox,
			.done = lease_done};
	add_ranges(c, &q->pool, &q->lease.request);
	q->asked = true;
	if (store_lease_take(q->site->context->store, &q->lease) < 0) {
		q->lease.result = -EAGAIN;
		q->lease.outcome = EV_SERVER_BUSY;
		lease_done(&q->lease);
	}
}

/* ---- a place ----------------------------------------------------------------------------------- */

static void ask_the_users_others(struct question *q)
{
	struct directory_hit holder[HOLDERS_ASKED];
	size_t n;

	if (q->holders_asked)
		return;
	n = directory_of_user(
		q->site->context->directory, q->session->user_id, holder, ARRAY_SIZE(holder));
	for (size_t i = 0; i < n; i++)
		ask_holder(q, &holder[i]);
	note_asked(q, n);
}

/* Its place is free in a moment. If that is not enough (`sessions` was lowered), the next one goes. */
static void end_the_users_oldest(struct question *q)
{
	struct directory_hit oldest;

	if (directory_oldest_of_user(q->site->context->directory, q->session->user_id, &oldest) < 0)
		return;
	order_send(q->site->context, &oldest, session_replace);
	q->holders_asked = true;
}

static void no_place_for_user(struct question *q)
{
	if (q->session->grant->is.end_oldest.value)
		end_the_users_oldest(q);
	else
		ask_the_users_others(q);
	if (!again_soon(q, HOLDER_AGAIN_MS, place_take))
		question_turn_away(q, LOGIN_NO_PLACE, EV_USER_SESSIONS_FULL,
			"This user has too many sessions");
}

/*
 * The client's own older session ends, so that its address is free for this one. True: it has not yet,
 * and place_take() comes again.
 */
static bool waits_for_older(struct question *q)
{
	struct session *s = q->session;
	struct directory_hit older[HOLDERS_ASKED];
	size_t n = directory_of_client(q->site->context->directory, s->user_id,
		s->place.correlation, older, ARRAY_SIZE(older));

	for (size_t i = 0; i < n && !q->older_told; i++)
		order_send(q->site->context, &older[i], session_supersede);
	q->older_told = true;
	return n && again_soon(q, OLDER_AGAIN_MS, place_take);
}

void place_take(struct question *q)
{
	struct session *s = q->session;
	const struct directory_limits limits = {
		(unsigned)q->site->snapshot->config->server.max_sessions,
		session_most_of_user(s, &q->pool)};
	int r;

	if (!s->place.prev)
		s->place = (struct directory_entry){
			.user_id = s->user_id, .session = s->scope.session, .site = q->site->index};
	if (s->lasting)
		snprintf(s->place.correlation, sizeof(s->place.correlation), "%s",
			s->scope.correlation);
	if (s->grant->is.address.value.family && session_check_address(s) == -EINVAL) {
		question_turn_away(q, LOGIN_NO_ADDRESS, EV_LEASE_ADDRESS_UNUSABLE,
			"Your address cannot be given to clients");
		return;
	}
	if (!s->place.prev && waits_for_older(q))
		return;
	r = directory_enter(q->site->context->directory, &s->place, &limits);
	if (r == -EUSERS) {
		no_place_for_user(q);
	} else if (r < 0) {
		question_turn_away(q, LOGIN_NO_PLACE, EV_SERVER_FULL, "The server is full");
	} else {
		q->holders_asked = false;
		q->place_ms = clock_mono_ms();
		ask_for_lease(q);
	}
}
