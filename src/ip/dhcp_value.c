// SPDX-License-Identifier: Apache-2.0
#include "ip/dhcp_value.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define LABEL_MAX 63
#define NAME_MAX_OCTETS 253
#define POINTER 0xc0
#define POINTER_MAX 0x3fff

/* ---- reading names ---------------------------------------------------------- */

struct name_reader {
	const uint8_t *octets;
	size_t n, at;
	size_t lowest; /* a pointer leads before it: so there is no circle */
	char *name;
	size_t len;
	bool plain; /* letters, digits, hyphens, underscores */
};

static bool is_plain(uint8_t c)
{
	return isalnum(c) || c == '-' || c == '_';
}

static int take_label(struct name_reader *r, size_t n)
{
	if (n > r->n - r->at || r->len + n + 1 > NAME_MAX_OCTETS)
		return -EPROTO;
	if (r->len)
		r->name[r->len++] = '.';
	for (size_t i = 0; i < n; i++) {
		r->plain &= is_plain(r->octets[r->at + i]);
		r->name[r->len++] = (char)r->octets[r->at + i];
	}
	r->at += n;
	return 0;
}

/* A pointer's second octet is at r->at. */
static int follow_pointer(struct name_reader *r, uint8_t high)
{
	size_t to;

	if (r->at == r->n)
		return -EPROTO;
	to = (size_t)(high & ~POINTER) << 8 | r->octets[r->at];
	if (to >= r->lowest)
		return -EPROTO;
	r->lowest = to;
	r->at = to;
	return 0;
}

/* The name at *at, which moves behind it. */
static int read_name(struct name_reader *r, size_t *at)
{
	bool jumped = false;

	r->at = r->lowest = *at;
	r->len = 0;
	r->plain = true;
	while (r->at < r->n) {
		uint8_t len = r->octets[r->at++];
		int e;

		if (!len) {
			*at = jumped ? *at : r->at;
			return 0;
		}
		if ((len & POINTER) == POINTER) {
			*at = jumped ? *at : r->at + 1;
			jumped = true;
			e = follow_pointer(r, len);
		} else {
			e = len > LABEL_MAX ? -EPROTO : take_label(r, len);
		}
		if (e < 0)
			return e;
	}
	return -EPROTO;
}

int dhcp_read_names(const uint8_t *octets, size_t n, struct dhcp_names *ret, unsigned *ret_ignored)
{
	char name[DHCP_NAME_LEN];
	struct name_reader r = {.octets = octets, .n = n, .name = name};
	size_t at = 0;

	ret->n = 0;
	while (at < n) {
		int e = read_name(&r, &at);

		if (e < 0)
			return e;
		if (!r.plain || ret->n == DHCP_NAMES_MAX) {
			++*ret_ignored;
			continue;
		}
		if (!r.len)
			name[r.len++] = '.';
		name[r.len] = '\0';
		memcpy(ret->of[ret->n++], name, r.len + 1);
	}
	return 0;
}

/* ---- writing names ----------------------------------------------------------- */

/* Where in what was written the names end that `tail` is the end of; 0 to n - 1, or -1. */
static int find_tail(const uint8_t *octets, size_t n, const char *tail)
{
	char name[DHCP_NAME_LEN];
	struct name_reader r = {.octets = octets, .n = n, .name = name};

	for (size_t start = 0; start < n;) {
		size_t end = start, at = start;

		if (read_name(&r, &end) < 0)
			return -1;
		/* from each label of this name that is written out */
		while (at < end && octets[at] && (octets[at] & POINTER) != POINTER) {
			size_t behind = at;

			if (read_name(&r, &behind) < 0)
				return -1;
			name[r.len] = '\0';
			if (at <= POINTER_MAX && !strcasecmp(name, tail))
				return (int)at;
			at += 1u + octets[at];
		}
		start = end;
	}
	return -1;
}

static void write_name(struct wr *w, const char *name, bool compress)
{
	size_t before = wr_len(w);

	while (*name && strcmp(name, ".")) {
		size_t n = strcspn(name, ".");
		int at = compress ? find_tail(w->start, before, name) : -1;

		if (at >= 0) {
			wr_be16(w, (uint16_t)(POINTER << 8 | at));
			return;
		}
		wr_u8(w, (uint8_t)n);
		wr_octets(w, name, n);
		name += n;
		name += *name == '.';
	}
	wr_u8(w, 0);
}

/* A name of labels of 1 to 63 octets, 253 in all; or the root. */
static bool can_be_written(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > NAME_MAX_OCTETS)
		return false;
	while (*name && strcmp(name, ".")) {
		n = strcspn(name, ".");
		if (!n || n > LABEL_MAX)
			return false;
		name += n;
		name += *name == '.';
	}
	return true;
}

size_t dhcp_write_names(struct wr *w, size_t most, const struct dhcp_names *names, bool compress)
{
	uint8_t *start = w->p;
	struct wr list = wr_init(start, most);
	size_t done = 0;

	if (most > (size_t)(w->end - w->p))
		list = wr_init(start, (size_t)(w->end - w->p));
	for (; done < names->n; done++) {
		uint8_t *before = list.p;

		if (!can_be_written(names->of[done]))
			break;
		write_name(&list, names->of[done], compress);
		if (!list.overflow)
			continue;
		list.p = before;
		break;
	}
	wr_room(w, wr_len(&list));
	return done;
}

/* ---- routes --------------------------------------------------------------------- */

int dhcp_read_routes(struct rd *r, struct dhcp_route ret[static DHCP_ROUTES_MAX], size_t *ret_n,
	unsigned *ret_ignored)
{
	*ret_n = 0;
	while (rd_left(r)) {
		struct dhcp_route route = {{{.family = AF_INET}, rd_u8(r)}, {.family = AF_INET}};

		if (route.to.len > 32)
			return -EPROTO;
		rd_copy(r, route.to.addr.octets, (route.to.len + 7u) / 8);
		rd_copy(r, route.via.octets, 4);
		if (r->short_read)
			return -EPROTO;
		prefix_mask(&route.to);
		if (*ret_n == DHCP_ROUTES_MAX)
			++*ret_ignored;
		else
			ret[(*ret_n)++] = route;
	}
	return 0;
}

size_t dhcp_route_len(const struct prefix *to)
{
	return 1 + (to->len + 7u) / 8 + 4;
}

/* [MS-DHCPE] 2.2.8: a bit beyond the length makes Windows drop the whole answer. */
void dhcp_write_route(struct wr *w, const struct prefix *to, const struct addr *via)
{
	struct prefix p = *to;

	prefix_mask(&p);
	wr_u8(w, p.len);
	wr_octets(w, p.addr.octets, (p.len + 7u) / 8);
	wr_octets(w, via->octets, 4);
}
