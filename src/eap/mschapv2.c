// SPDX-License-Identifier: Apache-2.0
/*
 * EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2), the client.
 *
 *     → Challenge      ← Response
 *     → Success S=     ← Success       when S= proves that the server knows the password
 *     → Failure E=     ← Failure       or, E=648 and a new password at hand:
 *                      ← Change-Password    → Success S= for the new password   ← Success
 *
 * A Failure with R=1 ends the attempt, too: there is no other password to try.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/mschap.h"
#include "base/mschap_change.h"
#include "base/text.h"
#include "eap/method.h"
#include "ppp/auth/mschapv2.h"

enum op { OP_CHALLENGE = 1, OP_RESPONSE, OP_SUCCESS, OP_FAILURE, OP_CHANGE_PASSWORD = 7 };
enum state { IDLE, RESPONDED, CHANGING, PROVEN, REFUSED };

#define OP_HEADER_LEN 4
#define RESPONSE_LEN 49 /* peer challenge 16, reserved 8, NT-Response 24, flags 1 */

struct mschapv2 {
	struct eap_side *side;
	enum state state;
	uint8_t id; /* the MS-CHAPv2-ID */
	uint8_t challenge[MSCHAP_CHALLENGE_LEN], peer_challenge[MSCHAP_CHALLENGE_LEN];
	uint8_t nt_hash[MSCHAP_NT_HASH_LEN], nt_response[MSCHAP_NT_RESPONSE_LEN];
	uint8_t hlak[MSCHAP_HLAK_LEN]; /* PROVEN */
};

static int begin(struct eap_side *side, void **ret)
{
	struct mschapv2 *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->side = side;
	*ret = m;
	return 0;
}

static void end(void *self)
{
	explicit_bzero(self, sizeof(struct mschapv2));
	free(self);
}

static bool starts(struct rd data)
{
	return rd_u8(&data) == OP_CHALLENGE && !data.short_read;
}

static enum eap_answer cannot(struct mschapv2 *m, int r)
{
	return r == -EILSEQ
		       ? eap_side_fail(m->side, EV_AUTH_CANNOT_COMPUTE, "the password is not UTF-8")
		       : eap_side_fail(
				 m->side, EV_AUTH_CANNOT_COMPUTE, "MD4 or DES: %s", strerror(-r));
}

static int compute(struct mschapv2 *m, const char *password)
{
	const char *user = m->side->opts->user;
	int r = mschap_nt_hash(password, m->nt_hash);

	m->side->opts->random(m->peer_challenge, sizeof(m->peer_challenge));
	return r ? r
		 : mschap_nt_response(m->challenge, m->peer_challenge, user, strlen(user),
			   m->nt_hash, m->nt_response);
}

static void write_header(const struct mschapv2 *m, struct wr *out, enum op op, size_t n)
{
	wr_u8(out, (uint8_t)op);
	wr_u8(out, m->id);
	wr_be16(out, (uint16_t)(OP_HEADER_LEN + n));
}

/* ---- Challenge ---------------------------------------------------------------------------------- */

static enum eap_answer on_challenge(struct mschapv2 *m, struct rd body, struct wr *out)
{
	struct rd value = rd_sub(&body, rd_u8(&body));
	const char *user = m->side->opts->user;
	int r;

	if (body.short_read || rd_left(&value) != MSCHAP_CHALLENGE_LEN)
		return EAP_ANSWER_DISCARD;
	rd_copy(&value, m->challenge, sizeof(m->challenge));
	r = compute(m, m->side->password);
	if (r < 0)
		return cannot(m, r);
	write_header(m, out, OP_RESPONSE, 1 + RESPONSE_LEN + strlen(user));
	wr_u8(out, RESPONSE_LEN);
	wr_octets(out, m->peer_challenge, sizeof(m->peer_challenge));
	wr_zero(out, 8);
	wr_octets(out, m->nt_response, sizeof(m->nt_response));
	wr_u8(out, 0);
	wr_octets(out, user, strlen(user));
	m->state = RESPONDED;
	return EAP_ANSWER_SEND;
}

/* ---- Success ------------------------------------------------------------------------------------ */

static bool proves_itself(const struct mschapv2 *m, struct rd text)
{
	const char *user = m->side->opts->user;
	const uint8_t *got = rd_ptr(&text, MSCHAP_AUTH_RESPONSE_LEN);
	char expected[MSCHAP_AUTH_RESPONSE_LEN], shown[MSCHAP_AUTH_RESPONSE_LEN];

	if (!got || mschap_auth_response(m->nt_hash, m->nt_response, m->challenge,
			    m->peer_challenge, user, strlen(user), expected) < 0)
		return false;
	for (size_t i = 0; i < sizeof(shown); i++) /* some write the digits in lower case */
		shown[i] = (char)(got[i] >= 'a' && got[i] <= 'f' ? got[i] - 32 : got[i]);
	return crypto_equal(shown, expected, sizeof(expected));
}

static enum eap_answer on_success(struct mschapv2 *m, struct rd text, struct wr *out)
{
	if (m->state != RESPONDED && m->state != CHANGING)
		return EAP_ANSWER_DISCARD;
	if (!proves_itself(m, text))
		return eap_side_fail(m->side, EV_AUTH_SERVER_NOT_PROVEN, "EAP-MSCHAPv2");
	if (mschap_hlak(m->nt_hash, m->nt_response, m->hlak) < 0)
		return cannot(m, -EIO);
	m->state = PROVEN;
	wr_u8(out, OP_SUCCESS);
	return EAP_ANSWER_SEND;
}

