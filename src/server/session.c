/*
 * Theory of operation
 *
 * A session is a link (socket, tunnel, queue) plus what the server knows of its user. It reacts to
 * the tunnel's events; two of them are questions whose answers come later, as letters to the
 * worker: who is this (aaa), and which address does he get (store). A question under way holds its
 * own memory and only the session's number, so a session may end without waiting for it.
 *
 * Life in the log (info level): opened with TLS, authenticated, bound, up with an address, ended
 * with a reason and counters. Every connection leaves one row in the record of attempts.
 */
#include "server/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aaa/aaa.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/line.h"
#include "config/config.h"
#include "datapath/link.h"
#include "ip/noise.h"
#include "ip/table.h"
#include "offload/inet.h"
#include "os/socket.h"
#include "os/steering.h"
#include "server/handles.h"
#include "server/ipv6.h"
#include "server/lane.h"
#include "server/limits.h"
#include "server/live.h"
#include "server/server.h"
#include "server/worker.h"
#include "store/store.h"

struct question; /* one under way to aaa or the store */

/* What leads to a session: its entries in the table and the steering map. */
enum claim { CLAIM_IPV4, CLAIM_LINK_LOCAL, CLAIM_IPV6, CLAIMS };

struct session {
	struct link link; /* first: link callbacks get back to the session */
	struct worker *worker;
	struct session *next, *prev;
	struct session *next_half_open;
	struct log_scope scope;
	struct endpoint peer;
	char user[USER_NAME_MAX + 1]; /* for people; escaped where it is printed */
	int64_t opened_s;
	uint64_t opened_ms;
	struct question *question;
	struct handle handle; /* by which a lane names this session */
	struct session_lane *lane;
	struct verdict verdict; /* held until the address is known; wiped then */
	struct ppp_addresses addresses;
	int64_t user_id;
	struct addr leased_address;   /* AF_UNSPEC: none */
	struct prefix claims[CLAIMS]; /* AF_UNSPEC: not held */
	uint64_t advertised_ms;
	bool advertised_onward;
	bool tls_up, authenticated, up4, up6, recorded, leaving;
	enum event ended_by;
};

static struct session *session_of(struct link *l)
{
	return container_of(l, struct session, link);
}

struct link *session_link(struct session *s)
{
	return &s->link;
}

struct session *session_next(const struct session *s)
{
	return s->next;
}

const struct log_scope *session_scope(const struct session *s)
{
	return &s->scope;
}

struct session_lane *session_lane(const struct session *s)
{
	return s->lane;
}

void session_set_lane(struct session *s, struct session_lane *lane)
{
	s->lane = lane;
}

/* ---- opening ---------------------------------------------------------- */

static void session_list_add(struct worker *w, struct session *s)
{
	s->next = w->sessions;
	if (s->next)
		s->next->prev = s;
	w->sessions = s;
}

static void session_list_del(struct session *s)
{
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		s->worker->sessions = s->next;
}

static void half_open_add(struct worker *w, struct session *s)
{
	*w->half_open_tail = s;
	w->half_open_tail = &s->next_half_open;
	atomic_fetch_add_explicit(&w->n_handshakes, 1, memory_order_relaxed);
}

/* At most max_handshakes stand in line, and the first ones leave first. */
static void half_open_del(struct session *s)
{
	struct worker *w = s->worker;
	struct session **at = &w->half_open;

	while (*at && *at != s)
		at = &(*at)->next_half_open;
	if (!*at)
		return;
	*at = s->next_half_open;
	if (!*at)
		w->half_open_tail = at;
	atomic_fetch_sub_explicit(&w->n_handshakes, 1, memory_order_relaxed);
	server_settled(w->server, &s->peer);
}

/*
 * All places are taken. In a flood of connections that say nothing the oldest of them is the least
 * likely to be somebody's login; without this a few hundred idle ones would lock everybody out.
 */
static bool make_room(struct worker *w)
{
	uint64_t now_ms = clock_mono_ms();
	struct session *s = w->half_open;

	while (s && s->tls_up)
		s = s->next_half_open;
	if (!s || now_ms - s->opened_ms < EVICT_AFTER_MS)
		return false;
	s->ended_by = EV_SERVER_HANDSHAKES_FULL;
	half_open_del(s);
	link_abort(&s->link);
	return true;
}

static const struct link_ops link_ops;

