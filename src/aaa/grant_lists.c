// SPDX-License-Identifier: Apache-2.0
/* aaa/grant_lists.c — the long types of grant.def: networks and domains. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "aaa/grant.h"
#include "aaa/grant_types.h"
#include "base/host_name.h"
#include "base/text.h"

/* ---- networks -------------------------------------------------------------- */

static const char networks[] =
	"networks with commas like 10.9.0.0/16,2001:db8:9::/48, at most 320, or none";

static int parse_prefixes(const char *text, void *value, const char **ret_expected)
{
	struct prefixes list;
	struct prefixes_seen seen;

	if (prefixes_parse(text, &list, &seen) == 0 &&
		prefixes_pack(&list, &((struct grant_prefixes *)value)->list) == 0)
		return 0;
	*ret_expected = networks;
	return -EINVAL;
}

static void format_prefixes(const void *value, char *ret)
{
	struct prefixes list;

	prefixes_unpack(&((const struct grant_prefixes *)value)->list, &list);
	prefixes_format(&list, ret, GRANT_VALUE_LEN);
}

static void explain_prefixes(const char *text, char *why, size_t cap)
{
	char taken[PREFIX_TEXT_LEN];
	struct prefixes_seen seen;
	struct prefixes list;
	struct prefix p;
	int r = prefixes_parse(text, &list, &seen);

	if (r == -EINVAL)
		text_format(why, cap, "expected %s, got \"%s\"", networks, seen.item);
	else if (r < 0)
		text_format(why, cap, "expected %s, got more", networks);
	else if (seen.masked && prefix_parse_masked(seen.item, &p) >= 0)
		text_format(why, cap, "\"%s\" has bits beyond its length: it is %s", seen.item,
			prefix_format(&p, taken));
}

static int parse_prefix(const char *text, void *value, const char **ret_expected)
{
	struct grant_prefix *v = value;

	v->value = (struct prefix){0};
	if (!strcmp(text, "none"))
		return 0;
	if (prefix_parse_masked(text, &v->value) >= 0 && v->value.addr.family == AF_INET6 &&
		v->value.len >= 16 && v->value.len <= 64)
		return 0;
	*ret_expected = "an IPv6 prefix of /16 to /64 like 2001:db8:5::/56, or none";
	return -EINVAL;
}

static void format_prefix(const void *value, char *ret)
{
	const struct prefix *p = &((const struct grant_prefix *)value)->value;

	if (p->addr.family)
		prefix_format(p, ret);
	else
		strcpy(ret, "none");
}

static void explain_prefix(const char *text, char *why, size_t cap)
{
	struct prefix p, exact;
	char taken[PREFIX_TEXT_LEN];

	if (prefix_parse_masked(text, &p) > 0 && prefix_parse(text, &exact) < 0)
		text_format(why, cap, "\"%s\" has bits beyond its length: it is %s", text,
			prefix_format(&p, taken));
}

/* ---- domains ----------------------------------------------------------------- */

static const char domains[] =
	"up to 16 domains with commas like corp.example,lab.example, 511 octets in all, or none";

static const char *next_item(const char *text, size_t *ret_n)
{
	text += strspn(text, " ");
	*ret_n = strcspn(text, ",");
	return text;
}

/* As A-labels, in small letters, without the last dot. NULL, or why not. */
static const char *read_domain(const char *text, size_t n, char ret[static GRANT_DOMAIN_LEN])
{
	char name[HOST_UNICODE_LEN], ascii[HOST_NAME_MAX_LEN + 2];
	const char *why = NULL;
	struct addr a;

	while (n && text[n - 1] == ' ')
		n--;
	if (!n || n >= sizeof(name))
		return n ? "it is too long" : "it is empty";
	memcpy(name, text, n);
	name[n] = '\0';
	if (addr_parse(name, &a) == 0)
		return "it is an address";
	if (host_to_ascii(name, ascii, sizeof(ascii), &why) < 0)
		return why;
	n = strlen(ascii);
	if (ascii[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)tolower((unsigned char)ascii[i]);
	ret[n] = '\0';
	return NULL;
}

bool grant_domain_next(const char **at, char ret[static GRANT_DOMAIN_LEN])
{
	size_t n = strcspn(*at, ",");

	if (!n || n >= GRANT_DOMAIN_LEN)
		return false;
	memcpy(ret, *at, n);
	ret[n] = '\0';
	*at += n + ((*at)[n] == ',');
	return true;
}

static bool has_domain(const struct grant_domains *v, const char *name)
{
	char one[GRANT_DOMAIN_LEN];

	for (const char *at = v->text; grant_domain_next(&at, one);)
		if (!strcmp(one, name))
			return true;
	return false;
}

static bool add_domain(struct grant_domains *v, const char *name)
{
	size_t n = strlen(v->text);

	if (has_domain(v, name))
		return true;
	if (v->n == GRANT_DOMAINS_MAX || n + 1 + strlen(name) >= sizeof(v->text))
		return false;
	text_format(v->text + n, sizeof(v->text) - n, "%s%s", n ? "," : "", name);
	v->n++;
	return true;
}

/* NULL, or why not; *ret_bad is then the item. */
static const char *read_domains(
	const char *text, struct grant_domains *v, char ret_bad[static PREFIXES_ITEM_LEN])
{
	char name[GRANT_DOMAIN_LEN];

	v->n = 0;
	memset(v->text, 0, sizeof(v->text));
	*ret_bad = '\0';
	if (!strcmp(text, "none"))
		return NULL;
	for (;;) {
		size_t n;
		const char *item = next_item(text, &n), *why = read_domain(item, n, name);

		if (!why && !add_domain(v, name))
			why = "it is one too many";
		if (why) {
			text_format(ret_bad, PREFIXES_ITEM_LEN, "%.*s", (int)n, item);
			return why;
		}
		if (!item[n])
			return NULL;
		text = item + n + 1;
	}
}

static int parse_domains(const char *text, void *value, const char **ret_expected)
{
	char bad[PREFIXES_ITEM_LEN];

	if (!read_domains(text, value, bad))
		return 0;
	*ret_expected = domains;
	return -EINVAL;
}

static void format_domains(const void *value, char *ret)
{
	const struct grant_domains *v = value;

	strcpy(ret, v->n ? v->text : "none");
}

static void explain_domains(const char *text, char *why, size_t cap)
{
	struct grant_domains v;
	char bad[PREFIXES_ITEM_LEN];
	const char *fault = read_domains(text, &v, bad);

	if (fault)
		text_format(why, cap, "expected %s, got \"%s\": %s", domains, bad, fault);
}

// clang-format off
const struct grant_type
	grant_type_PREFIXES = {sizeof(struct grant_prefixes), parse_prefixes, format_prefixes, NULL, NULL, explain_prefixes},
	grant_type_PREFIX = {sizeof(struct grant_prefix), parse_prefix, format_prefix, NULL, NULL, explain_prefix},
	grant_type_DOMAINS = {sizeof(struct grant_domains), parse_domains, format_domains, NULL, NULL, explain_domains};
// clang-format on
