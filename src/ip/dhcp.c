// SPDX-License-Identifier: Apache-2.0
/*
 * ip/dhcp.c — a message of RFC 2131 section 2:
 *
 *  +--------+--------+--------+--------+
 *  | op     | htype  | hlen   | hops   |
 *  | xid                               |
 *  | secs            | flags           |
 *  | ciaddr, yiaddr, siaddr, giaddr    |    four octets each
 *  | chaddr (16), sname (64), file (128)
 *  | 99 130 83 99, options             |    each: code, length, octets; 0 is padding, 255 the end
 *  +-----------------------------------+
 */
#include "ip/dhcp.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "ip/sum.h"

enum { BOOTREQUEST = 1, BOOTREPLY = 2 };
enum { TYPE_ACK = 5, TYPE_INFORM = 8 };

#define COOKIE 0x63825363
#define SNAME_LEN 64
#define FILE_LEN 128
#define BOOTP_MIN 300   /* octets of a message: RFC 1542 section 2.1 */
#define JOINED_MAX 2048 /* octets of one option that came in pieces */
#define HOP_LIMIT 64

/* ---- reading: the options ---------------------------------------------------- */

struct options {
	size_t n;
	struct rd area[3]; /* options, file, sname: in the order of RFC 3396 section 5 */
};

/* The next option; false at the end, and (with short_read) where one is broken. */
static bool next_option(struct rd *r, uint8_t *ret_code, struct rd *ret_body)
{
	do {
		if (!rd_left(r))
			return false;
		*ret_code = rd_u8(r);
	} while (*ret_code == DHCP_PAD);
	if (*ret_code == DHCP_END)
		return false;
	*ret_body = rd_sub(r, rd_u8(r));
	r->short_read |= ret_body->short_read;
	return !r->short_read;
}

static bool is_whole(struct rd area)
{
	struct rd body;
	uint8_t code;

	while (next_option(&area, &code, &body))
		;
	return !area.short_read;
}

struct joined {
	bool some;
	size_t n;
	uint8_t octets[JOINED_MAX];
};

/* All pieces of an option; -EPROTO: together they are too long. */
static int join(const struct options *o, uint8_t code, struct joined *ret)
{
	ret->some = false;
	ret->n = 0;
	for (size_t i = 0; i < o->n; i++) {
		struct rd area = o->area[i], body;
		uint8_t c;

		while (next_option(&area, &c, &body)) {
			size_t n = rd_left(&body);

			if (c != code)
				continue;
			if (n > sizeof(ret->octets) - ret->n)
				return -EPROTO;
			rd_copy(&body, ret->octets + ret->n, n);
			ret->n += n;
			ret->some = true;
		}
	}
	return 0;
}

/* An option of so many octets, or none: *ret is then as it was. */
static int read_fixed(const struct options *o, uint8_t code, uint8_t *ret, size_t n)
{
	struct joined j;

	if (join(o, code, &j) < 0 || (j.some && j.n != n))
		return -EPROTO;
	if (j.some)
		memcpy(ret, j.octets, n);
	return 0;
}

/* Option 52: 1 the field file, 2 sname, 3 both hold options as well. */
static int take_overload(struct options *o, struct rd sname, struct rd file)
{
	uint8_t over = 0;

	if (read_fixed(o, DHCP_OVERLOAD, &over, 1) < 0)
		return -EPROTO;
	if (over & 1)
		o->area[o->n++] = file;
	if (over & 2)
		o->area[o->n++] = sname;
	for (size_t i = 1; i < o->n; i++)
		if (!is_whole(o->area[i]))
			return -EPROTO;
	return 0;
}

/* ---- reading: the message ------------------------------------------------------ */

struct message {
	uint8_t op, htype, hlen, type;
	uint32_t xid;
	uint16_t secs, flags;
	struct addr ciaddr;
	uint32_t giaddr;
	uint8_t chaddr[16];
	struct options options;
};

static bool has_right_sum(const uint8_t *octets, const struct ip_packet *p)
{
	const uint8_t *udp = octets + p->header_len;
	size_t n = p->len - p->header_len;

	return (!udp[6] && !udp[7]) || /* RFC 768: none was made */
	       sum_finish(sum16(sum16((uint32_t)n + IP_UDP, octets + 12, 8), udp, n)) == 0;
}

