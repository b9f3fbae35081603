/*
 * server/host/uplink.h — IPv6 for clients: a /64 for each out of one prefix, told by router advertisement.
 *
 * Threads: ipv6_setup() and ipv6_check() the control thread; the rest any worker (what they read is
 *          constant while workers run, atomic, or the address table).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "os/failure.h"

struct db;
struct netlink;
struct ip_view;
struct server;
struct session;

#define IPV6_RA_EVERY_MS 300000 /* RFC 4861 section 6.2.1: 200 to 600 seconds */
#define IPV6_ANSWER_MAX 320     /* the longest packet that is built here */
#define IPV6_CHECK_MS 10000     /* does this host have a default route? */

/* Our own addresses on the TUN. 0, or -errno and `why`. */
int ipv6_setup(struct server *s, struct netlink *nl, struct os_failure *why);
/* Whether clients can get beyond this host; puts forwarding on when they can. */
void ipv6_check(struct server *s, struct netlink *nl);
/* The prefix is translated on its way out (nft). */
bool ipv6_is_masqueraded(const struct server *s);

/*
 * A /64 that no other session has, entered in the table; the same for the same IPv4 address where
 * that is possible. -ENOENT: there is no prefix at all; -ENOSPC: every /64 is taken.
 */
int ipv6_take_prefix(struct server *s, struct session *owner, unsigned worker,
	const struct addr *ipv4, struct prefix *ret);
/* `prefix` AF_UNSPEC: none to give. Returns the packet's length. */
size_t ipv6_advertisement(const struct server *s, const struct prefix *prefix, uint16_t mtu,
	uint8_t ret[static IPV6_ANSWER_MAX]);
/* The answer to a DHCPv6 packet; 0: none. */
size_t ipv6_dhcp_reply(const struct server *s, const uint8_t *octets, const struct ip_view *p,
	uint8_t ret[static IPV6_ANSWER_MAX]);
