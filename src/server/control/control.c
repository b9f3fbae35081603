// SPDX-License-Identifier: Apache-2.0
#include "server/control/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/metrics.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/text.h"
#include "os/netlink.h"
#include "os/notify.h"
#include "os/seccomp.h"
#include "os/tun.h"
#include "server/control/accounting.h"
#include "server/control/dynauth.h"
#include "server/control/prometheus.h"
#include "server/host/host.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/worker/worker.h"

#define HOUR_MS (3600 * 1000)
#define FLUSH_AGAIN_MS 50 /* at the end: are the last records with the accounting server? */
#define FLUSH_MOST_MS 3000

/* ---- the end --------------------------------------------------------------------------------- */

static void close_all(struct control *c)
{
	admin_close(c->admin);
	dynauth_close(c->dynauth);
	metrics_close(c->metrics);
	drain_close(&c->drain);
	routes_end(c);
	watch_close(&c->watch);
	uv_close((uv_handle_t *)&c->sigterm, NULL);
	uv_close((uv_handle_t *)&c->sigint, NULL);
	uv_close((uv_handle_t *)&c->sigquit, NULL);
	uv_close((uv_handle_t *)&c->sighup, NULL);
	uv_close((uv_handle_t *)&c->hourly, NULL);
	uv_close((uv_handle_t *)&c->second, NULL);
	uv_close((uv_handle_t *)&c->ipv6_timer, NULL);
	uv_close((uv_handle_t *)&c->mailbox_poll, NULL);
}

static void ask_workers_to_stop(struct control *c)
{
	for (unsigned i = 0; i < c->context->n_sites; i++)
		worker_ask_to_stop(worker_at(c->workers, i));
}

static void join_workers(struct control *c)
{
	for (unsigned i = 0; i < c->context->n_sites; i++)
		worker_join(worker_at(c->workers, i));
}

/* The last records go out: what is not taken soon goes after the next start. */
static void on_flush(uv_timer_t *t)
{
	struct control *c = t->data;

	accounting_tick(c->accounting);
	if (accounting_is_quiet(c->accounting) || ++c->flushed_s > FLUSH_MOST_MS / FLUSH_AGAIN_MS)
		close_all(c);
}

static void on_second(uv_timer_t *t)
{
	accounting_tick(((struct control *)t->data)->accounting);
}

struct departure { /* a worker's "gone" letter */
	struct letter letter;
	struct control *control;
};

static void deliver_departure(struct letter *l)
{
	struct control *c = container_of(l, struct departure, letter)->control;

	if (--c->n_running || !c->stopping)
		return;
	join_workers(c);
	accounting_off(c->accounting);
	uv_timer_start(&c->second, on_flush, 0, FLUSH_AGAIN_MS);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct control *c = handle->data;

	if (c->stopping)
		return;
	c->stopping = true;
	log_event(NULL, EV_SERVER_STOPPING, "signal=%d sessions=%u", signum,
		context_sessions(c->context));
	notify_stopping("ending the sessions");
	atomic_store_explicit(&c->context->draining, true, memory_order_relaxed);
	watchdog_stop(&c->watchdog);
	routes_announce(c, false);
	ask_workers_to_stop(c); /* the loop runs on until the last one is gone */
}

/* ---- what happens by itself ------------------------------------------------------------------ */

static void on_hangup(uv_signal_t *handle, int signum UNUSED)
{
	json_t *result = NULL;
	char why[700];

	if (!reload_all(handle->data, false, &result, why, sizeof(why)))
		json_decref(result);
	authorities_refresh(handle->data, NULL);
}

static void on_files(void *arg)
{
	reload_certificates(arg);
	authorities_refresh(arg, NULL);
}

static void on_hour(uv_timer_t *t)
{
	struct control *c = t->data;

	certificates_warn(c->context->snapshot->config, &c->terms, clock_wall_s());
}

static void on_ipv6_timer(uv_timer_t *timer)
{
	AUTO(netlink) struct netlink *nl = NULL;

	if (netlink_new(&nl, NULL) == 0)
		host_ipv6_check(((struct control *)timer->data)->host, nl);
}