static int read_header(struct rd *r, struct message *m)
{
	struct rd sname, file;

	m->op = rd_u8(r);
	m->htype = rd_u8(r);
	m->hlen = rd_u8(r);
	rd_u8(r);
	m->xid = rd_be32(r);
	m->secs = rd_be16(r);
	m->flags = rd_be16(r);
	m->ciaddr = addr_v4(rd_be32(r));
	rd_be32(r);
	rd_be32(r);
	m->giaddr = rd_be32(r);
	rd_copy(r, m->chaddr, sizeof(m->chaddr));
	sname = rd_sub(r, SNAME_LEN);
	file = rd_sub(r, FILE_LEN);
	if (rd_be32(r) != COOKIE || r->short_read || m->hlen > sizeof(m->chaddr) || !is_whole(*r))
		return -EPROTO;
	m->options = (struct options){.n = 1, .area = {*r}};
	return take_overload(&m->options, sname, file);
}

static int read_message(
	const uint8_t *octets, const struct ip_packet *p, uint16_t port, struct message *ret)
{
	size_t n = p->len - p->header_len; /* UDP's own length must be the same */
	const uint8_t *udp = octets + p->header_len;
	struct rd r;

	if (p->family != AF_INET || p->protocol != IP_UDP || p->fragment ||
		p->destination_port != port)
		return -ENOMSG;
	if (!p->whole || n < UDP_HEADER_LEN || n > DHCP_MESSAGE_MAX ||
		(size_t)(udp[4] << 8 | udp[5]) != n || !has_right_sum(octets, p))
		return -EPROTO;
	r = rd_init(udp + UDP_HEADER_LEN, n - UDP_HEADER_LEN);
	ret->type = 0;
	if (read_header(&r, ret) < 0)
		return -EPROTO;
	return read_fixed(&ret->options, DHCP_TYPE, &ret->type, 1);
}

static int read_server(const struct options *o, struct addr *ret)
{
	struct addr a = {0};

	if (read_fixed(o, DHCP_SERVER, a.octets, 4) < 0)
		return -EPROTO;
	*ret = a;
	if (addr_v4_value(&a))
		ret->family = AF_INET;
	return 0;
}

/* ---- DHCPINFORM --------------------------------------------------------------- */

static int read_asked(const struct options *o, struct dhcp_inform *ret)
{
	struct joined j;

	if (join(o, DHCP_ASKED, &j) < 0)
		return -EPROTO;
	ret->asks = j.some;
	ret->n_asked = j.n < sizeof(ret->asked) ? j.n : sizeof(ret->asked);
	memcpy(ret->asked, j.octets, ret->n_asked);
	return 0;
}

static int read_id(const struct options *o, struct dhcp_inform *ret)
{
	struct joined j;

	if (join(o, DHCP_CLIENT_ID, &j) < 0)
		return -EPROTO;
	ret->id_len = j.n < sizeof(ret->id) ? j.n : sizeof(ret->id);
	memcpy(ret->id, j.octets, ret->id_len);
	return 0;
}

int dhcp_parse_inform(const uint8_t *octets, const struct ip_packet *p, struct dhcp_inform *ret)
{
	struct dhcp_inform inform = {0};
	struct message m;
	uint8_t size[2] = {0};
	int e = read_message(octets, p, DHCP_PORT_SERVER, &m);

	if (e < 0)
		return e;
	if (m.op != BOOTREQUEST)
		return -EPROTO;
	if (m.type && m.type < TYPE_INFORM)
		return -ENOMSG;
	if (m.type != TYPE_INFORM || m.giaddr ||
		read_fixed(&m.options, DHCP_MAX_SIZE, size, 2) < 0 ||
		read_server(&m.options, &inform.server) < 0 ||
		read_asked(&m.options, &inform) < 0 || read_id(&m.options, &inform) < 0)
		return -EPROTO;
	inform.from = packet_source(octets, p);
	inform.to = addr_v4(0);
	memcpy(inform.to.octets, packet_destination_at(octets, p), 4);
	inform.port = p->source_port;
	inform.xid = m.xid;
	inform.secs = m.secs;
	inform.flags = m.flags;
	inform.htype = m.htype;
	inform.hlen = m.hlen;
	memcpy(inform.chaddr, m.chaddr, sizeof(inform.chaddr));
	inform.ciaddr = m.ciaddr;
	inform.max_size = (uint16_t)(size[0] << 8 | size[1]);
	*ret = inform;
	return 0;
}

