// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The whole path of one tunnel, from ciphertext to IP and back. Each layer is pulled: octets go in
 * at the bottom, and tunnel_next_event() asks TLS for plaintext, HTTP or SSTP for what it means,
 * PPP for what to do about it, until nothing more comes out. Control frames flow the other way in
 * tunnel_collect(), before any data is sealed, so that they overtake it.
 *
 * Phases: TLS → HTTP → CALL → ENDED, or TLS → HTTP → (LANE_ASKED →) LANE → ENDED for a connection
 * that is a lane of another one. TLS and HTTP are in opening.c, lanes in lane_phase.c, the call and
 * all that has no phase here. The SSTP call is made when HTTP has agreed (only then the hash of the
 * certificate that this very connection used is known), PPP when the call asks for it.
 *
 * Plaintext is collected from as many records as the scratch buffer holds before it is parsed:
 * packets of one batch then lie side by side and can be joined without a copy.
 *
 * Randomness (nonce, magic number, challenges) is drawn here, once a tunnel; the layers below get
 * it as an argument.
 */
#include "tunnel/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/hot.h"
#include "ppp/frame.h"
#include "tls/engine.h"
#include "tunnel/tap.h"

#define HANDSHAKE_MS_DEFAULT 60000 /* [MS-SSTP] 4.1 */
#define NETWORK_MS 60000           /* from authentication to the first address */

static int copy_text(char *dst, size_t cap, const char *src)
{
	if (!src)
		src = "";
	if (strlen(src) >= cap)
		return -EINVAL;
	strcpy(dst, src);
	return 0;
}

static void keep_opts(struct tunnel *t, const struct tunnel_opts *o)
{
	t->call_opts = (struct sstp_call_opts){
		.role = o->role == TUNNEL_SERVER ? SSTP_SERVER : SSTP_CLIENT,
		.certs = t->certs,
		.n_certs = o->tls ? 1 : o->n_certs,
		.hashes = o->binding_hashes ? o->binding_hashes : 0x03,
		.require_binding = o->require_binding,
		.hello_ms = o->hello_ms,
		.negotiation_ms = o->negotiation_ms,
	};
	t->ppp_opts = (struct ppp_opts){
		.role = o->role == TUNNEL_SERVER ? PPP_SERVER : PPP_CLIENT,
		.mru = o->mru ? o->mru : 1400,
		.methods = t->methods,
		.n_methods = o->n_methods < AUTH_METHODS ? o->n_methods : AUTH_METHODS,
		.name = t->name,
		.user = t->user,
		.password = t->password,
		.eap = o->eap,
		.lcp_only = o->lcp_only,
		.ipv4 = o->ipv4,
		.ipv6 = o->ipv6,
		.want_dns = o->want_dns,
		.want_address = o->want_address,
		.first_request_wait_ms = PPP_FIRST_REQUEST_WAIT_MS,
	};
	memcpy(t->correlation_octets, o->correlation, sizeof(o->correlation));
	memcpy(t->ppp_opts.want_ifid, o->want_ifid, sizeof(o->want_ifid));
	t->lane.wanted = o->lanes && o->tls; /* the proof is about our own TLS connection */
	if (o->lane) {
		t->lane.is_lane = true;
		t->lane.ticket = o->lane->call;
		memcpy(t->lane_leaf, o->lane->leaf_sha256, sizeof(t->lane_leaf));
	}
	if (!o->tls)
		memcpy(t->certs, o->certs, o->n_certs * sizeof(*t->certs));
	if (o->n_methods) /* a lane has no login */
		memcpy(t->methods, o->methods, t->ppp_opts.n_methods * sizeof(*t->methods));
}