/* ---- Failure, and a new password ----------------------------------------------------------------- */

static void note_failure(struct mschapv2 *m, const struct mschapv2_failure *f)
{
	bool changing = m->state == CHANGING;
	char text[160];

	text_format(text, sizeof(text), "E=%u, %s%s%s", f->error, auth_error_words(f->error),
		*f->message ? "; the server says " : "", f->message);
	eap_side_note(m->side, changing ? EV_AUTH_PASSWORD_NOT_CHANGED : auth_error_event(f->error),
		text);
}

static enum eap_answer acknowledge_failure(struct mschapv2 *m, struct wr *out)
{
	m->state = REFUSED;
	wr_u8(out, OP_FAILURE);
	return EAP_ANSWER_SEND;
}

/* RFC 2759 section 7: what is behind the header of op 7. */
static enum eap_answer write_change(struct mschapv2 *m, const char *password, struct wr *out)
{
	uint8_t old_hash[MSCHAP_NT_HASH_LEN], padding[MSCHAP_PASSWORD_UTF16_MAX];
	uint8_t block[MSCHAP_PW_BLOCK_LEN], hash[MSCHAP_NT_HASH_LEN];
	int r = 0;

	memcpy(old_hash, m->nt_hash, sizeof(old_hash));
	m->side->opts->random(padding, sizeof(padding));
	r = mschap_password_seal(password, old_hash, padding, block);
	if (!r)
		r = compute(m, password);
	if (!r)
		r = mschap_hash_seal(old_hash, m->nt_hash, hash);
	explicit_bzero(old_hash, sizeof(old_hash));
	if (r < 0)
		return cannot(m, r);
	write_header(m, out, OP_CHANGE_PASSWORD, 582);
	wr_octets(out, block, sizeof(block));
	wr_octets(out, hash, sizeof(hash));
	wr_octets(out, m->peer_challenge, sizeof(m->peer_challenge));
	wr_zero(out, 8);
	wr_octets(out, m->nt_response, sizeof(m->nt_response));
	wr_be16(out, 0);
	m->state = CHANGING;
	return EAP_ANSWER_SEND;
}

static enum eap_answer change_password(
	struct mschapv2 *m, const struct mschapv2_failure *f, struct wr *out)
{
	const struct eap_client_opts *o = m->side->opts;
	char password[PAP_PASSWORD_MAX + 1] = "";
	enum eap_answer a;

	m->side->was_asked = true;
	if (o->new_password(o->arg, password) < 0)
		return acknowledge_failure(m, out);
	memcpy(m->challenge, f->challenge, sizeof(m->challenge));
	a = write_change(m, password, out);
	memcpy(m->side->password, password, sizeof(password)); /* for the next connection */
	explicit_bzero(password, sizeof(password));
	return a;
}

static enum eap_answer on_failure(struct mschapv2 *m, struct rd text, struct wr *out)
{
	struct mschapv2_failure f;

	if (m->state != RESPONDED && m->state != CHANGING)
		return EAP_ANSWER_DISCARD;
	if (mschapv2_failure_parse(text, &f) < 0) {
		eap_side_note(m->side, EV_AUTH_FAILED, "the server gives no reason");
		return acknowledge_failure(m, out);
	}
	note_failure(m, &f);
	if (m->state == RESPONDED && f.error == AUTH_PASSWORD_EXPIRED && f.has_challenge &&
		m->side->opts->new_password && !m->side->was_asked)
		return change_password(m, &f, out);
	return acknowledge_failure(m, out);
}

/* ------------------------------------------------------------------------------------------------- */

static enum eap_answer receive(void *self, struct rd data, struct wr *out)
{
	struct mschapv2 *m = self;
	uint8_t op = rd_u8(&data), id = rd_u8(&data);
	size_t length = rd_be16(&data);
	struct rd body = data;

	/* some servers count their lengths differently: the shorter one of both counts */
	if (data.short_read || length < OP_HEADER_LEN)
		return EAP_ANSWER_DISCARD;
	if (length - OP_HEADER_LEN < rd_left(&body))
		body = rd_sub(&data, length - OP_HEADER_LEN);
	m->id = id;
	switch (op) {
	case OP_CHALLENGE: return on_challenge(m, body, out);
	case OP_SUCCESS: return on_success(m, body, out);
	case OP_FAILURE: return on_failure(m, body, out);
	default: return EAP_ANSWER_DISCARD;
	}
}

/* MSK = MasterReceiveKey | MasterSendKey of the server | zeros ([MS-CHAP] 3.1.5.1). */
static int key(const void *self, uint8_t ret_msk[static EAP_MSK_LEN])
{
	const struct mschapv2 *m = self;

	if (m->state != PROVEN)
		return -EAGAIN;
	memcpy(ret_msk, m->hlak, sizeof(m->hlak));
	return 0;
}

const struct eap_peer_method eap_peer_mschapv2 = {
	EAP_MSCHAPV2, true, begin, end, starts, receive, key};
