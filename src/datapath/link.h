/*
 * datapath/link.h — one tunnel with its socket, egress queue and timer, on a port.
 *
 * The link moves octets between socket, tunnel and TUN and tells its owner what happens by
 * callback; packets do not come up to the owner. It is embedded in the owner's struct (a session
 * of the server, the client).
 *
 * Life: link_start() → callbacks → TUNNEL_ENDED is delivered → the link flushes what is left,
 *       closes the socket → ops->closed(): the owner frees. link_close() asks for the end.
 * Threads: the port's.
 */
#pragma once
#include "datapath/port.h"
#include "ip/guard.h"
#include "tunnel/congestion.h"
#include "tunnel/fq_codel.h"
#include "tunnel/inflight.h"
#include "tunnel/pacer.h"
#include "tunnel/tunnel.h"

struct sparse;

struct link_ops {
	/* Every event but TUNNEL_PACKET. Must not free the link. */
	void (*event)(struct link *l, const struct tunnel_event *ev);
	/*
	 * Optional: a packet to the link itself, GUARD_SOLICITATION to GUARD_DHCPV6. It goes no
	 * further.
	 */
	void (*intercept)(struct link *l, enum guard_verdict kind, const uint8_t *octets,
		const struct ip_view *ip);
	/* May the peer send from this address? (Server: its own address only.) */
	bool (*accept_source)(struct link *l, const struct ip_packet *ip);
	/*
	 * Optional: a transfer is under way on a long path, and a lane helps (datapath/lane.h). Again
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
	bool chooses_congestion; /* tunnel/congestion.h says which */
	bool deferred; /* set by the owner: read it in port_run_deferred(), within its time */
	bool is_dirty, is_warm, is_deferred, is_busy; /* on the port's lists; inside a pull */
	bool ended, sent_all, closing, detached;
	uint8_t handles_open;
	int send_failed; /* errno of a write */
	struct link *next_dirty, *next_warm, *next_deferred;

	/* set by the owner when a family comes up */
	uint16_t mtu;               /* what the peer takes */
	struct guard guard;         /* what it may send */
	struct addr local4, local6; /* where too-big answers come from */
	uint64_t toobig_second;     /* at most a few answers in each */
	unsigned toobig_answers;

	struct fq_codel queue;
	struct fq_codel_opts queue_opts; /* its target and limit follow the path */
	uint64_t queue_lost;             /* packets, as far as counted in the port's stats */
	struct pacer pacer;
	struct inflight inflight;
	struct congestion congestion;
	uint64_t looked_us; /* at the path */
	bool starved;       /* the queue ran empty since the path was looked at */
	bool unseen;        /* something was sent since, without a look */
	uint32_t room;      /* octets that may be */
	uint64_t sent_us;   /* when a burst was last sealed */
	uint32_t read_len;  /* octets that the next recv() may take */
	uint32_t lowat;     /* TCP_NOTSENT_LOWAT in force; 0: not yet ours */

	/* datapath/lane.h */
	struct link *main;     /* this one is a lane: of that link; NULL: it is none */
	struct link *lane;     /* NULL: there is none */
	struct link *retired;  /* a lane on which only what is on its way still comes in; or NULL */
	struct sparse *sparse; /* which flows the lane carries; NULL: not needed at the moment */
	bool stalled;          /* of a lane: when it was last looked at, before look_us */
	uint8_t followers;     /* of a lane: empty records that are to go behind its last packet */
	uint64_t look_us;
	uint64_t watch_us, watch_octets; /* when and where the last look for a transfer was */

	/* counters, written by the port's thread; IP octets, not TLS */
	_Atomic uint64_t rx_octets, tx_octets, rx_packets, tx_packets;
	uint64_t active_ms; /* when buffers were last in use */
};

/* Takes over fd (connected, non-blocking) and tunnel. */
int link_init(
	struct link *l, struct port *p, int fd, struct tunnel *tunnel, const struct link_ops *ops);
/*
 * TCP's congestion control is ours to choose from now on. On a socket that has asked for its
 * connection: a route with `congctl` decides at that moment, whatever was set before.
 */
void link_choose_congestion(struct link *l);
/* Begins to read; the client's first octets leave. */
void link_start(struct link *l);
/* After a call on l->tunnel from outside a callback (a verdict): events, output, timer. */
void link_kick(struct link *l);
/*
 * Gives socket and tunnel back to the owner when the pull under way is over, and nothing that came
 * is left: for another port to go on with, or this one (link_init()). ops->closed() follows.
 */
void link_detach(struct link *l);
/* Ends the tunnel politely. */
void link_close(struct link *l, enum event why);
/* Ends it without a word: for a thread that must go now. */
void link_abort(struct link *l);
