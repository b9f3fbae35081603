// SPDX-License-Identifier: Apache-2.0
/* IPCP as a peer sees it, on an authenticated link. */
#include "unit/ppp/talk.h"
#include "vectors.h"

/* A server with IPv4 only; its own Request is taken out and acked. */
static void server(struct talk *t, const struct ppp_addresses *addresses)
{
	struct verdict v = {.addresses = *addresses};

	talk_server_network(t, &v);
	talk_expect(t, "ff038021 0101000a 03060a080001");
	talk_answer(t, 2);
	talk_expect_quiet(t);
}

static struct ppp_addresses usual(void)
{
	struct ppp_addresses a = talk_verdict().addresses;

	a.ipv6 = false;
	return a;
}

static void client(struct talk *t, bool dns, bool nbns)
{
	static const enum auth_method pap[] = {AUTH_PAP};
	struct ppp_opts opts = talk_client_opts(pap, 1);

	opts.ipv6 = false;
	opts.want_dns = dns;
	opts.want_nbns = nbns;
	talk_client_network(t, &opts);
}

/* The rounds that Windows needs, with the vectors' octets: Reject, Nak, Ack. */
static void windows_gets_its_addresses_in_three_rounds(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;
	struct hexlit h = vector_octets("ppp-frames", "ipcp_request_windows");

	server(&t, &a);
	ppp_recv(t.ppp, rd_init(h.p + 4, h.n - 4), t.now);
	h = vector_octets("ppp-frames", "ipcp_reject_wins");
	assert_int_equal(ppp_output(t.ppp, t.last, sizeof(t.last)), h.n - 4);
	assert_memory_equal(t.last, h.p + 4, h.n - 4);
	talk_recv(&t, "ff038021 01080016 030600000000 810600000000 830600000000");
	h = vector_octets("ppp-frames", "ipcp_nak");
	assert_int_equal(ppp_output(t.ppp, t.last, sizeof(t.last)), h.n - 4);
	assert_memory_equal(t.last, h.p + 4, h.n - 4);
	talk_recv(&t, "ff038021 01090016 03060a080005 81060a080001 83060a080002");
	talk_expect(&t, "ff038021 02090016 03060a080005 81060a080001 83060a080002");
	talk_expect_event(&t, PPP_IPV4_UP);
	assert_int_equal(addr_v4_value(&t.ev.addresses->local), 0x0a080001);
	assert_int_equal(addr_v4_value(&t.ev.addresses->peer), 0x0a080005);
	talk_end(&t);
}

static void name_servers_that_there_are_not_are_rejected(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;

	a.dns[0] = a.dns[1] = (struct addr){0};
	a.nbns[0] = addr_v4(0x0a080009);
	server(&t, &a);
	talk_recv(&t,
		"ff038021 01070022 03060a080005 810600000000 820600000000 830600000000 840600000000");
	talk_expect(&t, "ff038021 04070016 810600000000 830600000000 840600000000");
	talk_recv(&t, "ff038021 01080010 03060a080005 820600000000");
	talk_expect(&t, "ff038021 0308000a 82060a080009");
	talk_end(&t);
}

static void old_addresses_and_header_compression_are_rejected(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;

	server(&t, &a);
	talk_recv(&t, "ff038021 0107001a 010a0a08000500000000 0206002d0f01 03060a080005");
	talk_expect(&t, "ff038021 04070014 010a0a08000500000000 0206002d0f01");
	talk_end(&t);
}

static void a_client_that_leaves_its_address_out_gets_it_appended(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;

	server(&t, &a);
	talk_recv(&t, "ff038021 01070004");
	talk_expect(&t, "ff038021 0307000a 03060a080005");
	talk_recv(&t, "ff038021 0108000a 03060a080005");
	talk_expect(&t, "ff038021 0208000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_end(&t);
}

static void a_client_that_never_takes_an_address_is_closed(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;

	server(&t, &a);
	for (unsigned i = 0; i < FSM_MAX_FAILURE + 1; i++) {
		char packet[40];

		snprintf(packet, sizeof(packet), "ff038021 01%02x0004", 7 + i);
		talk_recv(&t, packet);
	}
	talk_drain(&t);
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_IPCP_STATIC_ADDRESS);
	talk_end(&t);
}