static int make_tunnel(
	struct server *srv, struct worker *w, bool clear, uint64_t now_ms, struct tunnel **ret)
{
	const struct config *cfg = w->live->config;
	enum auth_method methods[AUTH_METHODS];
	struct tunnel_opts opts = {
		.role = TUNNEL_SERVER,
		.tls = clear ? NULL : w->live->tls,
		.certs = w->live->accepted,
		.n_certs = w->live->n_accepted,
		.scratch = w->port.scratch,
		.require_binding = cfg->sstp.binding == CONFIG_BINDING_REQUIRED,
		.binding_hashes = config_hash_mask(cfg),
		.hello_ms = cfg->sstp.hello_ms,
		.negotiation_ms = cfg->sstp.negotiation_ms,
		.handshake_ms = cfg->server.handshake_time_ms,
		.first_octet_ms = FIRST_OCTET_MS,
		.login_ms = cfg->server.login_time_ms,
		.mru = (uint16_t)cfg->ppp.mru,
		.methods = methods,
		.n_methods = config_auth_methods(cfg, methods),
		.name = srv->name,
		.lanes = cfg->sstp.lanes,
		.ipv4 = true,
		.ipv6 = cfg->ppp.ipv6,
	};

	return tunnel_new(&opts, now_ms, ret);
}

int session_open(struct worker *w, int fd, const struct endpoint *peer,
	const struct endpoint *local, bool clear)
{
	struct server *srv = w->server;
	AUTO(tunnel) struct tunnel *tunnel = NULL;
	const char *congestion = w->live->config->server.congestion;
	struct session *s;
	int r;

	(void)local;
	if (server_handshakes(srv) >= (unsigned)w->live->config->server.max_handshakes) {
		server_note_refused(srv, peer, EV_SERVER_HANDSHAKES_FULL);
		if (!make_room(w))
			return -EBUSY;
	}
	if (!server_admits(w, peer))
		return -EBUSY;
	tcp_tune(fd,
		&(struct tcp_opts){.notsent_lowat = NOTSENT_LOWAT,
			.keepalive_idle_s = 60,
			.keepalive_interval_s = 15,
			.keepalive_count = 4,
			.congestion = congestion_first(congestion),
			.user_timeout_ms = USER_TIMEOUT_MS},
		NULL);
	r = make_tunnel(srv, w, clear, clock_mono_ms(), &tunnel);
	s = r < 0 ? NULL : line_calloc(sizeof(*s));
	if (!s) {
		server_settled(srv, peer);
		return r < 0 ? r : -ENOMEM;
	}
	s->worker = w;
	s->peer = *peer;
	s->opened_s = clock_wall_s();
	s->opened_ms = clock_mono_ms();
	s->scope.session = store_next_session(srv->store);
	endpoint_format(peer, s->scope.peer);
	r = link_init(&s->link, &w->port, fd, tunnel, &link_ops);
	if (r < 0) {
		server_settled(srv, peer);
		free(s);
		return r;
	}
	(void)TAKE(tunnel);
	if (congestion_is_ours(congestion))
		link_choose_congestion(&s->link);
	s->link.deferred = true; /* until it has logged in, see worker.c */
	session_list_add(w, s);
	atomic_fetch_add_explicit(&w->n_sessions, 1, memory_order_relaxed);
	half_open_add(w, s);
	log_event(&s->scope, EV_SESSION_OPENED, "worker=%u", w->index);
	link_start(&s->link);
	return 0;
}

/* ---- the record of attempts ---------------------------------------------------------- */

static void record_attempt(struct session *s, enum event outcome, const char *detail)
{
	struct db_attempt a = {.at = s->opened_s, .outcome = outcome};

	if (s->recorded)
		return;
	s->recorded = true;
	snprintf(a.peer, sizeof(a.peer), "%s", s->scope.peer);
	snprintf(a.user, sizeof(a.user), "%s", s->user);
	snprintf(a.correlation, sizeof(a.correlation), "%s", s->scope.correlation);
	snprintf(a.detail, sizeof(a.detail), "%s", detail);
	store_attempt_add(s->worker->server->store, &a);
}

static void record_session(struct session *s, enum event ended)
{
	struct db_session r = {.id = s->scope.session,
		.user_id = s->user_id,
		.ipv4 = s->leased_address,
		.started_at = s->opened_s,
		.ended_at = clock_wall_s(),
		.octets_in = s->link.rx_octets,
		.octets_out = s->link.tx_octets,
		.reason = ended};

	snprintf(r.user, sizeof(r.user), "%s", s->user);
	snprintf(r.peer, sizeof(r.peer), "%s", s->scope.peer);
	snprintf(r.correlation, sizeof(r.correlation), "%s", s->scope.correlation);
	if (ended)
		store_session_stop(s->worker->server->store, &r); /* gives the lease back, too */
	else
		store_session_start(s->worker->server->store, &r);
}

