// SPDX-License-Identifier: Apache-2.0
/*
 * Whole ends: client and server joined in memory, and single ends against scripted peers.
 */
#include "unit/ppp/pair.h"
#include "unit/ppp/talk.h"
#include "vectors.h"

static void each_method_brings_addresses_to_both_ends(void **state)
{
	static const enum auth_method methods[] = {AUTH_PAP, AUTH_CHAP_MD5, AUTH_MSCHAPV2};

	for (size_t m = 0; m < ARRAY_SIZE(methods); m++) {
		struct pair p;

		pair_init(&p, methods[m]);
		pair_start(&p);
		pair_run(&p); /* not one restart timer */
		assert_true(pair_is_up(&p));
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.seen[i].authenticated, 1);
			assert_int_equal(p.seen[i].up[0], 1);
			assert_int_equal(p.seen[i].up[1], 1);
			assert_int_equal(ppp_auth_method(p.end[i]), methods[m]);
			assert_int_equal(ppp_peer_mru(p.end[i]), 1400);
			assert_true(ppp_deadline(p.end[i]) == NEVER);
		}
		assert_memory_equal(p.seen[CLIENT].hlak, p.seen[SERVER].hlak, HLAK_LEN);
		assert_int_equal(p.seen[CLIENT].hlak[0] != 0, methods[m] == AUTH_MSCHAPV2);
		pair_end(&p);
	}
}

static void both_ends_see_the_same_addresses_crosswise(void **state)
{
	struct ppp_addresses *c, *s;
	struct pair p;

	pair_init(&p, AUTH_MSCHAPV2);
	p.opts[CLIENT].want_nbns = true;
	p.verdict.addresses.nbns[1] = addr_v4(0x0a080007);
	pair_start(&p);
	pair_run(&p);
	c = &p.seen[CLIENT].addresses;
	s = &p.seen[SERVER].addresses;
	assert_int_equal(addr_v4_value(&c->local), 0x0a080005);
	assert_int_equal(addr_v4_value(&c->peer), 0x0a080001);
	assert_true(addr_equal(&c->local, &s->peer) && addr_equal(&c->peer, &s->local));
	assert_int_equal(addr_v4_value(&c->dns[0]), 0x0a080001);
	assert_int_equal(addr_v4_value(&c->dns[1]), 0x0a080002);
	assert_int_equal(c->nbns[0].family, AF_UNSPEC);
	assert_int_equal(addr_v4_value(&c->nbns[1]), 0x0a080007);
	assert_memory_equal(c->local_ifid, s->peer_ifid, 8);
	assert_memory_equal(c->peer_ifid, s->local_ifid, 8);
	assert_memory_not_equal(c->local_ifid, c->peer_ifid, 8);
	assert_true(c->ipv6 && s->ipv6);
	pair_end(&p);
}

static const enum auth_method all_methods[] = {AUTH_PAP, AUTH_CHAP_MD5, AUTH_MSCHAPV2};

/* ---- authentication ---- */

static void a_wrong_password_is_told_to_both_ends_within_the_round_trips(void **state)
{
	for (size_t m = 0; m < ARRAY_SIZE(all_methods); m++) {
		struct pair p;

		pair_init(&p, all_methods[m]);
		p.opts[CLIENT].password = "clientpass";
		pair_start(&p);
		pair_run(&p); /* no timer is waited for */
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.seen[i].closed, 1);
			assert_int_equal(p.seen[i].reason, EV_AUTH_FAILED);
			assert_int_equal(p.seen[i].authenticated, 0);
			assert_int_equal(p.seen[i].up[0] + p.seen[i].up[1], 0);
			assert_true(ppp_deadline(p.end[i]) == NEVER);
		}
		assert_non_null(strstr(p.seen[CLIENT].detail, "Authentication failed"));
		pair_end(&p);
	}
}

static void a_domain_reaches_the_owner_as_sent_and_does_not_count_in_the_answer(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_MSCHAPV2);
	p.opts[CLIENT].user = "DOMAIN\\User";
	p.known_user = "DOMAIN\\User";
	pair_start(&p);
	pair_run(&p);
	assert_true(pair_is_up(&p));
	pair_end(&p);
}

static void each_refusal_has_its_own_event_at_the_client(void **state)
{
	static const struct {
		enum auth_error error;
		enum event event;
	} cases[] = {{AUTH_FAILED, EV_AUTH_FAILED}, {AUTH_DISABLED, EV_AUTH_DISABLED},
		{AUTH_PASSWORD_EXPIRED, EV_AUTH_PASSWORD_EXPIRED},
		{AUTH_RESTRICTED_HOURS, EV_AUTH_RESTRICTED_HOURS},
		{AUTH_NO_DIALIN, EV_AUTH_NO_DIALIN}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair p;

		pair_init(&p, AUTH_MSCHAPV2);
		p.verdict.error = cases[i].error;
		pair_start(&p);
		pair_run(&p);
		assert_int_equal(p.seen[CLIENT].reason, cases[i].event);
		assert_int_equal(p.seen[SERVER].reason, cases[i].event);
		pair_end(&p);
	}
}

/* A server that accepts without knowing the password cannot say the right S=. */
static unsigned spoil_success(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	if (from == SERVER && frame[2] == 0xc2 && frame[3] == 0x23 && frame[4] == 3)
		frame[12] = frame[12] == '0' ? '1' : '0';
	return 1;
}

static void an_impostor_is_left_before_any_address(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_MSCHAPV2);
	p.fate = spoil_success;
	pair_start(&p);
	pair_run(&p);
	assert_int_equal(p.seen[CLIENT].reason, EV_AUTH_SERVER_NOT_PROVEN);
	assert_int_equal(p.seen[CLIENT].authenticated, 0);
	assert_int_equal(p.seen[CLIENT].up[0] + p.seen[CLIENT].up[1], 0);
	assert_int_equal(p.seen[SERVER].reason, EV_LCP_PEER_TERMINATED);
	assert_non_null(strstr(p.seen[SERVER].detail, "did not prove"));
	pair_end(&p);
}

