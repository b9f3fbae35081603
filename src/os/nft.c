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
 */
#include "os/nft.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "os/child.h"

#define PRIORITY_SRCNAT 100 /* NF_IP_PRI_NAT_SRC */

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

static void put_chain(json_t *commands, const char *table)
{
	json_array_append_new(commands,
		json_pack("{s: {s: {s: s, s: s, s: s, s: s, s: s, s: i, s: s}}}", "add", "chain",
			"family", "inet", "table", table, "name", "postrouting", "type", "nat",
			"hook", "postrouting", "prio", PRIORITY_SRCNAT, "policy", "accept"));
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

	json_array_append_new(
		commands, json_pack("{s: {s: {s: s, s: s, s: s, s: [o, o, {s: n}]}}}", "add",
				  "rule", "family", "inet", "table", table, "chain", "postrouting",
				  "expr", leaves, from, "masquerade"));
}

/* nft's own words are the best there are; its first line names what is wrong. */
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
	put_chain(commands, table);
	for (size_t i = 0; i < rules->n_masquerade; i++)
		put_masquerade(commands, table, rules->tun, &rules->masquerade[i]);
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
