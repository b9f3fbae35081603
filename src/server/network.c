/*
 * Theory: what a session has while a family is up: its entries in the address table and the steering
 * map (claims), which lead packets to it, and IPv6's router advertisements. And what it may send:
 * from its own addresses only, and nothing to a link on which nobody else is.
 */
#include "server/private.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/hot.h"
#include "ip/noise.h"
#include "ip/table.h"
#include "offload/inet.h"
#include "os/steering.h"
#include "server/ipv6.h"
#include "server/live.h"

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
	atomic_fetch_add_explicit(&s->worker->n_up, 1, memory_order_relaxed);
	log_event(&s->scope, EV_SESSION_UP, "user=\"%s\" address=%s mru=%u", s->user,
		addr_format(&ev->addresses->peer, a), s->link.mtu);
	session_record_attempt(s, EV_SESSION_UP, "");
	session_record(s, EV_NONE);
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
	memcpy(own.addr.octets + 8, ev->addresses->peer_ifid, 8);
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

void network_up(struct session *s, const struct tunnel_event *ev)
{
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
	if (family == AF_INET6) {
		unclaim(s, CLAIM_LINK_LOCAL);
		unclaim(s, CLAIM_IPV6);
		return;
	}
	atomic_fetch_sub_explicit(&s->worker->n_up, 1, memory_order_relaxed);
	unclaim(s, CLAIM_IPV4);
}

/* The client may send from the address it was given, its /64, and its link-local one. */
HOT bool network_accept_source(struct link *l, const struct ip_packet *ip)
{
	const struct session *s = session_of(l);
	const uint8_t *from = ip->octets + IPV6_ADDRESSES;
	const struct prefix *net = &s->claims[CLAIM_IPV6];

	if (ip->version == 4)
		return !memcmp(ip->octets + IPV4_ADDRESSES, s->addresses.peer.octets, 4);
	if (from[0] == 0xfe && (from[1] & 0xc0) == 0x80)
		return true;
	return net->addr.family && !memcmp(from, net->addr.octets, 8);
}

/* What is said to the link itself is answered here or dropped: nobody else is on it. */
HOT bool network_intercept(struct link *l, const struct ip_packet *ip)
{
	struct session *s = session_of(l);
	uint8_t reply[IPV6_ANSWER_MAX];

	switch (noise_of(ip->octets, ip->len, &s->worker->server->pool)) {
	case NOISE_NONE:
	case NOISE_NEIGHBOUR: return false;
	case NOISE_ROUTER:
		if (ipv6_is_solicitation(ip->octets, ip->len))
			advertise(s);
		return true;
	case NOISE_DHCPV6:
		say(s, reply, ipv6_dhcp_reply(s->worker->server, ip->octets, ip->len, reply));
		return true;
	case NOISE_OTHER: stat_add(&l->port->stats.drop_noise, 1); return true;
	} /* no default */
	return false;
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
