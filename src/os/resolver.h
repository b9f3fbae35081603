// SPDX-License-Identifier: Apache-2.0
/*
 * os/resolver.h — this machine's DNS servers: read for the clients of a server, set for a client.
 *
 * `root` is "" but in tests, where it stands before every path.
 * Threads: resolver_set(), _restore() and _recover() run children and wait: not for a worker.
 */
#pragma once
#include <stddef.h>

#include "base/addr.h"
#include "base/auto.h"
#include "os/failure.h"
#include "os/resolver_opts.h"

/* --- the server's side ------------------------------------------------------------------- */

/*
 * The real servers this machine asks, IPv4 and IPv6, in order and each once: never a loopback or
 * link-local address, which means another machine to the client that gets it. Returns how many (at
 * most cap); 0: there are none to be found.
 */
size_t resolver_upstreams(const char *root, struct addr *ret, size_t cap);

/* --- the client's side ------------------------------------------------------------------- */

enum resolver_way {
	RESOLVER_RESOLVED,   /* systemd-resolved, which keeps servers and domains per interface */
	RESOLVER_RESOLVCONF, /* resolvconf or openresolv */
	RESOLVER_OWN_FILE,   /* the same, of a namespace of our own */
	RESOLVER_FILE,       /* /etc/resolv.conf rewritten, its original kept beside it */
};

struct resolver;

/*
 * The servers that this machine asked before resolver_set(), or asks beside them: those of its links.
 * `except` are the tunnel's, which systemd-resolved lists among the others. Returns how many.
 */
size_t resolver_beside(
	const char *root, const struct addr *except, size_t n_except, struct addr *ret, size_t cap);
/*
 * Tries the three ways in their order until one works. When none does, `why` names each with its
 * failure; an earlier one that failed is otherwise kept for resolver_passed_over().
 */
int resolver_set(const struct resolver_opts *opts, struct resolver **ret, struct os_failure *why);
/* The ways that failed before the one in use, "" if none did: "systemd-resolved: ... (Timeout)". */
const char *resolver_passed_over(const struct resolver *r);
/* Whether the way in use asks the tunnel's servers for their domains only. */
bool resolver_splits(const struct resolver *r);
enum resolver_way resolver_way(const struct resolver *r);
const char *resolver_way_name(enum resolver_way way);
/* Undoes resolver_set(), unless another program changed the settings since; frees. NULL is fine. */
void resolver_restore(struct resolver *r);
DEFINE_AUTO(resolver, struct resolver *, resolver_restore)

/*
 * At every start: puts /etc/resolv.conf back when a Culvert that is dead left it changed. Returns 1
 * when it did (EV_DNS_RESTORED), 0 when there was nothing to do.
 */
int resolver_recover(const char *root, struct os_failure *why);
