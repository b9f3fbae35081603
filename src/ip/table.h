// SPDX-License-Identifier: Apache-2.0
/*
 * ip/table.h — which session an address belongs to: longest prefix match, read without locks.
 *
 * Threads: any thread may read and write at once. This file takes no lock and makes no thread; the
 *          caller does what RCU (liburcu, memb flavour) asks of it:
 *            - every thread that touches a table has called urcu_memb_register_thread();
 *            - table_lookup*() and what is done with its answer stand between
 *              urcu_memb_read_lock() and urcu_memb_read_unlock(), and nothing in between blocks;
 *            - a session that was deleted from the table is freed only after a grace period
 *              (urcu_memb_call_rcu() or urcu_memb_synchronize_rcu()), or read by none but the worker
 *              that deleted it.
 *          table_add() and table_del() make their own read section.
 * Memory:  an entry per prefix (96 octets), freed by call_rcu after the last reader left it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"

struct table;

struct table_hit {
	void *session;
	unsigned worker; /* who owns it: others hand the packet over and do not look inside */
};

int table_new(struct table **ret); /* 0 or -ENOMEM */
/* No reader and no writer may be left. NULL is fine. Sessions are not touched. */
void table_free(struct table *t);
DEFINE_AUTO(table, struct table *, table_free)

/* `prefix` has no host bits set. -EEXIST: that very prefix is taken; -ENOMEM; -EINVAL. */
int table_add(struct table *t, const struct prefix *prefix, void *session, unsigned worker);
/* Deletes the prefix if it is still this session's; -ENOENT otherwise. */
int table_del(struct table *t, const struct prefix *prefix, const void *session);

/* The longest prefix that holds the address (4 or 16 octets as on the wire). */
bool table_lookup_v4(struct table *t, const uint8_t address[static 4], struct table_hit *ret);
bool table_lookup_v6(struct table *t, const uint8_t address[static 16], struct table_hit *ret);
