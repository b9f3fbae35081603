// SPDX-License-Identifier: Apache-2.0
/*
 * One PPP end (RFC 1661): start reading here.
 *
 * Purpose. The three layers of PPP and their order. Phases, RFC 1661 3.2:
 *
 *     Dead --lower up--> Establish --LCP Opened--> Authenticate --passed--> Network
 *       ^                    |                          |                       |
 *       +--- Terminate <-----+--------------------------+-----------------------+
 *
 * The parts (lcp, auth, ipcp, ipv6cp) never call up. Each call into this file hands its packet or
 * its time down to one part and then settles: layer bits are taken, faults become ppp_close(), and
 * the phase moves on. Events are not queued but read off the state by ppp_next_event(), so that no
 * peer can pile them up.
 *
 * The server's first word. Windows drops LCP packets that come before its own PPP is up, right after
 * CALL_CONNECT_ACK; pppd under sstp-client waits up to a second for the server's first word. So the server
 * is silent until the client's first LCP packet, or for first_request_wait_ms. Its own Request goes out at
 * the head of the answer to that packet; one that went out earlier goes out once more (fsm.c, "The first
 * Request"), so a short wait does not hurt Windows.
 *
 * Terminating. Before PPP_CLOSED we wait for the Terminate-Ack (two restart timers at most).
 * DEVIATION: when the peer terminates, PPP_CLOSED comes at once with our Terminate-Ack in the output.
 * RFC 1661 3.7 wants a restart timer of waiting here because a modem's hang-up could overtake the Ack; a
 * TCP stream keeps them in order.
 *
 * DEVIATION: LCP is negotiated once. When an end wants to renegotiate after Opened, where RFC 1661
 * would go back to Establish and authenticate again, the link is closed: the crypto binding of SSTP is
 * made from the first authentication and nothing in [MS-SSTP] binds a second one.
 * DEVIATION: a Terminate-Request before LCP is Opened also ends the link; the peer has given up.
 * DEVIATION: one for a network protocol that is not Opened ends the link when no other protocol is left.
 *
 * Left out: link quality, multilink, callback, compression, Echo-Requests of our own (SSTP has some).
 * Timers: restart timers of the automata, authentication, the server's first word. Limits: limits.h.
 */
#include "ppp/ppp.h"

#include <errno.h>
#include <string.h>

#include "base/hot.h"
#include "base/text.h"
#include "ppp/auth/eap.h"
#include "ppp/budget.h"
#include "ppp/ipcp.h"
#include "ppp/ipv6cp.h"
#include "ppp/lcp.h"

#define NAME_MAX_LEN 64
#define USER_MAX_LEN USER_NAME_MAX
#define PASSWORD_MAX_LEN 1024
#define CCP_OPTION_MIN 2
#define CCP_MPPE 18
#define CCP_MPPE_KEYS 0xe0 /* 40, 56 and 128 bit */

enum phase { DEAD, ESTABLISH, AUTHENTICATE, NETWORK, TERMINATE };

/* One network protocol: what was reported to its owner, and whether it can still come up. */
struct ncp {
	struct fsm *fsm;
	bool wanted;   /* opened on this link */
	bool up;       /* Opened */
	bool finished; /* timed out, rejected or terminated; the peer may still start again */
	bool over, told_over;   /* finished, or the peer is terminating it: fsm->end says why */
	unsigned ups, reported; /* how often it came up; which of them was reported, 0: none */
	struct budget renegotiations;
};

enum { NCP_IPV4, NCP_IPV6, NCPS };

struct ppp {
	bool server, lcp_only, ipv4, ipv6;
	enum auth_method methods[AUTH_METHODS];
	char name[NAME_MAX_LEN + 1];
	struct auth_secrets secrets;
	uint64_t first_restart_ms;
	uint64_t first_request_wait_ms, first_request_at; /* NEVER: sent, or not ours to wait */

