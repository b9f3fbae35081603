// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: one thread with epoll over its mailbox and the sockets. A socket belongs to one source
 * port of one server; it is opened when the peer first uses that port, and is not connected: where
 * a datagram comes from is compared here. The peers decide, this file sends, receives and keeps the
 * time.
 */
#include "aaa/radius/transport.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "events/event.h"

#define READS_A_TURN 64

struct channel { /* a source port */
	int fd;  /* -1: not opened */
	enum radius_service service;
	size_t server;
	unsigned port;
};

struct radius {
	struct radius_hooks hooks;
	struct mailbox mailbox;
	pthread_t thread;
	bool running, stopping;
	struct letter stop;
	pthread_mutex_t lock; /* of what is published */
	struct radius_status published;
	/* The thread's: */
	struct radius_settings *settings;
	struct radius_peer *peer[RADIUS_SERVICES];
	struct channel *channel[RADIUS_SERVICES][RADIUS_SERVERS_MAX]; /* RADIUS_PORTS_MAX each */
	int epoll;
};

struct order { /* a letter with settings */
	struct letter letter;
	struct radius *radius;
	struct radius_settings *settings;
};

/* ---- sockets ----------------------------------------------------------- */

static struct channel *channels_new(enum radius_service service, size_t server)
{
	struct channel *c = calloc(RADIUS_PORTS_MAX, sizeof(*c));

	for (unsigned i = 0; c && i < RADIUS_PORTS_MAX; i++)
		c[i] = (struct channel){-1, service, server, i};
	return c;
}

static void channels_free(struct channel *c)
{
	for (unsigned i = 0; c && i < RADIUS_PORTS_MAX; i++)
		if (c[i].fd >= 0)
			close(c[i].fd); /* epoll forgets it */
	free(c);
}

static int channel_open(struct radius *r, struct channel *c)
{
	const struct endpoint *to = &r->settings->address[c->service][c->server];
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	int fd = socket(to->addr.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int e = -errno;

		if (fd >= 0)
			close(fd);
		return e;
	}
	c->fd = fd;
	return 0;
}

