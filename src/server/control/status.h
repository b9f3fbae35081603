// SPDX-License-Identifier: Apache-2.0
/* server/control/status.h — what `culvert status` shows. Control thread; reads only what workers
 * publish. */
#pragma once
#include <jansson.h>

struct context;

json_t *status_json(const struct context *s);
