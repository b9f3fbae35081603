// SPDX-License-Identifier: Apache-2.0
/* ip/dhcp.c: the constructed exchange of the vectors, and requests and answers as others send them. */
#include "craft.h"

#include <errno.h>

#include "ip/dhcp.h"
#include "vectors.h"

static uint8_t octets[5000], out[5000];
static struct dhcp_ack ack;
static struct dhcp_left_out left;
static struct prefix nets[300];
static struct dhcp_names search;

static const struct addr client = {AF_INET, {10, 8, 0, 5}}, server = {AF_INET, {10, 8, 0, 1}};

/* A message with these options, to `port`; returns the packet's length. */
static size_t craft(uint8_t op, const void *options, size_t n, uint16_t port)
{
	static uint8_t datagram[5000];
	size_t len = 8 + 240 + n;

	memset(datagram, 0, 8 + 240);
	craft16(datagram, port == 67 ? 68 : 67);
	craft16(datagram + 2, port);
	craft16(datagram + 4, (unsigned)len);
	memcpy(datagram + 8,
		(uint8_t[]){op, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0x80, 0, 10, 8, 0, 5}, 16);
	memcpy(datagram + 8 + 236, "\x63\x82\x53\x63", 4);
	memcpy(datagram + 8 + 240, options, n);
	return craft_v4(octets, IP_UDP, datagram, len);
}

static int parse(size_t len, struct dhcp_inform *ret)
{
	struct ip_packet p = parsed(octets, len);

	return dhcp_parse_inform(octets, &p, ret);
}

static int parse_options(const void *options, size_t n, struct dhcp_inform *ret)
{
	return parse(craft(1, options, n, 67), ret);
}

static int read_ack(const uint8_t *packet, size_t len)
{
	struct ip_packet p = parsed(packet, len);

	memset(&ack, 0xa5, sizeof(ack));
	return dhcp_parse_ack(packet, &p, &ack);
}

static int ack_of_options(const void *options, size_t n)
{
	return read_ack(octets, craft(2, options, n, 68));
}

/* ---- the vector ---------------------------------------------------------------- */

static void vector_inform(struct dhcp_inform *ret)
{
	struct hexlit v = vector_octets("dhcpinform-constructed", "inform_ipv4");
	struct ip_packet p = parsed(v.p, v.n);

	assert_int_equal(dhcp_parse_inform(v.p, &p, ret), 0);
}

static void the_constructed_request_is_read(void **state)
{
	struct dhcp_inform in;

	(void)state;
	vector_inform(&in);
	assert_true(addr_equal(&in.from, &client));
	assert_int_equal(addr_v4_value(&in.to), UINT32_MAX);
	assert_true(addr_equal(&in.ciaddr, &client));
	assert_int_equal(in.port, 68);
	assert_int_equal(in.xid, 0x12345678);
	assert_int_equal(in.htype, 1);
	assert_int_equal(in.hlen, 6);
	assert_memory_equal(in.chaddr, "\0\x53\x45\0\0\0\0\0", 8);
	assert_true(in.asks);
	assert_int_equal(in.n_asked, 14);
	assert_true(dhcp_asks_for(&in, DHCP_ROUTES));
	assert_true(dhcp_asks_for(&in, DHCP_ROUTES_MS));
	assert_false(dhcp_asks_for(&in, DHCP_MAX_SIZE));
	assert_int_equal(in.id_len, 7);
	assert_int_equal(in.max_size, 0);
	assert_int_equal(in.server.family, AF_UNSPEC);
}

static struct dhcp_answer answer(size_t n_routes)
{
	static const struct addr dns[] = {{AF_INET, {10, 8, 0, 1}}};

	return (struct dhcp_answer){.from = server,
		.dns = dns,
		.n_dns = 1,
		.domain = "corp.example",
		.routes = nets,
		.n_routes = n_routes};
}

