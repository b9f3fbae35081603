// SPDX-License-Identifier: Apache-2.0
/*
 * CHAP (RFC 1994).
 *
 * Server: one Challenge, repeated with the same value and identifier, ten times: after 3 s,
 * or first after a shorter time that follows from the round trip (ppp.c); the first
 * Response to it becomes the proof; the verdict goes out as Success or Failure and is repeated
 * whenever the Response is (section 4.2). Client: Challenges are answered, also later ones on an
 * open link (section 2), up to a bound (limits.h); a repeated Challenge gets the very same Response,
 * so that Success can be checked whichever of the two the server took. The Response is repeated every
 * 3 s until there is a verdict: section 4.2 makes the server ready for that, since a Success can be lost.
 *
 * CHAP-MD5 yields no key: the HLAK is zero.
 *
 * Server, MS-CHAPv2: after a Failure with E=648 whose verdict allows it, one Change-Password (RFC 2759 7)
 * becomes the next proof. Nothing is repeated meanwhile, for a person types; the owner's time limit holds.
 */
#include "ppp/auth/chap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "base/wr.h"

/* What is kept for a Change-Password: whose it is, and its blocks when it has come. */
struct chap_change {
	char user[USER_NAME_MAX + 1];
	size_t user_len;
	uint8_t blocks[PROOF_CHANGE_LEN];
};

#define CHANGE_BODY_LEN (PROOF_CHANGE_LEN + 16 + 8 + 24 + 2)

void chap_end(struct auth *a)
{
	if (a->change)
		explicit_bzero(a->change, sizeof(*a->change));
	free(a->change);
	a->change = NULL;
}

/* RFC 2759 7: the identifier is the Failure's and one. */
static void recv_change(struct auth *a, const struct ppp_packet *packet)
{
	struct rd body = packet->body;
	struct chap_change *c = a->change;
	struct proof *p;

	if (!c || a->stage != AUTH_WAITING || rd_left(&body) != CHANGE_BODY_LEN ||
		packet->identifier != (uint8_t)(a->identifier + 1))
		return;
	p = auth_keep_proof(a, &(struct proof){.method = a->scheme->method,
				       .identifier = packet->identifier,
				       .user_len = c->user_len,
				       .change = c->blocks});
	if (!p)
		return;
	a->identifier = packet->identifier;
	memcpy(p->user, c->user, c->user_len);
	memcpy(p->challenge, a->challenge, sizeof(p->challenge));
	rd_copy(&body, c->blocks, sizeof(c->blocks));
	rd_copy(&body, p->peer_challenge, sizeof(p->peer_challenge));
	rd_ptr(&body, 8); /* reserved; the flags are not looked at */
	rd_copy(&body, p->nt_response, sizeof(p->nt_response));
	auth_proven(a, AUTH_JUDGING);
}

/* Once: a second refusal is the end. */
static void allow_change(struct auth *a, const struct verdict *v)
{
	struct chap_change *c;

	if (!v->may_change || !v->error || a->change || a->scheme->method != AUTH_MSCHAPV2)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	memcpy(c->user, a->proof->user, a->proof->user_len);
	c->user_len = a->proof->user_len;
	a->change = c;
	a->stage = AUTH_WAITING;
	a->deadline = NEVER;
}

int chap_value_parse(struct rd body, struct chap_value *ret)
{
	struct rd value = rd_sub(&body, rd_u8(&body));

	if (body.short_read || !rd_left(&value))
		return -EPROTO;
	*ret = (struct chap_value){value, body};
	return 0;
}

static void send_value(struct auth *a, uint8_t code, const void *value, size_t n, const char *name,
	size_t name_len)
{
	uint8_t body[1 + CHAP_VALUE_MAX + USER_NAME_MAX];
	struct wr w = wr_init(body, sizeof(body));

	wr_u8(&w, (uint8_t)n);
	wr_octets(&w, value, n);
	wr_octets(&w, name, name_len);
	auth_send(a, code, a->identifier, body, wr_len(&w));
	explicit_bzero(body, sizeof(body));
}

static void send_challenge(struct auth *a)
{
	send_value(a, CHAP_CHALLENGE, a->challenge, a->challenge_len, a->name, strlen(a->name));
}

