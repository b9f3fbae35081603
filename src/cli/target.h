// SPDX-License-Identifier: Apache-2.0
/* cli/target.h — "[USER@]HOST[:PORT]" and numbers, as the commands that reach a server take them. */
#pragma once
#include <stdint.h>

#include "base/credentials.h"

struct target {
	char user[USER_NAME_MAX + 1]; /* "": not given */
	char host[256];               /* as it goes over the wire: A-labels (base/host_name.h) */
	char fault
		[160]; /* after -EINVAL: what is expected in the place of the host; "": all else */
	char sni[256]; /* sni_parse() */
	uint16_t port; /* 443 unless given */
};

/*
 * The last @ parts, since a user may be user@realm. IPv6 stands in brackets when a port follows.
 * -EINVAL; ret->user is left alone when the text has none.
 */
int target_parse(const char *text, struct target *ret);

/*
 * The command's only argument, behind its options (optind). 0, or CMD_USAGE after printing what is
 * wrong.
 */
int target_argument(const char *command, int argc, char **argv, struct target *ret);

/* --sni: ret->sni as A-labels; "" stays. -EINVAL with ret->fault. */
int sni_parse(const char *text, struct target *ret);

/* Decimal digits alone, within least..most; -EINVAL. */
int number_parse(const char *text, unsigned long least, unsigned long most, unsigned long *ret);
