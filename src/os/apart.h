// SPDX-License-Identifier: Apache-2.0
/*
 * os/apart.h — network and mount namespaces of one's own, without root by way of a user namespace
 * (user_namespaces(7)).
 *
 * The calling thread alone moves into them: threads that began before keep the machine's network, so a
 * connection that they make leads out there, and its descriptor works here.
 */
#pragma once
#include <sys/types.h>

#include "os/failure.h"

/*
 * The right to make the others: nothing for a process that has it, else a user namespace in which the user
 * keeps its number. Before any thread. Where this is closed `why` names the switch.
 */
int apart_user(struct os_failure *why);
/*
 * The network, empty but for lo, and the mounts: /etc/resolv.conf is a file of its own there, a copy, that
 * may be written; resolvers of the machine that programs would ask by a socket are out of reach.
 * Returns 1 when all is made but the names.
 */
int apart_network(struct os_failure *why);
/* Into those of another process of the same user namespace. */
int apart_join(pid_t pid, struct os_failure *why);
