// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a session keeps the grant of its login and reads it where a value takes effect: where its
 * address comes from, how many sessions its user may have, what IPCP gives to the client. limits.c has
 * what ends it. A change (regrants.c) replaces the grant whole; what takes effect now (grant.def) is
 * looked at again at once.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "server/core/limits.h"
#include "server/session/private.h"

static void log_grant(const struct session *s)
{
	char text[GRANT_TEXT_LEN];

	if (log_level_now() == LOG_LEVEL_DEBUG)
		log_event(&s->scope, EV_SESSION_STEP, "step=grant %s",
			grant_format(&s->grant->is, text));
}

void session_take_grant(struct session *s, struct grant *grant)
{
	struct grant *before = s->grant;

	s->grant = grant ? grant_ref(grant) : NULL;
	grant_unref(before);
	limits_take(s);
	if (!s->grant)
		return;
	log_grant(s);
	session_apply_grant(s);
	if (s->up4 || s->up6)
		networks_settle(s);
	if (onlink_changed(s))
		port_flush(&s->site->port);
}

/* ---- addresses --------------------------------------------------------- */

int session_check_address(const struct session *s)
{
	const struct context *c = s->site->context;
	struct pools pools = {.ordinary = c->pool, .n_named = c->n_pools};
	char why[RANGES_TEXT_LEN];

	memcpy(pools.named, c->pools, sizeof(pools.named));
	return ranges_check_static(&s->grant->is.address.value, &pools, &c->host, why);
}

struct prefix session_pool(const struct session *s)
{
	const struct context *c = s->site->context;
	const char *name = s->grant->is.pool.value;

	for (size_t i = 0; i < c->n_pools && *name; i++)
		if (!strcmp(c->pools[i].name, name))
			return c->pools[i].prefix;
	if (*name)
		log_event(&s->scope, EV_LEASE_NO_POOL, "user=\"%s\" pool=\"%s\"", s->user, name);
	return c->pool;
}

static void copy_servers(struct addr to[static PPP_NAME_SERVERS], const struct grant_addrs *from)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n && n < PPP_NAME_SERVERS; i++)
		if (from->item[i].family == AF_INET)
			to[n++] = from->item[i];
}

void session_fill_addresses(struct session *s, const struct addr *peer)
{
	const struct ppp_addresses *own = &s->site->context->addresses;
	struct ppp_addresses *a = &s->addresses;

	*a = (struct ppp_addresses){
		.local = own->local, .peer = *peer, .ipv6 = s->grant->is.ipv6.value};
	memcpy(a->local_ifid, own->local_ifid, sizeof(a->local_ifid));
	copy_servers(a->dns, &s->grant->is.dns);
	copy_servers(a->nbns, &s->grant->is.nbns);
}

/* ---- sessions at once -------------------------------------------------- */

/* 0 (auto): a user cannot use up the pool. */
unsigned session_most_of_user(const struct session *s, const struct prefix *pool)
{
	unsigned granted = s->grant->is.sessions.value;
	uint64_t half = ((UINT64_C(1) << (32 - pool->len)) - 3) / 2;

	if (granted)
		return granted;
	return half < 1 ? 1 : half < USER_SESSIONS_AUTO ? (unsigned)half : USER_SESSIONS_AUTO;
}

/* ---- the user's date --------------------------------------------------- */

/* Without memory the session keeps the date that it has: the next login sees the new one. */
void session_set_expiry(struct session *s, int64_t expires_at)
{
	AUTO(grant) struct grant *changed = NULL;
	struct grant_values values;

	if (!s->grant)
		return; /* it logs in later, and reads the date then */
	values = s->grant->is;
	values.expires = (struct grant_date){GRANT_USER, expires_at};
	if (grant_new(&values, &changed) < 0)
		return;
	session_take_grant(s, changed);
	limits_enforce(s);
}

void session_change(struct session *s, const struct grant_values *values)
{
	AUTO(grant) struct grant *changed = NULL;
	struct grant_values next;

	if (!s->grant)
		return;
	next = s->grant->is;
	if (values->filter.origin)
		next.filter = (struct grant_names){0};
	grant_merge(&next, values);
	if (grant_new(&next, &changed) < 0)
		return;
	session_take_grant(s, changed);
	limits_enforce(s);
}
