// SPDX-License-Identifier: Apache-2.0
/*
 * os/harden.c — per-interface switches (Documentation/networking/ip-sysctl).
 *
 * A new interface inherits conf/default, which trusts a LAN. Nothing is learnt from strangers here:
 * addresses and routes are set by this program, and neighbours are answered by it.
 *
 * IPv4's accept_redirects and secure_redirects count together with conf/all, so that a host which is
 * no router may still heed a redirect: the guard drops it. rp_filter stays as the admin has it: the
 * source of each packet is checked before it gets to the kernel, and a client whose routes are made
 * by hand (--no-default-route and policy rules) may have no route back by this interface.
 */
#include "os/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

static const struct {
	const char *family, *name, *value;
} switches[] = {
	{"ipv6", "accept_ra", "0"},
	{"ipv6", "autoconf", "0"},
	{"ipv6", "accept_redirects", "0"},
	{"ipv6", "accept_source_route", "-1"}, /* 0 still takes type 2 */
	{"ipv6", "router_solicitations", "0"},
	{"ipv6", "dad_transmits", "0"}, /* no other host is on this link */
	{"ipv6", "accept_dad", "0"},
	{"ipv6", "proxy_ndp", "0"},
	{"ipv4", "accept_redirects", "0"},
	{"ipv4", "secure_redirects", "0"},
	{"ipv4", "send_redirects", "0"},
	{"ipv4", "accept_source_route", "0"},
	{"ipv4", "route_localnet", "0"},
	{"ipv4", "proxy_arp", "0"},
	{"ipv4", "bc_forwarding", "0"},
};

static int set_switch(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* IPv6 is off, or the kernel is older */
	if (write(fd, value, strlen(value)) < 0)
		r = -errno;
	close(fd);
	return r;
}

int harden_interface(const char *name)
{
	char path[128];
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		int r;

		snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", switches[i].family,
			name, switches[i].name);
		r = set_switch(path, switches[i].value);
		if (r < 0 && !first)
			first = r;
	}
	return first;
}
