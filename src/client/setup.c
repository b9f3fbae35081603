// SPDX-License-Identifier: Apache-2.0
#include "client/setup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/hot.h"
#include "base/clock.h"
#include "base/text.h"
#include "client/dns.h"
#include "client/permit.h"
#include "client/policy.h"
#include "client/split.h"
#include "events/event.h"
#include "ip/ra.h"
#include "os/harden.h"
#include "os/netlink.h"
#include "os/resolver.h"

#define CLIENTS_MAX 64   /* on one host, with the same peer */
#define IPV6_METRIC 1024 /* that the kernel gives a route without one */
#define SPLIT_SHOWN 8    /* routes in a line */
#define REFUSALS_MAX 16  /* lines about addresses: a hostile server has many */

/* A prefix that the server says is on the link, and until when that counts. */
struct on_link {
	struct prefix prefix; /* AF_UNSPEC: none */
	uint64_t until_ms;
};

struct client_setup {
	const struct client_opts *opts;
	const struct tun *tun;
	struct netlink *nl;
	struct permit permit;
	struct policy *policy;
	struct split *split;
	struct addr server;
	struct client_way way; /* to the server, at the last look */
	bool way_known;        /* there was a last look */
	struct client_dns dns;
	struct addr ipcp_dns[2], ipcp_peer; /* as negotiated */
	struct addr own4, peer4;            /* on the interface; AF_UNSPEC: none */
	bool routes_made;
	bool has_all4;     /* everything goes into the tunnel */
	unsigned refusals; /* lines so far */
	struct on_link on_link[RA_ON_LINK_MAX];
	uint8_t ifid[8]; /* ours, as negotiated */
	bool has_ifid;
	struct prefix own6; /* our address of the tunnel's prefix, with /64; AF_UNSPEC: none */
	bool has_all6;      /* all of IPv6 goes into the tunnel */
	bool onward6;       /* ... and the server takes what goes there */
	uint64_t own6_until_ms, router_until_ms; /* ends of their advertised lifetimes */
	bool told_ipv6_taken;
};

static struct prefix host_prefix(const struct addr *a)
{
	return (struct prefix){*a, (uint8_t)(8 * addr_len(a))};
}

/* What clients that were killed have left behind, and nothing of one that lives. */
static void forget_dead_clients(void)
{
	struct os_failure why = {0};
	int r = resolver_recover("", &why);

	if (r > 0)
		log_event(NULL, EV_DNS_RESTORED, "file=/etc/resolv.conf");
	else if (r < 0)
		log_event(NULL, why.event, "%s", why.text);
}

int client_setup_new(const struct client_opts *opts, const struct tun *tun,
	struct client_setup **ret, struct os_failure *why)
{
	struct client_setup *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "client set-up");
	*s = (struct client_setup){.opts = opts, .tun = tun};
	r = netlink_new(&s->nl, why);
	if (!r)
		r = policy_new(s->nl, tun_ifindex(tun), &s->policy, why);
	if (!r && split_new(opts, s->nl, s->policy, tun_ifindex(tun), &s->split) < 0)
		r = os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "client set-up");
	if (r < 0) {
		client_setup_free(s);
		return r;
	}
	s->permit = (struct permit){s->nl, tun_ifindex(tun), {0}};
	client_dns_init(&s->dns, opts, tun_name(tun), &s->permit);
	r = harden_interface(tun_name(tun));
	if (r < 0)
		log_event(NULL, EV_TUN_NOT_HARDENED, "tun=%s error=\"%s\"", tun_name(tun),
			strerror(-r));
	if (!opts->apart && !opts->hands_off)
		forget_dead_clients();
	*ret = s;
	return 0;
}

void client_setup_free(struct client_setup *s)
{
	if (!s)
		return;
	client_dns_done(&s->dns);
	split_free(s->split);
	policy_free(s->policy);
	netlink_free(s->nl);
	free(s);
}

