// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"

/* Items may have commas of their own: "10.9.0.0/16, 10.10.0.0/16" are two words in a file. */
static bool join(const struct text_list *list, char *ret, size_t cap)
{
	size_t at = 0;

	*ret = '\0';
	for (size_t i = 0; i < list->n; i++) {
		size_t n = strlen(list->item[i]);

		n -= i + 1 < list->n && n && list->item[i][n - 1] == ',';
		if (at + n + 2 > cap)
			return false;
		at += text_format(
			ret + at, cap - at, "%s%.*s", i ? "," : "", (int)n, list->item[i]);
	}
	return true;
}

int config_routes(const struct config *cfg, struct prefixes *ret, struct prefixes_seen *ret_seen)
{
	char text[PREFIXES_TEXT_LEN];
	struct prefixes_packed packed;
	struct prefixes list;
	int r;

	*ret_seen = (struct prefixes_seen){0};
	ret->n = 0;
	if (!cfg->tunnel.routes.n)
		return 0;
	if (!join(&cfg->tunnel.routes, text, sizeof(text)))
		return -E2BIG;
	r = prefixes_parse(text, &list, ret_seen);
	if (r < 0)
		return r;
	r = prefixes_pack(&list, &packed);
	if (!r)
		*ret = list;
	return r;
}

/* "2001:db8:100::/40", "2001:db8:100::/40/56"; the length that routers expect, if there is room for some. */
static bool parse_delegate(const char *text, struct prefix *ret, uint8_t *ret_len)
{
	const char *slash = strrchr(text, '/');
	char pool[PREFIX_TEXT_LEN];
	unsigned len = 0;
	size_t n = slash && strchr(text, '/') != slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(pool))
		return false;
	text_format(pool, sizeof(pool), "%.*s", (int)n, text);
	if (prefix_parse(pool, ret) < 0 || ret->addr.family != AF_INET6 || ret->len < 16 ||
		ret->len > 63)
		return false;
	for (const char *p = text[n] ? text + n + 1 : ""; *p; p++)
		len = *p < '0' || *p > '9' || len > 64 ? 255 : len * 10 + (unsigned)(*p - '0');
	if (!text[n])
		len = ret->len <= 52 ? 56 : ret->len <= 56 ? 60 : 64;
	*ret_len = (uint8_t)len;
	return len > ret->len && len <= 64;
}

bool config_delegate(const struct config *cfg, struct prefix *ret, uint8_t *ret_len)
{
	const char *text = cfg->tunnel.delegate;
	bool good = !text || !*text || parse_delegate(text, ret, ret_len);

	if (!text || !*text || !good)
		*ret = (struct prefix){0};
	return good;
}
