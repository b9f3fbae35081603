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
#include "server/control/prometheus.h"
#include "server/host/uplink.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/worker/worker.h"

#define HOUR_MS (3600 * 1000)

/* ---- the end --------------------------------------------------------------------------------- */

static void close_all(struct governor *g)
{
	control_close(g->control);
	metrics_close(g->metrics);
	drain_close(&g->drain);
	watch_close(&g->watch);
	uv_close((uv_handle_t *)&g->sigterm, NULL);
	uv_close((uv_handle_t *)&g->sigint, NULL);
	uv_close((uv_handle_t *)&g->sigquit, NULL);
	uv_close((uv_handle_t *)&g->sighup, NULL);
	uv_close((uv_handle_t *)&g->hourly, NULL);
	uv_close((uv_handle_t *)&g->ipv6_timer, NULL);
	uv_close((uv_handle_t *)&g->mailbox_poll, NULL);
}

static void stop_workers(struct server *s)
{
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_ask_to_stop(&s->workers[i]);
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_join(&s->workers[i]);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct governor *g = handle->data;

	if (g->stopping)
		return;
	g->stopping = true;
	log_event(NULL, EV_SERVER_STOPPING, "signal=%d sessions=%u", signum,
		server_sessions(g->server));
	notify_stopping("sessions are being told");
	atomic_store_explicit(&g->server->draining, true, memory_order_relaxed);
	stop_workers(g->server);
	watchdog_stop(&g->watchdog);
	mailbox_deliver(&g->server->control_mailbox); /* answers that were owed */
	close_all(g);
}

/* ---- what happens by itself ------------------------------------------------------------------ */

static void on_hangup(uv_signal_t *handle, int signum)
{
	json_t *result = NULL;
	char why[700];

	(void)signum;
	if (!governor_reload(handle->data, false, &result, why, sizeof(why)))
		json_decref(result);
}

static void on_files(void *arg)
{
	governor_reload_certificates(arg);
}

static void on_hour(uv_timer_t *t)
{
	struct governor *g = t->data;

	certificates_warn(g->server->live->config, &g->terms, clock_wall_s());
}

static void on_ipv6_timer(uv_timer_t *timer)
{
	AUTO(netlink) struct netlink *nl = NULL;

	if (netlink_new(&nl, NULL) == 0)
		ipv6_check(((struct governor *)timer->data)->server, nl);
}

static void on_mailbox(uv_poll_t *poll, int status, int events)
{
	struct governor *g = poll->data;

	(void)status;
	(void)events;
	mailbox_deliver(&g->server->control_mailbox);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static void init_handles(struct governor *g)
{
	uv_loop_init(&g->loop);
	uv_signal_init(&g->loop, &g->sigterm);
	uv_signal_init(&g->loop, &g->sigint);
	uv_signal_init(&g->loop, &g->sigquit);
	uv_signal_init(&g->loop, &g->sighup);
	uv_timer_init(&g->loop, &g->hourly);
	uv_poll_init(&g->loop, &g->mailbox_poll, g->server->control_mailbox.fd);
	g->sigterm.data = g->sigint.data = g->sigquit.data = g->sighup.data = g->hourly.data = g;
	g->mailbox_poll.data = g;
	uv_timer_init(&g->loop, &g->ipv6_timer);
	g->ipv6_timer.data = g;
	drain_init(&g->drain, g->server, &g->loop);
	watch_init(&g->watch, &g->loop, on_files, g);
}

static void begin(struct governor *g)
{
	uv_signal_start(&g->sigterm, on_signal, SIGTERM);
	uv_signal_start(&g->sigint, on_signal, SIGINT);
	uv_signal_start(&g->sigquit, on_signal, SIGQUIT); /* ^\ at a terminal */
	uv_signal_start(&g->sighup, on_hangup, SIGHUP);
	uv_timer_start(&g->hourly, on_hour, 0, HOUR_MS);
	uv_timer_start(&g->ipv6_timer, on_ipv6_timer, IPV6_CHECK_MS, IPV6_CHECK_MS);
	uv_poll_start(&g->mailbox_poll, UV_READABLE, on_mailbox);
	watch_files(&g->watch, g->server->live->config);
	follow_begin(g);
}

static int open_control(struct governor *g)
{
	char path[512];
	int r;

	snprintf(path, sizeof(path), "%s/%s", g->server->config->server.state, CONTROL_SOCKET);
	r = control_new(&g->loop, path, governor_command, g, &g->control);
	if (r == -EADDRINUSE)
		log_event(NULL, EV_SERVER_ALREADY_RUNNING, "socket=%s", path);
	else if (r < 0)
		log_event(NULL, EV_CONTROL_FAILED, "socket=%s error=\"%s\"", path, strerror(-r));
	return r;
}

static int open_metrics(struct governor *g)
{
	const char *at = g->server->config->metrics.listen;
	int r = *at ? metrics_new(&g->loop, at, exposition_write, g->server, &g->metrics) : 0;

	if (r < 0)
		log_event(NULL, EV_METRICS_FAILED, "listen=\"%s\" error=\"%s\"", at, strerror(-r));
	return r;
}

static int start_workers(struct server *s)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		int r = worker_start(&s->workers[i]);

		if (r < 0) {
			log_event(NULL, EV_OUT_OF_MEMORY, "what=\"worker thread\" error=\"%s\"",
				strerror(-r));
			return r;
		}
	}
	return 0;
}

/* The last step before it is told that strangers may come. */
static void enter_sandbox(const struct server *s)
{
	struct os_failure why = {0};
	int how = s->config->server.sandbox;

	if (how != CONFIG_SANDBOX_OFF && seccomp_enter(how == CONFIG_SANDBOX_LOG, &why) < 0)
		log_event(NULL, why.event, "%s", why.text);
}

static void announce(const struct server *s)
{
	char pool[PREFIX_TEXT_LEN];

	log_event(NULL, EV_SERVER_READY,
		"listen=%s workers=%u pool=%s steering=%s offload=\"%s\" pin=%s", s->ready_on,
		s->n_workers, prefix_format(&s->pool, pool), s->steering ? "bpf" : "ring",
		tun_offload_text(s->tun), s->live->pin);
	text_fprintf(stdout, "culvert: ready on %s\n", s->ready_on);
	fflush(stdout);
	notify_ready(s->ready_on);
}

int governor_run(struct governor *g)
{
	struct server *s = g->server;
	int r;

	init_handles(g);
	r = open_control(g);
	if (!r)
		r = open_metrics(g);
	if (!r)
		r = start_workers(s);
	if (!r)
		r = watchdog_start(&g->watchdog, &g->loop, s);
	if (!r) {
		begin(g);
		enter_sandbox(s);
		announce(s);
	} else {
		stop_workers(s);
		close_all(g);
	}
	uv_run(&g->loop, UV_RUN_DEFAULT);
	follow_end();
	metrics_free(g->metrics);
	watchdog_done(&g->watchdog);
	uv_loop_close(&g->loop);
	return r ? layer_exit_code(LAYER_LOCAL) : 0;
}
