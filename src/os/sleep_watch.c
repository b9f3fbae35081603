// SPDX-License-Identifier: Apache-2.0
#include "os/sleep_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-bus.h>
#endif

#define BUS_ROUNDS_MAX 64 /* messages of the bus in one turn */

struct sleep_watch {
	int epoll, timer;
	uint64_t ahead_ms;
	bool logind_says; /* PrepareForSleep(false): it is awake again */
#ifdef HAVE_SYSTEMD
	sd_bus *bus;
#endif
};

/* ---- the clocks ---------------------------------------------------------- */

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The two are not read at one moment: some milliseconds to either side say nothing. */
static uint64_t ahead_ms(void)
{
	uint64_t boot = clock_ms(CLOCK_BOOTTIME), mono = clock_ms(CLOCK_MONOTONIC);

	return boot > mono ? boot - mono : 0;
}

bool sleep_is_sleep(uint64_t *last_ms, uint64_t now_ahead_ms)
{
	bool slept = now_ahead_ms >= *last_ms + SLEEP_LEAST_MS;

	if (slept || now_ahead_ms < *last_ms)
		*last_ms = now_ahead_ms;
	return slept;
}

/* A time that does not come, so that only a clock that is set ends the wait (TFD_TIMER_CANCEL_ON_SET). */
static void arm(const struct sleep_watch *w)
{
	struct itimerspec never = {.it_value.tv_sec = (time_t)(LLONG_MAX / 1000000000)};

	timerfd_settime(w->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void drain_timer(const struct sleep_watch *w)
{
	uint64_t n;

	if (read(w->timer, &n, sizeof(n)) < 0 && errno == ECANCELED)
		arm(w);
}

/* ---- logind ---------------------------------------------------------- */

#ifdef HAVE_SYSTEMD
static int on_prepare(sd_bus_message *m, void *arg, UNUSED sd_bus_error *error)
{
	struct sleep_watch *w = arg;
	int begins = 1;

	if (sd_bus_message_read(m, "b", &begins) >= 0 && !begins)
		w->logind_says = true;
	return 0;
}

static void watch_bus(const struct sleep_watch *w, int operation)
{
	int events = sd_bus_get_events(w->bus);
	struct epoll_event ev = {.events = events > 0 ? (uint32_t)events : EPOLLIN};

	epoll_ctl(w->epoll, operation, sd_bus_get_fd(w->bus), &ev);
}

static void close_bus(struct sleep_watch *w)
{
	if (w->bus)
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, sd_bus_get_fd(w->bus), NULL);
	sd_bus_close(w->bus);
	w->bus = sd_bus_unref(w->bus);
}

static void drain_bus(struct sleep_watch *w)
{
	int r = 1;

	for (int i = 0; w->bus && r > 0 && i < BUS_ROUNDS_MAX; i++)
		r = sd_bus_process(w->bus, NULL);
	if (r < 0) /* the bus has gone; the clocks go on */
		close_bus(w);
	else if (w->bus)
		watch_bus(w, EPOLL_CTL_MOD);
}

static void open_bus(struct sleep_watch *w)
{
	if (sd_bus_open_system(&w->bus) < 0)
		return;
	if (sd_bus_match_signal_async(w->bus, NULL, "org.freedesktop.login1",
		    "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "PrepareForSleep",
		    on_prepare, NULL, w) < 0) {
		w->bus = sd_bus_unref(w->bus);
		return;
	}
	watch_bus(w, EPOLL_CTL_ADD);
	drain_bus(w);
}
#else
static void close_bus(UNUSED struct sleep_watch *w)
{
}

static void drain_bus(UNUSED struct sleep_watch *w)
{
}

static void open_bus(UNUSED struct sleep_watch *w)
{
}
#endif

/* ---- together ---------------------------------------------------------- */

int sleep_watch_new(struct sleep_watch **ret)
{
	AUTO(sleep_watch) struct sleep_watch *w = calloc(1, sizeof(*w));
	struct epoll_event ev = {.events = EPOLLIN};

	if (!w)
		return -ENOMEM;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (w->epoll < 0 || w->timer < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->timer, &ev) < 0)
		return -errno;
	w->ahead_ms = ahead_ms();
	arm(w);
	open_bus(w);
	*ret = TAKE(w);
	return 0;
}

void sleep_watch_free(struct sleep_watch *w)
{
	if (!w)
		return;
	close_bus(w);
	if (w->timer >= 0)
		close(w->timer);
	if (w->epoll >= 0)
		close(w->epoll);
	free(w);
}

int sleep_watch_fd(const struct sleep_watch *w)
{
	return w->epoll;
}

bool sleep_watch_woke(struct sleep_watch *w)
{
	bool slept;

	drain_timer(w);
	drain_bus(w);
	slept = sleep_is_sleep(&w->ahead_ms, ahead_ms()) || w->logind_says;
	w->logind_says = false;
	return slept;
}