/* RFC 1661 4.6: Max-Failure, five Naks. */
static void a_static_address_is_nakd_five_times_and_then_closed(void **state)
{
	struct ppp_addresses a = usual();
	char packet[64];
	struct talk t;

	server(&t, &a);
	for (unsigned i = 1; i <= FSM_MAX_FAILURE; i++) {
		snprintf(packet, sizeof(packet), "ff038021 01%02x000a 0306c0a80005", i);
		talk_recv(&t, packet);
		snprintf(packet, sizeof(packet), "ff038021 03%02x000a 03060a080005", i);
		talk_expect(&t, packet);
		talk_expect_no_event(&t);
	}
	talk_recv(&t, "ff038021 0109000a 0306c0a80005");
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_IPCP_STATIC_ADDRESS);
	assert_string_equal(t.ev.detail, "wants 192.168.0.5, was given 10.8.0.5");
	assert_string_equal(event_info(t.ev.reason)->windows, "735");
	talk_end(&t);
}

static void a_client_that_takes_its_address_at_the_fifth_nak_is_up(void **state)
{
	struct ppp_addresses a = usual();
	char packet[64];
	struct talk t;

	server(&t, &a);
	for (unsigned i = 1; i <= FSM_MAX_FAILURE; i++) {
		snprintf(packet, sizeof(packet), "ff038021 01%02x000a 0306c0a8000%u", i, i);
		talk_recv(&t, packet);
	}
	talk_recv(&t, "ff038021 0109000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_end(&t);
}

static void the_server_keeps_its_own_address_whatever_the_client_suggests(void **state)
{
	struct verdict v = {.addresses = usual()};
	struct talk t;

	talk_server_network(&t, &v);
	talk_expect(&t, "ff038021 0101000a 03060a080001");
	talk_recv(&t, "ff038021 0301000a 0306c0a80001");
	talk_expect(&t, "ff038021 0102000a 03060a080001");
	talk_answer(&t, 4);
	talk_expect(&t, "ff038021 01030004");
	talk_answer(&t, 2);
	talk_recv(&t, "ff038021 0107000a 03060a080005");
	talk_expect(&t, "ff038021 0207000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_end(&t);
}

static void the_client_takes_what_a_nak_brings_and_drops_what_is_rejected(void **state)
{
	struct talk t;

	client(&t, true, true);
	talk_expect(&t,
		"ff038021 01010022 030600000000 810600000000 820600000000 830600000000 840600000000");
	talk_recv(&t, "ff038021 04010010 820600000000 840600000000");
	talk_expect(&t, "ff038021 01020016 030600000000 810600000000 830600000000");
	talk_recv(&t, "ff038021 03020016 03060a080005 81060a080001 830600000000");
	talk_expect(
		&t, "ff038021 01030010 03060a080005 81060a080001"); /* 0.0.0.0 is no name server */
	talk_answer(&t, 2);
	talk_recv(&t, "ff038021 0101000a 03060a080001");
	talk_expect(&t, "ff038021 0201000a 03060a080001");
	talk_expect_event(&t, PPP_IPV4_UP);
	assert_int_equal(addr_v4_value(&t.ev.addresses->local), 0x0a080005);
	assert_int_equal(addr_v4_value(&t.ev.addresses->peer), 0x0a080001);
	assert_int_equal(addr_v4_value(&t.ev.addresses->dns[0]), 0x0a080001);
	assert_int_equal(t.ev.addresses->dns[1].family, AF_UNSPEC);
	assert_int_equal(t.ev.addresses->nbns[0].family, AF_UNSPEC);
	talk_end(&t);
}

static void the_client_asks_for_no_name_servers_unless_wanted(void **state)
{
	struct talk t;

	client(&t, false, false);
	talk_expect(&t, "ff038021 0101000a 030600000000");
	talk_recv(&t,
		"ff038021 03010010 03060a080005 81060a080001"); /* a Nak may append; it is passed over */
	talk_expect(&t, "ff038021 0102000a 03060a080005");
	talk_end(&t);
}

/* The server's own address: it may be missing, and a server may ask us for one. */
static void a_server_without_an_address_is_lived_with(void **state)
{
	struct talk t;

	client(&t, false, false);
	talk_expect(&t, "ff038021 0101000a 030600000000");
	talk_recv(&t, "ff038021 0301000a 03060a080005");
	talk_expect(&t, "ff038021 0102000a 03060a080005");
	talk_answer(&t, 2);
	talk_recv(&t, "ff038021 0101000a 030600000000");
	talk_expect(&t, "ff038021 0401000a 030600000000");
	talk_recv(&t, "ff038021 01020004");
	talk_expect(&t, "ff038021 02020004");
	talk_expect_event(&t, PPP_IPV4_UP);
	assert_int_equal(t.ev.addresses->peer.family, AF_UNSPEC);
	talk_end(&t);
}

static void a_server_that_asks_for_name_servers_is_refused(void **state)
{
	struct talk t;

	client(&t, true, false);
	talk_drain(&t);
	talk_recv(&t, "ff038021 01010010 03060a080001 810600000000");
	talk_expect(&t, "ff038021 01010016 030600000000 810600000000 830600000000");
	talk_expect(&t, "ff038021 0401000a 810600000000");
	talk_end(&t);
}

static void without_an_address_the_client_closes(void **state)
{
	struct talk t;

	client(&t, false, false);
	talk_expect(&t, "ff038021 0101000a 030600000000");
	talk_answer(&t, 2); /* the server acks 0.0.0.0 */
	talk_recv(&t, "ff038021 0101000a 03060a080001");
	talk_drain(&t);
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_IPCP_NO_ADDRESS);
	talk_end(&t);
	client(&t, false, false);
	talk_expect(&t, "ff038021 0101000a 030600000000");
	talk_answer(&t, 4); /* the server rejects the option */
	talk_expect(&t, "ff038021 01020004");
	talk_answer(&t, 2);
	talk_recv(&t, "ff038021 0101000a 03060a080001");
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_IPCP_NO_ADDRESS);
	talk_end(&t);
}