static void the_ends_find_the_method_that_both_allow(void **state)
{
	static const struct {
		enum auth_method server[2], client[2], agreed;
	} cases[] = {
		{{AUTH_MSCHAPV2, AUTH_PAP}, {AUTH_PAP}, AUTH_PAP},
		{{AUTH_PAP, AUTH_MSCHAPV2}, {AUTH_MSCHAPV2}, AUTH_MSCHAPV2},
		{{AUTH_PAP, AUTH_MSCHAPV2}, {AUTH_MSCHAPV2, AUTH_PAP},
			AUTH_PAP}, /* the server's order */
		{{AUTH_CHAP_MD5, AUTH_MSCHAPV2}, {AUTH_PAP, AUTH_MSCHAPV2}, AUTH_MSCHAPV2},
		{{AUTH_MSCHAPV2}, {AUTH_PAP, AUTH_CHAP_MD5}, AUTH_NONE},
		{{AUTH_PAP}, {AUTH_MSCHAPV2}, AUTH_NONE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair p;

		pair_init(&p, AUTH_PAP);
		memcpy(p.methods[SERVER], cases[i].server, sizeof(cases[i].server));
		memcpy(p.methods[CLIENT], cases[i].client, sizeof(cases[i].client));
		p.opts[SERVER].n_methods = cases[i].server[1] ? 2 : 1;
		p.opts[CLIENT].n_methods = cases[i].client[1] ? 2 : 1;
		pair_start(&p);
		pair_run(&p);
		if (cases[i].agreed) {
			assert_true(pair_is_up(&p));
			assert_int_equal(ppp_auth_method(p.end[SERVER]), cases[i].agreed);
			assert_int_equal(ppp_auth_method(p.end[CLIENT]), cases[i].agreed);
		} else {
			assert_int_equal(p.seen[SERVER].requests, 0);
			assert_true(p.seen[CLIENT].reason == EV_LCP_AUTH_NOT_COMMON ||
				    p.seen[SERVER].reason == EV_LCP_AUTH_NOT_COMMON);
			assert_int_equal(p.seen[CLIENT].closed + p.seen[SERVER].closed, 2);
		}
		pair_end(&p);
	}
}

static void a_slow_verdict_is_waited_for(void **state)
{
	for (size_t m = 0; m < ARRAY_SIZE(all_methods); m++) {
		struct verdict v;
		struct pair p;

		pair_init(&p, all_methods[m]);
		p.slow_verdict = true;
		pair_start(&p);
		pair_advance(&p, 25000);
		assert_int_equal(p.seen[SERVER].requests, 1); /* however often the client asked */
		v = p.verdict;
		v.error = AUTH_DISABLED;
		ppp_auth_verdict(p.end[SERVER], &v, p.now);
		v.error = AUTH_OK; /* a second verdict does not count */
		ppp_auth_verdict(p.end[SERVER], &v, p.now);
		pair_run(&p);
		assert_int_equal(p.seen[SERVER].reason, EV_AUTH_DISABLED);
		assert_int_equal(p.seen[SERVER].authenticated, 0);
		pair_end(&p);
	}
}

static void a_verdict_that_never_comes_ends_at_the_clients_patience(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_MSCHAPV2);
	p.slow_verdict = true;
	pair_start(&p);
	pair_advance(&p, 60000);
	assert_int_equal(p.seen[CLIENT].reason, EV_AUTH_NO_ANSWER);
	assert_int_equal(p.seen[SERVER].reason, EV_LCP_PEER_TERMINATED);
	pair_end(&p);
}

static void a_verdict_after_the_end_is_ignored(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_PAP);
	p.slow_verdict = true;
	pair_start(&p);
	pair_run(&p);
	ppp_close(p.end[CLIENT], EV_LCP_LOOPBACK, p.now);
	pair_run(&p);
	ppp_auth_verdict(p.end[SERVER], &p.verdict, p.now);
	pair_run(&p);
	assert_int_equal(p.seen[SERVER].closed, 1);
	assert_int_equal(p.seen[SERVER].authenticated, 0);
	pair_end(&p);
}

/* ---- network protocols ---- */

static void a_server_without_ipv6_or_without_ipv4_is_enough(void **state)
{
	for (int family = 0; family < 2; family++) {
		struct pair p;

		pair_init(&p, AUTH_MSCHAPV2);
		if (family)
			p.verdict.addresses.peer.family = AF_UNSPEC;
		else
			p.verdict.addresses.ipv6 = false;
		pair_start(&p);
		pair_run(&p);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.seen[i].up[family], 1);
			assert_int_equal(p.seen[i].up[!family], 0);
			assert_int_equal(p.seen[i].closed, 0);
			assert_true(ppp_deadline(p.end[i]) == NEVER);
		}
		pair_end(&p);
	}
}

static void nothing_to_offer_ends_with_its_event(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_PAP);
	p.verdict.addresses = (struct ppp_addresses){0};
	pair_start(&p);
	pair_run(&p);
	assert_int_equal(p.seen[SERVER].reason, EV_NCP_NOTHING_TO_OFFER);
	assert_int_equal(p.seen[CLIENT].reason, EV_NCP_PEER_ENDED);
	assert_non_null(strstr(p.seen[CLIENT].detail, "neither an IPv4 address nor IPv6"));
	pair_end(&p);

	pair_init(&p, AUTH_PAP);
	p.verdict.addresses = (struct ppp_addresses){0};
	p.verdict.no_address = "Every address of the pool is in use.";
	pair_start(&p);
	pair_run(&p);
	assert_int_equal(p.seen[SERVER].reason, EV_NCP_NOTHING_TO_OFFER);
	assert_non_null(strstr(p.seen[CLIENT].detail, "Every address of the pool is in use"));
	pair_end(&p);
}

static void no_network_protocol_in_common_ends_with_its_event(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_PAP);
	p.opts[CLIENT].ipv4 = false;
	p.opts[SERVER].ipv6 = false;
	pair_start(&p);
	pair_run(&p);
	assert_true(p.seen[CLIENT].reason == EV_IPV6CP_REJECTED ||
		    p.seen[SERVER].reason == EV_IPCP_REJECTED);
	assert_int_equal(p.seen[CLIENT].closed + p.seen[SERVER].closed, 2);
	pair_end(&p);
}

/* ---- the end ---- */

static void either_end_can_close_and_says_why(void **state)
{
	for (int who = 0; who < 2; who++) {
		struct pair p;

		pair_init(&p, AUTH_MSCHAPV2);
		pair_start(&p);
		pair_run(&p);
		ppp_close(p.end[who], EV_OUT_OF_MEMORY, p.now);
		ppp_close(p.end[who], EV_LCP_LOOPBACK, p.now); /* the first reason stands */
		assert_false(ppp_data_ok(p.end[who], AF_INET) || ppp_data_ok(p.end[who], AF_INET6));
		pair_run(&p);
		assert_int_equal(p.seen[who].reason, EV_OUT_OF_MEMORY);
		assert_int_equal(p.seen[!who].reason, EV_LCP_PEER_TERMINATED);
		assert_non_null(strstr(p.seen[!who].detail, "no memory"));
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.seen[i].down[0], 1);
			assert_int_equal(p.seen[i].down[1], 1);
			assert_int_equal(p.seen[i].closed, 1);
			assert_true(ppp_deadline(p.end[i]) == NEVER);
		}
		pair_end(&p);
	}
}

