// SPDX-License-Identifier: Apache-2.0
/*
 * os/dial.h — one TCP connection to one of several addresses: the only place that calls connect() for
 * a tunnel, a proxy or a probe.
 *
 * There is no loop in it: the owner watches a descriptor until a deadline and calls dial_step(), under
 * libuv or poll(). Addresses are tried one after the other, in the order given; with opts.race_ms the
 * next one begins while those before it are on their way, and the first that answers counts (RFC 8305
 * section 5, families in turns: section 4). A race has several descriptors: dial_wait() watches them.
 *
 *     dial_init(&d, &opts, addresses, n);
 *     while ((fd = dial_step(&d, now)) == -EINPROGRESS)
 *             wait until dial_fd(&d) is writable, or until dial_deadline(&d)
 *     dial_done(&d);
 *
 * or, where waiting is what the caller wants: fd = dial_wait(&d, until_ms, cancel_fd).
 *
 * Ownership: a connected descriptor is the caller's; dial_done() closes what is still on its way.
 * Units:     *_ms are monotonic milliseconds.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define DIAL_ADDRESSES_MAX 16

struct dial_opts {
	uint64_t try_ms;  /* for one address; then the next */
	uint64_t race_ms; /* the next one begins so long after the one before it; 0: no race */
	/* Options of the socket, before connect(). NULL: none. */
	void (*tune)(void *arg, int fd);
	/* A failed attempt's socket before it is closed: its error queue may say who refused. */
	void (*failed)(void *arg, int fd);
	void *arg;
	const struct endpoint *source; /* NULL: the kernel's choice; its port is not looked at */
};

/* What became of one address. */
struct dial_try {
	struct endpoint to;
	int error; /* negative errno; -EINPROGRESS: not tried, or on its way; 0: connected */
	int fd;    /* -1: not on its way */
	bool began;
	uint64_t began_ms, ended_ms;
};

struct dial {
	struct dial_opts opts;
	struct dial_try tries[DIAL_ADDRESSES_MAX];
	size_t n, at; /* tries[at] is the one that began last, or the one that was connected */
};

/* Those beyond DIAL_ADDRESSES_MAX are left out. Everything but opts.arg and opts.source is copied. */
void dial_init(
	struct dial *d, const struct dial_opts *opts, const struct endpoint *addresses, size_t n);
void dial_done(struct dial *d);

/*
 * Begins, or looks how it stands. A connected, non-blocking, close-on-exec descriptor; -EINPROGRESS;
 * or what the last address said, -EHOSTUNREACH when there was none; -EISCONN after it was connected.
 */
int dial_step(struct dial *d, uint64_t now_ms);
int dial_fd(const struct dial *d); /* to be watched for writing; -1 before the first step */
uint64_t dial_deadline(const struct dial *d); /* when dial_step() is due in any case */
/* The address that is tried now, or that was connected; the last one when all failed. */
const struct dial_try *dial_current(const struct dial *d);

/*
 * Steps until it is connected or has failed. -ETIMEDOUT at until_ms; -ECANCELED when cancel_fd (-1:
 * none) becomes readable.
 */
int dial_wait(struct dial *d, uint64_t until_ms, int cancel_fd);
/*
 * The descriptor that is on its way, for an owner whose own loop finds out how it ends; -1: none. No
 * other address is tried then.
 */
int dial_take(struct dial *d);

/*
 * The addresses of a name or of an address in text, in the system's order. 0, or an EAI_* of
 * getaddrinfo(3), with errno for EAI_SYSTEM. Blocks. family: AF_UNSPEC, or the only one wanted.
 */
int dial_lookup(const char *host, uint16_t port, int family,
	struct endpoint ret[static DIAL_ADDRESSES_MAX], size_t *ret_n);
