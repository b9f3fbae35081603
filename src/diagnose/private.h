// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/private.h — shared by the probes.
 */
#pragma once
#include <poll.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "diagnose/call.h"
#include "diagnose/diagnose.h"
#include "diagnose/talk.h"
#include "tls/probe.h"

#define ADDRESSES_MAX 8

struct diagnosis {
	const struct diagnose_opts *opts;
	uint64_t began_us, ended_us;
	int64_t began_s;
	struct probe probes[PROBES];

	struct endpoint addresses[ADDRESSES_MAX]; /* what the name resolves to */
	size_t n_addresses;
	struct endpoint server; /* the one that answered; with a proxy: AF_UNSPEC */
	enum event proxy_event; /* why the last way through the proxy failed; EV_NONE: it did not */
	bool reachable;         /* TCP connects, directly or by way of the proxy */

	struct tls_ctx *look;  /* accepts any certificate: for looking only */
	struct tls_ctx *login; /* judges it as `culvert connect` would; NULL: not trusted */
	const char *sni;       /* what worked */
	bool large_lost;       /* large packets from here do not get to the server */
	bool tls_works, untrusted;
	bool time_problem; /* the certificate is out of date by this machine's clock */
	int64_t not_before_s, not_after_s;
	char issuer[128];

	struct addr target; /* --target, once its address is known */
	struct call *call;  /* the main conversation */
	struct scenario *record;
};

/* ---- probe.c: writing down; escaped as by text_format() ---- */
void probe_fact(struct probe *p, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void probe_find(struct probe *p, enum outcome weight, enum event ev, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void probe_skip(struct probe *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void probe_summary(struct probe *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool probe_has(const struct probe *p, enum event ev);

/* ---- net.c: sockets with a time limit ---- */
int net_wait(int fd, short events, uint64_t until_ms);
/* To `to`; 0 and a non-blocking socket, or a negative errno. mss 0: the system's. */
int net_connect(const struct endpoint *to, unsigned timeout_ms, int mss, int *ret_fd);
/* To the server of this diagnosis, through the proxy when there is one. */
int net_server(struct diagnosis *d, unsigned timeout_ms, int mss, int *ret_fd);
/* What its failure means: the proxy's own event, or that of TCP. */
enum event net_server_event(const struct diagnosis *d, int error);

/* One TLS connection; closed by look_close(). */
struct look {
	int fd;
	struct tls *tls;
	uint64_t handshake_us;
	size_t received;  /* octets from the server */
	enum event event; /* why there is none */
	char text[300];
};
struct look_opts {
	struct tls_ctx *ctx;
	const char *sni; /* NULL: the host's name; "": none */
	int mss;
	unsigned timeout_ms; /* 0: that of the diagnosis */
};
/* EV_NONE, or what failed. */
enum event look_open(struct diagnosis *d, const struct look_opts *opts, struct look *ret);
void look_close(struct look *s);
/* Sends a request and reads up to cap - 1 octets of the answer, until its head is complete. */
int look_ask(struct look *s, const char *request, char *ret, size_t cap, unsigned timeout_ms);

/* ---- the probes ---- */
void probe_dns(struct diagnosis *d, struct probe *p);
void probe_reach(struct diagnosis *d, struct probe *p);
void probe_proxy(struct diagnosis *d, struct probe *p);
void probe_tls(struct diagnosis *d, struct probe *p);
void probe_http(struct diagnosis *d, struct probe *p);
void probe_sstp(struct diagnosis *d, struct probe *p);
void probe_ppp(struct diagnosis *d, struct probe *p);
void probe_inner(struct diagnosis *d, struct probe *p);
void probe_local(struct diagnosis *d, struct probe *p);

/* ppp.c: after all probes: is the call still there, and did the server take the binding? */
void judge_call(struct diagnosis *d);

/* tls_chain.c: the certificate part of the TLS probe. */
void judge_chain(struct diagnosis *d, struct probe *p, const struct tls *t);
void judge_clock(struct diagnosis *d, int64_t server_s);

/* revocation.c: after judge_chain(). */
void judge_revocation(struct diagnosis *d, struct probe *p, const struct tls *t);

/* large.c: large packets from here to the server; sets large_lost. */
void judge_large(struct diagnosis *d, struct probe *p);
/* portal.c: after something else than an SSTP server answered, or nothing did. */
void judge_portal(struct diagnosis *d, struct probe *p);

/* reach_path.c: how far packets get. Writes a fact. */
void trace_path(struct probe *p, const struct endpoint *to);
