// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Client number n has the mark and the table M = POLICY_MARK + n. In the order of asking:
 *
 *     fwmark M               lookup main          the tunnel's own connection
 *     fwmark M               unreachable          ... which never goes into a tunnel
 *     to SERVER tcp dport P  lookup main          only where rp_filter is strict
 *     to R                   lookup main          longer prefixes than R: the local networks
 *     to R                   lookup M             R dev TUN, throw EXCLUDED
 *
 * for each network R of a tunnel, the longest of all clients first, so that all tables together are
 * searched as one: the longest prefix wins. Everything (0.0.0.0/0, ::/0) is a network like others.
 *
 * src_valid_mark is left alone: with it the filter would look with the packet's mark, which what comes
 * from the server does not carry unless a packet filter restores it from the connection.
 */
#include "client/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "os/netlink.h"
#include "os/rule.h"

#define FOLDER "/run/culvert"
/* Priorities: four for each client, then two for each client and length of a prefix. */
#define PRIORITY_FIRST 10000
#define PRIORITY_MARK 0
#define PRIORITY_UNREACHABLE 1
#define PRIORITY_STRICT 2
#define PRIORITIES 4
#define PRIORITY_ROUTES (PRIORITY_FIRST + PRIORITIES * POLICY_CLIENTS_MAX)

#define PRIORITY_MAIN 32766 /* of the kernel's rule for the main table, which is asked after ours */
_Static_assert(PRIORITY_ROUTES + 2 * 129 * POLICY_CLIENTS_MAX <= PRIORITY_MAIN, "asked before");

struct policy {
	struct netlink *nl;
	unsigned ifindex, n;
	int lock;
	bool marked[2];     /* the rules of the mark are there: IPv4, IPv6 */
	struct rule strict; /* family 0: none */
};

/* ---- the number ---------------------------------------------------------- */

static int claim(unsigned n, int *ret_fd)
{
	char path[64];
	pid_t holder;

	mkdir(FOLDER, 0755); /* there already, or lockfile_take() says why not */
	snprintf(path, sizeof(path), FOLDER "/client-%u", n);
	return lockfile_take(path, ret_fd, &holder);
}

struct dead {
	uint64_t numbers; /* a bit for each number whose rules these are */
	struct rule rules[64];
	size_t n;
};

/* Whose rule it is; POLICY_CLIENTS_MAX: no client's. */
static uint32_t owner_of(const struct rule *rule)
{
	uint32_t at = rule->priority - PRIORITY_FIRST;

	if (rule->priority < PRIORITY_FIRST)
		return POLICY_CLIENTS_MAX;
	if (rule->priority < PRIORITY_ROUTES)
		return at / PRIORITIES;
	return (rule->priority - PRIORITY_ROUTES) / 2 % POLICY_CLIENTS_MAX;
}

static bool look_for_dead(const struct rule *rule, void *arg)
{
	struct dead *d = arg;
	uint32_t n = owner_of(rule);

	if (n < POLICY_CLIENTS_MAX && d->numbers & 1ULL << n)
		d->rules[d->n++] = *rule;
	return d->n < ARRAY_SIZE(d->rules);
}

/* In rounds: rules are not deleted while they are listed. */
static void delete_dead_rules(uint64_t numbers, int family)
{
	struct dead d;
	size_t gone;

	do {
		d = (struct dead){.numbers = numbers};
		rule_list(family, look_for_dead, &d, NULL);
		gone = 0;
		for (size_t i = 0; i < d.n; i++)
			gone += !rule_del(&d.rules[i], NULL);
	} while (d.n == ARRAY_SIZE(d.rules) && gone);
}

/* Routes into an interface go with it; those past the tunnel have none. */
struct dead_routes {
	struct netlink *nl;
	uint64_t numbers;
};

static bool delete_dead_route(const struct route *rt, void *arg)
{
	const struct dead_routes *d = arg;
	uint32_t n = rt->table - POLICY_MARK;

	if (rt->protocol == RTPROT_CULVERT && rt->table >= POLICY_MARK && n < POLICY_CLIENTS_MAX &&
		d->numbers & 1ULL << n)
		netlink_route_del(d->nl, rt, NULL);
	return true;
}

/* Of numbers that this process holds: another client may have any other. */
static void delete_remains(struct netlink *nl, uint64_t numbers)
{
	struct dead_routes routes = {nl, numbers};

	delete_dead_rules(numbers, AF_INET);
	delete_dead_rules(numbers, AF_INET6);
	netlink_routes(nl, AF_UNSPEC, delete_dead_route, &routes, NULL);
}

