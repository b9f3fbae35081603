// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/grant_types.h — the types of grant.def: how words become a value, and a value words. Inside
 * aaa/ only.
 *
 *  type     as text                                       unset by
 *  FLAG     yes, no
 *  DATE     2027-01-31, 2027-01-31 18:00, never           (the store has "@1801353600")
 *  COUNT    3, auto
 *  SPAN     90s, 10m, 8h, 30d, off
 *  RATE     64k, 10M, 2.5M, 1G, off                       powers of 1000
 *  METHODS  eap-tls,mschapv2
 *  NAMES    office,printers
 *  HOURS    mon-fri/08:00-18:00,sat/09:00-12:00, always
 *  ADDR     10.8.0.7
 *  ADDRS    10.9.0.53,10.9.0.54, none
 *  WORD     staff
 *  DNS      10.9.0.53,2001:db8::53, none
 *  PREFIXES 10.9.0.0/16,2001:db8:9::/48, none
 *  PREFIX   2001:db8:5::/56, none                         IPv6 of /16 to /64
 *  DOMAINS  corp.example,lab.example, none
 */
#pragma once
#include <stddef.h>

#include "aaa/grant_value.h"

struct grant_type {
	size_t size;
	/* Writes all but the origin. -EINVAL: *ret_expected has the words for it. */
	int (*parse)(const char *text, void *value, const char **ret_expected);
	void (*format)(const void *value, char *ret);
	void (*store)(const void *value, char *ret);  /* NULL: as format */
	void (*append)(void *to, const void *nearer); /* lists */
	/*
	 * NULL, or for long texts: which part of it is wrong; of a text that was taken, what is not
	 * as it was typed. `why` stays when there is nothing to say.
	 */
	void (*explain)(const char *text, char *why, size_t cap);
};

extern const struct grant_type grant_type_ADDR, grant_type_ADDRS, grant_type_WORD, grant_type_FLAG,
	grant_type_DATE, grant_type_COUNT, grant_type_SPAN, grant_type_RATE, grant_type_METHODS,
	grant_type_NAMES, grant_type_HOURS, grant_type_DNS, grant_type_PREFIXES, grant_type_DOMAINS,
	grant_type_TOTP, grant_type_PREFIX;