int tunnel_new(const struct tunnel_opts *o, uint64_t now_ms, struct tunnel **ret)
{
	AUTO(tunnel) struct tunnel *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	if (!o->tls && (!o->n_certs || o->n_certs > SSTP_CERTS_MAX))
		return -EINVAL;
	t->role = o->role;
	t->port = o->port;
	t->scratch = o->scratch;
	t->tap = o->tap;
	t->network_deadline = NEVER;
	t->handshake_end = now_ms + (o->handshake_ms ? o->handshake_ms : HANDSHAKE_MS_DEFAULT);
	t->handshake_deadline = o->first_octet_ms
					? deadline_min(t->handshake_end, now_ms + o->first_octet_ms)
					: t->handshake_end;
	t->login_deadline = o->login_ms ? now_ms + o->login_ms : NEVER;
	if (copy_text(t->user, sizeof(t->user), o->user) < 0 ||
		copy_text(t->password, sizeof(t->password), o->password) < 0 ||
		copy_text(t->name, sizeof(t->name), o->name) < 0 ||
		copy_text(t->host, sizeof(t->host), o->host) < 0)
		return -EINVAL;
	keep_opts(t, o);
	r = outer_init(&t->outer, o->tls, o->verify);
	if (r < 0)
		return r;
	*ret = TAKE(t);
	return 0;
}

void tunnel_free(struct tunnel *t)
{
	if (!t)
		return;
	ppp_free(t->ppp);
	sstp_call_free(t->call);
	http_server_free(t->http_server);
	http_client_free(t->http_client);
	outer_done(&t->outer);
	lane_done(&t->lane);
	explicit_bzero(t->password, sizeof(t->password));
	free(t);
}

void tunnel_probe(struct tunnel *t, uint64_t within_ms, uint64_t now_ms)
{
	if (t->call && t->phase == PHASE_CALL)
		sstp_call_probe(t->call, within_ms, now_ms);
}

/* ---- SSTP → PPP ---------------------------------------------------------- */

COLD static bool start_ppp(struct tunnel *t, uint64_t now_ms, struct tunnel_event *ret)
{
	if (t->role == TUNNEL_SERVER) /* from our 200 to the client's CALL_CONNECT_REQUEST */
		t->ppp_opts.round_trip_ms = tunnel_round_trip_ms(t, now_ms);
	crypto_random(t->ppp_opts.random, sizeof(t->ppp_opts.random));
	if (ppp_new(&t->ppp_opts, &t->ppp) < 0) {
		tunnel_close(t, EV_OUT_OF_MEMORY, now_ms);
		return false;
	}
	explicit_bzero(t->password, sizeof(t->password)); /* PPP has its copy */
	ppp_lower_up(t->ppp, now_ms);
	*ret = (struct tunnel_event){TUNNEL_STEP, .step = TUNNEL_STEP_SSTP,
		.text = t->role == TUNNEL_SERVER ? "call accepted" : "call accepted by the server"};
	return true;
}

/* IP comes out as an event when both SSTP and PPP allow it; anything else is PPP's. */
static bool recv_frame(struct tunnel *t, struct rd frame, uint64_t now_ms, struct tunnel_event *ret)
{
	struct rd payload = frame;
	uint16_t protocol;
	int family;

	if (ppp_frame_parse(&payload, &protocol) < 0)
		return false;
	family = protocol == PPP_IPV4 ? AF_INET : protocol == PPP_IPV6 ? AF_INET6 : 0;
	if (!family) {
		ppp_recv(t->ppp, frame, now_ms);
		return false;
	}
	if (!tunnel_data_ok(t, family))
		return false;
	t->packets_out = t->data_came = true;
	*ret = (struct tunnel_event){TUNNEL_PACKET, .family = family, .packet = payload};
	return true;
}

/* Reports a family once both gates are open, whichever opened last. */
static bool gates(struct tunnel *t, struct tunnel_event *ret)
{
	bool want4 = t->bound && t->ncp4, want6 = t->bound && t->ncp6;

	if (want4 || want6)
		t->network_deadline = NEVER;
	if (want4 != t->up4) {
		t->up4 = want4;
		*ret = (struct tunnel_event){want4 ? TUNNEL_UP : TUNNEL_DOWN, .family = AF_INET,
			.addresses = &t->addresses4};
		return true;
	}
	if (want6 != t->up6) {
		t->up6 = want6;
		*ret = (struct tunnel_event){want6 ? TUNNEL_UP : TUNNEL_DOWN, .family = AF_INET6,
			.addresses = &t->addresses6};
		return true;
	}
	return false;
}