/* What could not be sent counts as lost on the way: it is sent again. */
static void send_one(struct radius *r, enum radius_service service, const struct radius_send *s)
{
	struct channel *c = r->channel[service][s->server];
	struct sockaddr_storage to;
	socklen_t len = endpoint_to_sockaddr(&r->settings->address[service][s->server], &to);

	if (!c || (c[s->port].fd < 0 && channel_open(r, &c[s->port]) < 0))
		return;
	if (sendto(c[s->port].fd, s->octets, s->len, MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0)
		return;
}

static bool came_from(const struct sockaddr_storage *from, const struct endpoint *server)
{
	struct endpoint e;

	endpoint_from_sockaddr((const struct sockaddr *)from, &e);
	return e.port == server->port && addr_equal(&e.addr, &server->addr);
}

static void settle(struct radius *r, enum radius_service service);

static void receive(struct radius *r, struct channel *c)
{
	uint8_t octets[RADIUS_PACKET_MAX + 1];

	for (int i = 0; i < READS_A_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		ssize_t n =
			recvfrom(c->fd, octets, sizeof(octets), 0, (struct sockaddr *)&from, &len);

		if (n < 0)
			return;
		if (!came_from(&from, &r->settings->address[c->service][c->server]))
			continue;
		radius_peer_recv(r->peer[c->service], c->server, c->port, octets, (size_t)n,
			clock_mono_ms());
		settle(r, c->service); /* an answer points into `octets` */
	}
}

/* ---- what the peers say ------------------------------------------------- */

static void report(struct radius *r, enum radius_service service, const struct radius_news *n)
{
	const char *name = r->settings->peer[service].server[n->server].name;
	const char *what = service == RADIUS_AUTH ? "logins" : "accounting";

	switch (n->change) {
	case RADIUS_SERVER_DEAD:
		log_event(NULL, EV_RADIUS_SERVER_DEAD, "server=%s for=%s", name, what);
		break;
	case RADIUS_SERVER_ALIVE:
		log_event(NULL, EV_RADIUS_SERVER_ALIVE, "server=%s for=%s", name, what);
		break;
	case RADIUS_SERVER_SEALED:
		if (r->hooks.sealed && service == RADIUS_AUTH)
			r->hooks.sealed(r->hooks.arg, name);
		break;
	case RADIUS_SERVER_DISTRUSTED:
		log_event(NULL,
			n->why == RADIUS_NO_MESSAGE_AUTHENTICATOR ? EV_RADIUS_NOT_SEALED
								  : EV_RADIUS_NOT_TRUSTED,
			"server=%s for=%s why=%s", name, what, radius_trust_word(n->why));
		break;
	} /* no default */
}

static void settle(struct radius *r, enum radius_service service)
{
	struct radius_request *q;
	struct radius_news news;

	while (radius_peer_news(r->peer[service], &news))
		report(r, service, &news);
	while ((q = radius_peer_done(r->peer[service]))) {
		struct radius_call *c = (struct radius_call *)q;

		if (q->outcome == RADIUS_ANSWERED)
			memcpy(c->server, r->settings->peer[service].server[q->at].name,
				sizeof(c->server));
		c->done(c);
	}
}

static void step(struct radius *r, enum radius_service service)
{
	uint64_t now = clock_mono_ms();
	struct radius_send s;

	radius_peer_tick(r->peer[service], now);
	while (radius_peer_output(r->peer[service], now, &s))
		send_one(r, service, &s);
	settle(r, service);
}

/* ---- letters ------------------------------------------------------------ */

static void deliver_call(struct letter *l)
{
	struct radius_call *c = container_of(l, struct radius_call, letter);
	struct radius *r = c->radius;
	struct radius_peer *p = r->peer[c->service];

	c->refused = false;
	c->request.server = *c->server ? radius_peer_server(p, c->server) : RADIUS_ANY_SERVER;
	if (r->stopping || (*c->server && c->request.server < 0)) {
		c->request.outcome = RADIUS_TIMED_OUT;
		c->request.distrusted = false;
	} else if (radius_peer_submit(p, &c->request, clock_mono_ms()) == 0) {
		return;
	} else {
		c->refused = true;
	}
	c->done(c);
}

/* Sockets stay with their servers. */
static void move_channels(
	struct radius *r, const struct radius_settings *next, enum radius_service v)
{
	const struct radius_peer_opts *a = &r->settings->peer[v], *b = &next->peer[v];
	struct channel *moved[RADIUS_SERVERS_MAX] = {0};

	for (size_t i = 0; i < b->n_servers; i++) {
		for (size_t k = 0; k < a->n_servers; k++)
			if (!strcmp(a->server[k].name, b->server[i].name))
				moved[i] = TAKE(r->channel[v][k]);
		if (!moved[i])
			moved[i] = channels_new(v, i);
		for (unsigned port = 0; moved[i] && port < RADIUS_PORTS_MAX; port++)
			moved[i][port].server = i;
	}
	for (size_t k = 0; k < RADIUS_SERVERS_MAX; k++)
		channels_free(r->channel[v][k]);
	memcpy(r->channel[v], moved, sizeof(moved));
}

/* `auto` goes on from what was seen before the restart. */
static void remember_seals(struct radius *r, struct radius_peer_opts *opts)
{
	for (size_t i = 0; i < opts->n_servers; i++)
		if (opts->server[i].learn_seal && r->hooks.was_sealed &&
			r->hooks.was_sealed(r->hooks.arg, opts->server[i].name))
			opts->server[i].require_seal = true;
}

static void deliver_order(struct letter *l)
{
	struct order *o = container_of(l, struct order, letter);
	struct radius *r = o->radius;

	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES; v++) {
		struct radius_peer_opts opts = o->settings->peer[v];

		remember_seals(r, &opts);
		move_channels(r, o->settings, v);
		radius_peer_configure(r->peer[v], &opts, clock_mono_ms());
		explicit_bzero(&opts, sizeof(opts));
	}
	radius_settings_unref(r->settings);
	r->settings = o->settings;
	free(o);
}

static void deliver_stop(struct letter *l)
{
	container_of(l, struct radius, stop)->stopping = true;
}

/* ---- the thread --------------------------------------------------------- */

