// SPDX-License-Identifier: Apache-2.0
/* aaa/policy.h — which source's value counts: the user's over the configuration's. Pure. */
#pragma once
#include "aaa/grant.h"

/* `defaults`: what the configuration grants to every user; NULL: nothing. -ENOMEM. */
int policy_grant(const struct grant *defaults, const struct grant_values *user, struct grant **ret);
