// SPDX-License-Identifier: Apache-2.0
#include "cli/user_offer.h"

#include <stdlib.h>

#include "aaa/offer.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/text.h"
#include "server/core/inform.h"

struct learning {
	const struct values_found *found;
	struct offer offer;
	struct inform_answer answer;
};

/* NULL: no memory. */
static struct learning *learn(const struct values_found *f, const struct config *cfg)
{
	AUTO(grant) struct grant *grant = NULL;
	struct learning *l = malloc(sizeof(*l));

	if (!l || grant_new(&f->all, &grant) < 0) {
		free(l);
		return NULL;
	}
	l->found = f;
	offer_read(grant, grant, &l->offer);
	inform_preview(&l->offer, cfg->tunnel.routes_split, &l->answer);
	return l;
}

/* ---- for people ------------------------------------------------------------ */

struct row {
	const char *label, *key, *by;
	size_t n; /* items so far */
};

static void put(struct row *r, const struct learning *l, const char *text)
{
	char from[400];

	if (r->n++) {
		text_fprintf(stdout, "  %-17s %s\n", "", text);
		return;
	}
	values_from(l->found, r->key, from, sizeof(from));
	text_fprintf(stdout, "  %-17s %-24s (%s; %s)\n", r->label, text, from, r->by);
}

static void put_routes(const struct learning *l, uint8_t family)
{
	struct row r = {family == AF_INET ? "routes" : "routes, IPv6", "routes",
		family == AF_INET ? "by DHCPINFORM: 121, 249" : "by router advertisement", 0};
	char text[PREFIX_TEXT_LEN];

	for (size_t i = 0; i < l->offer.routes.n; i++)
		if (l->offer.routes.of[i].addr.family == family)
			put(&r, l, prefix_format(&l->offer.routes.of[i], text));
}

static void put_servers(const struct learning *l)
{
	struct row four = {"name servers", "dns", "by IPCP, DHCPINFORM: 6", 0};
	struct row six = {"name servers, IPv6", "dns", "by router advertisement, DHCPv6", 0};
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < l->offer.n_dns; i++)
		put(&four, l, addr_format(&l->offer.dns[i], text));
	for (size_t i = 0; i < l->offer.n_dns6; i++)
		put(&six, l, addr_format(&l->offer.dns6[i], text));
}

static void put_domains(const struct learning *l)
{
	struct row domain = {"domain", "domains", "by DHCPINFORM: 15", 0};
	struct row search = {"search list", l->offer.own_search ? "search" : "domains",
		"by DHCPINFORM: 119, router advertisement, DHCPv6", 0};

	if (*l->offer.domain)
		put(&domain, l, l->offer.domain);
	for (size_t i = 0; i < l->offer.n_search; i++)
		put(&search, l, l->offer.search[i]);
}

static void put_left_out(const struct inform_answer *a)
{
	if (a->left_routes)
		text_fprintf(stdout,
			"  %-17s %zu of %zu IPv4 routes: the answer to Windows has no room for them%s\n",
			"left out", a->left_routes, a->routes + a->left_routes,
			"; wider networks need less");
	if (a->left_names)
		text_fprintf(stdout,
			"  %-17s %zu domains: the answer to Windows has no room for them\n",
			"left out", a->left_names);
}

void user_offer_print(const struct values_found *f, const struct config *cfg)
{
	AUTO_MEM struct learning *l = learn(f, cfg);

	if (!l)
		return;
	fputs("\nWhat the client learns on its link:\n", stdout);
	if (!l->offer.routes.n)
		text_fprintf(stdout, "  %-17s none\n", "routes");
	put_routes(l, AF_INET);
	put_routes(l, AF_INET6);
	put_servers(l);
	put_domains(l);
	put_left_out(&l->answer);
}

/* ---- for programs ------------------------------------------------------------ */

static json_t *addresses(const struct addr *list, size_t n)
{
	json_t *all = json_array();
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_string(addr_format(&list[i], text)));
	return all;
}

static json_t *networks(const struct prefixes *list, uint8_t family)
{
	json_t *all = json_array();
	char text[PREFIX_TEXT_LEN];

	for (size_t i = 0; i < list->n; i++)
		if (list->of[i].addr.family == family)
			json_array_append_new(all, json_string(prefix_format(&list->of[i], text)));
	return all;
}

static json_t *from(const struct learning *l, const char *key)
{
	char text[400];

	values_from(l->found, key, text, sizeof(text));
	return json_text(text);
}

json_t *user_offer_json(const struct values_found *f, const struct config *cfg)
{
	AUTO_MEM struct learning *l = learn(f, cfg);
	json_t *search = json_array();

	if (!l)
		return search;
	for (size_t i = 0; i < l->offer.n_search; i++)
		json_array_append_new(search, json_string(l->offer.search[i]));
	return json_pack("{s:{s:o, s:o, s:I, s:o}, s:{s:o, s:o, s:o}, s:{s:s, s:o}, s:{s:o, s:o}}",
		"routes", "ipv4", networks(&l->offer.routes, AF_INET), "ipv6",
		networks(&l->offer.routes, AF_INET6), "left_out", (json_int_t)l->answer.left_routes,
		"from", from(l, "routes"), "dns", "ipv4", addresses(l->offer.dns, l->offer.n_dns),
		"ipv6", addresses(l->offer.dns6, l->offer.n_dns6), "from", from(l, "dns"), "domain",
		"value", l->offer.domain, "from", from(l, "domains"), "search", "value", search,
		"from", from(l, l->offer.own_search ? "search" : "domains"));
}
