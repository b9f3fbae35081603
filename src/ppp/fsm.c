// SPDX-License-Identifier: Apache-2.0
/*
 * The option negotiation automaton (RFC 1661 section 4).
 *
 * The table below is the RFC's own. A received packet becomes one of its sixteen events; what it is
 * to be answered with is prepared in f->answer first, so that the actions only send. Received
 * packets that section 5 discards (wrong identifier, an Ack that differs from the Request,
 * a Reject of what was not sent) never become events.
 *
 * The first Request. A peer may drop what comes before its protocol listens: Windows after
 * CALL_CONNECT_ACK, an Android client behind CHAP Success, a server that starts its pppd late. A lost
 * Request costs a restart timer. So a Request that went out before the peer had sent anything goes out
 * once more when the peer's first Request comes, and before the answer to it: a peer that has no answer
 * to its own Request cannot be Opened yet, so a repetition cannot tear its link down. The table, its
 * counter and its timer stay as they are.
 *
 * Left out: the restart and passive options (r and p in the RFC's table): a tunnel negotiates once.
 *
 * Timers: one restart timer in states 4 to 8. For a Configure-Request it starts at 3 s, or where the round
 * trip is known at first_restart_ms and doubles up to 3 s (RFC 1661 4.6); it is back at 3 s when the peer
 * has acked. Max-Configure 10, Max-Terminate 2, Max-Failure 5.
 * Limits: limits.h; a peer that never converges becomes a fault, since no timer would ever end it.
 *
 * DEVIATION: two rules keep repeated packets from tearing an Opened link down, which the RFC's table
 * would do. A second Ack of the same Request is dropped. A Request in Opened that repeats, octet for
 * octet, the one acked last is acked again and changes nothing: it is the peer's restart timer having
 * run out while our Ack was on its way. LCP takes the identifier out of that comparison, because it
 * is negotiated only once anyway (see ppp.c).
 */
#include "ppp/fsm.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

// clang-format off
enum {
	tlu = FSM_TLU, tld = FSM_TLD, tls = FSM_TLS, tlf = FSM_TLF, irc = FSM_IRC, zrc = FSM_ZRC, scr = FSM_SCR,
	sca = FSM_SCA, scn = FSM_SCN, str = FSM_STR, sta = FSM_STA, scj = FSM_SCJ, ser = FSM_SER,
};
#define NO {0, -1}

