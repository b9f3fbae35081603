// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a family that comes up gets addresses, routes and the resolver by setup.c. Router
 * advertisements and neighbour discovery are answered here, on the link; packets from the interface
 * go into the tunnel unless they are those of the tunnel itself. The machine learns that the
 * network is up, or why not; its orders are the caller's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/hot.h"
#include "base/text.h"
#include "client/private.h"
#include "ip/ra.h"
#include "os/tun.h"

void client_tell(const struct client_opts *o, const char *step, const char *text)
{
	if (o->verbose)
		text_fprintf(stderr, "culvert: %-9s %s\n", step, text);
}

void client_say(const struct client *c, const char *step, const char *text)
{
	client_tell(c->opts, step, text);
}

/* ---- what comes up ---------------------------------------------------------- */

/* The kernel would ask as well, but not where it is itself a router or accept_ra is off. */
static void solicit(struct client *c, const uint8_t ifid[static 8])
{
	static const struct vnet_hdr plain;
	struct addr own = {AF_INET6, {0xfe, 0x80}};
	uint8_t rs[RS_LEN];

	memcpy(own.octets + 8, ifid, 8);
	link_send_copy(&c->link, &plain, rs, ra_solicit(&own, rs));
}

/* The kernel counts none of them: its addresses and routes are ours, without a lifetime. */
static void follow_lifetimes(struct client *c, uv_timer_cb ended)
{
	uint64_t end = client_setup_next_end_ms(c->setup), now = clock_mono_ms();

	c->link.guard.own6 = client_setup_own6(c->setup);
	if (end == NEVER)
		uv_timer_stop(&c->lifetimes);
	else
		uv_timer_start(&c->lifetimes, ended, end > now ? end - now : 0, 0);
}

static void on_lifetime_ended(uv_timer_t *timer)
{
	struct client *c = timer->data;

	client_setup_end_due(c->setup);
	follow_lifetimes(c, on_lifetime_ended);
}

/* `a` NULL: those of IPv4 are as before. */
static void tell_facts(struct client *c, const struct ppp_addresses *a)
{
	struct client_facts *f = &c->facts;

	snprintf(f->tun, sizeof(f->tun), "%s", tun_name(c->tun));
	f->own6 = client_setup_own6(c->setup);
	f->onward6 = f->own6.family && client_setup_ipv6_onward(c->setup);
	if (a) {
		f->server = c->attempt.peer;
		f->mtu = tunnel_peer_mru(c->link.tunnel);
		f->own4 = a->local;
	}
	client_setup_facts(c->setup, f);
	if (!c->opts->on_up || !f->own4.family || (!a && !memcmp(f, &c->told_facts, sizeof(*f))))
		return;
	c->told_facts = *f;
	c->opts->on_up(c->opts->arg, f);
}

void network_pushed(struct asker *a, const struct dhcp_ack *ack)
{
	struct client *c = container_of(a, struct client, asker);
	char line[96] = "nothing: the server does not answer DHCPINFORM";

	if (ack)
		snprintf(line, sizeof(line), "%zu routes, %zu name servers, %zu domains",
			ack->n_routes, ack->n_dns, (size_t)(*ack->domain != 0) + ack->search.n);
	client_say(c, "pushed", line);
	client_setup_answered(c->setup, ack);
	tell_facts(c, NULL);
}

COLD void network_intercept(
	struct link *l, enum guard_verdict kind, const uint8_t *octets, const struct ip_packet *ip)
{
	static const struct vnet_hdr plain;
	const struct addr own[] = {l->guard.own_link_local, l->guard.own6};
	struct client *c = container_of(l, struct client, link);
	uint8_t reply[NA_LEN];
	struct ra ra;
	size_t n;

	if (kind == GUARD_ADVERTISEMENT && !ra_parse(octets, ip, &ra)) {
		client_setup_advertised(c->setup, &ra);
		follow_lifetimes(c, on_lifetime_ended);
		tell_facts(c, NULL);
		asker_hurry(&c->asker);
	} else if (kind == GUARD_NEIGHBOUR) {
		n = ra_answer_neighbour(octets, ip, own, ARRAY_SIZE(own), false, reply);
		if (n)
			link_send_copy(l, &plain, reply, n);
	}
}

static void guard_ipv6(struct guard *g, const struct ppp_addresses *a)
{
	g->peer_link_local = g->own_link_local = (struct addr){AF_INET6, {0xfe, 0x80}};
	memcpy(g->peer_link_local.octets + 8, a->peer_ifid, 8);
	memcpy(g->own_link_local.octets + 8, a->local_ifid, 8);
}

