// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what server and client send each other as hosts on one link. The client gets a default route
 * by router advertisement only while this host has one: with router lifetime 0 (RFC 4861 section 6.2.3)
 * it keeps its own IPv6 beside the tunnel, instead of losing it into a hole. The advertisement goes out
 * when IPv6 comes up, when it is solicited, when the host gains or loses its route, and every five
 * minutes, and when the user's routes, name servers or domains change. The networks behind the server
 * are in it as routes (RFC 4191): a host that keeps its own default route, or prefers it, reaches these
 * through the tunnel. Name servers and domains come by RDNSS and DNSSL (RFC 8106) and by stateless DHCPv6,
 * what IPv4 hosts learn by DHCPINFORM (inform_reply.c). The kernel gets none of these packets.
 */
#include <string.h>

#include "aaa/offer.h"
#include "base/clock.h"
#include "base/hot.h"
#include "ip/dhcpv6.h"
#include "ip/ra.h"
#include "server/core/inform.h"
#include "server/core/snapshot.h"
#include "server/session/private.h"

#define ROUTER_LIFETIME_S 1800
#define VALID_S 86400
#define PREFERRED_S 14400
#define REFRESH_S 1800
#define ADVERTISE_EVERY_MS 300000 /* RFC 4861 section 6.2.1: 200 to 600 seconds */
#define RA_NAMES_ROOM 400         /* octets of the search list */
#define RA_ROOM 640               /* of routes: with all the rest below 1280 (RFC 8200 section 5) */

static void say(struct session *s, const uint8_t *octets, size_t n)
{
	static const struct vnet_hdr plain;

	uint64_t before = s->link.tx_packets;

	if (n)
		link_send_copy(&s->link, &plain, octets, n);
	s->own_packets += s->link.tx_packets - before;
}

/*
 * Name servers of IPv6 that the client can reach: it has a prefix, and IPv6 goes on from here, or they
 * are among the networks behind the server, or an admin named them for this user.
 */
static bool gives_names(const struct session *s, const struct offer *t)
{
	bool onward = atomic_load_explicit(&s->site->context->ipv6_onward, memory_order_relaxed);

	if (!s->claims[CLAIM_IPV6].addr.family)
		return false;
	if (!onward && !t->own_dns && t->n_dns6 && !prefixes_holding(&t->routes, &t->dns6[0]))
		return false;
	return t->n_dns6 || offer_names(t);
}

/* ---- router advertisements ------------------------------------------------ */

struct advertising {
	struct session *s;
	struct offer now, before;
	struct ra ra;
};

static void begin(struct advertising *a)
{
	struct session *s = a->s;
	const struct context *c = s->site->context;
	const struct prefix *own = &s->claims[CLAIM_IPV6];
	bool onward = atomic_load_explicit(&c->ipv6_onward, memory_order_relaxed);

	a->ra = (struct ra){.from = c->link_local,
		.to = {AF_INET6, {0xff, 2, [15] = 1}},
		.router_lifetime_s = onward && own->addr.family ? ROUTER_LIFETIME_S : 0,
		.other_config = gives_names(s, &a->now)};
}

static void send_ra(struct advertising *a)
{
	uint8_t packet[RA_MAX];

	say(a->s, packet, ra_build(&a->ra, packet, sizeof(packet)));
	begin(a);
}

/* Routes in as many packets as they need; the last one is still to be sent. */
static void put_routes(struct advertising *a, const struct prefixes *list,
	const struct prefixes *without, uint32_t lifetime_s)
{
	size_t room = RA_ROOM;

	for (size_t i = 0; i < list->n; i++) {
		const struct prefix *to = &list->of[i];
		size_t n = ra_route_len(to);

		if (to->addr.family != AF_INET6 || (without && prefixes_has(without, to)))
			continue;
		if (a->ra.n_routes == RA_ROUTES_MAX || n > room) {
			send_ra(a);
			room = RA_ROOM;
		}
		a->ra.routes[a->ra.n_routes++] = (struct ra_route){*to, lifetime_s, 0};
		room -= n;
	}
}

/* The first names: DHCPv6 has room for more. */
static void put_names(
	struct ra *ra, const struct offer *t, const struct offer *without, uint32_t lifetime_s)
{
	size_t room = RA_NAMES_ROOM;

	ra->search_lifetime_s = lifetime_s;
	for (size_t i = 0; i < offer_names(t) && ra->n_search < RA_SEARCH_MAX; i++) {
		const char *name = offer_name(t, i);
		size_t n = strlen(name) + 2;

		if (n > room || (without && offer_has_name(without, name)))
			continue;
		strcpy(ra->search[ra->n_search++], name);
		room -= n;
	}
}

static void put_servers(
	struct ra *ra, const struct offer *t, const struct offer *without, uint32_t lifetime_s)
{
	ra->dns_lifetime_s = lifetime_s;
	for (size_t i = 0; i < t->n_dns6 && ra->n_dns < RA_DNS_MAX; i++)
		if (!without || !offer_has_server(without, &t->dns6[i]))
			ra->dns[ra->n_dns++] = t->dns6[i];
}

/* RFC 4191 and RFC 8106: a lifetime of zero takes it back. */
static void take_back(struct advertising *a)
{
	begin(a);
	put_servers(&a->ra, &a->before, gives_names(a->s, &a->now) ? &a->now : NULL, 0);
	put_names(&a->ra, &a->before, gives_names(a->s, &a->now) ? &a->now : NULL, 0);
	put_routes(a, &a->before.routes, &a->now.routes, 0);
	if (a->ra.n_dns || a->ra.n_search || a->ra.n_routes)
		send_ra(a);
}

