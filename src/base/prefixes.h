// SPDX-License-Identifier: Apache-2.0
/*
 * base/prefixes.h — a bounded list of IPv4 and IPv6 prefixes, each once, in the order in which they came.
 *
 * Text: items with commas or blanks between them, or the word none. Bits beyond a prefix's length
 * are set to zero, and the caller learns of it: 10.9.0.5/16 is taken as 10.9.0.0/16.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define PREFIXES_MAX 320
#define PREFIXES_TEXT_LEN (PREFIXES_MAX * PREFIX_TEXT_LEN) /* with the zero */

struct prefixes {
	size_t n;
	struct prefix of[PREFIXES_MAX];
};

#define PREFIXES_ITEM_LEN 64

struct prefixes_seen {
	size_t masked;                /* items with bits beyond their length */
	char item[PREFIXES_ITEM_LEN]; /* the first of them, or the wrong one; as typed, cut */
};

/* -EINVAL: seen->item is no prefix; -E2BIG: more than PREFIXES_MAX. `ret` is written on success only. */
int prefixes_parse(const char *text, struct prefixes *ret, struct prefixes_seen *ret_seen);
/* -EEXIST: it is in the list; -E2BIG. */
int prefixes_add(struct prefixes *list, const struct prefix *p);
bool prefixes_has(const struct prefixes *list, const struct prefix *p);
/* The first that holds the address, that overlaps with the prefix; NULL: none. */
const struct prefix *prefixes_holding(const struct prefixes *list, const struct addr *a);
const struct prefix *prefixes_overlapping(const struct prefixes *list, const struct prefix *p);
/* With commas; an empty list is "none". Returns `ret`. */
char *prefixes_format(const struct prefixes *list, char *ret, size_t cap);

/*
 * The same list in a fifth of the memory, for what is kept for each session: the length, above
 * PREFIXES_V6 for IPv6, and the octets of the prefix that are not beyond it. Any list of IPv4 prefixes
 * fits.
 */
#define PREFIXES_V6 64
#define PREFIXES_PACKED_MAX (PREFIXES_MAX * 5)

struct prefixes_packed {
	uint16_t n, len;
	uint8_t octets[PREFIXES_PACKED_MAX];
};

/* -E2BIG: too many long ones; `ret` is then not written. */
int prefixes_pack(const struct prefixes *list, struct prefixes_packed *ret);
void prefixes_unpack(const struct prefixes_packed *packed, struct prefixes *ret);
