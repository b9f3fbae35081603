// SPDX-License-Identifier: Apache-2.0
/*
 * os/socket.h — TCP sockets, made and tuned. The event loop is the caller's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "events/event.h"
#include "os/failure.h"

#define CONGESTION_NAME_LEN 16 /* TCP_CA_NAME_MAX */

/*
 * A non-blocking, close-on-exec listening socket with SO_REUSEPORT, so that every worker has one
 * of its own on the same port. [::] takes IPv4 as well, and becomes 0.0.0.0 on a machine without
 * IPv6; any other address is that one alone. Port 0: the kernel chooses (see socket_local()).
 */
int socket_listen(const struct endpoint *at, int backlog, int *ret_fd, struct os_failure *why);

/*
 * Whether the first socket_listen() there would be the only one. SO_REUSEPORT does not show
 * another process of the same user: the kernel would spread connections over both.
 */
int socket_nobody_listens(const struct endpoint *at, struct os_failure *why);

/* What a connection attempt that failed so is called. */
enum event tcp_event(int error);
int socket_local(int fd, struct endpoint *ret);
int socket_peer(int fd, struct endpoint *ret);

/* What a tunnel's TCP connection wants; 0 or NULL leaves the system's value. */
struct tcp_opts {
	uint32_t keepalive_idle_s;     /* silence before the first probe; 0: no keepalive */
	uint32_t keepalive_interval_s; /* between probes */
	uint32_t keepalive_count;      /* unanswered ones that end it */
	uint32_t user_timeout_ms;      /* data unacknowledged that long end it (RFC 5482) */
	uint32_t notsent_lowat;        /* octets: writable only while less waits unsent */
	const char *congestion;        /* "bbr", "cubic"; one the kernel lacks leaves its default */
	uint32_t mark;                 /* SO_MARK; needs CAP_NET_ADMIN */
};

/*
 * TCP_NODELAY, always, and the options above. Returns 0 or the first negative errno (the rest is
 * set all the same). ret_congestion, unless NULL: the algorithm in force.
 */
int tcp_tune(int fd, const struct tcp_opts *opts, char ret_congestion[CONGESTION_NAME_LEN]);

/* As a client's connection to its server wants it; `congestion`, `mark` as above. */
void tcp_tune_client(int fd, const char *congestion, uint32_t mark);

/* Also for a socket that listens: the accepted ones begin with it. Returns 0 or the negative errno. */
int tcp_set_congestion(int fd, const char *name);

/* What TCP knows of the path, in octets and microseconds (TCP_INFO). */
struct tcp_path {
	uint64_t delivered; /* arrived there so far, in any order */
	uint64_t under_way; /* sent or waiting to be sent, and not known to have arrived */
	uint64_t window;    /* the congestion window */
	uint64_t rate;      /* octets per second that arrived lately */
	uint64_t pace;      /* octets per second that TCP lets go, where it paces */
	uint32_t rtt_us, min_rtt_us;
	uint32_t mss, packets_delivered, packets_resent; /* the last two may wrap */
	bool stalled; /* nothing has been acknowledged since its retransmission timer ran out */
};

int tcp_path(int fd, struct tcp_path *ret);