static void give(struct advertising *a)
{
	const struct session *s = a->s;

	begin(a);
	a->ra.mtu = s->link.mtu >= 1280 ? s->link.mtu : 0; /* RFC 8200 section 5 */
	a->ra.prefix = s->claims[CLAIM_IPV6];
	a->ra.valid_s = VALID_S;
	a->ra.preferred_s = PREFERRED_S;
	if (gives_names(s, &a->now)) {
		put_servers(&a->ra, &a->now, NULL, ROUTER_LIFETIME_S);
		put_names(&a->ra, &a->now, NULL, ROUTER_LIFETIME_S);
	}
	if (s->claims[CLAIM_IPV6].addr.family)
		put_routes(a, &a->now.routes, NULL, ROUTER_LIFETIME_S);
	send_ra(a);
}

void onlink_advertise(struct session *s)
{
	const struct snapshot *snapshot = s->site->snapshot;
	struct context *srv = s->site->context;
	struct advertising a = {.s = s};

	offer_read(s->grant, snapshot->defaults, &a.now);
	offer_read(s->advertised, s->advertised_defaults, &a.before);
	s->advertised_ms = clock_mono_ms();
	s->advertised_onward = atomic_load_explicit(&srv->ipv6_onward, memory_order_relaxed);
	take_back(&a);
	give(&a);
	onlink_forget(s);
	s->advertised = s->grant ? grant_ref(s->grant) : NULL;
	s->advertised_defaults = snapshot->defaults ? grant_ref(snapshot->defaults) : NULL;
}

void onlink_forget(struct session *s)
{
	grant_unref(s->advertised);
	grant_unref(s->advertised_defaults);
	s->advertised = s->advertised_defaults = NULL;
}

bool onlink_changed(struct session *s)
{
	if (!s->up6 || offer_same(s->grant, s->site->snapshot->defaults, s->advertised,
			       s->advertised_defaults))
		return false;
	onlink_advertise(s);
	return true;
}

/* ---- DHCPv6 -------------------------------------------------------------------- */

static void copy_names(const struct offer *t, struct dhcp_names *ret)
{
	_Static_assert(GRANT_DOMAIN_LEN <= DHCP_NAME_LEN, "a name fits");
	for (ret->n = 0; ret->n < offer_names(t) && ret->n < DHCP_NAMES_MAX; ret->n++)
		strcpy(ret->of[ret->n], offer_name(t, ret->n));
}

/* `prefix` AF_UNSPEC: none is delegated. */
static void dhcp_reply(
	struct session *s, const struct dhcpv6_request *req, const struct prefix *prefix)
{
	const struct context *c = s->site->context;
	struct dhcpv6_answer answer = {.from = c->link_local,
		.refresh_s = REFRESH_S,
		.prefix = *prefix,
		.preferred_s = PREFERRED_S,
		.valid_s = VALID_S};
	uint8_t packet[DHCPV6_REPLY_MAX];
	struct dhcp_names search;
	struct offer t;

	memcpy(answer.duid, c->duid, sizeof(answer.duid));
	offer_read(s->grant, s->site->snapshot->defaults, &t);
	if (gives_names(s, &t)) {
		copy_names(&t, &search);
		answer.dns = t.dns6;
		answer.n_dns = t.n_dns6 < DHCPV6_DNS_MAX ? t.n_dns6 : DHCPV6_DNS_MAX;
		answer.search = &search;
	}
	say(s, packet, dhcpv6_reply(req, &answer, packet, sizeof(packet)));
}

static void on_dhcp(struct session *s, const uint8_t *octets, const struct ip_packet *p)
{
	struct dhcpv6_request req;

	if (!dhcpv6_parse(octets, p, s->site->context->duid, &req))
		delegation_answer(s, &req, dhcp_reply);
}

static void answer_inform(struct session *s, const uint8_t *octets, const struct ip_packet *ip)
{
	struct inform_answer answer;

	inform_reply(s, octets, ip, &answer);
	say(s, answer.octets, answer.n);
}

/* Packets to the link itself are answered here; the kernel gets none of them. */
COLD void onlink_intercept(
	struct link *l, enum guard_verdict kind, const uint8_t *octets, const struct ip_packet *ip)
{
	struct session *s = session_of(l);
	const struct context *srv = s->site->context;
	const struct addr own[] = {srv->link_local, srv->own6};
	uint8_t reply[DHCPV6_REPLY_MAX];

	if (kind == GUARD_SOLICITATION && ra_is_solicitation(octets, ip))
		onlink_advertise(s);
	else if (kind == GUARD_DHCPV6)
		on_dhcp(s, octets, ip);
	else if (kind == GUARD_DHCPV4)
		answer_inform(s, octets, ip);
	else if (kind == GUARD_NEIGHBOUR)
		say(s, reply, ra_answer_neighbour(octets, ip, own, ARRAY_SIZE(own), true, reply));
}

void onlink_advertise_all(struct site *site)
{
	bool onward = atomic_load_explicit(&site->context->ipv6_onward, memory_order_relaxed);
	uint64_t now_ms = clock_mono_ms();

	for (struct session *s = site->sessions; s; s = s->next)
		if (s->up6 && (onward != s->advertised_onward ||
				      now_ms - s->advertised_ms >= ADVERTISE_EVERY_MS))
			onlink_advertise(s);
	port_flush(&site->port);
}
