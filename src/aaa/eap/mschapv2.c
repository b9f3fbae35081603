// SPDX-License-Identifier: Apache-2.0
/*
 * EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2): MS-CHAPv2 in EAP's packets.
 *
 *     Challenge →  ← Response    Success Request (S=) →  ← Success Response    EAP-Success
 *                                Failure Request (E=) →  ← Failure Response    EAP-Failure
 *
 *     … Failure Request (E=648) →  ← Change-Password    Success Request (S= of the new one) → …
 *
 * One attempt a login: R=0 always. The proof is judged as that of plain MS-CHAPv2 is, and the key is the
 * same: MSK = MasterReceiveKey | MasterSendKey | 32 zeros.
 */
#include "aaa/eap/method.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mschap.h"

enum op { OP_CHALLENGE = 1, OP_RESPONSE, OP_SUCCESS, OP_FAILURE, OP_CHANGE_PASSWORD = 7 };
enum state { CHALLENGED, ASKED, SUCCEEDED, OUTDATED, FAILED };

#define OP_HEADER_LEN 4
#define RESPONSE_LEN 49 /* peer challenge 16, reserved 8, NT-Response 24, flags 1 */

struct mschapv2 {
	struct eap_host *host;
	enum state state;
	uint8_t id; /* the MS-CHAPv2-ID */
	uint8_t challenge[MSCHAP_CHALLENGE_LEN];
	struct eap_refusal why; /* OUTDATED, FAILED */
	uint8_t change[PROOF_CHANGE_LEN];
	bool changed; /* one change was asked for: a second refusal is the end */
	char user[USER_NAME_MAX];
	size_t user_len;
};

static int begin(struct eap_host *host, void **ret)
{
	struct mschapv2 *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->host = host;
	*ret = m;
	return 0;
}

static void end(void *self)
{
	explicit_bzero(self, sizeof(struct mschapv2));
	free(self);
}

static void write_op(struct mschapv2 *m, struct wr *out, enum op op, const void *body, size_t n)
{
	wr_u8(out, (uint8_t)op);
	wr_u8(out, m->id);
	wr_be16(out, (uint16_t)(OP_HEADER_LEN + n));
	wr_octets(out, body, n);
}

static enum eap_step start(void *self, struct wr *out)
{
	struct mschapv2 *m = self;
	const char *name = m->host->opts->name;
	uint8_t body[1 + MSCHAP_CHALLENGE_LEN + 64];
	struct wr w = wr_init(body, sizeof(body));

	m->host->opts->random(m->challenge, sizeof(m->challenge));
	m->host->opts->random(&m->id, sizeof(m->id));
	wr_u8(&w, MSCHAP_CHALLENGE_LEN);
	wr_octets(&w, m->challenge, sizeof(m->challenge));
	wr_octets(&w, name, strnlen(name, 63));
	write_op(m, out, OP_CHALLENGE, body, wr_len(&w));
	return EAP_STEP_SEND;
}

static enum eap_step malformed(struct mschapv2 *m, const char *what)
{
	return eap_refuse(m->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED, "eap-mschapv2: %s", what);
}

/* Without DOMAIN\, as the hash is taken (RFC 2759 8.2). */
static struct rd bare_name(const void *name, size_t n)
{
	const uint8_t *p = name, *cut = memrchr(p, '\\', n);

	return cut ? rd_init(cut + 1, (size_t)(p + n - cut - 1)) : rd_init(p, n);
}

