/*
 * Theory: what a session has while a family is up: its entries in the address table and the steering
 * map (claims), which lead packets to it, and IPv6's router advertisements. And what it may send:
 * from its own addresses only, and nothing to a link on which nobody else is.
 */
#include "server/session/private.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/hot.h"
#include "ip/ra.h"
#include "ip/table.h"
#include "os/steering.h"
#include "server/host/uplink.h"
#include "server/core/snapshot.h"

/* The packets for `p` are this session's from now on; the table has it already. */
static void claimed(struct session *s, enum claim what, const struct prefix *p)
{
	struct server *srv = s->worker->server;

	if (srv->steering)
		steering_set(srv->steering, p, s->worker->index);
	s->claims[what] = *p;
}

/* False when another session has the very address. */
static bool claim(struct session *s, enum claim what, const struct prefix *p)
{
	if (table_add(s->worker->server->table, p, s, s->worker->index) < 0)
		return false;
	claimed(s, what, p);
	return true;
}

static void unclaim(struct session *s, enum claim what)
{
	struct server *srv = s->worker->server;
	struct prefix *p = &s->claims[what];

	if (!p->addr.family)
		return;
	if (srv->steering)
		steering_clear(srv->steering, p);
	table_del(srv->table, p, s);
	*p = (struct prefix){0};
}

/* With its first family, whichever it is; a session may have IPv6 alone. */
static void came_up(struct session *s)
{
	if (s->up4 && s->up6)
		return;
	atomic_fetch_add_explicit(&s->worker->n_up, 1, memory_order_relaxed);
	session_record_attempt(s, EV_SESSION_UP, "");
	session_record(s, EV_NONE);
}

static void on_up4(struct session *s, const struct tunnel_event *ev)
{
	char a[ADDR_TEXT_LEN];

	s->addresses = *ev->addresses;
	s->up4 = claim(s, CLAIM_IPV4, &(struct prefix){s->addresses.peer, 32});
	if (!s->up4) {
		tunnel_close(s->link.tunnel, EV_SERVER_ADDRESS_CLASH, clock_mono_ms());
		return;
	}
	s->link.local4 = s->worker->server->addresses.local;
	came_up(s);
	log_event(&s->scope, EV_SESSION_UP, "user=\"%s\" address=%s mru=%u", s->user,
		addr_format(&ev->addresses->peer, a), s->link.mtu);
}

/* A packet of ours to this client. It leaves with the link's next flush, which is due. */
static void say(struct session *s, const uint8_t *octets, size_t n)
{
	static const struct vnet_hdr plain;

	if (n)
		port_send_copy(s->link.port, &s->link, &plain, octets, n);
}

static void advertise(struct session *s)
{
	struct server *srv = s->worker->server;
	uint8_t ra[IPV6_ANSWER_MAX];

	s->advertised_ms = clock_mono_ms();
	s->advertised_onward = atomic_load_explicit(&srv->ipv6_onward, memory_order_relaxed);
	say(s, ra, ipv6_advertisement(srv, &s->claims[CLAIM_IPV6], s->link.mtu, ra));
}

static void on_up6(struct session *s, const struct tunnel_event *ev)
{
	struct server *srv = s->worker->server;
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 128}, net;
	char text[PREFIX_TEXT_LEN] = "none";
	int r = -ENOENT;

	s->up6 = true;
	came_up(s);
	memcpy(own.addr.octets + 8, ev->addresses->peer_ifid, 8);
	s->link.guard.peer_link_local = own.addr;
	claim(s, CLAIM_LINK_LOCAL, &own); /* one taken by another is no harm: see the /64 */
	if (s->link.mtu >= 1280)          /* RFC 8200 section 5 */
		r = ipv6_take_prefix(srv, s, s->worker->index, &s->leased_address, &net);
	if (!r) {
		claimed(s, CLAIM_IPV6, &net);
		prefix_format(&net, text);
	} else if (r == -ENOSPC) {
		log_event(&s->scope, EV_IPV6_PREFIX_NONE, "user=\"%s\"", s->user);
	}
	s->link.local6 = srv->own6.family ? srv->own6 : srv->link_local;
	log_event(&s->scope, EV_SESSION_UP6, "user=\"%s\" prefix=%s", s->user, text);
	advertise(s);
}

static void set_guard(struct session *s)
{
	const struct server *srv = s->worker->server;

	s->link.guard.server = true;
	s->link.guard.nets = srv->nets;
	s->link.guard.n_nets = srv->n_nets;
	s->link.guard.own4 = srv->addresses.local;
	s->link.guard.own6 = srv->own6;
	s->link.guard.own_link_local = srv->link_local;
}

void network_up(struct session *s, const struct tunnel_event *ev)
{
	set_guard(s);
	s->link.mtu = tunnel_peer_mru(s->link.tunnel);
	if (ev->family == AF_INET)
		on_up4(s, ev);
	else
		on_up6(s, ev);
}

void network_down(struct session *s, int family)
{
	bool *up = family == AF_INET ? &s->up4 : &s->up6;

	if (!*up)
		return;
	*up = false;
	if (!s->up4 && !s->up6)
		atomic_fetch_sub_explicit(&s->worker->n_up, 1, memory_order_relaxed);
	if (family == AF_INET6) {
		unclaim(s, CLAIM_LINK_LOCAL);
		unclaim(s, CLAIM_IPV6);
	} else {
		unclaim(s, CLAIM_IPV4);
	}
}

enum { V4_SOURCE = 12, V6_SOURCE = 8 }; /* where it stands in the header */

/* The client may send from the address it was given, its /64, and its link-local one. */
HOT bool network_accept_source(struct link *l, const struct ip_packet *ip)
{
	const struct session *s = session_of(l);
	const uint8_t *from = ip->octets + V6_SOURCE;
	const struct prefix *net = &s->claims[CLAIM_IPV6];

	if (ip->version == 4)
		return !memcmp(ip->octets + V4_SOURCE, s->addresses.peer.octets, 4);
	if (from[0] == 0xfe && (from[1] & 0xc0) == 0x80)
		return s->claims[CLAIM_LINK_LOCAL].addr.family; /* not another session's */
	return net->addr.family && !memcmp(from, net->addr.octets, 8);
}

/* What is said to the link itself is answered here: the kernel hears nothing of it. */
COLD void network_intercept(
	struct link *l, enum guard_verdict kind, const uint8_t *octets, const struct ip_view *ip)
{
	struct session *s = session_of(l);
	const struct server *srv = s->worker->server;
	const struct addr own[] = {srv->link_local, srv->own6};
	uint8_t reply[IPV6_ANSWER_MAX];

	if (kind == GUARD_SOLICITATION && ra_is_solicitation(octets, ip))
		advertise(s);
	else if (kind == GUARD_DHCPV6)
		say(s, reply, ipv6_dhcp_reply(srv, octets, ip, reply));
	else if (kind == GUARD_NEIGHBOUR)
		say(s, reply, ra_answer_neighbour(octets, ip, own, ARRAY_SIZE(own), true, reply));
}

void session_advertise_all(struct worker *w)
{
	bool onward = atomic_load_explicit(&w->server->ipv6_onward, memory_order_relaxed);
	uint64_t now_ms = clock_mono_ms();

	for (struct session *s = w->sessions; s; s = s->next)
		if (s->up6 && (onward != s->advertised_onward ||
				      now_ms - s->advertised_ms >= IPV6_RA_EVERY_MS))
			advertise(s);
	port_flush(&w->port);
}
