// SPDX-License-Identifier: Apache-2.0
#include "client/asker.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/hot.h"

#define PACKET_MAX 600
#define HTYPE_NONE 0 /* a tunnel has no hardware address */

static const uint8_t wanted[] = {DHCP_ROUTES, DHCP_ROUTES_MS, DHCP_DNS, DHCP_DOMAIN, DHCP_SEARCH};

static uint32_t random_xid(void)
{
	uint32_t xid;

	crypto_random(&xid, sizeof(xid));
	return xid;
}

static uint64_t packets_of(const struct asker *a)
{
	return a->link->rx_packets;
}

static void ask(struct asker *a)
{
	static const struct vnet_hdr plain;
	struct dhcp_inform inform = {.from = a->own,
		.to = {AF_INET, {255, 255, 255, 255}},
		.port = DHCP_PORT_CLIENT,
		.xid = a->inform.xid,
		.htype = HTYPE_NONE,
		.ciaddr = a->own,
		.max_size = a->link->mtu,
		.asks = true,
		.n_asked = sizeof(wanted)};
	uint8_t packet[PACKET_MAX];
	size_t n;

	memcpy(inform.asked, wanted, sizeof(wanted));
	n = dhcp_build_inform(&inform, packet, sizeof(packet));
	if (!n)
		return;
	link_send_copy(a->link, &plain, packet, n);
	link_kick(a->link);
}

static void on_timer(uv_timer_t *timer);

static void set_timer(struct asker *a)
{
	uint64_t end = inform_deadline_ms(&a->inform), now = clock_mono_ms();

	if (end == NEVER)
		uv_timer_stop(&a->timer);
	else
		uv_timer_start(&a->timer, on_timer, end > now ? end - now : 0, 0);
}

static void step(struct asker *a)
{
	enum inform_order order;

	while ((order = inform_tick(&a->inform, random_xid(), packets_of(a), clock_mono_ms())) !=
		INFORM_NOTHING)
		if (order == INFORM_ASK)
			ask(a);
		else
			a->done(a, NULL);
	set_timer(a);
}

static void on_timer(uv_timer_t *timer)
{
	step(timer->data);
}

void asker_init(struct asker *a, uv_loop_t *loop, struct link *link,
	void (*done)(struct asker *a, const struct dhcp_ack *ack))
{
	*a = (struct asker){.link = link, .done = done};
	uv_timer_init(loop, &a->timer);
	a->timer.data = a;
}

void asker_up(struct asker *a, const struct addr *own)
{
	a->own = *own;
	inform_up(&a->inform, random_xid(), clock_mono_ms());
	set_timer(a);
}

void asker_down(struct asker *a)
{
	inform_down(&a->inform);
	set_timer(a);
}

void asker_hurry(struct asker *a)
{
	inform_hurry(&a->inform, clock_mono_ms());
	set_timer(a);
}

/* It ends the round, and what was pushed may change. */
COLD static void take_answer(struct asker *a, const uint8_t *octets, const struct ip_packet *ip)
{
	AUTO_MEM struct dhcp_ack *ack = malloc(sizeof(*ack));

	if (!ack || dhcp_parse_ack(octets, ip, ack) < 0 || !addr_equal(&ack->to, &a->own) ||
		!addr_equal(&ack->ciaddr, &a->own) ||
		!inform_answered(&a->inform, ack->xid, packets_of(a), clock_mono_ms()))
		return;
	a->done(a, ack);
	set_timer(a);
}

HOT bool asker_takes(struct asker *a, const uint8_t *octets, const struct ip_packet *ip)
{
	if (ip->destination_port != DHCP_PORT_CLIENT || ip->protocol != IP_UDP ||
		ip->source_port != DHCP_PORT_SERVER || ip->family != AF_INET)
		return false;
	take_answer(a, octets, ip);
	return true;
}

void asker_close(struct asker *a)
{
	uv_close((uv_handle_t *)&a->timer, NULL);
}
