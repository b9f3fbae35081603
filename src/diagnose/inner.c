// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The tunnel is up, and no interface is needed to try it: packets are made (inner_packet.c) and go
 * into the tunnel as frames (inner_ask.c). This file pings the server's own inner address, asks the
 * name servers that it hands out (inner_dns.c), and tries the target as a user would
 * (inner_target.c). IPv6 is used when the target has such an address.
 */
#include <ifaddrs.h>
#include <string.h>

#include "base/crypto.h"
#include "diagnose/inner.h"
#include "ip/packet.h"
#include "ip/ra.h"

#define SPEED_WINDOW 32 /* echoes under way: enough for 200 Mbit/s over 2 ms, and no flood */
#define RA_MS 1000
#define RA_TRIES 3 /* RFC 4861 section 10: MAX_RTR_SOLICITATIONS */

/* ---- beside the pings --------------------------------------------------------------------------- */

/* Does a network that this machine is in hold an address of the tunnel's? Then one of both is lost. */
static void judge_overlap(struct inner *in, struct probe *p)
{
	const struct addr *inside[] = {&in->own, &in->gateway, &in->call->v4.dns[0]};
	struct ifaddrs *list = NULL;
	char text[ADDR_TEXT_LEN];

	if (getifaddrs(&list) < 0)
		return;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct endpoint own, mask;
		uint32_t m;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !i->ifa_netmask)
			continue;
		endpoint_from_sockaddr(i->ifa_addr, &own);
		endpoint_from_sockaddr(i->ifa_netmask, &mask);
		m = addr_v4_value(&mask.addr);
		for (size_t k = 0; m && m != UINT32_MAX && k < ARRAY_SIZE(inside); k++)
			if (inside[k]->family == AF_INET &&
				(addr_v4_value(inside[k]) & m) == (addr_v4_value(&own.addr) & m))
				probe_find(p, OUTCOME_WARNING, EV_PROBE_OVERLAP,
					"%s is in the network of this machine's %s",
					addr_format(inside[k], text), i->ifa_name);
	}
	freeifaddrs(list);
}

