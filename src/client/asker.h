// SPDX-License-Identifier: Apache-2.0
/*
 * client/asker.h — DHCPINFORM on the client's link: the packets and the timer of client/inform.h.
 *
 * Ownership: the link is borrowed. Threads: the loop's one.
 */
#pragma once
#include <uv.h>

#include "client/inform.h"
#include "datapath/link.h"
#include "ip/dhcp.h"

struct asker {
	uv_timer_t timer;
	struct inform inform;
	struct link *link;
	struct addr own;
	/* An answer, or NULL: the server has none. It lives until this returns. */
	void (*done)(struct asker *a, const struct dhcp_ack *ack);
};

void asker_init(struct asker *a, uv_loop_t *loop, struct link *link,
	void (*done)(struct asker *a, const struct dhcp_ack *ack));
void asker_up(struct asker *a, const struct addr *own); /* IPv4 came up */
void asker_down(struct asker *a);
void asker_hurry(struct asker *a); /* perhaps the server has something new to say */
/* Whether the packet is for a DHCP client: it is taken, and goes no further. */
bool asker_takes(struct asker *a, const uint8_t *octets, const struct ip_packet *ip);
void asker_close(struct asker *a);
