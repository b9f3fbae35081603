// SPDX-License-Identifier: Apache-2.0
/*
 * How far do the packets of a connection attempt get? As traceroute does, but with the very TCP
 * connection that fails and without root: the hop limit is raised step by step, and the ICMP "time
 * exceeded" of each router comes back on the socket's error queue (ip(7), IP_RECVERR).
 */
#include <time.h>
#include <linux/errqueue.h>
#include <string.h>
#include <unistd.h>

#include "diagnose/private.h"
#include "os/dial.h"

#define HOPS_MAX 20
#define HOP_MS 600
#define SILENT_HOPS_MAX 3

/* One attempt with a hop limit. */
struct hop {
	const struct endpoint *to;
	int limit;
	bool found;
	struct addr router;
};

static void tune(void *arg, int fd)
{
	const struct hop *h = arg;
	bool v4 = h->to->addr.family == AF_INET;
	int level = v4 ? (int)SOL_IP : (int)SOL_IPV6;

	setsockopt(fd, level, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &h->limit, sizeof(h->limit));
	setsockopt(fd, level, v4 ? IP_RECVERR : IPV6_RECVERR, &(int){1}, sizeof(int));
}

static void read_router(void *arg, int fd)
{
	char control[512];
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct hop *h = arg;

	if (recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c && !h->found; c = CMSG_NXTHDR(&m, c)) {
		const struct sock_extended_err *e = (const void *)CMSG_DATA(c);
		struct endpoint from;

		if (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6)
			continue;
		endpoint_from_sockaddr(SO_EE_OFFENDER(e), &from);
		h->router = from.addr;
		h->found = true;
	}
}

/* The router that dropped it at this hop; false: silence. */
static bool find_hop(const struct endpoint *to, int limit, struct addr *ret)
{
	struct hop h = {.to = to, .limit = limit};
	struct dial_opts opts = {.try_ms = HOP_MS, .tune = tune, .failed = read_router, .arg = &h};
	struct dial dial;
	int fd;

	dial_init(&dial, &opts, to, 1);
	fd = dial_wait(&dial, NEVER, -1);
	dial_done(&dial);
	if (fd >= 0)
		close(fd);
	*ret = h.router;
	return h.found;
}

void trace_path(struct probe *p, const struct endpoint *to)
{
	char text[ADDR_TEXT_LEN];
	struct addr last = {0};
	int last_hop = 0, silent = 0;

	for (int limit = 1; limit <= HOPS_MAX && silent < SILENT_HOPS_MAX; limit++) {
		struct addr at;

		if (find_hop(to, limit, &at)) {
			last = at;
			last_hop = limit;
			silent = 0;
		} else {
			silent++;
		}
	}
	if (last_hop)
		probe_fact(p, "path", "the last router that answers is %s (hop %d); look behind it",
			addr_format(&last, text), last_hop);
	else
		probe_fact(p, "path",
			"no router on the way answers: it may stop at this machine's own network");
}
