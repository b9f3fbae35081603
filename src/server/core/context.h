// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/context.h — what host/ and run.c made and all threads of the server share.
 *
 * The struct is open: it is read in every room. Nothing in it changes while workers run but the atomics,
 * and `snapshot`, which is the control thread's (a worker has its own, server/core/site.h).
 *
 * Ownership: run.c's; what a pointer leads to is freed by the room that made it.
 * Threads:   written before the workers start; the functions below any.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/credentials.h"
#include "base/mailbox.h"
#include "config/config.h"
#include "server/core/ranges.h"

struct aaa;
struct radius;
struct account;
struct admission;
struct directory;
struct networks;
struct site;
struct snapshot;
struct steering;
struct store;
struct tun;

struct context {
	struct config *config;     /* as started; what a reload may change is in snapshot->config */
	struct snapshot *snapshot; /* the control thread's */
	struct directory *directory; /* of sessions */
	struct networks *networks;   /* of sessions, beyond the pools */
	struct admission *admission; /* of connections before their login */
	struct store *store;
	struct account *account;
	struct aaa *aaa;
	struct radius *radius;
	struct tun *tun;
	struct steering *steering; /* NULL: the ring */
	struct site **sites;       /* one for each worker */
	unsigned n_sites;
	struct mailbox control_mailbox;   /* letters to the control thread */
	char name[64];                    /* in CHAP challenges */
	char ready_on[ENDPOINT_TEXT_LEN]; /* the first listener */
	struct prefix pool;
	struct config_pool pools[CONFIG_ITEMS_MAX]; /* the named ones */
	size_t n_pools;
	struct addr_range excluded[CONFIG_ITEMS_MAX]; /* of pools; tunnel.pool_exclude */
	struct prefix nets[CONFIG_ITEMS_MAX + 1];     /* all pools, for ip/guard.h */
	size_t n_nets;
	struct host_addresses host;     /* this host's own, at the start: no client gets one */
	struct ppp_addresses addresses; /* local, as given to clients */
	struct prefix prefix6;          /* clients' /64s are of it; AF_UNSPEC: none */
	struct addr own6, link_local;   /* AF_UNSPEC: this host has no IPv6 for them */
	struct prefix delegate;         /* clients' delegated prefixes are of it; AF_UNSPEC: none */
	uint8_t delegate_len;           /* of each */
	uint8_t duid[18];
	int64_t started_s;
	uint64_t epoch;           /* of the store: this run */
	_Atomic bool ipv6_onward; /* clients may send IPv6 to the Internet through us */
	_Atomic bool draining;
	_Atomic int64_t strangers_s; /* the second in which ... */
	_Atomic unsigned strangers;  /* ... so many came and went without TLS */
};

unsigned context_sessions(const struct context *c); /* clients that have logged in */
/* A connection ended before TLS: is it worth a line and a record, or one of a flood? */
bool context_logs_stranger(struct context *c);
