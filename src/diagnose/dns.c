// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Two views of one name: the system's resolver (what `culvert connect` will get: hosts file, search
 * domains, caches) and each configured name server by itself, asked for A and AAAA at the same time
 * with c-ares. Where they differ there is a split horizon, a hosts file, or a server that is broken.
 *
 * What the hosts file answers needs no name server: then one that is silent is no warning.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "diagnose/dns_kind.h"
#include "diagnose/private.h"

#define SERVERS_MAX 6
#define SERVER_MS 3000
#define HOSTS_MS 800 /* not waited for when the hosts file has the name */
#define SET_MAX 16

struct address_set {
	struct addr list[SET_MAX];
	size_t n;
};

struct asked {
	char server[64];
	int status[2]; /* of A and AAAA: ARES_SUCCESS, ARES_ENOTFOUND, ... */
	int ttl;
	char alias[256];
	struct address_set set;
};

static void set_add(struct address_set *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n; i++)
		if (addr_equal(&s->list[i], a))
			return;
	if (s->n < SET_MAX)
		s->list[s->n++] = *a;
}

static bool set_holds(const struct address_set *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n; i++)
		if (addr_equal(&s->list[i], a))
			return true;
	return false;
}

static bool set_equal(const struct address_set *a, const struct address_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!set_holds(b, &a->list[i]))
			return false;
	return a->n == b->n;
}

static const char *set_text(const struct address_set *s, char *ret, size_t cap)
{
	char text[ADDR_TEXT_LEN];
	size_t used = 0;

	*ret = '\0';
	for (size_t i = 0; i < s->n && used + sizeof(text) + 2 < cap; i++)
		used += (size_t)snprintf(ret + used, cap - used, "%s%s", i ? ", " : "",
			addr_format(&s->list[i], text));
	return ret;
}

/* ---- each server by itself ------------------------------------------------------------------- */

static void on_answer(struct asked *a, int family, int status, unsigned char *octets, int n)
{
	struct ares_addrttl v4[SET_MAX];
	struct ares_addr6ttl v6[SET_MAX];
	struct hostent *host = NULL;
	int found = SET_MAX, r = ARES_ENODATA;

	a->status[family == AF_INET6] = status;
	if (status != ARES_SUCCESS)
		return;
	if (family == AF_INET)
		r = ares_parse_a_reply(octets, n, &host, v4, &found);
	else
		r = ares_parse_aaaa_reply(octets, n, &host, v6, &found);
	a->status[family == AF_INET6] = r;
	for (int i = 0; r == ARES_SUCCESS && i < found; i++) {
		struct addr addr = {.family = (uint8_t)family};

		memcpy(addr.octets,
			family == AF_INET ? (void *)&v4[i].ipaddr : (void *)&v6[i].ip6addr,
			addr_len(&addr));
		set_add(&a->set, &addr);
		a->ttl = family == AF_INET ? v4[i].ttl : v6[i].ttl;
	}
	if (r == ARES_SUCCESS && host && host->h_aliases && host->h_aliases[0])
		snprintf(a->alias, sizeof(a->alias), "%s", host->h_name);
	if (host)
		ares_free_hostent(host);
}

static void on_a(void *arg, int status, int timeouts UNUSED, unsigned char *octets, int n)
{
	on_answer(arg, AF_INET, status, octets, n);
}

static void on_aaaa(void *arg, int status, int timeouts UNUSED, unsigned char *octets, int n)
{
	on_answer(arg, AF_INET6, status, octets, n);
}

static size_t configured_servers(struct asked *ret)
{
	struct ares_addr_port_node *list = NULL;
	ares_channel channel;
	size_t n = 0;

	if (ares_init(&channel) != ARES_SUCCESS)
		return 0;
	ares_get_servers_ports(channel, &list);
	for (const struct ares_addr_port_node *s = list; s && n < SERVERS_MAX; s = s->next) {
		ret[n] = (struct asked){.status = {ARES_ETIMEOUT, ARES_ETIMEOUT}};
		inet_ntop(s->family, &s->addr, ret[n].server, sizeof(ret[n].server));
		n++;
	}
	ares_free_data(list);
	ares_destroy(channel);
	return n;
}

