// SPDX-License-Identifier: Apache-2.0
#include "server/core/records.h"

#include "store/store.h"

static void begin(void *store, const struct db_session *s)
{
	store_session_start(store, s);
}

static void end(void *store, const struct db_session *s)
{
	store_session_stop(store, s);
}

static void attempt(void *store, const struct db_attempt *a)
{
	store_attempt_add(store, a);
}

static void ban(void *store, const struct db_ban *b)
{
	store_ban_set(store, b);
}

const struct account_sink records_sink = {
	.begin = begin, .end = end, .attempt = attempt, .ban = ban};
