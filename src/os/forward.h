// SPDX-License-Identifier: Apache-2.0
/*
 * os/forward.h — switches the kernel's forwarding on for the tunnel, and restores it afterwards.
 *
 * The switches belong to the whole machine, and others may rely on them. A switch that was on stays on,
 * and one that was switched on here goes off only if no other interface needs it (forward.c).
 */
#pragma once
#include <stdbool.h>

#include "os/failure.h"
#include "os/netlink.h"

#define FORWARD_RA_MAX 32 /* interfaces whose accept_ra was changed and is remembered */

struct forward {
	/*
	 * A file in which to note what was changed, for the next start after a kill -9; set by the
	 * owner, "": none.
	 */
	char note[256];
	char own[16];                /* the tunnel's interface, which is left alone; "": none */
	bool v4_was_off, v6_was_off; /* and were switched on here */
	char ra[FORWARD_RA_MAX][16]; /* interfaces whose accept_ra went from 1 to 2 */
	unsigned n_ra;
};

/* Takes over what a killed process had switched on since this boot, to switch it off again. */
void forward_recall(struct forward *f);
/* net.ipv4.ip_forward. -EROFS, -EACCES: it is off and cannot be switched on. */
int forward_v4_on(struct forward *f, struct os_failure *why);
/*
 * net.ipv6.conf.all.forwarding. A router does not listen to router advertisements: so that this
 * machine keeps its own default route, interfaces with accept_ra = 1 get 2 first.
 */
int forward_v6_on(struct forward *f, struct os_failure *why);
/* `nl` may be NULL: then the switches stay as they are. `own_ifindex` is the tunnel's interface. */
void forward_restore(struct forward *f, struct netlink *nl, unsigned own_ifindex);
