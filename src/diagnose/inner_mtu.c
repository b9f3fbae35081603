// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The path's MTU is searched downwards from what the server takes, with "don't fragment" set, once
 * towards the server and once towards --target. A size that is lost without an ICMP message,
 * while smaller ones pass, is a black hole.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "diagnose/inner.h"

/* One lost packet is no proof: each size gets two chances. */
static bool passes(struct inner *in, const struct addr *to, size_t size)
{
	return inner_ping(in, to, size) ||
	       (in->answers[0].kind != INNER_TOO_BIG && inner_ping(in, to, size));
}

/* Small pings had answers before the large one, and have none since: it is the stream that stops. */
static bool is_stalled(struct inner *in, struct probe *p, const struct addr *to, size_t size)
{
	int unsent = 0;

	ioctl(in->call->fd, SIOCOUTQ, &unsent);
	if (!unsent || inner_ping(in, to, PING_SIZE) ||
		(in->gateway_ok && inner_ping(in, &in->gateway, PING_SIZE)))
		return false;
	in->stalled = true;
	probe_find(p, OUTCOME_FAILED, EV_PROBE_STREAM_STALLED,
		"pings of %d octets had answers until one of %zu was sent; "
		"%d octets wait for the server's TCP",
		PING_SIZE, size, unsent);
	return true;
}

void inner_judge_mtu(struct inner *in, struct probe *p, const char *name, const struct addr *to)
{
	/* RFC 8200 section 5: each link carries 1280 octets of IPv6 */
	size_t least = to->family == AF_INET ? MTU_LEAST : 1280, tcp = least == 1280 ? 60 : 40;
	size_t most = tunnel_peer_mru(in->call->tunnel), good = least, next, bad;
	char where[ADDR_TEXT_LEN];
	bool by_icmp = false;

	if (in->call->d->large_lost) {
		probe_fact(p, name,
			"not measured, because large packets are lost on the way to the server");
		return;
	}
	if (most > 1500)
		most = 1500;
	if (passes(in, to, most)) {
		probe_fact(p, name, "%zu, as agreed (MSS %zu)", most, most - tcp);
		return;
	}
	by_icmp = in->answers[0].kind == INNER_TOO_BIG;
	next = in->answers[0].next_mtu;
	if (!by_icmp && !passes(in, to, least)) {
		if (!is_stalled(in, p, to, most))
			probe_fact(p, name,
				"not measured, because pings of %d octets have no answer either",
				(int)least);
		return;
	}
	if (by_icmp && next >= least && next < most && passes(in, to, next))
		good = next;
	for (bad = most; !by_icmp && bad - good > 8;) {
		size_t middle = (good + bad) / 2;

		if (passes(in, to, middle))
			good = middle;
		else
			bad = middle;
	}
	probe_fact(p, name, "%zu (MSS %zu)%s", good, good - tcp, by_icmp ? ", by ICMP" : "");
	if (!by_icmp)
		probe_find(p, OUTCOME_FAILED, EV_PROBE_MTU_BLACK_HOLE,
			"towards %s: %zu octets pass, %zu vanish; set MTU %zu, MSS %zu",
			addr_format(to, where), good, most, good, good - tcp);
}