/* The call is up: what the crypto binding in CALL_CONNECTED is worth. */
COLD static void on_connected(struct tunnel *t, uint64_t now_ms, struct tunnel_event *ret)
{
	struct sstp_call_binding b = sstp_call_binding(t->call);

	t->bound = true;
	t->bound_ms = now_ms;
	t->binding = b.failure ? TUNNEL_BINDING_BROKEN
		     : b.keyed ? TUNNEL_BINDING_KEYED
			       : TUNNEL_BINDING_UNKEYED;
	*ret = (struct tunnel_event){TUNNEL_BOUND, .binding = t->binding, .reason = b.failure,
		.text = b.hash == CERT_HASH_PROTOCOL_SHA256 ? "SHA-256"
			: b.hash == CERT_HASH_PROTOCOL_SHA1 ? "SHA-1"
							    : ""};
}

static bool on_call_event(struct tunnel *t, const struct sstp_call_event *ev, uint64_t now_ms,
	struct tunnel_event *ret)
{
	switch (ev->type) {
	case SSTP_CALL_PPP_START: return start_ppp(t, now_ms, ret);
	case SSTP_CALL_PPP_FRAME: return t->ppp && recv_frame(t, ev->frame, now_ms, ret);
	case SSTP_CALL_CONNECTED: on_connected(t, now_ms, ret); return true;
	case SSTP_CALL_CLOSED:
		tunnel_collect(t); /* the last words go out before TLS closes */
		tunnel_note_call_end(t, now_ms);
		tunnel_end_now(t, ev->reason, "");
		return false;
	} /* no default: the compiler lists what a new event must visit */
	return false;
}

static const char *const method_names[AUTH_METHODS] = {[AUTH_NONE] = "none",
	[AUTH_PAP] = "PAP",
	[AUTH_CHAP_MD5] = "CHAP-MD5",
	[AUTH_MSCHAPV2] = "MS-CHAPv2",
	[AUTH_EAP] = "EAP"};

/* One family alone has ended, or never came up. */
COLD static bool family_over(
	struct tunnel *t, int family, const struct ppp_event *ev, struct tunnel_event *ret)
{
	if (!ev->reason)
		return false; /* gates() reports it */
	*(family == AF_INET ? &t->up4 : &t->up6) = false;
	*ret = (struct tunnel_event){
		TUNNEL_DOWN, .family = family, .reason = ev->reason, .text = ev->detail};
	return true;
}

COLD static bool on_ppp_event(
	struct tunnel *t, const struct ppp_event *ev, uint64_t now_ms, struct tunnel_event *ret)
{
	switch (ev->type) {
	case PPP_AUTH_REQUEST:
		*ret = (struct tunnel_event){TUNNEL_AUTH_REQUEST, .proof = ev->proof};
		return true;
	case PPP_AUTHENTICATED:
		tunnel_collect(t); /* Success goes out before CALL_CONNECTED */
		sstp_call_set_hlak(t->call, ev->hlak, now_ms);
		lane_set_key(&t->lane, ev->hlak);
		t->network_deadline = now_ms + NETWORK_MS;
		t->login_deadline = NEVER;
		*ret = (struct tunnel_event){TUNNEL_STEP, .step = TUNNEL_STEP_AUTH,
			.text = method_names[ppp_auth_method(t->ppp)]};
		return true;
	case PPP_IPV4_UP:
		t->ncp4 = true;
		t->addresses4 = *ev->addresses;
		return false;
	case PPP_IPV6_UP:
		t->ncp6 = true;
		t->addresses6 = *ev->addresses;
		return false;
	case PPP_IPV4_DOWN: t->ncp4 = false; return family_over(t, AF_INET, ev, ret);
	case PPP_IPV6_DOWN: t->ncp6 = false; return family_over(t, AF_INET6, ev, ret);
	case PPP_IDENTIFICATION:
		snprintf(t->text, sizeof(t->text), "%s", ev->text);
		*ret = (struct tunnel_event){TUNNEL_IDENTIFIED, .text = t->text};
		return true;
	case PPP_CLOSED:
		tunnel_note_ppp_end(t, ev->reason, ev->detail, now_ms);
		tunnel_collect(t);
		sstp_call_disconnect(t->call, ev->reason, now_ms);
		return false;
	} /* no default */
	return false;
}

/* ---- the pull ---------------------------------------------------------- */

