// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/link_state.h — what a link is made of. Shown since its owner embeds it, and since link.c,
 * link_in.c, link_out.c, pair.c and fit.c each do a part of the work on it; link.h is what others call.
 */
#pragma once
#include "datapath/pair.h"
#include "datapath/path.h"
#include "datapath/port.h"
#include "ip/guard.h"
#include "tunnel/fq_codel.h"
#include "tunnel/tunnel.h"

struct allowance;

struct link_ops {
	/* Every event but TUNNEL_PACKET. Must not free the link. */
	void (*event)(struct link *l, const struct tunnel_event *ev);
	/*
	 * Optional: a packet to the link itself, GUARD_SOLICITATION to GUARD_DHCPV4. It goes no
	 * further.
	 */
	void (*intercept)(struct link *l, enum guard_verdict kind, const uint8_t *octets,
		const struct ip_packet *ip);
	/* May the peer send from this address? (Server: its own address only.) */
	bool (*accept_source)(struct link *l, const uint8_t *octets, const struct ip_packet *ip);
	/*
	 * Optional: a transfer is under way on a long path, and a lane helps (datapath/pair.h). Again
	 * and again while it is.
	 */
	void (*want_lane)(struct link *l);
	/*
	 * Socket and handles are gone; the last callback. After link_detach() l->fd and l->tunnel are
	 * there and the owner's to take.
	 */
	void (*closed)(struct link *l);
};

struct link {
	struct port_link in_port; /* first: link_of() */
	struct port *port;
	const struct link_ops *ops;
	struct tunnel *tunnel; /* owned */
	int fd;                /* owned */
	int poll_events;
	uv_poll_t poll;
	uv_timer_t timer;
	uv_timer_t look;   /* for room on the path, see tunnel/inflight.h; a lane's: followers */
	uint64_t timer_at; /* when the timer is set to fire; NEVER: not set */
	uint64_t linger_until;
	bool deferred; /* set by the owner: read it in port_run_deferred(), within its time */
	bool is_busy;  /* inside a pull */
	bool ended, sent_all, closing, detached;
	uint8_t handles_open;
	int send_failed; /* errno of a write */

	/* set by the owner when a family comes up */
	uint16_t mtu;               /* what the peer takes */
	struct guard guard;         /* what it may send */
	struct addr local4, local6; /* where too-big answers come from */
	uint64_t toobig_second;     /* at most a few answers in each */
	unsigned toobig_answers;

	struct allowance *allowance; /* the owner's (datapath/allowance.h); NULL: no limits */
	struct fq_codel queue;
	uint64_t queue_lost; /* packets, as far as counted in the port's stats */
	struct path path;
	struct pair pair;
	uint32_t read_len; /* octets that the next recv() may take */
	uint32_t lowat;    /* TCP_NOTSENT_LOWAT in force; 0: not yet ours */

	/* counters, written by the port's thread; IP octets, not TLS */
	_Atomic uint64_t rx_octets, tx_octets, rx_packets, tx_packets;
};

static inline struct link *link_of(struct port_link *at)
{
	_Static_assert(offsetof(struct link, in_port) == 0, "the port's part comes first");
	return (struct link *)at;
}

/* Whose session it is: the main link of a lane, else the link itself. */
static inline struct link *link_main(struct link *l)
{
	return l->pair.main ? l->pair.main : l;
}
