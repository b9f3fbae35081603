// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "ppp/fsm.h"

/* RFC 1661 section 4.1, as the RFC prints it: one row per event, columns are the states 0 to 9. */
static const char *const rfc_table[FSM_EVENTS] = {
	[FSM_UP] = "2 irc,scr/6 - - - - - - - -",
	[FSM_DOWN] = "- - 0 tls/1 0 1 1 1 1 tld/1",
	[FSM_OPEN] = "tls/1 1 irc,scr/6 3r 5r 5r 6 7 8 9r",
	[FSM_CLOSE] = "0 tlf/0 2 2 4 4 irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4",
	[FSM_TO_PLUS] = "- - - - str/4 str/5 scr/6 scr/6 scr/8 -",
	[FSM_TO_MINUS] = "- - - - tlf/2 tlf/3 tlf/3p tlf/3p tlf/3p -",
	[FSM_RCR_PLUS] = "- - sta/2 irc,scr,sca/8 4 5 sca/8 sca,tlu/9 sca/8 tld,scr,sca/8",
	[FSM_RCR_MINUS] = "- - sta/2 irc,scr,scn/6 4 5 scn/6 scn/7 scn/6 tld,scr,scn/6",
	[FSM_RCA] = "- - sta/2 sta/3 4 5 irc/7 scr/6x irc,tlu/9 tld,scr/6x",
	[FSM_RCN] = "- - sta/2 sta/3 4 5 irc,scr/6 scr/6x irc,scr/8 tld,scr/6x",
	[FSM_RTR] = "- - sta/2 sta/3 sta/4 sta/5 sta/6 sta/6 sta/6 tld,zrc,sta/5",
	[FSM_RTA] = "- - 2 3 tlf/2 tlf/3 6 6 8 tld,scr/6",
	[FSM_RUC] = "- - scj/2 scj/3 scj/4 scj/5 scj/6 scj/7 scj/8 scj/9",
	[FSM_RXJ_PLUS] = "- - 2 3 4 5 6 6 8 9",
	[FSM_RXJ_MINUS] = "- - tlf/2 tlf/3 tlf/2 tlf/3 tlf/3 tlf/3 tlf/3 tld,irc,str/5",
	[FSM_RXR] = "- - 2 3 4 5 6 7 8 ser/9",
};

static const struct {
	const char *name;
	unsigned action;
} action_names[] = {{"tlu", FSM_TLU}, {"tld", FSM_TLD}, {"tls", FSM_TLS}, {"tlf", FSM_TLF},
	{"irc", FSM_IRC}, {"zrc", FSM_ZRC}, {"scr", FSM_SCR}, {"sca", FSM_SCA}, {"scn", FSM_SCN},
	{"str", FSM_STR}, {"sta", FSM_STA}, {"scj", FSM_SCJ}, {"ser", FSM_SER}};

static unsigned action_of(const char *name)
{
	for (size_t i = 0; i < sizeof(action_names) / sizeof(*action_names); i++)
		if (!strncmp(action_names[i].name, name, 3))
			return action_names[i].action;
	fail_msg("no action %s", name);
	return 0;
}

/* "irc,scr/6" gives the actions and 6; "3r" gives none and 3; "-" gives -1. */
static struct fsm_cell cell_of(const char *text)
{
	const char *slash = strchr(text, '/');
	struct fsm_cell c = {0, -1};

	if (!strcmp(text, "-"))
		return c;
	for (const char *p = text; slash && p < slash; p += 4)
		c.actions |= (uint16_t)action_of(p);
	c.next = (int8_t)atoi(slash ? slash + 1 : text);
	return c;
}

static void all_160_cells_are_those_of_the_rfc(void **state)
{
	unsigned compared = 0;

	for (unsigned ev = 0; ev < FSM_EVENTS; ev++) {
		char row[200], *save = NULL;

		snprintf(row, sizeof(row), "%s", rfc_table[ev]);
		char *word = strtok_r(row, " ", &save);
		for (unsigned st = 0; st < FSM_STATES; st++, word = strtok_r(NULL, " ", &save)) {
			struct fsm_cell want = cell_of(word);
			const struct fsm_cell *have = fsm_cell(ev, st);

			if (have->actions != want.actions || have->next != want.next)
				fail_msg("event %u state %u: %x/%d, the RFC has %s", ev, st,
					have->actions, have->next, word);
			compared++;
		}
		assert_null(word);
	}
	assert_int_equal(compared, 160);
}

