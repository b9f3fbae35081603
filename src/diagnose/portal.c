// SPDX-License-Identifier: Apache-2.0
/*
 * A captive portal (RFC 8952) answers in place of every server until the user has logged in. No third
 * party is asked: plain HTTP goes to the server's own address. That answer leads elsewhere (511, or a
 * redirection to another domain), or it comes from the first router, which a hop limit of 1 shows. It
 * is a guess all the same: a web server may redirect too.
 */
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "diagnose/dns_kind.h"
#include "diagnose/private.h"
#include "os/dial.h"

#define PORTAL_MS 2000

struct page {
	unsigned status;
	char line[120], location[160];
};

static bool fetch(const struct diagnosis *d, const struct endpoint *to, struct page *ret)
{
	char request[400], head[2048];
	size_t used = 0;
	uint64_t until;
	ssize_t n;
	int fd;

	if (net_connect(to, PORTAL_MS, 0, &fd) < 0)
		return false;
	until = clock_mono_ms() + PORTAL_MS;
	n = snprintf(request, sizeof(request),
		"GET / HTTP/1.1\r\nHost: %.255s\r\nConnection: close\r\n\r\n", d->opts->host);
	if (send(fd, request, (size_t)n, MSG_NOSIGNAL) == n)
		while (used + 1 < sizeof(head) && net_wait(fd, POLLIN, until) == 0 &&
			(n = recv(fd, head + used, sizeof(head) - 1 - used, 0)) > 0)
			used += (size_t)n;
	close(fd);
	head[used] = '\0';
	*ret = (struct page){0};
	snprintf(ret->line, sizeof(ret->line), "%.*s", (int)strcspn(head, "\r\n"), head);
	head_value(head, "Location", ret->location, sizeof(ret->location));
	return sscanf(head, "HTTP/%*u.%*u %u", &ret->status) == 1;
}

static void limit_hops(void *arg, int fd)
{
	const struct endpoint *to = arg;
	bool v4 = to->addr.family == AF_INET;

	setsockopt(fd, v4 ? (int)IPPROTO_IP : (int)IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS,
		&(int){1}, sizeof(int));
}

/* With a hop limit of 1 a packet gets to the first router and no further. */
static bool answers_at_first_hop(const struct endpoint *to)
{
	struct endpoint at = *to;
	struct dial_opts opts = {.try_ms = PORTAL_MS / 2, .tune = limit_hops, .arg = &at};
	struct dial dial;
	int fd;

	if (dns_on_link(&to->addr))
		return false;
	dial_init(&dial, &opts, to, 1);
	fd = dial_wait(&dial, NEVER, -1);
	dial_done(&dial);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The last two labels; an address as it is. */
static const char *domain_of(const char *host)
{
	const char *dot = strrchr(host, '.');
	struct addr a;

	if (addr_parse(host, &a) == 0)
		return host;
	while (dot && dot > host && *--dot != '.')
		;
	return dot && *dot == '.' ? dot + 1 : host;
}

/* A redirection to another domain than the server's. */
static bool leads_elsewhere(const struct diagnosis *d, const char *location)
{
	const char *p = strstr(location, "://");
	char host[160];

	if (!p)
		return false;
	p += 3;
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(p, ":/?#"), p);
	return strcasecmp(domain_of(host), domain_of(d->opts->host)) != 0;
}

void judge_portal(struct diagnosis *d, struct probe *p)
{
	struct endpoint to;
	struct page page;
	bool redirects, first;

	if (d->opts->proxy || !d->n_addresses)
		return;
	to = d->server.addr.family ? d->server : d->addresses[0];
	to.port = 80;
	if (!fetch(d, &to, &page))
		return;
	probe_fact(p, "plain HTTP, port 80", "%s%s%s", page.line, *page.location ? ", to " : "",
		page.location);
	redirects = page.status >= 301 && page.status <= 308 && leads_elsewhere(d, page.location);
	first = answers_at_first_hop(&to);
	if (first)
		probe_fact(p, "port 80 is answered by", "the first router, in the server's place");
	if (page.status == 511 || redirects || (first && page.status >= 200 && page.status < 400))
		probe_find(p, OUTCOME_WARNING, EV_PROBE_CAPTIVE_PORTAL, "port 80 says \"%s\"%s%s%s",
			page.line, *page.location ? ", to " : "", page.location,
			first ? "; the first router says it" : "");
}
