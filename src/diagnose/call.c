// SPDX-License-Identifier: Apache-2.0
/*
 * The tunnel does no I/O; this is the smallest loop that does it for one tunnel: pull events, send the
 * output, wait for the socket or the tunnel's own deadline. If a server stops in the middle, the stage
 * of the conversation shows where.
 */
#include "diagnose/call.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "diagnose/private.h"
#include "diagnose/scenario.h"
#include "ppp/frame.h"
#include "sstp/packet.h"

#define GOODBYE_MS 1500

int call_open(struct diagnosis *d, const struct call_opts *o, struct call **ret)
{
	AUTO(call) struct call *c = calloc(1, sizeof(*c));
	struct tls_peer_opts peer = {.host = d->opts->host, .sni = d->sni};
	struct tunnel_opts opts = {.tls = o->tls,
		.require_binding = true,
		.mru = 1500,
		.methods = o->methods,
		.n_methods = o->n_methods,
		.eap = d->opts->eap,
		.user = o->login ? d->opts->user : NULL,
		.password = o->login ? d->opts->password : NULL,
		.lcp_only = !o->login,
		.ipv4 = true,
		.ipv6 = true,
		.want_dns = true};
	int r;

	if (!c)
		return -ENOMEM;
	*c = (struct call){.d = d, .fd = -1, .login = o->login};
	talk_init(&c->talk, clock_mono_us);
	c->scratch = malloc(TUNNEL_SCRATCH_LEN);
	if (!c->scratch)
		return -ENOMEM;
	if (o->record) {
		c->talk.message = scenario_message;
		c->talk.message_arg = o->record;
	}
	tunnel_client_opts(&opts, &peer, d->opts->port, c->scratch);
	opts.tap = &c->talk.tap;
	r = net_server(d, d->opts->timeout_ms, 0, &c->fd);
	if (!r)
		r = tunnel_new(&opts, clock_mono_ms(), &c->tunnel);
	if (r < 0)
		return r;
	tunnel_start(c->tunnel, clock_mono_ms());
	*ret = TAKE(c);
	return 0;
}

static void on_event(struct call *c, const struct tunnel_event *ev)
{
	switch (ev->type) {
	case TUNNEL_BOUND:
		c->binding = ev->binding;
		snprintf(c->bound_hash, sizeof(c->bound_hash), "%s", ev->text ? ev->text : "");
		break;
	case TUNNEL_UP:
		if (ev->family == AF_INET) {
			c->up4 = true;
			c->v4 = *ev->addresses;
		} else {
			c->up6 = true;
			c->v6 = *ev->addresses;
		}
		break;
	case TUNNEL_DOWN:
		if (ev->family == AF_INET)
			c->up4 = false;
		else
			c->up6 = false;
		break;
	case TUNNEL_PACKET:
		c->packets4 += ev->family == AF_INET;
		if (c->packet)
			c->packet(c->packet_arg, ev->family, ev->packet);
		break;
	case TUNNEL_IDENTIFIED:
		snprintf(c->identified, sizeof(c->identified), "%s", ev->text);
		break;
	case TUNNEL_ENDED:
		c->ended = true;
		c->up4 = c->up6 = false;
		if (!c->reason) {
			c->reason = ev->reason;
			snprintf(c->text, sizeof(c->text), "%s", ev->text);
		}
		break;
	case TUNNEL_STEP:
	case TUNNEL_HTTP_REQUEST:
	case TUNNEL_AUTH_REQUEST:
	case TUNNEL_LANE_REQUEST:
	case TUNNEL_LANE_UP:
	case TUNNEL_BATCH_END: break;
	} /* no default */
}

static void pull(struct call *c)
{
	struct tunnel_event ev;

	const char *text;

	while (tunnel_next_event(c->tunnel, clock_mono_ms(), &ev))
		on_event(c, &ev);
	if (!c->reason && (c->reason = tunnel_reason(c->tunnel, clock_mono_ms(), &text)))
		snprintf(c->text, sizeof(c->text), "%s", text);
}

static void flush(struct call *c)
{
	struct buf *out = tunnel_output(c->tunnel);

	while (buf_len(out)) {
		ssize_t n = send(c->fd, buf_data(out), buf_len(out), MSG_NOSIGNAL);

		if (n > 0) {
			buf_consume(out, (size_t)n);
			continue;
		}
		if (errno == EAGAIN && !net_wait(c->fd, POLLOUT, clock_mono_ms() + 1000))
			continue;
		return; /* a broken socket shows at the next read */
	}
}