	enum phase phase;
	bool closing, done; /* ppp_close() was called; it is over */
	bool lcp_heard;     /* the peer's first LCP packet has come */
	bool mppe_refused;  /* the peer asked for MPPE (CCP) and got a Protocol-Reject */
	struct buf queue;
	struct draw draw;
	struct ppp_fault fault;
	struct lcp lcp;
	struct auth auth;
	struct ipcp ipcp;
	struct ipv6cp ipv6cp;
	struct ncp ncps[NCPS];
	struct ppp_addresses addresses;
	const char *no_address; /* server: why there is none for this peer, or NULL */

	enum event reason;
	char detail[PPP_DETAIL_MAX];
	bool told_request, told_authenticated, told_closed;
	bool has_identification;
	unsigned identifications;
	char identification[PPP_TEXT_MAX];
};

/* ---- life ---- */

static void free_secret(char *text, size_t n)
{
	if (text)
		explicit_bzero(text, n);
	free(text);
}

void ppp_free(struct ppp *p)
{
	if (!p)
		return;
	free_secret(p->secrets.user, p->secrets.user_len);
	free_secret(p->secrets.password, p->secrets.password_len);
	auth_done(&p->auth);
	fsm_done(&p->lcp.fsm);
	fsm_done(&p->ipcp.fsm);
	fsm_done(&p->ipv6cp.fsm);
	buf_done(&p->queue);
	explicit_bzero(p, sizeof(*p));
	free(p);
}

static int copy_secret(const char *text, size_t max, char **ret, size_t *ret_len)
{
	size_t n = text ? strlen(text) : 0;

	if (n > max)
		return -EINVAL;
	*ret = strdup(text ? text : "");
	if (!*ret)
		return -ENOMEM;
	*ret_len = n;
	return 0;
}

static int copy_methods(struct ppp *p, const struct ppp_opts *opts)
{
	if (!opts->n_methods || opts->n_methods > AUTH_METHODS)
		return -EINVAL;
	for (size_t i = 0; i < opts->n_methods; i++) {
		if (!auth_scheme_of_method(opts->methods[i]))
			return -EINVAL;
		if (opts->role == PPP_CLIENT && opts->methods[i] == AUTH_EAP && !opts->eap)
			return -EINVAL;
		p->methods[i] = opts->methods[i];
	}
	return 0;
}

static int copy_opts(struct ppp *p, const struct ppp_opts *opts)
{
	int r = copy_methods(p, opts);

	if (!r)
		r = copy_secret(opts->user, USER_MAX_LEN, &p->secrets.user, &p->secrets.user_len);
	if (!r)
		r = copy_secret(opts->password, PASSWORD_MAX_LEN, &p->secrets.password,
			&p->secrets.password_len);
	if (!r && opts->role == PPP_CLIENT && !p->secrets.user_len && !opts->lcp_only)
		r = -EINVAL;
	p->lcp_only = opts->lcp_only;
	snprintf(p->name, sizeof(p->name), "%s", opts->name ? opts->name : "culvert");
	memcpy(p->draw.seed, opts->random, sizeof(p->draw.seed));
	return r;
}

static int init_parts(struct ppp *p, const struct ppp_opts *opts)
{
	struct lcp_opts lcp = {.server = p->server,
		.mru = opts->mru ? opts->mru : PPP_MRU_DEFAULT,
		.methods = p->methods,
		.n_methods = opts->n_methods};
	struct ipcp_opts ipcp = {p->server, opts->want_dns, opts->want_nbns, opts->want_address};
	int r = lcp_init(&p->lcp, &lcp, &p->draw, &p->queue, &p->fault);

	if (r < 0)
		return r;
	auth_init(&p->auth, p->server, p->name, &p->secrets, &p->draw, &p->queue, &p->fault);
	p->auth.peer = opts->eap;
	ipcp_init(&p->ipcp, &ipcp, &p->queue, &p->fault);
	ipv6cp_init(&p->ipv6cp, &p->draw, &p->queue, &p->fault);
	ipv6cp_ask_again(&p->ipv6cp, opts->want_ifid);
	p->lcp.fsm.first_restart_ms = p->ipcp.fsm.first_restart_ms = p->first_restart_ms;
	p->ipv6cp.fsm.first_restart_ms = p->auth.first_resend_ms = p->first_restart_ms;
	p->ncps[NCP_IPV4].fsm = &p->ipcp.fsm;
	p->ncps[NCP_IPV6].fsm = &p->ipv6cp.fsm;
	return 0;
}

