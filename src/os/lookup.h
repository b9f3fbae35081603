// SPDX-License-Identifier: Apache-2.0
/*
 * os/lookup.h — the addresses of a name, waited for until a descriptor says that the answer is not wanted
 * any more.
 *
 * Two ways. Without servers the system's own look-up (getaddrinfo(3)), which cannot be interrupted: it
 * goes on in a thread that is left behind, and holds nothing of the caller. With servers the name servers
 * given, from sockets with a mark, which policy rules and packet filters know (client/policy.h): while a
 * tunnel is away, the resolver of this machine still points into it.
 *
 * Threads: any.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "os/dial.h"

#define LOOKUP_SERVERS_MAX 8

struct lookup_opts {
	const char *host; /* a name, or an address in text */
	uint16_t port;
	int family;                 /* AF_UNSPEC, or the only one wanted */
	int cancel_fd;              /* readable: enough; -1: none */
	const struct addr *servers; /* asked on UDP and TCP port 53, /etc/hosts before them */
	size_t n_servers;           /* 0: the system's way */
	uint32_t mark;              /* of the sockets; 0: none */
};

/*
 * 0, or an EAI_* of getaddrinfo(3), with errno for EAI_SYSTEM. errno is ECANCELED when it was enough.
 * Addresses come in the system's order (RFC 6724).
 */
int lookup_wait(const struct lookup_opts *opts, struct endpoint ret[static DIAL_ADDRESSES_MAX],
	size_t *ret_n);
