// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the networks that lead to a session, beside its own address: what its user's grant says lies
 * behind it, a delegated prefix, a static address of no pool; when routes are exported, its own address,
 * too. What is wanted follows from the grant and the families that are up; settling compares that with
 * what is held. A network is claimed twice: in core/networks.h, where no two may overlap and from where
 * the kernel gets its routes, and in the directory, which leads packets here and says from where the
 * session may send.
 *
 * A network of another session is waited for: a router may have come back before its old session is gone,
 * or two routers of one office may stand in for each other. The first one has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "server/core/behind.h"
#include "server/core/networks.h"
#include "server/session/private.h"

#define NETWORKS_MAX (PREFIXES_MAX + 3) /* behind it, both own ones, the delegated one */

enum network_state { NEW, HELD, WAITING, REFUSED };

struct session_networks {
	size_t n;
	struct network_item {
		struct prefix prefix;
		enum network_kind kind;
		enum network_state state;
	} item[NETWORKS_MAX];
};

/* ---- what is wanted --------------------------------------------------------------- */

static void want(struct session_networks *w, const struct prefix *p, enum network_kind kind)
{
	if (p->addr.family && w->n < NETWORKS_MAX)
		w->item[w->n++] = (struct network_item){*p, kind, NEW};
}

static bool is_of_a_pool(const struct context *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_nets; i++)
		if (prefix_contains(&c->nets[i], a))
			return true;
	return false;
}

/* Its own address needs a route when no pool's leads to it, and when each one is exported. */
static void want_own(const struct session *s, struct session_networks *w)
{
	const struct context *c = s->site->context;
	const struct prefix *own = &s->claims[CLAIM_IPV4];

	if (c->config->routes.table || !is_of_a_pool(c, &own->addr))
		want(w, own, NETWORK_OWN);
	if (c->config->routes.table)
		want(w, &s->claims[CLAIM_IPV6], NETWORK_OWN);
}

/* It was up; what it has outlives a renegotiation. Of IPv6 that may be the link-local address alone. */
static bool has_family(const struct session *s, int family)
{
	return family == AF_INET ? s->claims[CLAIM_IPV4].addr.family
				 : s->link.guard.peer_link_local.family;
}

/*
 * The packet filter keeps clients apart by the pools' addresses (os/nft.h); one with an address of no pool
 * is kept apart here.
 */
static bool is_alone(const struct session *s)
{
	const struct context *c = s->site->context;
	const struct prefix *own = &s->claims[CLAIM_IPV4];

	return own->addr.family && !c->config->tunnel.client_to_client &&
	       !is_of_a_pool(c, &own->addr);
}

bool networks_admit(const struct session *s, const uint8_t address[static 4])
{
	const struct context *c = s->site->context;
	struct addr a = {.family = AF_INET};

	memcpy(a.octets, address, 4);
	for (size_t i = 0; i < c->n_nets; i++)
		if (prefix_contains(&c->nets[i], &a)) /* the first one is the server's */
			return addr_v4_value(&a) == addr_v4_value(&c->nets[i].addr) + 1;
	return !networks_is_own(c->networks, &a);
}

static void gather(const struct session *s, struct session_networks *w)
{
	struct prefixes behind;

	w->n = 0;
	prefixes_unpack(&s->grant->is.behind.list, &behind);
	want_own(s, w);
	for (size_t i = 0; i < behind.n; i++)
		if (has_family(s, behind.of[i].addr.family))
			want(w, &behind.of[i], NETWORK_BEHIND);
	want(w, &s->delegated, NETWORK_DELEGATED);
}

/* ---- claiming --------------------------------------------------------------------- */

static void refuse(const struct session *s, const struct network_item *item, const char *why)
{
	char text[PREFIX_TEXT_LEN];

	if (item->state != REFUSED)
		log_event(&s->scope, EV_NETWORK_OVERLAPS, "user=\"%s\" network=%s reason=\"%s\"",
			s->user, prefix_format(&item->prefix, text), why);
}

static void server_has(const struct context *c, struct pools *pools, struct behind_server *ret)
{
	*pools = (struct pools){.ordinary = c->pool, .n_named = c->n_pools};
	memcpy(pools->named, c->pools, sizeof(pools->named));
	*ret = (struct behind_server){pools, c->prefix6, c->delegate, &c->host};
}

/* What all clients learn is no contradiction: this one does not learn of it. */
static int check_routes(
	const struct session *s, const struct prefix *network, char why[static RANGES_TEXT_LEN])
{
	const struct grant_prefixes *routes = &s->grant->is.routes;
	struct prefixes list;

	if (routes->origin <= GRANT_DEFAULT)
		return 0;
	prefixes_unpack(&routes->list, &list);
	return behind_check_routes(network, &list, why);
}

/* The rules that held when the value was set: pools, addresses and routes may be others since. */
static bool may_have(const struct session *s, const struct network_item *item)
{
	const struct prefix peer = {s->peer.addr, (uint8_t)(8 * addr_len(&s->peer.addr))};
	char why[RANGES_TEXT_LEN] = "";
	struct behind_server server;
	struct pools pools;

	if (item->kind != NETWORK_BEHIND)
		return true;
	server_has(s->site->context, &pools, &server);
	if (prefix_overlaps(&item->prefix, &peer))
		text_format(why, sizeof(why), "%s",
			"it holds the address from which this client comes: the tunnel would run "
			"through itself");
	else if (!behind_check_network("behind", &item->prefix, &server, why))
		check_routes(s, &item->prefix, why);
	if (*why)
		refuse(s, item, why);
	return !*why;
}

