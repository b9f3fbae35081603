// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A session is a link (socket, tunnel, queue) plus what the server knows of its user. It reacts to
 * the tunnel's events: who is this (login.c), addresses (addresses.c), a second connection (second.c).
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

#include "aaa/eap/anchors.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/hot.h"
#include "base/line.h"
#include "base/peer_cert.h"
#include "config/config.h"
#include "datapath/allowance.h"
#include "os/socket.h"
#include "server/session/second.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"

HOT struct link *session_link_for(
	struct session *s, const uint8_t *octets, const struct ip_packet *ip)
{
	if (!(ip->version == 4 ? s->up4 : s->up6))
		return NULL;
	if (s->alone && ip->version == 4 && !networks_admit(s, packet_source_at(octets, ip)))
		return NULL;
	return &s->link;
}

struct session *session_next(const struct session *s)
{
	return s->next;
}

/* ---- opening ---------------------------------------------------------- */

static void session_list_add(struct site *site, struct session *s)
{
	s->next = site->sessions;
	if (s->next)
		s->next->prev = s;
	site->sessions = s;
}

static void session_list_del(struct session *s)
{
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		s->site->sessions = s->next;
}

static void let_in(struct session *s)
{
	admission_leave(s->site, s->door);
	s->door = NULL;
}

/* At once, without a word to the peer: it makes room for others. */
static void evict(void *owner)
{
	struct session *s = owner;

	tunnel_close(s->link.tunnel, EV_SERVER_HANDSHAKES_FULL, clock_mono_ms());
	link_abort(&s->link);
}

static const struct link_ops link_ops;

