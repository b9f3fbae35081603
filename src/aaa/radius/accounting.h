// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/accounting.h — what happened to a session, as attributes of an Accounting-Request
 * (RFC 2866, 2869). Pure. NAS attributes and Acct-Delay-Time are added when it is sent.
 */
#pragma once
#include "aaa/radius/accept.h"
#include "store/accounting.h"
#include "store/db.h"

/* A session's report (server/core/account.h) as a record; `now`: seconds since 1970. */
void radius_account_session(enum accounting_kind kind, const struct db_session *s, int64_t now,
	struct accounting_record *ret);
/* Accounting-On and -Off. */
void radius_account_server(enum accounting_kind kind, int64_t now, struct accounting_record *ret);
/* The Stop of a session that a crash ended, for db_accounting_recover(). */
void radius_account_lost(struct accounting_record *r, int64_t last_at, void *arg);
