// SPDX-License-Identifier: Apache-2.0
#include "aaa/policy.h"

int policy_grant(const struct grant *defaults, const struct grant_values *user, struct grant **ret)
{
	struct grant_values values = defaults ? defaults->is : (struct grant_values){0};

	grant_merge(&values, user);
	return grant_new(&values, ret);
}
