/*
 * server/core/context.h — `culvert serve`: what all workers share, its start and its end.
 *
 * Threads: server_run() and all set-up on the control thread. The functions below that say "any"
 *          may be called by workers; what they read is constant while workers run, or atomic.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/credentials.h"
#include "config/config.h"
#include "base/mailbox.h"
#include "os/forward.h"
#include "server/core/ranges.h"
#include "server/worker/spare.h"

struct aaa;
struct config;
struct config_error;
struct control;
struct directory;
struct handles;
struct ip_packet;
struct live;
struct session;
struct steering;
struct store;
struct table;
struct tun;
struct worker;

struct server {
	int lock;                    /* of the state folder: this process is its only server; -1 */
	struct config *config;       /* as started; what a reload may change is in live->config */
	struct live *live;           /* the control thread's; workers hold their own */
	struct table *table;         /* address → session and worker */
	struct steering *steering;   /* NULL: the ring */
	struct directory *directory; /* of sessions that have logged in */
	struct handles *handles;     /* of sessions that may have a lane */
	struct store *store;
	struct aaa *aaa;
	struct tun *tun;
	struct forward forward;
	bool machine_changed; /* forwarding, packet filter: to be undone */
	struct worker *workers;
	struct mailbox control_mailbox; /* letters to the control thread */
	unsigned n_workers;
	char name[64];                    /* in CHAP challenges */
	char ready_on[ENDPOINT_TEXT_LEN]; /* the first listener */
	struct prefix pool;
	struct config_pool pools[CONFIG_ITEMS_MAX]; /* the named ones */
	size_t n_pools;
	struct prefix nets[CONFIG_ITEMS_MAX + 1]; /* all pools, for ip/guard.h */
	size_t n_nets;
	struct host_addresses host;     /* this host's own, at the start: no client gets one */
	struct ppp_addresses addresses; /* local, DNS, NBNS as told to clients */
	struct prefix prefix6;          /* clients' /64s are of it, see ipv6.c; AF_UNSPEC: none */
	struct addr own6, link_local;
	struct addr dns6[3];
	size_t n_dns6;
	uint8_t duid[18];
	bool ipv6_told;           /* the control thread's: its state was logged */
	_Atomic bool ipv6_onward; /* clients may send IPv6 to the Internet through us */
	int64_t started_s;
	_Atomic bool draining;
	struct spare spare;
	_Atomic uint64_t refused, no_descriptors;
	pthread_mutex_t admit_lock;
	struct admit *admit;
	_Atomic int64_t refused_told_s; /* one line a second says it */
	_Atomic int64_t no_descriptors_told_s;
	_Atomic int64_t strangers_s; /* the second in which ... */
	_Atomic unsigned strangers;  /* ... so many came and went without TLS */
};

/*
 * Runs until SIGTERM or SIGINT; `reread` (NULL: none) reads the configuration again at a reload.
 * Returns the exit code; whatever failed has been said.
 */
int server_run(struct config *config,
	int (*reread)(void *arg, struct config **ret, struct config_error *ret_err),
	void *reread_arg);

/* Any thread. */
unsigned server_connections(const struct server *s); /* open, in any phase */
unsigned server_handshakes(const struct server *s);  /* of these, not logged in yet */
unsigned server_sessions(const struct server *s);    /* logged in */
bool server_accepting(const struct worker *w);
struct session *server_find_session(
	struct server *s, const struct ip_packet *ip, struct worker **ret_owner);
/* A connection ended before TLS: is it worth a line and a record, or one of a flood? */
bool server_tells_of_stranger(struct server *s);
void server_note_refused(struct server *s, const struct endpoint *peer, enum event why);
void server_note_no_descriptors(struct server *s);
void server_worker_begins(struct server *s);
void server_worker_ends(struct server *s);
