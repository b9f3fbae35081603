// SPDX-License-Identifier: Apache-2.0
#include "aaa/offer.h"

#include <string.h>

static const struct grant_values nothing;

#define CHOOSE(own, of_all, field)                                                                 \
	((own)->field.origin > GRANT_DEFAULT ? &(own)->field : &(of_all)->field)

static void take_dns(const struct grant_addrs *list, struct offer *ret)
{
	ret->own_dns = list->origin > GRANT_DEFAULT;
	for (size_t i = 0; i < list->n; i++) {
		if (list->item[i].family == AF_INET)
			ret->dns[ret->n_dns++] = list->item[i];
		else
			ret->dns6[ret->n_dns6++] = list->item[i];
	}
}

static bool is_searched(const struct offer *t, const char *name)
{
	for (size_t i = 0; i < t->n_search; i++)
		if (!strcmp(t->search[i], name))
			return true;
	return false;
}

/*
 * The first domain is the connection's (option 15). The search list has to name the others, too: it is the
 * one list by which a client learns of them.
 */
static void take_names(
	const struct grant_domains *domains, const struct grant_domains *search, struct offer *ret)
{
	char name[GRANT_DOMAIN_LEN];

	ret->own_search = search->n > 0;
	for (const char *at = search->text; grant_domain_next(&at, name);)
		strcpy(ret->search[ret->n_search++], name);
	for (const char *at = domains->text; grant_domain_next(&at, name);) {
		if (!*ret->domain)
			strcpy(ret->domain, name);
		if ((domains->n > 1 || ret->n_search) && !is_searched(ret, name))
			strcpy(ret->search[ret->n_search++], name);
	}
}

static bool is_within(const struct prefixes *list, const struct prefix *p)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->of[i].len <= p->len && prefix_contains(&list->of[i], &p->addr))
			return true;
	return false;
}

/* What lies behind the client itself it does not send into the tunnel, whatever all clients learn. */
static void leave_out(struct prefixes *routes, const struct prefixes_packed *packed)
{
	struct prefixes behind;
	size_t n = 0;

	prefixes_unpack(packed, &behind);
	for (size_t i = 0; i < routes->n; i++)
		if (!is_within(&behind, &routes->of[i]))
			routes->of[n++] = routes->of[i];
	routes->n = n;
}

void offer_read(const struct grant *grant, const struct grant *defaults, struct offer *ret)
{
	const struct grant_values *own = grant ? &grant->is : &nothing;
	const struct grant_values *of_all = defaults ? &defaults->is : &nothing;

	ret->n_dns = ret->n_dns6 = ret->n_search = 0;
	ret->domain[0] = '\0';
	prefixes_unpack(&CHOOSE(own, of_all, routes)->list, &ret->routes);
	if (own->behind.list.n)
		leave_out(&ret->routes, &own->behind.list);
	take_dns(CHOOSE(own, of_all, dns), ret);
	take_names(CHOOSE(own, of_all, domains), CHOOSE(own, of_all, search), ret);
}

size_t offer_names(const struct offer *t)
{
	return t->n_search ? t->n_search : *t->domain != '\0';
}

const char *offer_name(const struct offer *t, size_t i)
{
	return t->n_search ? t->search[i] : t->domain;
}

bool offer_has_name(const struct offer *t, const char *name)
{
	for (size_t i = 0; i < offer_names(t); i++)
		if (!strcmp(offer_name(t, i), name))
			return true;
	return false;
}

bool offer_has_server(const struct offer *t, const struct addr *a)
{
	for (size_t i = 0; i < t->n_dns6; i++)
		if (addr_equal(&t->dns6[i], a))
			return true;
	return false;
}

static bool same_list(const struct grant_prefixes *a, const struct grant_prefixes *b)
{
	return a->list.n == b->list.n && a->list.len == b->list.len &&
	       !memcmp(a->list.octets, b->list.octets, a->list.len);
}

static bool same_servers(const struct grant_addrs *a, const struct grant_addrs *b)
{
	if (a->n != b->n || (a->origin > GRANT_DEFAULT) != (b->origin > GRANT_DEFAULT))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!addr_equal(&a->item[i], &b->item[i]))
			return false;
	return true;
}

bool offer_same(const struct grant *grant, const struct grant *defaults, const struct grant *before,
	const struct grant *defaults_before)
{
	const struct grant_values *a = grant ? &grant->is : &nothing;
	const struct grant_values *all_a = defaults ? &defaults->is : &nothing;
	const struct grant_values *b = before ? &before->is : &nothing;
	const struct grant_values *all_b = defaults_before ? &defaults_before->is : &nothing;

	return same_list(CHOOSE(a, all_a, routes), CHOOSE(b, all_b, routes)) &&
	       same_servers(CHOOSE(a, all_a, dns), CHOOSE(b, all_b, dns)) &&
	       !strcmp(CHOOSE(a, all_a, domains)->text, CHOOSE(b, all_b, domains)->text) &&
	       !strcmp(CHOOSE(a, all_a, search)->text, CHOOSE(b, all_b, search)->text);
}
