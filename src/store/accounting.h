// SPDX-License-Identifier: Apache-2.0
/*
 * store/accounting.h — records on their way to an accounting server, and sessions without an end.
 * Synchronous, inside a job of the store (store.h).
 *
 * A record is the attributes of RADIUS that never change, whenever it is sent. Records of one
 * session are numbered in the order of what happened. Writing one twice is harmless.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

#define ACCOUNTING_RECORD_MAX 3500 /* octets of attributes */
#define ACCOUNTING_SESSION_MAX 24  /* Acct-Session-Id with its zero */

/* Acct-Status-Type */
enum accounting_kind {
	ACCOUNTING_START = 1,
	ACCOUNTING_STOP = 2,
	ACCOUNTING_INTERIM = 3,
	ACCOUNTING_ON = 7,
	ACCOUNTING_OFF = 8,
};

struct accounting_counters {
	uint64_t octets_in, octets_out, packets_in, packets_out; /* in: from the client */
};

struct accounting_record {
	int64_t seq; /* set by the store */
	enum accounting_kind kind;
	char session[ACCOUNTING_SESSION_MAX]; /* "": of the server itself */
	int64_t at;                           /* seconds since 1970 */
	/* START and INTERIM: what a Stop needs when this run ends without a word. */
	int64_t started_at;
	struct accounting_counters counters;
	size_t common_len; /* of the octets: what all records of the session say alike, first */
	size_t n;
	uint8_t octets[ACCOUNTING_RECORD_MAX];
};

/*
 * Adds a record. A Start opens its session, an Interim saves its counters; a Stop closes it and
 * takes the place of its Interims that were not sent yet.
 */
int db_accounting_add(struct db *db, const struct accounting_record *r);
/* The oldest at most `most`. */
int db_accounting_list(struct db *db, int most,
	int (*each)(const struct accounting_record *r, void *arg), void *arg);
int db_accounting_remove(struct db *db, int64_t seq);
/*
 * No more than `most` records, none older than `before`: Interims go first, then the oldest ones.
 * *ret_dropped: how many went.
 */
int db_accounting_prune(struct db *db, int64_t most, int64_t before, uint64_t *ret_dropped);
int db_accounting_count(struct db *db, int64_t *ret);
/*
 * Sessions of runs that ended without closing them: `stop` makes the rest of a Stop's octets behind
 * the common ones, and the Stop is added.
 */
int db_accounting_recover(struct db *db, int64_t now,
	void (*stop)(struct accounting_record *r, int64_t last_at, void *arg), void *arg,
	unsigned *ret_n);
