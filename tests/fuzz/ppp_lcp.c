// SPDX-License-Identifier: Apache-2.0
/* ppp/lcp.c with the automaton and the options under it; the first octet says which end. */
#include "ppp/lcp.h"
#include "ppp_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void check(struct lcp *l)
{
	must(l->fsm.state < FSM_STATES && l->fsm.impossible_events == 0);
	must(l->peer.mru >= PPP_MRU_MIN && l->peer.mru <= PPP_MRU_MAX && l->fsm.mtu == l->peer.mru);
	must(l->offer < l->opts.n_methods);
	must(l->fsm.deadline == NEVER ||
		(l->fsm.state >= FSM_CLOSING && l->fsm.state < FSM_OPENED));
	fsm_take_layer(&l->fsm);
}

static bool step(struct lcp *l, struct rd *in, struct last_frame *last, uint64_t *now)
{
	struct lcp_notice notice;
	struct ppp_packet packet;
	struct rd body;

	switch (next_step(in, &body)) {
	case STEP_PACKET:
		if (ppp_packet_parse(body, &packet) == 0)
			lcp_recv(l, &packet, *now, &notice);
		break;
	case STEP_TIME:
		if (l->fsm.deadline != NEVER)
			*now = l->fsm.deadline;
		fsm_tick(&l->fsm, *now);
		break;
	case STEP_OWN: lcp_protocol_reject(l, 0x80fd, body); break;
	case STEP_ANSWER:
		if (answer_of(last, body, &packet))
			lcp_recv(l, &packet, *now, &notice);
		break;
	case STEP_END: return false;
	}
	drain(l->fsm.queue, last);
	check(l);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const enum auth_method methods[] = {AUTH_MSCHAPV2, AUTH_CHAP_MD5, AUTH_PAP};
	struct rd in = rd_init(octets, n);
	struct lcp_opts opts = {
		.server = rd_u8(&in) & 1, .mru = 1400, .methods = methods, .n_methods = 3};
	struct draw draw = {.seed = {1}};
	struct last_frame last = {.n = 0};
	struct ppp_fault fault = {0};
	uint64_t now = 1000;
	struct buf queue;
	struct lcp l;

	buf_init(&queue, PPP_OUTPUT_MAX);
	must(lcp_init(&l, &opts, &draw, &queue, &fault) == 0);
	fsm_event(&l.fsm, FSM_OPEN, now);
	fsm_event(&l.fsm, FSM_UP, now);
	drain(&queue, &last);
	for (unsigned i = 0; i < STEPS_MAX && step(&l, &in, &last, &now); i++)
		continue;
	fsm_done(&l.fsm);
	buf_done(&queue);
	return 0;
}
