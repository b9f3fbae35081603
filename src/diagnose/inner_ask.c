// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Questions that go into the tunnel, and their answers: the lowest of the files that try its inside.
 * Several questions are open at the same time; each packet that comes is held against all of them.
 */
#include <string.h>

#include "diagnose/inner.h"
#include "ip/dhcp.h"
#include "ip/packet.h"
#include "ip/ra.h"

#define PING_MS 1000
#define PINGS 4

/* ---- questions and answers ----------------------------------------------------------------------- */

struct addr inner_own(const struct inner *in, int family)
{
	return family == AF_INET ? in->own : in->own6;
}

static void on_ipv6(struct inner *in, const uint8_t *octets, const struct ip_packet *v)
{
	struct ra ra;

	if (ra_parse(octets, v, &ra))
		return;
	for (size_t i = 0; i < ra.n_routes; i++)
		if (ra.routes[i].lifetime_s)
			pushed_route(&in->pushed, &ra.routes[i].to);
	if (in->own6.family || ra.prefix.addr.family != AF_INET6)
		return;
	in->own6 = ra.prefix.addr;
	memcpy(in->own6.octets + 8, in->call->v6.local_ifid, 8);
}

void inner_on_packet(void *arg, int family, struct rd packet)
{
	struct inner *in = arg;
	struct ip_packet v;
	struct rd r = packet;

	if (packet_parse(packet.p, rd_left(&packet), &v) < 0 || v.family != family ||
		v.later_fragment)
		return;
	in->octets += v.len;
	rd_ptr(&r, v.header_len);
	if (family == AF_INET6)
		on_ipv6(in, packet.p, &v);
	else if (v.protocol == IP_UDP && v.destination_port == DHCP_PORT_CLIENT)
		inner_on_dhcp(in, packet.p, &v);
	else if (v.protocol == IP_UDP)
		inner_on_udp(in, rd_sub(&r, v.len - v.header_len));
	else if (in->counting && v.protocol == IP_ICMP)
		in->packets++;
	for (size_t i = 0; i < in->n; i++) {
		struct inner_answer a;

		if (in->answers[i].kind != INNER_SILENCE ||
			!inner_read(&in->questions[i], packet.p, v.len, &a))
			continue;
		in->answers[i] = a;
		in->rtt_us = clock_mono_us() - in->sent_us;
	}
}

static size_t answered(const struct inner *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++)
		n += in->answers[i].kind != INNER_SILENCE;
	return n;
}

static bool all_answered(const struct call *c)
{
	const struct inner *in = c->packet_arg;

	return answered(in) == in->n;
}

int inner_send(struct inner *in, const struct inner_question *q)
{
	uint8_t packet[2048];
	size_t n = inner_make(q, packet, sizeof(packet));

	return n ? call_send_ip(in->call, q->to.family, packet, n) : -1;
}

size_t inner_ask(struct inner *in, unsigned wait_ms)
{
	in->sent_us = clock_mono_us();
	for (size_t i = 0; i < in->n; i++)
		if (in->answers[i].kind == INNER_SILENCE)
			inner_send(in, &in->questions[i]);
	call_run(in->call, all_answered, clock_mono_ms() + wait_ms);
	return answered(in);
}

/* ---- ping ----------------------------------------------------------------------------------------- */

struct inner_question inner_echo_to(struct inner *in, const struct addr *to, size_t size)
{
	return (struct inner_question){.from = inner_own(in, to->family),
		.to = *to,
		.protocol = IP_ICMP,
		.id = in->id,
		.seq = ++in->next_seq,
		.size = size};
}

bool inner_ping(struct inner *in, const struct addr *to, size_t size)
{
	in->n = 1;
	in->questions[0] = inner_echo_to(in, to, size);
	in->answers[0] = (struct inner_answer){0};
	inner_ask(in, PING_MS);
	return in->answers[0].kind == INNER_ECHO;
}

unsigned inner_ping_some(struct inner *in, const struct addr *to, double *ret_ms)
{
	unsigned n = 0, lost = 0;
	double sum = 0;

	for (int i = 0; i < PINGS && lost < 2; i++)
		if (inner_ping(in, to, PING_SIZE)) {
			sum += (double)in->rtt_us / 1000;
			n++;
		} else {
			lost++;
		}
	*ret_ms = n ? sum / n : 0;
	return n;
}
