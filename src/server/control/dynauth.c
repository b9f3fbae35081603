// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a datagram is taken only from a known host and with the right authenticator; then its
 * attributes are read once: who is meant, and what changes. All that can be wrong with it is found
 * before a worker hears of it. The question goes round the workers as `kick` does, and the number
 * of sessions that it met is the answer: ACK, or NAK 503.
 *
 * A request that is being worked on, or was answered within the window, is known by its source,
 * identifier and authenticator: it is not done twice.
 */
#include "server/control/dynauth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aaa/radius/accept.h"
#include "aaa/radius/settings.h"
#include "base/clock.h"
#include "config/config.h"
#include "server/control/broadcast.h"
#include "server/core/context.h"
#include "server/core/filters.h"
#include "server/core/snapshot.h"

#define WINDOW_S 300 /* Event-Timestamp; and how long answers are remembered */
#define REMEMBERED 256
#define READS_A_TURN 32

enum error_cause { /* RFC 5176 section 3.5 */
	FINE = 0,
	UNSUPPORTED_ATTRIBUTE = 401,
	MISSING_ATTRIBUTE = 402,
	NAS_MISMATCH = 403,
	INVALID_REQUEST = 404,
	INVALID_VALUE = 407,
	NO_SESSION = 503,
	NO_RESOURCES = 506,
};

struct listener {
	uv_poll_t poll;
	struct dynauth *dynauth;
	int fd;
};

/* A request, and when it is answered its answer. */
struct order {
	bool used, answered;
	struct dynauth *dynauth;
	struct listener *listener;
	struct endpoint from;
	uint8_t code, identifier, authenticator[RADIUS_AUTHENTICATOR_LEN];
	struct radius_secret secret;
	uint64_t at_ms;
	size_t proxy_len, reply_len;
	uint8_t proxy[RADIUS_PACKET_MAX]; /* Proxy-State of the request, as it came */
	uint8_t reply[RADIUS_PACKET_MAX];
};

struct dynauth {
	struct context *context;
	uv_loop_t *loop;
	const bool *stopping;
	size_t n;
	struct listener *listener[CONFIG_ITEMS_MAX];
	struct order order[REMEMBERED];
	unsigned next;
};

/* ---- answers ------------------------------------------------------------------------- */

static void send_reply(const struct order *o)
{
	struct sockaddr_storage to;
	socklen_t len = endpoint_to_sockaddr(&o->from, &to);

	if (sendto(o->listener->fd, o->reply, o->reply_len, MSG_NOSIGNAL, (struct sockaddr *)&to,
		    len) < 0)
		return; /* it asks again, and is answered from memory */
}

static uint8_t reply_code(uint8_t request, bool good)
{
	if (request == RADIUS_DISCONNECT_REQUEST)
		return good ? RADIUS_DISCONNECT_ACK : RADIUS_DISCONNECT_NAK;
	return good ? RADIUS_COA_ACK : RADIUS_COA_NAK;
}

static void answer(struct order *o, enum error_cause cause, size_t sessions)
{
	struct radius_builder b;
	int n;

	radius_begin(&b, reply_code(o->code, cause == FINE), o->identifier, NULL, true, o->reply,
		sizeof(o->reply));
	if (cause != FINE)
		radius_put_u32(&b, RADIUS_ERROR_CAUSE, cause);
	wr_octets(&b.wr, o->proxy, o->proxy_len);
	n = radius_finish_reply(&b, &o->secret, o->authenticator);
	o->answered = true;
	o->reply_len = n > 0 ? (size_t)n : 0;
	log_event(NULL, EV_RADIUS_ORDER, "from=%s order=%s sessions=%zu error_cause=%d",
		endpoint_format(&o->from, (char[ENDPOINT_TEXT_LEN]){0}),
		o->code == RADIUS_COA_REQUEST ? "change" : "disconnect", sessions, (int)cause);
	if (o->reply_len)
		send_reply(o);
}

/* ---- reading -------------------------------------------------------------------------- */

struct wanted {
	struct broadcast_match match;
	bool named;          /* a session is named */
	bool other;          /* by something that no session of this run has */
	bool changes;        /* CoA: something is to change */
	struct rd timestamp; /* of the event, if given */
	bool dated;
};

