// SPDX-License-Identifier: Apache-2.0
/*
 * os/gss.h — tokens of SPNEGO (RFC 4178) by the system's GSSAPI library and the Kerberos ticket at hand,
 * for a service of a host ("HTTP" at a proxy, RFC 4559).
 *
 * The library is loaded when the first token is wanted: most connections want none, and a machine in no
 * Kerberos realm need not have it. It asks its key server by sockets of its own, and cannot be
 * interrupted: like a look-up (os/lookup.h) it goes on in a thread that is left behind.
 *
 * Threads: any; one login belongs to one caller.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"

#define GSS_WHY_MAX 160

struct gss;

/* Nothing is asked yet. -ENOMEM. */
int gss_new(const char *service, const char *host, struct gss **ret);
void gss_free(struct gss *g);
/*
 * The next token, into ret_token, for what the peer sent (n == 0: nothing yet). -ECANCELED when cancel_fd
 * (-1: none) becomes readable, -ETIMEDOUT at until_ms (monotonic; NEVER), else a negative errno with the
 * library's words in ret_why. No token and 0: the login is over.
 */
int gss_step(struct gss *g, const void *octets, size_t n, int cancel_fd, uint64_t until_ms,
	struct buf *ret_token, char ret_why[static GSS_WHY_MAX]);

DEFINE_AUTO(gss, struct gss *, gss_free)
