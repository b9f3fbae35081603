// SPDX-License-Identifier: Apache-2.0
/*
 * ip/pushed.c: any pushes against any surroundings. What is followed must hold nothing of this machine and
 * no default route, and a domain that is followed must be one.
 *
 * Input: items, each a kind and its octets: 0 route, 1 name server, 2 domain, 3 and on what is beside.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "ip/packet.h"
#include "ip/pushed.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

#define BESIDE_MAX 32

struct beside {
	enum pushed_use use;
	struct prefix net;
};

static void must(bool b)
{
	if (!b)
		abort();
}

static struct prefix take_prefix(struct rd *r)
{
	struct prefix p = {.addr.family = rd_u8(r) & 1 ? AF_INET6 : AF_INET, .len = rd_u8(r)};

	rd_copy(r, p.addr.octets, addr_len(&p.addr));
	return p;
}

static void check_route(const struct pushed_route *r, const struct beside *beside, size_t n)
{
	bool v4 = r->to.addr.family == AF_INET;
	bool local = v4 ? r->to.addr.octets[0] == 10 || r->to.addr.octets[0] == 172 ||
				     r->to.addr.octets[0] == 192 || r->to.addr.octets[0] == 100 ||
				     r->to.addr.octets[0] == 198
			: (r->to.addr.octets[0] & 0xfe) == 0xfc;

	must(r->to.len >= (local ? 7 : v4 ? 8 : 16));
	must(ip_scope_of(r->to.addr.family, r->to.addr.octets) == IP_UNICAST || r->to.len < 128);
	for (size_t i = 0; i < n; i++) {
		const struct prefix *net = &beside[i].net;

		if (beside[i].use == PUSHED_LOCAL)
			must(!prefix_overlaps(&r->to, net));
		else if (beside[i].use <= PUSHED_RESOLVER)
			must(!prefix_contains(&r->to, &net->addr));
		else if (net->len > 1)
			must(!(net->len <= r->to.len && prefix_contains(net, &r->to.addr)));
	}
}

/* No two addresses of different /8s that are public: that would be more than one /8. */
static void check_union(const struct pushed *p)
{
	unsigned eights[256] = {0}, n = 0;

	for (size_t i = 0; i < p->n_routes; i++)
		if (!p->routes[i].why && p->routes[i].to.addr.family == AF_INET &&
			p->routes[i].to.len == 8 && p->routes[i].to.addr.octets[0] != 10 &&
			!eights[p->routes[i].to.addr.octets[0]]++)
			n++;
	must(n <= 1);
}

static void check_domain(const struct pushed_domain *d)
{
	must(strchr(d->name, '.') && strlen(d->name) < 254);
	must(strspn(d->name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(d->name));
	must(d->name[0] != '.' && d->name[strlen(d->name) - 1] != '.' && !strstr(d->name, ".."));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct pushed *p = calloc(1, sizeof(*p));
	struct beside beside[BESIDE_MAX];
	struct rd r = rd_init(octets, n);
	size_t n_beside = 0;

	must(p != NULL);
	while (rd_left(&r)) {
		uint8_t kind = rd_u8(&r) % 9;
		struct prefix net;

		if (kind == 2) {
			size_t len = rd_u8(&r);

			len = len < rd_left(&r) ? len : rd_left(&r);
			pushed_domain(p, (const char *)r.p, len);
			rd_ptr(&r, len);
			continue;
		}
		net = take_prefix(&r);
		if (kind == 0)
			pushed_route(p, &net);
		else if (kind == 1)
			pushed_dns(p, &net.addr);
		else if (n_beside < BESIDE_MAX && net.len <= 8 * addr_len(&net.addr))
			beside[n_beside++] = (struct beside){(enum pushed_use)(kind - 3), net};
	}
	for (size_t i = 0; i < n_beside; i++)
		pushed_beside(p, beside[i].use, &beside[i].net);
	pushed_judge(p, false);
	for (size_t i = 0; i < p->n_routes; i++)
		if (!p->routes[i].why)
			check_route(&p->routes[i], beside, n_beside);
	check_union(p);
	for (size_t i = 0; i < p->n_domains; i++)
		if (!p->domains[i].why)
			check_domain(&p->domains[i]);
	pushed_judge(p, true);
	must(pushed_equal(p, p));
	free(p);
	return 0;
}