/* A network apart leads nowhere but into the tunnel, whose own sockets are in another one. */
uint32_t client_setup_mark(const struct client_setup *s)
{
	return s->opts->apart || s->opts->hands_off ? 0 : policy_mark(s->policy);
}

void client_setup_server(struct client_setup *s, const struct endpoint *server)
{
	s->server = s->permit.server = server->addr;
	if (!s->opts->apart && !s->opts->hands_off)
		policy_server(s->policy, server);
}

/*
 * Two clients at one server have the same peer. The second one's route stands behind the first one's,
 * with a higher metric, and counts when that is gone. Behind other programs' routes none is made:
 * what goes there is not for the tunnel, not even when their route goes.
 */
struct owner_search {
	const struct prefix *dst;
	bool others;
};

static bool look_at_owner(const struct route *rt, void *arg)
{
	struct owner_search *o = arg;

	if (rt->table != RT_TABLE_MAIN || rt->dst.len != o->dst->len ||
		!addr_equal(&rt->dst.addr, &o->dst->addr))
		return true;
	o->others |= rt->protocol != RTPROT_CULVERT;
	return true;
}

static int route_dev_behind(struct client_setup *s, const struct prefix *dst)
{
	struct owner_search o = {.dst = dst};
	struct route rt = {.dst = *dst, .ifindex = tun_ifindex(s->tun)};
	uint32_t first = dst->addr.family == AF_INET6 ? IPV6_METRIC : 0;
	int r = netlink_route_add(s->nl, &rt, NULL);

	if (r != -EEXIST)
		return r;
	if (netlink_routes(s->nl, dst->addr.family, look_at_owner, &o, NULL) < 0 || o.others)
		return r;
	for (uint32_t i = 1; i <= CLIENTS_MAX && r == -EEXIST; i++) {
		rt.metric = first + i;
		r = netlink_route_add(s->nl, &rt, NULL);
	}
	return r;
}

/* What the server chose is not used. */
static void refuse(
	struct client_setup *s, const char *what, const struct prefix *p, const char *why)
{
	char text[PREFIX_TEXT_LEN];

	if (s->refusals++ < REFUSALS_MAX)
		log_event(NULL, EV_CLIENT_ADDRESS_REFUSED, "what=\"%s\" address=%s reason=\"%s\"",
			what, prefix_format(p, text), why);
}

/* ---- when the way to the server changes -------------------------------------------------- */

/*
 * The best route to the server that is neither the tunnel's nor ours. The main table alone: it is what
 * the tunnel's own connection asks (client/policy.c), and where a network manager writes.
 */
struct way_search {
	const struct client_setup *s;
	struct route best;
	bool found;
};

static bool is_better(const struct route *a, const struct route *b)
{
	return a->dst.len != b->dst.len ? a->dst.len > b->dst.len : a->metric < b->metric;
}

static bool look_at_way(const struct route *rt, void *arg)
{
	struct way_search *w = arg;
	const struct addr *server = &w->s->server;

	if (rt->table != RT_TABLE_MAIN || rt->ifindex == tun_ifindex(w->s->tun) ||
		rt->type != RTN_UNICAST || rt->protocol == RTPROT_CULVERT ||
		!prefix_contains(&rt->dst, server))
		return true;
	if (!w->found || is_better(rt, &w->best)) {
		w->best = *rt;
		w->found = true;
	}
	return true;
}

static bool is_same_way(const struct client_way *a, const struct client_way *b)
{
	return a->ifindex == b->ifindex && addr_equal(&a->via, &b->via);
}

static void tell_of_way(struct client_setup *s, const struct way_search *w)
{
	char text[ROUTE_TEXT_LEN], server[ADDR_TEXT_LEN];

	addr_format(&s->server, server);
	if (w->found)
		log_event(NULL, EV_CLIENT_UPLINK_CHANGED, "server=%s route=\"%s\"", server,
			route_format(&w->best, text));
	else
		log_event(NULL, EV_CLIENT_UPLINK_LOST, "server=%s", server);
}