/* A protocol with one option, 7: its value 2 is acked, 1 Nak'd with 2, any other rejected. */
struct toy {
	struct fsm fsm;
	struct buf queue;
	struct ppp_fault fault;
	uint16_t own;
	uint64_t now;
	unsigned begun, agreed;
};

static enum option_answer toy_judge(
	void *self, const struct ppp_option *row, struct rd value, struct wr *nak)
{
	uint16_t v = rd_be16(&value);

	wr_be16(nak, 2);
	return v == 2 ? OPTION_ACK : v == 1 ? OPTION_NAK : OPTION_REJECT;
}

static bool toy_encode(void *self, const struct ppp_option *row, struct wr *value)
{
	wr_be16(value, ((struct toy *)self)->own);
	return true;
}

static void toy_nak(void *self, const struct ppp_option *row, struct rd value)
{
	((struct toy *)self)->own = rd_be16(&value);
}

static void toy_begin(void *self)
{
	((struct toy *)self)->begun++;
}

static void toy_agreed(void *self)
{
	((struct toy *)self)->agreed++;
}

static const struct ppp_option toy_options[] = {
	{7, 4, 0, "toy", toy_judge, NULL, toy_encode, toy_nak, NULL}};
static const struct fsm_protocol toy_protocol = {.name = "toy",
	.number = 0x8099,
	.options = {toy_options, 1},
	.begin = toy_begin,
	.agreed = toy_agreed,
	.no_answer = EV_LCP_NO_ANSWER,
	.timeout = EV_LCP_TIMEOUT,
	.not_converging = EV_LCP_NOT_CONVERGING,
	.refused = EV_LCP_REFUSED,
	.terminated = EV_LCP_PEER_TERMINATED};

static int toy_setup(void **state)
{
	struct toy *t = calloc(1, sizeof(*t));

	t->own = 5;
	t->now = 100;
	buf_init(&t->queue, PPP_OUTPUT_MAX);
	fsm_init(&t->fsm, &toy_protocol, t, &t->queue, &t->fault);
	*state = t;
	return 0;
}

static int toy_teardown(void **state)
{
	struct toy *t = *state;

	fsm_done(&t->fsm);
	buf_done(&t->queue);
	free(t);
	return 0;
}

static void toy_restart(void **state)
{
	toy_teardown(state);
	toy_setup(state);
}

static void toy_recv(struct toy *t, const char *packet)
{
	struct hexlit h = hexlit(packet);
	struct ppp_packet p;

	assert_int_equal(ppp_packet_parse(rd_init(h.p, h.n), &p), 0);
	fsm_recv(&t->fsm, &p, t->now);
}

/* "" : nothing waits. The four octets of the frame's header are left out. */
static void toy_sends(struct toy *t, const char *packet)
{
	uint8_t frame[PPP_FRAME_MAX];
	size_t n = ppp_queue_take(&t->queue, frame, sizeof(frame));

	if (!*packet) {
		assert_int_equal(n, 0);
		return;
	}
	assert_true(n > 4);
	assert_octets(frame, 4, "ff038099");
	assert_octets(frame + 4, n - 4, packet);
}

static void toy_begin_negotiation(struct toy *t)
{
	fsm_event(&t->fsm, FSM_OPEN, t->now);
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLS);
	fsm_event(&t->fsm, FSM_UP, t->now);
	assert_int_equal(t->fsm.state, FSM_REQ_SENT);
	toy_sends(t, "01 01 0008 07040005");
}

static void toy_open(struct toy *t)
{
	toy_begin_negotiation(t);
	toy_recv(t, "01 a0 0008 07040002");
	toy_sends(t, "01 01 0008 07040005"); /* once more: the first one may be lost */
	toy_sends(t, "02 a0 0008 07040002");
	toy_recv(t, "02 01 0008 07040005");
	assert_int_equal(t->fsm.state, FSM_OPENED);
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLU);
	assert_true(t->fsm.deadline == NEVER);
}

static void two_requests_and_two_acks_open_the_layer(void **state)
{
	toy_open(*state);
}

