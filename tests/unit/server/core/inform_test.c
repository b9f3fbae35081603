// SPDX-License-Identifier: Apache-2.0
/* server/core/inform.c: what is offer, as an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aaa/offer.h"
#include "ip/dhcp.h"
#include "server/core/inform.h"

static struct offer offer;
static struct inform_answer a;
static struct dhcp_ack ack;

static const struct dhcp_inform request = {
	.port = 68, .xid = 7, .ciaddr = {AF_INET, {10, 8, 0, 5}}, .max_size = 1400};
static const struct inform_link wide = {{AF_INET, {10, 8, 0, 1}}, 1400, false};

static void tell(unsigned n_routes)
{
	offer = (struct offer){.n_dns = 1, .dns = {{AF_INET, {10, 9, 0, 53}}}};
	for (unsigned i = 0; i < n_routes; i++) {
		offer.routes.of[offer.routes.n++] =
			(struct prefix){addr_v4(0x0a090000 + (i << 8)), 24};
		offer.routes.of[offer.routes.n++] =
			(struct prefix){{AF_INET6, {0x20, 1, 0xd, 0xb8, 0, (uint8_t)i}}, 48};
	}
	strcpy(offer.domain, "corp.example");
	strcpy(offer.search[0], "corp.example");
	strcpy(offer.search[1], "lab.example");
	offer.n_search = 2;
}

static void read_back(void)
{
	struct ip_packet p;

	assert_int_equal(packet_parse(a.octets, a.n, &p), 0);
	assert_int_equal(dhcp_parse_ack(a.octets, &p, &ack), 0);
}

static void an_answer_holds_what_is_offer_of_ipv4(void **state)
{
	(void)state;
	tell(3);
	inform_build(&request, &offer, &wide, &a);
	read_back();
	assert_int_equal(a.routes, 3);
	assert_int_equal(ack.n_routes, 3);
	assert_true(addr_equal(&ack.routes[2].via, &wide.local));
	assert_true(addr_equal(&ack.server, &wide.local));
	assert_int_equal(ack.n_dns, 1);
	assert_string_equal(ack.domain, "corp.example");
	assert_string_equal(ack.search.of[1], "lab.example");
	assert_int_equal(a.left_routes + a.left_names, 0);
	assert_int_equal(offer.routes.n, 6); /* as it was */
}

static void what_has_no_room_is_counted(void **state)
{
	struct inform_link split = wide;

	(void)state;
	tell(40);
	inform_build(&request, &offer, &wide, &a);
	assert_int_equal(a.routes, 31);
	assert_int_equal(a.left_routes, 9);
	split.split = true;
	inform_build(&request, &offer, &split, &a);
	assert_int_equal(a.routes, 40);
	assert_int_equal(a.left_routes, 0);
	for (offer.n_search = 0; offer.n_search < 20; offer.n_search++)
		sprintf(offer.search[offer.n_search], "n%zu.example", offer.n_search);
	inform_build(&request, &offer, &wide, &a);
	assert_int_equal(a.left_names, 4); /* 16 are what a list holds */
}

static void a_link_too_narrow_has_no_answer(void **state)
{
	struct inform_link narrow = wide;

	(void)state;
	tell(1);
	narrow.mtu = 300;
	inform_build(&request, &offer, &narrow, &a);
	assert_int_equal(a.n, 0);
	narrow.mtu = 9000;
	inform_build(&request, &offer, &narrow, &a);
	assert_true(a.n <= INFORM_ANSWER_MAX);
}

static void windows_is_offer_so_much(void **state)
{
	(void)state;
	tell(32);
	inform_preview(&offer, false, &a);
	assert_int_equal(a.routes, 31);
	assert_int_equal(a.left_routes, 1);
	assert_in_range(a.n, 328, 576);
	inform_preview(&offer, true, &a);
	assert_int_equal(a.left_routes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_holds_what_is_offer_of_ipv4),
		cmocka_unit_test(what_has_no_room_is_counted),
		cmocka_unit_test(a_link_too_narrow_has_no_answer),
		cmocka_unit_test(windows_is_offer_so_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
