// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/outer.h — what carries HTTP and SSTP: TLS, or nothing at all when a balancer in front has
 * ended TLS already. Calls and results are those of tls/engine.h.
 *
 * Ownership: embedded in the tunnel. Octets given to outer_recv() are borrowed as tls_recv() says.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/rd.h"

struct tls;
struct tls_ctx;
struct tls_failure;
struct tls_peer_opts;

struct outer {
	struct tls *tls; /* NULL: in the clear */
	struct rd in;
	struct buf out;
	bool closed;
};

/* ctx NULL: in the clear. */
int outer_init(struct outer *o, struct tls_ctx *ctx, const struct tls_peer_opts *peer);
void outer_done(struct outer *o);
void outer_recv(struct outer *o, const void *octets, size_t n);
ssize_t outer_read(struct outer *o, void *buf, size_t cap);
void outer_prefetch(const struct outer *o);
bool outer_pending(const struct outer *o);
int outer_write(struct outer *o, const void *octets, size_t n);
int outer_write_empty(struct outer *o); /* -ENOTSUP without TLS 1.3 */
struct buf *outer_output(struct outer *o);
bool outer_established(const struct outer *o);
void outer_close(struct outer *o);
void outer_eof(struct outer *o);
const struct tls_failure *outer_failure(const struct outer *o);
void outer_idle(struct outer *o);