static bool copy_text(struct rd data, char *ret, size_t cap)
{
	size_t n = rd_left(&data);

	if (!n || n >= cap || memchr(data.p, 0, n))
		return false;
	memcpy(ret, data.p, n);
	ret[n] = '\0';
	return true;
}

/* "EPOCH-NUMBER" as session/report.c writes it. */
static bool read_session_id(const struct context *c, struct rd data, struct wanted *w)
{
	char text[24], again[24];
	uint64_t epoch, id;

	if (!copy_text(data, text, sizeof(text)) ||
		sscanf(text, "%" SCNx64 "-%" SCNx64, &epoch, &id) != 2)
		return false;
	snprintf(again, sizeof(again), "%08" PRIx64 "-%08" PRIx64, epoch, id);
	w->other |= epoch != c->epoch || strcmp(again, text) != 0 ||
		    (w->match.session && w->match.session != id);
	w->match.session = id;
	return true;
}

static bool read_port(struct rd data, struct wanted *w)
{
	uint32_t port;

	if (!radius_u32(data, &port))
		return false;
	w->other |= w->match.session && (uint32_t)w->match.session != port;
	if (!w->match.session)
		w->match.session = port;
	return true;
}

static bool read_calling(struct rd data, struct wanted *w)
{
	char text[ENDPOINT_TEXT_LEN];
	struct endpoint e;

	if (!copy_text(data, text, sizeof(text)) || endpoint_parse(text, 1, &e) < 0)
		return false;
	w->match.peer = e.addr;
	return true;
}

static bool is_our_name(const struct radius_settings *s, const struct radius_attribute *a)
{
	struct addr own;

	if (a->id == RADIUS_NAS_IDENTIFIER)
		return rd_left(&a->data) == strlen(s->nas_identifier) &&
		       !memcmp(a->data.p, s->nas_identifier, rd_left(&a->data));
	if (!s->nas_address.family)
		return true; /* this server never named an address */
	return radius_addr(a->data, a->id == RADIUS_NAS_IP_ADDRESS ? AF_INET : AF_INET6, &own) &&
	       addr_equal(&own, &s->nas_address);
}

static enum error_cause read_change(
	const struct order *o, const struct radius_attribute *a, struct wanted *w)
{
	if (o->code != RADIUS_COA_REQUEST || !radius_grants_at_once(a->id))
		return UNSUPPORTED_ATTRIBUTE;
	w->changes = true;
	return FINE;
}

static enum error_cause read_attribute(const struct context *c, const struct order *o,
	const struct radius_attribute *a, struct wanted *w)
{
	bool good = true;

	switch (a->id) {
	case RADIUS_MESSAGE_AUTHENTICATOR:
	case RADIUS_PROXY_STATE:
	case RADIUS_REPLY_MESSAGE: return FINE;
	case RADIUS_EVENT_TIMESTAMP:
		w->timestamp = a->data;
		w->dated = true;
		return FINE;
	case RADIUS_NAS_IDENTIFIER:
	case RADIUS_NAS_IP_ADDRESS:
	case RADIUS_NAS_IPV6_ADDRESS:
		return is_our_name(c->snapshot->radius, a) ? FINE : NAS_MISMATCH;
	case RADIUS_ACCT_SESSION_ID: good = read_session_id(c, a->data, w); break;
	case RADIUS_NAS_PORT: good = read_port(a->data, w); break;
	case RADIUS_USER_NAME:
		good = copy_text(a->data, w->match.user, sizeof(w->match.user));
		break;
	case RADIUS_FRAMED_IP_ADDRESS: good = radius_addr(a->data, AF_INET, &w->match.inner); break;
	case RADIUS_CALLING_STATION_ID: good = read_calling(a->data, w); break;
	default: return read_change(o, a, w);
	}
	w->named = true;
	return good ? FINE : INVALID_VALUE;
}

static bool is_fresh(const struct wanted *w)
{
	uint32_t at;

	return !w->dated || (radius_u32(w->timestamp, &at) &&
				    llabs((long long)at - (long long)clock_wall_s()) <= WINDOW_S);
}

