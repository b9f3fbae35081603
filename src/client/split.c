// SPDX-License-Identifier: Apache-2.0
#include "client/split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/advertised.h"
#include "client/policy.h"
#include "events/event.h"
#include "ip/dhcp.h"

#define LINES_MAX 32 /* about what is refused: a hostile server has much of it */

struct split {
	const struct client_opts *opts;
	struct netlink *nl;
	struct policy *policy;
	unsigned ifindex;
	struct pushed answered; /* as it came by DHCP */
	struct advertised advertised;
	struct pushed now, next; /* judged; in force, and what will be */
	bool on;                 /* in force: in the place of everything */
	unsigned lines;
};

int split_new(const struct client_opts *opts, struct netlink *nl, struct policy *policy,
	unsigned ifindex, struct split **ret)
{
	struct split *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->opts = opts;
	s->nl = nl;
	s->policy = policy;
	s->ifindex = ifindex;
	*ret = s;
	return 0;
}

void split_free(struct split *s)
{
	free(s);
}

/*
 * Where everything goes through the tunnel whatever happens, routes have nothing to say: with the kill
 * switch, which drops the rest, and in a network that has no other way.
 */
static bool takes_routes(const struct client_opts *o)
{
	return o->follow_pushed && !(o->default_route && (o->lock || o->apart));
}

/* ---- what the server says ---------------------------------------------------------- */

void split_answered(struct split *s, const struct dhcp_ack *ack)
{
	s->answered = (struct pushed){0};
	if (ack)
		pushed_dhcp(&s->answered, ack);
}

bool split_advertised(struct split *s, const struct ra *ra, uint64_t now_ms)
{
	return advertised_take(&s->advertised, ra, now_ms);
}

uint64_t split_next_end_ms(const struct split *s)
{
	return advertised_next_end_ms(&s->advertised);
}

bool split_end_due(struct split *s, uint64_t now_ms)
{
	return advertised_end_due(&s->advertised, now_ms);
}

/* ---- judging ---------------------------------------------------------- */

bool split_judge(struct split *s, const struct surroundings *around)
{
	struct pushed *p = &s->next;

	*p = s->answered;
	advertised_put(&s->advertised, p);
	if (!takes_routes(s->opts))
		p->n_routes = 0;
	for (size_t i = 0; i < s->opts->n_excluded; i++)
		pushed_beside(p, PUSHED_EXCLUDED, &s->opts->excluded[i]);
	if (p->n_routes)
		surroundings_judge(s->nl, around, p);
	pushed_judge(p, s->opts->accept_pushed);
	return !pushed_equal(p, &s->now);
}

bool split_will_be_on(const struct split *s)
{
	return s->opts->default_route && pushed_followed(&s->next);
}

bool split_is_on(const struct split *s)
{
	return s->on;
}

const struct pushed *split_pushed(const struct split *s)
{
	return &s->now;
}

/* ---- applying ---------------------------------------------------------- */

static const struct pushed_route *find(const struct pushed *p, const struct prefix *to)
{
	for (size_t i = 0; i < p->n_routes; i++)
		if (p->routes[i].to.len == to->len && addr_equal(&p->routes[i].to.addr, &to->addr))
			return &p->routes[i];
	return NULL;
}

static bool is_followed(const struct pushed *p, const struct prefix *to)
{
	const struct pushed_route *r = find(p, to);

	return r && !r->why;
}

static bool may_tell(struct split *s)
{
	return s->lines++ < LINES_MAX;
}

static void tell_route(struct split *s, const struct pushed_route *r)
{
	char to[PREFIX_TEXT_LEN], against[PREFIX_TEXT_LEN];

	if (!may_tell(s))
		return;
	if (r->against.addr.family)
		log_event(NULL, EV_CLIENT_PUSHED_REFUSED, "what=route to=%s reason=\"%s\" here=%s",
			prefix_format(&r->to, to), r->why, prefix_format(&r->against, against));
	else
		log_event(NULL, EV_CLIENT_PUSHED_REFUSED, "what=route to=%s reason=\"%s\"",
			prefix_format(&r->to, to), r->why);
}

/* What was refused before, for the same reason, is known. */
static void tell_refused(struct split *s)
{
	const struct pushed *p = &s->next, *before = &s->now;

	for (size_t i = 0; i < p->n_routes; i++) {
		const struct pushed_route *r = &p->routes[i], *known = find(before, &r->to);

		if (r->why && !(known && known->why == r->why))
			tell_route(s, r);
	}
	for (size_t i = 0; i < p->n_domains; i++) {
		const struct pushed_domain *d = &p->domains[i];
		bool known = false;

		for (size_t k = 0; k < before->n_domains; k++)
			known |= !strcmp(before->domains[k].name, d->name);
		if (d->why && !known && may_tell(s))
			log_event(NULL, EV_CLIENT_PUSHED_REFUSED,
				"what=domain name=\"%s\" reason=\"%s\"", d->name, d->why);
	}
	if (p->left_out && p->left_out != before->left_out && may_tell(s))
		log_event(NULL, EV_CLIENT_PUSHED_REFUSED, "what=rest number=%u reason=\"too many\"",
			p->left_out);
}

static void add_routes(struct split *s)
{
	for (size_t i = 0; i < s->next.n_routes; i++) {
		struct pushed_route *r = &s->next.routes[i];
		struct os_failure why = {0};
		int e;

		if (r->why || is_followed(&s->now, &r->to))
			continue;
		e = policy_route_add(s->policy, &r->to, &why);
		if (e < 0)
			log_event(NULL, why.event, "%s", why.text);
		if (e < 0)
			r->why = "the kernel's routes have no place for it";
	}
}

static void remove_routes(struct split *s)
{
	for (size_t i = 0; i < s->now.n_routes; i++)
		if (!s->now.routes[i].why && !is_followed(&s->next, &s->now.routes[i].to))
			policy_route_del(s->policy, &s->now.routes[i].to);
}

void split_apply(struct split *s)
{
	tell_refused(s);
	if (!s->opts->hands_off) {
		add_routes(s);
		remove_routes(s);
	}
	s->now = s->next;
	s->on = s->opts->default_route && pushed_followed(&s->now);
}