static void both_ends_can_close_at_once(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_MSCHAPV2);
	pair_start(&p);
	pair_run(&p);
	ppp_close(p.end[CLIENT], EV_OUT_OF_MEMORY, p.now);
	ppp_close(p.end[SERVER], EV_LCP_LOOPBACK, p.now);
	pair_run(&p);
	assert_int_equal(p.seen[CLIENT].reason, EV_OUT_OF_MEMORY);
	assert_int_equal(p.seen[SERVER].reason, EV_LCP_LOOPBACK);
	pair_end(&p);
}

static void a_peer_that_does_not_answer_a_terminate_request_is_left_after_6_s(void **state)
{
	struct talk t;

	talk_server_establish(&t);
	ppp_close(t.ppp, EV_OUT_OF_MEMORY, t.now);
	talk_expect(&t, "ff03c021 05*");
	talk_advance(&t, 5999);
	talk_expect(&t, "ff03c021 05*");
	talk_expect_no_event(&t);
	talk_advance(&t, 1);
	talk_expect_quiet(&t);
	talk_expect_closed(&t, EV_OUT_OF_MEMORY);
	talk_expect_no_event(&t);
	talk_end(&t);
}

static void closing_before_the_start_or_before_a_word_was_said_is_immediate(void **state)
{
	struct ppp_opts opts = talk_server_opts(all_methods, 1);
	struct talk t = {.now = 1};

	assert_int_equal(ppp_new(&opts, &t.ppp), 0);
	ppp_close(t.ppp, EV_OUT_OF_MEMORY, t.now);
	talk_expect_closed(&t, EV_OUT_OF_MEMORY);
	talk_end(&t);
	talk_start(&t, &opts);
	ppp_close(t.ppp, EV_OUT_OF_MEMORY, t.now);
	talk_expect_quiet(&t);
	talk_expect_closed(&t, EV_OUT_OF_MEMORY);
	talk_end(&t);
}

static void after_the_end_nothing_is_heard_or_said(void **state)
{
	struct talk t;

	talk_server_establish(&t);
	talk_recv(&t, "ff03c021 05010004");
	talk_expect(&t, "ff03c021 06010004");
	talk_expect_closed(&t, EV_LCP_PEER_TERMINATED);
	talk_recv(&t, "ff03c021 01010004");
	talk_recv(&t, "ff03c021 09010008 00000000");
	talk_advance(&t, 100000);
	talk_expect_quiet(&t);
	talk_expect_no_event(&t);
	talk_end(&t);
}

/* RFC 1661 would go back to Establish; see "DEVIATION" in ppp.c. */
static void negotiating_lcp_anew_ends_the_call(void **state)
{
	struct verdict v = talk_verdict();
	struct talk t;

	talk_server_network(&t, &v);
	talk_drain(&t);
	talk_recv(&t, "ff03c021 01630004"); /* the same options: only a repetition */
	talk_expect(&t, "ff03c021 02630004");
	talk_expect_no_event(&t);
	talk_recv(&t, "ff03c021 0164000a 050611223344");
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_LCP_RENEGOTIATED);
	talk_end(&t);
}

/* ---- loss, repetition ---- */

static unsigned lose_victim(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	return n != p->victim;
}

static unsigned repeat_victim(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	return n == p->victim ? 3 : 1;
}

static unsigned repeat_all(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	return 2;
}

static void with_each_frame(
	unsigned (*fate)(struct pair *, unsigned, int, uint8_t *, size_t), uint64_t wait_ms)
{
	for (size_t m = 0; m < ARRAY_SIZE(all_methods); m++) {
		unsigned frames = 1;

		for (unsigned victim = 0; victim < frames; victim++) {
			struct pair p;

			pair_init(&p, all_methods[m]);
			p.fate = fate;
			p.victim = victim;
			pair_start(&p);
			pair_advance(&p, wait_ms);
			if (!pair_is_up(&p))
				fail_msg("method %u, frame %u of %u: not up, %s / %s",
					all_methods[m], victim, frames, ppp_phase_name(p.end[0]),
					ppp_phase_name(p.end[1]));
			assert_int_equal(p.seen[CLIENT].closed + p.seen[SERVER].closed, 0);
			assert_memory_equal(p.seen[CLIENT].hlak, p.seen[SERVER].hlak, HLAK_LEN);
			if (p.sent > frames)
				frames = p.sent;
			pair_end(&p);
		}
		assert_true(frames > 15);
	}
}

static void the_loss_of_any_one_frame_is_survived(void **state)
{
	with_each_frame(lose_victim, 12000);
}

static void any_frame_that_comes_three_times_does_no_harm(void **state)
{
	with_each_frame(repeat_victim, 0);
}

static void all_frames_twice_do_no_harm(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_MSCHAPV2);
	p.fate = repeat_all;
	pair_start(&p);
	pair_advance(&p, 60000);
	assert_true(pair_is_up(&p));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.seen[i].up[0] + p.seen[i].up[1], 2);
		assert_int_equal(p.seen[i].down[0] + p.seen[i].down[1], 0);
	}
	pair_end(&p);
}

static unsigned lose_all(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	return 0;
}

static void a_dead_link_ends_after_ten_requests_on_both_ends(void **state)
{
	struct pair p;

	pair_init(&p, AUTH_MSCHAPV2);
	p.fate = lose_all;
	pair_start(&p);
	pair_advance(&p, 29999);
	assert_int_equal(p.seen[CLIENT].closed, 0);
	pair_advance(&p, 1);
	assert_int_equal(p.seen[CLIENT].reason, EV_LCP_NO_ANSWER);
	pair_advance(&p, 1000); /* the server had waited for the client's first word */
	assert_int_equal(p.seen[SERVER].reason, EV_LCP_NO_ANSWER);
	assert_int_equal(p.sent, 20);
	pair_end(&p);
}

/* ---- Windows, as a script ---- */

