// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/offer.h — what a client learns on its link beside its address: the networks behind the server, name
 * servers, domains. The server's answers (DHCPINFORM, router advertisements, DHCPv6) and `culvert user
 * show` are made of it. Pure.
 *
 * A value that the session's grant has of the user, its groups or a RADIUS server counts; else that of the
 * configuration as it is now, so a reload changes the next answer.
 */
#pragma once
#include "aaa/grant.h"

struct offer {
	struct prefixes routes; /* IPv4 and IPv6 */
	size_t n_dns, n_dns6;   /* the first of `dns` are IPv4 */
	struct addr dns[GRANT_ADDRS_MAX], dns6[GRANT_ADDRS_MAX];
	bool own_search;               /* `search` is set, not only `domains` */
	bool own_dns;                  /* the user's, or its groups': not the configuration's */
	char domain[GRANT_DOMAIN_LEN]; /* "": none */
	size_t n_search;
	char search[2 * GRANT_DOMAINS_MAX][GRANT_DOMAIN_LEN];
};

/* The domains that a host tries, and resolves inside: the search list, else the one domain. */
size_t offer_names(const struct offer *t);
const char *offer_name(const struct offer *t, size_t i);
bool offer_has_name(const struct offer *t, const char *name);
bool offer_has_server(const struct offer *t, const struct addr *a); /* of IPv6 */
/* Does a client learn the same of both? */
bool offer_same(const struct grant *grant, const struct grant *defaults, const struct grant *before,
	const struct grant *defaults_before);

/* `grant` and `defaults` may be NULL. 20 KB: an answer's, not a session's. */
void offer_read(const struct grant *grant, const struct grant *defaults, struct offer *ret);
