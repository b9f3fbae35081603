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
 * Lists make a grant a few KB long, and most sessions of a server have the same: so equal grants are one.
 *
 * Ownership: counted; the last grant_unref() frees.
 * Threads:   grant_new(), grant_ref() and grant_unref() any.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aaa/grant_value.h"
#include "base/auto.h"

#define GRANT_FIELD_ADDR(name) struct grant_addr name;
#define GRANT_FIELD_ADDRS(name) struct grant_addrs name;
#define GRANT_FIELD_WORD(name) struct grant_word name;
#define GRANT_FIELD_FLAG(name) struct grant_flag name;
#define GRANT_FIELD_DATE(name) struct grant_date name;
#define GRANT_FIELD_COUNT(name) struct grant_count name;
#define GRANT_FIELD_SPAN(name) struct grant_span name;
#define GRANT_FIELD_RATE(name) struct grant_rate name;
#define GRANT_FIELD_METHODS(name) struct grant_methods name;
#define GRANT_FIELD_NAMES(name) struct grant_names name;
#define GRANT_FIELD_HOURS(name) struct grant_hours name;
#define GRANT_FIELD_DNS(name) struct grant_addrs name;
#define GRANT_FIELD_PREFIXES(name) struct grant_prefixes name;
#define GRANT_FIELD_PREFIX(name) struct grant_prefix name;
#define GRANT_FIELD_DOMAINS(name) struct grant_domains name;
#define GRANT_FIELD_TOTP(name) struct grant_totp name;

struct grant_values {
#define GRANT(name, type, merge, effect, radius, word, help) GRANT_FIELD_##type(name)
#include "aaa/grant.def"
#undef GRANT
};

struct grant {
	atomic_uint refs;
	uint64_t hash;
	struct grant *next; /* of those with the same place in the table */
	struct grant_values is;
};

/* With one reference of the caller's; the values are copied. -ENOMEM. */
int grant_new(const struct grant_values *values, struct grant **ret);
struct grant *grant_ref(struct grant *g);
void grant_unref(struct grant *g); /* NULL is fine */
DEFINE_AUTO(grant, struct grant *, grant_unref)

/* Each value that `over` has is put into `to`, as its row says. */
void grant_merge(struct grant_values *to, const struct grant_values *over);
/* What takes effect in a session that is up, now or by its next answer: these rows of `from`. */
void grant_take_now(struct grant_values *to, const struct grant_values *from);
bool grant_is_empty(const struct grant_values *values); /* no source set any */
bool grant_has_origin(const struct grant_values *values, enum grant_origin origin);

/* ---- keys and their values as text ---- */

#define GRANT_WHY_LEN 300

struct grant_key { /* a row that has a word */
	const char *word, *help;
	enum grant_effect effect;
	enum grant_merge merge;
	size_t row;
};

const struct grant_key *grant_key(size_t i); /* NULL past the last */
const struct grant_key *grant_key_find(const char *word);
/*
 * -EINVAL: `why` says what was expected and what came. -ENOENT: no such key, and what it may mean. 0: the
 * value is taken; `why` is "", or says what of it is not as it was typed.
 */
int grant_parse(struct grant_values *values, const char *word, const char *text,
	enum grant_origin origin, char why[static GRANT_WHY_LEN]);
/* The domain at *at, which moves behind it. False: none is left. */
bool grant_domain_next(const char **at, char ret[static GRANT_DOMAIN_LEN]);
enum grant_origin grant_origin_of(const struct grant_values *values, const struct grant_key *key);
/* For people; GRANT_UNSET: "". grant_parse() takes it back. */
char *grant_text(const struct grant_values *values, const struct grant_key *key,
	char ret[static GRANT_VALUE_LEN]);
/* For the store: the same, but a date does not depend on the time zone. */
char *grant_stored_text(const struct grant_values *values, const struct grant_key *key,
	char ret[static GRANT_VALUE_LEN]);

#define GRANT_TEXT_LEN 2000
/* "address=10.8.0.7 (user) dns=192.0.2.53 (default)"; unset values are left out. */
char *grant_format(const struct grant_values *values, char ret[static GRANT_TEXT_LEN]);