/* ---- who is it, and which address ---------------------------------------------------------- */

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
	log_event(&s->scope, why, "%s%s%s", *detail ? detail : "user=\"", *detail ? "" : s->user,
		*detail ? "" : "\"");
	record_attempt(s, why, detail);
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

/* The session ends before its answer came. */
static void question_abandon(struct question *q)
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

static void on_auth_request(struct session *s, const struct proof *proof)
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
	snprintf(s->user, sizeof(s->user), "%s", proof->user);
	s->question = q;
	if (aaa_submit(s->worker->server->aaa, &q->auth) < 0) {
		q->auth.verdict.error = AUTH_FAILED;
		q->auth.outcome = EV_SERVER_BUSY;
		auth_done(&q->auth);
	}
}

/* ---- events of the tunnel ---------------------------------------------------------- */

static void on_http_request(struct session *s, const struct tunnel_event *ev)
{
	struct server *srv = s->worker->server;
	bool room = server_accepting(s->worker);
	int good = ev->sstp ? 200 : s->worker->live->config->balancer.health_status;

	snprintf(s->scope.correlation, sizeof(s->scope.correlation), "%s", ev->correlation);
	if (ev->sstp && !room) {
		log_event(&s->scope, EV_SERVER_FULL, "sessions=%u", server_sessions(srv));
		record_attempt(s, EV_SERVER_FULL, "");
	}
	tunnel_http_answer(s->link.tunnel, room ? good : 503, clock_wall_s(), clock_mono_ms());
}

/* It goes to the session's worker when this pull is over; on_closed() sees to that. */
static void on_lane_request(struct session *s, const struct tunnel_event *ev)
{
	snprintf(s->scope.correlation, sizeof(s->scope.correlation), "%s", ev->correlation);
	if (lane_has_session(s->worker, s->link.tunnel)) {
		link_detach(&s->link);
		return;
	}
	server_fail_delay_ms(s->worker, &s->peer); /* counts, as a failed login does */
	tunnel_lane_answer(s->link.tunnel, NULL, clock_wall_s());
}

/* The binding holds: a lane may be asked for from now on. */
static void on_bound(struct session *s, const char *hash)
{
	struct tunnel_ticket ticket;

	log_event(&s->scope, EV_SSTP_BINDING_OK, "user=\"%s\" hash=%s", s->user, hash);
	if (s->handle.prev || !tunnel_lane_ticket(s->link.tunnel, &ticket))
		return;
	memcpy(s->handle.octets, ticket.call.handle, sizeof(s->handle.octets));
	tunnel_ticket_wipe(&ticket);
	s->handle.session = s;
	s->handle.worker = s->worker->index;
	handles_add(s->worker->server->handles, &s->handle);
}

static void on_authenticated(struct session *s)
{
	if (s->authenticated)
		return;
	s->authenticated = true;
	s->link.deferred = false;
	half_open_del(s);
}

/* The packets for `p` are this session's from now on; the table has it already. */
static void claimed(struct session *s, enum claim what, const struct prefix *p)
{
	struct server *srv = s->worker->server;

	if (srv->steering)
		steering_set(srv->steering, p, s->worker->index);
	s->claims[what] = *p;
}

/* False when another session has the very address. */
static bool claim(struct session *s, enum claim what, const struct prefix *p)
{
	if (table_add(s->worker->server->table, p, s, s->worker->index) < 0)
		return false;
	claimed(s, what, p);
	return true;
}

static void unclaim(struct session *s, enum claim what)
{
	struct server *srv = s->worker->server;
	struct prefix *p = &s->claims[what];

	if (!p->addr.family)
		return;
	if (srv->steering)
		steering_clear(srv->steering, p);
	table_del(srv->table, p, s);
	*p = (struct prefix){0};
}

static void on_up4(struct session *s, const struct tunnel_event *ev)
{
	char a[ADDR_TEXT_LEN];

	s->addresses = *ev->addresses;
	s->up4 = claim(s, CLAIM_IPV4, &(struct prefix){s->addresses.peer, 32});
	if (!s->up4) {
		tunnel_close(s->link.tunnel, EV_SERVER_ADDRESS_CLASH, clock_mono_ms());
		return;
	}
	s->link.local4 = s->worker->server->addresses.local;
	atomic_fetch_add_explicit(&s->worker->n_up, 1, memory_order_relaxed);
	log_event(&s->scope, EV_SESSION_UP, "user=\"%s\" address=%s mru=%u", s->user,
		addr_format(&ev->addresses->peer, a), s->link.mtu);
	record_attempt(s, EV_SESSION_UP, "");
	record_session(s, EV_NONE);
}

