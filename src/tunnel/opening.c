// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the phases TLS and HTTP, the same for a call and a lane. When TLS is up the connection's
 * certificate is known, and HTTP says which of the two it becomes: an SSTP call (start_call()), or a
 * lane of one (lane_phase.c). What is no request for us is answered politely and ends it.
 */
#include "tunnel/private.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/hot.h"
#include "base/text.h"
#include "tls/cert.h"
#include "tls/ctx.h"
#include "tls/engine.h"

/* "TLSv1.3 TLS_AES_256_GCM_SHA384, certificate CN valid until …" for the client's step line. */
static const char *tls_words(struct tunnel *t)
{
	struct cert_info cert;

	if (t->role == TUNNEL_SERVER || !t->outer.tls || tls_leaf_info(t->outer.tls, &cert) < 0)
		return t->tls_text;
	text_format(t->text, sizeof(t->text), "%s, certificate \"%s\" (%s), %s", t->tls_text,
		cert.subject, cert.key, cert.pin);
	return t->text;
}

static int start_http(struct tunnel *t, uint64_t now_ms)
{
	struct http_client_opts opts = {
		.host = t->host, .port = t->port, .correlation = t->correlation};
	char lane[SSTP_LANE_REQUEST_LEN];
	static const uint8_t none[sizeof(t->correlation_octets)];
	int r;

	if (t->role == TUNNEL_SERVER)
		return http_server_new(&(struct http_server_opts){0}, &t->http_server);
	if (t->lane.is_lane && lane_ask(&t->lane, t->outer.tls, lane))
		return -ENOTSUP;
	opts.lane = t->lane.is_lane ? lane : NULL;
	opts.lanes = t->lane.wanted ? SSTP_LANE_OFFER : NULL;
	if (memcmp(t->correlation_octets, none, sizeof(none))) {
		http_guid_make_lasting(t->correlation_octets, t->correlation);
	} else {
		crypto_random(t->correlation_octets, sizeof(t->correlation_octets));
		http_guid_make(t->correlation_octets, t->correlation);
	}
	r = http_client_new(&t->http_client);
	t->asked_ms = now_ms;
	return r ? r : http_client_start(t->http_client, &opts, now_ms);
}

/* The binding is about the certificate of this very connection; behind a balancer, about its own. */
static int note_certificate(struct tunnel *t)
{
	if (!t->outer.tls)
		return 0;
	return tls_leaf_hash(t->outer.tls, HASH_SHA1, t->certs[0].sha1) < 0 ||
			       tls_leaf_hash(t->outer.tls, HASH_SHA256, t->certs[0].sha256) < 0
		       ? -EIO
		       : 0;
}

COLD bool tunnel_tls_up(struct tunnel *t, uint64_t now_ms, struct tunnel_event *ret)
{
	struct tls_info info = {.version = "no TLS,", .cipher = "a balancer ended it"};
	int r;

	if (t->outer.tls)
		tls_info(t->outer.tls, &info);
	else
		t->handshake_deadline = t->handshake_end;
	snprintf(t->tls_text, sizeof(t->tls_text), "%s %s", info.version, info.cipher);
	if (note_certificate(t) < 0) {
		tunnel_end_now(t, EV_OUT_OF_MEMORY, "after the TLS handshake");
		return false;
	}
	if (!tunnel_leaf_is_that_of_the_call(t)) {
		tunnel_end_now(t, EV_LANE_CERTIFICATE, "");
		return false;
	}
	r = start_http(t, now_ms);
	if (r < 0) {
		tunnel_end_now(t, r == -ENOTSUP ? EV_LANE_NO_EXPORT : EV_OUT_OF_MEMORY,
			"after the TLS handshake");
		return false;
	}
	t->phase = PHASE_HTTP;
	*ret = (struct tunnel_event){TUNNEL_STEP, .step = TUNNEL_STEP_TLS, .text = tls_words(t)};
	return true;
}

/* At least 1: a measured one is not "not measured". */
uint64_t tunnel_round_trip_ms(const struct tunnel *t, uint64_t now_ms)
{
	return now_ms > t->asked_ms ? now_ms - t->asked_ms : 1;
}

