// SPDX-License-Identifier: Apache-2.0
/*
 * os/steering.h — which queue of the TUN a packet takes: an eBPF program with a map from address or
 * prefix to queue, written when a session comes up (steering.c explains it).
 *
 * A wrong or missing entry is no error, only slower: the packet reaches a worker that hands it over.
 *
 * Ownership: the creator owns the steering and frees it before the tun.
 * Threads:   steering_set() and steering_clear() from any; they are one system call each.
 */
#pragma once
#include "base/addr.h"
#include "base/auto.h"
#include "os/tun.h"

struct steering;

/*
 * Room for `max_entries` single addresses and /64s, and as many other prefixes. -EPERM: no CAP_BPF
 * (or CAP_SYS_ADMIN); -ENOSYS: a kernel without it; EV_STEERING_OFF either way.
 */
int steering_new(
	const struct tun *tun, unsigned max_entries, struct steering **ret, struct os_failure *why);
void steering_free(struct steering *s); /* back to the kernel's own choice; NULL is fine */
DEFINE_AUTO(steering, struct steering *, steering_free)

/* Packets to `prefix` come out of `queue` from now on. -E2BIG: full; -EINVAL: no such queue. */
int steering_set(const struct steering *s, const struct prefix *prefix, unsigned queue);
void steering_clear(const struct steering *s, const struct prefix *prefix);
