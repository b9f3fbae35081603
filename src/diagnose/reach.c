// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Can packets get there and back? Ping shows the path only: many networks drop it, so silence
 * is no failure. TCP decides: several connections to each address, each timed. How one fails is kept
 * apart (refused: the machine is there; no answer: a filter or the wrong address; an ICMP message:
 * its sender's address is known), for each has another cure.
 *
 * Ping needs no root where net.ipv4.ping_group_range allows it; elsewhere it is not measured.
 */
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "diagnose/dns_kind.h"
#include "diagnose/private.h"
#include "os/dial.h"
#include "offload/csum.h"
#include "os/socket.h"

#define PINGS 3
#define CONNECTS 4
#define SLOW_HINT_MS 900 /* longer than the quickest attempt */

struct times {
	unsigned n, lost, resent;
	double least, most, sum; /* ms */
};

static void times_add(struct times *t, uint64_t us)
{
	double ms = (double)us / 1000;

	if (!t->n || ms < t->least)
		t->least = ms;
	if (ms > t->most)
		t->most = ms;
	t->sum += ms;
	t->n++;
}

/* ---- ping -------------------------------------------------------------------------------------- */

static int ping_socket(int family, bool *ret_raw)
{
	int proto = family == AF_INET ? IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	*ret_raw = fd < 0;
	return fd >= 0 ? fd : socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
}

static size_t make_echo(int family, uint16_t id, uint16_t seq, uint8_t ret[static 16])
{
	struct icmphdr h = {.type = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST};

	h.un.echo.id = htons(id);
	h.un.echo.sequence = htons(seq);
	memset(ret, 0, 16);
	memcpy(ret, &h, sizeof(h));
	h.checksum = csum_finish(csum_add(0, ret, 16)); /* IPv6: the kernel does it */
	memcpy(ret, &h, sizeof(h));
	return 16;
}

/* Is this datagram the answer to ours? A raw IPv4 socket shows the IP header first. */
static bool is_reply(int family, bool raw, uint16_t id, uint16_t seq, const uint8_t *p, size_t n)
{
	size_t skip = raw && family == AF_INET && n > 0 ? (size_t)(p[0] & 15) * 4 : 0;
	struct icmphdr h;

	if (n < skip + sizeof(h))
		return false;
	memcpy(&h, p + skip, sizeof(h));
	return h.type == (family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
	       h.un.echo.sequence == htons(seq) && (!raw || h.un.echo.id == htons(id));
}

static bool ping_once(int fd, bool raw, const struct endpoint *to, uint16_t seq, uint64_t *ret_us)
{
	uint8_t packet[16], got[256];
	struct sockaddr_storage ss;
	struct endpoint at = {.addr = to->addr};
	socklen_t len = endpoint_to_sockaddr(&at, &ss);
	uint16_t id = (uint16_t)getpid();
	uint64_t begin = clock_mono_us(), until = clock_mono_ms() + 800;
	size_t n = make_echo(ss.ss_family, id, seq, packet);

	if (sendto(fd, packet, n, 0, (struct sockaddr *)&ss, len) < 0)
		return false;
	while (net_wait(fd, POLLIN, until) == 0) {
		ssize_t r = recv(fd, got, sizeof(got), 0);

		if (r < 0 && errno != EAGAIN)
			return false;
		if (r > 0 && is_reply(ss.ss_family, raw, id, seq, got, (size_t)r)) {
			*ret_us = clock_mono_us() - begin;
			return true;
		}
	}
	return false;
}

static void ping(struct probe *p, const struct endpoint *to)
{
	char name[FACT_NAME_LEN], text[ADDR_TEXT_LEN];
	struct times t = {0};
	bool raw;
	int fd = ping_socket(to->addr.family, &raw);
	uint64_t us;

	snprintf(name, sizeof(name), "ping %.22s", addr_format(&to->addr, text));
	if (fd < 0) {
		probe_fact(p, name,
			"not measured, because this user may not (sysctl net.ipv4.ping_group_range)");
		return;
	}
	for (uint16_t i = 1; i <= PINGS && !(i > 1 && !t.n); i++)
		if (ping_once(fd, raw, to, i, &us))
			times_add(&t, us);
		else
			t.lost++;
	close(fd);
	if (t.n)
		probe_fact(p, name, "%u of %u answered, %.1f ms on average", t.n, t.n + t.lost,
			t.sum / t.n);
	else
		probe_fact(p, name, "no answer; many networks drop ping, so that is no failure");
}

/* ---- TCP ----------------------------------------------------------------------------------------- */

/* The ICMP message that ended a connection attempt, if one did. */
static bool read_icmp(int fd, struct sock_extended_err *ret, struct endpoint *ret_from)
{
	char control[512];
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};

	if (recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		const struct sock_extended_err *e = (const void *)CMSG_DATA(c);

		if (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6)
			continue;
		*ret = *e;
		endpoint_from_sockaddr(SO_EE_OFFENDER(e), ret_from);
		return true;
	}
	return false;
}

struct attempt {
	int error;
	uint64_t us;
	bool v4, icmp, prohibited, resent;
	struct endpoint from;
};

static bool is_prohibited(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
		return e->ee_code == 1; /* RFC 4443 3.1 */
	return e->ee_code == ICMP_NET_ANO || e->ee_code == ICMP_HOST_ANO ||
	       e->ee_code == ICMP_PKT_FILTERED;
}

static void report_icmp(void *arg, int fd)
{
	const struct attempt *a = arg;

	setsockopt(fd, a->v4 ? (int)SOL_IP : (int)SOL_IPV6, a->v4 ? IP_RECVERR : IPV6_RECVERR,
		&(int){1}, sizeof(int));
}

static void look_for_icmp(void *arg, int fd)
{
	struct attempt *a = arg;
	struct sock_extended_err e;

	a->icmp = read_icmp(fd, &e, &a->from);
	a->prohibited = a->icmp && is_prohibited(&e);
}

/* The SYN was lost, or its answer: a connection that is new has sent nothing else. */
static bool was_sent_again(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) && info.tcpi_total_retrans;
}