bool dhcp_asks_for(const struct dhcp_inform *inform, enum dhcp_option option)
{
	return memchr(inform->asked, (int)option, inform->n_asked) != NULL;
}

/* ---- DHCPACK -------------------------------------------------------------------- */

static int read_dns(const struct options *o, struct dhcp_ack *ret)
{
	struct joined j;

	if (join(o, DHCP_DNS, &j) < 0 || j.n % 4)
		return -EPROTO;
	for (size_t i = 0; i < j.n; i += 4) {
		if (ip_scope_of(AF_INET, j.octets + i) != IP_UNICAST ||
			ret->n_dns == DHCP_SERVERS_MAX) {
			ret->ignored++;
			continue;
		}
		ret->dns[ret->n_dns].family = AF_INET;
		memcpy(ret->dns[ret->n_dns++].octets, j.octets + i, 4);
	}
	return 0;
}

/* Option 15 is text; some servers end it with a zero, or with the dot of the root. */
static int read_domain(const struct options *o, struct dhcp_ack *ret)
{
	struct joined j;
	size_t n;

	if (join(o, DHCP_DOMAIN, &j) < 0)
		return -EPROTO;
	for (n = j.n; n && !j.octets[n - 1]; n--)
		;
	if (n > 1 && j.octets[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = j.octets[i];
		bool dot = c == '.' && (n == 1 || (i && j.octets[i - 1] != '.'));

		if (n >= sizeof(ret->domain) - 2 || (!isalnum(c) && c != '-' && c != '_' && !dot)) {
			ret->ignored++;
			return 0;
		}
	}
	memcpy(ret->domain, j.octets, n);
	return 0;
}

static int read_lists(const struct options *o, struct dhcp_ack *ret)
{
	struct joined j;
	struct rd r;

	if (join(o, DHCP_SEARCH, &j) < 0 ||
		dhcp_read_names(j.octets, j.n, &ret->search, &ret->ignored) < 0 ||
		join(o, DHCP_ROUTES, &j) < 0)
		return -EPROTO;
	if (!j.some) {
		if (join(o, DHCP_ROUTES_MS, &j) < 0)
			return -EPROTO;
		ret->by_249 = j.some;
	}
	r = rd_init(j.octets, j.n);
	return dhcp_read_routes(&r, ret->routes, &ret->n_routes, &ret->ignored);
}

int dhcp_parse_ack(const uint8_t *octets, const struct ip_packet *p, struct dhcp_ack *ret)
{
	struct message m;
	int e = read_message(octets, p, DHCP_PORT_CLIENT, &m);

	if (e < 0)
		return e;
	if (m.op != BOOTREPLY)
		return -EPROTO;
	if (m.type != TYPE_ACK)
		return m.type ? -ENOMSG : -EPROTO;
	*ret = (struct dhcp_ack){.from = packet_source(octets, p),
		.to = {.family = AF_INET},
		.xid = m.xid,
		.htype = m.htype,
		.hlen = m.hlen,
		.ciaddr = m.ciaddr};
	memcpy(ret->to.octets, packet_destination_at(octets, p), 4);
	memcpy(ret->chaddr, m.chaddr, sizeof(ret->chaddr));
	if (read_server(&m.options, &ret->server) < 0 || read_dns(&m.options, ret) < 0 ||
		read_domain(&m.options, ret) < 0)
		return -EPROTO;
	return read_lists(&m.options, ret);
}

/* ---- building -------------------------------------------------------------------- */

static void put_ip(struct wr *w, const struct addr *from, const uint8_t *to, uint16_t source_port,
	uint16_t destination_port)
{
	wr_be16(w, 0x4500);
	wr_zero(w, 6); /* length: finish(); no fragment, no identification (RFC 6864 section 4.1) */
	wr_u8(w, HOP_LIMIT);
	wr_u8(w, IP_UDP);
	wr_be16(w, 0);
	wr_octets(w, from->octets, 4);
	wr_octets(w, to, 4);
	wr_be16(w, source_port);
	wr_be16(w, destination_port);
	wr_be32(w, 0);
}

static void put_message(struct wr *w, uint8_t op, const struct dhcp_inform *inform)
{
	wr_u8(w, op);
	wr_u8(w, inform->htype);
	wr_u8(w, inform->hlen);
	wr_u8(w, 0);
	wr_be32(w, inform->xid);
	wr_be16(w, op == BOOTREQUEST ? inform->secs : 0);
	wr_be16(w, inform->flags);
	wr_octets(w, inform->ciaddr.octets, 4);
	wr_zero(w, 12);
	wr_octets(w, inform->chaddr, 16);
	wr_zero(w, SNAME_LEN + FILE_LEN);
	wr_be32(w, COOKIE);
}

static void put_option(struct wr *w, uint8_t code, const void *octets, size_t n)
{
	wr_u8(w, code);
	wr_u8(w, (uint8_t)n);
	wr_octets(w, octets, n);
}

static void put_octet(struct wr *w, uint8_t code, uint8_t value)
{
	put_option(w, code, &value, 1);
}

static size_t finish(struct wr *w)
{
	uint8_t *ip = w->start, *udp = w->start + IPV4_HEADER_LEN;
	size_t n;
	uint16_t sum;

	wr_u8(w, DHCP_END);
	n = w->overflow ? 0 : wr_len(w);
	if (n && n < IPV4_HEADER_LEN + UDP_HEADER_LEN + BOOTP_MIN)
		wr_zero(w, IPV4_HEADER_LEN + UDP_HEADER_LEN + BOOTP_MIN - n);
	if (w->overflow)
		return 0;
	n = wr_len(w);
	wr_patch_be16(ip + 2, n);
	wr_patch_be16(ip + 10, sum_finish(sum16(0, ip, IPV4_HEADER_LEN)));
	n -= IPV4_HEADER_LEN;
	wr_patch_be16(udp + 4, n);
	sum = sum_finish(sum16(sum16((uint32_t)n + IP_UDP, ip + 12, 8), udp, n));
	wr_patch_be16(udp + 6, sum ? sum : 0xffff); /* RFC 768: zero says that there is none */
	return wr_len(w);
}

size_t dhcp_build_inform(const struct dhcp_inform *inform, uint8_t *ret, size_t cap)
{
	struct wr w = wr_init(ret, cap);

	put_ip(&w, &inform->from, inform->to.octets, inform->port, DHCP_PORT_SERVER);
	put_message(&w, BOOTREQUEST, inform);
	put_octet(&w, DHCP_TYPE, TYPE_INFORM);
	if (inform->id_len)
		put_option(&w, DHCP_CLIENT_ID, inform->id, inform->id_len);
	if (inform->max_size) {
		wr_be16(&w, DHCP_MAX_SIZE << 8 | 2);
		wr_be16(&w, inform->max_size);
	}
	if (inform->n_asked)
		put_option(&w, DHCP_ASKED, inform->asked, inform->n_asked);
	return finish(&w);
}

/* ---- what goes into an answer ------------------------------------------------------- */

#define LIST_MAX 4096 /* octets: DHCP_ROUTES_MAX of the longest, and more than a packet holds */

struct list {
	size_t n, items;
	uint8_t octets[LIST_MAX];
};

struct plan {
	struct list routes, names;
	uint8_t first, second; /* options with the routes; 0: none */
};

/* With the headers of its pieces. */
static size_t with_headers(size_t n)
{
	return n + (n + DHCP_PIECE_MAX - 1) / DHCP_PIECE_MAX * 2;
}

/* The most octets of a value that fit into so much room. */
static size_t value_room(size_t room, bool split)
{
	size_t n = room < 2 ? 0 : room - 2;

	if (!split)
		return n < DHCP_PIECE_MAX ? n : DHCP_PIECE_MAX;
	while (n && with_headers(n) > room)
		n--;
	return n < LIST_MAX ? n : LIST_MAX;
}

/* Routes that fit into `room`, whole ones. */
static void plan_routes(const struct dhcp_answer *a, size_t room, struct list *ret)
{
	struct wr w = wr_init(ret->octets, value_room(room, a->split));

	for (ret->items = 0; ret->items < a->n_routes; ret->items++) {
		const struct prefix *to = &a->routes[ret->items];

		if (dhcp_route_len(to) > (size_t)(w.end - w.p))
			break;
		dhcp_write_route(&w, to, &a->from);
	}
	ret->n = wr_len(&w);
}

/* Names with pointers only where they would not fit without: not every client reads them. */
static void plan_names(const struct dhcp_answer *a, size_t room, struct list *ret)
{
	size_t most = value_room(room, a->split);

	*ret = (struct list){0};
	for (int compress = 0; compress < 2 && a->search && ret->items < a->search->n; compress++) {
		struct wr w = wr_init(ret->octets, most);

		ret->items = dhcp_write_names(&w, most, a->search, compress);
		ret->n = wr_len(&w);
	}
}

static void plan(const struct dhcp_inform *inform, const struct dhcp_answer *a, size_t room,
	struct plan *ret)
{
	bool only_249 =
		dhcp_asks_for(inform, DHCP_ROUTES_MS) && !dhcp_asks_for(inform, DHCP_ROUTES);

	ret->first = ret->second = 0;
	plan_routes(a, room, &ret->routes);
	if (ret->routes.n) {
		ret->first = only_249 ? DHCP_ROUTES_MS : DHCP_ROUTES;
		room -= with_headers(ret->routes.n);
	}
	plan_names(a, room, &ret->names);
	if (ret->names.n)
		room -= with_headers(ret->names.n);
	if (ret->routes.n && with_headers(ret->routes.n) <= room)
		ret->second = only_249 ? DHCP_ROUTES : DHCP_ROUTES_MS;
}

static void put_pieces(struct wr *w, uint8_t code, const struct list *l)
{
	for (size_t at = 0; code && at < l->n; at += DHCP_PIECE_MAX) {
		size_t n = l->n - at;

		put_option(w, code, l->octets + at, n < DHCP_PIECE_MAX ? n : DHCP_PIECE_MAX);
	}
}

/* In the order of their numbers, as clients see it from others. */
static void put_lists(struct wr *w, const struct plan *p)
{
	put_pieces(w, p->names.n ? DHCP_SEARCH : 0, &p->names);
	put_pieces(w, p->first == DHCP_ROUTES ? p->first : p->second, &p->routes);
	put_pieces(w, p->first == DHCP_ROUTES ? p->second : p->first, &p->routes);
}

static void put_fixed(struct wr *w, const struct dhcp_answer *a)
{
	size_t n = a->n_dns < DHCP_SERVERS_MAX ? a->n_dns : DHCP_SERVERS_MAX;

	put_octet(w, DHCP_TYPE, TYPE_ACK);
	put_option(w, DHCP_SERVER, a->from.octets, 4);
	if (a->mask.family)
		put_option(w, DHCP_MASK, a->mask.octets, 4);
	if (n) {
		wr_u8(w, DHCP_DNS);
		wr_u8(w, (uint8_t)(4 * n));
		for (size_t i = 0; i < n; i++)
			wr_octets(w, a->dns[i].octets, 4);
	}
	if (*a->domain)
		put_option(w, DHCP_DOMAIN, a->domain, strlen(a->domain));
}

size_t dhcp_build_ack(const struct dhcp_inform *inform, const struct dhcp_answer *answer,
	uint8_t *ret, size_t cap, struct dhcp_left_out *ret_left_out)
{
	size_t takes = inform->max_size > DHCP_SIZE_MIN ? inform->max_size : DHCP_SIZE_MIN;
	struct wr w = wr_init(ret, answer->split || cap < takes ? cap : takes);
	struct plan p;

	put_ip(&w, &answer->from, inform->ciaddr.octets, DHCP_PORT_SERVER,
		inform->port ? inform->port : DHCP_PORT_CLIENT);
	put_message(&w, BOOTREPLY, inform);
	put_fixed(&w, answer);
	if (w.overflow || w.p == w.end)
		return 0;
	plan(inform, answer, (size_t)(w.end - w.p) - 1, &p);
	put_lists(&w, &p);
	*ret_left_out = (struct dhcp_left_out){answer->n_routes - p.routes.items,
		(answer->search ? answer->search->n : 0) - p.names.items};
	return finish(&w);
}
