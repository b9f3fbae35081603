// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/tap.h — listens to a tunnel: every octet inside TLS where it enters and where it leaves. HTTP
 * first, then SSTP packets with PPP frames in them, data too, in whatever pieces they come.
 *
 * A tap is embedded in its owner's struct (container_of) and named by one pointer, tunnel_opts.tap;
 * NULL: off. It must not call the tunnel. Passwords and proofs are among what it gets.
 *
 * Ownership: the owner's; outlives the tunnel. Threads: the tunnel's.
 */
#pragma once
#include <stddef.h>

enum tunnel_direction { TUNNEL_RECEIVED, TUNNEL_SENT };

struct tunnel_tap {
	/* The octets live as long as the call. */
	void (*octets)(
		struct tunnel_tap *tap, enum tunnel_direction d, const void *octets, size_t n);
};

static inline void tap_octets(
	struct tunnel_tap *tap, enum tunnel_direction d, const void *octets, size_t n)
{
	if (__builtin_expect(tap && n, 0))
		tap->octets(tap, d, octets, n);
}
