/*
 * Theory: two questions in a row, whose answers come later, as letters to the worker: who is this
 * (aaa), and which address does he get (store). One that is under way holds its own memory and only
 * the session's number, so a session may end without waiting for it.
 */
#include "server/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "server/live.h"

struct question {
	struct session *session; /* NULL: it ended meanwhile */
	struct worker *worker;
	uint64_t id; /* the session's, also when it is gone */
	struct aaa_request auth;
	struct store_lease lease;
	uv_timer_t delay; /* a refusal that is held back */
	bool delayed;
};

static void question_free(struct question *q)
{
	proof_wipe(&q->auth.proof);
	verdict_wipe(&q->auth.verdict);
	free(q);
}

static void give_verdict(struct session *s)
{
	tunnel_auth_verdict(s->link.tunnel, &s->verdict, clock_mono_ms());
	verdict_wipe(&s->verdict);
	link_kick(&s->link);
}

const unsigned handshake_bucket_ms[HANDSHAKE_BUCKETS] = {
	50, 100, 250, 500, 1000, 2500, 5000, 15000};

static void count_login(struct session *s, enum login_result result)
{
	stat_add(&s->worker->logins[result], 1);
}

static void count_handshake(struct session *s)
{
	uint64_t ms = clock_mono_ms() - s->opened_ms;
	size_t i = 0;

	while (i < HANDSHAKE_BUCKETS && ms > handshake_bucket_ms[i])
		i++;
	stat_add(&s->worker->handshakes[i], 1);
	stat_add(&s->worker->handshake_ms, ms);
}

static void refuse(struct session *s, enum event why, const char *detail)
{
	if (*detail)
		log_event(&s->scope, why, "%s", detail);
	else
		log_event(&s->scope, why, "user=\"%s\"", s->user);
	session_record_attempt(s, why, detail);
}

static void fill_addresses(struct session *s, const struct addr *peer)
{
	struct ppp_addresses *a = &s->verdict.addresses;

	*a = s->worker->live->addresses; /* the server's own, DNS, NBNS */
	memcpy(a->local_ifid, s->worker->server->addresses.local_ifid, sizeof(a->local_ifid));
	a->peer = *peer;
	a->ipv6 = s->worker->live->config->ppp.ipv6;
	s->addresses = *a;
}

static void lease_done(struct store_lease *lease)
{
	struct question *q = container_of(lease, struct question, lease);
	struct session *s = q->session;

	if (!s) {
		if (!lease->result && q->worker->server->store)
			store_lease_release(q->worker->server->store, &lease->address, q->id);
		question_free(q);
		return;
	}
	s->question = NULL;
	if (lease->result) {
		/* He is who he says, but there is no address for him: no network protocol comes up. */
		count_login(s, LOGIN_NO_ADDRESS);
		refuse(s, lease->outcome, "");
	} else {
		s->leased_address = lease->address;
		fill_addresses(s, &lease->address);
	}
	give_verdict(s);
	question_free(q);
}

static struct addr pool_own_address(const struct prefix *pool)
{
	return addr_v4(addr_v4_value(&pool->addr) + 1);
}

/* Where a user's address comes from, and what in it is the server's own. */
static struct prefix pool_of_user(struct session *s, const struct aaa_request *auth)
{
	const struct server *srv = s->worker->server;
	const struct addr *fixed = &auth->ipv4;
	bool has_route = !fixed->family || prefix_contains(&srv->pool, fixed);

	for (size_t i = 0; i < srv->n_pools && fixed->family; i++)
		has_route |= prefix_contains(&srv->pools[i].prefix, fixed);
	if (!has_route)
		log_event(&s->scope, EV_LEASE_NO_ROUTE, "user=\"%s\"", s->user);
	for (size_t i = 0; i < srv->n_pools && *auth->pool; i++)
		if (!strcmp(srv->pools[i].name, auth->pool))
			return srv->pools[i].prefix;
	if (*auth->pool)
		log_event(&s->scope, EV_LEASE_NO_POOL, "user=\"%s\" pool=\"%s\"", s->user,
			auth->pool);
	return srv->pool;
}

static void ask_for_lease(struct session *s, struct question *q)
{
	struct server *srv = s->worker->server;
	struct prefix pool = pool_of_user(s, &q->auth);

	q->lease = (struct store_lease){.request = {.user_id = s->user_id,
						.session = q->id,
						.wanted = q->auth.ipv4,
						.pool = pool,
						.reserved = pool_own_address(&pool)},
		.reply_to = &s->worker->mailbox,
		.done = lease_done};
	if (store_lease_take(srv->store, &q->lease) < 0) {
		q->lease.result = -EAGAIN;
		q->lease.outcome = EV_SERVER_BUSY;
		lease_done(&q->lease);
	}
}

static void on_delay_closed(uv_handle_t *h)
{
	question_free(h->data);
}

static void on_delay(uv_timer_t *t)
{
	struct question *q = t->data;
	struct session *s = q->session;

	uv_close((uv_handle_t *)t, on_delay_closed);
	s->question = NULL;
	give_verdict(s);
}

/* Whoever guesses passwords shall wait for each answer; another question cannot be put meanwhile. */
static void hold_back(struct question *q, uint64_t ms)
{
	q->delayed = true;
	q->delay.data = q;
	uv_timer_init(&q->worker->loop, &q->delay);
	uv_timer_start(&q->delay, on_delay, ms, 0);
}

void login_abandon(struct question *q)
{
	q->session = NULL;
	if (q->delayed)
		uv_close((uv_handle_t *)&q->delay, on_delay_closed);
}

static void auth_done(struct aaa_request *req)
{
	struct question *q = container_of(req, struct question, auth);
	struct session *s = q->session;

	if (!s) {
		question_free(q);
		return;
	}
	s->verdict = req->verdict;
	s->user_id = req->user_id;
	if (req->verdict.error == AUTH_OK) {
		snprintf(s->user, sizeof(s->user), "%s", req->user);
		log_event(&s->scope, req->outcome, "%s", req->detail);
		count_login(s, LOGIN_ACCEPTED);
		count_handshake(s);
		ask_for_lease(s, q);
		return;
	}
	count_login(s, req->verdict.error == AUTH_DISABLED           ? LOGIN_DISABLED
		       : req->verdict.error == AUTH_PASSWORD_EXPIRED ? LOGIN_EXPIRED
								     : LOGIN_REJECTED);
	refuse(s, req->outcome, req->detail);
	hold_back(q, server_fail_delay_ms(s->worker, &s->peer));
}

void login_request(struct session *s, const struct proof *proof)
{
	struct question *q = s->question ? NULL : calloc(1, sizeof(*q));

	if (!q)
		return; /* PPP repeats itself, or its timer ends the call */
	q->session = s;
	q->worker = s->worker;
	q->id = s->scope.session;
	q->auth.proof = *proof;
	q->auth.attempt = s->scope.session;
	q->auth.reply_to = &s->worker->mailbox;
	q->auth.done = auth_done;
	snprintf(q->auth.peer, sizeof(q->auth.peer), "%s", s->scope.peer);
	text_of_octets(proof->user, proof->user_len, s->user, sizeof(s->user));
	s->question = q;
	if (aaa_submit(s->worker->server->aaa, &q->auth) < 0) {
		q->auth.verdict.error = AUTH_FAILED;
		q->auth.outcome = EV_SERVER_BUSY;
		auth_done(&q->auth);
	}
}
