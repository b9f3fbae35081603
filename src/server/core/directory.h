// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/directory.h — the sessions that have logged in, by user and by number: how many there are,
 * how many one user has, and on which worker each is.
 *
 * An entry is embedded in its session. Other threads learn a number and a worker, never the session:
 * a letter to that worker carries the number, and is looked up there when it arrives.
 *
 * Threads: any; a lock is held inside. Asked once a login, never per packet.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

struct directory;

struct directory_entry {
	struct directory_entry *next, **prev;
	int64_t user_id;
	uint64_t session;
	unsigned worker;
};

struct directory_limits {
	unsigned all;      /* sessions at one time */
	unsigned per_user; /* of these, of one user; 0: any */
};

int directory_new(struct directory **ret);
void directory_free(struct directory *d); /* NULL is fine */
DEFINE_AUTO(directory, struct directory *, directory_free)

/*
 * The session of e->user_id counts from now on. -ENFILE: there are `all`; -EUSERS: the user has
 * `per_user`. Again: nothing.
 */
int directory_enter(
	struct directory *d, struct directory_entry *e, const struct directory_limits *limits);
void directory_leave(struct directory *d, struct directory_entry *e);
unsigned directory_count(struct directory *d);

struct directory_hit {
	uint64_t session;
	unsigned worker;
};

/* -ENOENT: no such session is logged in. */
int directory_find(struct directory *d, uint64_t session, struct directory_hit *ret);
/* Those of a user, at most `cap`; returns how many. */
size_t directory_of_user(
	struct directory *d, int64_t user_id, struct directory_hit *ret, size_t cap);
