// SPDX-License-Identifier: Apache-2.0
/*
 * os/nft.c — NAT by nftables.
 *
 * Theory of operation. The `nft` program gets JSON (libnftables-json(5)) on its standard input;
 * linking libnftables itself would make this program GPL-2. One input is one transaction, so
 * "add table, delete table, add table and rules" replaces what was there in one step, whether
 * something was there or not.
 *
 * Masquerading is for packets from a pool that leave by another interface than the TUN:
 *
 *     chain postrouting { type nat hook postrouting priority srcnat;
 *         oifname != "culvert0" ip saddr 10.1.0.0/22 masquerade }
 *
 * Traffic between clients and to the server's own address keeps its addresses.
 *
 * The two other chains are stateless but for one rule: answers to what this host itself began.
 *
 *     chain forward { type filter hook forward priority filter;
 *         iifname "culvert0" oifname "culvert0" counter drop }
 *     chain input { type filter hook input priority filter;
 *         iifname "culvert0" icmp type { 0, 3, 8, 11, 12 } accept
 *         iifname "culvert0" icmpv6 type { 1, 2, 3, 4, 128, 129 } accept
 *         iifname "culvert0" meta l4proto { icmp, ipv6-icmp } counter drop
 *         iifname "culvert0" ct state established,related accept
 *         iifname "culvert0" meta l4proto { tcp, udp } th dport { 53, 67, 547 } accept
 *         iifname "culvert0" counter drop }
 */
#include "os/nft.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "os/child.h"

#define PRIORITY_SRCNAT 100 /* NF_IP_PRI_NAT_SRC */
#define PRIORITY_FILTER 0
#define RULESET_MAX (8u << 20) /* address lists of others may be long */

DEFINE_AUTO(json, json_t *, json_decref)

const char *nft_table_name(const char *instance, char ret[static NFT_TABLE_LEN])
{
	snprintf(ret, NFT_TABLE_LEN, "culvert_%s", instance);
	for (char *p = ret; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	return ret;
}

/* {verb: {"table": {...}}}, appended to the list of commands. */
static void put_table(json_t *commands, const char *verb, const char *table)
{
	json_array_append_new(commands, json_pack("{s: {s: {s: s, s: s}}}", verb, "table", "family",
						"inet", "name", table));
}

/* A base chain named after its hook. */
static void put_chain(
	json_t *commands, const char *table, const char *hook, const char *type, int priority)
{
	json_array_append_new(
		commands, json_pack("{s: {s: {s: s, s: s, s: s, s: s, s: s, s: i, s: s}}}", "add",
				  "chain", "family", "inet", "table", table, "name", hook, "type",
				  type, "hook", hook, "prio", priority, "policy", "accept"));
}

/* `expr` is stolen. */
static void put_rule(json_t *commands, const char *table, const char *chain, json_t *expr)
{
	json_array_append_new(
		commands, json_pack("{s: {s: {s: s, s: s, s: s, s: o}}}", "add", "rule", "family",
				  "inet", "table", table, "chain", chain, "expr", expr));
}

static json_t *match(const char *op, json_t *left, json_t *right)
{
	return json_pack(
		"{s: {s: s, s: o, s: o}}", "match", "op", op, "left", left, "right", right);
}

static void put_masquerade(
	json_t *commands, const char *table, const char *tun, const struct prefix *pool)
{
	char text[ADDR_TEXT_LEN];
	json_t *leaves =
		match("!=", json_pack("{s: {s: s}}", "meta", "key", "oifname"), json_string(tun));
	json_t *from = match("==",
		json_pack("{s: {s: s, s: s}}", "payload", "protocol",
			pool->addr.family == AF_INET ? "ip" : "ip6", "field", "saddr"),
		json_pack("{s: {s: s, s: i}}", "prefix", "addr", addr_format(&pool->addr, text),
			"len", pool->len));

	put_rule(commands, table, "postrouting",
		json_pack("[o, o, {s: n}]", leaves, from, "masquerade"));
}

static json_t *meta_is(const char *key, json_t *value)
{
	return match("==", json_pack("{s: {s: s}}", "meta", "key", key), value);
}

/* Those of a family, as a set; NULL: there are none. */
static json_t *prefixes_of(const struct nft_rules *rules, int family)
{
	json_t *set = json_array();
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < rules->n_apart; i++)
		if (rules->apart[i].addr.family == family)
			json_array_append_new(set, json_pack("{s: {s: s, s: i}}", "prefix", "addr",
							   addr_format(&rules->apart[i].addr, text),
							   "len", rules->apart[i].len));
	if (json_array_size(set))
		return json_pack("{s: o}", "set", set);
	json_decref(set);
	return NULL;
}

