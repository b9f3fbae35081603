// SPDX-License-Identifier: Apache-2.0
/*
 * client/machine.h — the life of a client, without I/O: what happened and the time go in, orders and
 * a deadline come out. orders.c carries the orders out; tests drive it on a simulated clock.
 *
 *     machine_start(m, now);
 *     while (machine_next_order(m, &order)) …     pull after every call until false
 *     machine_tick(m, now)                        at machine_deadline(m)
 *
 * Units:   *_ms are monotonic milliseconds.
 * Threads: one.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "events/event.h"

#define MACHINE_LEAK_CHECK_MS 3000 /* by then a router advertisement has come, or none will */
#define MACHINE_CUT_OFF_MS 1000    /* DHCP may bring the same address back */
#define MACHINE_SETTLE_MS 100      /* one cable makes ten changes */
#define MACHINE_GOODBYE_MS 3000    /* how long the server may take to answer the good-bye */
#define MACHINE_PROBE_MS 4000 /* how long a server may take to show, after a sleep, that it lives */
#define MACHINE_HURRY_MS 1000 /* a younger attempt goes on when the links change */
#define MACHINE_LASTED_MS 30000 /* up so long: the failures before it count no more */
/* The first wait is none, the second this; each is twice the one before, a quarter more or less. */
#define MACHINE_AGAIN_MIN_MS 1000
#define MACHINE_AGAIN_MAX_MS 60000

enum machine_state {
	MACHINE_DIAL, /* a way to the server is looked for */
	MACHINE_CALL, /* TLS, HTTP, SSTP, PPP */
	MACHINE_UP,   /* data may flow */
	MACHINE_WAIT, /* nothing is left of the connection: until the next one, or for good */
};

enum machine_order {
	MACHINE_ORDER_LOST, /* say it: machine.lost, machine.lost_text, machine.wait_ms */
	/* To server number machine.server → machine_dialled() or machine_fail(), machine_closed() */
	MACHINE_ORDER_DIAL,
	MACHINE_ORDER_CANCEL,     /* give the dialling up */
	MACHINE_ORDER_CALL,       /* start the link; → machine_up() */
	MACHINE_ORDER_HANG_UP,    /* say good-bye, for machine.hang_up; → machine_closed() */
	MACHINE_ORDER_ABORT,      /* without a good-bye; → machine_closed() */
	MACHINE_ORDER_CHECK_LEAK, /* does IPv6 go beside the tunnel? */
	MACHINE_ORDER_PROBE, /* does the server live? Within MACHINE_PROBE_MS, or the link ends */
	MACHINE_ORDER_FOLLOW_UPLINK, /* which way leads to the server now? → machine_uplink() */
	MACHINE_ORDER_JUDGE_UPLINK, /* is the connection's own address gone? → machine_uplink() */
	MACHINE_ORDER_END,          /* machine.reason and machine.text say why */
	MACHINE_ORDERS
};

struct machine_opts {
	bool once;        /* ends at the first loss */
	unsigned servers; /* in the order in which they are tried; 0 counts as 1 */
	uint32_t seed;    /* of the jitter */
};

struct machine {
	struct machine_opts opts;
	enum machine_state state;
	bool stopping;  /* the user ends it: that is no failure */
	bool was_up;    /* ever: from then on it comes back by itself */
	bool at_once;   /* the attempt that is given up is followed by another without a wait */
	bool incurable; /* it was up, and ends for what a repeat does not cure */
	unsigned orders;
	unsigned server, tried;   /* servers in this round, before the present one */
	unsigned failures;        /* rounds in a row without a connection that lasted */
	uint64_t began_ms, up_ms; /* of the present attempt; NEVER: it is not up */
	uint64_t goodbye_ms, leak_check_ms, settle_ms, cut_off_ms, again_ms,
		hurry_ms; /* NEVER: not running */
	enum event hang_up;
	enum event reason; /* of this attempt, the first one; EV_NONE: the user ended it */
	char text[512];
	enum event lost; /* of the attempt before, with how long the next one waits */
	char lost_text[512];
	uint64_t wait_ms;
};

/* What this machine's links look like, seen from the connection. */
struct machine_uplink {
	bool cut_off; /* this machine has the connection's address no more */
	bool is_new; /* the way to the server is another one than at the last look, or is there again */
	const char *address; /* of the connection, as text */
};

void machine_init(struct machine *m, const struct machine_opts *opts);
void machine_start(struct machine *m, uint64_t now_ms);
void machine_dialled(struct machine *m);
void machine_up(struct machine *m, uint64_t now_ms); /* again after each negotiation */
/* What went wrong; the first reason stays. The connection's end follows, or is machine_closed(). */
void machine_fail(struct machine *m, enum event why, const char *text);
/* The same, and the server is to know `why`. */
void machine_refuse(struct machine *m, enum event why, const char *text);
/*
 * The link is gone, or there is none. portal: what answered may be a captive portal in the place of the
 * server, so a wrong certificate or a refused login at a proxy says nothing of the server.
 */
void machine_closed(struct machine *m, bool portal, uint64_t now_ms);
void machine_stop(struct machine *m, uint64_t now_ms); /* the user's wish; twice: at once */
void machine_links_changed(struct machine *m, uint64_t now_ms);
void machine_uplink(struct machine *m, const struct machine_uplink *uplink, uint64_t now_ms);
void machine_woke(struct machine *m, uint64_t now_ms); /* this machine has slept */
bool machine_next_order(struct machine *m, enum machine_order *ret);
uint64_t machine_deadline(const struct machine *m); /* NEVER: none */
void machine_tick(struct machine *m, uint64_t now_ms);

/* Whether the same attempt, made again, ends the same way until a person changes something. */
bool machine_is_incurable(enum event why, bool portal);
