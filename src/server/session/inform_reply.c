// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a client that has its address by IPCP asks by DHCPINFORM for the rest: routes, name servers,
 * domains (RFC 2131 section 4.3.5). Windows does so on every VPN link, and without "use default gateway on
 * remote network" it reaches only what the answer names. The request is taken out of the data path, so no
 * socket listens on port 67, and each session is answered with what its own user may know.
 *
 * A request that is not of the session's own address is counted and ignored. A session has a few answers a
 * second: a flood costs it its own.
 */
#include <errno.h>

#include "aaa/offer.h"
#include "base/clock.h"
#include "base/hot.h"
#include "config/config.h"
#include "ip/dhcp.h"
#include "server/core/inform.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"
#include "server/session/private.h"

static bool may_answer(struct session *s)
{
	uint64_t second = clock_mono_ms() / 1000;

	if (s->inform.second != second) {
		s->inform.second = second;
		s->inform.in_second = 0;
	}
	if (s->inform.in_second++ < INFORM_ANSWERS_PER_S)
		return true;
	stat_add(&s->site->dhcp_limited, 1);
	if (!s->inform.flooded)
		log_event(&s->scope, EV_DHCP_FLOOD, "user=\"%s\" most_per_second=%d", s->user,
			INFORM_ANSWERS_PER_S);
	s->inform.flooded = true;
	return false;
}

/* NULL: it is a request of this session to this server. */
static const char *fault_of(const struct session *s, const struct dhcp_inform *in)
{
	const struct addr *own = &s->addresses.local, *peer = &s->addresses.peer;

	if (!s->up4)
		return "the session has no IPv4 address";
	if (!addr_equal(&in->from, peer))
		return "its source is not the session's address";
	if (!addr_equal(&in->ciaddr, peer))
		return "its ciaddr is not the session's address";
	if (in->server.family && !addr_equal(&in->server, own))
		return "it is for another server";
	return NULL;
}

static void refuse(struct session *s, const char *why)
{
	stat_add(&s->site->dhcp_refused, 1);
	log_event(&s->scope, EV_DHCP_REFUSED, "user=\"%s\" reason=\"%s\"", s->user, why);
}

static void log_left_out(struct session *s, const struct inform_answer *a)
{
	if (s->inform.left_routes == a->left_routes && s->inform.left_names == a->left_names)
		return; /* said already */
	s->inform.left_routes = a->left_routes;
	s->inform.left_names = a->left_names;
	if (a->left_routes || a->left_names)
		log_event(&s->scope, EV_DHCP_LEFT_OUT,
			"user=\"%s\" routes=%zu of=%zu left_out_domains=%zu", s->user, a->routes,
			a->routes + a->left_routes, a->left_names);
}

static void answer(struct session *s, const struct dhcp_inform *in, struct inform_answer *ret)
{
	const struct snapshot *snapshot = s->site->snapshot;
	const struct inform_link link = {
		s->addresses.local, s->link.mtu, snapshot->config->tunnel.routes_split};
	struct offer offer;

	offer_read(s->grant, snapshot->defaults, &offer);
	inform_build(in, &offer, &link, ret);
	if (!ret->n)
		return;
	log_left_out(s, ret);
	stat_add(&s->site->dhcp_answered, 1);
	log_event(&s->scope, EV_DHCP_ANSWERED, "user=\"%s\" routes=%zu dns=%zu octets=%zu", s->user,
		ret->routes, offer.n_dns, ret->n);
}

COLD void inform_reply(struct session *s, const uint8_t *octets, const struct ip_packet *ip,
	struct inform_answer *ret)
{
	struct dhcp_inform in;
	const char *fault;
	int r;

	ret->n = 0;
	if (!may_answer(s))
		return;
	r = dhcp_parse_inform(octets, ip, &in);
	if (r == -ENOMSG) {
		stat_add(&s->site->port.stats.drop_noise, 1);
		return;
	}
	fault = r < 0 ? "it is not well-formed" : fault_of(s, &in);
	if (fault)
		refuse(s, fault);
	else
		answer(s, &in, ret);
}
