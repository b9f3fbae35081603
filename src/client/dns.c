// SPDX-License-Identifier: Apache-2.0
#include "client/dns.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "events/event.h"
#include "os/resolver.h"

static const char no_way[] = "no route that the server pushed leads there";
static const char no_domain[] =
	"the server names no domain for it: it would be asked for all names";

void client_dns_init(struct client_dns *d, const struct client_opts *opts, const char *ifname,
	const struct permit *permit)
{
	*d = (struct client_dns){.opts = opts, .ifname = ifname, .permit = permit};
}

void client_dns_done(struct client_dns *d)
{
	resolver_restore(d->resolver);
	d->resolver = NULL;
}

/* ---- choosing ---------------------------------------------------------- */

static void refuse(struct client_dns *d, enum event ev, const struct addr *a, const char *why)
{
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < d->n_told; i++)
		if (addr_equal(&d->told[i], a))
			return;
	if (d->n_told == ARRAY_SIZE(d->told))
		return;
	d->told[d->n_told++] = *a;
	log_event(NULL, ev, "what=\"name server\" address=%s reason=\"%s\"", addr_format(a, text),
		why);
}

static void take_server(
	struct client_dns *d, const struct dns_offer *o, const struct addr *a, struct dns_wish *w)
{
	const char *why = permit_host(d->permit, a);

	for (size_t i = 0; i < w->n_servers; i++)
		if (addr_equal(&w->servers[i], a))
			return;
	if (why)
		refuse(d, EV_CLIENT_ADDRESS_REFUSED, a, why);
	else if (!o->leads_to(o->arg, a))
		refuse(d, EV_CLIENT_PUSHED_REFUSED, a, no_way);
	else if (w->n_servers < ARRAY_SIZE(w->servers))
		w->servers[w->n_servers++] = *a;
}

static void take_servers(struct client_dns *d, const struct dns_offer *o, struct dns_wish *w)
{
	const struct pushed *p = o->pushed;

	for (size_t i = 0; i < p->n_dns; i++)
		if (p->dns[i].why)
			refuse(d, EV_CLIENT_PUSHED_REFUSED, &p->dns[i].addr, p->dns[i].why);
		else
			take_server(d, o, &p->dns[i].addr, w);
	for (size_t i = 0; i < o->n_ipcp; i++)
		if (o->ipcp[i].family)
			take_server(d, o, &o->ipcp[i], w);
}

static void take_domain(struct dns_wish *w, const char *name)
{
	if (!strcmp(name, "."))
		w->all_names = true;
	else if (w->n_domains < ARRAY_SIZE(w->domains))
		snprintf(w->domains[w->n_domains++], PUSHED_NAME_LEN, "%s", name);
}

/* The user's domains stand in the place of the server's. */
static void take_domains(const struct client_dns *d, const struct dns_offer *o, struct dns_wish *w)
{
	const struct pushed *p = o->pushed;

	for (size_t i = 0; i < d->opts->n_dns_domains; i++)
		take_domain(w, d->opts->dns_domains[i]);
	for (size_t i = 0; i < p->n_domains && !d->opts->n_dns_domains; i++)
		if (!p->domains[i].why)
			take_domain(w, p->domains[i].name);
}

void client_dns_choose(struct client_dns *d, const struct dns_offer *o, struct dns_wish *ret)
{
	*ret = (struct dns_wish){.all_names = o->all_names};
	if (!d->opts->dns)
		return;
	take_domains(d, o, ret);
	take_servers(d, o, ret);
	if (!o->split || ret->n_domains || ret->all_names || d->opts->accept_pushed)
		return;
	for (size_t i = 0; i < ret->n_servers; i++)
		refuse(d, EV_CLIENT_PUSHED_REFUSED, &ret->servers[i], no_domain);
	ret->n_servers = 0;
}

/* ---- setting ---------------------------------------------------------- */

static bool is_same(const struct dns_wish *a, const struct dns_wish *b)
{
	if (a->n_servers != b->n_servers)
		return false;
	if (a->n_servers && (a->n_domains != b->n_domains || a->all_names != b->all_names))
		return false; /* without a server the rest says nothing */
	for (size_t i = 0; i < a->n_servers; i++)
		if (!addr_equal(&a->servers[i], &b->servers[i]))
			return false;
	for (size_t i = 0; a->n_servers && i < a->n_domains; i++)
		if (strcmp(a->domains[i], b->domains[i]))
			return false;
	return true;
}

static void tell(const struct client_dns *d, const struct resolver_opts *o)
{
	const char *used = resolver_way_name(resolver_way(d->resolver));

	if (*resolver_passed_over(d->resolver))
		log_event(NULL, EV_DNS_WAY_FAILED, "used=\"%s\" %s", used,
			resolver_passed_over(d->resolver));
	if (o->n_domains && !o->all_names && !resolver_splits(d->resolver))
		log_event(NULL, EV_DNS_NOT_SPLIT, "used=\"%s\"", used);
}

int client_dns_set(struct client_dns *d, const struct dns_wish *w, struct os_failure *why)
{
	const char *domains[CLIENT_DNS_DOMAINS_MAX];
	struct resolver_opts opts = {.root = "",
		.ifname = d->ifname,
		.servers = w->servers,
		.n_servers = w->n_servers,
		.all_names = w->all_names,
		.own_file = d->opts->apart,
		.domains = domains,
		.n_domains = w->n_domains};
	int r;

	if (is_same(w, &d->now))
		return 0;
	for (size_t i = 0; i < w->n_domains; i++)
		domains[i] = w->domains[i];
	client_dns_done(d);
	d->now = *w;
	r = w->n_servers ? resolver_set(&opts, &d->resolver, why) : 0;
	if (!r && w->n_servers)
		tell(d, &opts);
	return r;
}
