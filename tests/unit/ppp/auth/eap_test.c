// SPDX-License-Identifier: Apache-2.0
/*
 * The carrier alone, between a client whose method says what the test wants and an owner that asks twice:
 * Requests and Responses of type 200, "1" and "2".
 */
#include "../pair.h"

#include "base/eap.h"
#include "ppp/eap_peer.h"

#define OUR_TYPE 200

struct script {
	struct eap_peer peer;
	unsigned requests;
	bool done, discards, fails;
	struct eap_packet last;
};

static ssize_t process(struct eap_peer *p, struct rd request, size_t mtu, uint8_t *ret)
{
	struct script *s = container_of(p, struct script, peer);
	struct eap_packet packet;

	assert_int_equal(eap_packet_parse(request, &packet), 0);
	assert_in_range(mtu, 576, EAP_PACKET_MAX);
	s->requests++;
	s->last = packet;
	if (s->discards)
		return 0;
	if (s->fails)
		return -EACCES;
	s->done = s->requests == 2;
	eap_header(ret, EAP_RESPONSE, packet.identifier, 2);
	ret[4] = packet.type;
	ret[5] = (uint8_t)('0' + s->requests);
	return 6;
}

static int key(struct eap_peer *p, uint8_t ret_msk[static EAP_MSK_LEN])
{
	struct script *s = container_of(p, struct script, peer);

	memset(ret_msk, 0x5a, EAP_MSK_LEN);
	return s->done ? 0 : -EAGAIN;
}

static enum event why(const struct eap_peer *p, const char **ret_detail)
{
	*ret_detail = container_of(p, struct script, peer)->fails ? "the script says no" : "";
	return EV_NONE;
}

static const struct eap_peer_ops ops = {process, key, why};

static void challenge(struct pair *p, uint8_t identifier, char text)
{
	uint8_t packet[6];

	eap_header(packet, EAP_REQUEST, identifier, 2);
	packet[4] = OUR_TYPE;
	packet[5] = (uint8_t)text;
	ppp_auth_challenge(p->end[SERVER], packet, sizeof(packet), p->now);
}

/* Identity, then two rounds, then in. */
static void judge(struct pair *p, const struct proof *proof)
{
	struct verdict v = p->verdict;
	struct eap_packet packet;

	assert_int_equal(proof->method, AUTH_EAP);
	assert_int_equal(eap_packet_parse(rd_init(proof->eap, proof->eap_len), &packet), 0);
	assert_int_equal(proof->eap_mtu, 1400);
	if (packet.type == EAP_IDENTITY) {
		assert_string_equal(proof->user, "User");
		challenge(p, (uint8_t)(packet.identifier + 1), 'a');
		return;
	}
	assert_int_equal(packet.type, OUR_TYPE);
	if (*packet.data.p == '1') {
		challenge(p, (uint8_t)(packet.identifier + 1), 'b');
		return;
	}
	memset(v.hlak, 0x5a, sizeof(v.hlak));
	ppp_auth_verdict(p->end[SERVER], &v, p->now);
}

static void begin(struct pair *p, struct script *s)
{
	*s = (struct script){.peer.ops = &ops};
	pair_init(p, AUTH_EAP);
	p->opts[CLIENT].eap = &s->peer;
	p->judge = judge;
	pair_start(p);
}

static void two_rounds_and_success_bring_the_link_up(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	begin(&p, &s);
	pair_run(&p);
	assert_true(pair_is_up(&p));
	assert_int_equal(p.seen[SERVER].requests, 3);
	assert_int_equal(s.requests, 2);
	assert_int_equal(p.seen[CLIENT].hlak[31], 0x5a);
	assert_memory_equal(p.seen[CLIENT].hlak, p.seen[SERVER].hlak, HLAK_LEN);
	assert_int_equal(ppp_deadline(p.end[SERVER]), NEVER);
	pair_end(&p);
}

static bool is_eap(const uint8_t *frame)
{
	return frame[2] == 0xc2 && frame[3] == 0x27;
}

/* Every EAP packet twice: the method sees each Request once, the judge each Response once. */
static unsigned twice(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	(void)p, (void)n, (void)from, (void)len;
	return is_eap(frame) ? 2 : 1;
}

