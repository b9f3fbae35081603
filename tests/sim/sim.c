// SPDX-License-Identifier: Apache-2.0
#include "sim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mschap.h"
#include "tls/cert.h"
#include "tunnel/private.h"

#define START_MS 1000000

static void pull(struct sim *s, struct sim_end *e);

static struct tls_ctx *client_ctx, *server_ctx;

int sim_make_contexts(void **state)
{
	static const char *const names[] = {"sim.test"};
	char dir[] = "/tmp/culvert-sim.XXXXXX", cert[64], key[64];
	struct cert_opts opts = {
		.key = CERT_P256, .names = names, .n_names = 1, .now_s = clock_wall_s()};
	struct tls_pair pair = {cert, key, NULL};
	struct tls_failure why = {0};

	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/crt", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	assert_int_equal(cert_create(&opts, cert, key, &why), 0);
	assert_int_equal(tls_server_ctx_new(&(struct tls_server_opts){.pairs = &pair, .n_pairs = 1},
				 &server_ctx, &why),
		0);
	assert_int_equal(
		tls_client_ctx_new(&(struct tls_client_opts){.ca_file = cert}, &client_ctx, &why),
		0);
	unlink(cert);
	unlink(key);
	rmdir(dir);
	return 0;
}

int sim_drop_contexts(void **state)
{
	tls_ctx_free(client_ctx);
	tls_ctx_free(server_ctx);
	return 0;
}

struct sim *sim_new(void)
{
	struct sim *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	return s;
}

void sim_init(struct sim *s, const char *password)
{
	static const struct tls_peer_opts peer = {.host = "sim.test"};
	enum auth_method method = s->method ? s->method : AUTH_MSCHAPV2;
	struct tunnel_opts opts = {.role = TUNNEL_SERVER,
		.tls = server_ctx,
		.scratch = s->scratch,
		.require_binding = !s->binding_optional,
		.login_ms = SIM_LOGIN_MS,
		.methods = &method,
		.n_methods = 1,
		.name = "sim",
		.ipv4 = true,
		.ipv6 = s->ipv6,
		.lanes = !s->no_lanes_server,
		.tap = s->tap_server};

	if (!s->now_ms)
		s->now_ms = START_MS;
	s->http_status = 200;
	s->client_ctx = client_ctx;
	s->server_ctx = server_ctx;
	s->method = method;
	if (!s->peer_last)
		s->peer_last = 2;
	buf_init(&s->client.wire, 0);
	buf_init(&s->server.wire, 0);
	assert_int_equal(tunnel_new(&opts, s->now_ms, &s->server.tunnel), 0);
	opts.role = TUNNEL_CLIENT;
	opts.tap = s->tap_client;
	opts.login_ms = 0;
	opts.tls = client_ctx;
	opts.verify = &peer;
	opts.host = "sim.test";
	opts.port = 443;
	opts.user = "alice";
	opts.password = password;
	opts.want_dns = true;
	opts.lanes = !s->lane && !s->no_lanes_client;
	opts.lane = s->lane;
	assert_int_equal(tunnel_new(&opts, s->now_ms, &s->client.tunnel), 0);
	if (!s->password)
		s->password = "Secret-1";
	tunnel_start(s->client.tunnel, s->now_ms);
}

void sim_drop(struct sim *s)
{
	tunnel_free(s->client.tunnel);
	tunnel_free(s->server.tunnel);
	buf_done(&s->client.wire);
	buf_done(&s->server.wire);
	s->client = s->server = (struct sim_end){0};
}

void sim_free(struct sim *s)
{
	sim_drop(s);
	free(s);
}

/* A users' data base of one. */
static void judge(struct sim *s, const struct proof *p)
{
	uint8_t hash[16], want[24];
	struct verdict v = {.error = AUTH_FAILED};

	mschap_nt_hash(s->password, hash);
	if (p->method == AUTH_MSCHAPV2) {
		mschap_nt_response(
			p->challenge, p->peer_challenge, p->user, p->user_len, hash, want);
		if (!memcmp(want, p->nt_response, 24)) {
			v.error = AUTH_OK;
			mschap_auth_response(hash, want, p->challenge, p->peer_challenge, p->user,
				p->user_len, v.auth_response);
			v.auth_response[42] = '\0';
			mschap_hlak(hash, want, v.hlak);
		}
	} else if (p->method == AUTH_PAP && !strcmp(p->password, s->password)) {
		v.error = AUTH_OK;
	}
	v.addresses.local = addr_v4(0x0a090001);
	v.addresses.peer = addr_v4(0x0a090000u + s->peer_last);
	v.addresses.dns[0] = addr_v4(0x09090909);
	v.addresses.ipv6 = s->ipv6;
	v.addresses.local_ifid[7] = 1;
	tunnel_auth_verdict(s->server.tunnel, &v, s->now_ms);
}

