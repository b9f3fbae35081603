// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: DHCPv6 on a session's link (RFC 8415). A host that asks for name servers is answered at once. A
 * router asks for a prefix: that of its user's grant, or one of tunnel.delegate, which the store keeps for
 * the user. The first message asks the store; the answer goes out when the store has answered, and later
 * messages are answered from what the session has. A prefix is routed once the client has asked for it by
 * Request (or Rapid Commit), until it is released or the session ends.
 *
 * One prefix a session: the client's identifiers (DUID, IAID) name nothing here, the link does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "ip/dhcpv6.h"
#include "server/core/snapshot.h"
#include "server/session/private.h"

#define AGAIN_MS 5000 /* none was left, or the store is busy: not asked again before that */

struct session_delegation {
	struct store_lease lease;
	struct site *site;
	struct session *session; /* NULL: it ended meanwhile */
	uint64_t id;             /* the session's, also when it is gone */
	bool asked;              /* the store: a letter will come */
	bool leased;             /* the prefix goes back to the store */
	struct prefix prefix;    /* AF_UNSPEC: none */
	uint64_t again_ms;
	bool waits; /* the request below is answered when the store has answered */
	struct dhcpv6_request request;
	delegation_reply *reply;
};

/* ---- answers ----------------------------------------------------------------------- */

/* The client holds it from this answer on. */
static bool binds(const struct dhcpv6_request *req)
{
	return req->message == DHCPV6_REQUEST || req->message == DHCPV6_RENEW ||
	       req->message == DHCPV6_REBIND ||
	       (req->message == DHCPV6_SOLICIT && req->rapid_commit);
}

static void route(struct session *s, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_LEN];

	if (s->delegated.addr.family == prefix->addr.family && s->delegated.len == prefix->len &&
		!memcmp(s->delegated.addr.octets, prefix->addr.octets, 16))
		return;
	s->delegated = *prefix;
	networks_settle(s);
	if (prefix->addr.family && networks_holds(s, prefix))
		log_event(&s->scope, EV_PREFIX_DELEGATED, "user=\"%s\" prefix=%s", s->user,
			prefix_format(prefix, text));
}

/* A prefix that another session of the user has is not this client's. */
static void answer(struct session *s, const struct dhcpv6_request *req, const struct prefix *prefix,
	delegation_reply *reply)
{
	static const struct prefix none;
	bool has = prefix->addr.family;

	if (has && binds(req)) {
		route(s, prefix);
		has = networks_holds(s, prefix);
	}
	reply(s, req, has ? prefix : &none);
}

/* ---- the store -------------------------------------------------------------------------- */

static void give_back(struct session_delegation *d)
{
	if (d->leased && d->site->context->store)
		store_lease_release(d->site->context->store, &d->prefix.addr, d->id);
	d->leased = false;
}

static void on_lease(struct store_lease *lease)
{
	struct session_delegation *d = container_of(lease, struct session_delegation, lease);
	struct session *s = d->session;

	d->asked = false;
	d->leased = !lease->result;
	if (!lease->result)
		d->prefix = (struct prefix){lease->address, d->site->context->delegate_len};
	if (!s) {
		give_back(d);
		free(d);
		return;
	}
	d->again_ms = clock_mono_ms() + AGAIN_MS;
	if (lease->result)
		log_event(&s->scope,
			lease->result == -EADDRNOTAVAIL ? EV_PREFIX_NONE_LEFT : lease->outcome,
			"user=\"%s\"", s->user);
	if (d->waits)
		answer(s, &d->request, &d->prefix, d->reply);
	d->waits = false;
	link_kick(&s->link);
}

static void ask_store(struct session *s, struct session_delegation *d)
{
	struct context *c = s->site->context;

	d->lease = (struct store_lease){
		.request = {.user_id = s->user_id,
			.session = d->id,
			.pool = c->delegate,
			.keep_s = (int64_t)s->site->snapshot->config->tunnel.lease_time_ms / 1000,
			.each_len = c->delegate_len},
		.reply_to = &s->site->mailbox,
		.done = on_lease};
	d->asked = store_lease_take(c->store, &d->lease) == 0;
	if (!d->asked)
		d->again_ms = clock_mono_ms() + AGAIN_MS; /* the client repeats itself */
}

static struct session_delegation *get(struct session *s)
{
	if (!s->delegation && (s->delegation = calloc(1, sizeof(*s->delegation)))) {
		s->delegation->site = s->site;
		s->delegation->session = s;
		s->delegation->id = s->scope.session;
	}
	return s->delegation;
}

static void from_the_pool(
	struct session *s, const struct dhcpv6_request *req, delegation_reply *reply)
{
	struct session_delegation *d = get(s);

	if (!d)
		return; /* the client repeats itself */
	if (!d->prefix.addr.family && !d->asked && clock_mono_ms() >= d->again_ms) {
		d->request = *req;
		d->reply = reply;
		d->waits = true;
		ask_store(s, d);
	} else if (d->asked) {
		d->request = *req; /* the newest */
	} else {
		answer(s, req, &d->prefix, reply);
	}
}

/* ---- messages ------------------------------------------------------------------------- */

void delegation_answer(struct session *s, const struct dhcpv6_request *req, delegation_reply *reply)
{
	const struct context *c = s->site->context;
	static const struct prefix none;

	if (req->message == DHCPV6_RELEASE)
		route(s, &none);
	if (!dhcpv6_delegation(req) || !s->grant || req->message == DHCPV6_RELEASE)
		reply(s, req, &none);
	else if (s->grant->is.prefix.origin)
		answer(s, req, &s->grant->is.prefix.value, reply);
	else if (c->delegate.addr.family)
		from_the_pool(s, req, reply);
	else
		reply(s, req, &none);
}

void delegation_end(struct session *s)
{
	struct session_delegation *d = s->delegation;

	s->delegation = NULL;
	if (!d)
		return;
	d->session = NULL;
	if (d->asked)
		return; /* on_lease() frees it */
	give_back(d);
	free(d);
}