bool client_setup_follow_uplink(struct client_setup *s)
{
	struct way_search w = {.s = s};
	struct client_way now;

	if (!s->server.family || s->opts->apart ||
		netlink_routes(s->nl, s->server.family, look_at_way, &w, NULL) < 0)
		return false;
	now = w.found ? (struct client_way){w.best.ifindex, w.best.via} : (struct client_way){0};
	if (is_same_way(&now, &s->way))
		return false;
	if (s->way_known)
		tell_of_way(s, &w);
	s->way = now;
	s->way_known = true;
	return w.found;
}

struct client_way client_setup_way(const struct client_setup *s)
{
	return s->way;
}

struct address_search {
	const struct addr *address;
	unsigned except;
	bool found;
};

static bool look_for_address(unsigned ifindex, const struct prefix *address, void *arg)
{
	struct address_search *a = arg;

	a->found = ifindex != a->except && addr_equal(&address->addr, a->address);
	return !a->found;
}

bool client_setup_is_cut_off(struct client_setup *s, const struct addr *local)
{
	struct address_search a = {.address = local, .except = tun_ifindex(s->tun)};
	struct way_search w = {.s = s};

	if (s->opts->apart ||
		netlink_addresses(s->nl, local->family, look_for_address, &a, NULL) < 0 || a.found)
		return false;
	return netlink_routes(s->nl, s->server.family, look_at_way, &w, NULL) == 0 && w.found;
}

static const struct prefix all4 = {.addr.family = AF_INET}, all6 = {.addr.family = AF_INET6};

static int take_all4(struct client_setup *s, struct os_failure *why)
{
	int r = s->has_all4 ? 0 : policy_route_add(s->policy, &all4, why);

	s->has_all4 |= !r;
	return r;
}

static void leave_all4(struct client_setup *s)
{
	if (s->has_all4)
		policy_route_del(s->policy, &all4);
	s->has_all4 = false;
}

/* Everything goes into the tunnel: nothing else was asked for, and the server pushes no split tunnel. */
static bool takes_all(const struct client_setup *s)
{
	return s->opts->default_route && !split_is_on(s->split);
}

static int add_routes(struct client_setup *s, struct os_failure *why)
{
	int r = 0;

	for (size_t i = 0; i < s->opts->n_excluded && !r; i++)
		r = policy_exclude(s->policy, &s->opts->excluded[i], why);
	if (!r && takes_all(s))
		r = take_all4(s, why);
	for (size_t i = 0; i < s->opts->n_routes && !r; i++)
		r = policy_route_add(s->policy, &s->opts->routes[i], why);
	s->routes_made = !r;
	return r;
}

/* ---- names ---------------------------------------------------------- */

static bool is_on_link(const struct client_setup *s, const struct addr *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->on_link); i++)
		if (s->on_link[i].prefix.addr.family && prefix_contains(&s->on_link[i].prefix, a))
			return true;
	return false;
}

static bool is_routed(const struct client_setup *s, const struct addr *a)
{
	for (size_t i = 0; i < s->opts->n_routes; i++)
		if (prefix_contains(&s->opts->routes[i], a))
			return true;
	return pushed_reaches(split_pushed(s->split), a);
}

/* Of IPv4 a user who chose the routes knows where the server's name servers are. */
static bool leads_to(void *arg, const struct addr *a)
{
	const struct client_setup *s = arg;

	if (s->opts->accept_pushed || is_routed(s, a))
		return true;
	if (a->family == AF_INET6)
		return is_on_link(s, a) || (takes_all(s) && s->onward6);
	return addr_equal(a, &s->ipcp_peer) || !pushed_followed(split_pushed(s->split));
}

static void choose_names(struct client_setup *s, struct dns_wish *ret)
{
	struct dns_offer offer = {.pushed = split_pushed(s->split),
		.ipcp = s->ipcp_dns,
		.n_ipcp = ARRAY_SIZE(s->ipcp_dns),
		.split = split_is_on(s->split),
		.all_names = takes_all(s),
		.leads_to = leads_to,
		.arg = s};

	client_dns_choose(&s->dns, &offer, ret);
}

