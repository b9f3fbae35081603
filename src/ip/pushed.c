// SPDX-License-Identifier: Apache-2.0
#include "ip/pushed.h"

#include <errno.h>
#include <string.h>

#include "ip/packet.h"

/* How much a server may take of what is not private: one /8 of IPv4, one /16 of IPv6. */
#define V4_LEN_MIN 8
#define V6_LEN_MIN 16
#define V4_MOST (1ull << (32 - V4_LEN_MIN))
#define V6_MOST (1ull << (64 - V6_LEN_MIN)) /* in /64s */

static const char no_unicast[] = "no host can be there";
static const char takes_special[] = "it takes in addresses that never leave a link or a host";
static const char too_short[] =
	"it comes to a default route: shorter than /8 (IPv6: /16, private addresses: /7)";
static const char too_much[] =
	"the server's routes together come to a default route: more than a /8 of public addresses "
	"(IPv6: a /16)";

static const char *const reasons[] = {
	[PUSHED_OUTER] = "the connection to the server (or proxy) goes there",
	[PUSHED_LOCAL] = "it overlaps a network that this machine is in",
	[PUSHED_GATEWAY] = "a gateway of this machine is there",
	[PUSHED_RESOLVER] = "a name server of this machine is there",
	[PUSHED_ELSEWHERE] = "a route of this machine leads there another way",
	[PUSHED_EXCLUDED] = "--exclude keeps it out of the tunnel",
};

#define V4(a, b, len)                                                                              \
	{                                                                                          \
		{AF_INET, {a, b}}, len                                                             \
	}
#define V6(a, b, len)                                                                              \
	{                                                                                          \
		{AF_INET6, {a, b}}, len                                                            \
	}

static const struct prefix special[] = {
	V4(0, 0, 8),
	V4(127, 0, 8),
	V4(169, 254, 16),
	V4(224, 0, 3),                                /* multicast, and class E */
	V6(0, 0, 96),                                 /* ::, ::1, IPv4-compatible */
	{{AF_INET6, {[10] = 0xff, [11] = 0xff}}, 96}, /* IPv4-mapped */
	V6(0xfe, 0x80, 10),
	V6(0xff, 0, 8),
};

static const struct prefix private_nets[] = {
	V4(10, 0, 8),
	V4(172, 16, 12),
	V4(192, 168, 16),
	V4(100, 64, 10), /* RFC 6598 */
	V4(198, 18, 15), /* RFC 2544 */
	V6(0xfc, 0, 7),
};

/* All of `inner` lies in `outer`. */
static bool holds(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->addr);
}

static bool is_private(const struct prefix *p)
{
	for (size_t i = 0; i < sizeof(private_nets) / sizeof(*private_nets); i++)
		if (holds(&private_nets[i], p))
			return true;
	return false;
}

/* ---- routes ---------------------------------------------------------- */

static bool is_too_short(const struct prefix *p)
{
	return !is_private(p) && p->len < (p->addr.family == AF_INET ? V4_LEN_MIN : V6_LEN_MIN);
}

static void judge_alone(struct pushed_route *r)
{
	if (is_too_short(&r->to))
		r->why = too_short;
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		if (holds(&special[i], &r->to)) {
			r->why = no_unicast;
			r->never = true;
			return;
		}
		if (!r->why && holds(&r->to, &special[i]))
			r->why = takes_special;
	}
}

static struct prefix without_host_bits(struct prefix p)
{
	if (p.len % 8)
		p.addr.octets[p.len / 8] &= (uint8_t)(0xff00 >> p.len % 8);
	for (unsigned i = (p.len + 7u) / 8; i < sizeof(p.addr.octets); i++)
		p.addr.octets[i] = 0;
	return p;
}