static void on_mailbox(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct control *c = poll->data;

	mailbox_deliver(&c->context->control_mailbox);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static void announce_pools(void *arg, bool pools)
{
	routes_announce(arg, pools);
}

static void init_handles(struct control *c)
{
	uv_loop_init(&c->loop);
	uv_signal_init(&c->loop, &c->sigterm);
	uv_signal_init(&c->loop, &c->sigint);
	uv_signal_init(&c->loop, &c->sigquit);
	uv_signal_init(&c->loop, &c->sighup);
	uv_timer_init(&c->loop, &c->hourly);
	uv_timer_init(&c->loop, &c->second);
	c->second.data = c;
	uv_poll_init(&c->loop, &c->mailbox_poll, c->context->control_mailbox.fd);
	c->sigterm.data = c->sigint.data = c->sigquit.data = c->sighup.data = c->hourly.data = c;
	c->mailbox_poll.data = c;
	uv_timer_init(&c->loop, &c->ipv6_timer);
	c->ipv6_timer.data = c;
	drain_init(&c->drain, c->context, &c->loop);
	c->drain.announce = announce_pools;
	c->drain.arg = c;
	routes_begin(c);
	watch_init(&c->watch, &c->loop, on_files, c);
}

static void begin(struct control *c)
{
	uv_signal_start(&c->sigterm, on_signal, SIGTERM);
	uv_signal_start(&c->sigint, on_signal, SIGINT);
	uv_signal_start(&c->sigquit, on_signal, SIGQUIT); /* ^\ at a terminal */
	uv_signal_start(&c->sighup, on_hangup, SIGHUP);
	uv_timer_start(&c->hourly, on_hour, 0, HOUR_MS);
	uv_timer_start(&c->second, on_second, 1000, 1000);
	accounting_configure(c->accounting);
	uv_timer_start(&c->ipv6_timer, on_ipv6_timer, IPV6_CHECK_MS, IPV6_CHECK_MS);
	uv_poll_start(&c->mailbox_poll, UV_READABLE, on_mailbox);
	watch_files(&c->watch, c->context->snapshot->config, c->context->snapshot->anchors);
	event_feed_begin(c);
}

static int open_control(struct control *c)
{
	char path[512];
	int r;

	snprintf(path, sizeof(path), "%s/%s", c->context->config->server.state, CONTROL_SOCKET);
	r = admin_new(&c->loop, path, commands_run, c, &c->admin);
	if (r == -EADDRINUSE)
		log_event(NULL, EV_SERVER_ALREADY_RUNNING, "socket=%s", path);
	else if (r < 0)
		log_event(NULL, EV_CONTROL_FAILED, "socket=%s error=\"%s\"", path, strerror(-r));
	return r;
}

static int open_metrics(struct control *c)
{
	const char *at = c->context->config->metrics.listen;
	int r = *at ? metrics_new(&c->loop, at, prometheus_write, c->context, &c->metrics) : 0;

	if (r < 0)
		log_event(NULL, EV_METRICS_FAILED, "listen=\"%s\" error=\"%s\"", at, strerror(-r));
	return r;
}

static int start_workers(struct control *c)
{
	unsigned n = c->context->n_sites;

	c->departures = calloc(n, sizeof(*c->departures));
	if (!c->departures)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		struct departure *d = &c->departures[i];
		int r;

		*d = (struct departure){{.deliver = deliver_departure}, c};
		r = worker_start(worker_at(c->workers, i), &d->letter);
		c->n_running += !r;
		if (r < 0) {
			log_event(NULL, EV_OUT_OF_MEMORY, "what=\"worker thread\" error=\"%s\"",
				strerror(-r));
			return r;
		}
	}
	return 0;
}

/* The last step before the server accepts connections. */
static void enter_sandbox(const struct context *s)
{
	struct os_failure why = {0};
	int how = s->config->server.sandbox;

	if (how != CONFIG_SANDBOX_OFF && seccomp_enter(how == CONFIG_SANDBOX_LOG, &why) < 0)
		log_event(NULL, why.event, "%s", why.text);
}

static void announce(const struct context *s)
{
	char pool[PREFIX_TEXT_LEN];

	log_event(NULL, EV_SERVER_READY,
		"listen=%s workers=%u pool=%s steering=%s offload=\"%s\" pin=%s", s->ready_on,
		s->n_sites, prefix_format(&s->pool, pool), s->steering ? "bpf" : "ring",
		tun_offload_text(s->tun), s->snapshot->pin);
	text_fprintf(stdout, "culvert: ready on %s\n", s->ready_on);
	fflush(stdout);
	notify_ready(s->ready_on);
}

int control_run(struct control *c)
{
	struct context *s = c->context;
	int r;

	init_handles(c);
	r = open_control(c);
	if (!r)
		r = open_metrics(c);
	if (!r)
		r = dynauth_open(s, &c->loop, &c->stopping, &c->dynauth);
	if (!r)
		r = start_workers(c);
	if (!r)
		r = watchdog_start(&c->watchdog, &c->loop, s);
	if (!r) {
		begin(c);
		enter_sandbox(s);
		announce(s);
	} else {
		ask_workers_to_stop(c);
		join_workers(c);
		close_all(c);
	}
	uv_run(&c->loop, UV_RUN_DEFAULT);
	event_feed_end();
	dynauth_free(c->dynauth);
	metrics_free(c->metrics);
	watchdog_done(&c->watchdog);
	uv_loop_close(&c->loop);
	return r ? layer_exit_code(LAYER_LOCAL) : 0;
}

void control_done(struct control *c)
{
	free(c->departures);
	admin_free(c->admin); /* last: other threads asked it whether events are followed */
}
