// SPDX-License-Identifier: Apache-2.0
#include "aaa/radius/auth.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aaa/judge.h"
#include "aaa/policy.h"
#include "aaa/radius/accept.h"
#include "base/crypto.h"
#include "base/text.h"

/* RFC 2865, 2869 */
#define SERVICE_FRAMED 2
#define PROTOCOL_PPP 1
#define PORT_VIRTUAL 5
#define FRAMED_MTU 1400

/* A number for leases and limits: the same at each login of that name, and below 0. */
static int64_t user_id_of(const char *user, size_t n)
{
	char folded[USER_NAME_MAX];
	uint8_t digest[SHA256_LEN];
	uint64_t id = 0;

	n = n < sizeof(folded) ? n : sizeof(folded);
	for (size_t i = 0; i < n; i++)
		folded[i] = (char)tolower((unsigned char)user[i]);
	hash_one(HASH_SHA256, folded, n, digest);
	memcpy(&id, digest, sizeof(id));
	return -(int64_t)(id >> 2) - 1;
}

/* ---- out ------------------------------------------------------------------ */

static void put_chap(struct radius_builder *b, const struct proof *p)
{
	uint8_t value[1 + MD5_LEN] = {p->identifier};

	memcpy(value + 1, p->md5_response, MD5_LEN);
	radius_put(b, RADIUS_CHAP_PASSWORD, value, sizeof(value));
	radius_put(b, RADIUS_CHAP_CHALLENGE, p->challenge, sizeof(p->challenge));
}

/* Identifier, flags, peer challenge, reserved, NT response (RFC 2548 section 2.3.2). */
static void put_mschapv2(struct radius_builder *b, const struct proof *p)
{
	uint8_t value[50] = {p->identifier};

	memcpy(value + 2, p->peer_challenge, sizeof(p->peer_challenge));
	memcpy(value + 26, p->nt_response, sizeof(p->nt_response));
	radius_put(b, RADIUS_MS_CHAP_CHALLENGE, p->challenge, sizeof(p->challenge));
	radius_put(b, RADIUS_MS_CHAP2_RESPONSE, value, sizeof(value));
}

static void put_proof(
	struct radius_builder *b, const struct radius_login *l, const struct radius_secret *secret)
{
	const struct proof *p = &l->proof;

	switch (p->method) {
	case AUTH_PAP: radius_put_password(b, secret, p->password, p->password_len); break;
	case AUTH_CHAP_MD5: put_chap(b, p); break;
	case AUTH_MSCHAPV2: put_mschapv2(b, p); break;
	case AUTH_EAP: radius_put_pieces(b, RADIUS_EAP_MESSAGE, p->eap, p->eap_len); break;
	case AUTH_NONE:
	case AUTH_METHODS: break;
	} /* no default */
}

static void put_connection(
	struct radius_builder *b, const struct radius_settings *s, const struct aaa_connection *c)
{
	char calling[ENDPOINT_TEXT_LEN];

	radius_put_text(b, RADIUS_NAS_IDENTIFIER, s->nas_identifier);
	if (s->nas_address.family == AF_INET)
		radius_put_addr(b, RADIUS_NAS_IP_ADDRESS, &s->nas_address);
	else if (s->nas_address.family == AF_INET6)
		radius_put_addr(b, RADIUS_NAS_IPV6_ADDRESS, &s->nas_address);
	radius_put_u32(b, RADIUS_NAS_PORT, c->port);
	radius_put_u32(b, RADIUS_NAS_PORT_TYPE, PORT_VIRTUAL);
	radius_put_text(b, RADIUS_NAS_PORT_ID, c->interface);
	radius_put_u32(b, RADIUS_SERVICE_TYPE, SERVICE_FRAMED);
	radius_put_u32(b, RADIUS_FRAMED_PROTOCOL, PROTOCOL_PPP);
	radius_put_text(b, RADIUS_CALLED_STATION_ID, c->called);
	if (s->calling_port)
		endpoint_format(&c->peer, calling);
	else
		addr_format(&c->peer.addr, calling);
	radius_put_text(b, RADIUS_CALLING_STATION_ID, calling);
	radius_put_text(b, RADIUS_ACCT_SESSION_ID, c->session);
}

