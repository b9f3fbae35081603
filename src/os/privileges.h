// SPDX-License-Identifier: Apache-2.0
/*
 * os/privileges.h — giving up what is not needed any more.
 *
 * Threads: capabilities belong to a thread. Call it while there is one only, before the loop,
 *          liburcu or a store makes others; they inherit what is left.
 */
#pragma once
#include <stdbool.h>

#include "os/failure.h"

struct privileges_opts {
	const char *user; /* name or number; its group and supplementary groups too. NULL: stay */
	bool net_admin;   /* keep CAP_NET_ADMIN, for children (nft) as well: TUN, routes, SO_MARK */
	bool bpf;         /* keep CAP_BPF: steering */
	bool bind_service; /* keep CAP_NET_BIND_SERVICE: ports below 1024 after a reload */
};

/*
 * From here on this process has no other capability, can never gain one by running a program
 * (no_new_privs), and is `user`. Without root there is nothing to give up but no_new_privs: 0.
 */
int privileges_drop(const struct privileges_opts *opts, struct os_failure *why);

/* `path` belongs to that user (name or number) and its group from here on. As root. */
int privileges_give(const char *path, const char *user, struct os_failure *why);

/* 0, or -ENOENT when there is no such user (name or number). */
int privileges_find(const char *user);
/*
 * Can `user` open `path` to read it, or (folders; to_write) make files in it? 0 or a negative errno.
 * NULL: who runs this. As root; else -EPERM for another user.
 */
int privileges_try(const char *user, const char *path, bool to_write);

/* "CAP_NET_ADMIN" and its like: in force for this thread? For messages before anything fails. */
