// SPDX-License-Identifier: Apache-2.0
/*
 * The Link Control Protocol (RFC 1661 sections 5 and 6).
 *
 * Of the peer we accept: MRU (ours to respect), ACCM (acked and ignored: nothing is stuffed here),
 * the magic number, PFC and ACFC (acked; we never compress when sending). Server: an
 * Authentication-Protocol is asked for, never granted; client: the other way round. Callback,
 * multilink, endpoint discriminators, link quality and other FCS are rejected.
 *
 * Authentication. The server offers its methods in order, again and again, and follows a Nak to an
 * allowed one. The client Naks what it may not use with its own methods in turn: some servers follow such
 * a Nak, others (accel-ppp) walk their own list whatever it says. Both go on until Max-Failure, RFC 1661
 * 4.6: after as many Naks as that it is a fault, and so is a client that rejects the option itself; the
 * link would come up without authentication otherwise.
 *
 * No Echo-Requests are sent, SSTP has its own; every Echo-Request in Opened is answered.
 */
#include "ppp/lcp.h"

#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"

#define MAGIC_LEN 4
#define MSCHAPV1_ALGORITHM 0x80 /* RFC 2433 2; known by name only */

static enum option_answer judge_mru(
	void *self, const struct ppp_option *row UNUSED, struct rd value, struct wr *nak)
{
	struct lcp *l = self;
	uint16_t mru = rd_be16(&value);

	if (mru < PPP_MRU_MIN) {
		wr_be16(nak, PPP_MRU_DEFAULT);
		return OPTION_NAK;
	}
	l->asked.mru = mru < PPP_MRU_MAX ? mru : PPP_MRU_MAX;
	return OPTION_ACK;
}

static bool encode_mru(void *self, const struct ppp_option *row UNUSED, struct wr *value)
{
	const struct lcp *l = self;

	wr_be16(value, l->mru);
	return true;
}

static void nak_mru(void *self, const struct ppp_option *row UNUSED, struct rd value)
{
	struct lcp *l = self;
	uint16_t mru = rd_be16(&value);

	if (mru >= PPP_MRU_MIN && mru <= PPP_MRU_MAX)
		l->mru = mru;
}

static enum option_answer judge_fine(void *self UNUSED, const struct ppp_option *row UNUSED,
	struct rd value UNUSED, struct wr *nak UNUSED)
{
	return OPTION_ACK;
}

static const struct auth_scheme *allowed_scheme(
	const struct lcp *l, struct rd value, size_t *ret_index)
{
	const struct auth_scheme *scheme = auth_scheme_of_option(value);

	for (size_t i = 0; scheme && i < l->opts.n_methods; i++) {
		if (l->opts.methods[i] == scheme->method) {
			*ret_index = i;
			return scheme;
		}
	}
	return NULL;
}

static void write_scheme(const struct lcp *l, size_t index, struct wr *value)
{
	const struct auth_scheme *scheme = auth_scheme_of_method(l->opts.methods[index]);

	wr_be16(value, scheme->protocol);
	wr_octets(value, scheme->option_data, scheme->option_data_len);
}

/* "MS-CHAPv2", "EAP", or what it is in figures. */
static void scheme_text(struct rd value, char *ret, size_t cap)
{
	const struct auth_scheme *scheme = auth_scheme_of_option(value);
	uint16_t protocol = rd_be16(&value);

	if (scheme)
		snprintf(ret, cap, "%s", scheme->name);
	else if (protocol == PPP_CHAP && rd_left(&value) && *value.p == MSCHAPV1_ALGORITHM)
		snprintf(ret, cap, "MS-CHAPv1");
	else if (rd_left(&value))
		snprintf(ret, cap, "protocol %04x algorithm %u", protocol, rd_u8(&value));
	else
		snprintf(ret, cap, "protocol %04x", protocol);
}

/* "MS-CHAPv2, PAP" */
static void methods_text(const struct lcp *l, char *ret, size_t cap)
{
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < l->opts.n_methods && n < cap; i++)
		n += (size_t)snprintf(ret + n, cap - n, "%s%s", i ? ", " : "",
			auth_scheme_of_method(l->opts.methods[i])->name);
}

/* Is `name` a whole entry of "a, b, c"? */
static bool text_lists(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ','))
			return true;
	return false;
}

