// SPDX-License-Identifier: Apache-2.0
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct addr addr_v4(uint32_t v)
{
	return (struct addr){
		AF_INET, {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}};
}

uint32_t addr_v4_value(const struct addr *a)
{
	return (uint32_t)a->octets[0] << 24 | (uint32_t)a->octets[1] << 16 |
	       (uint32_t)a->octets[2] << 8 | a->octets[3];
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && !memcmp(a->octets, b->octets, addr_len(a));
}

int addr_parse(const char *text, struct addr *ret)
{
	struct addr a = {0};

	a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a.family, text, a.octets) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

/* A decimal number of at most `max` without sign or blanks; -EINVAL otherwise. */
static int parse_number(const char *text, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(*text - '0');
	}
	if (v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

bool prefix_mask(struct prefix *p)
{
	bool some = false;

	for (unsigned bit = p->len; bit < 8 * addr_len(&p->addr); bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8), *octet = &p->addr.octets[bit / 8];

		some |= *octet & mask;
		*octet &= (uint8_t)~mask;
	}
	return some;
}

int prefix_parse_masked(const char *text, struct prefix *ret)
{
	char host[ADDR_TEXT_LEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix p;
	unsigned len;
	int r;

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (addr_parse(host, &p.addr) < 0)
		return -EINVAL;
	len = (unsigned)addr_len(&p.addr) * 8;
	if (slash && parse_number(slash + 1, len, &len) < 0)
		return -EINVAL;
	p.len = (uint8_t)len;
	r = prefix_mask(&p);
	*ret = p;
	return r;
}

int prefix_parse(const char *text, struct prefix *ret)
{
	struct prefix p;

	if (prefix_parse_masked(text, &p) != 0)
		return -EINVAL;
	*ret = p;
	return 0;
}

int endpoint_parse(const char *text, uint16_t default_port, struct endpoint *ret)
{
	char host[64];
	const char *port = NULL, *end;
	struct endpoint e;
	unsigned number = default_port;

	if (strlen(text) >= sizeof(host))
		return -EINVAL;
	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		port = end[1] ? end + 2 : NULL;
	} else {
		end = strchr(text, ':');
		if (end && strchr(end + 1, ':'))
			end = NULL; /* a bare IPv6 address */
		port = end ? end + 1 : NULL;
	}
	snprintf(host, sizeof(host), "%.*s", end ? (int)(end - text) : (int)strlen(text), text);
	if ((port && parse_number(port, 65535, &number) < 0) ||
		addr_parse(*host ? host : "::", &e.addr) < 0)
		return -EINVAL;
	e.port = (uint16_t)number;
	*ret = e;
	return 0;
}

int port_parse(const char *text, size_t n, uint16_t *ret)
{
	unsigned v = 0;

	if (!n || n > 5)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		v = 10 * v + (unsigned)(text[i] - '0');
	}
	if (!v || v > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (p->addr.family != a->family || memcmp(p->addr.octets, a->octets, whole))
		return false;
	return !rest || !((p->addr.octets[whole] ^ a->octets[whole]) & (0xff00 >> rest & 0xff));
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->len < b->len ? prefix_contains(a, &b->addr) : prefix_contains(b, &a->addr);
}

const char *addr_format(const struct addr *a, char ret[static ADDR_TEXT_LEN])
{
	if (a->family == AF_UNSPEC || !inet_ntop(a->family, a->octets, ret, ADDR_TEXT_LEN))
		strcpy(ret, "none");
	return ret;
}

const char *prefix_format(const struct prefix *p, char ret[static PREFIX_TEXT_LEN])
{
	char host[ADDR_TEXT_LEN];

	snprintf(ret, PREFIX_TEXT_LEN, "%s/%u", addr_format(&p->addr, host), p->len);
	return ret;
}

const char *endpoint_format(const struct endpoint *e, char ret[static ENDPOINT_TEXT_LEN])
{
	char host[ADDR_TEXT_LEN];

	snprintf(ret, ENDPOINT_TEXT_LEN, e->addr.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		addr_format(&e->addr, host), e->port);
	return ret;
}

void endpoint_from_sockaddr(const struct sockaddr *sa, struct endpoint *ret)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	*ret = (struct endpoint){0};
	if (sa->sa_family == AF_INET) {
		memcpy(&four, sa, sizeof(four));
		ret->addr = addr_v4(ntohl(four.sin_addr.s_addr));
		ret->port = ntohs(four.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&six, sa, sizeof(six));
		ret->port = ntohs(six.sin6_port);
		ret->addr.family = AF_INET6;
		memcpy(ret->addr.octets, &six.sin6_addr, 16);
		if (!memcmp(ret->addr.octets, mapped, 12)) {
			ret->addr = (struct addr){.family = AF_INET};
			memcpy(ret->addr.octets, (const uint8_t *)&six.sin6_addr + 12, 4);
		}
	}
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(e->port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};

	*ret = (struct sockaddr_storage){0};
	if (e->addr.family == AF_INET) {
		memcpy(&four.sin_addr, e->addr.octets, 4);
		memcpy(ret, &four, sizeof(four));
		return sizeof(four);
	}
	memcpy(&six.sin6_addr, e->addr.octets, 16);
	memcpy(ret, &six, sizeof(six));
	return sizeof(six);
}
