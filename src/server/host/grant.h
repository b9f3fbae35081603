// SPDX-License-Identifier: Apache-2.0
/*
 * server/host/grant.h — what the configuration grants to every user. cli/ may include this header.
 */
#pragma once
#include <stdbool.h>

#include "aaa/grant.h"

struct config;

/* False: tunnel.dns is auto, and this host has no name server that clients could use. */
bool host_default_values(const struct config *cfg, struct grant_values *ret);
/* The same as a grant; logs that there is no name server. -ENOMEM. */
int host_default_grant(const struct config *cfg, struct grant **ret);
