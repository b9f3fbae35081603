// SPDX-License-Identifier: Apache-2.0
#include "aaa/regrant.h"

#include <errno.h>

#include "aaa/policy.h"
#include "aaa/stored.h"
#include "base/auto.h"

static int read_grant(struct db *db, struct regrant *r)
{
	struct grant_values columns, values;
	char why[GRANT_WHY_LEN];
	struct db_user user;
	int found = db_user_find(db, r->user, &user);

	if (found < 0)
		return found;
	if (user.id != r->user_id)
		return -ENOENT; /* another user of the same name */
	columns = stored_columns(&user.ipv4, user.pool, user.expires_at, user.disabled);
	found = stored_grant(db, user.id, &columns, &values, why);
	return found < 0 ? found : policy_grant(r->defaults, &values, &r->grant);
}

static int run(struct db *db, struct store_job *job)
{
	struct regrant *r = container_of(job, struct regrant, job);
	int found = read_grant(db, r);

	r->event = EV_NONE;
	if (found == -ENOENT)
		r->event = EV_USER_CHANGED;
	else if (found < 0)
		r->event = EV_AUTH_STORE_FAILED;
	return 0;
}

static void done(struct store_job *job)
{
	struct regrant *r = container_of(job, struct regrant, job);

	r->done(r);
}

int regrant_ask(struct store *store, struct regrant *r)
{
	r->grant = NULL;
	r->job = (struct store_job){
		.kind = STORE_READ, .run = run, .done = done, .reply_to = r->reply_to};
	return store_submit(store, &r->job);
}
