/*
 * Theory of operation
 *
 * A session is a link (socket, tunnel, queue) plus what the server knows of its user. It reacts to
 * the tunnel's events: who is this (login.c), addresses (network.c), a second connection (lane.c).
 *
 * Life in the log (info level): opened with TLS, authenticated, bound, up with an address, ended
 * with a reason and counters. Every connection leaves one row in the record of attempts.
 */
#include "server/session/private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line.h"
#include "config/config.h"
#include "os/socket.h"
#include "server/session/second.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"

struct link *session_link(struct session *s)
{
	return &s->link;
}

struct session *session_next(const struct session *s)
{
	return s->next;
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

static void let_in(struct session *s)
{
	admission_leave(s->worker, s->door);
	s->door = NULL;
}

void session_abort(struct session *s, enum event why)
{
	tunnel_close(s->link.tunnel, why, clock_mono_ms());
	link_abort(&s->link);
}

static void evict(void *owner)
{
	session_abort(owner, EV_SERVER_HANDSHAKES_FULL);
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

static void tune_socket(int fd, const char *congestion)
{
	tcp_tune(fd,
		&(struct tcp_opts){.notsent_lowat = NOTSENT_LOWAT,
			.keepalive_idle_s = 60,
			.keepalive_interval_s = 15,
			.keepalive_count = 4,
			.congestion = congestion_first(congestion),
			.user_timeout_ms = USER_TIMEOUT_MS},
		NULL);
}

/* A session with its link; not in any list yet. */
static int make_session(
	struct worker *w, int fd, const struct endpoint *peer, bool clear, struct session **ret)
{
	AUTO(tunnel) struct tunnel *tunnel = NULL;
	int r = make_tunnel(w->server, w, clear, clock_mono_ms(), &tunnel);
	struct session *s = r < 0 ? NULL : line_calloc(sizeof(*s));

	if (!s)
		return r < 0 ? r : -ENOMEM;
	s->worker = w;
	s->peer = *peer;
	s->opened_s = clock_wall_s();
	s->opened_ms = clock_mono_ms();
	s->scope.session = store_next_session(w->server->store);
	endpoint_format(peer, s->scope.peer);
	r = link_init(&s->link, &w->port, fd, tunnel, &link_ops);
	if (r < 0) {
		free(s);
		return r;
	}
	(void)TAKE(tunnel);
	*ret = s;
	return 0;
}

int session_open(struct worker *w, int fd, const struct endpoint *peer,
	const struct endpoint *local, bool clear)
{
	const char *congestion = w->live->config->server.congestion;
	struct door *door = admission_enter(w, peer, true);
	struct session *s;
	int r;

	(void)local;
	if (!door)
		return -EBUSY;
	tune_socket(fd, congestion);
	r = make_session(w, fd, peer, clear, &s);
	if (r < 0) {
		admission_leave(w, door);
		return r;
	}
	s->door = door;
	door->owner = s;
	door->evict = evict;
	if (congestion_is_ours(congestion))
		link_choose_congestion(&s->link);
	s->link.deferred = true; /* until it has logged in, see worker.c */
	session_list_add(w, s);
	atomic_fetch_add_explicit(&w->n_connections, 1, memory_order_relaxed);
	log_event(&s->scope, EV_SESSION_OPENED, "worker=%u", w->index);
	link_start(&s->link);
	return 0;
}

/* ---- the record of attempts ---------------------------------------------------------- */

void session_record_attempt(struct session *s, enum event outcome, const char *detail)
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

void session_record(struct session *s, enum event ended)
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
	if (ended) {
		store_session_stop(s->worker->server->store, &r); /* gives the lease back, too */
		s->leased_address = (struct addr){0};
	} else if (!s->started) {
		s->started = true;
		store_session_start(s->worker->server->store, &r);
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
		session_record_attempt(s, EV_SERVER_FULL, "");
	}
	tunnel_http_answer(s->link.tunnel, room ? good : 503, clock_wall_s(), clock_mono_ms());
}

static void on_authenticated(struct session *s)
{
	if (s->authenticated)
		return;
	s->authenticated = true;
	s->link.deferred = false;
	let_in(s);
}

/* What others may have now, though the socket stays for its last octets. */
static void give_back(struct session *s)
{
	network_down(s, AF_INET);
	network_down(s, AF_INET6);
	if (s->leased_address.family)
		session_record(s, s->ended_by ? s->ended_by : EV_TCP_CLOSED_BY_PEER);
	directory_leave(s->worker->server->directory, &s->place);
}

static void on_bound(struct session *s, const struct tunnel_event *ev)
{
	switch (ev->binding) {
	case TUNNEL_BINDING_KEYED:
		log_event(&s->scope, EV_SSTP_BINDING_OK, "user=\"%s\" hash=%s", s->user, ev->text);
		lane_allow(s);
		break;
	case TUNNEL_BINDING_UNKEYED:
		log_event(&s->scope, EV_SSTP_BINDING_UNKEYED, "user=\"%s\" hash=%s", s->user,
			ev->text);
		break;
	case TUNNEL_BINDING_BROKEN:
		log_event(&s->scope, EV_SSTP_BINDING_IGNORED, "user=\"%s\" hash=%s fault=%d %s",
			s->user, ev->text, event_info(ev->reason)->number,
			event_info(ev->reason)->name);
		break;
	} /* no default */
}

static void on_ended(struct session *s, const struct tunnel_event *ev)
{
	char took[32];

	handles_del(s->worker->server->handles, &s->handle);
	if (s->lane)
		lane_end(s->lane, ev->reason);
	s->ended_by = ev->reason;
	give_back(s);
	if ((!s->tls_up || ev->reason == EV_SERVER_HANDSHAKES_FULL) &&
		!server_tells_of_stranger(s->worker->server))
		return;
	session_record_attempt(s, ev->reason, ev->text);
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
		if (!s->tls_up) /* the first step that a server's tunnel tells */
			admission_progress(s->worker, s->door, ADMIT_TLS);
		s->tls_up = true;
		if (ev->step == TUNNEL_STEP_AUTH)
			on_authenticated(s);
		else
			log_event(&s->scope, EV_SESSION_STEP, "step=%d %s", ev->step, ev->text);
		break;
	case TUNNEL_HTTP_REQUEST: on_http_request(s, ev); break;
	case TUNNEL_AUTH_REQUEST: login_request(s, ev->proof); break;
	case TUNNEL_LANE_REQUEST: lane_requested(s, ev); break;
	case TUNNEL_BOUND: on_bound(s, ev); break;
	case TUNNEL_UP: network_up(s, ev); break;
	case TUNNEL_DOWN: network_down(s, ev->family); break;
	case TUNNEL_LANE_UP:
	case TUNNEL_BATCH_END:
	case TUNNEL_PACKET: break;
	case TUNNEL_IDENTIFIED:
		log_event(&s->scope, EV_SESSION_IDENTIFIED, "text=\"%s\"", ev->text);
		break;
	case TUNNEL_ENDED: on_ended(s, ev); break;
	} /* no default: the compiler lists what a new event must visit */
}