/* RFC 1661 section 4.1. Two lines per event, as printed there: states 0 to 5, then 6 to 9. */
static const struct fsm_cell table[FSM_EVENTS][FSM_STATES] = {
	[FSM_UP] =        {{0, 2},   {irc|scr, 6}, NO,       NO,               NO,       NO,
	                   NO,            NO,            NO,            NO},
	[FSM_DOWN] =      {NO,       NO,           {0, 0},   {tls, 1},         {0, 0},   {0, 1},
	                   {0, 1},        {0, 1},        {0, 1},        {tld, 1}},
	[FSM_OPEN] =      {{tls, 1}, {0, 1},       {irc|scr, 6}, {0, 3},       {0, 5},   {0, 5},
	                   {0, 6},        {0, 7},        {0, 8},        {0, 9}},
	[FSM_CLOSE] =     {{0, 0},   {tlf, 0},     {0, 2},   {0, 2},           {0, 4},   {0, 4},
	                   {irc|str, 4},  {irc|str, 4},  {irc|str, 4},  {tld|irc|str, 4}},
	[FSM_TO_PLUS] =   {NO,       NO,           NO,       NO,               {str, 4}, {str, 5},
	                   {scr, 6},      {scr, 6},      {scr, 8},      NO},
	[FSM_TO_MINUS] =  {NO,       NO,           NO,       NO,               {tlf, 2}, {tlf, 3},
	                   {tlf, 3},      {tlf, 3},      {tlf, 3},      NO},
	[FSM_RCR_PLUS] =  {NO,       NO,           {sta, 2}, {irc|scr|sca, 8}, {0, 4},   {0, 5},
	                   {sca, 8},      {sca|tlu, 9},  {sca, 8},      {tld|scr|sca, 8}},
	[FSM_RCR_MINUS] = {NO,       NO,           {sta, 2}, {irc|scr|scn, 6}, {0, 4},   {0, 5},
	                   {scn, 6},      {scn, 7},      {scn, 6},      {tld|scr|scn, 6}},
	[FSM_RCA] =       {NO,       NO,           {sta, 2}, {sta, 3},         {0, 4},   {0, 5},
	                   {irc, 7},      {scr, 6},      {irc|tlu, 9},  {tld|scr, 6}},
	[FSM_RCN] =       {NO,       NO,           {sta, 2}, {sta, 3},         {0, 4},   {0, 5},
	                   {irc|scr, 6},  {scr, 6},      {irc|scr, 8},  {tld|scr, 6}},
	[FSM_RTR] =       {NO,       NO,           {sta, 2}, {sta, 3},         {sta, 4}, {sta, 5},
	                   {sta, 6},      {sta, 6},      {sta, 6},      {tld|zrc|sta, 5}},
	[FSM_RTA] =       {NO,       NO,           {0, 2},   {0, 3},           {tlf, 2}, {tlf, 3},
	                   {0, 6},        {0, 6},        {0, 8},        {tld|scr, 6}},
	[FSM_RUC] =       {NO,       NO,           {scj, 2}, {scj, 3},         {scj, 4}, {scj, 5},
	                   {scj, 6},      {scj, 7},      {scj, 8},      {scj, 9}},
	[FSM_RXJ_PLUS] =  {NO,       NO,           {0, 2},   {0, 3},           {0, 4},   {0, 5},
	                   {0, 6},        {0, 6},        {0, 8},        {0, 9}},
	[FSM_RXJ_MINUS] = {NO,       NO,           {tlf, 2}, {tlf, 3},         {tlf, 2}, {tlf, 3},
	                   {tlf, 3},      {tlf, 3},      {tlf, 3},      {tld|irc|str, 5}},
	[FSM_RXR] =       {NO,       NO,           {0, 2},   {0, 3},           {0, 4},   {0, 5},
	                   {0, 6},        {0, 7},        {0, 8},        {ser, 9}},
};
// clang-format on

const struct fsm_cell *fsm_cell(enum fsm_event ev, enum fsm_state state)
{
	return &table[ev][state];
}

void fsm_init(struct fsm *f, const struct fsm_protocol *protocol, void *self, struct buf *queue,
	struct ppp_fault *fault)
{
	*f = (struct fsm){.protocol = protocol,
		.self = self,
		.queue = queue,
		.fault = fault,
		.first_restart_ms = FSM_RESTART_MS,
		.restart_ms = FSM_RESTART_MS,
		.deadline = NEVER,
		.mtu = PPP_MRU_DEFAULT,
		.next_identifier = 1};
}

void fsm_done(struct fsm *f)
{
	free(f->end_text);
	f->end_text = NULL;
}

static void start_timer(struct fsm *f, uint64_t now_ms)
{
	f->deadline = now_ms + f->restart_ms;
}

/* RFC 1661 4.6: from a small value, each at least twice the one before, to the final one. */
static void next_interval(struct fsm *f, bool first)
{
	f->restart_ms = first ? f->first_restart_ms : 2 * f->restart_ms;
	if (f->restart_ms > FSM_RESTART_MS)
		f->restart_ms = FSM_RESTART_MS;
}

static void send_packet(struct fsm *f, uint8_t code, uint8_t identifier, const void *body, size_t n)
{
	ppp_queue_packet(f->queue, f->protocol->number, code, identifier, body, n);
}

