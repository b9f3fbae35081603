// SPDX-License-Identifier: Apache-2.0
/* server/session/addresses.c: what a session holds while a family is up, and from where it may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/server/rooms.h"

static struct rooms *r;

static int setup(void **state)
{
	(void)state;
	r = rooms_new("");
	assert_int_equal(prefix_parse("2001:db8:5::/48", &r->context.prefix6), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rooms_free(r);
	return 0;
}

static struct session *with_lease(unsigned site, uint64_t id, uint32_t address)
{
	struct session *s = rooms_session(r->sites[site], id, "alice");

	s->leased_address = addr_v4(address);
	return s;
}

static void up4(struct session *s)
{
	struct ppp_addresses a = {.peer = s->leased_address};

	addresses_up(s, &(struct tunnel_event){.family = AF_INET, .addresses = &a});
}

static void up6(struct session *s, uint8_t ifid)
{
	struct ppp_addresses a = {.peer_ifid = {0, 0, 0, 0, 0, 0, 0, ifid}};

	addresses_up(s, &(struct tunnel_event){.family = AF_INET6, .addresses = &a});
}

/* An IP header's two addresses: what the directory and the source check read. */
static struct ip_packet packet4(uint8_t octets[static 20], uint32_t from, uint32_t to)
{
	memset(octets, 0, 20);
	octets[0] = 0x45;
	for (int i = 0; i < 4; i++) {
		octets[12 + i] = (uint8_t)(from >> (24 - 8 * i));
		octets[16 + i] = (uint8_t)(to >> (24 - 8 * i));
	}
	return (struct ip_packet){.len = 20, .version = 4};
}

static struct ip_packet packet6(uint8_t octets[static 40], const char *from)
{
	struct addr a;

	assert_int_equal(addr_parse(from, &a), 0);
	memset(octets, 0, 40);
	octets[0] = 0x60;
	memcpy(octets + 8, a.octets, 16);
	return (struct ip_packet){.len = 40, .version = 6};
}

static bool leads_to(uint32_t address, const struct session *s)
{
	struct directory_owner owner;
	uint8_t octets[20];
	struct ip_packet p = packet4(octets, 0, address);

	return directory_at(r->context.directory, octets, &p, &owner) && owner.session == s &&
	       owner.site == s->site->index;
}

static void an_address_leads_to_its_session_until_it_is_given_back(void **state)
{
	struct session *s = with_lease(1, 5, 0x0a000007);

	(void)state;
	up4(s);
	assert_true(s->up4);
	assert_true(leads_to(0x0a000007, s));
	assert_false(leads_to(0x0a000008, s));
	assert_int_equal(sites_up(&r->context), 1);
	assert_int_equal(r->begun, 1);
	assert_int_equal(r->last.id, 5);
	addresses_down(s, AF_INET);
	addresses_down(s, AF_INET);
	assert_int_equal(sites_up(&r->context), 0);
	assert_true(leads_to(0x0a000007, s)); /* kept for the next round of IPCP */
	addresses_give_back(s);
	assert_false(leads_to(0x0a000007, s));
}

static void two_families_are_one_session(void **state)
{
	struct session *s = with_lease(0, 5, 0x0a000007);

	(void)state;
	up6(s, 7);
	up4(s);
	assert_int_equal(sites_up(&r->context), 1);
	assert_int_equal(r->begun, 1);
	assert_int_equal(r->attempts, 1);
	assert_int_equal(r->last_attempt, EV_SESSION_UP);
	addresses_down(s, AF_INET);
	assert_int_equal(sites_up(&r->context), 1);
	addresses_down(s, AF_INET6);
	assert_int_equal(sites_up(&r->context), 0);
}

static void an_address_of_another_session_ends_the_second(void **state)
{
	struct session *first = with_lease(0, 1, 0x0a000007),
		       *second = with_lease(1, 2, 0x0a000007);

	(void)state;
	up4(first);
	up4(second);
	assert_false(second->up4);
	link_kick(&second->link);
	assert_int_equal(second->ended_by, EV_SERVER_ADDRESS_CLASH);
	assert_true(leads_to(0x0a000007, first));
	addresses_down(second, AF_INET);
	assert_true(leads_to(0x0a000007, first)); /* the holder's is not taken back with it */
	addresses_down(first, AF_INET);
}

