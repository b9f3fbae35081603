// SPDX-License-Identifier: Apache-2.0
#include "aaa/policy.h"

#include <time.h>

#include "aaa/method.h"

int policy_grant(struct grant *defaults, const struct grant_values *user, struct grant **ret)
{
	struct grant_values values;

	if (defaults && grant_is_empty(user)) {
		*ret = grant_ref(defaults);
		return 0;
	}
	values = defaults ? defaults->is : (struct grant_values){0};

	grant_merge(&values, user);
	return grant_new(&values, ret);
}

/* What begins on one day and ends after midnight counts for the day on which it begins. */
static bool covers(const struct grant_hours_item *h, int day, int minute)
{
	bool today = h->days >> day & 1, yesterday = h->days >> (day + 6) % 7 & 1;

	if (h->from < h->to)
		return today && minute >= h->from && minute < h->to;
	return (today && minute >= h->from) || (yesterday && minute < h->to);
}

bool policy_within_hours(const struct grant_hours *hours, int64_t now_s)
{
	time_t t = now_s;
	struct tm tm;

	if (!hours->n)
		return true;
	if (!localtime_r(&t, &tm))
		return false;
	for (size_t i = 0; i < hours->n; i++)
		if (covers(&hours->item[i], tm.tm_wday, tm.tm_hour * 60 + tm.tm_min))
			return true;
	return false;
}

bool policy_needs_code(const struct grant_values *values, bool enrolled, bool by_certificate)
{
	if (!values->totp.origin)
		return enrolled;
	switch (values->totp.value) {
	case GRANT_TOTP_OFF: return false;
	case GRANT_TOTP_REQUIRED: return true;
	case GRANT_TOTP_NOT_WITH_CERTIFICATE: return !by_certificate;
	} /* no default */
	return true;
}

static bool is_password_old(const struct grant_values *v, const struct policy_case *c)
{
	int64_t at = v->password_expires.value;

	return v->must_change.value || (at && at <= c->now_s && c->password_at < at);
}

/*
 * The method comes first: a login by a method that the user may not use learns nothing but that it
 * failed.
 */
enum event policy_check(const struct grant_values *v, const struct policy_case *c)
{
	if (v->methods.origin && !method_allowed(v->methods.mask, c->method))
		return EV_AUTH_METHOD_NOT_ALLOWED;
	if (v->disabled.value)
		return EV_AUTH_USER_DISABLED;
	if (v->expires.value && v->expires.value <= c->now_s)
		return EV_AUTH_USER_EXPIRED;
	if (!policy_within_hours(&v->hours, c->now_s))
		return EV_AUTH_OUTSIDE_HOURS;
	if (c->has_password && is_password_old(v, c))
		return EV_AUTH_PASSWORD_OLD;
	return EV_AUTH_ACCEPTED;
}