/* The holder may be a session whose client is gone: it shows a sign of life, or ends. */
static void wait_for(struct session *s, const struct network_item *item, uint64_t holder,
	const struct prefix *with)
{
	char own[PREFIX_TEXT_LEN], other[PREFIX_TEXT_LEN];
	struct directory_hit at;

	if (item->state == WAITING || !holder)
		return;
	log_event(&s->scope, EV_NETWORK_TAKEN, "user=\"%s\" network=%s holder=%llu has=%s", s->user,
		prefix_format(&item->prefix, own), (unsigned long long)holder,
		prefix_format(with, other));
	if (directory_find(s->site->context->directory, holder, &at) == 0)
		order_send(s->site->context, &at, session_probe);
}

static enum network_state claim(struct session *s, const struct network_item *item)
{
	const struct context *c = s->site->context;
	struct prefix with;
	uint64_t holder;
	int r;

	if (!may_have(s, item))
		return REFUSED;
	r = networks_claim(
		c->networks, &item->prefix, item->kind, s->scope.session, &with, &holder);
	if (r == -EEXIST || r == -EAGAIN) {
		wait_for(s, item, r == -EEXIST ? holder : 0, &with);
		return WAITING;
	}
	if (!r && item->kind != NETWORK_OWN)
		r = directory_claim(c->directory, &item->prefix, s, s->site->index);
	if (!r)
		return HELD;
	networks_release(c->networks, &item->prefix, s->scope.session);
	return WAITING;
}

static void release(struct session *s, const struct network_item *item)
{
	const struct context *c = s->site->context;

	if (item->state != HELD)
		return;
	if (item->kind != NETWORK_OWN)
		directory_unclaim(c->directory, &item->prefix, s);
	networks_release(c->networks, &item->prefix, s->scope.session);
}

/* ---- settling --------------------------------------------------------------------- */

static struct network_item *find(struct session_networks *of, const struct network_item *like)
{
	for (size_t i = 0; of && i < of->n; i++)
		if (of->item[i].kind == like->kind && of->item[i].prefix.len == like->prefix.len &&
			addr_equal(&of->item[i].prefix.addr, &like->prefix.addr))
			return &of->item[i];
	return NULL;
}

static void log_held(const struct session *s)
{
	char text[400];

	networks_list(s, text, sizeof(text));
	log_event(&s->scope, EV_NETWORKS_ROUTED, "user=\"%s\" networks=\"%s\"", s->user, text);
}

static bool is_news(const struct network_item *item)
{
	return item->state == HELD && item->kind != NETWORK_OWN;
}

/* What is not wanted any more goes first: what comes may overlap it. True: what is held is other now. */
static bool change_to(struct session *s, struct session_networks *next)
{
	struct session_networks *before = s->networks;
	bool changed = false;

	for (size_t i = 0; before && i < before->n; i++)
		if (!find(next, &before->item[i])) {
			changed |= is_news(&before->item[i]);
			release(s, &before->item[i]);
		}
	for (size_t i = 0; i < next->n; i++) {
		const struct network_item *was = find(before, &next->item[i]);

		if (was)
			next->item[i].state = was->state;
		if (next->item[i].state == HELD)
			continue;
		next->item[i].state = claim(s, &next->item[i]);
		changed |= is_news(&next->item[i]);
	}
	return changed;
}

static void forget(struct session *s)
{
	if (!s->networks)
		return;
	s->site->with_networks--;
	free(s->networks);
	s->networks = NULL;
}

/* Without memory to remember what is held nothing is. */
static void keep(struct session *s, const struct session_networks *next)
{
	size_t size = offsetof(struct session_networks, item) + next->n * sizeof(next->item[0]);

	forget(s);
	s->networks = next->n ? malloc(size) : NULL;
	if (s->networks) {
		memcpy(s->networks, next, size);
		s->site->with_networks++;
	}
	for (size_t i = 0; i < next->n && !s->networks; i++)
		release(s, &next->item[i]);
}

void networks_settle(struct session *s)
{
	struct session_networks next;
	bool changed;

	if (!s->grant || s->leaving)
		return;
	gather(s, &next);
	s->alone = is_alone(s);
	if (!next.n && !s->networks)
		return;
	changed = change_to(s, &next);
	keep(s, &next);
	if (changed && s->networks)
		log_held(s);
}

void networks_tick(struct session *s)
{
	for (size_t i = 0; s->networks && i < s->networks->n; i++)
		if (s->networks->item[i].state == WAITING) {
			networks_settle(s);
			return;
		}
}

void networks_tick_all(struct site *site)
{
	if (site->with_networks)
		for (struct session *s = site->sessions; s; s = s->next)
			networks_tick(s);
}

void networks_give_back(struct session *s)
{
	for (size_t i = 0; s->networks && i < s->networks->n; i++)
		release(s, &s->networks->item[i]);
	forget(s);
}

bool networks_holds(const struct session *s, const struct prefix *p)
{
	for (size_t i = 0; s->networks && i < s->networks->n; i++)
		if (s->networks->item[i].state == HELD &&
			s->networks->item[i].prefix.len == p->len &&
			addr_equal(&s->networks->item[i].prefix.addr, &p->addr))
			return true;
	return false;
}

size_t networks_list(const struct session *s, char *ret, size_t cap)
{
	char one[PREFIX_TEXT_LEN];
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; s->networks && i < s->networks->n && n + sizeof(one) < cap; i++)
		if (s->networks->item[i].state == HELD && s->networks->item[i].kind != NETWORK_OWN)
			n += text_format(ret + n, cap - n, "%s%s", n ? " " : "",
				prefix_format(&s->networks->item[i].prefix, one));
	return n;
}