static void encode(struct radius_request *r, struct radius_builder *b,
	const struct radius_secret *secret, const uint8_t *authenticator UNUSED,
	uint64_t now_ms UNUSED)
{
	const struct radius_login *l = (const struct radius_login *)r;

	if (l->proof.user_len)
		radius_put(b, RADIUS_USER_NAME, l->proof.user, l->proof.user_len);
	put_proof(b, l, secret);
	if (l->state_len)
		radius_put(b, RADIUS_STATE, l->state, l->state_len);
	put_connection(b, radius_call_settings(&l->call), &l->connection);
	radius_put_u32(b, RADIUS_FRAMED_MTU, l->proof.eap_mtu ? l->proof.eap_mtu : FRAMED_MTU);
}

/* ---- in ------------------------------------------------------------------- */

static void describe(struct radius_login *l, const char *why)
{
	struct aaa_answer *a = &l->answer;
	const char *server = *l->call.server ? l->call.server : "-";

	text_format(a->detail, sizeof(a->detail),
		"user=\"%.64s\" method=%s source=radius server=%s%s%.160s", a->user,
		judge_method_word(&l->proof), server, *why ? " " : "", why);
}

static void refuse(struct radius_login *l, enum event event, const char *why)
{
	l->answer.outcome = AAA_REJECT;
	l->answer.event = event;
	l->answer.code = AUTH_FAILED;
	l->answer.final = true;
	describe(l, why);
}

/* Several Reply-Messages are one text (RFC 2865 section 5.18). */
static void copy_reply_message(const struct radius_packet *p, char *ret, size_t cap)
{
	struct radius_walk walk;
	struct radius_attribute a;
	size_t n = 0;

	*ret = '\0';
	radius_attributes(p, &walk);
	while (radius_next(&walk, &a))
		if (a.id == RADIUS_REPLY_MESSAGE && n + 1 < cap) {
			text_of_octets(a.data.p, rd_left(&a.data), ret + n, cap - n);
			n = strlen(ret);
		}
}

static void rejected(struct radius_login *l, const struct radius_packet *p)
{
	char why[200] = "", said[128];
	struct rd error;
	int code = AUTH_FAILED;

	copy_reply_message(p, l->answer.message, sizeof(l->answer.message));
	if (radius_find(p, RADIUS_MS_CHAP_ERROR, &error)) {
		code = radius_chap_error(error, said, sizeof(said));
		if (*said)
			snprintf(l->answer.message, sizeof(l->answer.message), "%s", said);
	}
	text_format(why, sizeof(why), "code=%d%s%.100s%s", code,
		*l->answer.message ? " said=\"" : "", l->answer.message,
		*l->answer.message ? "\"" : "");
	refuse(l, EV_AUTH_RADIUS_REJECTED, why);
	l->answer.code = (enum auth_error)code;
}

/* 0: none; -EBADMSG: it does not open. */
static int open_key(const struct radius_login *l, const struct radius_packet *p, uint64_t id,
	uint8_t ret[static RADIUS_KEY_MAX])
{
	const struct radius_request *r = &l->call.request;
	struct rd data;

	return radius_find(p, id, &data) ? radius_open_key(data, r->authenticator, &r->secret, ret)
					 : 0;
}

static bool yields_keys(const struct radius_login *l)
{
	return l->proof.method == AUTH_MSCHAPV2 ||
	       (l->proof.method == AUTH_EAP && l->eap_method != EAP_MD5);
}

/* EV_NONE, or why there are none. */
static enum event take_keys(struct radius_login *l, const struct radius_packet *p)
{
	uint8_t recv_key[RADIUS_KEY_MAX], send_key[RADIUS_KEY_MAX], *hlak = l->answer.keys.hlak;
	int n_recv, n_send;
	size_t first;