/* From the UDP header on: the IP header of the vector has an identification and another hop limit. */
static void the_constructed_answer_is_built_octet_for_octet(void **state)
{
	struct hexlit v = vector_octets("dhcpinform-constructed", "ack_ipv4");
	struct dhcp_answer a = answer(2);
	struct dhcp_inform in;
	struct ip_packet p;
	size_t n;

	(void)state;
	vector_inform(&in);
	a.mask = (struct addr){AF_INET, {255, 255, 255, 255}};
	assert_int_equal(prefix_parse("10.9.0.0/24", &nets[0]), 0);
	assert_int_equal(prefix_parse("172.16.0.0/16", &nets[1]), 0);
	n = dhcp_build_ack(&in, &a, out, sizeof(out), &left);
	assert_int_equal(n, v.n);
	assert_memory_equal(out + 12, v.p + 12, n - 12);
	p = parsed(out, n);
	assert_int_equal(craft_sum(0, out, 20), 0);
	assert_int_equal(craft_l4_sum(out, &p), 0);
	assert_int_equal(left.routes + left.names, 0);
}

static void the_constructed_answer_is_read(void **state)
{
	struct hexlit v = vector_octets("dhcpinform-constructed", "ack_ipv4");

	(void)state;
	assert_int_equal(read_ack(v.p, v.n), 0);
	assert_true(addr_equal(&ack.from, &server));
	assert_true(addr_equal(&ack.to, &client));
	assert_true(addr_equal(&ack.server, &server));
	assert_true(addr_equal(&ack.ciaddr, &client));
	assert_int_equal(ack.xid, 0x12345678);
	assert_int_equal(ack.n_dns, 1);
	assert_string_equal(ack.domain, "corp.example");
	assert_int_equal(ack.search.n, 0);
	assert_int_equal(ack.n_routes, 2);
	assert_int_equal(ack.routes[1].to.len, 16);
	assert_int_equal(addr_v4_value(&ack.routes[1].to.addr), 0xac100000);
	assert_true(addr_equal(&ack.routes[1].via, &server));
	assert_false(ack.by_249);
	assert_int_equal(ack.ignored, 0);
}

/* ---- requests ------------------------------------------------------------------- */

static void a_request_needs_its_type_and_no_more(void **state)
{
	static uint8_t padded[1200] = {53, 1, 8, 255};
	struct dhcp_inform in;

	(void)state;
	assert_int_equal(parse_options("\x35\1\x8", 3, &in), 0); /* no end, no list */
	assert_false(in.asks);
	assert_false(dhcp_asks_for(&in, DHCP_ROUTES));
	assert_int_equal(in.flags, 0x8000);
	assert_int_equal(parse_options(padded, sizeof(padded), &in), 0);
	assert_int_equal(
		parse_options("\0\0\x37\2\x79\xf9\0\x35\1\x8\x39\2\5\xdc\xff", 15, &in), 0);
	assert_true(dhcp_asks_for(&in, DHCP_ROUTES_MS));
	assert_int_equal(in.max_size, 1500);
	assert_int_equal(parse_options("\x35\1\x8\x37\1\x79\x37\1\xf9", 9, &in), 0); /* joined */
	assert_int_equal(in.n_asked, 2);
	craft(1, "\x35\1\x8", 3, 67);
	octets[20 + 8 + 2] = 0;  /* hlen */
	craft16(octets + 26, 0); /* no checksum was made */
	assert_int_equal(parse(20 + 8 + 243, &in), 0);
	assert_int_equal(in.hlen, 0);
}

static void what_is_no_good_request_is_refused(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
	} bad[] = {{"", 0}, {"\xff", 1}, {"\x35\2\x8\x8", 4}, {"\x35\0", 2}, {"\x35\1\x9", 3},
		{"\x35\1\x8\x37\xc8\x79", 6}, {"\x35\1\x8\x37", 4}, {"\x35\1\x8\x35\1\x8", 6},
		{"\x35\1\x8\x39\1\5", 6}, {"\x35\1\x8\x36\3\1\2\3", 8}, {"\x35\1\0", 3},
		{"\x35\1\x8\x34\2\1\1", 7}};
	struct dhcp_inform in;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse_options(bad[i].octets, bad[i].n, &in), -EPROTO);
	assert_int_equal(parse(craft(2, "\x35\1\x8", 3, 67), &in), -EPROTO);
	craft(1, "\x35\1\x8", 3, 67);
	octets[20 + 8 + 27] = 7; /* giaddr: a relay's */
	craft16(octets + 26, 0);
	assert_int_equal(parse(20 + 8 + 243, &in), -EPROTO);
	craft(1, "\x35\1\x8", 3, 67);
	octets[20 + 8 + 2] = 17; /* hlen */
	craft16(octets + 26, 0);
	assert_int_equal(parse(20 + 8 + 243, &in), -EPROTO);
	craft(1, "\x35\1\x8", 3, 67);
	octets[20 + 8 + 236] ^= 1; /* the cookie */
	craft16(octets + 26, 0);
	assert_int_equal(parse(20 + 8 + 243, &in), -EPROTO);
}

