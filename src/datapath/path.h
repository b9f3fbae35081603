// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/path.h — may a burst go to the outer TCP connection now, and how large.
 *
 * Composes tunnel/pacer.h (how much at a time), tunnel/inflight.h (how much under way) and
 * tunnel/congestion.h (which congestion control) into one decision with a reason. Pure: samples of
 * TCP_INFO and the time come in; the link makes the system calls that a decision asks for.
 *
 * Ownership: embedded in the link. Units: octets, monotonic microseconds. Threads: the link's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/congestion.h"
#include "tunnel/fq_codel.h"
#include "tunnel/inflight.h"
#include "tunnel/pacer.h"

struct tcp_path;

enum path_reason {
	PATH_GO,         /* the last sample shows room */
	PATH_GO_UNSEEN,  /* a lone packet: what the sample before allowed is allowed still */
	PATH_GO_LANE,    /* a lane carries little: no limit */
	PATH_GO_FAST,    /* a path that empties faster than samples are taken: no limit */
	PATH_GO_UNKNOWN, /* the kernel gives no sample: no limit */
	PATH_WAIT,       /* the path is full: ask again in a moment */
	PATH_LOOK,       /* not known without a sample: take one and call path_look() */
};

struct path_decision {
	enum path_reason reason;
	uint32_t octets;     /* of the burst that may go; 0: none may */
	bool set_congestion; /* congestion.in_force is to be set, even if it is set already */
};

struct path {
	struct pacer pacer;
	struct inflight inflight;
	struct congestion congestion;
	struct fq_codel_opts queue_opts; /* the queue's target and limit follow the path */
	bool chooses_congestion;         /* congestion decides what the socket has */
	bool is_lane;
	bool starved;       /* the queue ran empty since the last sample */
	bool unseen;        /* something was sent since, without a sample */
	uint32_t room;      /* octets that may go without a sample */
	uint64_t looked_us; /* when the last sample was taken */
	uint64_t sent_us;   /* when a burst was last sealed */
};

void path_init(struct path *p, const struct fq_codel_opts *queue_opts);
/* `waiting` octets are in the queue. */
struct path_decision path_ask(struct path *p, uint64_t waiting, uint64_t now_us);
/* The queue is empty: PATH_LOOK when bursts went without a sample and none was taken for long. */
struct path_decision path_ask_behind(struct path *p, uint64_t now_us);
/* After PATH_LOOK. seen NULL: the kernel gives none. */
struct path_decision path_look(struct path *p, const struct tcp_path *seen, uint64_t now_us);
void path_sent(struct path *p, size_t octets, uint64_t now_us);
void path_idle(struct path *p, uint64_t now_us); /* nothing waits */
/* CoDel's target and interval; `grows`: inflight_grows() */
void path_follow_target(struct path *p, uint32_t rtt_us, bool grows);
/* As far as is known: where the congestion control is not chosen here, nothing is. */
bool path_loses(const struct path *p);
