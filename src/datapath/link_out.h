// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/link_out.h — the way out of a link: packet → queue → burst → socket. For datapath/link.c
 * alone, which closes, waits and looks again as the results say.
 */
#pragma once
#include "datapath/link_state.h"

enum link_then {         /* what is to be done after link_out_flush() */
	LINK_WRITE = 1,  /* the socket is full: wait until it is writable */
	LINK_LOOK = 2,   /* flush again in a moment */
	LINK_SHAPED = 8, /* flush again when the user's rate allows it */
	LINK_OVER = 4,   /* all was sent and the connection is gone: close */
};

/* Seals and writes what may go. An `or` of link_then. */
unsigned link_out_flush(struct link *l);
/*
 * Takes pkt, whose `ip` is set, of `l` or its lane. Returns the link that has a write's worth: flush
 * it; or NULL.
 */
struct link *link_out_send(struct link *l, const struct vnet_hdr *vnet, struct pbuf *pkt);
