// SPDX-License-Identifier: Apache-2.0
#include "tunnel/outer.h"

#include <errno.h>

#include "tls/engine.h"
#include "tls/limits.h"

int outer_init(struct outer *o, struct tls_ctx *ctx, const struct tls_peer_opts *peer)
{
	*o = (struct outer){.in = rd_init(NULL, 0)};
	buf_init(&o->out, TLS_OUTPUT_MAX);
	return ctx ? tls_new(ctx, peer, &o->tls) : 0;
}

void outer_done(struct outer *o)
{
	tls_free(o->tls);
	buf_done(&o->out);
}

void outer_recv(struct outer *o, const void *octets, size_t n)
{
	if (o->tls)
		tls_recv(o->tls, octets, n);
	else
		o->in = rd_init(octets, n);
}

ssize_t outer_read(struct outer *o, void *buf, size_t cap)
{
	size_t left = rd_left(&o->in), n = left < cap ? left : cap;

	if (o->tls)
		return tls_read(o->tls, buf, cap);
	if (!n)
		return -EAGAIN;
	rd_copy(&o->in, buf, n);
	return (ssize_t)n;
}

bool outer_pending(const struct outer *o)
{
	return o->tls ? tls_pending(o->tls) : rd_left(&o->in) > 0;
}

int outer_write(struct outer *o, const void *octets, size_t n)
{
	if (o->tls)
		return tls_write(o->tls, octets, n);
	if (o->closed)
		return -EPIPE;
	return buf_append(&o->out, octets, n);
}

int outer_write_empty(struct outer *o)
{
	return o->tls ? tls_write_empty(o->tls) : -ENOTSUP;
}

struct buf *outer_output(struct outer *o)
{
	return o->tls ? tls_output(o->tls) : &o->out;
}

bool outer_established(const struct outer *o)
{
	return !o->tls || tls_established(o->tls);
}

void outer_close(struct outer *o)
{
	if (o->tls)
		tls_close(o->tls);
	o->closed = true;
}

void outer_eof(struct outer *o)
{
	if (o->tls)
		tls_eof(o->tls);
}

const struct tls_failure *outer_failure(const struct outer *o)
{
	static const struct tls_failure none;

	return o->tls ? tls_failure(o->tls) : &none;
}

void outer_prefetch(const struct outer *o)
{
	if (o->tls)
		tls_prefetch(o->tls);
}

void outer_idle(struct outer *o)
{
	if (o->tls)
		tls_idle(o->tls);
	buf_shrink(outer_output(o));
}
