// SPDX-License-Identifier: Apache-2.0
#include "client/watch.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/auto.h"
#include "os/route_watch.h"
#include "os/sleep_watch.h"

/*
 * What ends a process unless it is caught, and is not a fault in it: a closed terminal (HUP), ^\,
 * a script's `kill -USR1`. Each would leave resolv.conf and routes as the tunnel needed them.
 */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
	SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT};

static void on_signal(uv_signal_t *handle, UNUSED int signum)
{
	struct client_watch *w = handle->data;

	w->ops->stop(w->arg);
}

/* nohup(1) ignores SIGHUP for us, a script's shell SIGQUIT of what it starts with &: these stay ignored. */
static bool is_ignored(int signum)
{
	struct sigaction now;

	return signum != SIGINT && signum != SIGTERM && !sigaction(signum, NULL, &now) &&
	       now.sa_handler == SIG_IGN;
}

static void watch_signals(struct client_watch *w, uv_loop_t *loop)
{
	_Static_assert(
		ARRAY_SIZE(ending) <= ARRAY_SIZE(((struct client_watch *)0)->signals), "room");

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
		uv_signal_t *handle = &w->signals[w->n_signals];

		if (is_ignored(ending[i]))
			continue;
		uv_signal_init(loop, handle);
		handle->data = w;
		uv_signal_start(handle, on_signal, ending[i]);
		w->n_signals++;
	}
}

static void hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaddset(&set, ending[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void on_links(uv_poll_t *poll, UNUSED int status, UNUSED int events)
{
	struct client_watch *w = poll->data;

	if (route_watch_drain(w->links_fd))
		w->ops->links_changed(w->arg);
}

static void on_sleep(uv_poll_t *poll, UNUSED int status, UNUSED int events)
{
	struct client_watch *w = poll->data;

	if (sleep_watch_woke(w->sleeper))
		w->ops->woke(w->arg);
}

static void watch(
	struct client_watch *w, uv_loop_t *loop, uv_poll_t *poll, int fd, uv_poll_cb callback)
{
	poll->data = w;
	uv_poll_init(loop, poll, fd);
	uv_poll_start(poll, UV_READABLE, callback);
}

void client_watch_start(
	struct client_watch *w, uv_loop_t *loop, const struct client_watch_ops *ops, void *arg)
{
	*w = (struct client_watch){.ops = ops, .arg = arg, .links_fd = route_watch_open()};
	watch_signals(w, loop);
	if (w->links_fd >= 0)
		watch(w, loop, &w->links, w->links_fd, on_links);
	if (!sleep_watch_new(&w->sleeper))
		watch(w, loop, &w->sleep, sleep_watch_fd(w->sleeper), on_sleep);
}

void client_watch_stop(struct client_watch *w)
{
	hold_signals(); /* a second one must not end us half-way through undoing */
	for (unsigned i = 0; i < w->n_signals; i++)
		uv_close((uv_handle_t *)&w->signals[i], NULL);
	if (w->links_fd >= 0)
		uv_close((uv_handle_t *)&w->links, NULL);
	if (w->sleeper)
		uv_close((uv_handle_t *)&w->sleep, NULL);
}

void client_watch_done(struct client_watch *w)
{
	if (w->links_fd >= 0)
		close(w->links_fd);
	w->links_fd = -1;
	sleep_watch_free(w->sleeper);
	w->sleeper = NULL;
}
