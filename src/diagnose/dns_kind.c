// SPDX-License-Identifier: Apache-2.0
#include "diagnose/dns_kind.h"

#include <ifaddrs.h>
#include <string.h>

#include "base/auto.h"
#include "ip/packet.h"

/* What filters that publish it answer in place of an address. */
static const struct {
	const char *prefix, *whose;
} block_pages[] = {
	{"146.112.61.104/29", "the block page of OpenDNS (Cisco Umbrella)"},
	{"208.91.112.52/30", "the block page of FortiGuard"},
};

static const char *const private_prefixes[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
	"100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"};

static bool in_prefix(const struct addr *a, const char *text)
{
	struct prefix p;

	return prefix_parse(text, &p) == 0 && prefix_contains(&p, a);
}

static const char *block_page(const struct addr *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(block_pages); i++)
		if (in_prefix(a, block_pages[i].prefix))
			return block_pages[i].whose;
	return NULL;
}

enum dns_kind dns_kind(const struct addr *a)
{
	switch (ip_scope_of(a->family, a->octets)) {
	case IP_LOOPBACK: return DNS_LOOPBACK;
	case IP_UNSPECIFIED:
	case IP_MULTICAST:
	case IP_BROADCAST: return DNS_BLOCKED;
	case IP_LINK_LOCAL:
	case IP_UNICAST: break;
	}
	if (block_page(a))
		return DNS_BLOCKED;
	for (size_t i = 0; i < ARRAY_SIZE(private_prefixes); i++)
		if (in_prefix(a, private_prefixes[i]))
			return DNS_PRIVATE;
	return DNS_PUBLIC;
}

const char *dns_kind_text(const struct addr *a)
{
	const char *page = block_page(a);

	if (page)
		return page;
	switch (dns_kind(a)) {
	case DNS_LOOPBACK: return "a loopback address: this machine itself";
	case DNS_BLOCKED: return "no address that a host can have";
	case DNS_PUBLIC:
	case DNS_PRIVATE: break;
	}
	return "";
}

bool dns_on_link(const struct addr *a)
{
	struct ifaddrs *list = NULL;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
		struct endpoint own, mask;

		if (!i->ifa_addr || !i->ifa_netmask || i->ifa_addr->sa_family != a->family)
			continue;
		endpoint_from_sockaddr(i->ifa_addr, &own);
		endpoint_from_sockaddr(i->ifa_netmask, &mask);
		found = true;
		for (size_t k = 0; k < addr_len(a); k++)
			found &= !((own.addr.octets[k] ^ a->octets[k]) & mask.addr.octets[k]);
	}
	freeifaddrs(list);
	return found;
}
