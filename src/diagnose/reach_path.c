// SPDX-License-Identifier: Apache-2.0
/*
 * How far do the packets of a connection attempt get? As traceroute does, but with the very TCP
 * connection that fails and without root: the hop limit is raised step by step, and the ICMP "time
 * exceeded" of each router comes back on the socket's error queue (ip(7), IP_RECVERR).
 */
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <string.h>
#include <unistd.h>

#include "diagnose/private.h"

#define HOPS_MAX 20
#define HOP_MS 600
#define SILENT_HOPS_MAX 3

/* The router that dropped it at this hop; false: silence. */
static bool hop(const struct endpoint *to, int limit, struct addr *ret)
{
	bool v4 = to->addr.family == AF_INET;
	int level = v4 ? (int)SOL_IP : (int)SOL_IPV6, fd;
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(to, &ss);
	char control[512];
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};
	bool found = false;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, level, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &limit, sizeof(limit));
	setsockopt(fd, level, v4 ? IP_RECVERR : IPV6_RECVERR, &(int){1}, sizeof(int));
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 && errno == EINPROGRESS)
		net_wait(fd, POLLOUT, clock_mono_ms() + HOP_MS);
	if (recvmsg(fd, &m, MSG_ERRQUEUE) >= 0)
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c && !found; c = CMSG_NXTHDR(&m, c)) {
			const struct sock_extended_err *e = (const void *)CMSG_DATA(c);
			struct endpoint from;

			if (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6)
				continue;
			endpoint_from_sockaddr(SO_EE_OFFENDER(e), &from);
			*ret = from.addr;
			found = true;
		}
	close(fd);
	return found;
}

void trace_path(struct probe *p, const struct endpoint *to)
{
	char text[ADDR_TEXT_LEN];
	struct addr last = {0};
	int last_hop = 0, silent = 0;

	for (int limit = 1; limit <= HOPS_MAX && silent < SILENT_HOPS_MAX; limit++) {
		struct addr at;

		if (hop(to, limit, &at)) {
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
