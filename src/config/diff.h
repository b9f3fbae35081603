// SPDX-License-Identifier: Apache-2.0
/*
 * config/diff.h — two configurations side by side: what a reload changes.
 */
#pragma once
#include "config/config.h"

/* Calls `each` (may be NULL) for every option that differs; returns how many, or -ENOMEM. */
int config_diff(const struct config *from, const struct config *to,
	void (*each)(const struct config_option *o, const char *from, const char *to, void *arg),
	void *arg);
/* Copies the running values of all options that need a restart to `next`, which is not shared yet. */
int config_keep_started(struct config *next, const struct config *running);