/* A packet of ours to this client. It leaves with the link's next flush, which is due. */
static void say(struct session *s, const uint8_t *octets, size_t n)
{
	static const struct vnet_hdr plain;

	if (n)
		port_send_copy(s->link.port, &s->link, &plain, octets, n);
}

static void advertise(struct session *s)
{
	struct server *srv = s->worker->server;
	uint8_t ra[IPV6_ANSWER_MAX];

	s->advertised_ms = clock_mono_ms();
	s->advertised_onward = atomic_load_explicit(&srv->ipv6_onward, memory_order_relaxed);
	say(s, ra, ipv6_advertisement(srv, &s->claims[CLAIM_IPV6], s->link.mtu, ra));
}

static void on_up6(struct session *s, const struct tunnel_event *ev)
{
	struct server *srv = s->worker->server;
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 128}, net;
	char text[PREFIX_TEXT_LEN] = "none";
	int r = -ENOENT;

	s->up6 = true;
	memcpy(own.addr.octets + 8, ev->addresses->peer_ifid, 8);
	claim(s, CLAIM_LINK_LOCAL, &own); /* one taken by another is no harm: see the /64 */
	if (s->link.mtu >= 1280)          /* RFC 8200 section 5 */
		r = ipv6_take_prefix(srv, s, s->worker->index, &s->leased_address, &net);
	if (!r) {
		claimed(s, CLAIM_IPV6, &net);
		prefix_format(&net, text);
	} else if (r == -ENOSPC) {
		log_event(&s->scope, EV_IPV6_PREFIX_NONE, "user=\"%s\"", s->user);
	}
	s->link.local6 = srv->own6.family ? srv->own6 : srv->link_local;
	log_event(&s->scope, EV_SESSION_UP6, "user=\"%s\" prefix=%s", s->user, text);
	advertise(s);
}

static void on_up(struct session *s, const struct tunnel_event *ev)
{
	s->link.mtu = tunnel_peer_mru(s->link.tunnel);
	if (ev->family == AF_INET)
		on_up4(s, ev);
	else
		on_up6(s, ev);
}

static void take_down(struct session *s, int family)
{
	bool *up = family == AF_INET ? &s->up4 : &s->up6;

	if (!*up)
		return;
	*up = false;
	if (family == AF_INET6) {
		unclaim(s, CLAIM_LINK_LOCAL);
		unclaim(s, CLAIM_IPV6);
		return;
	}
	atomic_fetch_sub_explicit(&s->worker->n_up, 1, memory_order_relaxed);
	unclaim(s, CLAIM_IPV4);
}

static void on_ended(struct session *s, const struct tunnel_event *ev)
{
	char took[32];

	take_down(s, AF_INET);
	take_down(s, AF_INET6);
	handles_del(s->worker->server->handles, &s->handle);
	if (s->lane)
		lane_end(s->lane, ev->reason);
	s->ended_by = ev->reason;
	if (!s->tls_up && !server_tells_of_stranger(s->worker->server))
		return;
	record_attempt(s, ev->reason, ev->text);
	snprintf(took, sizeof(took), "%.1f", (double)(clock_mono_ms() - s->opened_ms) / 1000);
	log_event(&s->scope, ev->reason,
		"user=\"%s\" seconds=%s received=%" PRIu64 " sent=%" PRIu64 "%s%s", s->user, took,
		s->link.rx_octets, s->link.tx_octets, *ev->text ? " " : "", ev->text);
}

static void on_event(struct link *l, const struct tunnel_event *ev)
{
	struct session *s = session_of(l);

	switch (ev->type) {
	case TUNNEL_STEP:
		s->tls_up = true; /* the first step that a server's tunnel tells */
		if (ev->step == TUNNEL_STEP_AUTH)
			on_authenticated(s);
		else
			log_event(&s->scope, EV_SESSION_STEP, "step=%d %s", ev->step, ev->text);
		break;
	case TUNNEL_HTTP_REQUEST: on_http_request(s, ev); break;
	case TUNNEL_AUTH_REQUEST: on_auth_request(s, ev->proof); break;
	case TUNNEL_LANE_REQUEST: on_lane_request(s, ev); break;
	case TUNNEL_BOUND: on_bound(s, ev->text); break;
	case TUNNEL_UP: on_up(s, ev); break;
	case TUNNEL_DOWN: take_down(s, ev->family); break;
	case TUNNEL_LANE_UP:
	case TUNNEL_BATCH_END:
	case TUNNEL_PACKET: break;
	case TUNNEL_IDENTIFIED:
		log_event(&s->scope, EV_SESSION_IDENTIFIED, "text=\"%s\"", ev->text);
		break;
	case TUNNEL_ENDED: on_ended(s, ev); break;
	} /* no default: the compiler lists what a new event must visit */
}

