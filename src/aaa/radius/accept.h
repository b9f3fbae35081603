// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/accept.h — what a trusted Access-Accept or CoA-Request grants. Pure.
 */
#pragma once
#include "aaa/grant.h"
#include "aaa/radius/codec.h"

/*
 * Fills the values that it has rows for, with that origin; what cannot be read is left out. Returns
 * how many attributes were of no use: malformed.
 */
unsigned radius_grant(
	const struct radius_packet *p, enum grant_origin origin, struct grant_values *ret);

/* Does the attribute fill a value that takes effect in live sessions? */
bool radius_grants_at_once(uint64_t id);

#define RADIUS_CLASSES_LEN 2048 /* octets; what is beyond is left out */
/* Every Class in its order, as attributes, to be repeated in accounting; counted. */
struct radius_classes {
	atomic_uint refs;
	size_t len;
	uint8_t octets[];
};
/* *ret NULL: there is none. -ENOMEM. */
int radius_classes_new(const struct radius_packet *p, struct radius_classes **ret);
struct radius_classes *radius_classes_ref(struct radius_classes *c);
void radius_classes_unref(struct radius_classes *c); /* NULL is fine */

/* "E=691 R=0 C=… V=3 M=text": the code and the text; AUTH_FAILED and "" when it has none. */
int radius_chap_error(struct rd data, char *ret_message, size_t cap);