static json_t *address_is_of(const char *field, int family, json_t *set)
{
	return match("==",
		json_pack("{s: {s: s, s: s}}", "payload", "protocol",
			family == AF_INET ? "ip" : "ip6", "field", field),
		set);
}

static void put_apart(
	json_t *commands, const char *table, const struct nft_rules *rules, int family)
{
	json_t *from = prefixes_of(rules, family), *to = prefixes_of(rules, family);

	if (!from)
		return;
	put_rule(commands, table, "forward",
		json_pack("[o, o, o, o, {s: n}, {s: n}]",
			meta_is("iifname", json_string(rules->tun)),
			meta_is("oifname", json_string(rules->tun)),
			address_is_of("saddr", family, from), address_is_of("daddr", family, to),
			"counter", "drop"));
}

/*
 * Echo and errors alone, as ip/guard.c lets through: before conntrack, which calls a redirect of a
 * known connection "related". Router and neighbour discovery are answered in ip/, not by the kernel.
 */
static void put_icmp(json_t *commands, const char *table, const char *tun)
{
	json_t *four = match("==",
		json_pack("{s: {s: s, s: s}}", "payload", "protocol", "icmp", "field", "type"),
		json_pack("{s: [i, i, i, i, i]}", "set", 0, 3, 8, 11, 12));
	json_t *six = match("==",
		json_pack("{s: {s: s, s: s}}", "payload", "protocol", "icmpv6", "field", "type"),
		json_pack("{s: [i, i, i, i, i, i]}", "set", 1, 2, 3, 4, 128, 129));
	/* By number: nft looks names up in /etc/protocols, which a small system has not. */
	json_t *both =
		meta_is("l4proto", json_pack("{s: [i, i]}", "set", IPPROTO_ICMP, IPPROTO_ICMPV6));

	put_rule(commands, table, "input",
		json_pack("[o, o, {s: n}]", meta_is("iifname", json_string(tun)), four, "accept"));
	put_rule(commands, table, "input",
		json_pack("[o, o, {s: n}]", meta_is("iifname", json_string(tun)), six, "accept"));
	put_rule(commands, table, "input",
		json_pack("[o, o, {s: n}, {s: n}]", meta_is("iifname", json_string(tun)), both,
			"counter", "drop"));
}

static void put_guard(json_t *commands, const char *table, const char *tun)
{
	json_t *known = match("in", json_pack("{s: {s: s}}", "ct", "key", "state"),
		json_pack("[s, s]", "established", "related"));
	json_t *ports = match(
		"==", json_pack("{s: {s: s, s: s}}", "payload", "protocol", "th", "field", "dport"),
		json_pack("{s: [i, i, i]}", "set", 53, 67, 547));

	put_chain(commands, table, "input", "filter", PRIORITY_FILTER);
	put_icmp(commands, table, tun);
	put_rule(commands, table, "input",
		json_pack("[o, o, {s: n}]", meta_is("iifname", json_string(tun)), known, "accept"));
	put_rule(commands, table, "input",
		json_pack("[o, o, o, {s: n}]", meta_is("iifname", json_string(tun)),
			meta_is("l4proto",
				json_pack("{s: [i, i]}", "set", IPPROTO_TCP, IPPROTO_UDP)),
			ports, "accept"));
	put_rule(commands, table, "input",
		json_pack("[o, {s: n}, {s: n}]", meta_is("iifname", json_string(tun)), "counter",
			"drop"));
}

