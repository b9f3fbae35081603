// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/networks.h — the networks that lead to sessions: what lies behind their routers, delegated
 * prefixes, static addresses of no pool, and, when routes are exported, each client's own address.
 *
 * No two of them overlap, and each belongs to one session. A session's worker claims and releases; the
 * control thread takes the changes one by one and brings the kernel's routes up to date with them
 * (server/host/routes.c). A network that changes its session before the kernel heard of it stays as it is.
 *
 * Memory:  an entry for each network, freed when no session has it and the kernel's route is gone.
 * Threads: networks_claim() and networks_release() any; the rest the control thread. A lock is held inside.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/mailbox.h"

enum network_kind {
	NETWORK_OWN,       /* the client's own address or /64 */
	NETWORK_BEHIND,    /* behind the client, which is a router */
	NETWORK_DELEGATED, /* by DHCPv6 */
};

struct networks;

/* `changed` is posted to `mailbox` when there are changes to take; NULL: no thread takes them. */
int networks_new(struct mailbox *mailbox, struct letter *changed, struct networks **ret);
void networks_free(struct networks *n); /* NULL is fine */
DEFINE_AUTO(networks, struct networks *, networks_free)

/*
 * `prefix` is the session's from now on; again: nothing. -EEXIST: it overlaps one that another session
 * has (*ret_with, *ret_session); -EAGAIN: one that is on its way out; -ENOMEM.
 */
int networks_claim(struct networks *n, const struct prefix *prefix, enum network_kind kind,
	uint64_t session, struct prefix *ret_with, uint64_t *ret_session);
/* Nothing when it is not this session's. */
void networks_release(struct networks *n, const struct prefix *prefix, uint64_t session);
/* Is this the own address of a client that was claimed here? */
bool networks_is_own(struct networks *n, const struct addr *a);
/* Those that sessions have. */
size_t networks_count(struct networks *n);

/* ---- the control thread ---- */

struct network_change {
	struct prefix prefix;
	enum network_kind kind;
	uint64_t session; /* 0: it is to be withdrawn */
	struct network *of;
};

/* False: no change is left. Each one that was taken is answered by networks_done() before the next. */
bool networks_next(struct networks *n, struct network_change *ret);
/* `routed`: the kernel has routes for it now. */
void networks_done(struct networks *n, const struct network_change *c, bool routed);
