// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/call.h — one tunnel, driven by hand on a blocking socket: as far as it goes.
 *
 * Threads: one. Ownership: the creator owns the call; it closes politely when freed.
 */
#pragma once
#include "base/credentials.h"
#include "diagnose/talk.h"
#include "events/event.h"
#include "tunnel/tunnel.h"

struct diagnosis;
struct scenario;

struct call_opts {
	struct tls_ctx *tls;
	bool login; /* with the user of the diagnosis; else only as far as LCP */
	const enum auth_method *methods;
	size_t n_methods;
	struct scenario *record; /* NULL: none */
};

struct call {
	struct diagnosis *d;
	int fd;
	struct tunnel *tunnel;
	uint8_t *scratch;
	struct talk talk;
	bool up4, up6, ended, timed_out, login;
	bool came_up; /* logged in, with an address, and not refused since */
	uint64_t came_up_us;
	uint64_t packets4;           /* IPv4 that came out of the tunnel */
	enum tunnel_binding binding; /* with bound_hash */
	enum event reason;           /* ended or timed out */
	char text[300];
	char bound_hash[40], identified[80];
	struct ppp_addresses v4, v6;
	/* Every IP packet that comes out of the tunnel. */
	void (*packet)(void *arg, int family, struct rd packet);
	void *packet_arg;
};

/* TCP, and the first octets of TLS. A negative errno of the connection. */
int call_open(struct diagnosis *d, const struct call_opts *opts, struct call **ret);
void call_free(struct call *c); /* says good-bye; NULL is fine */
DEFINE_AUTO(call, struct call *, call_free)

/* Until done(), the end, or the time limit. Returns whether done() held. */
bool call_run(struct call *c, bool (*done)(const struct call *c), uint64_t until_ms);
/* As long as the conversation moves on: gives up when a stage takes longer than the time limit. */
bool call_advance(struct call *c, bool (*done)(const struct call *c));
/* An IP packet into the tunnel. */
int call_send_ip(struct call *c, int family, const void *packet, size_t n);