static void a_client_sends_from_its_own_addresses_alone(void **state)
{
	struct session *s = with_lease(0, 1, 0x0a000007);
	uint8_t o[40];
	struct ip_packet p;

	(void)state;
	up4(s);
	p = packet4(o, 0x0a000007, 1);
	assert_true(addresses_accept_source(&s->link, o, &p));
	p = packet4(o, 0x0a000008, 1);
	assert_false(addresses_accept_source(&s->link, o, &p));
	p = packet6(o, "fe80::7");
	assert_false(addresses_accept_source(&s->link, o, &p)); /* IPv6 is not up */
	up6(s, 7);
	assert_true(addresses_accept_source(&s->link, o, &p));
	p = packet6(o, "2001:db8:5:7::1234"); /* the seventh /64: that of its IPv4 address */
	assert_true(addresses_accept_source(&s->link, o, &p));
	p = packet6(o, "2001:db8:5:8::1234");
	assert_false(addresses_accept_source(&s->link, o, &p));
	addresses_give_back(s);
	p = packet6(o, "2001:db8:5:7::1234");
	assert_false(addresses_accept_source(&s->link, o, &p));
}

static void a_prefix_that_is_taken_is_passed_over(void **state)
{
	struct session *first = with_lease(0, 1, 0x0a000007),
		       *second = with_lease(1, 2, 0x0a000007);

	(void)state;
	up6(first, 7);
	up6(second, 7); /* the same identifier, too: that claim is the first one's */
	assert_int_equal(first->claims[CLAIM_IPV6].addr.octets[7], 7);
	assert_int_equal(second->claims[CLAIM_IPV6].addr.octets[7], 8);
	assert_int_equal(first->claims[CLAIM_LINK_LOCAL].addr.family, AF_INET6);
	assert_int_equal(second->claims[CLAIM_LINK_LOCAL].addr.family, AF_UNSPEC);
	addresses_down(first, AF_INET6);
	addresses_down(second, AF_INET6);
}

static void without_a_free_prefix_ipv6_comes_up_without_one(void **state)
{
	struct session *first = with_lease(0, 1, 0x0a000001),
		       *second = with_lease(0, 2, 0x0a000002);

	(void)state;
	r->context.prefix6.len = 63; /* two /64s: the server's and one more */
	up6(first, 1);
	up6(second, 2);
	assert_int_equal(first->claims[CLAIM_IPV6].addr.family, AF_INET6);
	assert_int_equal(second->claims[CLAIM_IPV6].addr.family, AF_UNSPEC);
	assert_true(second->up6);
	addresses_down(first, AF_INET6);
	addresses_down(second, AF_INET6);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---- networks behind it ---- */

static void grants_behind(struct session *s, const char *behind, const char *routes)
{
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN];
	struct grant *g;

	if (*behind)
		assert_int_equal(grant_parse(&v, "behind", behind, GRANT_USER, why), 0);
	if (*routes)
		assert_int_equal(grant_parse(&v, "routes", routes, GRANT_USER, why), 0);
	assert_int_equal(grant_new(&v, &g), 0);
	session_take_grant(s, g);
	grant_unref(g);
}

static bool may_send_from(struct session *s, uint32_t from)
{
	uint8_t octets[20];
	struct ip_packet p = packet4(octets, from, 0x08080808);

	return addresses_accept_source(&s->link, octets, &p);
}

static const char *has(const struct session *s)
{
	static char text[400];

	networks_list(s, text, sizeof(text));
	return text;
}

static void what_lies_behind_leads_to_the_session_and_may_send(void **state)
{
	struct session *s = with_lease(1, 5, 0x0a000007), *t = with_lease(0, 6, 0x0a000008);

	(void)state;
	grants_behind(s, "192.168.5.0/24,2001:db8:9::/48", "");
	grants_behind(t, "192.168.6.0/24", "");
	assert_string_equal(has(s), "");
	assert_false(leads_to(0xc0a80507, s));
	up4(s);
	up4(t);
	assert_string_equal(has(s), "192.168.5.0/24"); /* of the family that is up */
	assert_true(leads_to(0xc0a80507, s));
	assert_true(leads_to(0x0a000007, s));
	assert_true(may_send_from(s, 0xc0a80507));
	assert_true(may_send_from(s, 0x0a000007));
	assert_false(may_send_from(s, 0xc0a80607)); /* of the other one */
	assert_false(may_send_from(s, 0x0a000008));
	assert_false(may_send_from(s, 0xc0a80707)); /* of none */
	assert_true(may_send_from(t, 0xc0a80607));
	up6(s, 7);
	assert_string_equal(has(s), "192.168.5.0/24 2001:db8:9::/48");
	addresses_down(s, AF_INET);
	assert_true(leads_to(0xc0a80507, s)); /* kept for the next round of IPCP */
	addresses_give_back(s);
	assert_false(leads_to(0xc0a80507, s));
	assert_string_equal(has(s), "");
	assert_int_equal(networks_count(r->context.networks), 1);
}