/* The peer dropped our Request, because it did not listen yet. */
static void a_request_from_before_the_peers_first_goes_out_once_more_and_before_the_answer(
	void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {{"01 a0 0008 07040002", "02 a0 0008 07040002"},
		{"01 a0 0008 07040001", "03 a0 0008 07040002"},
		{"01 a0 0006 0902", "04 a0 0006 0902"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct toy *t;

		toy_restart(state);
		t = *state;
		toy_begin_negotiation(t);
		t->now += 40;
		toy_recv(t, cases[i].request);
		toy_sends(t, "01 01 0008 07040005");
		toy_sends(t, cases[i].answer);
		toy_sends(t, "");
		assert_int_equal(t->fsm.restart_count, FSM_MAX_CONFIGURE - 1);
		assert_int_equal(t->fsm.deadline, t->now + FSM_RESTART_MS);
		toy_recv(t, cases[i].request); /* only once */
		toy_sends(t, cases[i].answer);
		toy_sends(t, "");
	}
}

/* Both the lost one and its repetition reached the peer: it answers twice, and the first counts. */
static void two_answers_to_the_request_that_went_out_twice_count_once(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	toy_recv(t, "02 01 0008 07040005");
	assert_int_equal(t->fsm.state, FSM_OPENED);
	assert_int_equal(fsm_take_layer(&t->fsm), 0);
	toy_sends(t, "");
}

static void a_request_that_was_answered_does_not_go_out_again(void **state)
{
	static const char *const answers[] = {"02 01 0008 07040005", "03 01 0008 07040009"};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct toy *t;

		toy_restart(state);
		t = *state;
		toy_begin_negotiation(t);
		toy_recv(t, answers[i]);
		toy_sends(t, i ? "01 02 0008 07040009" : "");
		toy_recv(t, "01 a0 0008 07040002");
		toy_sends(t, "02 a0 0008 07040002");
		toy_sends(t, "");
	}
}

static void a_malformed_request_brings_no_repetition_but_the_next_good_one_does(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	toy_recv(t, "01 a0 0006 0709");
	toy_sends(t, "");
	toy_recv(t, "01 a1 0008 07040002");
	toy_sends(t, "01 01 0008 07040005");
	toy_sends(t, "02 a1 0008 07040002");
	toy_sends(t, "");
}

/* A Request that went out when the peer had been heard met a peer that listens. */
static void a_request_sent_to_a_peer_that_was_heard_is_not_repeated(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	toy_recv(t, "06 55 0004"); /* a Terminate-Ack in Req-Sent means nothing (RFC 1661 4.1) */
	t->now = t->fsm.deadline;
	fsm_tick(&t->fsm, t->now);
	toy_sends(t, "01 01 0008 07040005");
	toy_recv(t, "01 a1 0008 07040002");
	toy_sends(t, "02 a1 0008 07040002");
	toy_sends(t, "");
}

static void the_acks_may_come_in_the_other_order(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	toy_recv(t, "02 01 0008 07040005");
	assert_int_equal(t->fsm.state, FSM_ACK_RCVD);
	toy_recv(t, "01 a0 0008 07040002");
	assert_int_equal(t->fsm.state, FSM_OPENED);
	assert_int_equal(t->agreed, 1);
}

static void an_ack_with_another_identifier_or_other_options_is_dropped(void **state)
{
	static const char *const wrong[] = {"02 02 0008 07040005", "02 00 0008 07040005",
		"02 01 0008 07040006", "02 01 0004", "02 01 000c 07040005 07040005",
		"02 01 0007 070400"};
	struct toy *t = *state;

	toy_begin_negotiation(t);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		toy_recv(t, wrong[i]);
		assert_int_equal(t->fsm.state, FSM_REQ_SENT);
		toy_sends(t, "");
	}
}

static void a_nak_brings_a_new_request_with_a_new_identifier(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	toy_recv(t, "03 01 0008 07040009");
	toy_sends(t, "01 02 0008 07040009");
	toy_recv(t, "03 01 0008 0704000a"); /* of the old Request: dropped */
	toy_sends(t, "");
	toy_recv(t, "02 02 0008 07040009");
	assert_int_equal(t->fsm.state, FSM_ACK_RCVD);
}

static void a_rejected_option_is_left_out_from_then_on(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	toy_recv(t, "04 01 0008 07040005");
	toy_sends(t, "01 02 0004");
	t->now += FSM_RESTART_MS;
	fsm_tick(&t->fsm, t->now);
	toy_sends(t, "01 02 0004");
}