static void what_wants_an_address_is_another_matter(void **state)
{
	struct dhcp_inform in;
	struct ip_packet p;

	(void)state;
	for (char type = 1; type < 8; type++)
		assert_int_equal(parse_options((char[]){53, 1, type}, 3, &in), -ENOMSG);
	assert_int_equal(parse(craft(1, "\x35\1\x8", 3, 68), &in), -ENOMSG);
	p = parsed(octets, craft(1, "\x35\1\x8", 3, 67));
	p.fragment = true;
	assert_int_equal(dhcp_parse_inform(octets, &p, &in), -ENOMSG);
}

static void a_wrong_length_or_checksum_is_refused(void **state)
{
	size_t len = craft(1, "\x35\1\x8", 3, 67);
	struct dhcp_inform in;
	struct ip_packet p;

	(void)state;
	p = parsed(octets, len);
	craft16(octets + 26, craft_l4_sum(octets, &p));
	assert_int_equal(parse(len, &in), 0);
	octets[26] ^= 1;
	assert_int_equal(parse(len, &in), -EPROTO);
	for (unsigned n = 0; n < 251; n++) {
		craft(1, "\x35\1\x8", 3, 67);
		craft16(octets + 24, n); /* UDP's length is not IP's */
		p = parsed(octets, len);
		assert_int_equal(dhcp_parse_inform(octets, &p, &in), -EPROTO);
	}
}

static void every_prefix_of_a_request_is_refused(void **state)
{
	struct dhcp_inform in;

	(void)state;
	for (unsigned n = 8; n < 8 + 240; n++) {
		craft(1, "\x35\1\x8", 3, 67);
		craft16(octets + 2, 20 + n);
		craft16(octets + 24, n);
		assert_int_equal(parse(20 + n, &in), -EPROTO);
	}
}

/* ---- the client's question -------------------------------------------------------- */

static void a_question_is_built_and_read_again(void **state)
{
	struct dhcp_inform in, q = {.from = client,
				       .to = {AF_INET, {255, 255, 255, 255}},
				       .port = 68,
				       .xid = 0xdeadbeef,
				       .secs = 3,
				       .htype = 1,
				       .ciaddr = client,
				       .max_size = 1400,
				       .n_asked = 4,
				       .asked = {DHCP_DNS, DHCP_DOMAIN, DHCP_SEARCH, DHCP_ROUTES},
				       .id_len = 3,
				       .id = {0, 1, 2}};
	struct ip_packet p;
	size_t n = dhcp_build_inform(&q, out, sizeof(out));

	(void)state;
	assert_int_equal(n, 20 + 8 + 300);
	p = parsed(out, n);
	assert_int_equal(craft_sum(0, out, 20), 0);
	assert_int_equal(craft_l4_sum(out, &p), 0);
	assert_int_equal(dhcp_parse_inform(out, &p, &in), 0);
	q.asks = true;
	assert_memory_equal(&in, &q, sizeof(q));
	for (size_t cap = 0; cap < n; cap++)
		assert_int_equal(dhcp_build_inform(&q, out, cap), 0);
}

/* ---- answers ------------------------------------------------------------------------- */

/* An option's pieces joined, by a loop of the test's own; -1: it is not there. */
static int option_of(size_t len, uint8_t code, uint8_t *ret)
{
	int n = -1;

	for (size_t at = 20 + 8 + 240; at < len && out[at] != 255;
		at += out[at] ? 2u + out[at + 1] : 1u) {
		if (out[at] != code)
			continue;
		n = n < 0 ? 0 : n;
		if (ret)
			memcpy(ret + n, out + at + 2, out[at + 1]);
		n += out[at + 1];
	}
	return n;
}