static bool has_filters(const struct context *c, const struct grant_values *v)
{
	for (size_t i = 0; i < v->filter.n; i++)
		if (!filters_find(c->snapshot->filters, v->filter.item[i]))
			return false;
	return true;
}

/* All that is wrong with it, before any session hears of it. */
static enum error_cause read_order(const struct context *c, const struct order *o,
	const struct radius_packet *p, struct wanted *w, struct grant_values *change)
{
	struct radius_walk walk;
	struct radius_attribute a;
	enum error_cause e = FINE;

	radius_attributes(p, &walk);
	while (e == FINE && radius_next(&walk, &a))
		e = read_attribute(c, o, &a, w);
	if (e != FINE)
		return e;
	if (!w->named || (o->code == RADIUS_COA_REQUEST && !w->changes))
		return MISSING_ATTRIBUTE;
	if (o->code == RADIUS_COA_REQUEST && radius_grant(p, GRANT_COA, change))
		return INVALID_VALUE;
	if (!has_filters(c, change))
		return INVALID_VALUE;
	return w->other ? NO_SESSION : FINE;
}

/* ---- doing ---------------------------------------------------------------------------- */

static void on_round(struct broadcast *r)
{
	struct order *o = r->arg;
	size_t n = 0;

	for (unsigned i = 0; i < r->context->n_sites; i++)
		n += r->part[i].n;
	broadcast_free(r);
	answer(o, n ? FINE : NO_SESSION, n);
}

static void carry_out(struct order *o, const struct wanted *w, const struct grant_values *change)
{
	struct dynauth *d = o->dynauth;
	struct broadcast *r;

	if (*d->stopping || broadcast_new(d->context, on_round, o, &r) < 0) {
		answer(o, NO_RESOURCES, 0);
		return;
	}
	r->match = w->match;
	if (o->code == RADIUS_DISCONNECT_REQUEST) {
		r->end = EV_SESSION_DISCONNECTED;
	} else {
		r->change = *change;
		r->changed = true;
	}
	broadcast_start(r);
}

static struct order *find_order(
	struct dynauth *d, const struct endpoint *from, const struct radius_packet *p)
{
	uint64_t now = clock_mono_ms();

	for (size_t i = 0; i < REMEMBERED; i++) {
		struct order *o = &d->order[i];

		if (o->used && now - o->at_ms <= WINDOW_S * 1000 &&
			o->identifier == p->identifier && o->from.port == from->port &&
			addr_equal(&o->from.addr, &from->addr) &&
			!memcmp(o->authenticator, p->authenticator, sizeof(o->authenticator)))
			return o;
	}
	return NULL;
}

/* The oldest that is answered; NULL: all are being worked on. */
static struct order *new_order(struct listener *l, const struct endpoint *from,
	const struct radius_packet *p, const struct radius_secret *secret)
{
	struct dynauth *d = l->dynauth;
	struct order *o = &d->order[d->next];

	if (o->used && !o->answered)
		return NULL;
	d->next = (d->next + 1) % REMEMBERED;
	*o = (struct order){.used = true,
		.dynauth = d,
		.listener = l,
		.from = *from,
		.code = p->code,
		.identifier = p->identifier,
		.secret = *secret,
		.at_ms = clock_mono_ms()};
	memcpy(o->authenticator, p->authenticator, sizeof(o->authenticator));
	return o;
}

static void keep_proxy_state(struct order *o, const struct radius_packet *p)
{
	struct radius_walk walk;
	struct radius_attribute a;

	radius_attributes(p, &walk);
	while (radius_next(&walk, &a)) {
		size_t n = rd_left(&a.data);

		if (a.id != RADIUS_PROXY_STATE || o->proxy_len + n + 2 > sizeof(o->proxy))
			continue;
		o->proxy[o->proxy_len] = RADIUS_PROXY_STATE;
		o->proxy[o->proxy_len + 1] = (uint8_t)(n + 2);
		memcpy(o->proxy + o->proxy_len + 2, a.data.p, n);
		o->proxy_len += n + 2;
	}
}

