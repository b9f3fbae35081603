// SPDX-License-Identifier: Apache-2.0
/* ppp/ipcp.c: any Requests, Naks and Rejects; the first octet says which end. */
#include "ppp/ipcp.h"
#include "ppp_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

/* Whoever opens has addresses: the server's client the one it was given, the client one at all. */
static void check(struct ipcp *i)
{
	struct ppp_addresses got = {0};

	must(i->fsm.state < FSM_STATES && i->fsm.impossible_events == 0);
	if (!(fsm_take_layer(&i->fsm) & FSM_TLU))
		return;
	ipcp_opened(i, &got);
	if (i->fsm.fault->event)
		return;
	if (i->server)
		must(addr_v4_value(&got.peer) == 0x0a080005);
	else
		must(got.local.family == AF_INET && got.local.octets[0] != 127 &&
			got.local.octets[0] < 224);
}

static bool step(struct ipcp *i, struct rd *in, struct last_frame *last, uint64_t *now)
{
	struct ppp_packet packet;
	struct rd body;

	switch (next_step(in, &body)) {
	case STEP_PACKET:
		if (ppp_packet_parse(body, &packet) == 0)
			ipcp_recv(i, &packet, *now);
		break;
	case STEP_TIME:
		if (i->fsm.deadline != NEVER)
			*now = i->fsm.deadline;
		fsm_tick(&i->fsm, *now);
		break;
	case STEP_OWN: fsm_event(&i->fsm, FSM_RXJ_MINUS, *now); break;
	case STEP_ANSWER:
		if (answer_of(last, body, &packet))
			ipcp_recv(i, &packet, *now);
		break;
	case STEP_END: return false;
	}
	drain(i->fsm.queue, last);
	check(i);
	return !i->fsm.fault->event;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct ppp_addresses addresses = {.local = addr_v4(0x0a080001),
		.peer = addr_v4(0x0a080005),
		.dns = {addr_v4(0x0a080001)}};
	struct rd in = rd_init(octets, n);
	uint8_t first = rd_u8(&in);
	struct ipcp_opts opts = {
		.server = first & 1, .want_dns = !(first & 1), .want_nbns = first == 2};
	struct last_frame last = {.n = 0};
	struct ppp_fault fault = {0};
	uint64_t now = 1000;
	struct buf queue;
	struct ipcp i;

	buf_init(&queue, PPP_OUTPUT_MAX);
	ipcp_init(&i, &opts, &queue, &fault);
	if (opts.server)
		ipcp_set_addresses(&i, &addresses);
	fsm_event(&i.fsm, FSM_OPEN, now);
	fsm_event(&i.fsm, FSM_UP, now);
	drain(&queue, &last);
	for (unsigned k = 0; k < STEPS_MAX && step(&i, &in, &last, &now); k++)
		continue;
	fsm_done(&i.fsm);
	buf_done(&queue);
	return 0;
}