/* Adds a method of the peer to those that were refused here, each once. */
static void note_refused(struct lcp *l, struct rd value)
{
	size_t n = strlen(l->refused);
	char name[48];

	scheme_text(value, name, sizeof(name));
	if (!text_lists(l->refused, name))
		snprintf(l->refused + n, sizeof(l->refused) - n, "%s%s", n ? ", " : "", name);
}

void lcp_auth_not_common(struct lcp *l, const char *text)
{
	const char *peer = l->opts.server ? "client" : "server";
	char ours[64];

	methods_text(l, ours, sizeof(ours));
	ppp_fault_set(l->fsm.fault, EV_LCP_AUTH_NOT_COMMON,
		"the %s asked for %s; allowed here: %s%s%s", peer, l->refused, ours,
		*text ? "; it says " : "", text);
}

/* A server whose offers were all refused may drop the option; that is not one that never asked. */
void lcp_without_auth(struct lcp *l)
{
	if (*l->refused)
		lcp_auth_not_common(l, "");
	else
		ppp_fault_set(l->fsm.fault, EV_LCP_NO_AUTHENTICATION, "%s", "");
}

static enum option_answer judge_auth(
	void *self, const struct ppp_option *row UNUSED, struct rd value, struct wr *nak)
{
	struct lcp *l = self;
	size_t i;

	if (l->opts.server)
		return OPTION_REJECT;
	l->asked.auth = allowed_scheme(l, value, &i);
	if (l->asked.auth)
		return OPTION_ACK;
	note_refused(l, value);
	if (l->fsm.naks_sent >= FSM_MAX_FAILURE) {
		lcp_auth_not_common(l, "");
		return OPTION_REJECT;
	}
	l->suggestions += !l->fsm.repeats;
	write_scheme(l, (l->suggestions - 1) % l->opts.n_methods, nak);
	return OPTION_NAK;
}

static bool encode_auth(void *self, const struct ppp_option *row UNUSED, struct wr *value)
{
	const struct lcp *l = self;

	if (!l->opts.server)
		return false;
	write_scheme(l, l->offer, value);
	return true;
}

static void nak_auth(void *self, const struct ppp_option *row UNUSED, struct rd value)
{
	struct lcp *l = self;
	size_t i;

	if (!l->opts.server)
		return;
	note_refused(l, value);
	if (++l->auth_naks >= FSM_MAX_FAILURE)
		lcp_auth_not_common(l, "");
	else if (allowed_scheme(l, value, &i))
		l->offer = i;
	else
		l->offer = (l->offer + 1) % l->opts.n_methods;
}

static void reject_auth(void *self, const struct ppp_option *row UNUSED)
{
	struct lcp *l = self;

	if (*l->refused && !l->loops)
		lcp_auth_not_common(l, ""); /* RFC 1661 4.6: its Naks came to Max-Failure */
	/* On a looped link it is our own Reject, of our own Request. */
	ppp_fault_set(l->fsm.fault, l->loops ? EV_LCP_LOOPBACK : EV_LCP_AUTH_REFUSED, "%s", "");
}

static void new_magic(struct lcp *l)
{
	do {
		draw_octets(l->draw, &l->magic, sizeof(l->magic));
	} while (!l->magic);
}

static void looped(struct lcp *l)
{
	if (++l->loops > LCP_LOOPS_MAX)
		ppp_fault_set(l->fsm.fault, EV_LCP_LOOPBACK, "magic=%08" PRIx32, l->magic);
}

/* RFC 1661 6.4: zero is never right; our own number means that we hear ourselves. */
static enum option_answer judge_magic(
	void *self, const struct ppp_option *row UNUSED, struct rd value, struct wr *nak)
{
	struct lcp *l = self;
	uint32_t magic = rd_be32(&value);

	if (magic && magic != l->magic) {
		l->asked.magic = magic;
		return OPTION_ACK;
	}
	if (magic)
		looped(l);
	wr_be32(nak, ~l->magic);
	return OPTION_NAK;
}

static bool encode_magic(void *self, const struct ppp_option *row UNUSED, struct wr *value)
{
	const struct lcp *l = self;

	wr_be32(value, l->magic);
	return true;
}