/* RFC 1661 5.1: the identifier changes with the options and may stay for a retransmission. */
static void send_configure_request(struct fsm *f, uint64_t now_ms)
{
	if (!f->resend) {
		f->request_identifier = f->next_identifier++;
		f->request_len = options_encode(&f->protocol->options, f->self, f->left_out,
			f->request, sizeof(f->request));
	}
	f->resend = f->acked = false;
	f->may_be_lost = !f->heard;
	send_packet(f, CONFIGURE_REQUEST, f->request_identifier, f->request, f->request_len);
	if (f->restart_count)
		f->restart_count--;
	start_timer(f, now_ms);
}

static void send_terminate_request(struct fsm *f, uint64_t now_ms)
{
	const char *text = f->terminate_text ? f->terminate_text : "";

	send_packet(f, TERMINATE_REQUEST, f->next_identifier++, text, strlen(text));
	if (f->restart_count)
		f->restart_count--;
	start_timer(f, now_ms);
}

static void send_answer(struct fsm *f)
{
	if (f->answer.code)
		send_packet(f, f->answer.code, f->answer.identifier, f->answer.octets, f->answer.n);
}

/* In the order in which the RFC writes the actions of a cell down. */
static void run(struct fsm *f, unsigned actions, uint64_t now_ms)
{
	f->layer |= actions & (FSM_TLD | FSM_TLU | FSM_TLS | FSM_TLF);
	if (actions & FSM_IRC)
		f->restart_count = actions & FSM_STR ? FSM_MAX_TERMINATE : FSM_MAX_CONFIGURE;
	if (actions & FSM_STR || actions & FSM_ZRC)
		f->restart_ms = FSM_RESTART_MS;
	if (actions & FSM_ZRC) {
		f->restart_count = 0;
		start_timer(f, now_ms);
	}
	if (actions & FSM_SCR)
		next_interval(f, !f->resend);
	if (actions & FSM_SCR)
		send_configure_request(f, now_ms);
	if (actions & (FSM_SCA | FSM_SCN | FSM_SCJ | FSM_SER))
		send_answer(f);
	if (actions & FSM_STR)
		send_terminate_request(f, now_ms);
	if (actions & FSM_STA)
		send_packet(f, TERMINATE_ACK, f->answer.identifier, NULL, 0);
	if (actions & FSM_TLU)
		f->naks_heard = f->requests_heard = 0;
}

void fsm_event(struct fsm *f, enum fsm_event ev, uint64_t now_ms)
{
	const struct fsm_cell *c = &table[ev][f->state];

	if (c->next < 0) {
		f->impossible_events++;
		return;
	}
	f->state = (enum fsm_state)c->next;
	run(f, c->actions, now_ms);
	if (f->state < FSM_CLOSING || f->state == FSM_OPENED)
		f->deadline = NEVER;
}

unsigned fsm_take_layer(struct fsm *f)
{
	unsigned layer = f->layer;

	f->layer = 0;
	return layer;
}

void fsm_tick(struct fsm *f, uint64_t now_ms)
{
	if (now_ms < f->deadline)
		return;
	if (f->restart_count) {
		f->resend = true;
		fsm_event(f, FSM_TO_PLUS, now_ms);
		f->resend = false;
		return;
	}
	if (f->state >= FSM_REQ_SENT && !f->peer_terminated)
		f->end = f->heard ? f->protocol->timeout : f->protocol->no_answer;
	fsm_event(f, FSM_TO_MINUS, now_ms);
}

/* "The first Request" above. It costs nothing of Max-Configure. */
static void resend_lost_request(struct fsm *f, uint64_t now_ms)
{
	if (!f->may_be_lost || (f->state != FSM_REQ_SENT && f->state != FSM_ACK_SENT))
		return;
	f->resend = true;
	f->restart_count++;
	send_configure_request(f, now_ms);
}

static bool negotiating(const struct fsm *f)
{
	return f->state >= FSM_REQ_SENT || f->state == FSM_STOPPED;
}

