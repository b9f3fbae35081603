// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/account.h — where the life of sessions and attempts is reported: each report goes to
 * every sink (today one, the records in the store; core/records.h).
 *
 * A begin and an end are never refused: a sink keeps them until they are written, and writing one twice
 * is harmless. An attempt may be lost under load.
 *
 * Ownership: what a sink's `arg` leads to outlives the account. Reports are copied.
 * Threads:   sinks are added before workers start; the reports any.
 */
#pragma once
#include "base/auto.h"
#include "store/db.h"

struct account;

struct account_sink {
	void (*begin)(void *arg, const struct db_session *s); /* id, user, addresses, started_at */
	void (*end)(void *arg, const struct db_session *s);   /* id, ended_at, octets, reason */
	/* May be NULL: the counters now. */
	void (*interim)(void *arg, const struct db_session *s);
	void (*attempt)(void *arg, const struct db_attempt *a);
	void (*ban)(void *arg, const struct db_ban *b); /* NULL: it does not keep bans */
};

int account_new(struct account **ret); /* -ENOMEM */
void account_free(struct account *a);  /* NULL is fine */
DEFINE_AUTO(account, struct account *, account_free)
/* `sink` is static; -ENOSPC. */
int account_add_sink(struct account *a, const struct account_sink *sink, void *arg);

void account_begin(struct account *a, const struct db_session *s);
void account_interim(struct account *a, const struct db_session *s);
/* Once a session that has begun, or holds a lease: the lease goes back. */
void account_end(struct account *a, const struct db_session *s);
/* One row for each connection that is worth it: how it came out. */
void account_attempt(struct account *a, const struct db_attempt *attempt);
/* A source was banned. */
void account_ban(struct account *a, const struct db_ban *ban);