void chap_start(struct auth *a, uint64_t now_ms)
{
	if (a->server)
		a->resend_ms = a->first_resend_ms;
	auth_wait(a, now_ms, a->resend_ms);
	if (!a->server)
		return;
	a->challenge_len = CHAP_OWN_CHALLENGE_LEN;
	if (draw_octets(a->draw, a->challenge, a->challenge_len) < 0 ||
		draw_octets(a->draw, &a->identifier, 1) < 0)
		ppp_fault_set(a->fault, EV_AUTH_CANNOT_COMPUTE, "SHA-256 is missing");
	else
		send_challenge(a);
}

static void recv_response(struct auth *a, const struct ppp_packet *packet)
{
	const struct chap_algorithm *algorithm = a->scheme->chap;
	struct chap_value response;
	struct proof *p;

	if (packet->identifier != a->identifier)
		return;
	if (a->stage == AUTH_PASSED || a->stage == AUTH_DENIED) {
		auth_repeat_reply(a);
		return;
	}
	if (a->change) { /* it has not heard the Failure */
		if (a->stage == AUTH_WAITING)
			auth_repeat_reply(a);
		return;
	}
	if (a->stage != AUTH_WAITING || chap_value_parse(packet->body, &response) < 0 ||
		rd_left(&response.value) != algorithm->response_len)
		return;
	p = auth_keep_proof(
		a, &(struct proof){.method = a->scheme->method, .identifier = packet->identifier});
	if (!p)
		return;
	memcpy(p->challenge, a->challenge, sizeof(p->challenge));
	algorithm->fill_proof(response.value, p);
	if (auth_set_user(a, response.name.p, rd_left(&response.name)) < 0)
		auth_refuse(a, "user name too long");
	else
		auth_proven(a, AUTH_JUDGING);
}

/* A new Challenge, or another one on an open link: what was computed for the old one is void. */
static bool new_challenge(struct auth *a, const struct ppp_packet *packet, const struct rd *value)
{
	size_t n = rd_left(value);

	if (a->responded && packet->identifier == a->identifier && n == a->challenge_len &&
		!memcmp(value->p, a->challenge, n))
		return false;
	memcpy(a->challenge, value->p, n);
	a->challenge_len = (uint8_t)n;
	a->identifier = packet->identifier;
	a->responded = a->concluded = false;
	return true;
}

/* The same Challenge gives the same Response, octet for octet. */
static void send_response(struct auth *a)
{
	uint8_t value[CHAP_VALUE_MAX];
	struct wr w = wr_init(value, sizeof(value));
	int r = a->scheme->chap->respond(a, &w);

	if (r < 0) {
		ppp_fault_set(
			a->fault, EV_AUTH_CANNOT_COMPUTE, "%s: %s", a->scheme->name, strerror(-r));
		return;
	}
	a->responded = true;
	send_value(a, CHAP_RESPONSE, value, wr_len(&w), a->secrets->user, a->secrets->user_len);
	explicit_bzero(value, sizeof(value));
}

void chap_resend(struct auth *a)
{
	if (a->server)
		send_challenge(a);
	else if (a->responded)
		send_response(a);
}

/* False: this server challenges without end. */
static bool may_challenge(struct auth *a, uint64_t now_ms)
{
	if (budget_spend(&a->challenges, CHAP_CHALLENGES_MAX, CHAP_CHALLENGE_MS, now_ms))
		return true;
	auth_proven(a, AUTH_DENIED);
	ppp_fault_set(a->fault, EV_AUTH_WITHOUT_END, "%s comes to no end: %d challenges",
		a->scheme->name, CHAP_CHALLENGES_MAX);
	return false;
}

static void recv_challenge(struct auth *a, const struct ppp_packet *packet, uint64_t now_ms)
{
	size_t fixed_len = a->scheme->chap->challenge_len;
	bool first = !a->challenge_len;
	struct chap_value challenge;

	if (a->stage == AUTH_DENIED || chap_value_parse(packet->body, &challenge) < 0)
		return;
	if (fixed_len && rd_left(&challenge.value) != fixed_len)
		return;
	if (!may_challenge(a, now_ms))
		return;
	if (new_challenge(a, packet, &challenge.value) &&
		draw_octets(a->draw, a->peer_challenge, sizeof(a->peer_challenge)) < 0)
		return;
	send_response(a);
	if (first) { /* later ones do not buy the server more time */
		a->tries = AUTH_TRIES;
		auth_wait(a, now_ms, AUTH_RESEND_MS);
	}
}