static size_t build(const char *asked, struct dhcp_answer *a, size_t cap)
{
	struct dhcp_inform in;

	vector_inform(&in);
	in.n_asked = strlen(asked);
	in.asks = in.n_asked > 0;
	memcpy(in.asked, asked, in.n_asked);
	return dhcp_build_ack(&in, a, out, cap, &left);
}

static void fill_nets(void)
{
	for (unsigned i = 0; i < 300; i++)
		nets[i] = (struct prefix){addr_v4(0x0a090000 + (i << 8)), 24};
}

static void one_option_holds_31_routes_of_24_bits(void **state)
{
	static const struct {
		size_t given, sent;
	} cases[] = {{0, 0}, {1, 1}, {30, 30}, {31, 31}, {32, 31}, {300, 31}};

	(void)state;
	fill_nets();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dhcp_answer a = answer(cases[i].given);
		size_t n = build("\x79\xf9", &a, 1400);

		assert_in_range(n, 328, DHCP_SIZE_MIN);
		assert_int_equal(left.routes, cases[i].given - cases[i].sent);
		assert_int_equal(
			option_of(n, 121, NULL), cases[i].sent ? (int)cases[i].sent * 8 : -1);
		assert_int_equal(read_ack(out, n), 0);
		assert_int_equal(ack.n_routes, cases[i].sent);
		assert_int_equal(option_of(n, 51, NULL), -1);
		assert_int_equal(option_of(n, 3, NULL), -1);
	}
}

static void both_numbers_have_the_same_routes_while_there_is_room(void **state)
{
	uint8_t by_121[300], by_249[300];
	struct dhcp_answer a = answer(14);
	size_t n;

	(void)state;
	fill_nets();
	n = build("", &a, 1400);
	assert_int_equal(option_of(n, 121, by_121), 14 * 8);
	assert_int_equal(option_of(n, 249, by_249), 14 * 8);
	assert_memory_equal(by_121, by_249, 14 * 8);
	a.n_routes = 20;
	assert_int_equal(option_of(build("\x79\xf9", &a, 1400), 121, NULL), 20 * 8);
	assert_int_equal(option_of(build("\x79\xf9", &a, 1400), 249, NULL), -1);
	assert_int_equal(option_of(build("", &a, 1400), 121, NULL), 20 * 8);
	/* one that knows 249 alone gets that one */
	n = build("\xf9", &a, 1400);
	assert_int_equal(option_of(n, 249, NULL), 20 * 8);
	assert_int_equal(option_of(n, 121, NULL), -1);
	assert_int_equal(read_ack(out, n), 0);
	assert_true(ack.by_249);
	assert_int_equal(ack.n_routes, 20);
	assert_int_equal(left.routes, 0);
}

static void a_client_that_takes_more_gets_both(void **state)
{
	struct dhcp_answer a = answer(31);
	struct dhcp_inform in;
	size_t n;

	(void)state;
	fill_nets();
	vector_inform(&in);
	in.max_size = 1400;
	n = dhcp_build_ack(&in, &a, out, 1300, &left);
	assert_int_equal(option_of(n, 121, NULL), 31 * 8);
	assert_int_equal(option_of(n, 249, NULL), 31 * 8);
	in.max_size = 65535; /* the link's own bound holds */
	n = dhcp_build_ack(&in, &a, out, 600, &left);
	assert_true(n <= 600);
	assert_int_equal(option_of(n, 249, NULL), -1);
	in.max_size = 64; /* RFC 2132 section 9.10: never below 576 */
	n = dhcp_build_ack(&in, &a, out, 1300, &left);
	assert_int_equal(option_of(n, 121, NULL), 31 * 8);
}

static void with_split_options_a_packet_holds_more(void **state)
{
	struct dhcp_answer a = answer(300);
	uint8_t value[2000];
	size_t n, sent;

	(void)state;
	fill_nets();
	a.split = true;
	n = build("\x79\xf9", &a, 1400);
	assert_in_range(n, 1380, 1400);
	sent = 300 - left.routes;
	assert_in_range(sent, 130, 140);
	assert_int_equal(option_of(n, 121, value), sent * 8);
	assert_int_equal(read_ack(out, n), 0);
	assert_int_equal(ack.n_routes, sent);
	assert_int_equal(
		addr_v4_value(&ack.routes[sent - 1].to.addr), addr_v4_value(&nets[sent - 1].addr));
	a.n_routes = 40; /* cut in the middle of a route, and both */
	n = build("\x79\xf9", &a, 1400);
	assert_int_equal(left.routes, 0);
	assert_int_equal(option_of(n, 121, NULL), 320);
	assert_int_equal(option_of(n, 249, NULL), 320);
	assert_int_equal(read_ack(out, n), 0);
	assert_int_equal(ack.n_routes, 40);
}