static void on_closed(struct link *l)
{
	struct session *s = session_of(l);
	struct worker *w = s->worker;

	give_back(s);
	if (l->detached)
		lane_hand_over(w, l->fd, l->tunnel, &s->peer, &s->scope);
	if (s->question)
		login_abandon(s->question);
	let_in(s);
	atomic_fetch_sub_explicit(&w->n_connections, 1, memory_order_relaxed);
	session_list_del(s);
	verdict_wipe(&s->verdict);
	free(s);
	worker_maybe_finish(w);
}

static const struct link_ops link_ops = {.event = on_event,
	.intercept = network_intercept,
	.accept_source = network_accept_source,
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

void session_set_expiry(struct session *s, int64_t expires_at)
{
	s->expires_at = expires_at;
	if (expires_at && expires_at <= clock_wall_s() && !s->leaving)
		session_end(s, EV_USER_DATE_PASSED);
}

void session_expire_all(struct worker *w, int64_t now_s)
{
	struct session *next;

	for (struct session *s = w->sessions; s; s = next) {
		next = s->next;
		if (s->expires_at && s->expires_at <= now_s && !s->leaving)
			session_end(s, EV_USER_DATE_PASSED);
	}
}

void session_probe(struct worker *w, uint64_t session)
{
	struct session *s = w->sessions;

	while (s && s->scope.session != session)
		s = s->next;
	if (!s)
		return;
	tunnel_probe(s->link.tunnel, HOLDER_ANSWERS_MS, clock_mono_ms());
	link_kick(&s->link);
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