/* RFC 1661 4.6, the implementation note on initial values. 0: not measured. */
static uint64_t first_restart_ms(uint64_t round_trip_ms)
{
	uint64_t ms = 2 * round_trip_ms + PPP_PEER_TIME_MS;

	if (!round_trip_ms || round_trip_ms >= FSM_RESTART_MS || ms > FSM_RESTART_MS)
		return FSM_RESTART_MS;
	return ms < PPP_RESTART_MS_MIN ? PPP_RESTART_MS_MIN : ms;
}

int ppp_new(const struct ppp_opts *opts, struct ppp **ret)
{
	AUTO(ppp) struct ppp *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->server = opts->role == PPP_SERVER;
	p->ipv4 = opts->ipv4;
	p->ipv6 = opts->ipv6;
	p->first_restart_ms = first_restart_ms(opts->round_trip_ms);
	p->first_request_wait_ms = opts->first_request_wait_ms;
	p->first_request_at = NEVER;
	buf_init(&p->queue, PPP_OUTPUT_MAX);
	r = copy_opts(p, opts);
	if (!r)
		r = init_parts(p, opts);
	if (r < 0)
		return r;
	*ret = TAKE(p);
	return 0;
}

/* ---- the end ---- */

static void ncps_down(struct ppp *p, uint64_t now_ms)
{
	for (int i = 0; i < NCPS; i++) {
		struct ncp *n = &p->ncps[i];

		if (n->fsm->state >= FSM_CLOSED)
			fsm_event(n->fsm, FSM_DOWN, now_ms);
		n->up = n->wanted = false;
	}
}

static void finish(struct ppp *p, uint64_t now_ms)
{
	ncps_down(p, now_ms);
	p->phase = DEAD;
	p->done = true;
	p->first_request_at = p->auth.deadline = p->lcp.fsm.deadline = NEVER;
	auth_drop_proof(&p->auth);
}

static void set_reason(struct ppp *p, enum event why, const char *detail)
{
	if (p->closing || p->done)
		return;
	p->reason = why;
	snprintf(p->detail, sizeof(p->detail), "%s", detail);
}

static void close_with(struct ppp *p, enum event why, const char *detail, uint64_t now_ms)
{
	if (p->closing || p->done)
		return;
	set_reason(p, why, detail);
	p->closing = true;
	p->first_request_at = p->auth.deadline = NEVER;
	ncps_down(p, now_ms);
	p->phase = TERMINATE;
	p->lcp.fsm.terminate_text = why == EV_NCP_NOTHING_TO_OFFER && p->no_address
					    ? p->no_address
					    : event_info(why)->what;
	fsm_event(&p->lcp.fsm, FSM_CLOSE, now_ms);
	fsm_take_layer(&p->lcp.fsm);
	if (p->lcp.fsm.state != FSM_CLOSING)
		finish(p, now_ms);
}

void ppp_close(struct ppp *p, enum event why, uint64_t now_ms)
{
	close_with(p, why, "", now_ms);
}

/* ---- moving on ---- */

static void open_ncp(struct ppp *p, int which, uint64_t now_ms)
{
	struct ncp *n = &p->ncps[which];

	n->wanted = true;
	fsm_event(n->fsm, FSM_OPEN, now_ms);
	fsm_event(n->fsm, FSM_UP, now_ms);
}