static void measure_speed(struct inner *in, struct probe *p, unsigned seconds)
{
	size_t size = in->call->d->large_lost ? MTU_LEAST : tunnel_peer_mru(in->call->tunnel);
	uint64_t begin = clock_mono_us(), until = clock_mono_ms() + seconds * 1000ull, sent = 0;
	struct inner_question q;
	double s;

	in->octets = in->packets = 0;
	in->counting = true;
	in->n = 0; /* none is waited for by itself */
	while (clock_mono_ms() < until && !in->call->ended) {
		while (sent < in->packets + SPEED_WINDOW) {
			q = inner_echo_to(in, &in->gateway, size);
			if (inner_send(in, &q) < 0)
				break;
			sent++;
		}
		call_run(in->call, NULL, clock_mono_ms() + 1);
		if (sent > in->packets + SPEED_WINDOW)
			sent = in->packets;
	}
	s = (double)(clock_mono_us() - begin) / 1e6;
	probe_fact(p, "throughput",
		"%.1f Mbit/s each way (echoes of %zu octets, %.1f s, %.1f %% lost)",
		(double)in->octets * 8 / 1e6 / s, size, s,
		sent ? 100.0 * (double)(sent - in->packets) / (double)sent : 0);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* Asks for an IPv6 address as a host does: a prefix by router advertisement (RFC 4862 section 5.5). */
static void learn_own6(struct inner *in)
{
	struct addr link_local = {AF_INET6, {0xfe, 0x80}};
	uint8_t rs[RS_LEN];

	memcpy(link_local.octets + 8, in->call->v6.local_ifid, 8);
	for (int i = 0; i < RA_TRIES && !in->own6.family; i++) {
		uint64_t until = clock_mono_ms() + RA_MS;

		call_send_ip(in->call, AF_INET6, rs, ra_solicit(&link_local, rs));
		while (!in->own6.family && !in->call->ended && clock_mono_ms() < until)
			call_run(in->call, NULL, clock_mono_ms() + 20);
	}
}

static void ask_gateway(struct inner *in, struct probe *p)
{
	char text[ADDR_TEXT_LEN];
	unsigned n;

	if (!in->gateway.family) {
		probe_fact(p, "gateway", "the server names no address of its own");
		return;
	}
	n = inner_ping_some(in, &in->gateway, &in->gateway_ms);
	in->gateway_ok = n > 0;
	addr_format(&in->gateway, text);
	if (!n) {
		probe_fact(p, "gateway", "%s: no answer to ping", text);
		return;
	}
	probe_fact(p, "gateway", "%s: %u answered, %.1f ms", text, n, in->gateway_ms);
	inner_judge_mtu(in, p, "MTU", &in->gateway);
}

/* A silent gateway, or none, means something only where all else is silent as well. */
static void judge_gateway(const struct inner *in, struct probe *p, bool target_ok)
{
	bool dns_ok = in->dns[0].answered || in->dns[1].answered;
	bool dns_asked = in->call->v4.dns[0].family, named = in->gateway.family;
	char text[ADDR_TEXT_LEN] = "";

	if (in->gateway_ok || probe_has(p, EV_PROBE_NOTHING_INSIDE))
		return;
	if (named)
		addr_format(&in->gateway, text);
	if (!named && (dns_ok || target_ok))
		return;
	if (dns_ok || target_ok)
		probe_find(p, OUTCOME_OK, EV_PROBE_NO_GATEWAY, "%s; others inside answer", text);
	else if (dns_asked)
		probe_find(p, OUTCOME_FAILED, EV_PROBE_NOTHING_INSIDE, "%s%s%s",
			named ? "neither " : "it names no address of its own, and silent is", text,
			named ? " (ping) nor the name server it hands out"
			      : " the name server it hands out");
	else if (named)
		probe_find(p, OUTCOME_WARNING, EV_PROBE_NO_GATEWAY,
			"%s; there was nothing else to ask (--target)", text);
	else
		probe_find(p, OUTCOME_WARNING, EV_PROBE_NOTHING_TO_ASK,
			"neither its own address nor a name server");
}

static void look_inside(struct diagnosis *d, struct inner *in, struct probe *p)
{
	char text[ADDR_TEXT_LEN];
	bool target_ok;

	if (d->call->up6 && d->opts->target)
		learn_own6(in);
	if (d->call->up4) {
		ask_gateway(in, p);
		if (in->stalled)
			return;
		inner_ask_dns(in);
	}
	target_ok =
		inner_judge_target(d, in, p); /* reported first: without it DNS is dead as well */
	if (!d->call->up4)
		return;
	judge_gateway(in, p, target_ok);
	inner_judge_dns(in, p);
	judge_overlap(in, p);
	inner_judge_pushed(in, p);
	if (d->opts->speed_s && in->gateway_ok)
		measure_speed(in, p, d->opts->speed_s);
	addr_format(&in->gateway, text);
	if (in->gateway_ok)
		probe_summary(p, "gateway %s answers in %.1f ms, MTU %u", text, in->gateway_ms,
			tunnel_peer_mru(d->call->tunnel));
	else
		probe_summary(p, "%s, MTU %u",
			target_ok || in->dns[0].answered || in->dns[1].answered
				? "packets pass"
				: "no packet came in answer",
			tunnel_peer_mru(d->call->tunnel));
}

void probe_inner(struct diagnosis *d, struct probe *p)
{
	struct inner in = {.call = d->call};

	if (!d->call || !(d->call->up4 || (d->call->up6 && d->opts->target))) {
		probe_skip(p, d->call && d->call->up6
				      ? "the tunnel carries IPv6 only (--target tries it)"
			      : d->opts->user ? "the tunnel did not come up"
					      : "there was no login");
		return;
	}
	if (d->call->up4) {
		in.own = d->call->v4.local;
		in.gateway = d->call->v4.peer;
	}
	crypto_random(&in.id, sizeof(in.id));
	d->call->packet = inner_on_packet;
	d->call->packet_arg = &in;
	look_inside(d, &in, p);
	d->call->packet = NULL;
	d->call->packet_arg = NULL;
}
