// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/host_name.h"
#include "base/text.h"
#include "cli/cmd.h"

int number_parse(const char *text, unsigned long least, unsigned long most, unsigned long *ret)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || v < least || v > most)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Copies what stands between text and end; -EINVAL when it does not fit. */
static int copy_part(char *dst, size_t cap, const char *text, const char *end)
{
	if ((size_t)(end - text) >= cap)
		return -EINVAL;
	memcpy(dst, text, (size_t)(end - text));
	dst[end - text] = '\0';
	return 0;
}

int sni_parse(const char *text, struct target *ret)
{
	const char *why = "";

	*ret->sni = *ret->fault = '\0';
	if (!*text || host_to_ascii(text, ret->sni, sizeof(ret->sni), &why) == 0)
		return 0;
	text_format(ret->fault, sizeof(ret->fault), "a host name; this is none: %s", why);
	return -EINVAL;
}

int target_parse(const char *text, struct target *ret)
{
	const char *at = strrchr(text, '@'), *host = at ? at + 1 : text, *end, *port = NULL;
	unsigned long number = 443;
	char name[1024];
	const char *why = "";

	*ret->fault = '\0';
	if (at && copy_part(ret->user, sizeof(ret->user), text, at) < 0)
		return -EINVAL;
	if (*host == '[') {
		end = strchr(++host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		port = end[1] ? end + 2 : NULL;
	} else {
		end = strchr(host, ':');
		if (end && strchr(end + 1, ':'))
			end = NULL; /* a bare IPv6 address */
		port = end ? end + 1 : NULL;
		if (!end)
			end = host + strlen(host);
	}
	if (end == host || copy_part(name, sizeof(name), host, end) < 0)
		return -EINVAL;
	if (host_to_ascii(name, ret->host, sizeof(ret->host), &why) < 0) {
		text_format(ret->fault, sizeof(ret->fault), "a host name; this is none: %s", why);
		return -EINVAL;
	}
	if (port && number_parse(port, 1, 65535, &number) < 0)
		return -EINVAL;
	ret->port = (uint16_t)number;
	return 0;
}

int target_argument(const char *command, int argc, char **argv, struct target *ret)
{
	static const char want[] = "[USER@]HOST[:PORT], IPv6 addresses in brackets";

	if (optind + 1 != argc) {
		text_fprintf(stderr,
			"culvert %s: expected exactly one [USER@]HOST[:PORT] (see culvert %s --help)\n",
			command, command);
		return CMD_USAGE;
	}
	if (target_parse(argv[optind], ret) < 0)
		return cmd_bad(command, "server", argv[optind], *ret->fault ? ret->fault : want);
	return CMD_OK;
}