static int set_names(struct client_setup *s, struct os_failure *why)
{
	struct dns_wish wish;

	choose_names(s, &wish);
	return client_dns_set(&s->dns, &wish, why);
}

void client_setup_facts(struct client_setup *s, struct client_facts *f)
{
	const struct pushed *p = split_pushed(s->split);
	struct prefix peer = host_prefix(&s->ipcp_peer);
	const char *why = s->ipcp_peer.family ? permit_host(&s->permit, &s->ipcp_peer) : NULL;
	struct dns_wish wish;

	if (why && s->opts->hands_off) /* else set_peer4() says it */
		refuse(s, "peer", &peer, why);
	f->peer4 = why ? (struct addr){0} : s->ipcp_peer;
	choose_names(s, &wish);
	memset(f->dns, 0, sizeof(f->dns));
	memcpy(f->dns, wish.servers, wish.n_servers * sizeof(f->dns[0]));
	memcpy(f->domains, wish.domains, sizeof(f->domains));
	f->n_domains = wish.n_domains;
	f->split = split_is_on(s->split);
	f->n_routes = 0;
	for (size_t i = 0; i < p->n_routes; i++)
		if (!p->routes[i].why)
			f->routes[f->n_routes++] = p->routes[i].to;
}

size_t client_setup_names(const struct client_setup *s, struct addr *ret, size_t cap)
{
	return (s->dns.resolver || s->opts->lock) && !s->opts->apart
		       ? resolver_beside("", s->dns.now.servers, s->dns.now.n_servers, ret, cap)
		       : 0;
}

static void take_all6(struct client_setup *s)
{
	struct os_failure why = {0};
	int r = policy_route_add(s->policy, &all6, &why);

	s->has_all6 = !r;
	if (r && !s->told_ipv6_taken)
		log_event(NULL, why.event, "%s", why.text); /* IPv4 goes on all the same */
	s->told_ipv6_taken = r;
}

static void leave_all6(struct client_setup *s)
{
	if (s->has_all6)
		policy_route_del(s->policy, &all6);
	s->has_all6 = false;
}

/* The new address comes first: with an interface's last address its routes go. */
static int set_own4(struct client_setup *s, const struct addr *own, struct os_failure *why)
{
	struct prefix now = host_prefix(own), before = host_prefix(&s->own4);
	const char *not = permit_own(&s->permit, own);
	char text[ADDR_TEXT_LEN];
	int r;

	if (not ) {
		why->event = EV_CLIENT_OWN_ADDRESS_REFUSED;
		text_format(why->text, sizeof(why->text), "address=%s reason=\"%s\"",
			addr_format(own, text), not );
		return -EADDRNOTAVAIL;
	}
	if (addr_equal(own, &s->own4))
		return 0;
	r = netlink_address_add(s->nl, tun_ifindex(s->tun), &now, NULL, 0, why);
	if (!r && s->own4.family)
		netlink_address_del(s->nl, tun_ifindex(s->tun), &before, NULL);
	if (!r)
		s->own4 = *own;
	return r;
}

/*
 * The way to the server's inner address: a route of its own, and no `peer` of ours, so that it can
 * be taken back. Many servers name none, and some need none: the call goes on without.
 */
static void set_peer4(struct client_setup *s, const struct addr *peer)
{
	struct prefix now = host_prefix(peer), before = host_prefix(&s->peer4);
	const char *why;

	if (addr_equal(peer, &s->peer4))
		return;
	if (s->peer4.family)
		netlink_route_del(s->nl,
			&(struct route){.dst = before, .ifindex = tun_ifindex(s->tun)}, NULL);
	s->peer4 = (struct addr){0};
	if (!peer->family || addr_equal(peer, &s->own4))
		return;
	why = permit_host(&s->permit, peer);
	if (why)
		refuse(s, "peer", &now, why);
	else if (route_dev_behind(s, &now) < 0)
		refuse(s, "peer", &now, "there is another route to it");
	else
		s->peer4 = *peer;
}