static void a_packet_that_comes_twice_counts_once(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	begin(&p, &s);
	p.fate = twice;
	pair_run(&p);
	assert_true(pair_is_up(&p));
	assert_int_equal(s.requests, 2);
	assert_int_equal(p.seen[SERVER].requests, 3);
	pair_end(&p);
}

static unsigned lose_one(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	(void)n, (void)from, (void)len;
	if (!is_eap(frame) || frame[4] == EAP_SUCCESS)
		return 1;
	return p->victim-- != 0;
}

/* The server repeats its Request octet for octet; the client repeats its Response. */
static void any_lost_packet_is_made_good_by_the_servers_repetition(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		begin(&p, &s);
		p.fate = lose_one;
		p.victim = i;
		pair_advance(&p, 4000);
		assert_true(pair_is_up(&p));
		assert_int_equal(s.requests, 2);
		pair_end(&p);
	}
}

static void a_silent_client_is_asked_ten_times(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	begin(&p, &s);
	s.discards = true;
	pair_advance(&p, 40000);
	assert_int_equal(p.seen[SERVER].reason, EV_AUTH_NO_ANSWER);
	assert_int_equal(s.requests, 10); /* discarded ones are no duplicates */
	pair_end(&p);
}

static void no_judge(struct pair *p, const struct proof *proof)
{
	(void)p, (void)proof;
}

/* RFC 3748 4.3: while the judge thinks, the server repeats nothing; a client has patience for 60 s. */
static void a_slow_judge_costs_no_repetition(void **state)
{
	struct script s;
	struct pair p;
	unsigned sent;

	(void)state;
	begin(&p, &s);
	p.judge = no_judge;
	pair_run(&p);
	sent = p.sent;
	pair_advance(&p, 55000);
	assert_int_equal(p.sent, sent);
	assert_int_equal(p.seen[CLIENT].closed, 0);
	pair_advance(&p, 10000);
	assert_int_equal(p.seen[CLIENT].reason, EV_AUTH_NO_ANSWER);
	pair_end(&p);
}

/* ---- packets from nowhere: a link on which the client's side is the test --------------------- */

static void hear(struct pair *p, int at, const char *packet, size_t n)
{
	uint8_t frame[1600] = {0xff, 0x03, 0xc2, 0x27};

	memcpy(frame + 4, packet, n);
	ppp_recv(p->end[at], rd_init(frame, 4 + n), p->now);
	pair_take_events(p, at);
}

/* Stops before the client's first word of EAP has come to the server. */
static unsigned no_eap(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len)
{
	(void)n, (void)len;
	if (is_eap(frame) && from == SERVER)
		p->lost[0] = frame[5]; /* the identifier */
	return !is_eap(frame);
}

static void begin_alone(struct pair *p, struct script *s)
{
	begin(p, s);
	p->fate = no_eap;
	pair_run(p);
}

static void what_answers_no_open_request_is_dropped(void **state)
{
	struct script s;
	struct pair p;
	char response[] = "\x02\x00\x00\x08\x01User";

	(void)state;
	begin_alone(&p, &s);
	p.judge = no_judge;
	response[1] = (char)(p.lost[0] + 1);
	response[3] = 9;
	hear(&p, SERVER, response, 9); /* another identifier */
	assert_int_equal(p.seen[SERVER].requests, 0);
	response[1] = (char)p.lost[0];
	hear(&p, SERVER, "\x02\x00\x00\x04", 4);
	response[4] = (char)OUR_TYPE; /* a method's before the Identity */
	hear(&p, SERVER, response, 9);
	assert_int_equal(p.seen[SERVER].requests, 0);
	response[4] = EAP_IDENTITY;
	for (size_t n = 0; n < 9; n++)
		hear(&p, SERVER, response, n); /* cut */
	assert_int_equal(p.seen[SERVER].requests, 0);
	hear(&p, SERVER, response, 9);
	hear(&p, SERVER, response, 9);
	assert_int_equal(p.seen[SERVER].requests, 1);
	pair_end(&p);
}

/* CVE-2020-8597, at the carrier: the Identity is copied into 256 octets. */
static void an_identity_of_more_than_256_octets_is_refused_without_a_judge(void **state)
{
	char response[1500] = {2, 0, 1500 >> 8, (char)(1500 & 0xff), 1};
	struct script s;
	struct pair p;

	(void)state;
	begin_alone(&p, &s);
	memset(response + 5, 'a', sizeof(response) - 5);
	response[1] = (char)p.lost[0];
	hear(&p, SERVER, response, sizeof(response));
	pair_run(&p);
	assert_int_equal(p.seen[SERVER].requests, 0);
	assert_int_equal(p.seen[SERVER].reason, EV_AUTH_FAILED);
	pair_end(&p);
}

