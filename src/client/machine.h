// SPDX-License-Identifier: Apache-2.0
/*
 * client/machine.h — the life of a client, without I/O: what happened and the time go in, orders and
 * a deadline come out. client.c carries the orders out; tests drive it on a simulated clock.
 *
 *     machine_start(m);
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
#define MACHINE_CUT_OFF_MS 5000    /* DHCP may bring the same address back */
#define MACHINE_SETTLE_MS 100      /* one cable makes ten changes */
#define MACHINE_GOODBYE_MS 3000    /* how long the server may take to answer the good-bye */

enum machine_state {
	MACHINE_DIAL, /* a way to the server is looked for */
	MACHINE_CALL, /* TLS, HTTP, SSTP, PPP */
	MACHINE_UP,   /* data may flow */
	MACHINE_WAIT, /* nothing is left of the connection */
};

enum machine_order {
	MACHINE_ORDER_DIAL,          /* → machine_dialled() or machine_fail(), machine_closed() */
	MACHINE_ORDER_CANCEL,        /* give the dialling up */
	MACHINE_ORDER_CALL,          /* start the link; → machine_up() */
	MACHINE_ORDER_HANG_UP,       /* say good-bye, for machine.hang_up; → machine_closed() */
	MACHINE_ORDER_ABORT,         /* without a good-bye; → machine_closed() */
	MACHINE_ORDER_CHECK_LEAK,    /* does IPv6 go beside the tunnel? */
	MACHINE_ORDER_FOLLOW_UPLINK, /* make the route to the server again; → machine_uplink() */
	MACHINE_ORDER_JUDGE_UPLINK, /* is the connection's own address gone? → machine_uplink() */
	MACHINE_ORDER_END,          /* machine.reason and machine.text say why */
	MACHINE_ORDERS
};

struct machine {
	enum machine_state state;
	bool stopping; /* the user ends it: that is no failure */
	unsigned orders;
	uint64_t goodbye_ms, leak_check_ms, settle_ms, cut_off_ms; /* NEVER: not running */
	enum event hang_up;
	enum event reason; /* the first one; EV_NONE: the user ended it */
	char text[512];
};

void machine_init(struct machine *m);
void machine_start(struct machine *m);
void machine_dialled(struct machine *m);
void machine_up(struct machine *m, uint64_t now_ms); /* again after each negotiation */
/* What went wrong; the first reason stays. The connection's end follows, or is machine_closed(). */
void machine_fail(struct machine *m, enum event why, const char *text);
/* The same, and the server is to know `why`. */
void machine_refuse(struct machine *m, enum event why, const char *text);
void machine_closed(struct machine *m);                /* the link is gone, or there is none */
void machine_stop(struct machine *m, uint64_t now_ms); /* the user's wish; twice: at once */
void machine_links_changed(struct machine *m, uint64_t now_ms);
/* `address`: that of the connection, as text; cut_off: this machine has it no more. */
void machine_uplink(struct machine *m, bool cut_off, const char *address, uint64_t now_ms);
bool machine_next_order(struct machine *m, enum machine_order *ret);
uint64_t machine_deadline(const struct machine *m); /* NEVER: none */
void machine_tick(struct machine *m, uint64_t now_ms);
