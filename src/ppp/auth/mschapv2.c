// SPDX-License-Identifier: Apache-2.0
/*
 * MS-CHAPv2 (RFC 2759).
 *
 * The client checks the S= of Success, the only proof that the server knows the password (8.8), and
 * only then has an HLAK. A Failure ends the attempt even with R=1: there is no other password to try.
 * The server always says R=0: one attempt per call. Change-Password (section 7) is not done.
 */
#include "ppp/auth/mschapv2.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/wr.h"

#define DIGEST_LEN 20

static int respond(struct auth *a, struct wr *value)
{
	const struct auth_secrets *s = a->secrets;
	int r = mschap_nt_hash(s->password, a->nt_hash);

	if (!r)
		r = mschap_nt_response(a->challenge, a->peer_challenge, s->user, s->user_len,
			a->nt_hash, a->nt_response);
	wr_octets(value, a->peer_challenge, sizeof(a->peer_challenge));
	wr_zero(value, 8); /* reserved */
	wr_octets(value, a->nt_response, sizeof(a->nt_response));
	wr_u8(value, 0); /* flags */
	return r;
}

static int digest_of(
	const char text[static MSCHAP_AUTH_RESPONSE_LEN], uint8_t ret[static DIGEST_LEN])
{
	char digits[2 * DIGEST_LEN + 1];

	if (memcmp(text, "S=", 2))
		return -EPROTO;
	memcpy(digits, text + 2, 2 * DIGEST_LEN);
	digits[2 * DIGEST_LEN] = '\0';
	return hex_decode(digits, ret, DIGEST_LEN);
}

static bool check_success(struct auth *a, struct rd text)
{
	const struct auth_secrets *s = a->secrets;
	const uint8_t *got = rd_ptr(&text, MSCHAP_AUTH_RESPONSE_LEN);
	char expected[MSCHAP_AUTH_RESPONSE_LEN];
	uint8_t want[DIGEST_LEN], have[DIGEST_LEN];

	if (!got || digest_of((const char *)got, have) < 0)
		return false;
	if (mschap_auth_response(a->nt_hash, a->nt_response, a->challenge, a->peer_challenge,
		    s->user, s->user_len, expected) < 0 ||
		digest_of(expected, want) < 0 || !crypto_equal(want, have, DIGEST_LEN))
		return false;
	return a->has_hlak || !mschap_hlak(a->nt_hash, a->nt_response, a->hlak);
}

static void explain_failure(struct auth *a, struct rd text)
{
	struct mschapv2_failure failure;
	char raw[PPP_TEXT_MAX];

	if (mschapv2_failure_parse(text, &failure) < 0) {
		ppp_text(text, raw, sizeof(raw));
		ppp_fault_set(a->fault, EV_AUTH_FAILED, "the server says \"%s\"", raw);
		return;
	}
	if (*failure.message)
		ppp_fault_set(a->fault, auth_error_event(failure.error),
			"E=%u, %s; the server says \"%s\"", failure.error,
			auth_error_words(failure.error), failure.message);
	else
		ppp_fault_set(a->fault, auth_error_event(failure.error), "E=%u, %s", failure.error,
			auth_error_words(failure.error));
}

/* The next field up to a blank, or to the end when it is the message: key, '=' and value. */
static bool next_field(struct rd *text, uint8_t *ret_key, struct rd *ret_value)
{
	while (rd_left(text) && *text->p == ' ')
		rd_u8(text);
	if (!rd_left(text))
		return false;

	struct rd field = *text;
	const uint8_t *blank = memchr(text->p, ' ', rd_left(text));

	*ret_key = rd_u8(&field);
	if (blank && *ret_key != 'M')
		field.end = blank;
	text->p = field.end;
	if (rd_u8(&field) != '=')
		*ret_key = 0;
	*ret_value = field;
	return true;
}

/* A decimal number of at most 9 digits; -EPROTO for anything else. */
static int read_number(struct rd value, unsigned *ret)
{
	unsigned v = 0;

	if (!rd_left(&value) || rd_left(&value) > 9)
		return -EPROTO;
	while (rd_left(&value)) {
		if (!isdigit(*value.p))
			return -EPROTO;
		v = v * 10 + (unsigned)(rd_u8(&value) - '0');
	}
	*ret = v;
	return 0;
}

static bool read_challenge(struct rd value, uint8_t ret[static MSCHAP_CHALLENGE_LEN])
{
	char digits[2 * MSCHAP_CHALLENGE_LEN + 1] = "";

	if (rd_left(&value) != 2 * MSCHAP_CHALLENGE_LEN)
		return false;
	rd_copy(&value, digits, sizeof(digits) - 1);
	return !hex_decode(digits, ret, MSCHAP_CHALLENGE_LEN);
}

int mschapv2_failure_parse(struct rd text, struct mschapv2_failure *ret)
{
	struct mschapv2_failure f = {0};
	bool has_error = false;
	unsigned retry = 0;
	struct rd value;
	uint8_t key;

	while (next_field(&text, &key, &value)) {
		switch (key) {
		case 'E': has_error = !read_number(value, &f.error) || has_error; break;
		case 'R': read_number(value, &retry); break;
		case 'C': f.has_challenge = read_challenge(value, f.challenge); break;
		case 'V': read_number(value, &f.version); break;
		case 'M': ppp_text(value, f.message, sizeof(f.message)); break;
		}
	}
	if (!has_error)
		return -EPROTO;
	f.retry = retry == 1;
	*ret = f;
	return 0;
}

static void fill_proof(struct rd value, struct proof *ret)
{
	rd_copy(&value, ret->peer_challenge, sizeof(ret->peer_challenge));
	rd_ptr(&value,
		8); /* reserved; not looked at, nor are the flags: peers fill them variously */
	rd_copy(&value, ret->nt_response, sizeof(ret->nt_response));
}

static size_t success_text(struct auth *a UNUSED, const struct verdict *v, char *ret, size_t cap)
{
	return (size_t)snprintf(
		ret, cap, "%s%s%s", v->auth_response, *v->message ? " M=" : "", v->message);
}

/*
 * The challenge is for a retry that R=0 forbids (Windows wants to see one all the same), or for a
 * Change-Password.
 */
static size_t failure_text(struct auth *a, const struct verdict *v, char *ret, size_t cap)
{
	uint8_t *challenge = a->challenge;
	char digits[2 * MSCHAP_CHALLENGE_LEN + 1];

	draw_octets(a->draw, challenge, MSCHAP_CHALLENGE_LEN);
	hex_encode(challenge, MSCHAP_CHALLENGE_LEN, digits);
	for (char *p = digits; *p; p++)
		*p = (char)toupper(*p);
	return (size_t)snprintf(ret, cap, "E=%u R=0 C=%s V=3 M=%s", (unsigned)v->error, digits,
		*v->message ? v->message : auth_error_words(v->error));
}

static const struct chap_algorithm mschapv2 = {
	.challenge_len = MSCHAP_CHALLENGE_LEN,
	.response_len = MSCHAPV2_RESPONSE_LEN,
	.respond = respond,
	.check_success = check_success,
	.explain_failure = explain_failure,
	.fill_proof = fill_proof,
	.success_text = success_text,
	.failure_text = failure_text,
};

const struct auth_scheme mschapv2_scheme = {
	.method = AUTH_MSCHAPV2,
	.name = "MS-CHAPv2",
	.protocol = PPP_CHAP,
	.option_data = {0x81},
	.option_data_len = 1,
	.start = chap_start,
	.on_packet = chap_recv,
	.resend = chap_resend,
	.conclude = chap_conclude,
	.end = chap_end,
	.chap = &mschapv2,
};