/* The peer's MRU bounds Code-Rejects of every protocol. */
static void enter_network(struct ppp *p, uint64_t now_ms)
{
	bool ipv4 = p->ipv4, ipv6 = p->ipv6;

	if (p->server) {
		ipv4 = ipv4 && p->addresses.peer.family == AF_INET;
		ipv6 = ipv6 && p->addresses.ipv6;
		ipcp_set_addresses(&p->ipcp, &p->addresses);
		ipv6cp_set_addresses(&p->ipv6cp, &p->addresses);
	}
	p->phase = NETWORK;
	p->ipcp.fsm.mtu = p->ipv6cp.fsm.mtu = p->lcp.fsm.mtu;
	p->addresses = (struct ppp_addresses){0}; /* from here on: as negotiated */
	if (ipv4)
		open_ncp(p, NCP_IPV4, now_ms);
	if (ipv6)
		open_ncp(p, NCP_IPV6, now_ms);
	if (!ipv4 && !ipv6)
		ppp_fault_set(&p->fault, EV_NCP_NOTHING_TO_OFFER, "%s",
			p->no_address ? p->no_address : "");
}

static void enter_authenticate(struct ppp *p, uint64_t now_ms)
{
	const struct auth_scheme *scheme = lcp_auth(&p->lcp);

	if (!scheme) {
		lcp_without_auth(&p->lcp);
		return;
	}
	if (p->lcp_only) {
		ppp_fault_set(&p->fault, EV_LCP_AGREED, "the server asks for %s", scheme->name);
		return;
	}
	p->phase = AUTHENTICATE;
	p->auth.mtu = p->lcp.fsm.mtu;
	auth_start(&p->auth, scheme, now_ms);
}

static void settle_lcp(struct ppp *p, uint64_t now_ms)
{
	unsigned layer = fsm_take_layer(&p->lcp.fsm);

	if (layer & FSM_TLD && p->lcp.fsm.state >= FSM_REQ_SENT)
		ppp_fault_set(&p->fault, EV_LCP_RENEGOTIATED, "%s", "");
	if (layer & FSM_TLU && p->phase == ESTABLISH)
		enter_authenticate(p, now_ms);
	if (layer & FSM_TLD && p->lcp.fsm.state == FSM_STOPPING && !p->lcp.fsm.peer_terminated)
		ppp_fault_set(
			&p->fault, p->lcp.fsm.end, "%s", ""); /* RXJ-: it terminates by itself */
	if (layer & FSM_TLF) {
		set_reason(p, p->lcp.fsm.end, "");
		finish(p, now_ms);
	}
}

static void count_renegotiation(struct ppp *p, struct ncp *n, uint64_t now_ms)
{
	if (!budget_spend(&n->renegotiations, NCP_RENEGOTIATIONS_MAX, NCP_RENEGOTIATION_MS, now_ms))
		ppp_fault_set(&p->fault, EV_NCP_RENEGOTIATED, "%s came up %u times",
			n->fsm->protocol->name, n->ups + 1);
}

static void settle_ncp(struct ppp *p, int which, uint64_t now_ms)
{
	struct ncp *n = &p->ncps[which];
	unsigned layer = fsm_take_layer(n->fsm);

	if (layer & FSM_TLD) {
		n->up = false;
		n->over = n->fsm->peer_terminated;
	}
	/* A peer that terminates what is not Opened yet has given up: RFC 1661 would ask on for 30 s. */
	if (layer & FSM_TLF || (n->fsm->peer_terminated && n->fsm->state >= FSM_REQ_SENT))
		n->finished = n->over = true;
	if (!(layer & FSM_TLU))
		return;
	if (which == NCP_IPV4)
		ipcp_opened(&p->ipcp, &p->addresses);
	else
		ipv6cp_opened(&p->ipv6cp, &p->addresses);
	n->finished = n->over = n->told_over = n->fsm->peer_terminated = false;
	if (n->ups)
		count_renegotiation(p, n, now_ms);
	n->up = !p->fault.event;
	n->ups++;
}

/* A link on which no network protocol is left to hope for is of no use. */
static void check_hope(struct ppp *p)
{
	const struct fsm *why = NULL;

	for (int i = 0; i < NCPS; i++) {
		const struct ncp *n = &p->ncps[i];

		if (n->wanted && !n->finished)
			return;
		if (n->wanted && !why)
			why = n->fsm;
	}
	if (why)
		ppp_fault_set(&p->fault, why->end, "%s", fsm_end_text(why));
}

