// SPDX-License-Identifier: Apache-2.0
#include "os/proxy_dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "os/dial.h"
#include "os/gss.h"
#include "os/lookup.h"
#include "os/wire.h"
#include "os/socket.h"
#include "tls/failure.h"

#define RACE_MS 250 /* RFC 8305 section 5 */

struct round {
	const struct proxy_dial_opts *opts;
	const struct proxy *proxy;
	struct proxy_connect *talk;
	struct gss *gss; /* of the whole login; NULL: none yet */
	uint64_t began_ms;
	struct wire wire;
};

/* The round ends without an answer; the conversation has a limit of its own, which may be the sooner. */
static void give_up(const struct round *r, int error)
{
	uint64_t now = clock_mono_ms();
	char text[40];

	proxy_connect_tick(r->talk, now);
	snprintf(text, sizeof(text), "after %u s", (unsigned)((now - r->began_ms) / 1000));
	proxy_connect_fail(
		r->talk, EV_PROXY_NO_RESPONSE, error == -ETIMEDOUT ? text : strerror(-error));
}

/* What the conversation does not take belongs to TLS and stays. */
static void read_some(struct round *r)
{
	const uint8_t *octets;
	ssize_t n = wire_look(&r->wire, proxy_connect_deadline(r->talk), &octets);
	size_t used = 0;

	if (n == -ETIMEDOUT || n == -ECANCELED) {
		give_up(r, (int)n);
	} else if (n <= 0) {
		proxy_connect_eof(r->talk);
	} else {
		proxy_connect_recv(r->talk, octets, (size_t)n, &used);
		if (wire_take(&r->wire, used) < 0)
			proxy_connect_eof(r->talk);
	}
}

static void connect_tcp(struct round *r)
{
	const struct proxy_dial_opts *o = r->opts;
	struct dial_opts opts = {
		.try_ms = o->timeout_ms, .race_ms = RACE_MS, .tune = o->tune, .arg = o->arg};
	struct lookup_opts name = {.host = r->proxy->host,
		.port = r->proxy->port,
		.family = AF_UNSPEC,
		.cancel_fd = o->stop_fd,
		.servers = o->dns,
		.n_servers = o->n_dns,
		.mark = o->mark};
	struct endpoint at[DIAL_ADDRESSES_MAX];
	struct dial dial;
	size_t n = 1;

	if (o->via) {
		at[0] = *o->via;
	} else if (lookup_wait(&name, at, &n)) {
		proxy_connect_fail(
			r->talk, EV_PROXY_UNREACHABLE, "the proxy's name is not in the DNS");
		return;
	}
	dial_init(&dial, &opts, at, n);
	r->wire.fd = dial_wait(&dial, r->wire.until_ms, o->stop_fd);
	dial_done(&dial);
	if (r->wire.fd < 0)
		proxy_connect_fail(r->talk, EV_PROXY_UNREACHABLE, strerror(-r->wire.fd));
}

/* A certificate that does not hold has its own words in the catalogue; here it is the proxy's. */
static void start_tls(struct round *r)
{
	struct tls_failure why = {0};
	char text[400];
	int e = wire_start_tls(&r->wire, r->proxy->host, r->proxy->ca_file, &why);

	if (!e)
		return;
	if (why.event)
		text_format(text, sizeof(text), "%s %s", event_info(why.event)->what, why.text);
	else
		snprintf(text, sizeof(text), "%s", strerror(-e));
	proxy_connect_fail(r->talk, EV_PROXY_TLS, text);
}

static void get_token(struct round *r)
{
	struct rd challenge = proxy_connect_challenge(r->talk);
	char why[GSS_WHY_MAX] = "";
	struct buf token;
	int e = r->gss ? 0 : gss_new("HTTP", r->proxy->host, &r->gss);

	buf_init(&token, 0);
	if (!e)
		e = gss_step(r->gss, challenge.p, rd_left(&challenge), r->opts->stop_fd,
			r->wire.until_ms, &token, why);
	if (e)
		proxy_connect_no_token(r->talk, *why ? why : strerror(-e));
	else
		proxy_connect_token(r->talk, buf_data(&token), buf_len(&token));
	buf_done(&token);
}

static enum proxy_connect_event converse(struct round *r)
{
	enum proxy_connect_event ev;
	int error = 0;

	for (;;) {
		if (!proxy_connect_next_event(r->talk, &ev)) {
			struct buf *out = proxy_connect_output(r->talk);

			error = buf_len(out) ? wire_send(&r->wire, out) : 0;
			if (error < 0)
				give_up(r, error);
			else
				read_some(r);
		} else if (ev == PROXY_CONNECT_TOKEN) {
			get_token(r);
		} else {
			return ev;
		}
	}
}

static enum proxy_connect_event do_round(struct round *r)
{
	r->began_ms = clock_mono_ms();
	wire_init(&r->wire, r->opts->stop_fd, r->began_ms + r->opts->timeout_ms);
	connect_tcp(r);
	if (r->wire.fd >= 0 && r->proxy->tls)
		start_tls(r);
	if (r->wire.fd >= 0) /* nothing happens when TLS has failed */
		proxy_connect_start(r->talk, clock_mono_ms());
	return converse(r);
}

/* What is known of the connection while it is one. */
static void give_way(struct round *r, int *ret_fd, struct proxy_outcome *ret)
{
	int e;

	*ret = *proxy_connect_outcome(r->talk);
	socket_peer(r->wire.fd, &ret->peer);
	socket_local(r->wire.fd, &ret->local);
	e = wire_give(&r->wire, ret_fd);
	if (e < 0) {
		ret->event = EV_OUT_OF_MEMORY;
		snprintf(ret->text, sizeof(ret->text), "%s", strerror(-e));
	}
}

enum event proxy_dial(const struct proxy *p, const char *host, uint16_t port,
	const struct proxy_dial_opts *opts, int *ret_fd, struct proxy_outcome *ret)
{
	AUTO(proxy_connect) struct proxy_connect *c = NULL;
	struct round r = {.opts = opts, .proxy = p};
	enum proxy_connect_event ev;

	*ret = (struct proxy_outcome){.event = EV_OUT_OF_MEMORY, .scheme = ""};
	if (proxy_connect_new(p, host, port, clock_wall_s(), &c) < 0)
		return ret->event;
	r.talk = c;
	do {
		ev = do_round(&r);
		if (ev == PROXY_CONNECT_OPEN)
			give_way(&r, ret_fd, ret);
		else
			*ret = *proxy_connect_outcome(c);
		wire_done(&r.wire);
	} while (ev == PROXY_CONNECT_DIAL);
	gss_free(r.gss);
	return ret->event;
}