static void nak_magic(void *self, const struct ppp_option *row UNUSED, struct rd value UNUSED)
{
	new_magic(self);
}

static void reject_magic(void *self, const struct ppp_option *row UNUSED)
{
	struct lcp *l = self;

	l->magic = 0; /* Echo-Replies carry zero then */
}

// clang-format off
static const struct ppp_option options[] = {
	{1,  4, 0, "MRU",                      judge_mru,   NULL, encode_mru,   nak_mru,   NULL},
	{2,  6, 0, "ACCM",                     judge_fine,  NULL, NULL,         NULL,      NULL},
	{3,  0, 0, "Authentication-Protocol",  judge_auth,  NULL, encode_auth,  nak_auth,  reject_auth},
	{4,  0, 0, "Quality-Protocol",         NULL,        NULL, NULL,         NULL,      NULL},
	{5,  6, 0, "Magic-Number",             judge_magic, NULL, encode_magic, nak_magic, reject_magic},
	{7,  2, 0, "PFC",                      judge_fine,  NULL, NULL,         NULL,      NULL},
	{8,  2, 0, "ACFC",                     judge_fine,  NULL, NULL,         NULL,      NULL},
	{9,  3, 0, "FCS-Alternatives",         NULL,        NULL, NULL,         NULL,      NULL},
	{13, 0, 0, "Callback",                 NULL,        NULL, NULL,         NULL,      NULL},
	{17, 4, 0, "MRRU",                     NULL,        NULL, NULL,         NULL,      NULL},
	{18, 2, 0, "Short-Sequence-Header",    NULL,        NULL, NULL,         NULL,      NULL},
	{19, 0, 0, "Endpoint-Discriminator",   NULL,        NULL, NULL,         NULL,      NULL},
	{23, 4, 0, "Link-Discriminator",       NULL,        NULL, NULL,         NULL,      NULL},
};
// clang-format on

static void begin(void *self)
{
	struct lcp *l = self;

	l->asked = (struct lcp_peer){.mru = PPP_MRU_DEFAULT};
}

static void agreed(void *self)
{
	struct lcp *l = self;

	l->peer = l->asked;
	l->fsm.mtu = l->peer.mru;
}

static const struct fsm_protocol protocol = {
	.name = "LCP",
	.number = PPP_LCP,
	.options = {options, sizeof(options) / sizeof(*options)},
	.begin = begin,
	.agreed = agreed,
	.negotiates_once = true,
	.no_answer = EV_LCP_NO_ANSWER,
	.timeout = EV_LCP_TIMEOUT,
	.not_converging = EV_LCP_NOT_CONVERGING,
	.refused = EV_LCP_REFUSED,
	.terminated = EV_LCP_PEER_TERMINATED,
};

int lcp_init(struct lcp *l, const struct lcp_opts *opts, struct draw *draw, struct buf *queue,
	struct ppp_fault *fault)
{
	uint32_t magic;
	int r = draw_octets(draw, &magic, sizeof(magic)); /* the one time that it can fail */

	if (r < 0)
		return r;
	*l = (struct lcp){
		.opts = *opts, .draw = draw, .mru = opts->mru, .peer = {.mru = PPP_MRU_DEFAULT}};
	fsm_init(&l->fsm, &protocol, l, queue, fault);
	new_magic(l);
	return 0;
}

const struct auth_scheme *lcp_auth(const struct lcp *l)
{
	return l->opts.server ? auth_scheme_of_method(l->opts.methods[l->offer]) : l->peer.auth;
}

bool lcp_auth_open(const struct lcp *l)
{
	bool agreed = l->opts.server ? l->fsm.acked : l->peer.auth != NULL;

	return *l->refused && !agreed;
}

static size_t room_for_copy(const struct lcp *l)
{
	return (l->fsm.mtu < PPP_PACKET_MAX ? l->fsm.mtu : PPP_PACKET_MAX) - 4u;
}

