// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: what a session has while a family is up: its claims, the entries in the directory which lead
 * packets to it. And from where it may send: from its own addresses only.
 *
 * Every client has a /64 of its own. Hosts make their addresses by themselves (SLAAC, RFC 4862),
 * several of them and new ones each day (RFC 8981); in a prefix that is theirs alone whatever they
 * choose is right, the source check is one comparison, and one route leads to all of it.
 *
 * The /64s come from tunnel.ipv6_prefix, or from a ULA /48 chosen at first start. The first /64 is the
 * server's. Which of the others a client gets follows from its IPv4 lease, which is the user's as long
 * as can be: so the prefix is, too, without a second record.
 */
#include "server/session/private.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/hot.h"

#define TRIES_MAX 4096 /* /64s looked at for a client whose own is taken */

/* -EEXIST when another session has that very prefix. */
static int claim(struct session *s, enum claim what, const struct prefix *p)
{
	int r = directory_claim(s->site->context->directory, p, s, s->site->index);

	if (!r)
		s->claims[what] = *p;
	return r;
}

static void unclaim(struct session *s, enum claim what)
{
	struct prefix *p = &s->claims[what];

	if (!p->addr.family)
		return;
	directory_unclaim(s->site->context->directory, p, s);
	*p = (struct prefix){0};
}

/* Claims outlive a renegotiation: one that changes nothing costs the directory and the log nothing. */
static bool held(const struct session *s, enum claim what, const struct addr *a)
{
	return s->claims[what].addr.family && addr_equal(&s->claims[what].addr, a);
}

/* With its first family, whichever it is; a session may have IPv6 alone. */
static void came_up(struct session *s)
{
	if (s->up4 && s->up6)
		return;
	atomic_fetch_add_explicit(&s->site->n_up, 1, memory_order_relaxed);
	session_record_attempt(s, EV_SESSION_UP, "");
	session_record(s, EV_NONE);
}

static void on_up4(struct session *s, const struct tunnel_event *ev)
{
	char a[ADDR_TEXT_LEN];

	if (held(s, CLAIM_IPV4, &ev->addresses->peer)) {
		s->up4 = true;
		came_up(s);
		return;
	}
	unclaim(s, CLAIM_IPV4);
	s->addresses = *ev->addresses;
	s->up4 = !claim(s, CLAIM_IPV4, &(struct prefix){s->addresses.peer, 32});
	if (!s->up4) {
		tunnel_close(s->link.tunnel, EV_SERVER_ADDRESS_CLASH, clock_mono_ms());
		return;
	}
	s->link.local4 = s->site->context->addresses.local;
	came_up(s);
	log_event(&s->scope, EV_SESSION_UP, "user=\"%s\" address=%s mru=%u", s->user,
		addr_format(&ev->addresses->peer, a), s->link.mtu);
}

/* The n-th /64 of the prefix. */
static struct prefix nth_prefix(const struct prefix *of, uint64_t n)
{
	struct prefix p = {of->addr, 64};

	for (int i = 7; i >= 0; i--, n >>= 8)
		p.addr.octets[i] |= (uint8_t)n;
	return p;
}

/*
 * A /64 that no other session has; the same for the same IPv4 address where that is possible. -ENOENT:
 * there is no prefix at all; -ENOSPC: every /64 is taken.
 */
static int claim_net(struct session *s)
{
	const struct context *c = s->site->context;
	uint64_t count, n, first;

	if (!c->prefix6.addr.family)
		return -ENOENT;
	count = UINT64_C(1) << (64 - c->prefix6.len);
	first = addr_v4_value(&s->leased_address) - addr_v4_value(&c->pool.addr);
	for (n = 0; n < count && n < TRIES_MAX; n++) {
		struct prefix p = nth_prefix(&c->prefix6, (first + n) % count);
		int r;

		if ((first + n) % count == 0)
			continue; /* the server's own */
		r = claim(s, CLAIM_IPV6, &p);
		if (r != -EEXIST)
			return r;
	}
	return -ENOSPC;
}

