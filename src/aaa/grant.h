// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/grant.h — what an accepted user may have: one struct, whichever source filled it.
 *
 * Sources fill a `struct grant_values`, nearer ones are merged over farther ones (policy.c), and the
 * result becomes a `struct grant`, which never changes: a change makes another one. Each value has the
 * source it came from; GRANT_UNSET: no source gave it.
 *
 * Both structs are shown here because their readers (server/session/grant.c) are the point of them.
 *
 * Ownership: counted; the last grant_unref() frees.
 * Threads:   grant_ref() and grant_unref() any.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"

#define GRANT_ADDRS_MAX 4
#define GRANT_WORD_MAX 31 /* octets */

enum grant_origin { GRANT_UNSET, GRANT_DEFAULT, GRANT_GROUP, GRANT_USER, GRANT_RADIUS, GRANT_COA };
enum grant_merge { GRANT_REPLACE, GRANT_APPEND };
enum grant_effect { GRANT_NOW, GRANT_NEXT_SESSION };

/* The types of grant.def. Each begins with its origin. */
struct grant_addr {
	enum grant_origin origin;
	struct addr value;
};

struct grant_addrs {
	enum grant_origin origin; /* of the last that was added */
	size_t n;
	struct addr item[GRANT_ADDRS_MAX];
};

struct grant_word {
	enum grant_origin origin;
	char value[GRANT_WORD_MAX + 1];
};

struct grant_flag {
	enum grant_origin origin;
	bool value;
};

struct grant_date {
	enum grant_origin origin;
	int64_t value; /* seconds since 1970; 0: never */
};

struct grant_count {
	enum grant_origin origin;
	unsigned value;
};

#define GRANT_FIELD_ADDR(name) struct grant_addr name;
#define GRANT_FIELD_ADDRS(name) struct grant_addrs name;
#define GRANT_FIELD_WORD(name) struct grant_word name;
#define GRANT_FIELD_FLAG(name) struct grant_flag name;
#define GRANT_FIELD_DATE(name) struct grant_date name;
#define GRANT_FIELD_COUNT(name) struct grant_count name;

struct grant_values {
#define GRANT(name, type, merge, effect, radius, word, help) GRANT_FIELD_##type(name)
#include "aaa/grant.def"
#undef GRANT
};

struct grant {
	atomic_uint refs;
	struct grant_values is;
};

/* With one reference; the values are copied. -ENOMEM. */
int grant_new(const struct grant_values *values, struct grant **ret);
struct grant *grant_ref(struct grant *g);
void grant_unref(struct grant *g); /* NULL is fine */
DEFINE_AUTO(grant, struct grant *, grant_unref)

/* The addresses of `over` that `to` lacks go to its end. */
void grant_addrs_append(struct grant_addrs *to, const struct grant_addrs *over);
/* Each value that `over` has is put into `to`, as its row says. */
void grant_merge(struct grant_values *to, const struct grant_values *over);

#define GRANT_TEXT_LEN 600
/* "address=10.8.0.7 (user) dns=192.0.2.53 (default)"; unset values are left out. */
char *grant_format(const struct grant_values *values, char ret[static GRANT_TEXT_LEN]);
