// SPDX-License-Identifier: Apache-2.0
/*
 * client/guard.h — the kill switch: a packet filter table that lets nothing out of this machine, or
 * through it, but by the tunnel.
 *
 * It stays when the process ends, however that happens, and over a reboot (contrib/systemd has the unit
 * that loads GUARD_FILE before the network); guard_unlock() alone takes it away.
 *
 * Threads: runs the nft program and waits for it.
 */
#pragma once
#include <stdbool.h>

#include "os/failure.h"

#define GUARD_TABLE "culvert_lock"
#define GUARD_FILE "/etc/culvert/lock.nft"

struct guard_lock {
	const char *tun; /* the interface of the tunnel */
	bool lan;        /* private networks may be reached, but not for names (port 53) */
};

/* In one transaction, also in the place of an earlier lock. -EINVAL: the name cannot be written. */
int guard_lock(const struct guard_lock *lock, struct os_failure *why);
/* 1: there was a lock; 0: there was none. */
int guard_unlock(struct os_failure *why);
/* The table in nft's language; the length, or -ENOSPC, -EINVAL. */
int guard_rules(const struct guard_lock *lock, char *ret, size_t cap);