static void settle(struct ppp *p, uint64_t now_ms)
{
	settle_lcp(p, now_ms);
	if (p->phase == AUTHENTICATE && p->auth.stage == AUTH_PASSED)
		enter_network(p, now_ms);
	if (p->phase == NETWORK) {
		settle_ncp(p, NCP_IPV4, now_ms);
		settle_ncp(p, NCP_IPV6, now_ms);
		check_hope(p);
	}
	if (p->fault.event)
		close_with(p, p->fault.event, p->fault.detail, now_ms);
}

/* ---- in ---- */

void ppp_lower_up(struct ppp *p, uint64_t now_ms)
{
	if (p->phase != DEAD || p->done)
		return;
	p->phase = ESTABLISH;
	fsm_event(&p->lcp.fsm, FSM_OPEN, now_ms);
	if (p->server && p->first_request_wait_ms)
		p->first_request_at = now_ms + p->first_request_wait_ms;
	else
		fsm_event(&p->lcp.fsm, FSM_UP, now_ms);
	settle(p, now_ms);
}

static void say_first_word(struct ppp *p, uint64_t now_ms)
{
	p->first_request_at = NEVER;
	fsm_event(&p->lcp.fsm, FSM_UP, now_ms);
}

/* See "The server's first word" above. */
static void on_first_lcp(struct ppp *p, uint64_t now_ms)
{
	p->lcp_heard = true;
	if (p->first_request_at == NEVER)
		return;
	p->lcp.fsm.heard = true; /* the Request that goes out now meets a peer that listens */
	say_first_word(p, now_ms);
}

/* Data protocols fall with their control protocol. */
static void on_protocol_rejected(struct ppp *p, uint16_t protocol, uint64_t now_ms)
{
	static const uint16_t numbers[NCPS][2] = {{PPP_IPCP, PPP_IPV4}, {PPP_IPV6CP, PPP_IPV6}};

	if (protocol == PPP_LCP)
		ppp_fault_set(&p->fault, EV_LCP_REFUSED, "%s", "");
	else if (p->auth.scheme && protocol == p->auth.scheme->protocol)
		ppp_fault_set(&p->fault, EV_AUTH_PROTOCOL_REJECTED, "%s", p->auth.scheme->name);
	for (int i = 0; i < NCPS; i++) {
		struct fsm *f = p->ncps[i].fsm;

		if (f->state < FSM_CLOSED ||
			(numbers[i][0] != protocol && numbers[i][1] != protocol))
			continue;
		f->end = f->protocol->refused;
		fsm_event(f, FSM_RXJ_MINUS, now_ms);
	}
}

static void identify(struct ppp *p, const char *text)
{
	if (p->has_identification || p->identifications >= PPP_IDENTIFICATIONS_MAX)
		return;
	p->identifications++;
	p->has_identification = true;
	snprintf(p->identification, sizeof(p->identification), "%s", text);
}

/* Client: the login passed, no network protocol ever came up, and the server ends the link. */
static enum event why_without_network(const struct ppp *p)
{
	if (p->ipcp.no_address)
		return EV_IPCP_NO_ADDRESS;
	return p->mppe_refused ? EV_NCP_MPPE_DEMANDED : EV_NCP_PEER_ENDED;
}

static void on_terminated(struct ppp *p, const char *text, uint64_t now_ms)
{
	bool none_up = !p->ncps[NCP_IPV4].ups && !p->ncps[NCP_IPV6].ups;
	char detail[PPP_DETAIL_MAX];

	if (p->phase == ESTABLISH && lcp_auth_open(&p->lcp)) {
		lcp_auth_not_common(&p->lcp, text);
		set_reason(p, p->fault.event, p->fault.detail);
	} else if (!p->server && p->phase == NETWORK && none_up) {
		text_format(detail, sizeof(detail), *text ? "the server says %s" : "%s", text);
		set_reason(p, why_without_network(p), detail);
	} else {
		set_reason(p, EV_LCP_PEER_TERMINATED, text);
	}
	finish(p, now_ms);
}

