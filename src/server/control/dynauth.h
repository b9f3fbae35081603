// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/dynauth.h — RADIUS servers change or end sessions that are up (RFC 5176):
 * radius.coa_listen.
 *
 * Only the hosts of radius.servers and radius.accounting may ask, each with its secret. A request
 * names its sessions by any attributes; all of them must match. It changes all that it asks for, or
 * nothing and says why (Error-Cause). A repeated request gets the same answer from memory.
 *
 * Threads: the control thread.
 */
#pragma once
#include <stdbool.h>
#include <uv.h>

struct context;
struct dynauth;

/*
 * Opens the listeners. *stopping: the server ends, nothing is taken any more. 0, or negative errno
 * (it has been logged).
 */
int dynauth_open(struct context *c, uv_loop_t *loop, const bool *stopping, struct dynauth **ret);
void dynauth_close(struct dynauth *d); /* then run the loop dry; NULL is fine */
void dynauth_free(struct dynauth *d);  /* no answer of a worker is outstanding */