static bool same_octets(struct rd r, const void *octets, size_t n)
{
	return rd_left(&r) == n && (!n || !memcmp(r.p, octets, n));
}

static bool repeats_acked_request(const struct fsm *f, const struct ppp_packet *packet)
{
	return f->state == FSM_OPENED && f->peer_request_kept &&
	       (f->protocol->negotiates_once || packet->identifier == f->peer_request_identifier) &&
	       same_octets(packet->body, f->peer_request, f->peer_request_len);
}

static void keep_acked_request(struct fsm *f, const struct ppp_packet *packet)
{
	struct rd body = packet->body;

	f->peer_request_identifier = packet->identifier;
	f->peer_request_len = rd_left(&body);
	f->peer_request_kept = f->peer_request_len <= sizeof(f->peer_request);
	if (f->peer_request_kept)
		rd_copy(&body, f->peer_request, f->peer_request_len);
}

/* Max-Configure Requests may be on their way before the peer hears our Nak; more are no repeats. */
static void note_repeat(struct fsm *f, const struct ppp_packet *packet)
{
	bool same = f->naked && packet->identifier == f->naked_identifier;

	f->repeated = same ? f->repeated + 1 : 0;
	f->repeats = same && f->repeated < FSM_MAX_CONFIGURE;
}

static void recv_request(struct fsm *f, const struct ppp_packet *packet, uint64_t now_ms)
{
	static const uint8_t codes[] = {[OPTION_ACK] = CONFIGURE_ACK,
		[OPTION_NAK] = CONFIGURE_NAK,
		[OPTION_REJECT] = CONFIGURE_REJECT};
	const struct fsm_protocol *proto = f->protocol;
	struct option_reply reply;
	bool again = repeats_acked_request(f, packet);

	if (!negotiating(f)) {
		fsm_event(f, FSM_RCR_PLUS, now_ms);
		return;
	}
	proto->begin(f->self);
	note_repeat(f, packet);
	if (options_judge(&proto->options, f->self, packet->body, f->naks_sent >= FSM_MAX_FAILURE,
		    &reply) < 0)
		return;
	if (++f->requests_heard > FSM_REQUESTS_HEARD_MAX && f->state != FSM_OPENED)
		ppp_fault_set(f->fault, proto->not_converging, "%s: %u Configure-Requests",
			proto->name, f->requests_heard);
	if (f->fault->event)
		return;
	resend_lost_request(f, now_ms);
	f->answer.code = codes[reply.answer];
	f->answer.octets = reply.octets;
	f->answer.n = reply.n;
	if (reply.answer == OPTION_ACK) {
		proto->agreed(f->self);
		keep_acked_request(f, packet);
		f->naks_sent = 0;
	}
	f->naked = reply.answer == OPTION_NAK;
	f->naked_identifier = packet->identifier;
	f->naks_sent += f->naked && !f->repeats;
	if (again && reply.answer == OPTION_ACK)
		send_answer(f);
	else
		fsm_event(f, reply.answer == OPTION_ACK ? FSM_RCR_PLUS : FSM_RCR_MINUS, now_ms);
}

/* RFC 1661 5.2 to 5.4: only the answer to our last Request counts, and only the first one. */
static bool answers_our_request(const struct fsm *f, const struct ppp_packet *packet)
{
	return packet->identifier == f->request_identifier && !f->acked;
}

static void recv_ack(struct fsm *f, const struct ppp_packet *packet, uint64_t now_ms)
{
	if (!answers_our_request(f, packet) ||
		!same_octets(packet->body, f->request, f->request_len))
		return;
	f->acked = true;
	f->restart_ms =
		FSM_RESTART_MS; /* it was not lost: the peer has the usual time from here on */
	start_timer(f, now_ms);
	fsm_event(f, FSM_RCA, now_ms);
}