static bool open_channel(const char *server, unsigned timeout_ms, ares_channel *ret)
{
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP,
		.timeout = (int)timeout_ms,
		.tries = 1};

	if (ares_init_options(ret, &o, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) !=
		ARES_SUCCESS)
		return false;
	if (ares_set_servers_csv(*ret, server) == ARES_SUCCESS)
		return true;
	ares_destroy(*ret);
	return false;
}

/* Turns all channels until every question has its answer or its time-out. */
static void run_channels(ares_channel *channels, size_t n)
{
	for (;;) {
		struct pollfd fds[SERVERS_MAX * ARES_GETSOCK_MAXNUM];
		size_t of[SERVERS_MAX * ARES_GETSOCK_MAXNUM], used = 0;

		for (size_t i = 0; i < n; i++) {
			ares_socket_t socks[ARES_GETSOCK_MAXNUM];
			unsigned bits =
				(unsigned)ares_getsock(channels[i], socks, ARES_GETSOCK_MAXNUM);

			for (int k = 0; k < ARES_GETSOCK_MAXNUM; k++) {
				short events = 0;

				/* ARES_GETSOCK_WRITABLE() shifts into the sign */
				if (bits >> k & 1)
					events |= POLLIN;
				if (bits >> (k + ARES_GETSOCK_MAXNUM) & 1)
					events |= POLLOUT;
				if (!events)
					continue;
				of[used] = i;
				fds[used++] = (struct pollfd){.fd = socks[k], .events = events};
			}
		}
		if (!used)
			return;
		poll(fds, used, 100);
		for (size_t i = 0; i < used; i++)
			ares_process_fd(channels[of[i]],
				fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? fds[i].fd
									      : ARES_SOCKET_BAD,
				fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	}
}

static void ask_servers(const char *host, unsigned timeout_ms, struct asked *asked, size_t n)
{
	ares_channel channels[SERVERS_MAX];
	size_t open = 0;

	for (size_t i = 0; i < n; i++) {
		if (!open_channel(asked[i].server, timeout_ms, &channels[open]))
			continue;
		ares_query(channels[open], host, ns_c_in, ns_t_a, on_a, &asked[i]);
		ares_query(channels[open], host, ns_c_in, ns_t_aaaa, on_aaaa, &asked[i]);
		open++;
	}
	run_channels(channels, open);
	for (size_t i = 0; i < open; i++)
		ares_destroy(channels[i]);
}

/* What one server said, both questions together: an address counts more than a missing one. */
static int status_of(const struct asked *a)
{
	if (a->set.n)
		return ARES_SUCCESS;
	return a->status[0] == ARES_SUCCESS ? a->status[1] : a->status[0];
}

static const char *status_words(int status)
{
	switch (status) {
	case ARES_ENOTFOUND: return "no such name (NXDOMAIN)";
	case ARES_ENODATA: return "the name has no address";
	case ARES_ETIMEOUT: return "no answer";
	case ARES_ECONNREFUSED: return "refused: nothing listens there";
	case ARES_ESERVFAIL: return "it failed (SERVFAIL)";
	case ARES_EREFUSED: return "it refuses to answer (REFUSED)";
	}
	return ares_strerror(status);
}

static bool is_silent(int status)
{
	return status == ARES_ETIMEOUT || status == ARES_ECONNREFUSED;
}

/* ---- the system's view ------------------------------------------------------------------------ */

static void read_hosts_file(const char *host, struct address_set *ret)
{
	FILE *f = fopen("/etc/hosts", "re");
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		char *save = NULL, *word;
		struct addr a;

		line[strcspn(line, "#\n")] = '\0';
		word = strtok_r(line, " \t", &save);
		if (!word || addr_parse(word, &a) < 0)
			continue;
		while ((word = strtok_r(NULL, " \t", &save)))
			if (!strcasecmp(word, host))
				set_add(ret, &a);
	}
	if (f)
		fclose(f);
}

static int ask_system(struct diagnosis *d, struct address_set *ret, char *canonical, size_t cap)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME}, *list;
	int r;

	setenv("RES_OPTIONS", "timeout:2 attempts:1", 0); /* a report is not worth half a minute */
	*canonical = '\0';
	r = getaddrinfo(d->opts->host, NULL, &hints, &list);
	if (r)
		return r;
	if (list->ai_canonname)
		snprintf(canonical, cap, "%s", list->ai_canonname);
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		struct endpoint e;

		endpoint_from_sockaddr(ai->ai_addr, &e);
		set_add(ret, &e.addr);
	}
	freeaddrinfo(list);
	return 0;
}

