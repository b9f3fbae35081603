// SPDX-License-Identifier: Apache-2.0
#include "server/admission/proxy_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/auto.h"
#include "config/config.h"
#include "front/proxy_protocol.h"
#include "server/admission/admission.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/core/site.h"

struct proxy_header {
	struct arrival arrival;
	struct site *site;
	struct proxy_header *next, **prev;
	struct door *door;
	uv_poll_t poll;
	uv_timer_t timer;
	int handles;
	bool enters; /* becomes a session when the handles are gone */
	bool quiet;  /* the header is read; the balancer's own connection has sent nothing yet */
	bool closing;
	size_t n;
	uint8_t octets[PROXY_PROTOCOL_MAX];
};

static void enter(struct site *site, const struct arrival *a)
{
	if (site->stopping)
		close(a->fd);
	else
		site->enter(site, a);
}

static void on_closed(uv_handle_t *h)
{
	struct proxy_header *d = h->data;
	struct site *site = d->site;

	if (--d->handles)
		return;
	atomic_fetch_sub_explicit(&site->n_connections, 1, memory_order_relaxed);
	admission_leave(site, d->door);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	if (d->enters)
		enter(site, &d->arrival);
	else
		close(d->arrival.fd);
	free(d);
	site->leave(site);
}

static void leave(struct proxy_header *d, bool enters)
{
	if (d->closing)
		return;
	d->closing = true;
	d->enters = enters;
	uv_close((uv_handle_t *)&d->poll, on_closed);
	uv_close((uv_handle_t *)&d->timer, on_closed);
}

static void turn_away(struct proxy_header *d, enum event why, const char *text)
{
	struct log_scope scope = {0};

	endpoint_format(&d->arrival.peer, scope.peer);
	log_event(&scope, why, "%s", text);
	leave(d, false);
}

/* True: the header is there. */
static bool read_header(struct proxy_header *d)
{
	struct rd in;
	struct proxy_protocol p;
	size_t want;

	while ((want = proxy_protocol_want(d->octets, d->n))) {
		ssize_t n = d->n + want > sizeof(d->octets)
				    ? 0
				    : recv(d->arrival.fd, d->octets + d->n, want, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n <= 0) {
			if (d->n)
				turn_away(d, EV_PROXY_HEADER_MISSING, "closed in the middle of it");
			else
				leave(d, false); /* a bare TCP health check */
			return false;
		}
		d->n += (size_t)n;
	}
	in = rd_init(d->octets, d->n);
	if (proxy_protocol_parse(&in, &p) < 0) {
		turn_away(d, EV_PROXY_HEADER_MISSING, "");
		return false;
	}
	d->quiet = !p.relayed;
	if (p.relayed)
		d->arrival.peer = p.peer;
	return true;
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct proxy_header *d = poll->data;
	uint8_t one;
	ssize_t n;

	if (d->closing || (!d->quiet && !read_header(d)))
		return;
	if (!d->quiet) {
		leave(d, true);
		return;
	}
	n = recv(d->arrival.fd, &one, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	leave(d, n > 0);
}

static void on_late(uv_timer_t *timer)
{
	struct proxy_header *d = timer->data;

	if (d->quiet)
		leave(d, false);
	else
		turn_away(d, EV_PROXY_HEADER_LATE, "");
}

static void evict(void *owner)
{
	leave(owner, false);
}

static int wait_for_header(struct site *site, const struct arrival *a)
{
	struct door *door = admission_enter(site, &a->peer, false);
	struct proxy_header *d = door ? calloc(1, sizeof(*d)) : NULL;

	if (!d || uv_poll_init(&site->loop, &d->poll, a->fd)) {
		free(d);
		admission_leave(site, door);
		return -EBUSY;
	}
	d->arrival = *a;
	d->site = site;
	d->door = door;
	door->owner = d;
	door->evict = evict;
	uv_timer_init(&site->loop, &d->timer);
	d->handles = 2;
	d->poll.data = d->timer.data = d;
	d->next = site->proxy_headers;
	d->prev = &site->proxy_headers;
	if (d->next)
		d->next->prev = &d->next;
	site->proxy_headers = d;
	atomic_fetch_add_explicit(&site->n_connections, 1, memory_order_relaxed);
	uv_timer_start(&d->timer, on_late, site->snapshot->config->server.handshake_time_ms, 0);
	uv_poll_start(&d->poll, UV_READABLE, on_readable);
	return 0;
}

void proxy_header_take(struct site *site, const struct arrival *a)
{
	const struct config *cfg = site->snapshot->config;
	bool trusted = config_is_balancer(cfg, &a->peer.addr);
	struct log_scope scope = {0};

	if (site->stopping) {
		close(a->fd);
	} else if (a->clear && !trusted) {
		endpoint_format(&a->peer, scope.peer);
		log_event(&scope, EV_PROXY_NOT_TRUSTED, "without-tls=yes");
		close(a->fd);
	} else if (!trusted || !cfg->balancer.proxy_protocol) {
		enter(site, a);
	} else if (wait_for_header(site, a) < 0) {
		close(a->fd);
	}
}

void proxy_header_close_all(struct site *site)
{
	for (struct proxy_header *d = site->proxy_headers, *next; d; d = next) {
		next = d->next;
		leave(d, false);
	}
}