static void windows_response(struct talk *t)
{
	struct hexlit h = vector_octets("mschapv2-packets", "response");
	uint8_t hash[16], nt[24];

	/* t->last is our Challenge; the client of RFC 2759 9.2 answers it */
	assert_int_equal(mschap_nt_hash("clientPass", hash), 0);
	assert_int_equal(mschap_nt_response(t->last + 9, h.p + 13, "User", 4, hash, nt), 0);
	h.p[9] = t->last[5];
	memcpy(h.p + 4 + 9 + 24, nt, 24);
	ppp_recv(t->ppp, rd_init(h.p + 4, h.n - 4), t->now);
}

static void windows_says_what_it_is(struct talk *t)
{
	talk_recv(t, "ff03c021 0c020012 345f64ca 4d53524153 56352e3230");
	talk_expect_event(t, PPP_IDENTIFICATION);
	assert_string_equal(t->ev.text, "MSRASV5.20");
	talk_recv(t, "ff03c021 0c030014 345f64ca 4d535241532d302d50433031");
	talk_expect_event(t, PPP_IDENTIFICATION);
	assert_string_equal(t->ev.text, "MSRAS-0-PC01");
	talk_recv(t, "ff03c021 0c040018 345f64ca 00112233445566778899aabbccddeeff");
	talk_expect_event(t, PPP_IDENTIFICATION);
}

/* LCP as Windows 10 does it, from its first frame on; the clock stands still. */
static void windows_establishes(struct talk *t, const char *our_request)
{
	struct hexlit h = vector_octets("win10-lcp-configure-request", "sstp_packet");

	ppp_recv(t->ppp, rd_init(h.p + 4, h.n - 4), t->now);
	talk_expect(t, our_request); /* at the head of the answer */
	uint8_t ours[PPP_FRAME_MAX];
	size_t n = t->last_len;

	memcpy(ours, t->last, n);
	talk_expect(t, "ff03c021 04000007 0d0306");
	talk_expect_quiet(t);
	ours[4] = 2;
	ppp_recv(t->ppp, rd_init(ours, n), t->now);
	talk_recv(t, "ff03c021 01010012 01040ffb 0506345f64ca 0702 0802");
	talk_expect(t, "ff03c021 02010012 01040ffb 0506345f64ca 0702 0802");
}

static void windows_with_mschapv2_three_identifications_ccp_and_ipv6cp(void **state)
{
	static const enum auth_method methods[] = {AUTH_MSCHAPV2, AUTH_PAP};
	struct ppp_opts opts = talk_server_opts(methods, 2);
	struct verdict v = talk_verdict();
	struct talk t;

	talk_start(&t, &opts);
	t.now += 30; /* its PPP is up a little later: nothing must have been said before */
	talk_expect_quiet(&t);
	windows_establishes(&t, "ff03c021 01010013 01040578 0305c22381 0506????????");
	talk_expect(&t, "ff03c223 01??001c 10???????????????????????????????? 63756c76657274");
	windows_says_what_it_is(&t);
	windows_response(&t);
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	assert_true(pair_proof_is_right(t.ev.proof, "User", &v));
	ppp_auth_verdict(t.ppp, &v, t.now);
	talk_expect(&t, "ff03c223 03??002e 533d*");
	talk_expect(&t, "ff038021 0101000a 03060a080001");
	talk_expect(&t, "ff038057 0101000e 010a????????????????");
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_recv(&t, "ff038057 0105000e 010a0200005efffe5301");
	talk_expect(&t, "ff038057 0101000e 010a????????????????"); /* may be lost */
	talk_expect(&t, "ff038057 0205000e 010a0200005efffe5301");
	talk_recv(&t, "ff0380fd 0106000a 120601000001");
	talk_expect(&t, "ff03c021 08020010 80fd0106000a120601000001");
	talk_recv(&t,
		"ff038021 01070022 030600000000 810600000000 820600000000 830600000000 840600000000");
	talk_expect(&t, "ff038021 0101000a 03060a080001");
	talk_expect(&t, "ff038021 04070010 820600000000 840600000000");
	talk_recv(&t, "ff038021 0201000a 03060a080001");
	talk_recv(&t, "ff038021 01080016 030600000000 810600000000 830600000000");
	talk_expect(&t, "ff038021 03080016 03060a080005 81060a080001 83060a080002");
	talk_recv(&t, "ff038021 01090016 03060a080005 81060a080001 83060a080002");
	talk_expect(&t, "ff038021 02090016 03060a080005 81060a080001 83060a080002");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_expect_quiet(&t);
	assert_int_equal(t.now, 1030); /* not a millisecond was waited */
	talk_end(&t);
}

