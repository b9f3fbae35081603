// SPDX-License-Identifier: Apache-2.0
/* aaa/grant_value.h — the values that a grant is made of, one struct for each type of grant.def. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/prefixes.h"

#define GRANT_VALUE_LEN 6400 /* with the zero; the longest text of one value: 320 networks */
#define GRANT_ADDRS_MAX 5    /* name servers: two of IPv4, three of IPv6 */
#define GRANT_DNS6_MAX 3
#define GRANT_WORD_MAX 31 /* octets */
#define GRANT_NAMES_MAX 8
#define GRANT_HOURS_MAX 8
#define GRANT_DOMAINS_MAX 16
#define GRANT_DOMAINS_LEN 512 /* of all, with commas and the zero */
#define GRANT_DOMAIN_LEN 254  /* of one, with the zero */

enum grant_origin { GRANT_UNSET, GRANT_DEFAULT, GRANT_GROUP, GRANT_USER, GRANT_RADIUS, GRANT_COA };
enum grant_merge { GRANT_REPLACE, GRANT_APPEND };
/*
 * GRANT_NEXT_ANSWER: what a client learns when it asks on its link, by the next answer there; _TOO: and in
 * the next session by PPP.
 */
enum grant_effect { GRANT_NOW, GRANT_NEXT_SESSION, GRANT_NEXT_ANSWER, GRANT_NEXT_ANSWER_TOO };

/* The types of grant.def. Each begins with its origin. */
struct grant_addr {
	enum grant_origin origin;
	struct addr value;
};

struct grant_addrs {
	enum grant_origin origin; /* of the last that was added */
	size_t n;
	struct addr item[GRANT_ADDRS_MAX];
};

struct grant_word {
	enum grant_origin origin;
	char value[GRANT_WORD_MAX + 1];
};

struct grant_flag {
	enum grant_origin origin;
	bool value;
};

struct grant_date {
	enum grant_origin origin;
	int64_t value; /* seconds since 1970; 0: never */
};

struct grant_count {
	enum grant_origin origin;
	unsigned value; /* 0: auto */
};

struct grant_span {
	enum grant_origin origin;
	uint32_t value; /* seconds; 0: off */
};

struct grant_rate {
	enum grant_origin origin;
	uint64_t value; /* bits a second; 0: off */
};

struct grant_methods {
	enum grant_origin origin;
	uint32_t mask; /* of aaa/method.h */
};

struct grant_names {
	enum grant_origin origin;
	size_t n;
	char item[GRANT_NAMES_MAX][GRANT_WORD_MAX + 1];
};

struct grant_prefixes {
	enum grant_origin origin;
	struct prefixes_packed list;
};

struct grant_prefix {
	enum grant_origin origin;
	struct prefix value; /* AF_UNSPEC: none */
};

struct grant_domains {
	enum grant_origin origin;
	size_t n;
	char text[GRANT_DOMAINS_LEN]; /* "corp.example,lab.example"; grant_domain_next() reads it */
};

enum grant_totp_value { GRANT_TOTP_OFF, GRANT_TOTP_REQUIRED, GRANT_TOTP_NOT_WITH_CERTIFICATE };

struct grant_totp {
	enum grant_origin origin;
	enum grant_totp_value value;
};

struct grant_hours {
	enum grant_origin origin;
	size_t n; /* 0: always */
	struct grant_hours_item {
		uint8_t days; /* bit 0: Sunday, as tm_wday */
		uint16_t from,
			to; /* minutes of the day, `to` not included; from > to: past midnight */
	} item[GRANT_HOURS_MAX];
};