static void recv_lcp(struct ppp *p, const struct ppp_packet *packet, uint64_t now_ms)
{
	struct lcp_notice notice;

	if (!p->lcp_heard)
		on_first_lcp(p, now_ms);
	lcp_recv(&p->lcp, packet, now_ms, &notice);
	switch (notice.type) {
	case LCP_NOTHING: break;
	case LCP_PROTOCOL_REJECTED: on_protocol_rejected(p, notice.protocol, now_ms); break;
	case LCP_IDENTIFIED: identify(p, notice.text); break;
	case LCP_TERMINATED: on_terminated(p, notice.text, now_ms); break;
	}
}

/* RFC 3078 2: in option 18 of CCP the bits H (stateless) and C (MPPC) ask for no encryption. */
static bool asks_for_mppe(const struct ppp_packet *packet)
{
	struct rd list = packet->body;

	if (packet->code != CONFIGURE_REQUEST)
		return false;
	while (rd_left(&list) >= CCP_OPTION_MIN) {
		uint8_t code = rd_u8(&list), length = rd_u8(&list);
		struct rd value =
			rd_sub(&list, length < CCP_OPTION_MIN ? 0 : length - CCP_OPTION_MIN);

		if (code == CCP_MPPE && rd_be32(&value) & CCP_MPPE_KEYS)
			return true;
	}
	return false;
}

/* RFC 1661 3.5: during authentication nothing but LCP and the method's own packets counts. */
static void recv_other(struct ppp *p, uint16_t protocol, struct rd payload, uint64_t now_ms)
{
	struct ppp_packet packet;
	bool whole = ppp_packet_parse(payload, &packet) == 0;

	if (p->auth.scheme && protocol == p->auth.scheme->protocol) {
		if (whole)
			auth_recv(&p->auth, &packet, now_ms);
	} else if (p->phase != NETWORK) {
		return;
	} else if (protocol == PPP_IPCP && p->ncps[NCP_IPV4].wanted) {
		if (whole)
			ipcp_recv(&p->ipcp, &packet, now_ms);
	} else if (protocol == PPP_IPV6CP && p->ncps[NCP_IPV6].wanted) {
		if (whole)
			ipv6cp_recv(&p->ipv6cp, &packet, now_ms);
	} else if (protocol != PPP_IPV4 && protocol != PPP_IPV6) {
		p->mppe_refused |= protocol == PPP_CCP && whole && asks_for_mppe(&packet);
		lcp_protocol_reject(&p->lcp, protocol, payload);
	}
}

COLD void ppp_recv(struct ppp *p, struct rd frame, uint64_t now_ms)
{
	struct ppp_packet packet;
	uint16_t protocol;

	if (p->phase == DEAD || ppp_frame_parse(&frame, &protocol) < 0)
		return;
	if (protocol == PPP_LCP) {
		if (ppp_packet_parse(frame, &packet) == 0)
			recv_lcp(p, &packet, now_ms);
	} else if (p->lcp.fsm.state == FSM_OPENED) {
		recv_other(p, protocol, frame, now_ms);
	}
	if (!p->done)
		settle(p, now_ms);
}

void ppp_auth_verdict(struct ppp *p, const struct verdict *verdict, uint64_t now_ms)
{
	if (p->phase != AUTHENTICATE || p->auth.stage != AUTH_JUDGING)
		return;
	p->addresses = verdict->addresses;
	p->no_address = verdict->no_address;
	auth_conclude(&p->auth, verdict);
	p->told_request =
		p->auth.stage != AUTH_WAITING; /* else another proof comes: a new password */
	settle(p, now_ms);
}

void ppp_auth_challenge(struct ppp *p, const uint8_t *packet, size_t n, uint64_t now_ms)
{
	if (p->phase != AUTHENTICATE || p->auth.stage != AUTH_JUDGING)
		return;
	eap_challenge(&p->auth, packet, n, now_ms);
	p->told_request = false; /* of the next Response */
	settle(p, now_ms);
}

