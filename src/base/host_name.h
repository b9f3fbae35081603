// SPDX-License-Identifier: Apache-2.0
/*
 * base/host_name.h — host names as they go over the wire: IDNA2008 (RFC 5891) with the mapping of
 * UTS 46, not transitional, by libidn2. DNS, SNI, the Host header, certificates and their
 * verification know A-labels only ("xn--mller-kva.example"); people write "müller.example".
 *
 * Threads: any.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define HOST_NAME_MAX_LEN 253 /* RFC 1035 2.3.4, without the last dot */

/*
 * `name` with its labels as A-labels; an IP address stays as it is (IPv6 without brackets). ret has
 * room for HOST_NAME_MAX_LEN + 2. -EINVAL when it is no host name: an empty label, one of more than
 * 63 octets, a character that is not allowed, a false A-label; *ret_why (may be NULL) says which.
 */
int host_to_ascii(const char *name, char *ret, size_t cap, const char **ret_why);

#define HOST_UNICODE_LEN 800 /* with the zero; each label expands to UTF-8 */

/* "müller.example" for "xn--mller-kva.example"; others as they are. Returns ret. */
const char *host_unicode(const char *ascii, char *ret, size_t cap);

/* For people: "xn--mller-kva.example (müller.example)"; others as they are. Returns ret. */
const char *host_shown(const char *ascii, char *ret, size_t cap);