static void a_reject_of_what_was_not_sent_is_dropped(void **state)
{
	static const char *const wrong[] = {
		"04 01 0008 07040006", "04 01 0006 0902", "04 01 0004", "04 01 0008 07050005"};
	struct toy *t = *state;

	toy_begin_negotiation(t);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		toy_recv(t, wrong[i]);
	toy_sends(t, "");
	assert_int_equal(t->fsm.naks_heard, 0);
}

static void requests_are_repeated_every_3_s_and_given_up_after_ten(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	for (unsigned i = 1; i < FSM_MAX_CONFIGURE; i++) {
		assert_int_equal(t->fsm.deadline, t->now + 3000);
		fsm_tick(&t->fsm, t->fsm.deadline - 1);
		toy_sends(t, "");
		t->now = t->fsm.deadline;
		fsm_tick(&t->fsm, t->now);
		toy_sends(t, "01 01 0008 07040005");
	}
	t->now = t->fsm.deadline;
	fsm_tick(&t->fsm, t->now);
	toy_sends(t, "");
	assert_int_equal(t->fsm.state, FSM_STOPPED);
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLF);
	assert_int_equal(t->fsm.end, EV_LCP_NO_ANSWER);
}

/* In Ack-Rcvd the repeated Request needs another Ack, and must get it counted. */
static void after_a_timeout_in_ack_rcvd_a_second_ack_counts(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	toy_recv(t, "02 01 0008 07040005");
	t->now = t->fsm.deadline;
	fsm_tick(&t->fsm, t->now);
	assert_int_equal(t->fsm.state, FSM_REQ_SENT);
	toy_recv(t, "02 01 0008 07040005");
	toy_recv(t, "01 a0 0008 07040002");
	assert_int_equal(t->fsm.state, FSM_OPENED);
}

static void naks_turn_into_rejects_after_five(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	for (unsigned i = 0; i < FSM_MAX_FAILURE; i++) {
		char packet[40];

		snprintf(packet, sizeof(packet), "01 %02x 0008 07040001", 0x90 + i);
		toy_recv(t, packet);
		if (!i)
			toy_sends(t, "01 01 0008 07040005");
		snprintf(packet, sizeof(packet), "03 %02x 0008 07040002", 0x90 + i);
		toy_sends(t, packet);
	}
	toy_recv(t, "01 a0 0008 07040001");
	toy_sends(t, "04 a0 0008 07040001");
}

/* A peer that did not hear us yet sends its Request again: these Naks are one. */
static void a_nak_to_a_repeated_request_counts_once(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	for (unsigned i = 0; i < FSM_MAX_CONFIGURE; i++) {
		toy_recv(t, "01 a0 0008 07040001");
		if (!i)
			toy_sends(t, "01 01 0008 07040005");
		toy_sends(t, "03 a0 0008 07040002");
		assert_int_equal(t->fsm.naks_sent, 1);
	}
	/* one that never changes its identifier is not asked for ever */
	for (unsigned i = 1; i < FSM_MAX_FAILURE; i++) {
		toy_recv(t, "01 a0 0008 07040001");
		toy_sends(t, "03 a0 0008 07040002");
	}
	toy_recv(t, "01 a0 0008 07040001");
	toy_sends(t, "04 a0 0008 07040001");
}

static void a_peer_that_naks_for_ever_is_a_fault(void **state)
{
	struct toy *t = *state;
	char nak[32];

	toy_begin_negotiation(t);
	for (unsigned i = 1; i <= FSM_NAKS_HEARD_MAX; i++) {
		snprintf(nak, sizeof(nak), "03 %02x 0008 070400%02x", i, i);
		toy_recv(t, nak);
		assert_int_equal(t->fault.event, EV_NONE);
	}
	snprintf(nak, sizeof(nak), "03 %02x 0008 07040063", FSM_NAKS_HEARD_MAX + 1);
	toy_recv(t, nak);
	assert_int_equal(t->fault.event, EV_LCP_NOT_CONVERGING);
}