static void on_up6(struct session *s, const struct tunnel_event *ev)
{
	struct context *srv = s->site->context;
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 128};
	char text[PREFIX_TEXT_LEN] = "none";
	int r = -ENOENT;

	s->up6 = true;
	came_up(s);
	memcpy(own.addr.octets + 8, ev->addresses->peer_ifid, 8);
	if (held(s, CLAIM_LINK_LOCAL, &own.addr)) {
		onlink_advertise(s);
		return;
	}
	unclaim(s, CLAIM_LINK_LOCAL);
	unclaim(s, CLAIM_IPV6);
	s->link.guard.peer_link_local = own.addr;
	claim(s, CLAIM_LINK_LOCAL, &own); /* one taken by another is no harm: see the /64 */
	if (s->link.mtu >= 1280)          /* RFC 8200 section 5 */
		r = claim_net(s);
	if (!r) {
		prefix_format(&s->claims[CLAIM_IPV6], text);
	} else if (r == -ENOSPC) {
		log_event(&s->scope, EV_IPV6_PREFIX_NONE, "user=\"%s\"", s->user);
	}
	s->link.local6 = srv->own6.family ? srv->own6 : srv->link_local;
	log_event(&s->scope, EV_SESSION_UP6, "user=\"%s\" prefix=%s", s->user, text);
	onlink_advertise(s);
}

static void set_guard(struct session *s)
{
	const struct context *srv = s->site->context;

	s->link.guard.server = true;
	s->link.guard.nets = srv->nets;
	s->link.guard.n_nets = srv->n_nets;
	s->link.guard.own4 = srv->addresses.local;
	s->link.guard.own6 = srv->own6;
	s->link.guard.own_link_local = srv->link_local;
}

void addresses_up(struct session *s, const struct tunnel_event *ev)
{
	set_guard(s);
	s->link.mtu = tunnel_peer_mru(s->link.tunnel);
	if (ev->family == AF_INET)
		on_up4(s, ev);
	else
		on_up6(s, ev);
	networks_settle(s);
}

void addresses_down(struct session *s, int family)
{
	bool *up = family == AF_INET ? &s->up4 : &s->up6;

	if (!*up)
		return;
	*up = false;
	if (!s->up4 && !s->up6)
		atomic_fetch_sub_explicit(&s->site->n_up, 1, memory_order_relaxed);
}

void addresses_give_back(struct session *s)
{
	addresses_down(s, AF_INET);
	addresses_down(s, AF_INET6);
	networks_give_back(s);
	for (int i = 0; i < CLAIMS; i++)
		unclaim(s, (enum claim)i);
}

/* From what lies behind it: the way back leads to this session. */
static bool is_from_behind(const struct session *s, const uint8_t *from, int version)
{
	return directory_leads_to(s->site->context->directory, version, from, s);
}

COLD static bool may_send4(const struct session *s, const uint8_t *from, const uint8_t *to)
{
	return is_from_behind(s, from, 4) && (!s->alone || networks_admit(s, to));
}

/* The client may send from the address it was given, its /64, its link-local one, and its networks. */
HOT bool addresses_accept_source(struct link *l, const uint8_t *octets, const struct ip_packet *ip)
{
	const struct session *s = session_of(l);
	const uint8_t *from = packet_source_at(octets, ip);
	const struct prefix *net = &s->claims[CLAIM_IPV6];

	if (ip->version == 4)
		return (!memcmp(from, s->addresses.peer.octets, 4) && !s->alone) ||
		       (s->networks && may_send4(s, from, packet_destination_at(octets, ip)));
	if (from[0] == 0xfe && (from[1] & 0xc0) == 0x80)
		return s->claims[CLAIM_LINK_LOCAL].addr.family; /* not another session's */
	return (net->addr.family && !memcmp(from, net->addr.octets, 8)) ||
	       (s->networks && is_from_behind(s, from, 6));
}
