// SPDX-License-Identifier: Apache-2.0
#include "client/advertised.h"

#include <string.h>

#include "base/auto.h"
#include "base/clock.h"

/* RFC 4191 section 2.3, RFC 8106 section 5.1: all ones stand for infinity. */
static uint64_t end_of(uint32_t lifetime_s, uint64_t now_ms)
{
	return lifetime_s == UINT32_MAX ? NEVER : now_ms + (uint64_t)lifetime_s * 1000;
}

static struct prefix *find_route(struct advertised *a, const struct prefix *p, uint64_t **ret_until)
{
	struct prefix *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(a->routes); i++) {
		struct prefix *own = &a->routes[i].to;
		bool same =
			own->addr.family && own->len == p->len && addr_equal(&own->addr, &p->addr);

		if (!same && (own->addr.family || found))
			continue;
		found = own;
		*ret_until = &a->routes[i].until_ms;
		if (same)
			break;
	}
	return found;
}

static bool take_route(struct advertised *a, const struct ra_route *r, uint64_t now_ms)
{
	uint64_t *until;
	struct prefix *place = find_route(a, &r->to, &until);
	bool had = place && place->addr.family;

	if (!place)
		return false;
	*place = r->lifetime_s ? r->to : (struct prefix){0};
	*until = end_of(r->lifetime_s, now_ms);
	return had != (r->lifetime_s != 0);
}

static struct addr *find_dns(struct advertised *a, const struct addr *dns, uint64_t **ret_until)
{
	struct addr *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(a->dns); i++) {
		bool same = addr_equal(&a->dns[i].addr, dns);

		if (!same && (a->dns[i].addr.family || found))
			continue;
		found = &a->dns[i].addr;
		*ret_until = &a->dns[i].until_ms;
		if (same)
			break;
	}
	return found;
}

static bool take_dns(
	struct advertised *a, const struct addr *dns, uint32_t lifetime_s, uint64_t now_ms)
{
	uint64_t *until;
	struct addr *place = find_dns(a, dns, &until);
	bool had = place && place->family;

	if (!place)
		return false;
	*place = lifetime_s ? *dns : (struct addr){0};
	*until = end_of(lifetime_s, now_ms);
	return had != (lifetime_s != 0);
}

static size_t find_name(const struct advertised *a, const char *name)
{
	size_t found = ARRAY_SIZE(a->search);

	for (size_t i = 0; i < ARRAY_SIZE(a->search); i++) {
		if (a->search[i].used && !strcmp(a->search[i].name, name))
			return i;
		if (!a->search[i].used && found == ARRAY_SIZE(a->search))
			found = i;
	}
	return found;
}

static bool take_name(struct advertised *a, const char *name, uint32_t lifetime_s, uint64_t now_ms)
{
	size_t at = find_name(a, name);
	bool had = at < ARRAY_SIZE(a->search) && a->search[at].used;

	if (at == ARRAY_SIZE(a->search))
		return false;
	memcpy(a->search[at].name, name, strlen(name) + 1);
	a->search[at].used = lifetime_s != 0;
	a->search[at].until_ms = end_of(lifetime_s, now_ms);
	return had != a->search[at].used;
}

bool advertised_take(struct advertised *a, const struct ra *ra, uint64_t now_ms)
{
	bool changed = advertised_end_due(a, now_ms);

	for (size_t i = 0; i < ra->n_routes; i++)
		changed |= take_route(a, &ra->routes[i], now_ms);
	for (size_t i = 0; i < ra->n_dns; i++)
		changed |= take_dns(a, &ra->dns[i], ra->dns_lifetime_s, now_ms);
	for (size_t i = 0; i < ra->n_search; i++)
		changed |= take_name(a, ra->search[i], ra->search_lifetime_s, now_ms);
	return changed;
}

static void earlier(uint64_t *end, uint64_t other)
{
	if (other < *end)
		*end = other;
}

uint64_t advertised_next_end_ms(const struct advertised *a)
{
	uint64_t end = NEVER;

	for (size_t i = 0; i < ARRAY_SIZE(a->routes); i++)
		if (a->routes[i].to.addr.family)
			earlier(&end, a->routes[i].until_ms);
	for (size_t i = 0; i < ARRAY_SIZE(a->dns); i++)
		if (a->dns[i].addr.family)
			earlier(&end, a->dns[i].until_ms);
	for (size_t i = 0; i < ARRAY_SIZE(a->search); i++)
		if (a->search[i].used)
			earlier(&end, a->search[i].until_ms);
	return end;
}

bool advertised_end_due(struct advertised *a, uint64_t now_ms)
{
	bool some = false;

	for (size_t i = 0; i < ARRAY_SIZE(a->routes); i++)
		if (a->routes[i].to.addr.family && now_ms >= a->routes[i].until_ms) {
			a->routes[i].to = (struct prefix){0};
			some = true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(a->dns); i++)
		if (a->dns[i].addr.family && now_ms >= a->dns[i].until_ms) {
			a->dns[i].addr = (struct addr){0};
			some = true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(a->search); i++)
		if (a->search[i].used && now_ms >= a->search[i].until_ms) {
			a->search[i].used = false;
			some = true;
		}
	return some;
}

void advertised_put(const struct advertised *a, struct pushed *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->routes); i++)
		if (a->routes[i].to.addr.family)
			pushed_route(ret, &a->routes[i].to);
	for (size_t i = 0; i < ARRAY_SIZE(a->dns); i++)
		if (a->dns[i].addr.family)
			pushed_dns(ret, &a->dns[i].addr);
	for (size_t i = 0; i < ARRAY_SIZE(a->search); i++)
		if (a->search[i].used)
			pushed_domain(ret, a->search[i].name, strlen(a->search[i].name));
}
