// SPDX-License-Identifier: Apache-2.0
#include "base/prefixes.h"

#include <errno.h>
#include <string.h>

#include "base/rd.h"
#include "base/text.h"
#include "base/wr.h"

bool prefixes_has(const struct prefixes *list, const struct prefix *p)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->of[i].len == p->len && addr_equal(&list->of[i].addr, &p->addr))
			return true;
	return false;
}

int prefixes_add(struct prefixes *list, const struct prefix *p)
{
	if (prefixes_has(list, p))
		return -EEXIST;
	if (list->n == PREFIXES_MAX)
		return -E2BIG;
	list->of[list->n++] = *p;
	return 0;
}

/* ---- text ---------------------------------------------------------------- */

static void note_item(struct prefixes_seen *seen, const char *text, size_t n)
{
	if (n >= sizeof(seen->item))
		n = sizeof(seen->item) - 1;
	memcpy(seen->item, text, n);
	seen->item[n] = '\0';
}

static int add_item(const char *text, size_t n, struct prefixes *list, struct prefixes_seen *seen)
{
	char item[PREFIX_TEXT_LEN];
	struct prefix p;
	int r;

	if (n < sizeof(item)) {
		memcpy(item, text, n);
		item[n] = '\0';
	}
	r = n < sizeof(item) ? prefix_parse_masked(item, &p) : -EINVAL;
	if (r < 0 || (r > 0 && !seen->masked++))
		note_item(seen, text, n);
	if (r < 0)
		return r;
	r = prefixes_add(list, &p);
	return r == -EEXIST ? 0 : r;
}

int prefixes_parse(const char *text, struct prefixes *ret, struct prefixes_seen *ret_seen)
{
	struct prefixes list = {0};

	*ret_seen = (struct prefixes_seen){0};
	if (!strcmp(text, "none")) {
		ret->n = 0;
		return 0;
	}
	for (text += strspn(text, " ");;) {
		size_t n = strcspn(text, ", ");
		int r = add_item(text, n, &list, ret_seen);

		if (r < 0)
			return r;
		text += n;
		text += strspn(text, " ");
		if (!*text)
			break;
		text += *text == ',';
		text += strspn(text, " ");
	}
	*ret = list;
	return 0;
}

char *prefixes_format(const struct prefixes *list, char *ret, size_t cap)
{
	char text[PREFIX_TEXT_LEN];
	size_t n = text_format(ret, cap, "%s", list->n ? "" : "none");

	for (size_t i = 0; i < list->n; i++)
		n += text_format(
			ret + n, cap - n, "%s%s", i ? "," : "", prefix_format(&list->of[i], text));
	return ret;
}

/* ---- questions ----------------------------------------------------------- */

const struct prefix *prefixes_holding(const struct prefixes *list, const struct addr *a)
{
	for (size_t i = 0; i < list->n; i++)
		if (prefix_contains(&list->of[i], a))
			return &list->of[i];
	return NULL;
}

const struct prefix *prefixes_overlapping(const struct prefixes *list, const struct prefix *p)
{
	for (size_t i = 0; i < list->n; i++)
		if (prefix_overlaps(&list->of[i], p))
			return &list->of[i];
	return NULL;
}

/* ---- in little memory ------------------------------------------------------ */

int prefixes_pack(const struct prefixes *list, struct prefixes_packed *ret)
{
	struct prefixes_packed packed = {.n = (uint16_t)list->n};
	struct wr w = wr_init(packed.octets, sizeof(packed.octets));

	for (size_t i = 0; i < list->n; i++) {
		const struct prefix *p = &list->of[i];

		wr_u8(&w, (uint8_t)(p->len + (p->addr.family == AF_INET6 ? PREFIXES_V6 : 0)));
		wr_octets(&w, p->addr.octets, (p->len + 7u) / 8);
	}
	if (w.overflow)
		return -E2BIG;
	packed.len = (uint16_t)wr_len(&w);
	*ret = packed;
	return 0;
}

void prefixes_unpack(const struct prefixes_packed *packed, struct prefixes *ret)
{
	struct rd r = rd_init(packed->octets, packed->len);

	for (ret->n = 0; ret->n < packed->n; ret->n++) {
		struct prefix *p = &ret->of[ret->n];
		uint8_t len = rd_u8(&r);
		bool six = len >= PREFIXES_V6;

		*p = (struct prefix){
			{six ? AF_INET6 : AF_INET, {0}}, (uint8_t)(six ? len - PREFIXES_V6 : len)};
		rd_copy(&r, p->addr.octets, (p->len + 7u) / 8);
	}
}
