// SPDX-License-Identifier: Apache-2.0
/*
 * os/resolver_opts.h — the DNS settings of a tunnel, as each way to set them gets them. The strings and
 * arrays are the caller's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct resolver_opts {
	const char *root;
	const char *ifname; /* the tunnel's interface */
	const struct addr *servers;
	size_t n_servers;
	bool all_names; /* the tunnel's servers answer for everything (it is the default route) */
	/*
	 * Search domains, as A-labels; without all_names the tunnel's
	 * servers are asked for names below these only, where the way can do that (resolver_splits()).
	 */
	const char *const *domains;
	size_t n_domains;
	bool own_file; /* /etc/resolv.conf is the caller's own (os/apart.h): written as it is */
};
