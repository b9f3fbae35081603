// SPDX-License-Identifier: Apache-2.0
/*
 * os/rule.h — policy rules (ip-rule(8)): which routing table a packet asks.
 *
 * Rules made here carry the protocol RTPROT_CULVERT, as routes do (os/netlink.h), so that those of a
 * killed process are found again and nothing of others is touched.
 *
 * Threads: any; each call has a socket of its own.
 * Errors:  negative errno and `why`.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "os/failure.h"

struct rule {
	int family;
	uint32_t priority;    /* the lowest is asked first */
	uint32_t table;       /* that is asked; 0: none, the packet is unreachable */
	uint32_t mark;        /* of the packet; 0: any */
	struct prefix to;     /* AF_UNSPEC: anywhere */
	bool longer_than;     /* of the table only routes with a prefix longer than ... */
	uint8_t suppress_len; /* ... this count */
	uint16_t tcp_port;    /* TCP to this port alone; 0: all */
};

/* -EEXIST: the very rule is there. */
int rule_add(const struct rule *rule, struct os_failure *why);
int rule_del(const struct rule *rule, struct os_failure *why);

/* Return false to stop. */
typedef bool rule_fn(const struct rule *rule, void *arg);
/* The rules of RTPROT_CULVERT, of a family. */
int rule_list(int family, rule_fn *fn, void *arg, struct os_failure *why);