int client_setup_ipv4(
	struct client_setup *s, const struct ppp_addresses *a, uint16_t mtu, struct os_failure *why)
{
	struct link_opts up = {.up = true, .mtu = mtu, .no_link_local = true};
	int r = netlink_link_set(s->nl, tun_ifindex(s->tun), &up, why);

	memcpy(s->ipcp_dns, a->dns, sizeof(s->ipcp_dns));
	s->ipcp_peer = a->peer;
	if (s->opts->hands_off)
		return r;
	if (!r)
		r = set_own4(s, &a->local, why);
	if (!r && !s->routes_made)
		r = add_routes(s, why);
	if (!r)
		set_peer4(s, &a->peer);
	if (!r && takes_all(s) && s->opts->block_ipv6 && !s->has_all6)
		take_all6(s);
	return r ? r : set_names(s, why);
}

/* What an advertisement gave goes with the identifier that it was made of. */
static void drop_own6(struct client_setup *s)
{
	if (s->own6.addr.family)
		netlink_address_del(s->nl, tun_ifindex(s->tun), &s->own6, NULL);
	s->own6 = (struct prefix){0};
}

int client_setup_ipv6(struct client_setup *s, const struct ppp_addresses *a)
{
	struct link_opts up = {.up = true, .no_link_local = true};
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 64};

	if (s->has_ifid && memcmp(s->ifid, a->local_ifid, sizeof(s->ifid))) {
		memcpy(own.addr.octets + 8, s->ifid, 8);
		netlink_address_del(s->nl, tun_ifindex(s->tun), &own, NULL);
		drop_own6(s);
	}
	s->has_ifid = true;
	memcpy(s->ifid, a->local_ifid, sizeof(s->ifid));
	memcpy(own.addr.octets + 8, a->local_ifid, 8);
	netlink_link_set(s->nl, tun_ifindex(s->tun), &up, NULL);
	return netlink_address_add(s->nl, tun_ifindex(s->tun), &own, NULL, NETLINK_NO_DAD, NULL);
}

/* All of IPv6 follows whether the server takes what goes there. */
static void follow_router(struct client_setup *s)
{
	bool wanted = takes_all(s) && (s->onward6 || s->opts->block_ipv6);

	if (s->opts->hands_off)
		return;
	if (wanted && !s->has_all6)
		take_all6(s);
	else if (!wanted)
		leave_all6(s);
}

/* ---- what the server pushes ---------------------------------------------------------- */

/* A line that shows whether what goes where has changed. */
static void tell_split(const struct client_setup *s)
{
	const struct pushed *p = split_pushed(s->split);
	char line[SPLIT_SHOWN * (PREFIX_TEXT_LEN + 1) + 1] = "", text[PREFIX_TEXT_LEN];
	size_t n = 0, at = 0;

	for (size_t i = 0; i < p->n_routes; i++)
		if (!p->routes[i].why && n++ < SPLIT_SHOWN)
			at += (size_t)snprintf(line + at, sizeof(line) - at, " %s",
				prefix_format(&p->routes[i].to, text));
	if (!n && s->opts->default_route)
		text_fprintf(stdout, "culvert: everything goes through the tunnel again\n");
	else if (!n)
		text_fprintf(stdout, "culvert: the server pushes no route any more\n");
	else if (split_is_on(s->split))
		text_fprintf(stdout,
			"culvert: split tunnel, as the server pushes:%s%s (--all sends everything)\n",
			line, n > SPLIT_SHOWN ? " ..." : "");
	else
		text_fprintf(stdout, "culvert: the server pushes routes:%s%s\n", line,
			n > SPLIT_SHOWN ? " ..." : "");
	fflush(stdout);
}

static void apply_names(struct client_setup *s)
{
	struct os_failure why = {0};

	if (!s->opts->hands_off && s->routes_made && set_names(s, &why) < 0)
		log_event(NULL, why.event, "%s", why.text);
}