static void addresses_that_no_host_can_have_are_refused(void **state)
{
	static const char *const bad[] = {"7f000001", "e0000001", "ffffffff", "00000001"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct talk t;
		char nak[64];

		client(&t, false, false);
		talk_expect(&t, "ff038021 0101000a 030600000000");
		snprintf(nak, sizeof(nak), "ff038021 0301000a 0306%s", bad[i]);
		talk_recv(&t, nak);
		talk_advance(&t, 6000);
		talk_expect_closed(&t, EV_IPCP_BAD_ADDRESS);
		talk_end(&t);
	}
}

static void endless_naks_end(void **state)
{
	struct talk t;

	client(&t, false, false);
	for (unsigned i = 1; i <= FSM_NAKS_HEARD_MAX + 1; i++) {
		char nak[64];

		snprintf(nak, sizeof(nak), "ff038021 03%02x000a 03060a0800%02x", i, i);
		talk_recv(&t, nak);
	}
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_IPCP_NOT_CONVERGING);
	talk_end(&t);
}

static void a_silent_peer_ends_after_ten_requests(void **state)
{
	struct talk t;

	client(&t, false, false);
	talk_advance(&t, 29999);
	talk_expect_no_event(&t);
	for (unsigned i = 0; i < FSM_MAX_CONFIGURE; i++)
		talk_expect(&t, "ff038021 0101000a 030600000000");
	talk_expect_quiet(&t);
	talk_advance(&t, 1 + 6000);
	talk_expect_closed(&t, EV_IPCP_TIMEOUT);
	talk_end(&t);
}

static void seconds_of_waiting_and_repeated_requests_do_no_harm(void **state)
{
	struct talk t;

	client(&t, false, false);
	talk_advance(&t, 20000); /* the server has to ask DHCP first */
	talk_drain(&t);
	talk_recv(&t, "ff038021 0101000a 03060a080001");
	talk_recv(&t, "ff038021 0101000a 03060a080001");
	talk_recv(&t, "ff038021 0301000a 03060a080005");
	talk_expect(&t, "ff038021 0101000a 030600000000");
	talk_expect(&t, "ff038021 0201000a 03060a080001");
	talk_expect(&t, "ff038021 0201000a 03060a080001");
	talk_expect(&t, "ff038021 0102000a 03060a080005");
	talk_answer(&t, 2);
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_recv(&t, "ff038021 0101000a 03060a080001");
	talk_expect(&t, "ff038021 0201000a 03060a080001");
	talk_expect_no_event(&t);
	talk_end(&t);
}