static void tell_connected(struct client *c, const struct ppp_addresses *a)
{
	char own[ADDR_TEXT_LEN], peer[ADDR_TEXT_LEN], before[ADDR_TEXT_LEN], line[160];

	addr_format(&a->local, own);
	addr_format(&a->peer, peer);
	snprintf(line, sizeof(line), "%s, peer %s, mtu %u", own, peer,
		tunnel_peer_mru(c->link.tunnel));
	client_say(c, "6 address", line);
	client_say(c, "7 data", "packets may flow");
	if (c->own4.family && !addr_equal(&c->own4, &a->local))
		log_event(NULL, EV_CLIENT_ADDRESS_CHANGED, "before=%s now=%s",
			addr_format(&c->own4, before), own);
	text_fprintf(stdout, "culvert: connected %s (peer %s)\n", own, peer);
	fflush(stdout);
}

static void come_up6(struct client *c, const struct ppp_addresses *a)
{
	memcpy(c->ifid, a->local_ifid, sizeof(c->ifid));
	client_setup_ipv6(c->setup, a);
	guard_ipv6(&c->link.guard, a);
	c->link.guard.own6 = client_setup_own6(c->setup);
	solicit(c, a->local_ifid);
}

void network_up(struct client *c, const struct tunnel_event *ev)
{
	struct os_failure why = {0};

	c->link.mtu = tunnel_peer_mru(c->link.tunnel);
	if (ev->family == AF_INET6) {
		come_up6(c, ev->addresses);
		return;
	}
	if (client_setup_ipv4(c->setup, ev->addresses, tunnel_peer_mru(c->link.tunnel), &why) < 0) {
		machine_refuse(&c->machine, why.event, why.text);
		return;
	}
	c->link.local4 = c->link.guard.own4 = ev->addresses->local;
	tell_connected(c, ev->addresses);
	c->own4 = ev->addresses->local;
	c->told = EV_NONE;
	client_setup_follow_uplink(c->setup);
	c->up_way = client_setup_way(c->setup);
	c->up_local = c->attempt.local.addr;
	port_set_tun_polling(&c->port, true);
	machine_up(&c->machine, clock_mono_ms());
	tell_facts(c, ev->addresses);
	asker_up(&c->asker, &c->own4);
}

void network_down(struct client *c, const struct tunnel_event *ev)
{
	if (ev->family == AF_INET)
		asker_down(&c->asker);
	if (ev->reason && ev->family == AF_INET)
		log_event(NULL, ev->reason, "the call goes on%s%s%s",
			*ev->text ? "; it says: \"" : "", ev->text, *ev->text ? "\"" : "");
	else if (ev->reason) /* many servers have none */
		client_say(c, "ipv6", event_info(ev->reason)->what);
}

/* ---- what passes ---------------------------------------------------------- */

/* The server routes; it may forward from anywhere. */
HOT bool network_accept_source(struct link *l, const uint8_t *octets, const struct ip_packet *ip)
{
	return !asker_takes(&container_of(l, struct client, link)->asker, octets, ip);
}

static bool is_link_local(const uint8_t *octets, const struct ip_packet *ip)
{
	const uint8_t *to = packet_destination_at(octets, ip);

	return to[0] == 0xff || (to[0] == 0xfe && (to[1] & 0xc0) == 0x80);
}

/*
 * The tunnel's own connection, which comes this way while the machine has no other: inside itself
 * it would go round for ever. TCP sends it again when there is a way.
 */
HOT static bool is_outer(const struct client *c, const uint8_t *octets, const struct ip_packet *ip)
{
	const struct addr *to = &c->attempt.peer.addr;
	const uint8_t *destination = packet_destination_at(octets, ip);

	if (ip->protocol != IP_TCP || !ip->l4 || ip->destination_port != c->attempt.peer.port)
		return false;
	return to->family == ip->family &&
	       !memcmp(destination, to->octets, ip->version == 4 ? 4 : 16);
}

HOT struct link *network_route(struct port *p, const struct vnet_hdr *vnet UNUSED,
	const uint8_t *octets, const struct ip_packet *ip)
{
	struct client *c = container_of(p, struct client, port);

	if (!c->link_open || (!c->opts->apart && is_outer(c, octets, ip)))
		return NULL;
	if (ip->version == 6 && !client_setup_ipv6_onward(c->setup) && !is_link_local(octets, ip))
		return NULL; /* --block-ipv6: the server would not take it, and it shall not leak */
	return tunnel_data_ok(c->link.tunnel, ip->family) ? &c->link : NULL;
}