/* As a public log of Windows 10 has it: PAP, no name servers, no IPv6 on the server. */
static void windows_with_pap_without_name_servers_or_ipv6(void **state)
{
	static const enum auth_method methods[] = {AUTH_PAP};
	struct ppp_opts opts = talk_server_opts(methods, 1);
	struct verdict v = talk_verdict();
	struct talk t;

	v.addresses.dns[0] = v.addresses.dns[1] = (struct addr){0};
	v.addresses.ipv6 = false;
	talk_start(&t, &opts);
	talk_expect_quiet(&t);
	windows_establishes(&t, "ff03c021 01010012 01040578 0304c023 0506????????");
	windows_says_what_it_is(&t);
	talk_recv(&t, "ff03c023 01030014 0455736572 0a636c69656e7450617373");
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	ppp_auth_verdict(t.ppp, &v, t.now);
	talk_expect(&t, "ff03c023 02030004");
	talk_expect(&t, "ff038021 0101000a 03060a080001");
	talk_answer(&t, 2);
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_recv(&t, "ff038057 0105000e 010a0200005efffe5301");
	talk_expect(&t, "ff03c021 08020014 80570105000e010a0200005efffe5301");
	talk_recv(&t,
		"ff038021 01070022 030600000000 810600000000 820600000000 830600000000 840600000000");
	talk_expect(&t, "ff038021 0407001c 810600000000 820600000000 830600000000 840600000000");
	talk_recv(&t, "ff038021 0108000a 030600000000");
	talk_expect(&t, "ff038021 0308000a 03060a080005");
	talk_recv(&t, "ff038021 0109000a 03060a080005");
	talk_expect(&t, "ff038021 0209000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_expect_quiet(&t);
	assert_true(ppp_deadline(t.ppp) == NEVER);
	talk_end(&t);
}

/* Slower than our patience: the first Request went out into the void and goes out again at once. */
static void windows_that_starts_late_costs_no_restart_timer_either(void **state)
{
	static const enum auth_method methods[] = {AUTH_MSCHAPV2};
	struct ppp_opts opts = talk_server_opts(methods, 1);
	struct talk t;

	talk_start(&t, &opts);
	talk_advance(&t, 999);
	talk_expect_quiet(&t);
	talk_advance(&t, 1);
	talk_expect(&t, "ff03c021 01010013 01040578 0305c22381 0506????????");
	talk_advance(&t, 700);
	talk_expect_quiet(&t);
	windows_establishes(&t, "ff03c021 01010013 01040578 0305c22381 0506????????");
	talk_expect(&t, "ff03c223 01??001c 10*");
	talk_end(&t);
}

/* ---- peers that do not listen from the start ---- */

/* An Android client: it hears IPCP and IPv6CP only when it has sent its own Requests. */
static void a_client_that_drops_what_comes_behind_success_waits_for_no_timer(void **state)
{
	struct verdict v = talk_verdict();
	struct talk t;

	talk_server_network(&t, &v);
	talk_expect(&t, "ff038021 0101000a 03060a080001"); /* both dropped by the client */
	talk_expect(&t, "ff038057 0101000e 010a????????????????");
	t.now += 80;
	talk_recv(&t, "ff038021 0101000a 030600000000");
	talk_expect(&t, "ff038021 0101000a 03060a080001");
	talk_answer(&t, 2);
	talk_expect(&t, "ff038021 0301000a 03060a080005");
	talk_recv(&t, "ff038057 0101000e 010a0200005efffe5301");
	talk_expect(&t, "ff038057 0101000e 010a????????????????");
	talk_answer(&t, 2);
	talk_expect(&t, "ff038057 0201000e 010a0200005efffe5301");
	talk_expect_event(&t, PPP_IPV6_UP);
	talk_recv(&t, "ff038021 0102000a 03060a080005");
	talk_expect(&t, "ff038021 0202000a 03060a080005");
	talk_expect_event(&t, PPP_IPV4_UP);
	talk_expect_quiet(&t);
	assert_true(ppp_deadline(t.ppp) == NEVER);
	talk_end(&t);
}

/* A server that starts pppd late: our first Request is lost, its own comes a second later. */
static void a_server_that_listens_late_gets_the_clients_request_again_at_once(void **state)
{
	static const enum auth_method pap[] = {AUTH_PAP};
	struct ppp_opts opts = talk_client_opts(pap, 1);
	struct talk t;

	talk_start(&t, &opts);
	talk_expect(&t, "ff03c021 0101000e 01040578 0506????????");
	talk_advance(&t, 1000);
	talk_recv(&t, "ff03c021 01010012 01040578 0304c023 0506a1b2c3d4");
	talk_expect(&t, "ff03c021 0101000e 01040578 0506????????");
	talk_answer(&t, 2);
	talk_expect(&t, "ff03c021 02010012 01040578 0304c023 0506a1b2c3d4");
	talk_expect(&t,
		"ff03c023 01010014*"); /* LCP is Opened, and it was the clock that stood still */
	talk_end(&t);
}

static unsigned lose_first_flight(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	unsigned protocol = (unsigned)frame[2] << 8 | frame[3];
	bool ncp = protocol == 0x8021 || protocol == 0x8057;

	if (from != (int)p->victim || !ncp || frame[4] != 1 || frame[5] != 1)
		return 1;
	return p->lost[protocol == 0x8057]++ ? 1 : 0; /* the first Request of each is lost */
}

static void either_ends_first_requests_may_be_lost_without_a_wait(void **state)
{
	for (unsigned who = 0; who < 2; who++) {
		struct pair p;

		pair_init(&p, AUTH_MSCHAPV2);
		p.fate = lose_first_flight;
		p.victim = who;
		pair_start(&p);
		pair_run(&p); /* the clock stands still */
		assert_true(pair_is_up(&p));
		assert_int_equal(p.lost[0], 2);
		assert_int_equal(p.lost[1], 2);
		pair_end(&p);
	}
}

/* ---- the first repetition comes sooner on a link whose round trip is measured ---- */

/* Both ends talk over a link on which one protocol of one end is deaf for the first second of it. */
static struct {
	unsigned protocol;
	int deaf;
	uint64_t until;
	unsigned dropped;
} ear;

static unsigned deaf_for_a_second(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	if (from == ear.deaf || ((unsigned)frame[2] << 8 | frame[3]) != ear.protocol)
		return 1;
	if (!ear.until)
		ear.until = p->now + 1000;
	ear.dropped += p->now < ear.until;
	return p->now >= ear.until;
}

/* Returns after how many milliseconds the link is up. */
static uint64_t time_until_up(unsigned protocol, int deaf, uint64_t round_trip_ms)
{
	struct pair p;
	uint64_t begin, took;

	ear.protocol = protocol;
	ear.deaf = deaf;
	ear.until = ear.dropped = 0;
	pair_init(&p, AUTH_MSCHAPV2);
	p.fate = deaf_for_a_second;
	for (int i = 0; i < 2; i++)
		p.opts[i].round_trip_ms = round_trip_ms;
	begin = p.now;
	pair_start(&p);
	pair_run(&p);
	while (!pair_is_up(&p) && p.now < begin + 30000)
		pair_advance(&p, 10);
	took = p.now - begin;
	assert_true(pair_is_up(&p));
	assert_true(ear.dropped);
	pair_end(&p);
	return took;
}

static void a_peer_that_is_deaf_for_a_second_costs_less_than_a_restart_timer(void **state)
{
	static const unsigned protocols[] = {0xc021, 0x8021, 0x8057, 0xc223};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		for (int deaf = CLIENT; deaf <= SERVER; deaf++) {
			if (protocols[i] == 0xc223 && deaf == SERVER)
				continue; /* a lost Response: the server may be judging it */
			assert_in_range(time_until_up(protocols[i], deaf, 40), 1000, 1800);
			assert_in_range(time_until_up(protocols[i], deaf, 0), 1000, 3100);
		}
	}
}