	if (!yields_keys(l))
		return EV_NONE;
	n_recv = open_key(l, p, RADIUS_MS_MPPE_RECV_KEY, recv_key);
	n_send = open_key(l, p, RADIUS_MS_MPPE_SEND_KEY, send_key);
	if (n_recv < 0 || n_send < 0 || n_recv > HLAK_LEN || n_send > HLAK_LEN)
		return EV_AUTH_RADIUS_BAD_KEYS;
	if (!n_recv || !n_send)
		return EV_AUTH_RADIUS_NO_KEYS;
	memcpy(hlak, recv_key, (size_t)n_recv);
	first = HLAK_LEN - (size_t)n_recv;
	memcpy(hlak + n_recv, send_key, (size_t)n_send < first ? (size_t)n_send : first);
	explicit_bzero(recv_key, sizeof(recv_key));
	explicit_bzero(send_key, sizeof(send_key));
	return EV_NONE;
}

/* Identifier, "S=" and 40 digits (CVE-2022-24704: it may be any length). */
static bool take_success(struct radius_login *l, const struct radius_packet *p)
{
	struct rd data;
	const char *text;

	if (l->proof.method != AUTH_MSCHAPV2)
		return true;
	if (!radius_find(p, RADIUS_MS_CHAP2_SUCCESS, &data) ||
		rd_left(&data) < AAA_AUTH_RESPONSE_LEN)
		return false;
	text = (const char *)data.p + 1;
	if (text[0] != 'S' || text[1] != '=')
		return false;
	for (int i = 2; i < AAA_AUTH_RESPONSE_LEN - 1; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	memcpy(l->answer.keys.auth_response, text, AAA_AUTH_RESPONSE_LEN - 1);
	return true;
}

static bool is_or_absent(const struct radius_packet *p, uint64_t id, uint32_t wanted)
{
	struct rd data;
	uint32_t value;

	return !radius_find(p, id, &data) || (radius_u32(data, &value) && value == wanted);
}

static void accepted(struct radius_login *l, const struct radius_packet *p)
{
	struct aaa_answer *a = &l->answer;
	struct grant_values own = {0};
	char why[48] = "";
	enum event e;
	unsigned bad;

	if (!is_or_absent(p, RADIUS_SERVICE_TYPE, SERVICE_FRAMED) ||
		!is_or_absent(p, RADIUS_FRAMED_PROTOCOL, PROTOCOL_PPP)) {
		refuse(l, EV_AUTH_RADIUS_OTHER_SERVICE, "");
		return;
	}
	if (!take_success(l, p)) {
		refuse(l, EV_AUTH_RADIUS_NO_PROOF, "");
		return;
	}
	e = take_keys(l, p);
	bad = radius_grant(p, GRANT_RADIUS, &own);
	if (e) {
		refuse(l, e, "");
		return;
	}
	if (policy_grant(l->defaults, &own, &a->grant) < 0 ||
		radius_classes_new(p, &a->classes) < 0) {
		refuse(l, EV_AUTH_STORE_FAILED, event_info(EV_OUT_OF_MEMORY)->name);
		return;
	}
	a->outcome = AAA_ACCEPT;
	a->event = EV_AUTH_ACCEPTED;
	a->by_radius = true;
	a->user_id = user_id_of(l->proof.user, l->proof.user_len);
	if (bad)
		snprintf(why, sizeof(why), "unreadable_attributes=%u", bad);
	describe(l, why);
}

static bool gather_eap(const struct radius_packet *p, struct aaa_answer *a)
{
	struct radius_walk walk;
	struct radius_attribute at;

	a->challenge_len = 0;
	radius_attributes(p, &walk);
	while (radius_next(&walk, &at)) {
		size_t n = rd_left(&at.data);

		if (at.id != RADIUS_EAP_MESSAGE)
			continue;
		if (a->challenge_len + n > sizeof(a->challenge))
			return false;
		memcpy(a->challenge + a->challenge_len, at.data.p, n);
		a->challenge_len += n;
	}
	return true;
}

static void challenged(struct radius_login *l, const struct radius_packet *p)
{
	struct aaa_answer *a = &l->answer;
	struct eap_packet request;
	struct rd state;
	bool whole = gather_eap(p, a);

	if (l->proof.method != AUTH_EAP) {
		refuse(l, EV_AUTH_RADIUS_CHALLENGED, "");
		return;
	}
	if (!whole || eap_packet_parse(rd_init(a->challenge, a->challenge_len), &request) < 0 ||
		request.code != EAP_REQUEST) {
		refuse(l, EV_AUTH_RADIUS_BAD_EAP, "");
		return;
	}
	if (request.type >= EAP_MD5)
		l->eap_method = request.type;
	l->state_len = 0;
	if (radius_find(p, RADIUS_STATE, &state)) {
		l->state_len = (uint8_t)rd_left(&state);
		memcpy(l->state, state.p, l->state_len);
	}
	a->outcome = AAA_CHALLENGE;
	a->event = EV_NONE;
	describe(l, "");
}

static void unanswered(struct radius_login *l)
{
	const struct radius_request *r = &l->call.request;

	if (l->call.refused)
		refuse(l, EV_SERVER_BUSY, "what=radius");
	else if (r->outcome == RADIUS_NO_SERVER)
		refuse(l, EV_AUTH_RADIUS_NONE, "");
	else if (r->outcome == RADIUS_UNENCODABLE)
		refuse(l, EV_AUTH_RADIUS_TOO_LONG, "");
	else if (r->distrusted && r->why == RADIUS_NO_MESSAGE_AUTHENTICATOR)
		refuse(l, EV_AUTH_RADIUS_NOT_SEALED, "");
	else if (r->distrusted)
		refuse(l, EV_AUTH_RADIUS_NOT_TRUSTED, radius_trust_word(r->why));
	else
		refuse(l, EV_AUTH_RADIUS_NO_ANSWER, "");
}

static void write_attributes(struct radius_login *l, const struct radius_packet *p)
{
	char line[RADIUS_TEXT_LEN];
	struct radius_walk walk;
	struct radius_attribute a;
	size_t n = 0;

	radius_attributes(p, &walk);
	while (radius_next(&walk, &a)) {
		radius_attribute_text(&a, line);
		n += text_format(l->text + n, l->n_text - n, "%s\n", line);
	}
}

static void deliver(struct letter *letter)
{
	struct radius_login *l = container_of(letter, struct radius_login, letter);

	l->done(l);
}

/* On the thread of RADIUS, where the secret is. */
static void on_outcome(struct radius_call *c)
{
	struct radius_login *l = (struct radius_login *)c;
	const struct radius_packet *p = &c->request.reply;

	if (c->request.outcome != RADIUS_ANSWERED || c->refused)
		unanswered(l);
	else if (p->code == RADIUS_ACCESS_ACCEPT)
		accepted(l, p);
	else if (p->code == RADIUS_ACCESS_REJECT)
		rejected(l, p);
	else
		challenged(l, p);
	if (c->request.outcome == RADIUS_ANSWERED && !c->refused && l->text)
		write_attributes(l, p);
	explicit_bzero(c->request.packet, sizeof(c->request.packet));
	explicit_bzero(&c->request.secret, sizeof(c->request.secret));
	l->letter.deliver = deliver;
	mailbox_post(l->reply_to, &l->letter);
}

static unsigned turn_of(const struct addr *source)
{
	unsigned h = 2166136261u;

	for (size_t i = 0; i < (source->family == AF_INET ? 4u : 8u); i++) /* IPv6: a /64 */
		h = (h ^ source->octets[i]) * 16777619u;
	return h ^ h >> 16;
}

void radius_login_ask(struct radius_login *l)
{
	l->answer = (struct aaa_answer){0};
	text_of_octets(l->proof.user, l->proof.user_len, l->answer.user, sizeof(l->answer.user));
	l->call.request = (struct radius_request){.code = RADIUS_ACCESS_REQUEST,
		.sealed = true,
		.turn = turn_of(&l->connection.peer.addr),
		.encode = encode};
	l->call.service = RADIUS_AUTH;
	l->call.done = on_outcome;
	if (!l->state_len)
		*l->call.server = '\0';
	radius_submit(l->radius, &l->call);
}