/* RFC 1661 5.8. The reply carries our magic number and the same data, cut to the peer's MRU. */
static void recv_echo(struct lcp *l, const struct ppp_packet *packet, uint64_t now_ms)
{
	struct rd body = packet->body;
	uint32_t magic = rd_be32(&body);
	uint8_t reply[PPP_PACKET_MAX];
	struct wr w = wr_init(reply, room_for_copy(l));
	size_t n = rd_left(&body);

	if (body.short_read)
		return;
	if (l->fsm.state == FSM_OPENED && magic && magic == l->magic) {
		l->loops = LCP_LOOPS_MAX;
		looped(l);
		return;
	}
	wr_be32(&w, l->magic);
	wr_octets(&w, body.p, n < room_for_copy(l) - MAGIC_LEN ? n : room_for_copy(l) - MAGIC_LEN);
	l->fsm.answer.code = packet->code == ECHO_REQUEST ? ECHO_REPLY : 0;
	l->fsm.answer.identifier = packet->identifier;
	l->fsm.answer.octets = reply;
	l->fsm.answer.n = wr_len(&w);
	fsm_event(&l->fsm, FSM_RXR, now_ms);
	l->fsm.answer.code = 0;
}

/* RFC 1661 5.7: only in Opened. */
static void recv_protocol_reject(
	const struct lcp *l, const struct ppp_packet *packet, struct lcp_notice *ret)
{
	struct rd body = packet->body;
	uint16_t number = rd_be16(&body);

	if (body.short_read || l->fsm.state != FSM_OPENED)
		return;
	ret->type = LCP_PROTOCOL_REJECTED;
	ret->protocol = number;
}

/* RFC 1570 2.1 and 2.2. */
static void recv_identification(const struct ppp_packet *packet, struct lcp_notice *ret)
{
	struct rd body = packet->body;
	char text[PPP_TEXT_MAX - 32];
	uint32_t seconds;

	rd_be32(&body); /* magic number */
	if (packet->code == IDENTIFICATION) {
		ppp_text(body, ret->text, sizeof(ret->text));
	} else {
		seconds = rd_be32(&body);
		ppp_text(body, text, sizeof(text));
		snprintf(ret->text, sizeof(ret->text), "%" PRIu32 " s remaining %s", seconds, text);
	}
	if (!body.short_read)
		ret->type = LCP_IDENTIFIED;
}

/* Windows puts `magic 00 3c cd 74 error` into its Terminate-Request, the error little-endian. */
static void terminate_text(struct rd body, char *ret, size_t cap)
{
	struct rd r = body;
	char text[PPP_TEXT_MAX];
	uint32_t error;

	rd_be32(&r);
	if (rd_be32(&r) == 0x003ccd74 && rd_left(&r) >= 4) {
		error = __builtin_bswap32(rd_be32(&r));
		snprintf(ret, cap, "Windows error %" PRIu32, error);
		return;
	}
	ppp_text(body, text, sizeof(text));
	text_format(ret, cap, *text ? "\"%s\"" : "%s", text);
}

void lcp_recv(
	struct lcp *l, const struct ppp_packet *packet, uint64_t now_ms, struct lcp_notice *ret)
{
	ret->type = LCP_NOTHING;
	if (l->fsm.state < FSM_CLOSED)
		return;
	switch (packet->code) {
	case PROTOCOL_REJECT: recv_protocol_reject(l, packet, ret); break;
	case ECHO_REQUEST:
	case ECHO_REPLY:
	case DISCARD_REQUEST: recv_echo(l, packet, now_ms); break;
	case IDENTIFICATION:
	case TIME_REMAINING: recv_identification(packet, ret); break;
	case TERMINATE_REQUEST:
		ret->type = LCP_TERMINATED;
		terminate_text(packet->body, ret->text, sizeof(ret->text));
		fsm_recv(&l->fsm, packet, now_ms);
		break;
	default: fsm_recv(&l->fsm, packet, now_ms); break;
	}
}

void lcp_protocol_reject(struct lcp *l, uint16_t number, struct rd packet)
{
	uint8_t body[PPP_PACKET_MAX];
	struct wr w = wr_init(body, room_for_copy(l));
	size_t n = rd_left(&packet), room = room_for_copy(l) - sizeof(number);

	if (l->fsm.state != FSM_OPENED)
		return;
	wr_be16(&w, number);
	wr_octets(&w, packet.p, n < room ? n : room);
	ppp_queue_packet(
		l->fsm.queue, PPP_LCP, PROTOCOL_REJECT, l->fsm.next_identifier++, body, wr_len(&w));
}