static void keep_addresses(struct diagnosis *d, const struct address_set *s)
{
	for (size_t i = 0; i < s->n && d->n_addresses < ADDRESSES_MAX; i++)
		if (dns_kind(&s->list[i]) != DNS_BLOCKED)
			d->addresses[d->n_addresses++] =
				(struct endpoint){.addr = s->list[i], .port = d->opts->port};
}

/* ---- judging ------------------------------------------------------------------------------------ */

/* No server knows the name: which kind of failure? */
static void judge_failure(struct probe *p, const struct asked *asked, size_t n, int gai)
{
	size_t silent = 0, nodata = 0, servfail = 0, refused = 0, none = 0;

	for (size_t i = 0; i < n; i++) {
		int s = status_of(&asked[i]);

		silent += is_silent(s);
		nodata += s == ARES_ENODATA;
		none += s == ARES_ENOTFOUND;
		servfail += s == ARES_ESERVFAIL;
		refused += s == ARES_EREFUSED;
	}
	if (none || (!n && (gai == EAI_NONAME || gai == EAI_NODATA)))
		probe_find(p, OUTCOME_FAILED, EV_DNS_NO_SUCH_NAME, "%s", gai_strerror(gai));
	else if (nodata)
		probe_find(p, OUTCOME_FAILED, EV_DNS_NO_ADDRESS, "neither A nor AAAA");
	else if (servfail)
		probe_find(p, OUTCOME_FAILED, EV_DNS_SERVFAIL, "%zu of %zu servers", servfail, n);
	else if (refused)
		probe_find(p, OUTCOME_FAILED, EV_DNS_REFUSED, "%zu of %zu servers, the first is %s",
			refused, n, asked[0].server);
	else if (n && silent == n)
		probe_find(p, OUTCOME_FAILED, EV_DNS_TIMEOUT, "%zu asked, the first is %s", n,
			asked[0].server);
	else
		probe_find(p, OUTCOME_FAILED, EV_DNS_FAILED, "%s", gai_strerror(gai));
}

/* The first address that is none of a server; NULL: there is none. */
static const struct addr *filtered(const struct address_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (dns_kind(&s->list[i]) >= DNS_LOOPBACK)
			return &s->list[i];
	return NULL;
}

static bool is_this_machine(const char *host)
{
	char own[256] = "";
	size_t n = strlen(host);

	gethostname(own, sizeof(own) - 1);
	return !strcasecmp(host, own) || !strcasecmp(host, "localhost") ||
	       (n > 10 && !strcasecmp(host + n - 10, ".localhost"));
}

/* A loopback address may be meant: a port of this machine that leads on. Then something listens. */
static bool listens_here(const struct diagnosis *d, const struct addr *a)
{
	struct endpoint to = {*a, d->opts->port};
	int fd;

	if (net_connect(&to, 500, 0, &fd) < 0)
		return false;
	close(fd);
	return true;
}

/* An answer that is no address of a server: who asks the wrong resolver looks for the wrong fault. */
static void judge_filtered(struct diagnosis *d, struct probe *p, const struct address_set *s)
{
	const struct addr *bad = filtered(s);
	char text[200];

	if (!bad || is_this_machine(d->opts->host) ||
		(dns_kind(bad) == DNS_LOOPBACK && listens_here(d, bad)))
		return;
	probe_find(p,
		d->n_addresses && dns_kind(bad) == DNS_BLOCKED ? OUTCOME_WARNING : OUTCOME_FAILED,
		EV_DNS_FILTERED, "%s: %s", set_text(s, text, sizeof(text)), dns_kind_text(bad));
}