static void a_change_of_the_grant_counts_at_once(void **state)
{
	struct session *s = with_lease(1, 5, 0x0a000007);

	(void)state;
	up4(s);
	grants_behind(s, "192.168.5.0/24,192.168.6.0/24", "");
	assert_string_equal(has(s), "192.168.5.0/24 192.168.6.0/24");
	grants_behind(s, "192.168.6.0/24,192.168.4.0/23", "");
	assert_string_equal(has(s), "192.168.6.0/24"); /* the /24 in it is on its way out */
	assert_false(leads_to(0xc0a80507, s));
	grants_behind(s, "", "");
	assert_string_equal(has(s), "");
	assert_false(may_send_from(s, 0xc0a80607));
}

static void what_overlaps_is_not_claimed(void **state)
{
	struct session *s = with_lease(1, 5, 0x0a000007);

	(void)state;
	assert_int_equal(addr_parse("203.0.113.9", &s->peer.addr), 0);
	grants_behind(s, "10.0.0.0/25,192.168.5.0/24,203.0.113.0/24,2001:db8:5:7::/64,10.9.0.0/16",
		"10.9.4.0/24");
	up4(s);
	up6(s, 7);
	assert_string_equal(has(s), "192.168.5.0/24");
}

static void the_first_session_has_it_and_the_next_one_waits(void **state)
{
	struct session *s = with_lease(1, 5, 0x0a000007), *t = with_lease(0, 6, 0x0a000008);
	struct network_change change;

	(void)state;
	grants_behind(s, "192.168.5.0/24", "");
	grants_behind(t, "192.168.5.0/24", "");
	up4(s);
	up4(t);
	assert_string_equal(has(t), "");
	networks_tick(t);
	assert_true(leads_to(0xc0a80507, s));
	assert_false(may_send_from(t, 0xc0a80507));
	addresses_give_back(s); /* nobody has one now, and one is waited for */
	networks_tick_all(t->site);
	assert_true(leads_to(0xc0a80507, t));
	assert_string_equal(has(t), "192.168.5.0/24");
	assert_true(networks_next(r->context.networks, &change)); /* one route, of the second */
	assert_int_equal(change.session, 6);
	networks_done(r->context.networks, &change, true);
	assert_false(networks_next(r->context.networks, &change));
}

static void an_address_of_no_pool_is_kept_apart_from_clients(void **state)
{
	struct session *s = with_lease(1, 5, 0xc0a80907);
	struct network_change change;
	uint8_t octets[20];
	struct ip_packet to_client = packet4(octets, 0xc0a80907, 0x0a000008);

	(void)state;
	up4(s);
	assert_true(networks_next(r->context.networks, &change));
	assert_int_equal(change.prefix.len, 32);
	networks_done(r->context.networks, &change, true);
	assert_false(addresses_accept_source(&s->link, octets, &to_client));
	packet4(octets, 0xc0a80907, 0x0a000001); /* the server */
	assert_true(addresses_accept_source(&s->link, octets, &to_client));
	packet4(octets, 0xc0a80907, 0x08080808);
	assert_true(addresses_accept_source(&s->link, octets, &to_client));
	packet4(octets, 0x0a000008, 0xc0a80907);
	assert_null(session_link_for(s, octets, &to_client));
	packet4(octets, 0x08080808, 0xc0a80907);
	assert_non_null(session_link_for(s, octets, &to_client));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_address_leads_to_its_session_until_it_is_given_back),
		CASE(two_families_are_one_session),
		CASE(an_address_of_another_session_ends_the_second),
		CASE(a_client_sends_from_its_own_addresses_alone),
		CASE(a_prefix_that_is_taken_is_passed_over),
		CASE(without_a_free_prefix_ipv6_comes_up_without_one),
		CASE(what_lies_behind_leads_to_the_session_and_may_send),
		CASE(a_change_of_the_grant_counts_at_once),
		CASE(what_overlaps_is_not_claimed),
		CASE(the_first_session_has_it_and_the_next_one_waits),
		CASE(an_address_of_no_pool_is_kept_apart_from_clients),
	};

	return cmocka_run_group_tests_name("server/session/addresses", tests, NULL, NULL);
}