/* The first line of nft's own output names the fault. */
static int run(json_t *commands, const char *what, const char *table, struct os_failure *why)
{
	AUTO(json) json_t *all = json_pack("{s: O}", "nftables", commands);
	AUTO_MEM char *input = all ? json_dumps(all, JSON_COMPACT) : NULL;
	char nft[CHILD_PATH_LEN], output[120];
	int r;

	if (!input)
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "%s nft table %s", what, table);
	if (child_find("", "nft", nft) < 0)
		return os_fail(why, EV_NFT_MISSING, -ENOENT, "%s nft table %s", what, table);
	r = child_run(
		(const char *const[]){nft, "-j", "-f", "-", NULL}, input, output, sizeof(output));
	if (r < 0)
		return os_fail(why, EV_NFT_REFUSED, r, "%s nft table %s", what, table);
	if (r > 0) {
		output[strcspn(output, "\n")] = '\0';
		return os_fail(
			why, EV_NFT_REFUSED, -EIO, "%s nft table %s: %s", what, table, output);
	}
	return 0;
}

int nft_apply(const struct nft_rules *rules, struct os_failure *why)
{
	AUTO(json) json_t *commands = json_array();
	char table[NFT_TABLE_LEN];

	nft_table_name(rules->instance, table);
	put_table(commands, "add", table);
	put_table(commands, "delete", table);
	put_table(commands, "add", table);
	if (rules->n_masquerade)
		put_chain(commands, table, "postrouting", "nat", PRIORITY_SRCNAT);
	for (size_t i = 0; i < rules->n_masquerade; i++)
		put_masquerade(commands, table, rules->tun, &rules->masquerade[i]);
	if (rules->n_apart)
		put_chain(commands, table, "forward", "filter", PRIORITY_FILTER);
	put_apart(commands, table, rules, AF_INET);
	put_apart(commands, table, rules, AF_INET6);
	if (rules->guard_host)
		put_guard(commands, table, rules->tun);
	return run(commands, "write", table, why);
}

int nft_remove(const char *instance, struct os_failure *why)
{
	AUTO(json) json_t *commands = json_array();
	char table[NFT_TABLE_LEN];

	nft_table_name(instance, table);
	put_table(commands, "add", table);
	put_table(commands, "delete", table);
	return run(commands, "remove", table, why);
}

int nft_list(char **ret, struct os_failure *why)
{
	AUTO_MEM char *text = malloc(RULESET_MAX);
	char nft[CHILD_PATH_LEN];
	int r;

	if (!text)
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "list nft rules");
	if (child_find("", "nft", nft) < 0)
		return os_fail(why, EV_NFT_MISSING, -ENOENT, "list nft rules");
	r = child_run(
		(const char *const[]){nft, "-j", "list", "ruleset", NULL}, NULL, text, RULESET_MAX);
	if (r)
		return os_fail(why, EV_NFT_REFUSED, r < 0 ? r : -EIO, "list nft rules");
	*ret = TAKE(text);
	return 0;
}

/* An instance lives while its interface does: it is made before the table and goes after it. */
static bool is_alive(const char *table, const struct if_nameindex *links)
{
	char of_link[NFT_TABLE_LEN];

	for (; links->if_index; links++)
		if (!strcmp(nft_table_name(links->if_name, of_link), table))
			return true;
	return false;
}

int nft_remove_dead(const char *ruleset)
{
	AUTO(json) json_t *root = json_loads(ruleset, 0, NULL);
	struct if_nameindex *links = if_nameindex();
	const json_t *item;
	int removed = 0;
	size_t i;

	json_array_foreach(json_object_get(root, "nftables"), i, item)
	{
		const json_t *table = json_object_get(item, "table");
		const char *name = json_string_value(json_object_get(table, "name"));
		const char *family = json_string_value(json_object_get(table, "family"));

		if (links && name && family && !strcmp(family, "inet") &&
			!strncmp(name, "culvert_", 8) && !is_alive(name, links))
			removed += nft_remove(name + 8, NULL) == 0;
	}
	if (links)
		if_freenameindex(links);
	return removed;
}
