// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/prometheus.h — what GET /metrics answers: the workers' counters, no user names.
 *
 * Threads: the control thread; reads only what workers publish.
 */
#pragma once
#include <stdio.h>

/* `server` is a struct context, so that this can be a metrics_writer. */
void prometheus_write(void *server, FILE *out);