/* ppp #625: a late acknowledgement after Success; pppd used what it had freed. */
static void what_comes_after_success_is_dropped(void **state)
{
	char late[] = "\x02\x00\x00\x06\xc8"
		      "2";
	struct script s;
	struct pair p;

	(void)state;
	begin(&p, &s);
	pair_run(&p);
	assert_true(pair_is_up(&p));
	for (int i = 0; i < 256; i++) {
		late[1] = (char)i;
		hear(&p, SERVER, late, 6);
		hear(&p, CLIENT, "\x03\x00\x00\x04", 4);
		hear(&p, CLIENT, "\x04\x00\x00\x04", 4);
		hear(&p, CLIENT,
			"\x01\x07\x00\x06\xc8"
			"a",
			6);
	}
	ppp_auth_challenge(p.end[SERVER], (const uint8_t *)"\x01\x07\x00\x05\xc8", 5, p.now);
	assert_true(pair_is_up(&p));
	assert_int_equal(p.seen[SERVER].requests, 3);
	assert_int_equal(s.requests, 2);
	pair_end(&p);
}

/* A Success or Failure that nobody could have sent yet, and a Success before the method's end. */
static void a_success_that_was_not_earned_is_dropped(void **state)
{
	struct script s;
	struct pair p;
	char success[] = "\x03\x00\x00\x04";

	(void)state;
	begin_alone(&p, &s);
	for (int i = 0; i < 256; i++) {
		success[1] = (char)i;
		hear(&p, CLIENT, success, 4);
	}
	hear(&p, CLIENT,
		"\x01\x07\x00\x06\xc8"
		"a",
		6);
	assert_int_equal(s.requests, 1);
	for (int i = 0; i < 256; i++) {
		success[1] = (char)i;
		hear(&p, CLIENT, success, 4);
	}
	assert_int_equal(p.seen[CLIENT].authenticated, 0);
	assert_int_equal(p.seen[CLIENT].closed, 0);
	hear(&p, CLIENT,
		"\x01\x08\x00\x06\xc8"
		"b",
		6);
	hear(&p, CLIENT, "\x03\x06\x00\x04", 4); /* neither the identifier nor the next */
	assert_int_equal(p.seen[CLIENT].authenticated, 0);
	hear(&p, CLIENT, "\x03\x08\x00\x04", 4);
	assert_int_equal(p.seen[CLIENT].authenticated, 1);
	pair_end(&p);
}

static void a_failure_ends_the_client_with_what_its_method_knows(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	begin_alone(&p, &s);
	hear(&p, CLIENT,
		"\x01\x07\x00\x06\xc8"
		"a",
		6);
	hear(&p, CLIENT, "\x04\x07\x00\x04", 4);
	pair_advance(&p, 10000);
	assert_int_equal(p.seen[CLIENT].reason, EV_AUTH_FAILED);
	pair_end(&p);
	begin_alone(&p, &s);
	s.fails = true;
	hear(&p, CLIENT,
		"\x01\x07\x00\x06\xc8"
		"a",
		6);
	pair_advance(&p, 10000);
	assert_int_equal(p.seen[CLIENT].reason, EV_AUTH_CANNOT_COMPUTE);
	assert_string_equal(p.seen[CLIENT].detail, "EAP, the script says no");
	pair_end(&p);
}

static void notification_is_answered_and_needs_no_method(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	begin_alone(&p, &s);
	p.fate = NULL;
	hear(&p, CLIENT,
		"\x01\x09\x00\x0a\x02"
		"hello",
		10);
	assert_int_equal(s.requests, 0);
	assert_true(ppp_deadline(p.end[CLIENT]) != NEVER);
	pair_end(&p);
}

static void a_request_of_no_type_or_a_nak_is_dropped(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	begin_alone(&p, &s);
	hear(&p, CLIENT, "\x01\x07\x00\x05\x00", 5);
	hear(&p, CLIENT, "\x01\x08\x00\x06\x03\x1a", 6);
	assert_int_equal(s.requests, 0);
	pair_end(&p);
}

