// SPDX-License-Identifier: Apache-2.0
/*
 * admin/metrics.h — answers `GET /metrics` with a text that its owner makes (Prometheus' exposition
 * format 0.0.4), on a TCP address or a unix socket. Meant for a local address: there is no login.
 *
 * Threads: the loop's.
 */
#pragma once
#include <stdio.h>
#include <uv.h>

struct metrics;

typedef void metrics_writer(void *arg, FILE *out);

/* `at`: "127.0.0.1:9443", "[::1]:9443", or the path of a unix socket. Negative errno. */
int metrics_new(
	uv_loop_t *loop, const char *at, metrics_writer *writer, void *arg, struct metrics **ret);
void metrics_close(struct metrics *m); /* NULL is fine; then run the loop dry */
void metrics_free(struct metrics *m);
