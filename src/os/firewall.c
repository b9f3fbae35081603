// SPDX-License-Identifier: Apache-2.0
#include "os/firewall.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"

DEFINE_AUTO(json, json_t *, json_decref)

struct place { /* a table */
	const char *family, *table;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool is_in(const json_t *object, const struct place *at)
{
	return !strcmp(text_of(object, "family"), at->family) &&
	       !strcmp(text_of(object, "table"), at->table);
}

/* Statements that decide nothing: a rule of these and a verdict is for every packet. */
static bool is_idle(const json_t *statement)
{
	return json_object_get(statement, "counter") || json_object_get(statement, "log") ||
	       json_object_get(statement, "comment");
}

static bool refuses_all(const json_t *rule)
{
	const json_t *expr = json_object_get(rule, "expr"), *e;
	bool refuses = false;
	size_t i;

	json_array_foreach(expr, i, e)
	{
		if (json_object_get(e, "drop") || json_object_get(e, "reject"))
			refuses = true;
		else if (!is_idle(e))
			return false;
	}
	return refuses;
}

/* The last rule of a chain counts: what came so far was let pass by none before. */
static bool ends_refusing(const json_t *all, const struct place *at, const char *chain)
{
	const json_t *item, *last = NULL;
	size_t i;

	json_array_foreach(all, i, item)
	{
		const json_t *rule = json_object_get(item, "rule");

		if (rule && is_in(rule, at) && !strcmp(text_of(rule, "chain"), chain))
			last = rule;
	}
	return last && refuses_all(last);
}

/* A text anywhere inside, however deep: in a match, a set, a prefix. */
static bool mentions(const json_t *j, const char *text)
{
	const char *key;
	const json_t *v;
	size_t i;

	if (json_is_string(j))
		return !strcmp(json_string_value(j), text);
	json_array_foreach(j, i, v) if (mentions(v, text)) return true;
	json_object_foreach((json_t *)(uintptr_t)j, key, v) if (mentions(v, text)) return true;
	return false;
}

static bool lets_pass(const json_t *rule)
{
	const json_t *e;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i,
		e) if (json_object_get(e, "accept") || json_object_get(e, "jump") ||
		       json_object_get(e, "goto")) return true;
	return false;
}

static bool was_told_to_let_us_pass(
	const json_t *all, const struct place *at, const char *tun, const char *pool)
{
	const json_t *item;
	size_t i;

	json_array_foreach(all, i, item)
	{
		const json_t *rule = json_object_get(item, "rule");

		if (rule && is_in(rule, at) && lets_pass(rule) &&
			(mentions(rule, tun) || mentions(rule, pool)))
			return true;
	}
	return false;
}

static enum firewall whose(const json_t *all, const struct place *at)
{
	enum firewall by = FIREWALL_OTHER;
	const json_t *item;
	size_t i;

	if (!strcmp(at->table, "firewalld"))
		return FIREWALL_FIREWALLD;
	json_array_foreach(all, i, item)
	{
		const json_t *chain = json_object_get(item, "chain");
		const char *name = text_of(chain, "name");

		if (!chain || !is_in(chain, at))
			continue;
		if (!strncmp(name, "ufw-", 4))
			return FIREWALL_UFW; /* its cure serves Docker as well */
		if (!strcmp(name, "DOCKER-USER"))
			by = FIREWALL_DOCKER;
	}
	return by;
}

void firewall_judge(
	const char *ruleset, const char *tun, const struct prefix *pool, struct firewall_block *ret)
{
	AUTO(json) json_t *root = json_loads(ruleset, 0, NULL);
	const json_t *all = json_object_get(root, "nftables"), *item;
	char pool_text[ADDR_TEXT_LEN];
	size_t i;

	*ret = (struct firewall_block){FIREWALL_NONE, ""};
	addr_format(&pool->addr, pool_text);
	json_array_foreach(all, i, item)
	{
		const json_t *chain = json_object_get(item, "chain");
		struct place at = {text_of(chain, "family"), text_of(chain, "table")};
		const char *name = text_of(chain, "name");
		bool drops = !strcmp(text_of(chain, "policy"), "drop");

		if (!chain || strcmp(text_of(chain, "hook"), "forward") ||
			!strncmp(at.table, "culvert_", 8) ||
			(strcmp(at.family, "ip") && strcmp(at.family, "inet")))
			continue;
		if ((!drops && !ends_refusing(all, &at, name)) ||
			was_told_to_let_us_pass(all, &at, tun, pool_text))
			continue;
		ret->by = whose(all, &at);
		text_format(ret->text, sizeof(ret->text),
			"tun=%s table=\"%.16s %.64s\" chain=%.64s %s", tun, at.family, at.table,
			name, drops ? "policy=drop" : "last_rule=drop");
		return;
	}
}
