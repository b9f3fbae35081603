// SPDX-License-Identifier: Apache-2.0
/*
 * server/host/host.h — what a server sets up on its machine, and undoes: state folder, user, pools, TUN,
 * forwarding, packet filter, listeners. Each step logs what failed; 0, or the exit code of its layer.
 *
 * Ownership: run.c owns the struct; what a step makes for all rooms is in its context.
 * Threads:   the control thread: before the workers start, and after they ended. host_ipv6_check() also
 *            while they run.
 */
#pragma once
#include <stdbool.h>

#include "events/event.h"
#include "os/forward.h"
#include "os/failure.h"

struct config;
struct context;
struct db;
struct eap_anchors;
struct netlink;
struct snapshot;
struct config_error;
struct host_radius;
struct tls_failure;

struct host {
	struct context *context;
	int lock; /* of the state folder: this process is its only server; -1: not held */
	struct forward forward;
	struct host_radius *radius;
	struct {
		bool exported;           /* the pools are in routes.table */
		bool forward4, forward6; /* networks behind clients: forwarding was asked for */
	} routes;
	bool machine_changed; /* forwarding, packet filter: to be restored */
	bool ipv6_told;       /* whether clients have IPv6 to the Internet was logged */
};

#define IPV6_CHECK_MS 10000 /* does this host have a default route? */

/* ---- state.c ---- */

/*
 * As root, if it is started so: the folder, and the lock on it. Nothing that another server of this
 * folder uses has changed when that fails.
 */
int host_open_state(struct host *h);
/* Becomes server.user; forks the keeper that runs nft. */
int host_give_up_rights(struct host *h);
/* The very last: the next start may begin. */
void host_close_state(struct host *h);

/* ---- pools.c ---- */

/* Configured pools that a client could not use are refused by name. */
int host_check_pools(struct host *h);
/* Pools (chosen and written down at first start), own addresses, name servers. */
int host_choose_pools(struct host *h, struct netlink *nl, struct db *db);

/* ---- anchors.c ---- */

/* The authorities for users' certificates; *ret NULL: there are none. */
typedef void anchors_note(void *arg, enum event event, const char *text);
/* Says to `note` which lists are missing or old; host_load_anchors() logs that. */
int host_try_anchors(struct db *db, anchors_note *note, void *arg, struct eap_anchors **ret,
	struct tls_failure *ret_failure);
int host_load_anchors(struct db *db, struct eap_anchors **ret, struct tls_failure *ret_failure);

/* ---- radius.c ---- */

/* Makes the client of RADIUS; its thread starts with host_configure_radius(). */
int host_open_radius(struct host *h, struct db *db);
void host_close_radius(struct host *h);
/* Servers and secrets into to->radius. -EINVAL, -ENOMEM. */
int host_load_radius(const struct context *c, struct snapshot *to, struct config_error *ret_err);
/* The client of RADIUS takes a snapshot's settings. */
void host_configure_radius(const struct context *c, const struct snapshot *s);

/* ---- tun.c ---- */

int host_open_tun(struct host *h);
/* Up, with addresses; and the steering of packets to workers. */
int host_configure_tun(struct host *h, struct netlink *nl);

/* ---- uplink.c ---- */

/* Our own addresses on the TUN. 0, or -errno and `why`. */
int host_ipv6_setup(struct host *h, struct netlink *nl, struct os_failure *why);
/* Whether clients can get beyond this host; switches forwarding on when they can. */
void host_ipv6_check(struct host *h, struct netlink *nl);
/* A prefix of clients is translated on its way out (nft). */
bool host_ipv6_is_masqueraded(const struct context *c, const struct prefix *p);

/* ---- routes.c ---- */

/* 0 also when no prefixes are delegated. */
int host_route_delegate(struct host *h, struct netlink *nl, struct os_failure *why);
/* The pools into routes.table, and out of it; nothing without that option, or when it is so. */
void host_export_pools(struct host *h, struct netlink *nl);
void host_withdraw_pools(struct host *h, struct netlink *nl);
/* The kernel's routes to sessions' networks. True: the time was up first, and there may be more. */
bool host_follow_networks(struct host *h, struct netlink *nl, uint64_t until_ms);

/* ---- nat.c ---- */

/* Forwarding switches and packet filter: last, when all that can fail has been done. */
void host_change_machine(struct host *h, struct netlink *nl);
void host_restore_machine(struct host *h);

/* ---- listeners.c ---- */

/* Gets the descriptor; `clear`: without TLS, for a balancer. */
typedef void host_take_listener(void *arg, unsigned worker, int fd, bool clear);
int host_listen(struct host *h, host_take_listener *take, void *arg);

/* The log's line and the exit code for what the system refused. */
static inline int host_refused(enum event event, const char *text)
{
	log_event(NULL, event, "%s", text);
	return layer_exit_code(event_info(event)->layer);
}