static void a_peer_that_asks_for_ever_is_a_fault(void **state)
{
	struct toy *t = *state;

	toy_begin_negotiation(t);
	for (unsigned i = 0; i < FSM_REQUESTS_HEARD_MAX; i++)
		toy_recv(t, "01 a0 0008 07040009");
	assert_int_equal(t->fault.event, EV_NONE);
	toy_recv(t, "01 a0 0008 07040009");
	assert_int_equal(t->fault.event, EV_LCP_NOT_CONVERGING);
}

static void a_repeated_ack_in_opened_changes_nothing(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	toy_recv(t, "02 01 0008 07040005");
	assert_int_equal(t->fsm.state, FSM_OPENED);
	assert_int_equal(fsm_take_layer(&t->fsm), 0);
	toy_sends(t, "");
}

static void a_repeated_request_in_opened_is_acked_and_changes_nothing(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	toy_recv(t, "01 a0 0008 07040002");
	toy_sends(t, "02 a0 0008 07040002");
	toy_sends(t, "");
	assert_int_equal(t->fsm.state, FSM_OPENED);
	assert_int_equal(fsm_take_layer(&t->fsm), 0);
}

static void a_new_request_in_opened_negotiates_anew(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	toy_recv(t, "01 a1 0008 07040002");
	toy_sends(t, "01 02 0008 07040005");
	toy_sends(t, "02 a1 0008 07040002");
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLD);
	toy_recv(t, "02 02 0008 07040005");
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLU);
}

static void close_asks_twice_and_then_finishes(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	t->fsm.terminate_text = "bye";
	fsm_event(&t->fsm, FSM_CLOSE, t->now);
	toy_sends(t, "05 02 0007 627965");
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLD);
	t->now = t->fsm.deadline;
	fsm_tick(&t->fsm, t->now);
	toy_sends(t, "05 03 0007 627965");
	t->now = t->fsm.deadline;
	fsm_tick(&t->fsm, t->now);
	toy_sends(t, "");
	assert_int_equal(t->fsm.state, FSM_CLOSED);
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLF);
}

static void a_terminate_ack_finishes_at_once(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	fsm_take_layer(&t->fsm);
	fsm_event(&t->fsm, FSM_CLOSE, t->now);
	toy_recv(t, "06 02 0004");
	assert_int_equal(t->fsm.state, FSM_CLOSED);
	assert_true(fsm_take_layer(&t->fsm) & FSM_TLF);
	assert_true(t->fsm.deadline == NEVER);
}

static void a_terminate_request_is_acked_and_waited_out(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	toy_recv(t, "05 b0 0004");
	toy_sends(t, "06 b0 0004");
	assert_int_equal(t->fsm.state, FSM_STOPPING);
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLD);
	assert_int_equal(t->fsm.deadline, t->now + FSM_RESTART_MS);
	fsm_tick(&t->fsm, t->fsm.deadline);
	assert_int_equal(fsm_take_layer(&t->fsm), FSM_TLF);
	assert_int_equal(t->fsm.end, EV_LCP_PEER_TERMINATED);
}

static void an_unknown_code_is_rejected_with_its_packet(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	toy_recv(t, "2a c0 0006 beef");
	toy_sends(t, "07 02 000a 2ac00006beef");
	toy_recv(t, "00 c1 0004");
	toy_sends(t, "07 03 0008 00c10004");
	assert_int_equal(t->fsm.state, FSM_OPENED);
}

static void a_code_reject_is_cut_to_what_the_peer_takes(void **state)
{
	struct toy *t = *state;
	struct hexlit h = {.n = 4000};
	uint8_t frame[PPP_FRAME_MAX];
	struct ppp_packet p;

	memcpy(h.p, "\x2a\xc0\x0f\xa0", 4);
	toy_open(t);
	assert_int_equal(ppp_packet_parse(rd_init(h.p, h.n), &p), 0);
	fsm_recv(&t->fsm, &p, t->now);
	assert_int_equal(ppp_queue_take(&t->queue, frame, sizeof(frame)), 4 + 1500);
	t->fsm.mtu = 600;
	fsm_recv(&t->fsm, &p, t->now);
	assert_int_equal(ppp_queue_take(&t->queue, frame, sizeof(frame)), 4 + 600);
}

