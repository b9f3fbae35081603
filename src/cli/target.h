/* cli/target.h — "[USER@]HOST[:PORT]" and numbers, as the commands that reach a server take them. */
#pragma once
#include <stdint.h>

#include "base/credentials.h"

struct target {
	char user[USER_NAME_MAX + 1]; /* "": not given */
	char host[256];
	uint16_t port; /* 443 unless given */
};

/*
 * The last @ parts, since a user may be user@realm. IPv6 stands in brackets when a port follows.
 * -EINVAL; ret->user is left alone when the text has none.
 */
int target_parse(const char *text, struct target *ret);

/* Decimal digits alone, within least..most; -EINVAL. */
int number_parse(const char *text, unsigned long least, unsigned long most, unsigned long *ret);