/* The client may send from the address it was given, its /64, and its link-local one. */
static bool accept_source(struct link *l, const struct ip_packet *ip)
{
	const struct session *s = session_of(l);
	const uint8_t *from = ip->octets + IPV6_ADDRESSES;
	const struct prefix *net = &s->claims[CLAIM_IPV6];

	if (ip->version == 4)
		return !memcmp(ip->octets + IPV4_ADDRESSES, s->addresses.peer.octets, 4);
	if (from[0] == 0xfe && (from[1] & 0xc0) == 0x80)
		return true;
	return net->addr.family && !memcmp(from, net->addr.octets, 8);
}

/* What is said to the link itself is answered here or dropped: nobody else is on it. */
static bool intercept(struct link *l, const struct ip_packet *ip)
{
	struct session *s = session_of(l);
	uint8_t reply[IPV6_ANSWER_MAX];

	switch (noise_of(ip->octets, ip->len, &s->worker->server->pool)) {
	case NOISE_NONE:
	case NOISE_NEIGHBOUR: return false;
	case NOISE_ROUTER:
		if (ipv6_is_solicitation(ip->octets, ip->len))
			advertise(s);
		return true;
	case NOISE_DHCPV6:
		say(s, reply, ipv6_dhcp_reply(s->worker->server, ip->octets, ip->len, reply));
		return true;
	case NOISE_OTHER: stat_add(&l->port->stats.drop_noise, 1); return true;
	} /* no default */
	return false;
}

void session_advertise_all(struct worker *w)
{
	bool onward = atomic_load_explicit(&w->server->ipv6_onward, memory_order_relaxed);
	uint64_t now_ms = clock_mono_ms();

	for (struct session *s = w->sessions; s; s = s->next)
		if (s->up6 && (onward != s->advertised_onward ||
				      now_ms - s->advertised_ms >= IPV6_RA_EVERY_MS))
			advertise(s);
	port_flush(&w->port);
}

static void on_closed(struct link *l)
{
	struct session *s = session_of(l);
	struct worker *w = s->worker;

	take_down(s, AF_INET);
	take_down(s, AF_INET6);
	if (l->detached)
		lane_hand_over(w, l->fd, l->tunnel, &s->peer, &s->scope);
	if (s->question)
		question_abandon(s->question);
	if (s->leased_address.family)
		record_session(s, s->ended_by);
	half_open_del(s);
	atomic_fetch_sub_explicit(&w->n_sessions, 1, memory_order_relaxed);
	session_list_del(s);
	verdict_wipe(&s->verdict);
	free(s);
	worker_maybe_finish(w);
}

static const struct link_ops link_ops = {.event = on_event,
	.intercept = intercept,
	.accept_source = accept_source,
	.closed = on_closed};

void session_close_all(struct worker *w, enum event why)
{
	struct session *next;

	for (struct session *s = w->sessions; s; s = next) {
		next = s->next;
		link_close(&s->link, why);
	}
}

void session_end(struct session *s, enum event why)
{
	s->leaving = true;
	link_close(&s->link, why);
}

void session_route_packet(
	struct worker *w, const struct vnet_hdr *vnet, const uint8_t *octets, size_t n)
{
	struct ip_packet ip;
	struct worker *owner;
	struct session *s;

	ip_packet_parse(octets, n, &ip);
	s = server_find_session(w->server, &ip, &owner);
	if (s && owner == w) /* else it ended on the way */
		port_send_copy(&w->port, &s->link, vnet, octets, n);
}

void session_info(const struct session *s, struct session_info *ret)
{
	*ret = (struct session_info){.id = s->scope.session,
		.phase = s->leaving ? "leaving" : tunnel_phase(s->link.tunnel),
		.worker = s->worker->index,
		.since = s->opened_s,
		.rx_octets = s->link.rx_octets,
		.tx_octets = s->link.tx_octets,
		.rx_packets = s->link.rx_packets,
		.tx_packets = s->link.tx_packets,
		.lane = s->lane};
	snprintf(ret->user, sizeof(ret->user), "%s", s->user);
	snprintf(ret->peer, sizeof(ret->peer), "%s", s->scope.peer);
	snprintf(ret->tls, sizeof(ret->tls), "%s", tunnel_tls_text(s->link.tunnel));
	if (s->up4)
		addr_format(&s->addresses.peer, ret->address);
}
