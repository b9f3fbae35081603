// SPDX-License-Identifier: Apache-2.0
/*
 * os/wire.h — one connection, plain or by TLS, that is waited for: to a proxy, to where a file is.
 *
 * Ownership: wire_done() closes what wire_give() did not hand over.
 * Units:     *_ms are monotonic milliseconds.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct tls;
struct tls_failure;

struct wire {
	int fd;      /* non-blocking; -1: none */
	int stop_fd; /* readable: it is given up; -1: none */
	uint64_t until_ms;
	struct tls *tls;  /* NULL: plain */
	struct buf plain; /* opened, and not taken yet */
};

void wire_init(struct wire *w, int stop_fd, uint64_t until_ms);
void wire_done(struct wire *w);
/*
 * TLS over the connection; the certificate must be for `host` and lead to one in ca_file (NULL: the
 * system's store). -EPROTO with *ret_why, or why the connection broke.
 */
int wire_start_tls(
	struct wire *w, const char *host, const char *ca_file, struct tls_failure *ret_why);
int wire_send(struct wire *w, struct buf *out);
/*
 * Waits until `until_ms`, or the connection's own end of time if that is sooner, for what comes. > 0: so
 * many octets are at *ret, until wire_take(); 0: the other end has closed; -ETIMEDOUT, -ECANCELED, ...
 */
ssize_t wire_look(struct wire *w, uint64_t until_ms, const uint8_t **ret);
int wire_take(struct wire *w, size_t n);
/* A descriptor on which the other end's next octets come in the plain. */
int wire_give(struct wire *w, int *ret_fd);