static int make_tunnel(struct session *s, bool clear, uint64_t now_ms, struct tunnel **ret)
{
	const struct site *site = s->site;
	const struct config *cfg = site->snapshot->config;
	enum auth_method methods[AUTH_METHODS];
	int n = login_methods(s, methods);
	struct tunnel_opts opts = {
		.role = TUNNEL_SERVER,
		.tls = clear ? NULL : site->snapshot->tls,
		.certs = site->snapshot->accepted,
		.n_certs = site->snapshot->n_accepted,
		.scratch = site->port.scratch,
		.require_binding = cfg->sstp.binding == CONFIG_BINDING_REQUIRED,
		.binding_hashes = config_hash_mask(cfg),
		.hello_ms = cfg->sstp.hello_ms,
		.negotiation_ms = cfg->sstp.negotiation_ms,
		.handshake_ms = cfg->server.handshake_time_ms,
		.first_octet_ms = FIRST_OCTET_MS,
		.login_ms = cfg->server.login_time_ms,
		.mru = (uint16_t)cfg->ppp.mru,
		.methods = methods,
		.name = site->context->name,
		.lanes = cfg->sstp.lanes,
		.ipv4 = true,
		.ipv6 = cfg->ppp.ipv6 && site->context->link_local.family,
	};

	if (n < 0)
		return n;
	opts.n_methods = (size_t)n;
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
static int make_session(struct site *site, const struct arrival *a, struct session **ret)
{
	AUTO(tunnel) struct tunnel *tunnel = NULL;
	struct session *s = line_calloc(sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->site = site;
	s->peer = a->peer;
	s->opened_s = clock_wall_s();
	s->opened_ms = clock_mono_ms();
	s->scope.session = store_next_session(site->context->store);
	endpoint_format(&a->peer, s->scope.peer);
	r = make_tunnel(s, a->clear, clock_mono_ms(), &tunnel);
	if (!r)
		r = link_init(&s->link, &site->port, a->fd, tunnel, &link_ops);
	if (r < 0) {
		aaa_end(s->conversation);
		free(s);
		return r;
	}
	(void)TAKE(tunnel);
	*ret = s;
	return 0;
}

int session_open(struct site *site, const struct arrival *a)
{
	const char *congestion = site->snapshot->config->server.congestion;
	struct door *door = admission_enter(site, &a->peer, true);
	struct session *s;
	int r;

	if (!door)
		return -EBUSY;
	tune_socket(a->fd, congestion);
	r = make_session(site, a, &s);
	if (r < 0) {
		admission_leave(site, door);
		return r;
	}
	s->door = door;
	door->owner = s;
	door->evict = evict;
	if (congestion_is_ours(congestion))
		link_choose_congestion(&s->link);
	s->link.deferred = true; /* until it has logged in, see worker.c */
	session_list_add(site, s);
	atomic_fetch_add_explicit(&site->n_connections, 1, memory_order_relaxed);
	log_event(&s->scope, EV_SESSION_OPENED, "worker=%u", site->index);
	link_start(&s->link);
	return 0;
}

/* ---- events of the tunnel ---------------------------------------------------------- */

static void on_http_request(struct session *s, const struct tunnel_event *ev)
{
	struct context *srv = s->site->context;
	bool room = site_accepting(s->site);
	int good = ev->sstp ? 200 : s->site->snapshot->config->balancer.health_status;

	snprintf(s->scope.correlation, sizeof(s->scope.correlation), "%s", ev->correlation);
	s->lasting = ev->lasting;
	if (ev->sstp && !room) {
		log_event(&s->scope, EV_SERVER_FULL, "sessions=%u", context_sessions(srv));
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
	addresses_give_back(s);
	delegation_end(s);
	if (s->leased_address.family)
		session_record(s, s->ended_by ? s->ended_by : EV_TCP_CLOSED_BY_PEER);
	directory_leave(s->site->context->directory, &s->place);
}

static void on_bound(struct session *s, const struct tunnel_event *ev)
{
	switch (ev->binding) {
	case TUNNEL_BINDING_KEYED:
		log_event(&s->scope, EV_SSTP_BINDING_OK, "user=\"%s\" hash=%s", s->user, ev->text);
		second_allow(s);
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

	directory_drop_handle(s->site->context->directory, &s->handle);
	if (s->lane)
		second_end(s->lane, ev->reason);
	s->ended_by = ev->reason;
	give_back(s);
	if (s->recorded && ev->reason == EV_HTTP_ANSWERED)
		return; /* with 503: logged as EV_SERVER_FULL */
	if (!s->proved && !s->site->stopping && ev->reason != EV_SERVER_HANDSHAKES_FULL &&
		ev->reason != EV_SERVER_FULL)
		admission_stranger(s->site, &s->peer);
	if ((!s->tls_up || ev->reason == EV_SERVER_HANDSHAKES_FULL) &&
		!context_logs_stranger(s->site->context))
		return;
	session_record_attempt(s, ev->reason, ev->text);
	snprintf(took, sizeof(took), "%.1f", (double)(clock_mono_ms() - s->opened_ms) / 1000);
	log_event(&s->scope, ev->reason,
		"user=\"%s\" seconds=%s received=%" PRIu64 " sent=%" PRIu64 "%s%s", s->user, took,
		s->link.rx_octets, s->link.tx_octets, *ev->text ? " " : "", ev->text);
}

/* A family that never was up is not worth a line: many clients have no IPv6. */
static void on_family_down(struct session *s, const struct tunnel_event *ev)
{
	if (ev->reason && (ev->family == AF_INET ? s->up4 : s->up6))
		log_event(&s->scope, ev->reason, "the session goes on%s%s%s",
			*ev->text ? " text=\"" : "", ev->text, *ev->text ? "\"" : "");
	addresses_down(s, ev->family);
}

static void on_event(struct link *l, const struct tunnel_event *ev)
{
	struct session *s = session_of(l);

	switch (ev->type) {
	case TUNNEL_STEP:
		if (!s->tls_up) /* the first step that a server's tunnel reports */
			admission_progress(s->site, s->door, SOURCES_TLS);
		s->tls_up = true;
		if (ev->step == TUNNEL_STEP_AUTH)
			on_authenticated(s);
		else
			log_event(&s->scope, EV_SESSION_STEP, "step=%d %s", ev->step, ev->text);
		break;
	case TUNNEL_HTTP_REQUEST: on_http_request(s, ev); break;
	case TUNNEL_AUTH_REQUEST: login_request(s, ev->proof); break;
	case TUNNEL_LANE_REQUEST: second_requested(s, ev); break;
	case TUNNEL_BOUND: on_bound(s, ev); break;
	case TUNNEL_UP: addresses_up(s, ev); break;
	case TUNNEL_DOWN: on_family_down(s, ev); break;
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
	struct site *site = s->site;

	give_back(s);
	if (l->detached)
		second_hand_over(site, l->fd, l->tunnel, &s->peer, &s->scope);
	if (s->question)
		question_abandon(s->question);
	let_in(s);
	atomic_fetch_sub_explicit(&site->n_connections, 1, memory_order_relaxed);
	session_list_del(s);
	aaa_end(s->conversation);
	regrant_forget(s);
	allowance_free(s->allowance);
	s->allowance = NULL;
	session_take_grant(s, NULL);
	onlink_forget(s);
	radius_classes_unref(s->classes);
	peer_cert_unref(s->cert);
	eap_anchors_unref(s->judged_by);
	free(s);
	site->leave(site);
}

static const struct link_ops link_ops = {.event = on_event,
	.intercept = onlink_intercept,
	.accept_source = addresses_accept_source,
	.closed = on_closed};

void session_close_all(struct site *site, enum event why)
{
	struct session *next;

	for (struct session *s = site->sessions; s; s = next) {
		next = s->next;
		link_close(&s->link, why);
	}
}

void session_route_packet(
	struct site *site, const struct vnet_hdr *vnet, const uint8_t *octets, size_t n)
{
	struct ip_packet ip;
	struct directory_owner owner;
	struct link *l = NULL;

	packet_parse(octets, n, &ip);
	if (directory_at(site->context->directory, octets, &ip, &owner) &&
		owner.site == site->index)
		/* else it ended on the way */
		l = session_link_for(owner.session, octets, &ip);
	if (l && l->allowance && !allowance_passes_down(l->allowance, octets, &ip)) {
		stat_add(&site->port.stats.drop_filter, 1);
		return;
	}
	if (l)
		link_send_copy(l, vnet, octets, n);
}

void session_info(const struct session *s, struct session_info *ret)
{
	*ret = (struct session_info){.id = s->scope.session,
		.phase = s->leaving ? "leaving" : tunnel_phase(s->link.tunnel),
		.worker = s->site->index,
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
	networks_list(s, ret->networks, sizeof(ret->networks));
	if (!s->cert)
		return;
	hex_encode(s->cert->sha1, sizeof(s->cert->sha1), ret->thumbprint);
	memcpy(ret->serial, s->cert->serial, sizeof(ret->serial));
	memcpy(ret->authority, s->cert->anchor, sizeof(ret->authority));
	ret->cert_ends = s->cert->not_after_s;
}