static bool note_owner(const struct rule *rule, void *arg)
{
	uint32_t n = owner_of(rule);

	if (n < POLICY_CLIENTS_MAX)
		*(uint64_t *)arg |= 1ULL << n;
	return true;
}

static bool note_route_owner(const struct route *rt, void *arg)
{
	uint32_t n = rt->table - POLICY_MARK;

	if (rt->protocol == RTPROT_CULVERT && rt->table >= POLICY_MARK && n < POLICY_CLIENTS_MAX)
		*(uint64_t *)arg |= 1ULL << n;
	return true;
}

/* What clients that were killed have left. Each number is held while its remains go. */
static void delete_remains_of_others(struct policy *p)
{
	uint64_t left = 0;

	rule_list(AF_INET, note_owner, &left, NULL);
	rule_list(AF_INET6, note_owner, &left, NULL);
	netlink_routes(p->nl, AF_UNSPEC, note_route_owner, &left, NULL);
	for (unsigned n = 0; n < POLICY_CLIENTS_MAX; n++) {
		int fd;

		if (!(left & 1ULL << n) || n == p->n || claim(n, &fd) < 0)
			continue;
		delete_remains(p->nl, 1ULL << n);
		close(fd);
	}
}

/*
 * Takes the first free number; what bears a free one is remains. Where no such file can be made (without
 * rights, in a namespace with no other client) it is the first number.
 */
static int take_number(struct policy *p)
{
	int r = -EBUSY;

	for (unsigned n = 0; n < POLICY_CLIENTS_MAX && r == -EBUSY; n++) {
		r = claim(n, &p->lock);
		p->n = r ? 0 : n;
	}
	if (r < 0)
		return r == -EBUSY ? r : 0;
	delete_remains(p->nl, 1ULL << p->n);
	delete_remains_of_others(p);
	return 0;
}

uint32_t policy_mark(const struct policy *p)
{
	return POLICY_MARK + p->n;
}

static uint32_t first_priority(const struct policy *p)
{
	return PRIORITY_FIRST + p->n * PRIORITIES;
}

/* ---- rules ---------------------------------------------------------- */

static int add_rule(const struct rule *rule, struct os_failure *why)
{
	int r = rule_add(rule, why);

	return r == -EEXIST ? 0 : r;
}

static int mark_family(struct policy *p, int family, struct os_failure *why)
{
	bool *done = &p->marked[family == AF_INET6];
	struct rule main = {.family = family,
		.priority = first_priority(p) + PRIORITY_MARK,
		.table = RT_TABLE_MAIN,
		.mark = policy_mark(p)};
	struct rule none = {.family = family,
		.priority = first_priority(p) + PRIORITY_UNREACHABLE,
		.mark = policy_mark(p)};
	int r = *done ? 0 : add_rule(&main, why);

	if (!*done && !r)
		r = add_rule(&none, why);
	*done = !r;
	return r;
}

int policy_new(struct netlink *nl, unsigned ifindex, struct policy **ret, struct os_failure *why)
{
	AUTO(policy) struct policy *p = malloc(sizeof(*p));
	int r;

	if (!p)
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "client set-up");
	*p = (struct policy){.nl = nl, .ifindex = ifindex, .lock = -1};
	r = take_number(p);
	if (r < 0)
		return os_fail(why, EV_ROUTE_REFUSED, r, "note in " FOLDER " that a client runs");
	mark_family(p, AF_INET, NULL); /* before the first connection: another client may have */
	mark_family(
		p, AF_INET6, NULL); /* ... everything. What fails is seen with the first route */
	*ret = TAKE(p);
	return 0;
}

static struct rule rule_of(const struct policy *p, const struct prefix *dst, bool local)
{
	uint32_t at = (128u - dst->len) * POLICY_CLIENTS_MAX + p->n;

	struct rule r = {.family = dst->addr.family,
		.priority = PRIORITY_ROUTES + 2 * at + !local,
		.table = local ? RT_TABLE_MAIN : policy_mark(p),
		.longer_than = local,
		.suppress_len = dst->len};

	if (dst->len)
		r.to = *dst;
	return r;
}

/* ---- networks of others ---------------------------------------------------------- */

