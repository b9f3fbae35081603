// SPDX-License-Identifier: Apache-2.0
/*
 * config/value.h — the types an option can have: how words become a value, and a value words.
 *
 * `valid` is the rule of an option's row; what it says depends on the type (table below). Words
 * come without quotes and comments (config/parse.h). Values that hold memory belong to the struct
 * they stand in; value_done() frees them.
 *
 *  type          C type                valid                       as text
 *  BOOL          bool                  -                           yes, no
 *  INT           int                   "lo..hi", "auto lo..hi"     42; auto is 0
 *  SIZE          uint64_t octets       "lo..hi"                    512, 64k, 4M, 1G (powers of 1024)
 *  DURATION      uint64_t ms           "lo..hi"                    250ms, 10s, 5m, 1h, 7d
 *  TEXT          char *                "lo..hi" octets, or NULL    any words, in quotes if need be
 *  PATH          char *                -                           likewise; never NULL, may be ""
 *  CHOICE        int                   the words                   one of them; value is its place
 *  SET           struct word_set       the words                   some of them, each once, in order
 *  ADDRESS       struct endpoint       the default port            192.0.2.1:443, [::]:443
 *  ADDRESS_LIST  struct endpoint_list  the default port            several of these
 *  IP_LIST       struct addr_list      "auto" or NULL              192.0.2.1 2001:db8::1
 *  PREFIX        struct prefix         "[auto] ipv4|ipv6 lo..hi"   10.0.0.0/22; auto is AF_UNSPEC
 *  LIST          struct text_list      -                           several texts
 *  PATH_LIST     struct text_list      -                           several paths
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "config/limits.h"

enum value_type {
	VALUE_BOOL,
	VALUE_INT,
	VALUE_SIZE,
	VALUE_DURATION,
	VALUE_TEXT,
	VALUE_PATH,
	VALUE_CHOICE,
	VALUE_SET,
	VALUE_ADDRESS,
	VALUE_ADDRESS_LIST,
	VALUE_IP_LIST,
	VALUE_PREFIX,
	VALUE_LIST,
	VALUE_PATH_LIST,
	VALUE_TYPES,
};

struct word_set {
	size_t n;
	int item[CONFIG_SET_MAX]; /* places in the row's words */
};

struct endpoint_list {
	size_t n;
	struct endpoint item[CONFIG_ITEMS_MAX];
};

struct addr_list {
	bool automatic; /* the word auto; n is 0 then */
	size_t n;
	struct addr item[CONFIG_ITEMS_MAX];
};

struct text_list {
	size_t n;
	char *item[CONFIG_ITEMS_MAX];
};

struct words {
	size_t n;
	char *word[CONFIG_ITEMS_MAX];
};

/*
 * Sets *field, freeing what it held. On -EINVAL (or -ENOMEM) the field is as before and `ret_why`
 * says what was expected and what came.
 */
int value_parse(enum value_type type, const char *valid, const struct words *words, void *field,
	char ret_why[static CONFIG_WHY_LEN]);
/* Lists only: adds to the present items. */
int value_append(enum value_type type, const char *valid, const struct words *words, void *field,
	char ret_why[static CONFIG_WHY_LEN]);
bool value_is_list(enum value_type type);
/* Whether a list's items never hold blanks, so that text from a command line may be cut there. */
bool value_is_cut_at_blanks(enum value_type type);
void value_print(enum value_type type, const char *valid, const void *field, FILE *out);
void value_done(enum value_type type, void *field);
const char *value_type_name(enum value_type type); /* as the manual says it: "duration" */
/* What `valid` says, in words for people: "1 to 64, or auto"; "" when there is no rule. */
void value_describe(enum value_type type, const char *valid, char ret[static CONFIG_WHY_LEN]);