static void recv_nak(struct fsm *f, const struct ppp_packet *packet, uint64_t now_ms)
{
	int r;

	if (!answers_our_request(f, packet))
		return;
	if (f->state < FSM_REQ_SENT) {
		fsm_event(f, FSM_RCN, now_ms);
		return;
	}
	if (packet->code == CONFIGURE_NAK)
		r = options_naked(&f->protocol->options, f->self, packet->body);
	else
		r = options_rejected(&f->protocol->options, f->self,
			rd_init(f->request, f->request_len), packet->body, &f->left_out);
	if (r < 0)
		return;
	if (++f->naks_heard > FSM_NAKS_HEARD_MAX)
		ppp_fault_set(f->fault, f->protocol->not_converging, "%s: %u Naks and Rejects",
			f->protocol->name, f->naks_heard);
	if (!f->fault->event)
		fsm_event(f, FSM_RCN, now_ms);
}

/* Most links end without one, so it takes no place in each. */
static void keep_end_text(struct fsm *f, struct rd octets)
{
	char text[PPP_TEXT_MAX];

	ppp_text(octets, text, sizeof(text));
	free(f->end_text);
	f->end_text = *text ? strdup(text) : NULL;
}

const char *fsm_end_text(const struct fsm *f)
{
	return f->end_text ? f->end_text : "";
}

static void recv_terminate_request(struct fsm *f, const struct ppp_packet *packet, uint64_t now_ms)
{
	f->peer_terminated = true;
	f->end = f->protocol->terminated;
	keep_end_text(f, packet->body);
	fsm_event(f, FSM_RTR, now_ms);
}

static void recv_terminate_ack(
	struct fsm *f, const struct ppp_packet *packet UNUSED, uint64_t now_ms)
{
	fsm_event(f, FSM_RTA, now_ms);
}

/* RFC 1661 5.6: a peer without one of the codes 1 to 7 cannot negotiate. */
static void recv_code_reject(struct fsm *f, const struct ppp_packet *packet, uint64_t now_ms)
{
	struct rd body = packet->body;
	uint8_t code = rd_u8(&body);

	if (code < CONFIGURE_REQUEST || code > CODE_REJECT) {
		fsm_event(f, FSM_RXJ_PLUS, now_ms);
		return;
	}
	f->end = f->protocol->refused;
	fsm_event(f, FSM_RXJ_MINUS, now_ms);
}

static void recv_unknown_code(struct fsm *f, const struct ppp_packet *packet, uint64_t now_ms)
{
	size_t room = (f->mtu < PPP_PACKET_MAX ? f->mtu : PPP_PACKET_MAX) - 4u,
	       n = rd_left(&packet->whole);

	f->answer.code = CODE_REJECT;
	f->answer.identifier = f->next_identifier++;
	f->answer.octets = packet->whole.p;
	f->answer.n = n < room ? n : room;
	fsm_event(f, FSM_RUC, now_ms);
}

void fsm_recv(struct fsm *f, const struct ppp_packet *packet, uint64_t now_ms)
{
	static void (*const handlers[])(struct fsm *, const struct ppp_packet *, uint64_t) = {
		[CONFIGURE_REQUEST] = recv_request,
		[CONFIGURE_ACK] = recv_ack,
		[CONFIGURE_NAK] = recv_nak,
		[CONFIGURE_REJECT] = recv_nak,
		[TERMINATE_REQUEST] = recv_terminate_request,
		[TERMINATE_ACK] = recv_terminate_ack,
		[CODE_REJECT] = recv_code_reject,
	};

	if (f->state < FSM_CLOSED)
		return; /* the layer below is down: nothing can have come from it */
	f->heard = true;
	f->answer.code = 0;
	f->answer.identifier = packet->identifier;
	if (packet->code >= CONFIGURE_REQUEST && packet->code <= CODE_REJECT)
		handlers[packet->code](f, packet, now_ms);
	else
		recv_unknown_code(f, packet, now_ms);
	f->answer.code = 0;
}
