// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

static void bind_string(struct query *q, const char *text)
{
	query_bind_text(q, text, strlen(text));
}

static int run(struct query *q)
{
	int r = query_run(q);

	return r < 0 ? r : 0;
}

static int set_login_at(struct db *db, int64_t user_id, int64_t at)
{
	struct query q = query_start(db, SQL_USER_SET_LOGIN_AT);

	query_bind_int(&q, at);
	query_bind_int(&q, user_id);
	return run(&q);
}

int db_session_start(struct db *db, const struct db_session *s)
{
	struct query q = query_start(db, SQL_SESSION_START);
	int r;

	query_bind_int(&q, db->node);
	query_bind_int(&q, db->epoch);
	query_bind_int(&q, (int64_t)s->id);
	query_bind_int(&q, s->user_id);
	bind_string(&q, s->user);
	query_bind_addr(&q, &s->ipv4);
	bind_string(&q, s->peer);
	bind_string(&q, s->correlation);
	query_bind_int(&q, s->started_at);
	r = run(&q);
	return r < 0 ? r : set_login_at(db, s->user_id, s->started_at);
}

int db_session_stop(struct db *db, const struct db_session *s)
{
	struct query q = query_start(db, SQL_SESSION_STOP);

	query_bind_int(&q, s->ended_at);
	query_bind_int(&q, (int64_t)s->octets_in);
	query_bind_int(&q, (int64_t)s->octets_out);
	query_bind_int(&q, s->reason);
	query_bind_int(&q, db->node);
	query_bind_int(&q, db->epoch);
	query_bind_int(&q, (int64_t)s->id);
	return run(&q);
}

int db_session_last(struct db *db, uint64_t *ret)
{
	struct query q = query_start(db, SQL_SESSION_LAST);

	query_bind_int(&q, db->node);
	if (query_row(&q))
		*ret = (uint64_t)query_int(&q);
	return run(&q);
}

int db_attempt_add(struct db *db, struct db_attempt *a)
{
	struct query q = query_start(db, SQL_ATTEMPT_ADD);
	int r;

	a->seq = db->attempt_seq + 1;
	query_bind_int(&q, db->node);
	query_bind_int(&q, db->epoch);
	query_bind_int(&q, (int64_t)a->seq);
	query_bind_int(&q, a->at);
	bind_string(&q, a->peer);
	bind_string(&q, a->user);
	bind_string(&q, a->correlation);
	query_bind_int(&q, a->outcome);
	bind_string(&q, layer_name(event_info(a->outcome)->layer));
	bind_string(&q, a->detail);
	r = run(&q);
	if (!r)
		db->attempt_seq = a->seq;
	return r;
}

static int prune(struct db *db, enum statement s, uint64_t last, uint64_t keep)
{
	struct query q;

	if (!keep || last <= keep)
		return 0;
	q = query_start(db, s);
	query_bind_int(&q, db->node);
	query_bind_int(&q, (int64_t)(last - keep));
	query_bind_int(&q, STORE_PRUNE_MOST);
	return run(&q);
}

int db_prune(struct db *db, uint64_t keep_attempts, uint64_t keep_sessions)
{
	uint64_t last_session = 0;
	int r = prune(db, SQL_ATTEMPT_PRUNE, db->attempt_seq, keep_attempts);

	if (!r)
		r = db_session_last(db, &last_session);
	return r < 0 ? r : prune(db, SQL_SESSION_PRUNE, last_session, keep_sessions);
}

static void take_string(struct query *q, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s", query_text(q));
}

int db_session_list(
	struct db *db, int most, int (*each)(const struct db_session *, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_SESSION_LIST);
	int stop = 0, r;

	query_bind_int(&q, db->node);
	query_bind_int(&q, most);
	while (!stop && query_row(&q)) {
		struct db_session s = {.id = (uint64_t)query_int(&q)};

		s.user_id = query_int(&q);
		take_string(&q, s.user, sizeof(s.user));
		s.ipv4 = query_addr(&q);
		take_string(&q, s.peer, sizeof(s.peer));
		take_string(&q, s.correlation, sizeof(s.correlation));
		s.started_at = query_int(&q);
		s.ended_at = query_int(&q);
		s.octets_in = (uint64_t)query_int(&q);
		s.octets_out = (uint64_t)query_int(&q);
		s.reason = (enum event)query_int(&q);
		stop = each(&s, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}

int db_attempt_list(struct db *db, uint64_t before, int most,
	int (*each)(const struct db_attempt *, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_ATTEMPT_LIST);
	int stop = 0, r;

	query_bind_int(&q, db->node);
	query_bind_int(&q, before && before < INT64_MAX ? (int64_t)before : INT64_MAX);
	query_bind_int(&q, most);
	while (!stop && query_row(&q)) {
		struct db_attempt a = {.seq = (uint64_t)query_int(&q)};

		a.at = query_int(&q);
		take_string(&q, a.peer, sizeof(a.peer));
		take_string(&q, a.user, sizeof(a.user));
		take_string(&q, a.correlation, sizeof(a.correlation));
		a.outcome = (enum event)query_int(&q);
		query_text(&q); /* the layer is the event's */
		take_string(&q, a.detail, sizeof(a.detail));
		stop = each(&a, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}
