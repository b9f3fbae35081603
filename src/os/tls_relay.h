// SPDX-License-Identifier: Apache-2.0
/*
 * os/tls_relay.h — a TLS connection as a plain socket: a thread seals and opens what passes. For tunnels
 * through a proxy that is spoken to by TLS, whose own TLS is inside.
 */
#pragma once
#include <stddef.h>

struct tls;

/*
 * *ret_fd is a connected, non-blocking, close-on-exec stream socket. fd and tls, whose handshake is done,
 * are the thread's until either side ends; on an error they stay the caller's. The n octets were
 * read already.
 */
int tls_relay_start(int fd, struct tls *tls, const void *octets, size_t n, int *ret_fd);