/* An end that hears nothing: when its Requests go out, and how often. */
static void repetitions(uint64_t round_trip_ms, const uint64_t *intervals, size_t n)
{
	static const enum auth_method pap[] = {AUTH_PAP};
	struct ppp_opts opts = talk_client_opts(pap, 1);
	struct talk t;
	unsigned count = 1;

	opts.round_trip_ms = round_trip_ms;
	talk_start(&t, &opts);
	talk_expect(&t, "ff03c021 0101000e 01040578 0506????????");
	for (size_t i = 0; i < n; i++, count++) {
		talk_advance(&t, intervals[i] - 1);
		talk_expect_quiet(&t);
		talk_advance(&t, 1);
		talk_expect(&t, "ff03c021 0101000e 01040578 0506????????");
	}
	for (; ppp_deadline(t.ppp) != NEVER; count++) {
		talk_advance(&t, FSM_RESTART_MS);
		if (!ppp_output(t.ppp, t.last, sizeof(t.last)))
			break;
	}
	assert_int_equal(count, FSM_MAX_CONFIGURE);
	talk_expect_closed(&t, EV_LCP_NO_ANSWER);
	talk_end(&t);
}

static void the_interval_grows_from_twice_the_round_trip_to_three_seconds(void **state)
{
	static const uint64_t none[] = {3000, 3000}, near[] = {250, 500, 1000, 2000, 3000, 3000},
			      far[] = {1300, 2600, 3000, 3000}, slow[] = {3000, 3000};

	repetitions(0, none, 2);
	repetitions(1, near, 6);
	repetitions(75, near, 6);
	repetitions(600, far, 4);
	repetitions(1450, slow, 2);
	repetitions(1000000, slow, 2);
	repetitions(UINT64_MAX, slow, 2);
}

/* ---- why a server ends the link behind the login ---- */

static void ended_by_the_server(const char *const *frames, enum event why, const char *detail)
{
	static const enum auth_method pap[] = {AUTH_PAP};
	struct ppp_opts opts = talk_client_opts(pap, 1);
	struct talk t;

	talk_client_network(&t, &opts);
	talk_drain(&t);
	for (; *frames; frames++)
		talk_recv(&t, *frames);
	talk_drain(&t);
	talk_advance(&t, 10000);
	talk_expect_closed(&t, why);
	assert_string_equal(t.ev.detail, detail);
	talk_end(&t);
}

static void what_the_server_says_when_it_ends_the_link_is_kept(void **state)
{
	static const char *const bare[] = {"ff03c021 05010004", NULL};
	static const char *const worded[] = {"ff03c021 0501000e 6e6f2061646472657373", NULL};

	ended_by_the_server(bare, EV_NCP_PEER_ENDED, "");
	ended_by_the_server(worded, EV_NCP_PEER_ENDED, "the server says \"no address\"");
}

static void mppe_is_named_when_the_server_asked_for_it(void **state)
{
	static const char *const mppe[] = {
		"ff0380fd 0101000a 120601000040", "ff03c021 05010006 6e6f", NULL};
	static const char *const second[] = {
		"ff0380fd 0101000e 15040000 120601000060", "ff03c021 05010004", NULL};
	static const char *const mppc[] = {
		"ff0380fd 0101000a 120601000001", "ff03c021 05010004", NULL};
	static const char *const broken[] = {"ff0380fd 01010006 1200", "ff0380fd 01010006 1206",
		"ff0380fd 01010005 12", "ff03c021 05010004", NULL};

	ended_by_the_server(mppe, EV_NCP_MPPE_DEMANDED, "the server says \"no\"");
	ended_by_the_server(second, EV_NCP_MPPE_DEMANDED, "");
	ended_by_the_server(mppc, EV_NCP_PEER_ENDED, "");
	ended_by_the_server(broken, EV_NCP_PEER_ENDED, "");
}

static void a_refused_address_is_named_as_the_reason(void **state)
{
	static const char *const refused[] = {
		"ff038021 0401000a 030600000000", "ff03c021 05010004", NULL};

	ended_by_the_server(refused, EV_IPCP_NO_ADDRESS, "");
}

static void what_the_server_says_when_it_ends_both_protocols_is_kept(void **state)
{
	static const char *const ended[] = {
		"ff038021 05010006 6e6f", "ff03c021 08010006 8057", NULL};

	ended_by_the_server(ended, EV_IPCP_TERMINATED, "no");
}

/* ---- rules about who may speak when ---- */

static void before_lcp_is_opened_nothing_but_lcp_is_heard(void **state)
{
	static const char *const frames[] = {"ff038021 01010004",
		"ff03c023 01030014 0455736572 0a636c69656e7450617373", "ff0380fd 01010004",
		"ff03c229 01010004", "ff030021 45000014", "ff03c223 01010004"};
	struct ppp_opts opts = talk_server_opts(all_methods, 1);
	struct talk t;

	talk_start(&t, &opts);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		talk_recv(&t, frames[i]);
	talk_expect_quiet(&t);
	talk_expect_no_event(&t);
	talk_end(&t);
}

static void during_authentication_only_its_own_packets_are_heard(void **state)
{
	static const char *const frames[] = {"ff038021 0101000a 03060a080005",
		"ff038057 0105000e 010a0200005efffe5301", "ff0380fd 01010004", "ff03c223 02010004",
		"ff03c227 01010004", "ff030021 45000014"};
	struct talk t;

	talk_server_establish(&t);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		talk_recv(&t, frames[i]);
	talk_expect_quiet(&t);
	talk_expect_no_event(&t);
	assert_false(ppp_data_ok(t.ppp, AF_INET));
	talk_end(&t);
}

static void unknown_protocols_are_rejected_in_the_network_phase(void **state)
{
	struct verdict v = talk_verdict();
	struct talk t;

	talk_server_network(&t, &v);
	talk_drain(&t);
	talk_recv(&t, "ff03c229 01010004"); /* CBCP */
	talk_expect(&t, "ff03c021 0802000a c229 01010004");
	talk_recv(&t, "c02b 0101"); /* BACP, without FF 03, shorter than a packet */
	talk_expect(&t, "ff03c021 08030008 c02b 0101");
	talk_recv(&t, "ff03 2d 45"); /* VJ-compressed TCP with a short protocol number */
	talk_expect(&t, "ff03c021 08040007 002d 45");
	talk_recv(&t, "ff030021 45000014"); /* data too early is no unknown protocol */
	talk_expect_quiet(&t);
	talk_end(&t);
}

static void a_protocol_reject_is_cut_to_what_the_peer_takes(void **state)
{
	struct hexlit h = {.n = 4000};
	struct verdict v = talk_verdict();
	uint8_t frame[PPP_FRAME_MAX];
	struct talk t;

	memcpy(h.p, "\xff\x03\x80\xfd", 4);
	talk_server_network(&t, &v);
	talk_drain(&t);
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	assert_int_equal(ppp_output(t.ppp, frame, sizeof(frame)), 4 + 1500);
	talk_end(&t);
}