/* Everything, or nothing else than what is pushed: by split_is_on(). */
static void follow_split(struct client_setup *s)
{
	struct os_failure why = {0};

	if (s->opts->hands_off || !s->routes_made || !s->opts->default_route)
		return;
	if (!takes_all(s))
		leave_all4(s);
	else if (take_all4(s, &why) < 0)
		log_event(NULL, why.event, "%s", why.text);
	follow_router(s);
}

static void apply_pushed(struct client_setup *s)
{
	size_t before = pushed_followed(split_pushed(s->split));
	bool was_on = split_is_on(s->split);
	struct os_failure why = {0};

	if (was_on && !split_will_be_on(s->split) && !s->opts->hands_off && take_all4(s, &why) < 0)
		log_event(NULL, why.event, "%s", why.text);
	split_apply(s->split);
	follow_split(s);
	if (before || pushed_followed(split_pushed(s->split)))
		tell_split(s);
	if (split_is_on(s->split) != was_on)
		log_event(NULL, was_on ? EV_CLIENT_SPLIT_OVER : EV_CLIENT_SPLIT,
			"tun=%s routes=%zu", tun_name(s->tun),
			pushed_followed(split_pushed(s->split)));
}

void client_setup_judge_again(struct client_setup *s)
{
	struct addr names[8];
	struct surroundings around = {.ifindex = tun_ifindex(s->tun),
		.table = policy_mark(s->policy),
		.outer = &s->server,
		.n_outer = s->server.family ? 1 : 0,
		.resolvers = names};

	if (!s->opts->apart)
		around.n_resolvers = resolver_beside(
			"", s->dns.now.servers, s->dns.now.n_servers, names, ARRAY_SIZE(names));
	if (split_judge(s->split, &around))
		apply_pushed(s);
	apply_names(s);
}

void client_setup_answered(struct client_setup *s, const struct dhcp_ack *ack)
{
	split_answered(s->split, ack);
	client_setup_judge_again(s);
}

/* ---- IPv6 by router advertisement ---------------------------------------------------------- */

/* RFC 4861 section 4.6.2: all ones stand for infinity. */
static uint64_t end_of(uint32_t lifetime_s, uint64_t now_ms)
{
	return lifetime_s == UINT32_MAX ? NEVER : now_ms + (uint64_t)lifetime_s * 1000;
}

/* RFC 4862 section 5.5.3, with the identifier that IPv6CP gave: no other host has it on this link. */
static void take_address6(struct client_setup *s, const struct ra *ra, uint64_t now_ms)
{
	struct prefix own = {ra->prefix.addr, 64};
	char text[PREFIX_TEXT_LEN];
	const char *why;

	if (!ra->prefix.addr.family)
		return;
	memcpy(own.addr.octets + 8, s->ifid, 8);
	if (addr_equal(&own.addr, &s->own6.addr)) {
		s->own6_until_ms = end_of(ra->valid_s, now_ms);
		if (!ra->valid_s) /* it is taken back */
			drop_own6(s);
		return;
	}
	why = ra->valid_s ? permit_own(&s->permit, &own.addr) : NULL;
	if (why)
		refuse(s, "own", &own, why);
	if (why || !ra->valid_s)
		return;
	drop_own6(s);
	if (!s->opts->hands_off && netlink_address_add(s->nl, tun_ifindex(s->tun), &own, NULL,
					   NETLINK_NO_DAD | NETLINK_NO_PREFIX_ROUTE, NULL) < 0)
		return;
	s->own6 = own;
	s->own6_until_ms = end_of(ra->valid_s, now_ms);
	text_fprintf(stdout, "culvert: ipv6 %s\n", addr_format(&own.addr, text));
	fflush(stdout);
}

static void drop_on_link(struct client_setup *s, struct on_link *l)
{
	netlink_route_del(
		s->nl, &(struct route){.dst = l->prefix, .ifindex = tun_ifindex(s->tun)}, NULL);
	*l = (struct on_link){0};
}