/* ---- time ---- */

uint64_t ppp_deadline(const struct ppp *p)
{
	uint64_t t = deadline_min(p->first_request_at, p->lcp.fsm.deadline);

	t = deadline_min(t, p->auth.deadline);
	return deadline_min(t, deadline_min(p->ipcp.fsm.deadline, p->ipv6cp.fsm.deadline));
}

void ppp_tick(struct ppp *p, uint64_t now_ms)
{
	if (p->done)
		return;
	if (now_ms >= p->first_request_at)
		say_first_word(p, now_ms);
	fsm_tick(&p->lcp.fsm, now_ms);
	auth_tick(&p->auth, now_ms);
	fsm_tick(&p->ipcp.fsm, now_ms);
	fsm_tick(&p->ipv6cp.fsm, now_ms);
	settle(p, now_ms);
}

/* ---- out ---- */

size_t ppp_output(struct ppp *p, uint8_t *frame, size_t cap)
{
	return ppp_queue_take(&p->queue, frame, cap);
}

static bool ncp_event(struct ppp *p, int which, struct ppp_event *ret)
{
	static const enum ppp_event_type types[NCPS][2] = {
		{PPP_IPV4_DOWN, PPP_IPV4_UP}, {PPP_IPV6_DOWN, PPP_IPV6_UP}};
	struct ncp *n = &p->ncps[which];

	bool ends = n->over && !n->told_over && !p->closing && !p->done; /* this one alone */

	if (ends || (n->reported && (!n->up || n->reported != n->ups))) {
		n->reported = 0;
		n->told_over |= ends;
		ret->type = types[which][0];
		ret->reason = ends ? n->fsm->end : EV_NONE;
		ret->detail = ends ? fsm_end_text(n->fsm) : "";
		return true;
	}
	if (!n->up || n->reported)
		return false;
	n->reported = n->ups;
	ret->type = types[which][1];
	ret->addresses = &p->addresses;
	return true;
}

/* True once each time `now` becomes true. */
static bool first_time(bool now, bool *reported)
{
	bool first = now && !*reported;

	*reported = *reported || now;
	return first;
}

HOT bool ppp_next_event(struct ppp *p, struct ppp_event *ret)
{
	*ret = (struct ppp_event){.detail = ""};
	if (p->has_identification) {
		p->has_identification = false;
		ret->type = PPP_IDENTIFICATION;
		ret->text = p->identification;
		return true;
	}
	if (first_time(
		    p->phase == AUTHENTICATE && p->auth.stage == AUTH_JUDGING, &p->told_request)) {
		ret->type = PPP_AUTH_REQUEST;
		ret->proof = p->auth.proof;
		return true;
	}
	if (first_time(p->auth.has_hlak && !p->done, &p->told_authenticated)) {
		ret->type = PPP_AUTHENTICATED;
		ret->hlak = p->auth.hlak;
		return true;
	}
	if (ncp_event(p, NCP_IPV4, ret) || ncp_event(p, NCP_IPV6, ret))
		return true;
	if (first_time(p->done, &p->told_closed)) {
		ret->type = PPP_CLOSED;
		ret->reason = p->reason;
		ret->detail = p->detail;
		return true;
	}
	return false;
}

bool ppp_data_ok(const struct ppp *p, int family)
{
	return p->ncps[family == AF_INET ? NCP_IPV4 : NCP_IPV6].up;
}

uint16_t ppp_peer_mru(const struct ppp *p)
{
	return p->lcp.peer.mru;
}

const char *ppp_phase_name(const struct ppp *p)
{
	static const char *const names[] = {
		"Dead", "Establish", "Authenticate", "Network", "Terminate"};

	return names[p->phase];
}

enum event ppp_reason(const struct ppp *p, const char **ret_detail)
{
	*ret_detail = p->detail;
	return p->closing || p->done ? p->reason : EV_NONE;
}

enum auth_method ppp_auth_method(const struct ppp *p)
{
	return p->auth.scheme ? p->auth.scheme->method : AUTH_NONE;
}
