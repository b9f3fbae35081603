// SPDX-License-Identifier: Apache-2.0
/*
 * os/sleep_watch.h — notices that this machine has slept (suspend, hibernation).
 *
 * Two signs: CLOCK_BOOTTIME, which counts the sleep, has moved ahead of CLOCK_MONOTONIC, which does not;
 * and logind's signal PrepareForSleep, where libsystemd and a system bus are there. The kernel wakes the
 * descriptor when the clock was set, which a resume does too, so no timer runs.
 *
 * Threads: one.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"

#define SLEEP_LEAST_MS 1000 /* a shorter sleep breaks nothing */

struct sleep_watch;

/* Negative errno. Without a bus the clocks alone are watched. */
int sleep_watch_new(struct sleep_watch **ret);
void sleep_watch_free(struct sleep_watch *w); /* NULL is fine */
DEFINE_AUTO(sleep_watch, struct sleep_watch *, sleep_watch_free)
/* To be polled for reading. */
int sleep_watch_fd(const struct sleep_watch *w);
/* Takes what waits. True: the machine has slept since the last call. */
bool sleep_watch_woke(struct sleep_watch *w);

/* The same for a clock that a test moves: `ahead_ms` of BOOTTIME before MONOTONIC, now and last time. */
bool sleep_is_sleep(uint64_t *last_ms, uint64_t ahead_ms);
