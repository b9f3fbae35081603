// SPDX-License-Identifier: Apache-2.0
/*
 * os/resolved.h — the DNS settings of one interface in systemd-resolved; os/resolver.h chooses it.
 *
 * Threads: any; each call waits for the service, RESOLVED_TIMEOUT_S at most.
 */
#pragma once
#include "os/failure.h"
#include "os/resolver_opts.h"

#define RESOLVED_TIMEOUT_S 5

/* Servers, domains, and whether other names go there. Nothing is left half done. */
int resolved_set(const struct resolver_opts *o, struct os_failure *why);
void resolved_revert(const char *root, const char *ifname);