static void names_come_after_routes_and_before_their_second_copy(void **state)
{
	struct dhcp_answer a = answer(14);
	size_t n;

	(void)state;
	fill_nets();
	search = (struct dhcp_names){2, {"corp.example", "lab.example"}};
	a.search = &search;
	n = build("\x79\xf9", &a, 1400);
	assert_int_equal(
		option_of(n, 119, NULL), 14 + 13); /* no pointers where they are not needed */
	assert_int_equal(option_of(n, 121, NULL), 14 * 8);
	assert_int_equal(option_of(n, 249, NULL), 14 * 8);
	a.n_routes = 16;
	n = build("\x79\xf9", &a, 1400);
	assert_int_equal(option_of(n, 119, NULL), 27);
	assert_int_equal(option_of(n, 249, NULL), -1);
	a.n_routes = 31;
	n = build("\x79\xf9", &a, 1400);
	assert_int_equal(option_of(n, 119, NULL), 20); /* by pointers it fits */
	assert_int_equal(left.names, 0);
	assert_int_equal(read_ack(out, n), 0);
	assert_int_equal(ack.search.n, 2);
	assert_string_equal(ack.search.of[1], "lab.example");
	strcpy(search.of[1], "somewhere.test");
	n = build("\x79\xf9", &a, 1400);
	assert_int_equal(left.names, 1);
	assert_int_equal(option_of(n, 119, NULL), 14);
	assert_in_range(n, 328, DHCP_SIZE_MIN);
}

static void too_little_room_makes_no_packet(void **state)
{
	struct dhcp_answer a = answer(31);
	size_t n;

	(void)state;
	fill_nets();
	search = (struct dhcp_names){2, {"corp.example", "lab.example"}};
	a.search = &search;
	for (size_t cap = 0; cap < 1400; cap++) {
		memset(out, 0xee, sizeof(out));
		n = build("\x79\xf9", &a, cap);
		assert_true(n <= cap);
		assert_int_equal(out[cap], 0xee);
		assert_true(cap < 328 ? n == 0 : n >= 328);
		if (n)
			assert_int_equal(read_ack(out, n), 0);
	}
}

static void an_answer_goes_to_the_port_of_the_request(void **state)
{
	struct dhcp_answer a = {.from = server, .domain = ""};
	struct dhcp_inform in;
	struct ip_packet p;

	(void)state;
	vector_inform(&in);
	in.port = 50000;
	p = parsed(out, dhcp_build_ack(&in, &a, out, 1400, &left));
	assert_int_equal(p.source_port, 67);
	assert_int_equal(p.destination_port, 50000);
	assert_int_equal(p.len, 328);
	in.port = 0;
	p = parsed(out, dhcp_build_ack(&in, &a, out, 1400, &left));
	assert_int_equal(p.destination_port, 68);
}

/* ---- answers of others ------------------------------------------------------------------ */

static void pieces_and_overloaded_fields_are_read(void **state)
{
	static const char pieces[] =
		"\x35\1\5\x34\1\3\x79\3\x18\x0a\x09\x0f\5corp\0\x77\7\4corp\7e";
	size_t len = craft(2, pieces, sizeof(pieces) - 1, 68);

	(void)state;
	memcpy(octets + 20 + 8 + 44 + 64, "\x79\5\0\x0a\x08\0\1\xff", 8); /* file */
	memcpy(octets + 20 + 8 + 44, "\x77\7xample\0\xff", 10);           /* sname */
	assert_int_equal(read_ack(octets, len), 0);
	assert_int_equal(ack.n_routes, 1);
	assert_int_equal(ack.routes[0].to.len, 24);
	assert_int_equal(addr_v4_value(&ack.routes[0].via), 0x0a080001);
	assert_string_equal(ack.domain, "corp");
	assert_int_equal(ack.search.n, 1);
	assert_string_equal(ack.search.of[0], "corp.example");
	octets[20 + 8 + 44 + 64 + 1] = 200; /* broken in there */
	assert_int_equal(read_ack(octets, len), -EPROTO);
}

