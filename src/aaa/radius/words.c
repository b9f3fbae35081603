// SPDX-License-Identifier: Apache-2.0
/* Attributes for people: names and values, from dictionary.def. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "aaa/radius/codec.h"
#include "base/auto.h"
#include "base/hex.h"
#include "base/text.h"

enum kind {
	KIND_TEXT,
	KIND_OCTETS,
	KIND_U32,
	KIND_IPV4,
	KIND_IPV6,
	KIND_PREFIX6,
	KIND_IFID,
	KIND_SECRET
};

static const struct row {
	uint64_t id;
	const char *name;
	enum kind kind;
} rows[] = {
#define ATTRIBUTE(vendor, type, symbol, name, kind) {RADIUS_ID(vendor, type), name, KIND_##kind},
#include "aaa/radius/dictionary.def"
#undef ATTRIBUTE
};

static const struct row *row_of(uint64_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

static void name_of(uint64_t id, const struct row *row, char ret[static 48])
{
	if (row)
		text_format(ret, 48, "%s", row->name);
	else if (id >> 8)
		text_format(ret, 48, "Attribute-%" PRIu64 "-%u", id >> 8, (unsigned)(id & 0xff));
	else
		text_format(ret, 48, "Attribute-%u", (unsigned)id);
}

static bool format_addr(struct rd data, int family, char ret[static 64])
{
	struct addr a;

	return radius_addr(data, family, &a) && addr_format(&a, ret);
}

/* Reserved octet, length, as many octets as it needs (RFC 3162 section 2.3). */
static bool format_prefix(struct rd data, char ret[static 64])
{
	struct prefix p = {.addr.family = AF_INET6};
	size_t n;

	rd_u8(&data);
	p.len = rd_u8(&data);
	n = rd_left(&data);
	if (data.short_read || p.len > 128 || n > 16)
		return false;
	rd_copy(&data, p.addr.octets, n);
	return prefix_format(&p, ret);
}

static void format_octets(struct rd data, char ret[static 2 * RADIUS_VALUE_MAX + 3])
{
	strcpy(ret, "0x");
	hex_encode(data.p, rd_left(&data), ret + 2);
}

static bool format_value(enum kind kind, struct rd data, char ret[static 64])
{
	uint32_t value;

	switch (kind) {
	case KIND_U32:
		if (!radius_u32(data, &value))
			return false;
		text_format(ret, 64, "%" PRIu32, value);
		return true;
	case KIND_IPV4: return format_addr(data, AF_INET, ret);
	case KIND_IPV6: return format_addr(data, AF_INET6, ret);
	case KIND_PREFIX6: return format_prefix(data, ret);
	case KIND_SECRET: text_format(ret, 64, "(hidden)"); return true;
	case KIND_TEXT:
	case KIND_OCTETS:
	case KIND_IFID: return false;
	} /* no default */
	return false;
}

char *radius_attribute_text(const struct radius_attribute *a, char ret[static RADIUS_TEXT_LEN])
{
	const struct row *row = row_of(a->id);
	char name[48], value[64], octets[2 * RADIUS_VALUE_MAX + 3], text[RADIUS_VALUE_MAX * 4 + 1];
	size_t n = rd_left(&a->data);

	name_of(a->id, row, name);
	if (row && format_value(row->kind, a->data, value)) {
		text_format(ret, RADIUS_TEXT_LEN, "%s=%s", name, value);
	} else if (row && row->kind == KIND_TEXT && text_is_utf8((const char *)a->data.p, n)) {
		text_of_octets(a->data.p, n, text, sizeof(text));
		text_format(ret, RADIUS_TEXT_LEN, "%s=\"%s\"", name, text);
	} else {
		format_octets(a->data, octets);
		text_format(ret, RADIUS_TEXT_LEN, "%s=%s", name, octets);
	}
	return ret;
}
