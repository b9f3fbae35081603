// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a grant's rates and filters go to the data path (datapath/allowance.h). A session without any has
 * no allowance. A filter that the configuration does not have lets nothing pass: what it would have limited
 * is not known.
 */
#include "base/clock.h"
#include "datapath/allowance.h"
#include "server/core/filters.h"
#include "server/core/snapshot.h"
#include "server/session/private.h"

/* False: one of the names is not in the configuration. */
static bool find_filters(
	const struct session *s, const struct grant_names *names, struct filter_chain *ret)
{
	_Static_assert(GRANT_NAMES_MAX <= FILTER_CHAIN_MAX, "each name has a place");
	*ret = (struct filter_chain){0};
	for (size_t i = 0; i < names->n; i++) {
		struct filter *f = filters_find(s->site->snapshot->filters, names->item[i]);

		if (!f) {
			log_event(&s->scope, EV_POLICY_NO_FILTER, "user=\"%s\" filter=%s", s->user,
				names->item[i]);
			ret->n = 0;
			return false;
		}
		ret->item[ret->n++] = f;
	}
	return true;
}

static bool has_limits(const struct session *s)
{
	const struct grant_values *v = s->grant ? &s->grant->is : NULL;

	return v && (v->rate_down.value || v->rate_up.value || v->filter.n);
}

void session_apply_grant(struct session *s)
{
	struct filter_chain chain = {0};
	const struct grant_values *v;

	if (!s->allowance &&
		(!has_limits(s) || allowance_new(s->site->port.seed, &s->allowance) < 0)) {
		if (has_limits(s))
			session_end(s, EV_OUT_OF_MEMORY);
		return;
	}
	v = s->grant ? &s->grant->is : &(const struct grant_values){0};
	allowance_set_rates(s->allowance, v->rate_down.value, v->rate_up.value, clock_mono_us());
	if (v->filter.n)
		find_filters(s, &v->filter, &chain);
	allowance_set_filter(s->allowance, v->filter.n ? &chain : NULL);
	s->link.allowance = allowance_is_empty(s->allowance) ? NULL : s->allowance;
}

void session_renew_all(struct site *site)
{
	struct session *next;

	for (struct session *s = site->sessions; s; s = next) {
		next = s->next;
		if (!s->grant || s->leaving)
			continue;
		onlink_changed(s);
		if (s->allowance || has_limits(s))
			session_apply_grant(s);
	}
	port_flush(&site->port);
}