static void receive(struct call *c)
{
	static uint8_t cipher[64 * 1024];
	ssize_t n = recv(c->fd, cipher, sizeof(cipher), 0);
	uint64_t now = clock_mono_ms();

	if (n > 0)
		tunnel_recv(c->tunnel, cipher, (size_t)n, now);
	else if (n == 0)
		tunnel_recv_end(c->tunnel, 0, now);
	else if (errno != EAGAIN)
		tunnel_recv_end(c->tunnel, errno, now);
	pull(c);
}

static void step(struct call *c, uint64_t until_ms)
{
	uint64_t now = clock_mono_ms(), deadline = tunnel_deadline(c->tunnel);

	if (now >= deadline)
		tunnel_tick(c->tunnel, now);
	pull(c);
	flush(c);
	if (!c->ended && !net_wait(c->fd, POLLIN, deadline_min(until_ms, deadline)))
		receive(c);
	flush(c);
}

bool call_run(struct call *c, bool (*done)(const struct call *), uint64_t until_ms)
{
	while (!c->ended && !(done && done(c)) && clock_mono_ms() < until_ms)
		step(c, until_ms);
	return done && done(c);
}

/* Where it stood still. */
static enum event stalled(const struct call *c)
{
	switch (c->talk.stage) {
	case TALK_TLS: return EV_TLS_TIMEOUT;
	case TALK_HTTP: return EV_HTTP_TIMEOUT;
	case TALK_SSTP: return EV_SSTP_NO_CONNECT_ACK;
	case TALK_LCP: return c->talk.lcp_heard ? EV_LCP_TIMEOUT : EV_LCP_NO_ANSWER;
	case TALK_AUTH: return EV_AUTH_NO_ANSWER;
	case TALK_NCP: return c->talk.ncp_heard ? EV_NCP_TIMEOUT : EV_IPCP_TIMEOUT;
	case TALK_STAGES: break;
	}
	return EV_NCP_TIMEOUT;
}

/* A server that does not answer our Terminate-Request hides nothing: what we close for counts. */
static void stand_still(struct call *c, uint64_t since_ms)
{
	const char *text = "";

	c->timed_out = true;
	c->reason = tunnel_ppp_reason(c->tunnel, &text);
	if (c->reason) {
		snprintf(c->text, sizeof(c->text), "%s", text);
		return;
	}
	c->reason = stalled(c);
	snprintf(c->text, sizeof(c->text), "nothing more for %.1f s",
		(double)(clock_mono_ms() - since_ms) / 1000);
}

bool call_advance(struct call *c, bool (*done)(const struct call *))
{
	uint64_t limit = c->d->opts->timeout_ms, since = clock_mono_ms();
	enum talk_stage stage = c->talk.stage;

	while (!c->ended && !done(c)) {
		if (c->talk.stage != stage) {
			stage = c->talk.stage;
			since = clock_mono_ms();
		}
		if (clock_mono_ms() >= since + limit) {
			stand_still(c, since);
			return false;
		}
		step(c, since + limit);
	}
	return done(c);
}

int call_send_ip(struct call *c, int family, const void *packet, size_t n)
{
	uint8_t frame[SSTP_HEADER_LEN + PPP_HEADER_LEN + 2048];
	int r;

	if (n > 2048)
		return -EMSGSIZE;
	sstp_data_header(frame, PPP_HEADER_LEN + n);
	ppp_frame_header(frame + SSTP_HEADER_LEN, family == AF_INET ? PPP_IPV4 : PPP_IPV6);
	memcpy(frame + SSTP_HEADER_LEN + PPP_HEADER_LEN, packet, n);
	r = tunnel_send_frames(c->tunnel, frame, SSTP_HEADER_LEN + PPP_HEADER_LEN + n);
	flush(c);
	return r;
}

void call_free(struct call *c)
{
	if (!c)
		return;
	if (c->tunnel && !c->ended) {
		tunnel_close(c->tunnel, EV_CLIENT_STOPPED, clock_mono_ms());
		call_run(c, NULL, clock_mono_ms() + (c->reason ? 100 : GOODBYE_MS));
	}
	tunnel_free(c->tunnel);
	talk_done(&c->talk);
	if (c->fd >= 0)
		close(c->fd);
	if (c->scratch)
		explicit_bzero(c->scratch, TUNNEL_SCRATCH_LEN);
	free(c->scratch);
	free(c);
}
