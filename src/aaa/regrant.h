// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/regrant.h — what a local user may have now: asked again while its session is up, because an admin
 * changed the user or one of its groups.
 *
 * Ownership: a question that was asked belongs to regrant.c until done(); the mailbox outlives it.
 * Threads:   regrant_ask() any; done() on the thread that takes letters out of reply_to.
 */
#pragma once
#include "aaa/grant.h"
#include "base/credentials.h"
#include "events/event.h"
#include "store/store.h"

struct regrant {
	/* The asker's: */
	char user[USER_NAME_MAX + 1]; /* as the admin spells it */
	int64_t user_id;
	struct grant *defaults; /* a reference of its own; or NULL */
	struct mailbox *reply_to;
	void (*done)(struct regrant *r);
	/* When done: */
	struct grant *grant; /* NULL: see event; the receiver's reference */
	enum event
		event; /* EV_USER_CHANGED: there is no such user any more; else: not readable now */
	/* Its own: */
	struct store_job job;
};

int regrant_ask(struct store *store, struct regrant *r); /* -EAGAIN: too many wait */