static const struct radius_secret *secret_of(
	const struct radius_settings *s, const struct addr *from)
{
	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES; v++)
		for (size_t i = 0; i < s->peer[v].n_servers; i++)
			if (addr_equal(&s->address[v][i].addr, from))
				return &s->peer[v].server[i].secret;
	return NULL;
}

static void on_datagram(
	struct listener *l, const struct endpoint *from, const uint8_t *octets, size_t n)
{
	const struct context *c = l->dynauth->context;
	const struct radius_secret *secret = secret_of(c->snapshot->radius, &from->addr);
	struct grant_values change = {0};
	struct wanted w = {0};
	struct radius_packet p;
	enum error_cause cause;
	struct order *o;
	bool sealed;

	if (!secret || radius_parse(octets, n, &p) < 0 ||
		(p.code != RADIUS_DISCONNECT_REQUEST && p.code != RADIUS_COA_REQUEST) ||
		radius_verify_request(&p, secret, false, &sealed) != RADIUS_TRUSTED)
		return; /* without a word */
	o = find_order(l->dynauth, from, &p);
	if (o) {
		if (o->answered)
			send_reply(o);
		return;
	}
	o = new_order(l, from, &p, secret);
	if (!o)
		return; /* it asks again */
	keep_proxy_state(o, &p);
	cause = read_order(c, o, &p, &w, &change);
	if (!is_fresh(&w)) {
		o->used = false; /* a replay: without a word */
		return;
	}
	if (cause != FINE)
		answer(o, cause, 0);
	else
		carry_out(o, &w, &change);
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct listener *l = poll->data;
	uint8_t octets[RADIUS_PACKET_MAX];

	for (int i = 0; i < READS_A_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		struct endpoint e;
		ssize_t n =
			recvfrom(l->fd, octets, sizeof(octets), 0, (struct sockaddr *)&from, &len);

		if (n < 0)
			return;
		endpoint_from_sockaddr((struct sockaddr *)&from, &e);
		on_datagram(l, &e, octets, (size_t)n);
	}
}

/* ---- life ------------------------------------------------------------------------------ */

static int bind_to(const struct endpoint *at)
{
	struct sockaddr_storage own;
	socklen_t len = endpoint_to_sockaddr(at, &own);
	int fd = socket(at->addr.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int e;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&own, len) == 0)
		return fd;
	e = -errno;
	if (fd >= 0)
		close(fd);
	return e;
}

static int add_listener(struct dynauth *d, const struct endpoint *at)
{
	struct listener *l = calloc(1, sizeof(*l));
	char text[ENDPOINT_TEXT_LEN];

	if (!l)
		return -ENOMEM;
	l->dynauth = d;
	l->fd = bind_to(at);
	if (l->fd < 0) {
		int e = l->fd;

		log_event(NULL, EV_RADIUS_LISTEN_FAILED, "listen=%s error=\"%s\"",
			endpoint_format(at, text), strerror(-e));
		free(l);
		return e;
	}
	uv_poll_init(d->loop, &l->poll, l->fd);
	l->poll.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	d->listener[d->n++] = l;
	return 0;
}

int dynauth_open(struct context *c, uv_loop_t *loop, const bool *stopping, struct dynauth **ret)
{
	const struct endpoint_list *list = &c->config->radius.coa_listen;
	struct dynauth *d;
	int r = 0;

	*ret = NULL;
	if (!list->n)
		return 0;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	*d = (struct dynauth){.context = c, .loop = loop, .stopping = stopping};
	*ret = d;
	for (size_t i = 0; i < list->n && !r; i++)
		r = add_listener(d, &list->item[i]);
	return r;
}

static void on_closed(uv_handle_t *h)
{
	struct listener *l = h->data;

	close(l->fd);
	free(l);
}

void dynauth_close(struct dynauth *d)
{
	for (size_t i = 0; d && i < d->n; i++)
		uv_close((uv_handle_t *)&d->listener[i]->poll, on_closed);
}

void dynauth_free(struct dynauth *d)
{
	if (d)
		explicit_bzero(d, sizeof(*d));
	free(d);
}