/* Plaintext of as many records as there are and fit. Returns its length. */
static size_t fill_scratch(struct tunnel *t)
{
	ssize_t n = outer_read(&t->outer, t->scratch, TUNNEL_SCRATCH_LEN);

	if (n > 0) {
		t->fed = outer_pending(&t->outer);
		return (size_t)n;
	}
	t->fed = false;
	if (n == 0)
		t->tls_closed = true;
	else if (n != -EAGAIN)
		tunnel_end_tls_failure(t);
	return 0;
}

/* Takes in what TLS has. Returns true with an event; *ret_more says whether to pull again. */
static bool feed(struct tunnel *t, uint64_t now_ms, struct tunnel_event *ret, bool *ret_more)
{
	bool event = false;
	size_t used;

	*ret_more = false;
	if (t->rest_len == 0) {
		if (!t->fed)
			return false;
		if (t->packets_out) { /* the scratch buffer is about to be used again */
			t->packets_out = false;
			*ret = (struct tunnel_event){.type = TUNNEL_BATCH_END};
			return true;
		}
		t->rest = t->scratch;
		t->rest_len = fill_scratch(t);
		tap_octets(t->tap, TUNNEL_RECEIVED, t->rest, t->rest_len);
		if (t->phase == PHASE_TLS && outer_established(&t->outer))
			return tunnel_tls_up(t, now_ms, ret);
		if (t->rest_len == 0)
			return false;
	}
	*ret_more = true;
	if (t->phase == PHASE_CALL) {
		sstp_call_recv(t->call, t->rest, t->rest_len, now_ms);
		used = t->rest_len;
	} else if (t->phase == PHASE_HTTP && t->role == TUNNEL_SERVER) {
		used = tunnel_recv_http_server(t, t->rest, t->rest_len, ret, &event);
	} else if (t->phase == PHASE_HTTP) {
		used = tunnel_recv_http_client(t, t->rest, t->rest_len, now_ms, ret, &event);
	} else if (t->phase == PHASE_LANE) {
		sstp_stream_feed(&t->lane.in, t->rest, t->rest_len);
		used = t->rest_len;
	} else {
		t->lane.eager = true; /* LANE_ASKED: nothing may come before the answer */
		used = t->rest_len;
	}
	t->rest += used;
	t->rest_len -= used;
	return event;
}

static bool tell_end(struct tunnel *t, struct tunnel_event *ret)
{
	if (!t->ended || t->ended_told)
		return false;
	t->ended_told = true;
	*ret = (struct tunnel_event){TUNNEL_ENDED, .reason = t->reason, .text = t->reason_text};
	return true;
}

HOT bool tunnel_next_event(struct tunnel *t, uint64_t now_ms, struct tunnel_event *ret)
{
	struct sstp_call_event call_ev;
	struct ppp_event ppp_ev;
	bool more = true;

	while (more && t->phase != PHASE_ENDED) {
		if (gates(t, ret))
			return true;
		if (t->ppp && ppp_next_event(t->ppp, &ppp_ev)) {
			if (on_ppp_event(t, &ppp_ev, now_ms, ret))
				return true;
			continue;
		}
		if (t->call && sstp_call_next_event(t->call, &call_ev)) {
			if (on_call_event(t, &call_ev, now_ms, ret))
				return true;
			continue;
		}
		if (t->phase == PHASE_LANE && tunnel_recv_lane(t, ret))
			return true;
		if (t->phase != PHASE_ENDED && feed(t, now_ms, ret, &more))
			return true;
	}
	t->packets_out = false;
	if (t->tls_closed && t->phase != PHASE_ENDED)
		tunnel_recv_end(t, 0, now_ms);
	if (t->phase != PHASE_ENDED)
		tunnel_collect(t);
	return tell_end(t, ret);
}

HOT void tunnel_recv(struct tunnel *t, const void *octets, size_t n, uint64_t now_ms UNUSED)
{
	if (t->phase == PHASE_ENDED)
		return;
	if (n && t->phase == PHASE_TLS)
		t->handshake_deadline = t->handshake_end;
	outer_recv(&t->outer, octets, n);
	t->fed = true;
}

void tunnel_start(struct tunnel *t, uint64_t now_ms)
{
	tunnel_recv(t, NULL, 0, now_ms); /* the client's first flight comes out of a read */
}

struct buf *tunnel_output(struct tunnel *t)
{
	return outer_output(&t->outer);
}

