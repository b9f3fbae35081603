// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/filters.h — the filters that the configuration names (policy.filters), compiled.
 *
 *     filters = "office: allow tcp 10.9.0.0/16 port 443; allow icmp 10.9.0.0/16"
 *
 * Ownership: a snapshot's; sessions hold references to single filters. Nothing changes after it was made.
 */
#pragma once
#include <stddef.h>

#include "base/auto.h"
#include "ip/filter.h"

struct config;
struct filters;

#define FILTERS_WHY_LEN (FILTER_WHY_LEN + 80)

/* -EINVAL: `why` names the filter, and what is wrong. -ENOMEM. */
int filters_new(const struct config *cfg, struct filters **ret, char why[static FILTERS_WHY_LEN]);
void filters_free(struct filters *f); /* NULL is fine */
DEFINE_AUTO(filters, struct filters *, filters_free)
/* NULL: there is none of that name. */
struct filter *filters_find(const struct filters *f, const char *name);