static void judge_differences(struct probe *p, const struct asked *asked, size_t n,
	const struct address_set *system, bool by_hosts)
{
	const struct asked *first = NULL;
	char a[200], b[200];

	for (size_t i = 0; i < n; i++) {
		int s = status_of(&asked[i]);

		if (is_silent(s)) {
			if (!by_hosts)
				probe_find(p, OUTCOME_WARNING, EV_DNS_SERVER_SILENT, "%s: %s",
					asked[i].server, status_words(s));
			continue;
		}
		if (s == ARES_EREFUSED || s == ARES_ESERVFAIL) {
			probe_find(p, OUTCOME_WARNING,
				s == ARES_EREFUSED ? EV_DNS_REFUSED : EV_DNS_SERVFAIL, "%s: %s",
				asked[i].server, status_words(s));
			continue;
		}
		if (filtered(&asked[i].set) && !set_equal(&asked[i].set, system)) {
			probe_find(p, OUTCOME_WARNING, EV_DNS_FILTERED, "%s says %s: %s",
				asked[i].server, set_text(&asked[i].set, a, sizeof(a)),
				dns_kind_text(filtered(&asked[i].set)));
			continue;
		}
		if (!first) {
			first = &asked[i];
			continue;
		}
		if ((s == ARES_SUCCESS) != (status_of(first) == ARES_SUCCESS) ||
			!set_equal(&asked[i].set, &first->set))
			probe_find(p, OUTCOME_WARNING, EV_DNS_ANSWERS_DIFFER,
				"%s says %s, %s says %s", first->server,
				first->set.n ? set_text(&first->set, a, sizeof(a))
					     : status_words(status_of(first)),
				asked[i].server,
				asked[i].set.n ? set_text(&asked[i].set, b, sizeof(b))
					       : status_words(s));
	}
}

static void judge_hosts(
	struct probe *p, const struct address_set *hosts, const struct asked *asked, size_t n)
{
	char a[200], b[200];

	for (size_t i = 0; i < n && hosts->n; i++)
		for (size_t k = 0; k < hosts->n; k++)
			if (asked[i].set.n && !set_holds(&asked[i].set, &hosts->list[k]))
				probe_find(p, OUTCOME_WARNING, EV_DNS_HOSTS_FILE,
					"/etc/hosts says %s, name server %s says %s",
					set_text(hosts, a, sizeof(a)), asked[i].server,
					set_text(&asked[i].set, b, sizeof(b)));
}

static void tell_servers(struct probe *p, const struct asked *asked, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[FACT_NAME_LEN], text[200];

		snprintf(name, sizeof(name), "server %.20s", asked[i].server);
		if (asked[i].set.n)
			probe_fact(p, name, "%s (ttl %d)%s%s",
				set_text(&asked[i].set, text, sizeof(text)), asked[i].ttl,
				*asked[i].alias ? ", CNAME to " : "", asked[i].alias);
		else
			probe_fact(p, name, "%s", status_words(status_of(&asked[i])));
	}
	if (!n)
		probe_fact(p, "servers", "none configured");
}

void probe_dns(struct diagnosis *d, struct probe *p)
{
	struct address_set system = {0}, hosts = {0};
	struct asked asked[SERVERS_MAX];
	char canonical[256], text[120];
	uint64_t begin;
	struct addr literal;
	size_t n;
	int gai;

	if (addr_parse(d->opts->host, &literal) == 0) {
		set_add(&system, &literal);
		keep_addresses(d, &system);
		probe_skip(p, "an address was given, so no name had to be looked up");
		return;
	}
	n = configured_servers(asked);
	read_hosts_file(d->opts->host, &hosts);
	ask_servers(d->opts->host, hosts.n ? HOSTS_MS : SERVER_MS, asked, n);
	begin = clock_mono_us();
	gai = ask_system(d, &system, canonical, sizeof(canonical));
	if (system.n)
		probe_fact(p, "system resolver", "%s, in %.1f ms%s",
			set_text(&system, text, sizeof(text)),
			(double)(clock_mono_us() - begin) / 1000,
			hosts.n ? ", from the hosts file" : "");
	else
		probe_fact(p, "system resolver", "%s", gai_strerror(gai));
	if (*canonical && strcasecmp(canonical, d->opts->host))
		probe_fact(p, strchr(d->opts->host, '.') ? "canonical name" : "search domain gave",
			"%s", canonical);
	tell_servers(p, asked, n);
	keep_addresses(d, &system);
	if (gai && d->opts->proxy)
		probe_fact(p, "judgement", "the proxy looks the name up itself");
	else if (gai)
		judge_failure(p, asked, n, gai);
	else
		judge_filtered(d, p, &system);
	if (!gai)
		judge_differences(p, asked, n, &system, hosts.n != 0);
	judge_hosts(p, &hosts, asked, n);
	probe_summary(p, "%s%s",
		system.n ? set_text(&system, text, sizeof(text)) : "not found here",
		hosts.n ? " (hosts file)" : "");
}