static void a_rejected_ipcp_leaves_ipv6_and_the_other_way_round(void **state)
{
	struct verdict v = talk_verdict();
	struct ppp_event ev;
	struct talk t;

	talk_server_network(&t, &v);
	talk_drain(&t);
	talk_recv(&t, "ff03c021 08010010 8021 0101000a03060a080001");
	assert_true(ppp_next_event(t.ppp, &ev)); /* it never came up; its reason is shown once */
	assert_int_equal(ev.type, PPP_IPV4_DOWN);
	assert_int_equal(ev.reason, EV_IPCP_REJECTED);
	talk_expect_no_event(&t);
	talk_recv(&t, "ff038057 0105000e 010a0200005efffe5301");
	talk_drain(&t);
	talk_recv(&t, "ff03c021 08010006 8057");
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_IPCP_REJECTED);
	talk_end(&t);
}

/* ---- hostile peers ---- */

/* It terminates and asks again, for ever, while the other family is up: each Request counts. */
static void a_family_that_ends_and_begins_without_coming_up_ends_the_link(void **state)
{
	struct verdict v = talk_verdict();
	struct talk t;
	unsigned n;

	talk_server_network(&t, &v);
	talk_drain(&t);
	talk_recv(&t, "ff038057 0101000e 010a0200005efffe5301");
	talk_recv(&t, "ff038057 0201000e 010a0000000000000000");
	for (n = 0; n < 4 * FSM_REQUESTS_HEARD_MAX; n++) {
		char frame[64];

		snprintf(frame, sizeof(frame), "ff038021 01%02x000a 03060a080005", n & 255);
		talk_recv(&t, frame);
		snprintf(frame, sizeof(frame), "ff038021 05%02x0004", n & 255);
		talk_recv(&t, frame);
		talk_drain(&t);
		if (strcmp(ppp_phase_name(t.ppp), "Network"))
			break;
	}
	talk_advance(&t, 10000);
	while (ppp_next_event(t.ppp, &t.ev) && t.ev.type != PPP_CLOSED)
		;
	assert_int_equal(t.ev.reason, EV_IPCP_NOT_CONVERGING);
	assert_in_range(n, 1, 2 * FSM_REQUESTS_HEARD_MAX);
	talk_end(&t);
}

static void an_echo_flood_is_held_within_the_limit(void **state)
{
	struct talk t;
	uint8_t frame[PPP_FRAME_MAX];
	size_t n, total = 0;

	talk_server_establish(&t);
	for (unsigned i = 0; i < 10000; i++)
		talk_recv(&t, "ff03c021 09070018 a1b2c3d4 000102030405060708090a0b0c0d0e0f");
	while ((n = ppp_output(t.ppp, frame, sizeof(frame))))
		total += n;
	assert_in_range(total, 1000, PPP_OUTPUT_MAX);
	talk_recv(&t, "ff03c021 09070008 a1b2c3d4");
	talk_expect(&t, "ff03c021 0a070008 ????????");
	talk_end(&t);
}

static void option_bombs_and_broken_packets_are_dropped(void **state)
{
	static const char *const frames[] = {"ff03c021", "ff03c021 01", "ff03c021 01010003",
		"ff03c021 0101ffff 0104", "ff03c021 01010006 0100", "ff03c021 01010006 0105",
		"ff03c021 01010005 01", "ff03", "", "ff"};
	struct hexlit bomb = hexlit("ff03c021 010103e4");
	struct ppp_opts opts = talk_server_opts(all_methods, 1);
	struct talk t;

	talk_start(&t, &opts);
	talk_advance(&t, 1000);
	talk_drain(&t);
	talk_recv(&t, "ff03c021 0a010004"); /* the first packet, or our Request would come again */
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		talk_recv(&t, frames[i]);
	for (; bomb.n < 4 + 0x3e4; bomb.n += 2)
		memcpy(bomb.p + bomb.n, "\x63\x02", 2);
	ppp_recv(t.ppp, rd_init(bomb.p, bomb.n), t.now);
	talk_expect_quiet(&t);
	talk_expect_no_event(&t);
	talk_end(&t);
}

/* Each of the first 64 octets of each frame spoilt: a tunnel or an end, never a wrong tunnel. */
static unsigned spoil_victim(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	if (n == p->victim / 64 && p->victim % 64 < len)
		frame[p->victim % 64] ^= 0x5a;
	return 1;
}

static void spoilt_octets_bring_nobody_in_under_another_name(void **state)
{
	for (unsigned victim = 0; victim < 24 * 64; victim++) {
		struct pair p;

		pair_init(&p, AUTH_MSCHAPV2);
		p.fate = spoil_victim;
		p.victim = victim;
		pair_start(&p);
		pair_advance(&p, 120000);
		for (int i = 0; i < 2; i++)
			assert_true(p.seen[i].closed || ppp_data_ok(p.end[i], AF_INET) ||
				    ppp_data_ok(p.end[i], AF_INET6));
		if (p.seen[CLIENT].authenticated)
			assert_memory_equal(p.seen[CLIENT].hlak, p.seen[SERVER].hlak, HLAK_LEN);
		pair_end(&p);
	}
}

/* ---- options of the API ---- */

static void impossible_options_are_refused(void **state)
{
	static const enum auth_method none[] = {AUTH_NONE}, eap[] = {AUTH_EAP};
	struct ppp_opts opts = talk_client_opts(all_methods, 3);
	char name[USER_NAME_MAX + 2];
	struct ppp *p;

	opts.n_methods = 0;
	assert_int_equal(ppp_new(&opts, &p), -EINVAL);
	opts = talk_client_opts(none, 1);
	assert_int_equal(ppp_new(&opts, &p), -EINVAL);
	opts = talk_client_opts(eap, 1);
	assert_int_equal(ppp_new(&opts, &p), -EINVAL);
	opts = talk_client_opts(all_methods, 3);
	opts.user = "";
	assert_int_equal(ppp_new(&opts, &p), -EINVAL);
	memset(name, 'a', sizeof(name));
	name[USER_NAME_MAX + 1] = '\0';
	opts.user = name;
	assert_int_equal(ppp_new(&opts, &p), -EINVAL);
	name[USER_NAME_MAX] = '\0';
	assert_int_equal(ppp_new(&opts, &p), 0);
	ppp_free(p);
	ppp_free(NULL);
}