static void try_once(const struct endpoint *to, unsigned timeout_ms, struct attempt *ret)
{
	struct dial_opts opts = {
		.try_ms = timeout_ms, .tune = report_icmp, .failed = look_for_icmp, .arg = ret};
	uint64_t begin = clock_mono_us();
	struct dial dial;
	int fd;

	*ret = (struct attempt){.v4 = to->addr.family == AF_INET};
	dial_init(&dial, &opts, to, 1);
	fd = dial_wait(&dial, NEVER, -1);
	dial_done(&dial);
	ret->us = clock_mono_us() - begin;
	ret->error = fd < 0 ? fd : 0;
	if (fd < 0)
		return;
	ret->resent = was_sent_again(fd);
	close(fd);
}

static enum event attempt_event(const struct attempt *a)
{
	if (a->prohibited)
		return EV_TCP_PROHIBITED;
	if (a->icmp && a->error == -ECONNREFUSED)
		return EV_TCP_PROHIBITED; /* a port-unreachable for TCP comes from a firewall */
	return tcp_event(a->error);
}

static void tell_failure(
	struct probe *p, const struct endpoint *to, const struct attempt *a, enum outcome weight)
{
	char text[ENDPOINT_TEXT_LEN], from[ADDR_TEXT_LEN];

	endpoint_format(to, text);
	if (a->icmp)
		probe_find(p, weight, attempt_event(a), "%s: said by %s (ICMP)", text,
			addr_format(&a->from.addr, from));
	else
		probe_find(p, weight, attempt_event(a), "%s: %s, after %.1f s", text,
			a->error == -ETIMEDOUT ? "no answer at all" : strerror(-a->error),
			(double)a->us / 1e6);
}

/* This machine has no way to that family: nothing about the server can be learned from that. */
static bool family_missing(const struct endpoint *to, const struct attempt *a)
{
	return to->addr.family == AF_INET6 && !a->icmp &&
	       (a->error == -ENETUNREACH || a->error == -EAFNOSUPPORT ||
		       a->error == -EADDRNOTAVAIL);
}

/* Returns whether the address answers; *ret is the last failed attempt. */
static bool connect_times(
	struct diagnosis *d, struct probe *p, const struct endpoint *to, struct attempt *ret)
{
	char name[FACT_NAME_LEN], text[ENDPOINT_TEXT_LEN];
	struct times t = {0};
	struct attempt a = {0};