static bool is_same(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

int pushed_route(struct pushed *p, const struct prefix *to)
{
	struct pushed_route r = {.to = *to};

	if (!addr_len(&to->addr) || to->len > 8 * addr_len(&to->addr))
		return -EINVAL;
	r.to = without_host_bits(*to);
	for (size_t i = 0; i < p->n_routes; i++)
		if (is_same(&p->routes[i].to, &r.to))
			return 0;
	if (p->n_routes == PUSHED_ROUTES_MAX) {
		p->left_out++;
		return 0;
	}
	judge_alone(&r);
	p->routes[p->n_routes++] = r;
	return 0;
}

static bool stands_against(
	const struct pushed_route *r, enum pushed_use use, const struct prefix *net)
{
	switch (use) {
	case PUSHED_OUTER:
	case PUSHED_GATEWAY:
	case PUSHED_RESOLVER: return prefix_contains(&r->to, &net->addr);
	case PUSHED_LOCAL: return prefix_overlaps(&r->to, net);
	case PUSHED_ELSEWHERE: /* a longer one of this machine goes on as before; a half of all is all */
		return net->len > 1 && holds(net, &r->to);
	case PUSHED_EXCLUDED: return holds(net, &r->to);
	}
	return false;
}

void pushed_beside(struct pushed *p, enum pushed_use use, const struct prefix *net)
{
	for (size_t i = 0; i < p->n_routes; i++) {
		struct pushed_route *r = &p->routes[i];
		bool never = use == PUSHED_EXCLUDED;

		if (r->never || (r->why && !never) || !stands_against(r, use, net))
			continue;
		r->why = reasons[use];
		r->never = never;
		r->against = *net;
	}
}

/* ---- all of them together ---------------------------------------------------------- */

static bool is_counted(const struct pushed_route *r, int family)
{
	return !r->why && r->to.addr.family == family && !is_private(&r->to);
}

/* Does another one that counts hold all of it? There are no two that are the same. */
static bool is_within_another(const struct pushed *p, const struct pushed_route *r)
{
	for (size_t i = 0; i < p->n_routes; i++)
		if (&p->routes[i] != r && is_counted(&p->routes[i], r->to.addr.family) &&
			holds(&p->routes[i].to, &r->to))
			return true;
	return false;
}

/* In addresses of IPv4, or /64s of IPv6: each of those that count has at least the shortest length. */
static uint64_t size_of(const struct prefix *p)
{
	unsigned bits = p->addr.family == AF_INET ? 32 : 64;

	return 1ull << (p->len < bits ? bits - p->len : 0);
}

static uint64_t union_size(const struct pushed *p, int family)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n_routes; i++)
		if (is_counted(&p->routes[i], family) && !is_within_another(p, &p->routes[i]))
			sum += size_of(&p->routes[i].to);
	return sum;
}

static void judge_union(struct pushed *p, int family, uint64_t most)
{
	if (union_size(p, family) <= most)
		return;
	for (size_t i = 0; i < p->n_routes; i++)
		if (is_counted(&p->routes[i], family))
			p->routes[i].why = too_much;
}

static void accept_all(struct pushed *p)
{
	for (size_t i = 0; i < p->n_routes; i++)
		if (!p->routes[i].never)
			p->routes[i].why = NULL;
	for (size_t i = 0; i < p->n_domains; i++)
		if (!p->domains[i].never)
			p->domains[i].why = NULL;
}

void pushed_judge(struct pushed *p, bool accept)
{
	if (accept) {
		accept_all(p);
		return;
	}
	judge_union(p, AF_INET, V4_MOST);
	judge_union(p, AF_INET6, V6_MOST);
}

size_t pushed_followed(const struct pushed *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_routes; i++)
		n += !p->routes[i].why;
	return n;
}

bool pushed_reaches(const struct pushed *p, const struct addr *to)
{
	for (size_t i = 0; i < p->n_routes; i++)
		if (!p->routes[i].why && prefix_contains(&p->routes[i].to, to))
			return true;
	return false;
}

/* ---- name servers ---------------------------------------------------------- */

void pushed_dns(struct pushed *p, const struct addr *server)
{
	for (size_t i = 0; i < p->n_dns; i++)
		if (addr_equal(&p->dns[i].addr, server))
			return;
	if (!addr_len(server) || p->n_dns == PUSHED_DNS_MAX) {
		p->left_out++;
		return;
	}
	p->dns[p->n_dns++] = (struct pushed_dns){*server,
		ip_scope_of(server->family, server->octets) == IP_UNICAST ? NULL : no_unicast};
}

/* ---- domains ---------------------------------------------------------- */

static const char no_domain[] = "it is no domain name";
static const char takes_all_names[] = "it takes all names";
static const char one_label[] = "a domain of one label takes the names of all who are below it";
static const char not_dns[] = "its names are not for the DNS of a network";

