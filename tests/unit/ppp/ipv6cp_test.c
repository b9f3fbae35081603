// SPDX-License-Identifier: Apache-2.0
/* IPv6CP as a peer sees it (RFC 5072 4.1), on an authenticated link. */
#include "unit/ppp/talk.h"
#include "vectors.h"

#include "base/auto.h"
#include "ppp/limits.h"

static void server(struct talk *t, const char *own, const char *give)
{
	struct verdict v = {.addresses = {.ipv6 = true}};

	memcpy(v.addresses.local_ifid, hexlit(own).p, 8);
	memcpy(v.addresses.peer_ifid, hexlit(give).p, 8);
	talk_server_network(t, &v);
	talk_expect(t, "ff038057 0101000e 010a????????????????");
}

/* Our Request, which may be lost, goes out again before the answer to the peer's first. */
static void first(struct talk *t, const char *request, const char *answer)
{
	talk_recv(t, request);
	talk_expect(t, "ff038057 0101000e 010a????????????????");
	talk_expect(t, answer);
}

#define ANY "0000000000000000"

static void the_published_request_is_acked(void **state)
{
	struct hexlit h = vector_octets("ppp-frames", "ipv6cp_request");
	struct talk t;

	server(&t, ANY, ANY);
	talk_answer(&t, 2);
	ppp_recv(t.ppp, rd_init(h.p + 4, h.n - 4), t.now);
	talk_expect(&t, "ff038057 0205000e 010a0200005efffe5301");
	talk_expect_event(&t, PPP_IPV6_UP);
	assert_octets(t.ev.addresses->peer_ifid, 8, "0200005efffe5301");
	assert_true(ppp_data_ok(t.ppp, AF_INET6));
	assert_false(ppp_data_ok(t.ppp, AF_INET));
	talk_end(&t);
}

static void our_identifier_is_local_and_not_zero(void **state)
{
	struct talk t;

	server(&t, ANY, ANY);
	assert_int_equal(t.last[10] & 2, 0);
	assert_memory_not_equal(t.last + 10, hexlit(ANY).p, 8);
	talk_end(&t);
	server(&t, "0000000000000001", ANY);
	assert_octets(t.last + 10, 8, "0000000000000001");
	talk_recv(&t, "ff038057 0301000e 010a0200005efffe5301"); /* a fixed one stays */
	talk_expect(&t, "ff038057 0102000e 010a0000000000000001");
	talk_end(&t);
}

static void zero_and_our_own_are_nakd_with_a_free_one(void **state)
{
	static const char *const bad[] = {"0000000000000000", "0000000000000001"};

	for (size_t i = 0; i < 2; i++) {
		struct talk t;
		char text[80];

		server(&t, "0000000000000001", ANY);
		snprintf(text, sizeof(text), "ff038057 0105000e 010a%s", bad[i]);
		first(&t, text, "ff038057 0305000e 010a????????????????");
		assert_memory_not_equal(t.last + 10, hexlit(bad[0]).p, 8);
		assert_memory_not_equal(t.last + 10, hexlit(bad[1]).p, 8);
		t.last[4] = 1;
		t.last[5] = 6;
		ppp_recv(t.ppp, rd_init(t.last, t.last_len), t.now);
		talk_expect(&t, "ff038057 0206000e 010a????????????????");
		talk_end(&t);
	}
}

static void a_missing_identifier_is_appended_and_compression_rejected(void **state)
{
	struct talk t;

	server(&t, ANY, ANY);
	first(&t, "ff038057 01050008 02040061", "ff038057 04050008 02040061");
	talk_recv(&t, "ff038057 01060004");
	talk_expect(&t, "ff038057 0306000e 010a????????????????");
	talk_end(&t);
}

static void an_identifier_that_the_user_must_have_is_insisted_on(void **state)
{
	struct talk t;

	server(&t, ANY, "0000000000000042");
	first(&t, "ff038057 0105000e 010a0200005efffe5301",
		"ff038057 0305000e 010a0000000000000042");
	talk_recv(&t, "ff038057 0106000e 010a0000000000000042");
	talk_expect(&t, "ff038057 0206000e 010a0000000000000042");
	talk_end(&t);
}

static void the_client_follows_a_nak(void **state)
{
	static const enum auth_method pap[] = {AUTH_PAP};
	struct ppp_opts opts = talk_client_opts(pap, 1);
	struct talk t;

	opts.ipv4 = false;
	talk_client_network(&t, &opts);
	talk_expect(&t, "ff038057 0101000e 010a????????????????");
	talk_recv(&t, "ff038057 0301000e 010a0000000000000042");
	talk_expect(&t, "ff038057 0102000e 010a0000000000000042");
	talk_recv(&t, "ff038057 0302000e 010a" ANY); /* nonsense: another one of our own */
	talk_expect(&t, "ff038057 0103000e 010a????????????????");
	assert_memory_not_equal(t.last + 10, hexlit(ANY).p, 8);
	talk_answer(&t, 4);
	talk_expect(&t, "ff038057 01040004");
	talk_end(&t);
}

/* A client with IPv6 alone: its own Request is out. */
static void client_alone(struct talk *t)
{
	static const enum auth_method pap[] = {AUTH_PAP};
	struct ppp_opts opts = talk_client_opts(pap, 1);

	opts.ipv4 = false;
	talk_client_network(t, &opts);
	talk_expect(t, "ff038057 0101000e 010a????????????????");
}

static void why_ipv6_ends_is_said_by_its_own_event(void **state)
{
	static const struct {
		const char *frame; /* of the server, behind the login; NULL: none comes */
		enum event why;
		const char *words;
	} rows[] = {
		{NULL, EV_IPV6CP_TIMEOUT, ""},
		{"ff038057 05010007 627965", EV_IPV6CP_TERMINATED, "bye"},
		{"ff03c021 0801000a 8057 01010004", EV_IPV6CP_REJECTED, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct talk t;

		client_alone(&t);
		if (rows[i].frame)
			talk_recv(&t, rows[i].frame);
		talk_advance(&t, 60000);
		talk_expect_closed(&t, rows[i].why);
		assert_string_equal(t.ev.detail, rows[i].words);
		talk_end(&t);
	}
}

static void a_server_that_naks_for_ever_is_left(void **state)
{
	struct talk t;

	client_alone(&t);
	for (unsigned i = 1; i <= FSM_NAKS_HEARD_MAX + 1; i++) {
		char nak[64];

		snprintf(nak, sizeof(nak), "ff038057 03%02x000e 010a00000000000000%02x", i, i);
		talk_recv(&t, nak);
	}
	talk_advance(&t, 10000);
	talk_expect_closed(&t, EV_IPV6CP_NOT_CONVERGING);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_request_is_acked),
		cmocka_unit_test(our_identifier_is_local_and_not_zero),
		cmocka_unit_test(zero_and_our_own_are_nakd_with_a_free_one),
		cmocka_unit_test(a_missing_identifier_is_appended_and_compression_rejected),
		cmocka_unit_test(an_identifier_that_the_user_must_have_is_insisted_on),
		cmocka_unit_test(the_client_follows_a_nak),
		cmocka_unit_test(why_ipv6_ends_is_said_by_its_own_event),
		cmocka_unit_test(a_server_that_naks_for_ever_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
