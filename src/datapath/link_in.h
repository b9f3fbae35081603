// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/link_in.h — the way in of a link: socket → tunnel → TUN. For datapath/link.c alone, which
 * closes, arms and flushes as the results say.
 */
#pragma once
#include "datapath/link_state.h"

#define LINK_READ_FIRST (64 * 1024) /* octets a turn while the cost is not known yet */
#define LINK_READ_MIN (16 * 1024)   /* octets a turn of the most expensive octets */

/* One recv() into the tunnel. Octets, 0 at an end or error (the tunnel knows), -EAGAIN: nothing came. */
ssize_t link_in_recv(struct link *l);
/* The n octets of the last recv() took so long to take in: may this turn read more? */
bool link_in_more(struct link *l, size_t n, uint64_t us);
/* After the end: reads and throws away. True when the peer has closed too. */
bool link_in_discard(struct link *l);
/* Moves packets to the TUN and returns at each other event; false: nothing is left. */
bool link_in_next(struct link *l, uint64_t now_ms, struct tunnel_event *ret);