static void only_a_reject_of_a_code_that_all_must_know_is_fatal(void **state)
{
	struct toy *t = *state;

	toy_open(t);
	toy_recv(t, "07 01 0008 0c000004");
	assert_int_equal(t->fsm.state, FSM_OPENED);
	toy_recv(t, "07 01 0008 01000004");
	assert_int_equal(t->fsm.state, FSM_STOPPING);
	assert_int_equal(t->fsm.end, EV_LCP_REFUSED);
}

static void nothing_is_heard_while_the_layer_below_is_down(void **state)
{
	struct toy *t = *state;

	toy_recv(t, "01 a0 0008 07040002");
	fsm_event(&t->fsm, FSM_OPEN, t->now);
	toy_recv(t, "01 a0 0008 07040002");
	toy_sends(t, "");
	assert_int_equal(t->fsm.state, FSM_STARTING);
}

/* Whatever is received in whatever state: no crash, a state of the table, a timer only in states 4 to 8. */
static void every_packet_in_every_state_keeps_the_timer_rule(void **state)
{
	static const char *const packets[] = {"01 a0 0008 07040002", "01 a1 0008 07040001",
		"01 a2 0008 07040009", "02 01 0008 07040005", "03 01 0008 07040009",
		"04 01 0008 07040005", "05 a0 0004", "06 a0 0004", "07 a0 0008 01000004",
		"07 a0 0008 20000004", "2a a0 0004"};
	struct toy *t = *state;

	for (unsigned st = 0; st < FSM_STATES; st++) {
		for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++) {
			t->fault.event = EV_NONE;
			t->own = 5;
			fsm_init(&t->fsm, &toy_protocol, t, &t->queue, &t->fault);
			toy_begin_negotiation(t);
			t->fsm.state = st;
			toy_recv(t, packets[i]);
			assert_in_range(t->fsm.state, 0, FSM_STATES - 1);
			assert_int_equal(t->fsm.impossible_events, 0);
			if (st >= FSM_CLOSED &&
				(t->fsm.state < FSM_CLOSING || t->fsm.state == FSM_OPENED) &&
				t->fsm.state != st)
				assert_true(t->fsm.deadline == NEVER);
			while (ppp_queue_take(
				&t->queue, (uint8_t[PPP_FRAME_MAX]){0}, PPP_FRAME_MAX))
				continue;
		}
	}
}

#define toy_test(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_160_cells_are_those_of_the_rfc),
		toy_test(two_requests_and_two_acks_open_the_layer),
		toy_test(
			a_request_from_before_the_peers_first_goes_out_once_more_and_before_the_answer),
		toy_test(two_answers_to_the_request_that_went_out_twice_count_once),
		toy_test(a_request_that_was_answered_does_not_go_out_again),
		toy_test(a_malformed_request_brings_no_repetition_but_the_next_good_one_does),
		toy_test(a_request_sent_to_a_peer_that_was_heard_is_not_repeated),
		toy_test(the_acks_may_come_in_the_other_order),
		toy_test(an_ack_with_another_identifier_or_other_options_is_dropped),
		toy_test(a_nak_brings_a_new_request_with_a_new_identifier),
		toy_test(a_rejected_option_is_left_out_from_then_on),
		toy_test(a_reject_of_what_was_not_sent_is_dropped),
		toy_test(requests_are_repeated_every_3_s_and_given_up_after_ten),
		toy_test(after_a_timeout_in_ack_rcvd_a_second_ack_counts),
		toy_test(naks_turn_into_rejects_after_five),
		toy_test(a_nak_to_a_repeated_request_counts_once),
		toy_test(a_peer_that_naks_for_ever_is_a_fault),
		toy_test(a_peer_that_asks_for_ever_is_a_fault),
		toy_test(a_repeated_ack_in_opened_changes_nothing),
		toy_test(a_repeated_request_in_opened_is_acked_and_changes_nothing),
		toy_test(a_new_request_in_opened_negotiates_anew),
		toy_test(close_asks_twice_and_then_finishes),
		toy_test(a_terminate_ack_finishes_at_once),
		toy_test(a_terminate_request_is_acked_and_waited_out),
		toy_test(an_unknown_code_is_rejected_with_its_packet),
		toy_test(a_code_reject_is_cut_to_what_the_peer_takes),
		toy_test(only_a_reject_of_a_code_that_all_must_know_is_fatal),
		toy_test(nothing_is_heard_while_the_layer_below_is_down),
		toy_test(every_packet_in_every_state_keeps_the_timer_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