static void the_same_seed_says_the_same_words(void **state)
{
	static const enum auth_method methods[] = {AUTH_MSCHAPV2};
	struct ppp_opts opts = talk_server_opts(methods, 1);
	uint8_t first[PPP_FRAME_MAX];
	struct talk t;

	for (unsigned i = 0; i < 3; i++) {
		opts.random[63] = i == 2;
		talk_start(&t, &opts);
		talk_advance(&t, 1000);
		talk_expect(&t, "ff03c021 01010013 01040578 0305c22381 0506????????");
		if (i == 0)
			memcpy(first, t.last, t.last_len);
		assert_int_equal(!memcmp(first, t.last, t.last_len), i != 2);
		talk_end(&t);
	}
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FREED_MEMORY_IS_KEPT_AWAY 1
#endif
#endif
#if !defined(FREED_MEMORY_IS_KEPT_AWAY) && !defined(__SANITIZE_ADDRESS__)
/* Looks through all that malloc() gives back to us, which is what was freed before. */
static bool heap_holds(const char *text)
{
	bool found = false;

	for (size_t size = 64; size <= 16384; size += 16) {
		void *chunks[8];

		for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
			chunks[i] = malloc(size);
			__asm__ volatile("" : : "r"(chunks[i]) : "memory");
			found = found || memmem(chunks[i], size, text, strlen(text));
		}
		for (size_t i = 0; i < ARRAY_SIZE(chunks); i++)
			free(chunks[i]);
	}
	return found;
}

static void nothing_of_a_password_survives_the_end(void **state)
{
	static const char marker[] = "zebra-9zebra-9";
	char password[200];
	struct pair p;

	for (size_t i = 0; i + 1 < sizeof(password); i++)
		password[i] = marker[i % 7]; /* over and over */
	password[sizeof(password) - 1] = '\0';
	for (size_t m = 0; m < 2; m++) {
		pair_init(&p, m ? AUTH_MSCHAPV2 : AUTH_PAP);
		p.opts[CLIENT].password = password;
		pair_start(&p);
		pair_run(&p);
		assert_int_equal(p.seen[CLIENT].reason, EV_AUTH_FAILED);
		pair_end(&p);
		assert_false(heap_holds(marker));
	}
	/* a client that never got to say its password */
	pair_init(&p, AUTH_PAP);
	p.opts[CLIENT].password = password;
	pair_start(&p);
	pair_end(&p);
	assert_false(heap_holds(marker));
}
#define SECRET_TESTS cmocka_unit_test(nothing_of_a_password_survives_the_end),
#else
#define SECRET_TESTS
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		SECRET_TESTS cmocka_unit_test(each_method_brings_addresses_to_both_ends),
		cmocka_unit_test(both_ends_see_the_same_addresses_crosswise),
		cmocka_unit_test(a_wrong_password_is_told_to_both_ends_within_the_round_trips),
		cmocka_unit_test(
			a_domain_reaches_the_owner_as_sent_and_does_not_count_in_the_answer),
		cmocka_unit_test(each_refusal_has_its_own_event_at_the_client),
		cmocka_unit_test(an_impostor_is_left_before_any_address),
		cmocka_unit_test(the_ends_find_the_method_that_both_allow),
		cmocka_unit_test(a_slow_verdict_is_waited_for),
		cmocka_unit_test(a_verdict_that_never_comes_ends_at_the_clients_patience),
		cmocka_unit_test(a_verdict_after_the_end_is_ignored),
		cmocka_unit_test(a_server_without_ipv6_or_without_ipv4_is_enough),
		cmocka_unit_test(nothing_to_offer_ends_with_its_event),
		cmocka_unit_test(no_network_protocol_in_common_ends_with_its_event),
		cmocka_unit_test(either_end_can_close_and_says_why),
		cmocka_unit_test(both_ends_can_close_at_once),
		cmocka_unit_test(a_peer_that_does_not_answer_a_terminate_request_is_left_after_6_s),
		cmocka_unit_test(closing_before_the_start_or_before_a_word_was_said_is_immediate),
		cmocka_unit_test(after_the_end_nothing_is_heard_or_said),
		cmocka_unit_test(negotiating_lcp_anew_ends_the_call),
		cmocka_unit_test(the_loss_of_any_one_frame_is_survived),
		cmocka_unit_test(any_frame_that_comes_three_times_does_no_harm),
		cmocka_unit_test(all_frames_twice_do_no_harm),
		cmocka_unit_test(a_dead_link_ends_after_ten_requests_on_both_ends),
		cmocka_unit_test(windows_with_mschapv2_three_identifications_ccp_and_ipv6cp),
		cmocka_unit_test(windows_with_pap_without_name_servers_or_ipv6),
		cmocka_unit_test(windows_that_starts_late_costs_no_restart_timer_either),
		cmocka_unit_test(a_client_that_drops_what_comes_behind_success_waits_for_no_timer),
		cmocka_unit_test(a_server_that_listens_late_gets_the_clients_request_again_at_once),
		cmocka_unit_test(a_peer_that_is_deaf_for_a_second_costs_less_than_a_restart_timer),
		cmocka_unit_test(the_interval_grows_from_twice_the_round_trip_to_three_seconds),
		cmocka_unit_test(either_ends_first_requests_may_be_lost_without_a_wait),
		cmocka_unit_test(what_the_server_says_when_it_ends_the_link_is_kept),
		cmocka_unit_test(mppe_is_named_when_the_server_asked_for_it),
		cmocka_unit_test(a_refused_address_is_named_as_the_reason),
		cmocka_unit_test(what_the_server_says_when_it_ends_both_protocols_is_kept),
		cmocka_unit_test(before_lcp_is_opened_nothing_but_lcp_is_heard),
		cmocka_unit_test(during_authentication_only_its_own_packets_are_heard),
		cmocka_unit_test(unknown_protocols_are_rejected_in_the_network_phase),
		cmocka_unit_test(a_protocol_reject_is_cut_to_what_the_peer_takes),
		cmocka_unit_test(a_rejected_ipcp_leaves_ipv6_and_the_other_way_round),
		cmocka_unit_test(a_family_that_ends_and_begins_without_coming_up_ends_the_link),
		cmocka_unit_test(an_echo_flood_is_held_within_the_limit),
		cmocka_unit_test(option_bombs_and_broken_packets_are_dropped),
		cmocka_unit_test(spoilt_octets_bring_nobody_in_under_another_name),
		cmocka_unit_test(impossible_options_are_refused),
		cmocka_unit_test(the_same_seed_says_the_same_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