static void bad_answers_are_refused(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
	} bad[] = {{"", 0}, {"\x35\1\5\x06\3\1\2\3", 8}, {"\x35\1\5\x79\1\x21", 6},
		{"\x35\1\5\x79\2\x18\x0a", 7}, {"\x35\1\5\x77\2\xc0\0", 7},
		{"\x35\1\5\xf9\1\x08", 6}, {"\x35\1\5\x36\0", 5}, {"\x35\1\5\x79\xff", 5}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ack_of_options(bad[i].octets, bad[i].n), -EPROTO);
	assert_int_equal(ack_of_options("\x35\1\6", 3), -ENOMSG); /* DHCPNAK */
	assert_int_equal(read_ack(octets, craft(1, "\x35\1\5", 3, 68)), -EPROTO);
	assert_int_equal(read_ack(octets, craft(2, "\x35\1\5", 3, 67)), -ENOMSG);
}

static void values_of_no_use_are_left_out_and_counted(void **state)
{
	static const char *const domains[] = {"corp example", "a\x1b[2J", "a..b", ".a", "\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < sizeof(domains) / sizeof(*domains); i++) {
		char o[64] = "\x35\1\5\x0f";

		o[4] = (char)strlen(domains[i]);
		strcpy(o + 5, domains[i]);
		assert_int_equal(ack_of_options(o, 5 + strlen(domains[i])), 0);
		assert_string_equal(ack.domain, "");
		assert_int_equal(ack.ignored, 1);
	}
	assert_int_equal(ack_of_options("\x35\1\5\x0f\5a.b.\0", 10), 0);
	assert_string_equal(ack.domain, "a.b");
	assert_int_equal(ack_of_options("\x35\1\5\x0f\1.", 6), 0);
	assert_string_equal(ack.domain, ".");
	assert_int_equal(ack_of_options("\x35\1\5\x06\x0c\x7f\0\0\1\xe0\0\0\1\x0a\x08\0\1", 17), 0);
	assert_int_equal(ack.n_dns, 1);
	assert_int_equal(ack.ignored, 2);
	assert_true(addr_equal(&ack.dns[0], &server));
}

static void a_value_of_thousands_of_octets_is_refused(void **state)
{
	static uint8_t o[3 + 12 * 257] = {53, 1, 5};

	(void)state;
	for (size_t i = 0; i < 12; i++)
		memcpy(o + 3 + i * 257, "\x79\xff", 2);
	assert_int_equal(ack_of_options(o, 3 + 5 * 257), 0); /* 1275: 255 defaults */
	assert_int_equal(ack.n_routes, 255);
	assert_int_equal(ack_of_options(o, sizeof(o)), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_constructed_request_is_read),
		cmocka_unit_test(the_constructed_answer_is_built_octet_for_octet),
		cmocka_unit_test(the_constructed_answer_is_read),
		cmocka_unit_test(a_request_needs_its_type_and_no_more),
		cmocka_unit_test(what_is_no_good_request_is_refused),
		cmocka_unit_test(what_wants_an_address_is_another_matter),
		cmocka_unit_test(a_wrong_length_or_checksum_is_refused),
		cmocka_unit_test(every_prefix_of_a_request_is_refused),
		cmocka_unit_test(a_question_is_built_and_read_again),
		cmocka_unit_test(one_option_holds_31_routes_of_24_bits),
		cmocka_unit_test(both_numbers_have_the_same_routes_while_there_is_room),
		cmocka_unit_test(a_client_that_takes_more_gets_both),
		cmocka_unit_test(with_split_options_a_packet_holds_more),
		cmocka_unit_test(names_come_after_routes_and_before_their_second_copy),
		cmocka_unit_test(too_little_room_makes_no_packet),
		cmocka_unit_test(an_answer_goes_to_the_port_of_the_request),
		cmocka_unit_test(pieces_and_overloaded_fields_are_read),
		cmocka_unit_test(bad_answers_are_refused),
		cmocka_unit_test(values_of_no_use_are_left_out_and_counted),
		cmocka_unit_test(a_value_of_thousands_of_octets_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