static void publish(struct radius *r)
{
	struct radius_status s = {0};

	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES; v++) {
		s.n[v] = r->settings->peer[v].n_servers;
		s.waiting[v] = radius_peer_waiting(r->peer[v]);
		for (size_t i = 0; i < s.n[v]; i++)
			radius_peer_status(r->peer[v], i, &s.server[v][i]);
	}
	pthread_mutex_lock(&r->lock);
	r->published = s;
	pthread_mutex_unlock(&r->lock);
}

static int patience(const struct radius *r)
{
	uint64_t now = clock_mono_ms(), next = UINT64_MAX;

	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES; v++)
		if (radius_peer_deadline(r->peer[v]) < next)
			next = radius_peer_deadline(r->peer[v]);
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
}

static void turn(struct radius *r)
{
	struct epoll_event ev[32];
	int n = epoll_wait(r->epoll, ev, ARRAY_SIZE(ev), patience(r));
	bool letters = false;

	for (int i = 0; i < n; i++)
		if (ev[i].data.ptr)
			receive(r, ev[i].data.ptr);
		else
			letters = true;
	if (letters) /* last: they may move the channels that the events point to */
		mailbox_deliver(&r->mailbox);
	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES; v++)
		step(r, v);
	publish(r);
}

static void *run(void *arg)
{
	struct radius *r = arg;

	while (!r->stopping)
		turn(r);
	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES; v++) {
		radius_peer_abandon(r->peer[v]);
		settle(r, v);
	}
	return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct radius *r)
{
	sigset_t all, before;
	int e = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!r->running)
		e = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r->running && !e)
		pthread_setname_np(r->thread, "radius");
	r->running |= !e;
	return -e;
}

int radius_configure(struct radius *r, struct radius_settings *s)
{
	struct order *o = malloc(sizeof(*o));

	if (!o)
		return -ENOMEM;
	*o = (struct order){{.deliver = deliver_order}, r, radius_settings_ref(s)};
	mailbox_post(&r->mailbox, &o->letter);
	return start_thread(r);
}

void radius_submit(struct radius *r, struct radius_call *c)
{
	c->radius = r;
	c->letter.deliver = deliver_call;
	mailbox_post(&r->mailbox, &c->letter);
}

const struct radius_settings *radius_call_settings(const struct radius_call *c)
{
	return c->radius->settings;
}

void radius_status(struct radius *r, struct radius_status *ret)
{
	pthread_mutex_lock(&r->lock);
	*ret = r->published;
	pthread_mutex_unlock(&r->lock);
}

static int prepare(struct radius *r)
{
	static const struct radius_peer_opts none;
	struct epoll_event ev = {.events = EPOLLIN};
	int e = 0;

	r->settings = calloc(1, sizeof(*r->settings));
	if (!r->settings)
		return -ENOMEM;
	atomic_init(&r->settings->refs, 1);
	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES && !e; v++)
		e = radius_peer_new(&none, &r->peer[v]);
	if (!e && epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->mailbox.fd, &ev) < 0)
		e = -errno;
	return e;
}

int radius_new(const struct radius_hooks *hooks, struct radius **ret)
{
	struct radius *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	r->hooks = *hooks;
	pthread_mutex_init(&r->lock, NULL);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	e = r->epoll < 0 ? -errno : mailbox_init(&r->mailbox);
	if (e < 0) {
		if (r->epoll >= 0)
			close(r->epoll);
		free(r);
		return e;
	}
	e = prepare(r);
	if (e < 0)
		radius_free(r);
	else
		*ret = r;
	return e;
}

void radius_free(struct radius *r)
{
	if (!r)
		return;
	if (r->running) {
		r->stop.deliver = deliver_stop;
		mailbox_post(&r->mailbox, &r->stop);
		pthread_join(r->thread, NULL);
	}
	r->stopping = true;
	if (r->peer[RADIUS_AUTH] && r->peer[RADIUS_ACCT])
		mailbox_deliver(&r->mailbox);
	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES; v++) {
		for (size_t i = 0; i < RADIUS_SERVERS_MAX; i++)
			channels_free(r->channel[v][i]);
		radius_peer_free(r->peer[v]);
	}
	radius_settings_unref(r->settings);
	mailbox_done(&r->mailbox);
	close(r->epoll);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
