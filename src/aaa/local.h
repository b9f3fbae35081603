// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/local.h — one proof against the users of the store. Inside aaa/ only.
 *
 * Ownership: a look-up that was asked for belongs to local.c until done(); the mailbox outlives it.
 * Threads:   local_ask() any; done() on the thread that takes letters out of reply_to.
 */
#pragma once
#include "aaa/aaa.h"
#include "store/store.h"

struct local_lookup {
	/* The sender's: */
	const struct aaa_judge *judge;
	struct proof proof; /* without EAP's packet */
	unsigned round;
	struct grant *defaults; /* or NULL */
	struct mailbox *reply_to;
	void (*done)(struct local_lookup *l);
	/* When done: */
	struct aaa_answer answer;
	/* Its own: */
	struct store_job job;
	struct store *store;
	bool uses_code; /* a one-time code was right, and must be used up */
};

int local_ask(struct store *store, struct local_lookup *l); /* -EAGAIN: too many wait */
