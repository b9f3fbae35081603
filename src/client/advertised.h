// SPDX-License-Identifier: Apache-2.0
/*
 * client/advertised.h — the routes, name servers and domains that router advertisements gave, each with its
 * lifetime (RFC 4191, RFC 8106). Pure: the time comes in.
 *
 * Bounds: as many of each as one advertisement may bring; further ones take no place.
 */
#pragma once
#include "ip/pushed.h"
#include "ip/ra.h"

struct advertised {
	struct {
		struct prefix to; /* AF_UNSPEC: a free place */
		uint64_t until_ms;
	} routes[RA_ROUTES_MAX];
	struct {
		struct addr addr; /* AF_UNSPEC: a free place */
		uint64_t until_ms;
	} dns[RA_DNS_MAX];
	struct {
		char name[RA_NAME_LEN];
		bool used; /* "" is a name, too: the root */
		uint64_t until_ms;
	} search[RA_SEARCH_MAX];
};

/*
 * A lifetime of 0 takes back; what an advertisement does not name stays until its end. Whether there is
 * anything new, or something went.
 */
bool advertised_take(struct advertised *a, const struct ra *ra, uint64_t now_ms);
/* NEVER: nothing has an end. */
uint64_t advertised_next_end_ms(const struct advertised *a);
/* Forgets what is past its end; whether there was any. */
bool advertised_end_due(struct advertised *a, uint64_t now_ms);
void advertised_put(const struct advertised *a, struct pushed *ret);