static void a_peer_that_ends_ipcp_takes_the_addresses_down_and_then_the_link(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;

	server(&t, &a);
	talk_recv(&t, "ff038021 0107000a 03060a080005");
	talk_expect(&t, "ff038021 0207000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_recv(&t, "ff038021 05080004");
	talk_expect(&t, "ff038021 06080004");
	talk_expect_event(&t, PPP_IPV4_DOWN);
	assert_false(ppp_data_ok(t.ppp, AF_INET));
	talk_advance(&t, 10000);
	talk_expect_closed(&t, EV_IPCP_TERMINATED);
	talk_end(&t);
}

static void a_renegotiation_goes_down_and_up_again(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;

	server(&t, &a);
	talk_recv(&t, "ff038021 0107000a 03060a080005");
	talk_expect(&t, "ff038021 0207000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_recv(&t, "ff038021 01080010 03060a080005 810600000000");
	talk_expect_event(&t, PPP_IPV4_DOWN);
	talk_expect(&t, "ff038021 0102000a 03060a080001");
	talk_answer(&t, 2);
	talk_expect(&t, "ff038021 0308000a 81060a080001");
	talk_recv(&t, "ff038021 01090010 03060a080005 81060a080001");
	talk_expect(&t, "ff038021 02090010 03060a080005 81060a080001");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_end(&t);
}

/* IPCP goes down and comes up again; `n` counts the client's Requests. */
static void negotiate_again(struct talk *t, unsigned n)
{
	char request[64];

	snprintf(request, sizeof(request), "ff038021 01%02x000a 03060a080005", n & 0xff);
	talk_recv(t, request);
	talk_expect_event(t, PPP_IPV4_DOWN);
	talk_expect(t, "ff038021 01??000a 03060a080001");
	talk_answer(t, 2);
	snprintf(request, sizeof(request), "ff038021 02%02x000a 03060a080005", n & 0xff);
	talk_expect(t, request);
}

static void a_client_that_negotiates_again_and_again_is_ended(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;
	unsigned n;

	server(&t, &a);
	talk_recv(&t, "ff038021 0107000a 03060a080005");
	talk_expect(&t, "ff038021 0207000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	for (n = 8; n < 8 + NCP_RENEGOTIATIONS_MAX; n++) {
		negotiate_again(&t, n);
		talk_expect_event(&t, PPP_IPV4_UP);
	}
	negotiate_again(&t, n);
	talk_expect(&t, "ff03c021 05*");
	talk_answer(&t, 6);
	talk_expect_closed(&t, EV_NCP_RENEGOTIATED);
	assert_string_equal(t.ev.detail, "IPCP came up 10 times");
	talk_end(&t);
}

static void one_that_negotiates_again_now_and_then_stays(void **state)
{
	struct ppp_addresses a = usual();
	struct talk t;

	server(&t, &a);
	talk_recv(&t, "ff038021 0107000a 03060a080005");
	talk_expect(&t, "ff038021 0207000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	for (unsigned n = 8; n < 8 + 5 * NCP_RENEGOTIATIONS_MAX; n++) {
		negotiate_again(&t, n);
		talk_expect_event(&t, PPP_IPV4_UP);
		talk_advance(&t, NCP_RENEGOTIATION_MS);
	}
	assert_true(ppp_data_ok(t.ppp, AF_INET));
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_gets_its_addresses_in_three_rounds),
		cmocka_unit_test(name_servers_that_there_are_not_are_rejected),
		cmocka_unit_test(old_addresses_and_header_compression_are_rejected),
		cmocka_unit_test(a_client_that_leaves_its_address_out_gets_it_appended),
		cmocka_unit_test(a_client_that_never_takes_an_address_is_closed),
		cmocka_unit_test(a_static_address_is_nakd_five_times_and_then_closed),
		cmocka_unit_test(a_client_that_takes_its_address_at_the_fifth_nak_is_up),
		cmocka_unit_test(the_server_keeps_its_own_address_whatever_the_client_suggests),
		cmocka_unit_test(the_client_takes_what_a_nak_brings_and_drops_what_is_rejected),
		cmocka_unit_test(the_client_asks_for_no_name_servers_unless_wanted),
		cmocka_unit_test(a_server_without_an_address_is_lived_with),
		cmocka_unit_test(a_server_that_asks_for_name_servers_is_refused),
		cmocka_unit_test(without_an_address_the_client_closes),
		cmocka_unit_test(addresses_that_no_host_can_have_are_refused),
		cmocka_unit_test(endless_naks_end),
		cmocka_unit_test(a_silent_peer_ends_after_ten_requests),
		cmocka_unit_test(seconds_of_waiting_and_repeated_requests_do_no_harm),
		cmocka_unit_test(a_peer_that_ends_ipcp_takes_the_addresses_down_and_then_the_link),
		cmocka_unit_test(a_renegotiation_goes_down_and_up_again),
		cmocka_unit_test(a_client_that_negotiates_again_and_again_is_ended),
		cmocka_unit_test(one_that_negotiates_again_now_and_then_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
