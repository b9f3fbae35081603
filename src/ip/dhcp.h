// SPDX-License-Identifier: Apache-2.0
/*
 * ip/dhcp.h — DHCPv4 of a host that has its address already: DHCPINFORM, and the DHCPACK to it (RFC
 * 2131 sections 3.4 and 4.3.5), read and built as whole IPv4 packets.
 *
 * Options: 1, 6, 15, 53, 54, 55, 57, 61 (RFC 2132), 119 (RFC 3397), 121 (RFC 3442), 249 ([MS-DHCPE]
 * 2.2.8). An option that comes in pieces is joined (RFC 3396), and the fields `sname` and `file` are
 * read where option 52 says so.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip/dhcp_value.h"
#include "ip/packet.h"

#define DHCP_PORT_SERVER 67
#define DHCP_PORT_CLIENT 68
#define DHCP_SERVERS_MAX 8
#define DHCP_ID_MAX 32        /* of a client identifier, option 61 */
#define DHCP_SIZE_MIN 576     /* an IP packet that each client takes (RFC 2131 section 2) */
#define DHCP_PIECE_MAX 255    /* octets of one option */
#define DHCP_MESSAGE_MAX 4096 /* of a message that is read */

enum dhcp_option {
	DHCP_PAD = 0,
	DHCP_MASK = 1,
	DHCP_DNS = 6,
	DHCP_DOMAIN = 15,
	DHCP_OVERLOAD = 52,
	DHCP_TYPE = 53,
	DHCP_SERVER = 54,
	DHCP_ASKED = 55,
	DHCP_MAX_SIZE = 57,
	DHCP_CLIENT_ID = 61,
	DHCP_SEARCH = 119,
	DHCP_ROUTES = 121,
	DHCP_ROUTES_MS = 249,
	DHCP_END = 255,
};

struct dhcp_inform {
	struct addr from, to; /* of the IP header */
	uint16_t port;        /* where it came from; an answer goes there */
	uint32_t xid;
	uint16_t secs, flags;
	uint8_t htype, hlen, chaddr[16];
	struct addr ciaddr;
	struct addr server; /* option 54; AF_UNSPEC: none, which is right */
	uint16_t max_size;  /* option 57: the longest packet that it takes; 0: not said */
	bool asks;          /* it has option 55 */
	size_t n_asked;
	uint8_t asked[DHCP_PIECE_MAX];
	size_t id_len; /* option 61; 0: none */
	uint8_t id[DHCP_ID_MAX];
};

/*
 * `p` is packet_parse() of the octets. -ENOMSG: not to a DHCP server, or a message that wants an address
 * (DHCPDISCOVER and the like); -EPROTO: a broken message.
 */
int dhcp_parse_inform(const uint8_t *octets, const struct ip_packet *p, struct dhcp_inform *ret);
bool dhcp_asks_for(const struct dhcp_inform *inform, enum dhcp_option option);
/* Options 53, 57, 61 and 55; returns the packet's length; 0: cap is too small (600 suffices). */
size_t dhcp_build_inform(const struct dhcp_inform *inform, uint8_t *ret, size_t cap);

struct dhcp_answer {
	struct addr from; /* the server's address, and the router of the routes */
	struct addr mask; /* option 1; AF_UNSPEC: none */
	const struct addr *dns;
	size_t n_dns;       /* IPv4 */
	const char *domain; /* "": none */
	const struct dhcp_names *search;
	const struct prefix *routes; /* IPv4 */
	size_t n_routes;
	bool split; /* routes may take more than one option, and the packet all of cap (RFC 3396) */
};

struct dhcp_left_out { /* for want of room */
	size_t routes, names;
};

/*
 * The answer to `inform`, no longer than the client takes: DHCP_SIZE_MIN unless it says more, and cap.
 * Routes stand in 121 and, with the same content, in 249; where there is no room for both, in that of the
 * two which the client asked for. Returns the packet's length; 0: cap is too small.
 */
size_t dhcp_build_ack(const struct dhcp_inform *inform, const struct dhcp_answer *answer,
	uint8_t *ret, size_t cap, struct dhcp_left_out *ret_left_out);

struct dhcp_ack {
	struct addr from, to; /* of the IP header */
	uint32_t xid;
	uint8_t htype, hlen, chaddr[16];
	struct addr ciaddr;
	struct addr server; /* option 54; AF_UNSPEC: none */
	struct addr dns[DHCP_SERVERS_MAX];
	size_t n_dns;
	char domain[DHCP_NAME_LEN]; /* option 15 without the last dot; ".": the root; "": none */
	struct dhcp_names search;
	struct dhcp_route routes[DHCP_ROUTES_MAX]; /* of option 121; without one, of 249 */
	size_t n_routes;
	bool by_249;
	unsigned ignored; /* values that are no name, or beyond a bound */
};

/* As dhcp_parse_inform(). `ret` is 18 KB; the caller compares xid and ciaddr with its question's. */
int dhcp_parse_ack(const uint8_t *octets, const struct ip_packet *p, struct dhcp_ack *ret);