static void on_event(struct sim *s, struct sim_end *e, const struct tunnel_event *ev)
{
	switch (ev->type) {
	case TUNNEL_STEP:
		e->steps++;
		if (ev->step == TUNNEL_STEP_TLS && e == &s->client && s->other_certificate)
			e->tunnel->certs[0].sha256[0] ^= 1;
		break;
	case TUNNEL_HTTP_REQUEST:
		s->now_ms += s->http_ms;
		tunnel_http_answer(e->tunnel, s->http_status, 0, s->now_ms);
		break;
	case TUNNEL_AUTH_REQUEST:
		e->auth_requests++;
		if (!s->hold_verdict)
			judge(s, ev->proof);
		break;
	case TUNNEL_LANE_REQUEST: e->lane_asked = true; break;
	case TUNNEL_LANE_UP: e->lane_up = true; break;
	case TUNNEL_BOUND:
		e->bound = true;
		e->binding = ev->binding;
		e->binding_fault = ev->reason;
		break;
	case TUNNEL_UP:
		if (ev->family == AF_INET)
			e->addresses = *ev->addresses;
		*(ev->family == AF_INET ? &e->up4 : &e->up6) = true;
		break;
	case TUNNEL_DOWN: *(ev->family == AF_INET ? &e->up4 : &e->up6) = false; break;
	case TUNNEL_PACKET:
		e->packets++;
		e->last_packet_len = rd_left(&ev->packet);
		memcpy(e->last_packet, ev->packet.p, e->last_packet_len);
		break;
	case TUNNEL_BATCH_END:
	case TUNNEL_IDENTIFIED: break;
	case TUNNEL_ENDED:
		assert_false(e->ended);
		e->ended = true;
		e->reason = ev->reason;
		snprintf(e->text, sizeof(e->text), "%s", ev->text);
		break;
	}
}

/* After the pull, as the server does when the connection has come to the session's worker. */
static void answer_lane(struct sim *s, struct sim_end *e)
{
	struct tunnel_ticket ticket;
	bool known = s->call && tunnel_lane_ticket(s->call->server.tunnel, &ticket) &&
		     !memcmp(tunnel_lane_handle(e->tunnel), ticket.call.handle,
			     sizeof(ticket.call.handle));

	e->lane_asked = false;
	e->lane_up = tunnel_lane_answer(e->tunnel, known ? &ticket : NULL, 0);
	pull(s, e);
}

static void pull(struct sim *s, struct sim_end *e)
{
	struct tunnel_event ev;

	while (tunnel_next_event(e->tunnel, s->now_ms, &ev))
		on_event(s, e, &ev);
	if (e->lane_asked)
		answer_lane(s, e);
}

/* What `from` wants to say goes on the wire; a piece of the wire goes into `to`. */
static bool carry(struct sim *s, struct sim_end *from, struct sim_end *to, bool deaf)
{
	struct buf *out;
	size_t n;
	uint8_t *piece;

	pull(s, from);
	out = tunnel_output(from->tunnel);
	buf_append(&to->wire, buf_data(out), buf_len(out));
	buf_consume(out, buf_len(out));
	n = buf_len(&to->wire);
	if (deaf) {
		buf_consume(&to->wire, n);
		return false;
	}
	if (s->chunk && n > s->chunk)
		n = s->chunk;
	if (!n)
		return false;
	piece = malloc(n); /* of exactly this size, for the sanitizer's eyes */
	memcpy(piece, buf_data(&to->wire), n);
	buf_consume(&to->wire, n);
	tunnel_recv(to->tunnel, piece, n, s->now_ms);
	pull(s, to);
	free(piece);
	return true;
}

/* One end is the test's: what the other says is left on the wire. */
static bool step_alone(struct sim *s, struct sim_end *end, struct sim_end *bare)
{
	size_t n = buf_len(&end->wire);
	struct buf *out;

	if (n) {
		tunnel_recv(end->tunnel, buf_data(&end->wire), n, s->now_ms);
		pull(s, end);
		buf_consume(&end->wire, n);
	}
	pull(s, end);
	out = tunnel_output(end->tunnel);
	buf_append(&bare->wire, buf_data(out), buf_len(out));
	buf_consume(out, buf_len(out));
	return n;
}

bool sim_step(struct sim *s)
{
	if (s->bare_client)
		return step_alone(s, &s->server, &s->client);
	if (s->bare_server)
		return step_alone(s, &s->client, &s->server);

	bool moved = carry(s, &s->client, &s->server, s->deaf_server);

	return carry(s, &s->server, &s->client, s->deaf_client) || moved;
}

size_t sim_run(struct sim *s)
{
	size_t steps = 0;

	while (sim_step(s)) {
		steps++;
		assert_true(steps < 2000000); /* a loop of messages */
	}
	return steps;
}

void sim_advance_ms(struct sim *s, uint64_t ms)
{
	uint64_t end = s->now_ms + ms;

	sim_run(s);
	for (unsigned wakes = 0; wakes < 100000; wakes++) {
		uint64_t at = deadline_min(
			tunnel_deadline(s->client.tunnel), tunnel_deadline(s->server.tunnel));

		if (at > end)
			break;
		if (at > s->now_ms)
			s->now_ms = at;
		tunnel_tick(s->client.tunnel, s->now_ms);
		tunnel_tick(s->server.tunnel, s->now_ms);
		sim_run(s);
	}
	s->now_ms = end;
}

int sim_send_ip(struct sim *s, struct sim_end *from, size_t n)
{
	uint8_t frame[4096] = {0x10, 0x00, (uint8_t)((n + 8) >> 8), (uint8_t)(n + 8), 0xff, 0x03,
		0x00, 0x21, 0x45};

	frame[10] = (uint8_t)(n >> 8);
	frame[11] = (uint8_t)n;
	frame[8 + n - 1] = 0x77;
	(void)s;
	return tunnel_send_frames(from->tunnel, frame, n + 8);
}