/* A server that asks for ever. */
static void a_client_ends_a_login_without_end(void **state)
{
	char request[] = "\x01\x00\x00\x06\xc8"
			 "a";
	struct script s;
	struct pair p;

	(void)state;
	begin_alone(&p, &s);
	for (int i = 0; i < 300; i++) {
		request[1] = (char)i;
		hear(&p, CLIENT, request, 6);
		pair_run(&p);
	}
	pair_advance(&p, 10000);
	assert_int_equal(p.seen[CLIENT].reason, EV_AUTH_WITHOUT_END);
	assert_int_equal(s.requests, EAP_REQUESTS_MAX);
	pair_end(&p);
}

/* One that sends the same Request for ever gets as many answers, and the login as much time. */
static void a_client_ends_a_login_of_one_request_for_ever(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	begin_alone(&p, &s);
	for (int i = 0; i < 300; i++) {
		hear(&p, CLIENT, "\x01\x07\x00\x06\xc8\x61", 6);
		pair_run(&p);
	}
	pair_advance(&p, 10000);
	assert_int_equal(p.seen[CLIENT].reason, EV_AUTH_WITHOUT_END);
	assert_int_equal(s.requests, 1);
	pair_end(&p);
}

static void bad_challenge(struct pair *p, const struct proof *proof)
{
	static const char *const packets[] = {"\x02\x07\x00\x05\xc8", "\x01\x07\x00\x06\xc8",
		"\x03\x07\x00\x04\x00", "\x01\x07\x00\x04\x00"};
	uint8_t packet[5];

	memcpy(packet, packets[p->victim], 5);
	if (p->victim == 4)
		packet[1] = proof->identifier;
	ppp_auth_challenge(p->end[SERVER], packet, 5, p->now);
}

/* Such a packet would come from a RADIUS server; it never reaches the client. */
static void a_next_request_that_is_none_ends_the_login(void **state)
{
	struct script s;
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		begin(&p, &s);
		p.victim = i;
		p.judge = bad_challenge;
		pair_advance(&p, 10000);
		assert_int_equal(s.requests, 0);
		assert_int_equal(p.seen[SERVER].reason, EV_AUTH_FAILED);
		assert_int_equal(p.seen[CLIENT].authenticated, 0);
		pair_end(&p);
	}
}

/* LCP: a client without EAP Naks it, and the server goes on with what else is enabled. */
static void a_nak_of_eap_leads_to_the_next_method(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, AUTH_MSCHAPV2);
	p.methods[SERVER][0] = AUTH_EAP;
	p.methods[SERVER][1] = AUTH_MSCHAPV2;
	p.opts[SERVER].n_methods = 2;
	pair_start(&p);
	pair_run(&p);
	assert_true(pair_is_up(&p));
	assert_int_equal(ppp_auth_method(p.end[SERVER]), AUTH_MSCHAPV2);
	pair_end(&p);
}

static void a_client_with_eap_needs_its_methods(void **state)
{
	struct ppp *ppp;
	struct pair p;

	(void)state;
	pair_init(&p, AUTH_EAP);
	assert_int_equal(ppp_new(&p.opts[CLIENT], &ppp), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_rounds_and_success_bring_the_link_up),
		cmocka_unit_test(a_packet_that_comes_twice_counts_once),
		cmocka_unit_test(any_lost_packet_is_made_good_by_the_servers_repetition),
		cmocka_unit_test(a_silent_client_is_asked_ten_times),
		cmocka_unit_test(a_slow_judge_costs_no_repetition),
		cmocka_unit_test(what_answers_no_open_request_is_dropped),
		cmocka_unit_test(an_identity_of_more_than_256_octets_is_refused_without_a_judge),
		cmocka_unit_test(what_comes_after_success_is_dropped),
		cmocka_unit_test(a_success_that_was_not_earned_is_dropped),
		cmocka_unit_test(a_failure_ends_the_client_with_what_its_method_knows),
		cmocka_unit_test(notification_is_answered_and_needs_no_method),
		cmocka_unit_test(a_request_of_no_type_or_a_nak_is_dropped),
		cmocka_unit_test(a_client_ends_a_login_without_end),
		cmocka_unit_test(a_client_ends_a_login_of_one_request_for_ever),
		cmocka_unit_test(a_next_request_that_is_none_ends_the_login),
		cmocka_unit_test(a_nak_of_eap_leads_to_the_next_method),
		cmocka_unit_test(a_client_with_eap_needs_its_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
