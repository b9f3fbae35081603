// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: Identity, then a method. The first one that is enabled begins; a peer that wants another one
 * answers its first Request with a Nak and a list, of which the first enabled type is taken (RFC 3748
 * 5.3.1). A type is tried once. A Nak later than that, a Response of another type, or one that the method
 * cannot read ends the login: the stream below is reliable, so no line has damaged it.
 */
#include "aaa/eap/eap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/eap/method.h"
#include "base/crypto.h"
#include "base/peer_cert.h"
#include "base/text.h"

struct eap {
	struct eap_opts opts;
	struct eap_host host;
	const struct eap_method *method; /* NULL: waits for the Identity */
	void *self;
	bool over;
	bool answered;     /* the method's first Request was accepted: no Nak any more */
	uint32_t tried[8]; /* types, a bit each */
	unsigned rounds;
	char identity[USER_NAME_MAX + 1];
	uint8_t request[EAP_PACKET_MAX];
	size_t request_len;
};

static const struct eap_method *method_of(const struct eap_opts *opts, uint8_t type)
{
	for (size_t i = 0; opts->methods[i]; i++)
		if (opts->methods[i]->type == type)
			return opts->methods[i];
	return NULL;
}

bool eap_serves(const struct eap_opts *opts, uint8_t type)
{
	if (type == EAP_TLS && (!opts->tls || !opts->anchors))
		return false;
	if (type == EAP_PEAP && !opts->peap)
		return false;
	return method_of(opts, type);
}

static void end_method(struct eap *e)
{
	if (e->method)
		e->method->end(e->self);
	e->method = NULL;
	e->self = NULL;
}

int eap_new(const struct eap_opts *opts, struct eap **ret)
{
	struct eap *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->opts = *opts;
	if (!e->opts.random)
		e->opts.random = crypto_random;
	e->host.opts = &e->opts;
	e->host.identity = e->identity;
	*ret = e;
	return 0;
}

void eap_free(struct eap *e)
{
	if (!e)
		return;
	end_method(e);
	peer_cert_unref(e->host.cert);
	explicit_bzero(e, sizeof(*e));
	free(e);
}

/* ---- the next Request ------------------------------------------------------------------------ */

#define TYPE_AT EAP_HEADER_LEN
#define DATA_AT (EAP_HEADER_LEN + 1)

static struct wr room_for_data(struct eap *e)
{
	return wr_init(e->request + DATA_AT, e->host.room);
}

static enum eap_step finish(struct eap *e, enum eap_step step, const struct wr *out)
{
	if (step != EAP_STEP_SEND)
		return step;
	if (out->overflow)
		return eap_refuse(&e->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED,
			"a request of %s does not fit the peer's MRU", e->method->word);
	e->request[TYPE_AT] = (uint8_t)e->method->type;
	eap_header(e->request, EAP_REQUEST, (uint8_t)(e->host.identifier + 1), 1 + wr_len(out));
	e->request_len = DATA_AT + wr_len(out);
	return EAP_STEP_SEND;
}

/* ---- which method ---------------------------------------------------------------------------- */

static bool was_tried(const struct eap *e, uint8_t type)
{
	return e->tried[type / 32] >> type % 32 & 1;
}

static bool is_open(const struct eap *e, uint8_t type)
{
	for (size_t i = 0; i < e->opts.n_types; i++)
		if (e->opts.types[i] == type)
			return method_of(&e->opts, type) && !was_tried(e, type);
	return false;
}

static enum eap_step begin_method(struct eap *e, uint8_t type)
{
	struct wr out = room_for_data(e);
	int r;

	end_method(e);
	e->answered = false;
	e->tried[type / 32] |= 1u << type % 32;
	e->method = method_of(&e->opts, type);
	r = e->method->begin(&e->host, &e->self);
	if (r < 0) {
		const char *word = e->method->word;

		e->method = NULL;
		return eap_refuse(&e->host,
			r == -ENOMEM ? EV_OUT_OF_MEMORY : EV_AUTH_METHOD_NOT_SERVED, AUTH_FAILED,
			"%s: %s", word, strerror(-r));
	}
	return finish(e, e->method->start(e->self, &out), &out);
}