/* ---- data out ---------------------------------------------------------- */

bool tunnel_data_ok(const struct tunnel *t, int family)
{
	return t->bound && t->phase == PHASE_CALL && (family == AF_INET ? t->ncp4 : t->ncp6) &&
	       sstp_call_data_ok(t->call);
}

HOT int tunnel_send_frames(struct tunnel *t, const void *frames, size_t n)
{
	if (t->phase != PHASE_LANE &&
		(!t->bound || t->phase != PHASE_CALL || !sstp_call_data_ok(t->call)))
		return -ENOTCONN;
	tunnel_collect(t);
	tap_octets(t->tap, TUNNEL_SENT, frames, n);
	return outer_write(&t->outer, frames, n);
}

uint16_t tunnel_peer_mru(const struct tunnel *t)
{
	uint16_t peer = t->ppp ? ppp_peer_mru(t->ppp) : t->ppp_opts.mru;

	return peer < t->ppp_opts.mru ? peer : t->ppp_opts.mru;
}

void tunnel_auth_verdict(struct tunnel *t, const struct verdict *v, uint64_t now_ms)
{
	if (t->ppp && t->phase == PHASE_CALL)
		ppp_auth_verdict(t->ppp, v, now_ms);
}

void tunnel_auth_challenge(struct tunnel *t, const uint8_t *packet, size_t n, uint64_t now_ms)
{
	if (t->ppp && t->phase == PHASE_CALL)
		ppp_auth_challenge(t->ppp, packet, n, now_ms);
}

/* ---- time ---------------------------------------------------------- */

HOT uint64_t tunnel_deadline(const struct tunnel *t)
{
	uint64_t d = deadline_min(
		deadline_min(t->handshake_deadline, t->login_deadline), t->network_deadline);

	if (t->phase == PHASE_ENDED)
		return NEVER;
	if (t->call)
		d = deadline_min(d, sstp_call_deadline(t->call));
	if (t->ppp)
		d = deadline_min(d, ppp_deadline(t->ppp));
	return d;
}

void tunnel_tick(struct tunnel *t, uint64_t now_ms)
{
	if (t->phase == PHASE_ENDED)
		return;
	if (now_ms >= t->handshake_deadline) {
		tunnel_end_now(t, t->phase == PHASE_TLS ? EV_TLS_TIMEOUT : EV_HTTP_TIMEOUT, "");
		return;
	}
	if (now_ms >= t->login_deadline) {
		t->login_deadline = NEVER;
		tunnel_close(t, EV_AUTH_TOO_LATE, now_ms);
	}
	if (now_ms >= t->network_deadline) {
		t->network_deadline = NEVER;
		tunnel_close(t, EV_NCP_TIMEOUT, now_ms);
	}
	if (t->ppp && now_ms >= ppp_deadline(t->ppp))
		ppp_tick(t->ppp, now_ms);
	if (t->call && now_ms >= sstp_call_deadline(t->call))
		sstp_call_tick(t->call, now_ms);
}

bool tunnel_echo(struct tunnel *t, uint64_t now_ms)
{
	bool sent = t->phase == PHASE_CALL && t->call && sstp_call_echo(t->call, now_ms);

	if (sent)
		tunnel_collect(t);
	return sent;
}

void tunnel_prefetch(const struct tunnel *t)
{
	prefetch(t, offsetof(struct tunnel, reason)); /* behind that: fields for reports */
	prefetch(&t->rest, sizeof(t->rest) + sizeof(t->rest_len));
	outer_prefetch(&t->outer);
}

void tunnel_idle(struct tunnel *t)
{
	sstp_stream_shrink(&t->lane.in);
	outer_idle(&t->outer);
}

const char *tunnel_tls_text(const struct tunnel *t)
{
	return t->tls_text;
}

const char *tunnel_phase(const struct tunnel *t)
{
	switch (t->phase) {
	case PHASE_TLS: return "tls";
	case PHASE_HTTP: return "http";
	case PHASE_CALL: return t->up4 || t->up6 ? "up" : t->bound ? "addresses" : "ppp";
	case PHASE_LANE_ASKED:
	case PHASE_LANE: return "lane";
	case PHASE_ENDED: return "ended";
	}
	return "";
}