/* Names below these belong to the host, the link or all networks (RFC 6761, 7686, 8375, 8880, 9462). */
static const char *const not_for_dns[] = {
	"localhost", "invalid", "onion", "home.arpa", "ipv4only.arpa", "resolver.arpa", NULL};
static const char *const all_reverse[] = {"in-addr.arpa", "ip6.arpa", NULL};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* RFC 1035 section 2.3.1, digits first (RFC 1123) and underscores as well. */
static bool is_label(const char *s, size_t n)
{
	if (!n || n > 63 || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_letter(s[i]) && s[i] != '-')
			return false;
	return true;
}

/* Returns how many labels, 0: it is none. */
static unsigned count_labels(const char *name)
{
	unsigned n = 0;

	for (const char *p = name;; p++) {
		size_t len = strcspn(p, ".");

		if (!is_label(p, len))
			return 0;
		n++;
		p += len;
		if (!*p)
			return n;
	}
}

static bool is_below(const char *name, const char *const *list)
{
	for (; *list; list++) {
		size_t n = strlen(name), m = strlen(*list);

		if (n >= m && !strcmp(name + n - m, *list) && (n == m || name[n - m - 1] == '.'))
			return true;
	}
	return false;
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

/* An address looks like four labels. */
static bool ends_in_digits(const char *name)
{
	const char *last = strrchr(name, '.');

	last = last ? last + 1 : name;
	return strspn(last, "0123456789") == strlen(last);
}

static void judge_domain(struct pushed_domain *d)
{
	unsigned labels = count_labels(d->name);

	if (!strcmp(d->name, ".")) {
		d->why = takes_all_names;
		return;
	}
	d->never = !labels || ends_in_digits(d->name) || is_below(d->name, not_for_dns);
	if (!labels || ends_in_digits(d->name))
		d->why = no_domain;
	else if (d->never)
		d->why = not_dns;
	else if (labels == 1)
		d->why = one_label;
	else if (is_one_of(d->name, all_reverse))
		d->why = takes_all_names;
}

void pushed_domain(struct pushed *p, const char *name, size_t n)
{
	struct pushed_domain d = {0};

	if (p->n_domains == PUSHED_DOMAINS_MAX || n >= sizeof(d.name)) {
		p->left_out++;
		return;
	}
	for (size_t i = 0; i < n; i++) /* a zero inside is no letter either */
		d.name[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32
				   : name[i]                        ? name[i]
								    : '?');
	if (n > 1 && d.name[n - 1] == '.' && d.name[n - 2] != '.')
		d.name[n - 1] = '\0';
	if (!n)
		d.name[0] = '.';
	for (size_t i = 0; i < p->n_domains; i++)
		if (!strcmp(p->domains[i].name, d.name))
			return;
	judge_domain(&d);
	p->domains[p->n_domains++] = d;
}

void pushed_dhcp(struct pushed *p, const struct dhcp_ack *ack)
{
	for (size_t i = 0; i < ack->n_routes; i++)
		pushed_route(p, &ack->routes[i].to);
	for (size_t i = 0; i < ack->n_dns; i++)
		pushed_dns(p, &ack->dns[i]);
	if (*ack->domain)
		pushed_domain(p, ack->domain, strlen(ack->domain));
	for (size_t i = 0; i < ack->search.n; i++)
		pushed_domain(p, ack->search.of[i], strlen(ack->search.of[i]));
}

/* ---- comparing ---------------------------------------------------------- */

bool pushed_equal(const struct pushed *a, const struct pushed *b)
{
	if (a->n_routes != b->n_routes || a->n_dns != b->n_dns || a->n_domains != b->n_domains)
		return false;
	for (size_t i = 0; i < a->n_routes; i++)
		if (!is_same(&a->routes[i].to, &b->routes[i].to) ||
			a->routes[i].why != b->routes[i].why)
			return false;
	for (size_t i = 0; i < a->n_dns; i++)
		if (!addr_equal(&a->dns[i].addr, &b->dns[i].addr) || a->dns[i].why != b->dns[i].why)
			return false;
	for (size_t i = 0; i < a->n_domains; i++)
		if (strcmp(a->domains[i].name, b->domains[i].name))
			return false;
	return true;
}