static enum eap_step first_of(struct eap *e, const uint8_t *types, size_t n, const char *why)
{
	char list[64] = "";
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		if (is_open(e, types[i]))
			return begin_method(e, types[i]);
	for (size_t i = 0; i < n && i < 8; i++)
		len += text_format(list + len, sizeof(list) - len, " %u", types[i]);
	return eap_refuse(&e->host, EV_AUTH_EAP_NO_METHOD, AUTH_FAILED, "%s%s", why, list);
}

/* RFC 3748 5.3.1: the peer's own order; one octet 0: nothing else. */
static enum eap_step on_nak(struct eap *e, struct rd wanted)
{
	if (e->answered)
		return eap_refuse(&e->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED,
			"a Nak in the middle of %s", e->method->word);
	return first_of(e, wanted.p, rd_left(&wanted), "the client wants EAP types:");
}

static enum eap_step on_identity(struct eap *e, struct rd name)
{
	size_t n = rd_left(&name);

	if (n > USER_NAME_MAX)
		return eap_refuse(&e->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED,
			"the identity has %zu octets", n);
	rd_copy(&name, e->identity, n);
	e->host.identity_len = n;
	return first_of(e, e->opts.types, e->opts.n_types, "no method is enabled of EAP types:");
}

/* ---- in -------------------------------------------------------------------------------------- */

static enum eap_step take(struct eap *e, struct rd response, size_t mtu)
{
	struct eap_packet p;
	struct wr out;

	if (mtu > EAP_PACKET_MAX)
		mtu = EAP_PACKET_MAX;
	e->host.room = mtu > DATA_AT ? mtu - DATA_AT : 0;
	e->host.failed = EV_NONE;
	if (eap_packet_parse(response, &p) < 0 || p.code != EAP_RESPONSE)
		return eap_refuse(&e->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED, "no response");
	if (++e->rounds > EAP_ROUNDS_MAX)
		return eap_refuse(&e->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED,
			"no end after %u rounds", EAP_ROUNDS_MAX);
	e->host.identifier = p.identifier;
	if (!e->method && p.type == EAP_IDENTITY && e->rounds == 1)
		return on_identity(e, p.data);
	if (e->method && p.type == EAP_NAK)
		return on_nak(e, p.data);
	if (!e->method || p.type != e->method->type)
		return eap_refuse(&e->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED,
			"a response of type %u to a request of %s", p.type, eap_word(e));
	e->answered = true;
	out = room_for_data(e);
	return finish(e, e->method->receive(e->self, p.data, &out), &out);
}

/* After its end a method gets no packet. */
static enum eap_step note_end(struct eap *e, enum eap_step step)
{
	e->over = step == EAP_STEP_SUCCESS || step == EAP_STEP_FAILURE;
	return step;
}

enum eap_step eap_receive(struct eap *e, struct rd response, size_t mtu)
{
	return e->over ? EAP_STEP_FAILURE : note_end(e, take(e, response, mtu));
}

enum eap_step eap_judged(struct eap *e, const struct aaa_answer *answer)
{
	struct wr out = room_for_data(e);

	if (e->over)
		return EAP_STEP_FAILURE;
	proof_wipe(&e->host.question);
	return note_end(e, finish(e, e->method->judged(e->self, answer, &out), &out));
}

/* ---- out ------------------------------------------------------------------------------------- */

size_t eap_request(const struct eap *e, const uint8_t **ret)
{
	*ret = e->request;
	return e->request_len;
}

enum event eap_failed(const struct eap *e)
{
	return e->host.failed;
}

const struct proof *eap_question(const struct eap *e)
{
	return &e->host.question;
}

const uint8_t *eap_msk(const struct eap *e)
{
	return e->host.msk;
}

const struct eap_refusal *eap_refusal(const struct eap *e)
{
	return &e->host.refusal;
}

struct peer_cert *eap_certificate(const struct eap *e)
{
	return e->host.cert;
}

const char *eap_word(const struct eap *e)
{
	return e->method ? e->method->word : "eap";
}
