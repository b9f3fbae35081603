// SPDX-License-Identifier: Apache-2.0
/*
 * config/parse.h — the grammar of a configuration file, without knowledge of any option.
 *
 *     [section]                    # a comment
 *     key = word "quoted words"    # blanks or commas between words
 *
 * A # outside quotes begins a comment, but not inside a word: a#b must be quoted, since cutting it
 * in silence would lose half of a value. In quotes \" and \\ stand for " and \.
 *
 * Ownership: the parser copies one line at a time; what a parse_line points to lives until the
 * next parse_next().
 */
#pragma once
#include <stddef.h>

#include "config/value.h"

struct parser {
	const char *p, *end;
	unsigned line;
	char section[64];
	char text[CONFIG_LINE_MAX + 1];
	char why[CONFIG_WHY_LEN]; /* after -EINVAL */
};

struct parse_line {
	unsigned number;
	const char *section;
	const char *key; /* NULL: the line opens the section */
	struct words words;
};

void parse_init(struct parser *p, const char *text, size_t n);
/* 1: *ret is set; 0: the end; -EINVAL: p->why says what is wrong in p->line. */
int parse_next(struct parser *p, struct parse_line *ret);
/* Cuts `text` at blanks and commas, in place. -EINVAL and `ret_why` when there are too many. */
int parse_words(char *text, struct words *ret, char ret_why[static CONFIG_WHY_LEN]);