static void start_call(struct tunnel *t, uint64_t now_ms)
{
	crypto_random(t->call_opts.nonce, sizeof(t->call_opts.nonce));
	if (sstp_call_new(&t->call_opts, &t->call) < 0) {
		tunnel_end_now(t, EV_OUT_OF_MEMORY, "at the start of the SSTP call");
		return;
	}
	t->phase = PHASE_CALL;
	t->handshake_deadline = NEVER;
	sstp_call_start(t->call, now_ms);
}

COLD size_t tunnel_recv_http_server(struct tunnel *t, const uint8_t *octets, size_t n,
	struct tunnel_event *ret, bool *ret_event)
{
	const struct http_request *req;
	size_t used = 0;

	http_server_recv(t->http_server, octets, n, &used);
	if (!http_server_next_event(t->http_server, &req))
		return n;
	snprintf(t->correlation, sizeof(t->correlation), "%s", req->correlation);
	text_format(t->text, sizeof(t->text), *req->method ? "\"%s %s\"" : "%s%s", req->method,
		req->target);
	t->wants_sstp = req->wish == HTTP_WANTS_SSTP;
	t->lane.asked = t->lane.wanted && sstp_lane_offered(req->lanes);
	if (req->wish == HTTP_WANTS_LANE) {
		if (t->lane.wanted && lane_note_request(&t->lane, req->lane)) {
			t->phase = PHASE_LANE_ASKED;
			*ret = (struct tunnel_event){TUNNEL_LANE_REQUEST, .text = t->text,
				.correlation = t->correlation,
				.lasting = http_guid_is_lasting(t->correlation)};
			*ret_event = true;
			return used;
		}
		tunnel_note_reason(t, EV_LANE_REFUSED, t->text);
		t->fault_status = LANE_REFUSED_STATUS;
	}
	if (req->wish == HTTP_WANTS_OTHER) { /* a fault that needs no decision of the owner's */
		tunnel_note_reason(t, req->reason, t->text);
		t->fault_status = req->status;
	}
	*ret = (struct tunnel_event){TUNNEL_HTTP_REQUEST, .sstp = t->wants_sstp, .text = t->text,
		.correlation = t->correlation, .lasting = http_guid_is_lasting(t->correlation)};
	*ret_event = true;
	return used;
}

COLD size_t tunnel_recv_http_client(struct tunnel *t, const uint8_t *octets, size_t n,
	uint64_t now_ms, struct tunnel_event *ret, bool *ret_event)
{
	struct http_client_event ev;
	size_t used = 0;

	http_client_recv(t->http_client, octets, n, &used);
	if (!http_client_next_event(t->http_client, &ev))
		return n;
	if (ev.type == HTTP_CLIENT_FAILED) {
		tunnel_end_now(t, ev.reason, ev.text);
		return n;
	}
	text_format(t->text, sizeof(t->text), "%s%s%s, correlation %s", ev.answer.line,
		*ev.answer.server ? " from " : "", ev.answer.server, t->correlation);
	http_client_free(t->http_client);
	t->http_client = NULL;
	if (t->lane.is_lane) {
		*ret_event = tunnel_become_lane(t, ev.answer.lane, ret);
		return used;
	}
	lane_note_answer(&t->lane, ev.answer.lanes);
	t->ppp_opts.round_trip_ms = tunnel_round_trip_ms(t, now_ms);
	start_call(t, now_ms);
	*ret = (struct tunnel_event){TUNNEL_STEP, .step = TUNNEL_STEP_HTTP, .text = t->text};
	*ret_event = true;
	return used;
}

void tunnel_http_answer(struct tunnel *t, int status, int64_t wall_s, uint64_t now_ms)
{
	bool go_on = status == 200 && t->wants_sstp;
	char lanes[SSTP_LANE_ANSWER_LEN];

	if (t->phase != PHASE_HTTP || !t->http_server)
		return;
	if (go_on && t->lane.asked) {
		lane_grant(&t->lane, lanes);
		http_server_grant(t->http_server, HTTP_LANES, lanes);
	}
	t->asked_ms = now_ms;
	tunnel_respond(t, t->fault_status ? t->fault_status : (unsigned)status, wall_s);
	if (go_on)
		start_call(t, now_ms);
	else
		tunnel_end_now(t, EV_HTTP_ANSWERED, t->text);
}
