// SPDX-License-Identifier: Apache-2.0
/* ppp/ipv6cp.c: any Requests, Naks and Rejects; the first octet says whether identifiers are fixed. */
#include "ppp/ipv6cp.h"
#include "ppp_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

/* The two identifiers never are the same, and ours is never zero. */
static void check(struct ipv6cp *i)
{
	static const uint8_t zero[IFID_LEN];
	struct ppp_addresses got = {0};

	must(i->fsm.state < FSM_STATES && i->fsm.impossible_events == 0);
	must(memcmp(i->own, zero, IFID_LEN));
	if (!(fsm_take_layer(&i->fsm) & FSM_TLU))
		return;
	ipv6cp_opened(i, &got);
	must(memcmp(got.local_ifid, got.peer_ifid, IFID_LEN));
}

static bool step(struct ipv6cp *i, struct rd *in, struct last_frame *last, uint64_t *now)
{
	struct ppp_packet packet;
	struct rd body;

	switch (next_step(in, &body)) {
	case STEP_PACKET:
		if (ppp_packet_parse(body, &packet) == 0)
			ipv6cp_recv(i, &packet, *now);
		break;
	case STEP_TIME:
		if (i->fsm.deadline != NEVER)
			*now = i->fsm.deadline;
		fsm_tick(&i->fsm, *now);
		break;
	case STEP_OWN: fsm_event(&i->fsm, FSM_RXJ_MINUS, *now); break;
	case STEP_ANSWER:
		if (answer_of(last, body, &packet))
			ipv6cp_recv(i, &packet, *now);
		break;
	case STEP_END: return false;
	}
	drain(i->fsm.queue, last);
	check(i);
	return !i->fsm.fault->event;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct ppp_addresses addresses = {.local_ifid = {[7] = 1}, .peer_ifid = {[7] = 2}};
	struct rd in = rd_init(octets, n);
	struct draw draw = {.seed = {1}};
	struct last_frame last = {.n = 0};
	struct ppp_fault fault = {0};
	uint64_t now = 1000;
	struct buf queue;
	struct ipv6cp i;

	buf_init(&queue, PPP_OUTPUT_MAX);
	ipv6cp_init(&i, &draw, &queue, &fault);
	if (rd_u8(&in) & 1)
		ipv6cp_set_addresses(&i, &addresses);
	fsm_event(&i.fsm, FSM_OPEN, now);
	fsm_event(&i.fsm, FSM_UP, now);
	drain(&queue, &last);
	for (unsigned k = 0; k < STEPS_MAX && step(&i, &in, &last, &now); k++)
		continue;
	fsm_done(&i.fsm);
	buf_done(&queue);
	return 0;
}
