// SPDX-License-Identifier: Apache-2.0
#include "front/proxy_protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_LEN 12
#define V2_HEADER_LEN 16
#define V1_LEAST 15 /* "PROXY UNKNOWN\r\n" */

static const uint8_t signature[SIGNATURE_LEN] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
static const char word[] = "PROXY ";

/* Whether the octets begin as `with` does, as far as there are any. */
static bool begins(const uint8_t *octets, size_t n, const void *with, size_t len)
{
	return !memcmp(octets, with, n < len ? n : len);
}

/* ---- version 1, section 2.1 -------------------------------------------------------------------- */

/* A decimal number as a port is written: no sign, no zeros in front. */
static bool parse_port(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long v;

	if (*text < '0' || *text > '9' || (*text == '0' && text[1]))
		return false;
	v = strtoul(text, &end, 10);
	*ret = (uint16_t)v;
	return !*end && v <= 65535;
}

/* "TCP4 192.0.2.7 192.0.2.1 56324 443": single spaces, nothing more. */
static int parse_line(char *line, struct proxy_protocol *ret)
{
	char *part[5] = {line}, *space;
	size_t n = 1;
	int family;

	if (!strncmp(line, "UNKNOWN", 7) && (!line[7] || line[7] == ' '))
		return 0; /* what follows is to be ignored */
	while (n < 5 && (space = strchr(part[n - 1], ' '))) {
		*space = '\0';
		part[n++] = space + 1;
	}
	family = !strcmp(part[0], "TCP4") ? AF_INET : !strcmp(part[0], "TCP6") ? AF_INET6 : 0;
	if (n != 5 || !family || addr_parse(part[1], &ret->peer.addr) < 0 ||
		addr_parse(part[2], &ret->local.addr) < 0 || ret->peer.addr.family != family ||
		ret->local.addr.family != family || !parse_port(part[3], &ret->peer.port) ||
		!parse_port(part[4], &ret->local.port))
		return -EPROTO;
	ret->relayed = true;
	return 0;
}

static int parse_v1(struct rd *in, struct proxy_protocol *ret)
{
	size_t left = rd_left(in),
	       most = left < PROXY_PROTOCOL_V1_MAX ? left : PROXY_PROTOCOL_V1_MAX;
	const uint8_t *end = memchr(in->p, '\n', most);
	struct proxy_protocol p = {.version = 1};
	char line[PROXY_PROTOCOL_V1_MAX + 1];
	size_t n;
	int r;

	if (!end)
		return most == PROXY_PROTOCOL_V1_MAX ? -EPROTO : -EAGAIN;
	n = (size_t)(end - in->p);
	if (n < strlen(word) + 1 || in->p[n - 1] != '\r' || memchr(in->p, '\0', n))
		return -EPROTO;
	n -= strlen(word) + 1;
	memcpy(line, in->p + strlen(word), n);
	line[n] = '\0';
	r = parse_line(line, &p);
	if (r < 0)
		return r;
	rd_ptr(in, strlen(word) + n + 2);
	*ret = p;
	return 0;
}

/* ---- version 2, section 2.2 -------------------------------------------------------------------- */

/* A mapped IPv4 address is one of IPv4: limits and logs must not know it twice. */
static void unmap(struct addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (a->family != AF_INET6 || memcmp(a->octets, mapped, sizeof(mapped)))
		return;
	*a = (struct addr){AF_INET, {a->octets[12], a->octets[13], a->octets[14], a->octets[15]}};
}

static void read_addresses(struct rd *body, uint8_t family, struct proxy_protocol *p)
{
	size_t len = family == AF_INET ? 4 : 16;

	p->peer.addr.family = p->local.addr.family = family;
	rd_copy(body, p->peer.addr.octets, len);
	rd_copy(body, p->local.addr.octets, len);
	p->peer.port = rd_be16(body);
	p->local.port = rd_be16(body);
	unmap(&p->peer.addr);
	unmap(&p->local.addr);
	p->relayed = true;
}

/*
 *   0 … 11       12              13              14 15      16 …
 *  +------------+-------+-------+-------+-------+---------+--------------------------+
 *  | signature  | ver 2 |command| family| proto | length  | addresses, then TLVs     |
 *  +------------+-------+-------+-------+-------+---------+--------------------------+
 */
static int parse_v2(struct rd *in, struct proxy_protocol *ret)
{
	struct proxy_protocol p = {.version = 2};
	struct rd r = *in, body;
	uint8_t command, family;
	uint16_t length;

	rd_ptr(&r, SIGNATURE_LEN);
	command = rd_u8(&r);
	family = rd_u8(&r);
	length = rd_be16(&r);
	if (r.short_read)
		return -EAGAIN;
	if (command >> 4 != 2 || (command & 0xf) > 1 || length > PROXY_PROTOCOL_MAX - V2_HEADER_LEN)
		return -EPROTO;
	body = rd_sub(&r, length);
	if (r.short_read)
		return -EAGAIN;
	if ((command & 0xf) == 1) { /* PROXY; 0 is LOCAL, whose addresses are to be ignored */
		if (family == 0x11)
			read_addresses(&body, AF_INET, &p);
		else if (family == 0x21)
			read_addresses(&body, AF_INET6, &p);
		else if (family != 0x00) /* UNSPEC is let through; datagrams and unix sockets not */
			return -EPROTO;
	}
	if (body.short_read)
		return -EPROTO;
	*in = r;
	*ret = p;
	return 0;
}

/* ---- both ------------------------------------------------------------------------------------------ */

int proxy_protocol_parse(struct rd *in, struct proxy_protocol *ret)
{
	size_t n = rd_left(in);

	if (!n)
		return -EAGAIN;
	if (begins(in->p, n, word, strlen(word)))
		return parse_v1(in, ret);
	if (begins(in->p, n, signature, sizeof(signature)))
		return parse_v2(in, ret);
	return -EPROTO;
}

size_t proxy_protocol_want(const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	struct proxy_protocol p;
	size_t length;

	if (n < SIGNATURE_LEN)
		return n && proxy_protocol_parse(&in, &p) != -EAGAIN ? 0 : SIGNATURE_LEN - n;
	if (proxy_protocol_parse(&in, &p) != -EAGAIN)
		return 0;
	if (*octets ==
		*word) /* the end is where it is: octet by octet, but no header is shorter than */
		return n < V1_LEAST ? V1_LEAST - n : 1;
	if (n < V2_HEADER_LEN)
		return V2_HEADER_LEN - n;
	length = (size_t)(octets[14] << 8 | octets[15]);
	return V2_HEADER_LEN + length - n;
}