struct taken {
	const struct policy *policy;
	const struct prefix *dst;
	bool taken;
};

/* A half of everything is how other VPNs take everything: two in turns would lead nowhere. */
static bool competes(const struct prefix *theirs, const struct prefix *ours)
{
	if (theirs->addr.family != ours->addr.family)
		return false;
	if (!ours->len)
		return theirs->len == 1;
	return theirs->len == ours->len && addr_equal(&theirs->addr, &ours->addr);
}

static bool look_at_route(const struct route *rt, void *arg)
{
	struct taken *t = arg;

	t->taken |= rt->table == RT_TABLE_MAIN && rt->ifindex != t->policy->ifindex &&
		    competes(&rt->dst, t->dst);
	return !t->taken;
}

static bool look_at_rule(const struct rule *rule, void *arg)
{
	struct taken *t = arg;
	uint32_t mark = policy_mark(t->policy);
	struct prefix to = rule->to;

	to.addr.family = (uint8_t)rule->family;
	t->taken |= rule->table != mark && (rule->table & POLICY_MARK_MASK) == POLICY_MARK &&
		    to.len == t->dst->len && (!to.len || addr_equal(&to.addr, &t->dst->addr));
	return !t->taken;
}

static bool is_taken(const struct policy *p, const struct prefix *dst)
{
	struct taken t = {p, dst, false};

	netlink_routes(p->nl, dst->addr.family, look_at_route, &t, NULL);
	if (!t.taken)
		rule_list(dst->addr.family, look_at_rule, &t, NULL);
	return t.taken;
}

/* ---- networks of the tunnel ---------------------------------------------------------- */

int policy_route_add(struct policy *p, const struct prefix *dst, struct os_failure *why)
{
	struct rule local = rule_of(p, dst, true), into = rule_of(p, dst, false);
	struct route rt = {.dst = *dst, .ifindex = p->ifindex, .table = policy_mark(p)};
	char text[ROUTE_TEXT_LEN];
	int r;

	if (is_taken(p, dst))
		return os_fail(
			why, EV_ROUTE_TAKEN, -EEXIST, "add route %s", route_format(&rt, text));
	r = mark_family(p, dst->addr.family, why);
	if (!r)
		r = netlink_route_add(p->nl, &rt, why);
	if (r == -EEXIST)
		r = 0; /* ours, from before */
	if (!r)
		r = add_rule(&local, why);
	return r ? r : add_rule(&into, why);
}

void policy_route_del(struct policy *p, const struct prefix *dst)
{
	struct rule local = rule_of(p, dst, true), into = rule_of(p, dst, false);
	struct route rt = {.dst = *dst, .ifindex = p->ifindex, .table = policy_mark(p)};

	rule_del(&into, NULL);
	rule_del(&local, NULL);
	netlink_route_del(p->nl, &rt, NULL);
}

int policy_exclude(struct policy *p, const struct prefix *dst, struct os_failure *why)
{
	struct route rt = {.dst = *dst, .type = RTN_THROW, .table = policy_mark(p)};
	int r = netlink_route_add(p->nl, &rt, why);

	return r == -EEXIST ? 0 : r;
}

/* ---- the strict filter ---------------------------------------------------------- */

static int read_switch(const char *of)
{
	char path[96], text[8] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", of);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		*text = '\0';
	close(fd);
	return atoi(text);
}

/* The larger one of `all` and the interface counts (ip-sysctl). `default` is for those to come. */
static bool is_strict(void)
{
	return read_switch("all") == 1 || read_switch("default") == 1;
}

void policy_server(struct policy *p, const struct endpoint *server)
{
	if (p->strict.family)
		rule_del(&p->strict, NULL);
	p->strict = (struct rule){0};
	if (server->addr.family != AF_INET || !is_strict()) /* there is none for IPv6 */
		return;
	p->strict = (struct rule){.family = AF_INET,
		.priority = first_priority(p) + PRIORITY_STRICT,
		.table = RT_TABLE_MAIN,
		.to = {server->addr, 32},
		.tcp_port = server->port};
	if (add_rule(&p->strict, NULL) < 0)
		p->strict = (struct rule){0};
}

/* Everything of this number: what it is now, and what an earlier one with it left. */
void policy_free(struct policy *p)
{
	if (!p)
		return;
	delete_remains(p->nl, 1ULL << p->n);
	if (p->lock >= 0)
		close(p->lock);
	free(p);
}
