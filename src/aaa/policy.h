// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/policy.h — which source's value counts (the user's over the groups' over the configuration's), and
 * whether what counts lets a login in. Pure.
 *
 * Groups have an order; the first one that sets a value wins. Lists that add up (filter) begin with the
 * user's own items.
 */
#pragma once
#include "aaa/grant.h"
#include "events/event.h"

/*
 * `defaults`: what the configuration grants to every user; NULL: nothing. A user of whom nothing is
 * set shares it. -ENOMEM.
 */
int policy_grant(struct grant *defaults, const struct grant_values *user, struct grant **ret);

/* Does this login need a one-time code? `enrolled`: the user has a seed. */
bool policy_needs_code(const struct grant_values *values, bool enrolled, bool by_certificate);

struct policy_case {
	const char *method;  /* as the log names it: "mschapv2", "eap-tls" */
	bool has_password;   /* a login by this method shows that the peer knows the password */
	int64_t password_at; /* when it was set; seconds since 1970 */
	int64_t now_s;
};

/* After the proof was found right: EV_AUTH_ACCEPTED, or why the user stays outside. */
enum event policy_check(const struct grant_values *values, const struct policy_case *c);
/* May the user be connected at this hour? Local time. */
bool policy_within_hours(const struct grant_hours *hours, int64_t now_s);
