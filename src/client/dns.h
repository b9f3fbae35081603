// SPDX-License-Identifier: Apache-2.0
/*
 * client/dns.h — which name servers and domains of those that a server gives this machine uses, and its
 * resolver set to them.
 *
 * Ownership: what client_dns_init() gets is borrowed. Threads: the client's one; a change waits for
 * systemd-resolved or a program (os/resolver.h).
 */
#pragma once
#include "client/options.h"
#include "client/permit.h"
#include "ip/pushed.h"
#include "os/failure.h"

#define CLIENT_DNS_LINES 8

struct resolver;

/* What the server gives, and where it leads. */
struct dns_offer {
	const struct pushed *pushed; /* by DHCP and advertisements */
	const struct addr *ipcp;     /* AF_UNSPEC: none */
	size_t n_ipcp;
	bool split;     /* only what was pushed goes through the tunnel */
	bool all_names; /* everything goes there, and all names */
	/* Does the tunnel lead to this address? */
	bool (*leads_to)(void *arg, const struct addr *a);
	void *arg;
};

struct dns_wish {
	struct addr servers[CLIENT_NAME_SERVERS_MAX];
	char domains[CLIENT_DNS_DOMAINS_MAX][PUSHED_NAME_LEN];
	size_t n_servers, n_domains;
	bool all_names;
};

struct client_dns {
	const struct client_opts *opts;
	const char *ifname;
	const struct permit *permit;
	struct dns_wish now; /* what the resolver is set to */
	struct resolver *resolver;
	struct addr told[CLIENT_DNS_LINES]; /* refused, and logged */
	size_t n_told;
};

void client_dns_init(struct client_dns *d, const struct client_opts *opts, const char *ifname,
	const struct permit *permit);
void client_dns_done(struct client_dns *d); /* the resolver is as it was before */
/* Name servers that lead elsewhere are refused, with a line of the log. */
void client_dns_choose(struct client_dns *d, const struct dns_offer *offer, struct dns_wish *ret);
/* Nothing is touched when it is set so already. */
int client_dns_set(struct client_dns *d, const struct dns_wish *wish, struct os_failure *why);
