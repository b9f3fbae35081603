// SPDX-License-Identifier: Apache-2.0
/*
 * cli/howto.h — what a new user types on the user's machine to reach this server, printed or as files.
 * Passwords are never part of it, but of an invite that is to have one.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "aaa/grant_value.h"
#include "base/prefixes.h"

struct config;
struct offer;

struct howto {
	const char *user;
	char server[256]; /* the name by which clients know it */
	uint16_t port;
	bool self_signed;
	char pin[64];
	char leaf[8192];        /* PEM of the certificate that is shown first */
	char bundle[16384];     /* PEM of all; for those that must know both kinds of key */
	struct prefixes routes; /* what goes through the tunnel; none: everything */
	size_t n_dns;           /* name servers and domains of a split tunnel */
	struct addr dns[GRANT_ADDRS_MAX];
	size_t n_domains;
	char domains[2 * GRANT_DOMAINS_MAX][GRANT_DOMAIN_LEN];
};

/*
 * From the server's configuration and certificates; `server` NULL: the first name of the
 * certificate. CMD_OK, or an exit code (the reason is printed).
 */
int howto_load(const struct config *cfg, const char *user, const char *server, struct howto *ret);
/* What the server offers to this user's client: for a tunnel that carries only that. */
void howto_take_offer(struct howto *h, const struct offer *offer);
/*
 * All that Culvert's client needs, for `culvert profile import` (cli/profile_text.h). `password` NULL: it
 * is asked for.
 */
void howto_invite(const struct howto *h, const char *password, FILE *out);
void howto_print(const struct howto *h);
json_t *howto_json(const struct howto *h);
/* One file for each kind of client, and the certificate, into the folder; names them. */
int howto_write(const struct howto *h, const char *folder);