static struct on_link *find_on_link(struct client_setup *s, const struct prefix *p)
{
	struct on_link *free_one = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(s->on_link); i++) {
		struct on_link *l = &s->on_link[i];

		if (l->prefix.addr.family && l->prefix.len == p->len &&
			addr_equal(&l->prefix.addr, &p->addr))
			return l;
		if (!l->prefix.addr.family && !free_one)
			free_one = l;
	}
	return free_one;
}

/* RFC 4861 section 6.3.4: a prefix with L has a route, and a lifetime of 0 takes it back. */
static void take_on_link(struct client_setup *s, const struct ra_on_link *a, uint64_t now_ms)
{
	struct on_link *l = find_on_link(s, &a->prefix);
	const char *why = NULL;

	if (l && l->prefix.addr.family) {
		l->until_ms = end_of(a->valid_s, now_ms);
		if (!a->valid_s)
			drop_on_link(s, l);
		return;
	}
	if (!a->valid_s)
		return;
	why = l ? permit_net(&s->permit, &a->prefix) : "there are too many of them";
	if (s->opts->hands_off)
		return;
	if (!why && route_dev_behind(s, &a->prefix) < 0)
		why = "there is another route to it";
	if (why)
		refuse(s, "network on the link", &a->prefix, why);
	else
		*l = (struct on_link){a->prefix, end_of(a->valid_s, now_ms)};
}

COLD void client_setup_advertised(struct client_setup *s, const struct ra *ra)
{
	uint64_t now_ms = clock_mono_ms();

	client_setup_end_due(s);
	take_address6(s, ra, now_ms);
	for (size_t i = 0; i < ra->n_on_link; i++)
		take_on_link(s, &ra->on_link[i], now_ms);
	s->onward6 = ra->router_lifetime_s && s->own6.addr.family;
	s->router_until_ms = now_ms + (uint64_t)ra->router_lifetime_s * 1000;
	follow_router(s);
	if (split_advertised(s->split, ra, now_ms))
		client_setup_judge_again(s);
	else
		apply_names(s); /* those of IPv6 may be reached now */
}

uint64_t client_setup_next_end_ms(const struct client_setup *s)
{
	uint64_t ret = s->own6.addr.family ? s->own6_until_ms : NEVER;
	uint64_t split = split_next_end_ms(s->split);

	if (split < ret)
		ret = split;

	if (s->onward6 && s->router_until_ms < ret)
		ret = s->router_until_ms;
	for (size_t i = 0; i < ARRAY_SIZE(s->on_link); i++)
		if (s->on_link[i].prefix.addr.family && s->on_link[i].until_ms < ret)
			ret = s->on_link[i].until_ms;
	return ret;
}

COLD void client_setup_end_due(struct client_setup *s)
{
	uint64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < ARRAY_SIZE(s->on_link); i++)
		if (s->on_link[i].prefix.addr.family && now_ms >= s->on_link[i].until_ms)
			drop_on_link(s, &s->on_link[i]);
	if (s->own6.addr.family && now_ms >= s->own6_until_ms)
		drop_own6(s);
	if (s->onward6 && (!s->own6.addr.family || now_ms >= s->router_until_ms)) {
		s->onward6 = false;
		follow_router(s);
	}
	if (split_end_due(s->split, now_ms))
		client_setup_judge_again(s);
}

struct addr client_setup_own6(const struct client_setup *s)
{
	return s->own6.addr;
}

bool client_setup_ipv6_onward(const struct client_setup *s)
{
	return s->onward6 || !s->has_all6;
}

void client_setup_warn_of_leak(struct client_setup *s)
{
	if (takes_all(s) && !s->has_all6 && !s->opts->hands_off &&
		netlink_has_default_route(s->nl, AF_INET6, tun_ifindex(s->tun)))
		log_event(NULL, EV_CLIENT_IPV6_BESIDE, "tun=%s", tun_name(s->tun));
}
