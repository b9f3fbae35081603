// SPDX-License-Identifier: Apache-2.0
/*
 * client/split.h — the split tunnel that a server pushes: what it said by DHCP and by advertisements,
 * judged (ip/pushed.h) and held against this machine (os/surroundings.h), and its routes in the
 * tunnel's table.
 *
 * Two steps, because the owner has the route to everything (client/setup.c): split_judge() says what will
 * be; when everything is to go through the tunnel again, that comes first; then split_apply() adds what is
 * new and takes away what is gone. So no packet leaves beside the tunnel in between.
 *
 * Ownership: what split_new() gets is borrowed. Threads: the client's one.
 */
#pragma once
#include "base/auto.h"
#include "client/options.h"
#include "ip/pushed.h"
#include "os/surroundings.h"

struct dhcp_ack;
struct netlink;
struct policy;
struct ra;
struct split;

int split_new(const struct client_opts *opts, struct netlink *nl, struct policy *policy,
	unsigned ifindex, struct split **ret);
void split_free(struct split *s); /* NULL is fine. The routes go with the policy */
DEFINE_AUTO(split, struct split *, split_free)

/* ---- what the server says ---- */
void split_answered(struct split *s, const struct dhcp_ack *ack); /* NULL: it has not answered */
/* Whether it brings, or ends, anything. */
bool split_advertised(struct split *s, const struct ra *ra, uint64_t now_ms);
uint64_t split_next_end_ms(const struct split *s); /* of an advertised lifetime */
bool split_end_due(struct split *s, uint64_t now_ms);

/* ---- what becomes of it ---- */
/* Whether anything is to change. `around` has what this machine does beside the tunnel. */
bool split_judge(struct split *s, const struct surroundings *around);
/* Only what is pushed goes through the tunnel, in the place of everything: after the next split_apply(). */
bool split_will_be_on(const struct split *s);
void split_apply(struct split *s);
bool split_is_on(const struct split *s);
const struct pushed *split_pushed(const struct split *s);
