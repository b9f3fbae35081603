// SPDX-License-Identifier: Apache-2.0
/*
 * client/policy.h — what goes through the tunnel: policy rules and a routing table of this client's own.
 *
 * The tunnel's own connection carries a mark (SO_MARK) and goes the way that this machine has without
 * the tunnel, whatever that is now. So no route to the server stands in the main table: nothing that a
 * DHCP server or a network manager does there takes it away, and nothing else that goes to the server's
 * address leaves beside the tunnel.
 *
 * policy_free() takes all of it back. After a kill -9 the routes are gone with the interface; the rules,
 * which then lead into an empty table, are taken away by the next policy_new().
 *
 * Threads: the client's one.
 */
#pragma once
#include "base/addr.h"
#include "base/auto.h"
#include "os/failure.h"

#define POLICY_CLIENTS_MAX 64
#define POLICY_MARK 0x63760000u /* and the number of the client: mark and table. "cv" */
#define POLICY_MARK_MASK 0xffffffc0u

struct netlink;
struct policy;

/* Claims a number on this machine, and clears what dead clients left. `nl` is borrowed. */
int policy_new(struct netlink *nl, unsigned ifindex, struct policy **ret, struct os_failure *why);
void policy_free(struct policy *p); /* NULL is fine */
DEFINE_AUTO(policy, struct policy *, policy_free)
/* For SO_MARK of the tunnel's own sockets. */
uint32_t policy_mark(const struct policy *p);
/*
 * `dst` goes into the tunnel, but for what a longer route of this machine says (its local networks).
 * EV_ROUTE_TAKEN: another program, or another client, has that very network.
 */
int policy_route_add(struct policy *p, const struct prefix *dst, struct os_failure *why);
void policy_route_del(struct policy *p, const struct prefix *dst);
/* `dst` goes past the tunnel, the way that this machine has without it. */
int policy_exclude(struct policy *p, const struct prefix *dst, struct os_failure *why);
/*
 * Where a strict reverse path filter (rp_filter = 1) looks at what the server sends, the kernel asks
 * for the way to the server without the mark: a rule for TCP to that address and port answers it.
 */
void policy_server(struct policy *p, const struct endpoint *server);