static void recv_verdict(struct auth *a, const struct ppp_packet *packet)
{
	if (!a->responded || packet->identifier != a->identifier || a->stage == AUTH_DENIED)
		return; /* also: a Success without a Response */
	if (a->concluded && packet->code == CHAP_SUCCESS)
		return;
	a->concluded = true;
	if (packet->code == CHAP_SUCCESS && a->scheme->chap->check_success(a, packet->body)) {
		a->has_hlak = true;
		auth_proven(a, AUTH_PASSED);
		return;
	}
	auth_proven(a, AUTH_DENIED);
	if (packet->code == CHAP_FAILURE)
		a->scheme->chap->explain_failure(a, packet->body);
	else
		ppp_fault_set(
			a->fault, EV_AUTH_SERVER_NOT_PROVEN, "%s", "its S= is wrong or missing");
}

void chap_recv(struct auth *a, const struct ppp_packet *packet, uint64_t now_ms)
{
	switch (packet->code) {
	case CHAP_CHALLENGE:
		if (!a->server)
			recv_challenge(a, packet, now_ms);
		break;
	case CHAP_RESPONSE:
		if (a->server)
			recv_response(a, packet);
		break;
	case CHAP_SUCCESS:
	case CHAP_FAILURE:
		if (!a->server)
			recv_verdict(a, packet);
		break;
	case CHAP_CHANGE_PASSWORD:
		if (a->server)
			recv_change(a, packet);
		break;
	}
}

void chap_conclude(struct auth *a, const struct verdict *v)
{
	const struct chap_algorithm *algorithm = a->scheme->chap;
	char text[CHAP_MESSAGE_MAX];
	size_t n;

	if (v->error)
		n = algorithm->failure_text(a, v, text, sizeof(text));
	else
		n = algorithm->success_text(a, v, text, sizeof(text));
	auth_reply(a, v->error ? CHAP_FAILURE : CHAP_SUCCESS, a->identifier, text,
		n < sizeof(text) ? n : sizeof(text) - 1);
	allow_change(a, v);
}

/* RFC 1994 4.1: MD5 of identifier, secret and challenge. */
static int md5_respond(struct auth *a, struct wr *value)
{
	struct octets parts[] = {{&a->identifier, 1},
		{a->secrets->password, a->secrets->password_len}, {a->challenge, a->challenge_len}};
	uint8_t digest[MD5_LEN] = {0};
	int r = hash_parts(HASH_MD5, parts, 3, digest);

	wr_octets(value, digest, sizeof(digest));
	return r;
}

static bool md5_check_success(struct auth *a UNUSED, struct rd text UNUSED)
{
	return true; /* it proves nothing, and has no key */
}

static void md5_explain_failure(struct auth *a, struct rd text)
{
	char says[PPP_TEXT_MAX];

	ppp_text(text, says, sizeof(says));
	ppp_fault_set(a->fault, EV_AUTH_FAILED,
		*says ? "CHAP-MD5, the server says \"%s\"" : "CHAP-MD5%s", says);
}

static void md5_fill_proof(struct rd value, struct proof *ret)
{
	rd_copy(&value, ret->md5_response, sizeof(ret->md5_response));
}

static size_t md5_text(struct auth *a UNUSED, const struct verdict *v, char *ret, size_t cap)
{
	return (size_t)snprintf(ret, cap, "%s", v->message);
}

static const struct chap_algorithm md5 = {
	.response_len = MD5_LEN,
	.respond = md5_respond,
	.check_success = md5_check_success,
	.explain_failure = md5_explain_failure,
	.fill_proof = md5_fill_proof,
	.success_text = md5_text,
	.failure_text = md5_text,
};

const struct auth_scheme chap_md5_scheme = {
	.method = AUTH_CHAP_MD5,
	.name = "CHAP-MD5",
	.protocol = PPP_CHAP,
	.option_data = {5},
	.option_data_len = 1,
	.start = chap_start,
	.on_packet = chap_recv,
	.resend = chap_resend,
	.conclude = chap_conclude,
	.end = chap_end,
	.chap = &md5,
};
