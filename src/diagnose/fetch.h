// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/fetch.h — one document over plain HTTP from a URL that a certificate names.
 *
 * The URL is a stranger's choice. It may not make this machine speak to itself, to its link or to its
 * own network: the name is looked up once, each address is judged, and the connection goes to the
 * address that was judged. Redirects are not followed. Time and size are bounded.
 *
 * Threads: blocks, at most about twice `timeout_ms` (the look-up, then the rest).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

#define FETCH_HOST_MAX 254
#define FETCH_WHY_MAX 240

struct fetch_url {
	char host[FETCH_HOST_MAX]; /* without the brackets of an IPv6 address */
	bool literal6;
	uint16_t port;
	const char *path; /* into the text that was parsed; "" is "/" */
};

/* http://HOST[:PORT][/PATH], printable ASCII, no user name, no fragment: else -EINVAL. */
int fetch_url_parse(const char *text, struct fetch_url *ret);

/*
 * Why an address is not asked; NULL: it may be. An IPv6 address that carries an IPv4 one (mapped,
 * compatible, 6to4, NAT64, Teredo, ISATAP) is judged by both.
 */
const char *fetch_forbidden(const struct addr *a, bool private_too);
/* 10/8, 172.16/12, 192.168/16, 100.64/10, 198.18/15, fc00::/7, fec0::/10. */
bool fetch_is_private(const struct addr *a);

struct fetch_request {
	const char *url;
	const void *post; /* NULL: GET */
	size_t post_len;
	const char *post_type;
	bool private_too; /* private addresses may be asked */
	unsigned timeout_ms;
};

enum fetch_outcome {
	FETCH_OK,        /* the body is in ret_body */
	FETCH_FAILED,    /* asked, and no usable answer */
	FETCH_FORBIDDEN, /* not asked */
};
/* ret_body: initialized by the caller. ret_why: a few words, unless FETCH_OK. */
enum fetch_outcome fetch(
	const struct fetch_request *r, struct buf *ret_body, char ret_why[static FETCH_WHY_MAX]);