/* Identity and Name mean the same user: another one would be logged, and another one be let in. */
static bool same_name(const struct eap_host *h, struct rd name)
{
	struct rd a = bare_name(h->identity, h->identity_len),
		  b = bare_name(name.p, rd_left(&name));
	size_t n = rd_left(&a);

	if (n != rd_left(&b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (tolower(a.p[i]) != tolower(b.p[i]))
			return false;
	return true;
}

static enum eap_step on_response(struct mschapv2 *m, struct rd body)
{
	struct eap_host *h = m->host;
	struct rd value = rd_sub(&body, rd_u8(&body));
	size_t name_len = rd_left(&body);

	if (body.short_read || rd_left(&value) != RESPONSE_LEN)
		return malformed(m, "a response of the wrong length");
	if (name_len > USER_NAME_MAX) /* CVE-2020-8597 */
		return malformed(m, "a name of more than 256 octets");
	if (!same_name(h, body))
		return malformed(m, "the name is not that of the identity");
	h->question = (struct proof){.method = AUTH_MSCHAPV2,
		.eap_type = EAP_MSCHAPV2,
		.identifier = m->id,
		.user_len = name_len};
	rd_copy(&body, h->question.user, name_len);
	memcpy(h->question.challenge, m->challenge, sizeof(m->challenge));
	rd_copy(&value, h->question.peer_challenge, sizeof(h->question.peer_challenge));
	rd_ptr(&value, 8); /* reserved, then the flags: peers differ in what they write there */
	rd_copy(&value, h->question.nt_response, sizeof(h->question.nt_response));
	memcpy(m->user, h->question.user, name_len);
	m->user_len = name_len;
	m->state = ASKED;
	return EAP_STEP_ASK;
}

#define CHANGE_LEN (PROOF_CHANGE_LEN + 16 + 8 + 24 + 2)

/* Op 7: the blocks, then a response of the new password to the challenge in our E=648. */
static enum eap_step on_change(struct mschapv2 *m, struct rd body)
{
	struct eap_host *h = m->host;

	if (rd_left(&body) != CHANGE_LEN)
		return malformed(m, "a change of password of the wrong length");
	rd_copy(&body, m->change, sizeof(m->change));
	h->question = (struct proof){.method = AUTH_MSCHAPV2,
		.eap_type = EAP_MSCHAPV2,
		.identifier = m->id,
		.user_len = m->user_len,
		.change = m->change};
	memcpy(h->question.user, m->user, m->user_len);
	memcpy(h->question.challenge, m->challenge, sizeof(m->challenge));
	rd_copy(&body, h->question.peer_challenge, sizeof(h->question.peer_challenge));
	rd_ptr(&body, 8);
	rd_copy(&body, h->question.nt_response, sizeof(h->question.nt_response));
	m->state = ASKED;
	m->changed = true;
	return EAP_STEP_ASK;
}

/* The peer has read our verdict. Both acknowledgements are an op code alone; some send a header as well. */
static enum eap_step on_end(struct mschapv2 *m, uint8_t op)
{
	if (m->state == FAILED || m->state == OUTDATED) {
		m->host->refusal = m->why;
		return EAP_STEP_FAILURE;
	}
	if (op == OP_SUCCESS)
		return EAP_STEP_SUCCESS;
	if (op == OP_FAILURE)
		return eap_refuse(m->host, EV_AUTH_EAP_PROOF_REFUSED, AUTH_FAILED, "eap-mschapv2");
	return malformed(m, "no acknowledgement of the success");
}

static enum eap_step receive(void *self, struct rd data, struct wr *out UNUSED)
{
	struct mschapv2 *m = self;
	uint8_t op = rd_u8(&data);

	if (data.short_read)
		return malformed(m, "no op code");
	if (m->state == SUCCEEDED || m->state == FAILED ||
		(m->state == OUTDATED && op != OP_CHANGE_PASSWORD))
		return on_end(m, op);
	uint8_t id = rd_u8(&data);
	size_t length = rd_be16(&data);
	struct rd body = rd_sub(&data, length >= OP_HEADER_LEN ? length - OP_HEADER_LEN : SIZE_MAX);

	if (body.short_read)
		return malformed(m, "a length beyond the packet");
	if (m->state == OUTDATED) /* its own identifier: some count on, some do not */
		return on_change(m, body);
	if (m->state != CHALLENGED || op != OP_RESPONSE)
		return malformed(m, "no response to the challenge");
	if (id != m->id)
		return malformed(m, "a response to another challenge");
	return on_response(m, body);
}

static enum eap_step succeed(struct mschapv2 *m, const struct aaa_answer *answer, struct wr *out)
{
	char text[MSCHAP_AUTH_RESPONSE_LEN + 160];
	int n = snprintf(text, sizeof(text), "%s M=%s", answer->keys.auth_response,
		*answer->message ? answer->message : "OK");

	memcpy(m->host->msk, answer->keys.hlak, HLAK_LEN);
	write_op(m, out, OP_SUCCESS, text, (size_t)n);
	m->state = SUCCEEDED;
	return EAP_STEP_SEND;
}

/*
 * The challenge is for a retry that R=0 forbids (Windows wants to see one all the same), or for the
 * response of a new password.
 */
static enum eap_step fail(struct mschapv2 *m, const struct aaa_answer *answer, struct wr *out)
{
	bool outdated = answer->event == EV_AUTH_PASSWORD_OLD && !m->changed;
	char text[256], digits[2 * MSCHAP_CHALLENGE_LEN + 1];
	int n;

	m->host->opts->random(m->challenge, sizeof(m->challenge));
	hex_encode(m->challenge, sizeof(m->challenge), digits);
	for (char *p = digits; *p; p++)
		*p = (char)toupper(*p);
	n = snprintf(text, sizeof(text), "E=%u R=0 C=%s V=3 M=%s", (unsigned)answer->code, digits,
		*answer->message ? answer->message : "Wrong user name or password");
	write_op(m, out, OP_FAILURE, text, (size_t)n);
	m->why = (struct eap_refusal){.event = answer->event, .code = answer->code};
	m->host->failed = answer->event;
	m->state = outdated ? OUTDATED : FAILED;
	return EAP_STEP_SEND;
}

static enum eap_step judged(void *self, const struct aaa_answer *answer, struct wr *out)
{
	struct mschapv2 *m = self;

	if (m->state != ASKED)
		return malformed(m, "an answer without a question");
	return answer->outcome == AAA_ACCEPT ? succeed(m, answer, out) : fail(m, answer, out);
}

const struct eap_method eap_method_mschapv2 = {
	EAP_MSCHAPV2, "eap-mschapv2", begin, end, start, receive, judged};