	snprintf(name, sizeof(name), "tcp %.23s", endpoint_format(to, text));
	for (int i = 0; i < CONNECTS; i++) {
		try_once(to, d->opts->timeout_ms, &a);
		t.resent += a.resent;
		if (!a.error) {
			times_add(&t, a.us);
			continue;
		}
		t.lost++;
		*ret = a;
		if (!t.n)
			break; /* what fails at once fails again */
	}
	if (!t.n) {
		probe_fact(p, name, "%s",
			family_missing(to, ret) ? "this machine has no route for IPv6"
						: strerror(-ret->error));
		return false;
	}
	probe_fact(p, name, "%u of %u connect, %.1f ms (%.1f to %.1f, jitter %.1f)", t.n,
		t.n + t.lost, t.sum / t.n, t.least, t.most, t.most - t.least);
	if (t.lost || t.resent || t.most - t.least > SLOW_HINT_MS)
		probe_find(p, OUTCOME_WARNING, EV_TCP_LOSSY,
			"%s: %u of %u lost, %u sent again, slowest %.0f ms", text, t.lost,
			t.n + t.lost, t.resent, t.most);
	probe_summary(p, "TCP %u connects in %.1f ms (jitter %.1f)", to->port, t.sum / t.n,
		t.most - t.least);
	return true;
}

/*
 * Nothing answers: is it the name's fault? An address that is private and of no network here is one
 * for the inside only; IPv6 alone is of no use where IPv6 goes nowhere.
 */
static bool name_explains(struct diagnosis *d, const struct attempt *failed)
{
	struct probe *dns = &d->probes[PROBE_DNS];
	bool inside = true, ipv6_missing = true;
	char text[ADDR_TEXT_LEN];
	struct addr literal;

	if (addr_parse(d->opts->host, &literal) == 0)
		return false;
	for (size_t i = 0; i < d->n_addresses; i++) {
		const struct addr *a = &d->addresses[i].addr;

		inside &= dns_kind(a) == DNS_PRIVATE && !dns_on_link(a);
		ipv6_missing &= family_missing(&d->addresses[i], &failed[i]);
	}
	addr_format(&d->addresses[0].addr, text);
	if (ipv6_missing)
		probe_find(dns, OUTCOME_FAILED, EV_DNS_IPV6_ONLY, "%s; no IPv4 address", text);
	else if (inside)
		probe_find(dns, OUTCOME_FAILED, EV_DNS_PRIVATE, "%s, and TCP port %u: %s", text,
			d->opts->port,
			failed[0].error == -ETIMEDOUT ? "no answer" : strerror(-failed[0].error));
	return ipv6_missing;
}

static void judge_server(struct diagnosis *d, struct probe *p)
{
	struct attempt failed[ADDRESSES_MAX] = {0};
	bool alive[ADDRESSES_MAX] = {0};
	size_t n_alive = 0;

	for (size_t i = 0; i < d->n_addresses; i++) {
		alive[i] = connect_times(d, p, &d->addresses[i], &failed[i]);
		if (alive[i] && !n_alive++)
			d->server = d->addresses[i];
	}
	d->reachable = n_alive > 0;
	if (!n_alive && name_explains(d, failed))
		return;
	for (size_t i = 0; i < d->n_addresses; i++) {
		if (alive[i] || (n_alive && family_missing(&d->addresses[i], &failed[i])))
			continue;
		if (!n_alive)
			tell_failure(p, &d->addresses[i], &failed[i], OUTCOME_FAILED);
		else
			tell_failure(p, &d->addresses[i], &failed[i], OUTCOME_OK);
		if (n_alive)
			probe_find(p, OUTCOME_WARNING, EV_TCP_SOME_ADDRESSES, "%zu of %zu answer",
				n_alive, d->n_addresses);
		if (failed[i].error == -ETIMEDOUT)
			trace_path(p, &d->addresses[i]);
	}
}

void probe_reach(struct diagnosis *d, struct probe *p)
{
	if (d->opts->proxy) {
		probe_skip(p, "the way goes through the proxy");
		return;
	}
	if (!d->n_addresses) {
		probe_skip(p, "the server's address is not known");
		return;
	}
	for (size_t i = 0; i < d->n_addresses; i++)
		ping(p, &d->addresses[i]);
	judge_server(d, p);
}
