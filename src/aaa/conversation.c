// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a conversation is what the peer said so far and at most one look-up. The look-up answers by
 * letter; when the owner has ended the conversation meanwhile, the letter frees it.
 *
 * EAP's packets go to the authenticator in eap/, which asks the same look-up when it has a proof.
 * The answer to that is kept (`accepted`) until the method has come to its end: the grant is in it.
 * What the authenticator says at once is answered by a letter of the conversation's own.
 *
 * Local users are the one source today. RADIUS becomes a second one beside local.c, chosen when the
 * conversation begins.
 */
#include <errno.h>
#include <string.h>

#include "aaa/aaa.h"
#include "aaa/eap/anchors.h"
#include "aaa/eap/eap.h"
#include "aaa/judge.h"
#include "aaa/local.h"
#include "base/peer_cert.h"
#include "base/text.h"
#include "tls/ctx.h"

struct aaa {
	struct aaa_opts opts;
	const struct aaa_judge *judge;
};

struct aaa_conversation {
	struct aaa *aaa;
	enum auth_method methods[AUTH_METHODS];
	size_t n_methods;
	struct mailbox *reply_to;
	bool asked; /* a letter will come, or its answer is being given */
	bool over;  /* the last answer was final */
	bool ended; /* by the owner: the letter frees it */
	unsigned rounds;
	void (*done)(void *owner, const struct aaa_answer *answer);
	void *owner;
	struct local_lookup lookup;
	struct grant *defaults; /* of the last input; or NULL */
	struct eap_opts eap_opts;
	uint8_t eap_types[AAA_EAP_TYPES];
	struct eap *eap;            /* NULL: not begun */
	struct aaa_answer accepted; /* by the look-up, while EAP's method goes on */
	struct aaa_answer answer;   /* to EAP's packet */
	struct letter letter;
};

int aaa_new(const struct aaa_opts *opts, struct aaa **ret)
{
	struct aaa *aaa = calloc(1, sizeof(*aaa));

	if (!aaa)
		return -ENOMEM;
	aaa->opts = *opts;
	aaa->judge = opts->judge ? opts->judge : &judge_of_passwords;
	*ret = aaa;
	return 0;
}

void aaa_free(struct aaa *aaa)
{
	free(aaa);
}

static void keep_eap(struct aaa_conversation *c, const struct aaa_facts *facts)
{
	struct eap_opts *o = &c->eap_opts;

	*o = (struct eap_opts){.methods = eap_methods,
		.types = c->eap_types,
		.name = facts->name ? facts->name : "",
		.peap = facts->eap_peap ? tls_ctx_ref(facts->eap_peap) : NULL,
		.tls = facts->eap_tls ? tls_ctx_ref(facts->eap_tls) : NULL,
		.anchors = facts->anchors ? eap_anchors_ref(facts->anchors) : NULL};
	for (size_t i = 0; i < facts->n_eap_types && o->n_types < AAA_EAP_TYPES; i++)
		if (eap_serves(o, facts->eap_types[i]))
			c->eap_types[o->n_types++] = facts->eap_types[i];
}

static bool serves(const struct aaa_conversation *c, enum auth_method method)
{
	if (method == AUTH_EAP && c->eap_opts.n_types)
		return true;
	return c->aaa->judge->serves(method);
}

int aaa_begin(struct aaa *aaa, const struct aaa_facts *facts, struct aaa_conversation **ret)
{
	struct aaa_conversation *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->aaa = aaa;
	c->reply_to = facts->reply_to;
	keep_eap(c, facts);
	for (size_t i = 0; i < facts->n_methods; i++)
		if (serves(c, facts->methods[i]) && c->n_methods < AUTH_METHODS)
			c->methods[c->n_methods++] = facts->methods[i];
	*ret = c;
	return 0;
}

size_t aaa_methods(const struct aaa_conversation *c, enum auth_method ret[static AUTH_METHODS])
{
	memcpy(ret, c->methods, c->n_methods * sizeof(*ret));
	return c->n_methods;
}

/* Proof, keys and grants of one round. */
static void forget(struct local_lookup *l)
{
	grant_unref(l->defaults);
	grant_unref(l->answer.grant);
	explicit_bzero(l, sizeof(*l));
}

static void forget_answer(struct aaa_answer *a)
{
	peer_cert_unref(a->cert);
	grant_unref(a->grant);
	explicit_bzero(a, sizeof(*a));
}

static void conversation_free(struct aaa_conversation *c)
{
	forget(&c->lookup);
	forget_answer(&c->accepted);
	forget_answer(&c->answer);
	grant_unref(c->defaults);
	eap_free(c->eap);
	tls_ctx_free(c->eap_opts.tls);
	tls_ctx_free(c->eap_opts.peap);
	eap_anchors_unref(c->eap_opts.anchors);
	free(c);
}

/* Calls the owner back. False: the conversation is gone. */
static bool give(struct aaa_conversation *c, const struct aaa_answer *answer)
{
	c->over = answer->outcome == AAA_ACCEPT || answer->final;
	if (!c->ended)
		c->done(c->owner, answer);
	if (!c->ended)
		return true;
	conversation_free(c);
	return false;
}

/* ---- the look-up ----------------------------------------------------------------------------- */

static void on_judged(struct local_lookup *l);

static int ask(struct aaa_conversation *c, const struct proof *proof)
{
	int r;

	c->lookup = (struct local_lookup){.judge = c->aaa->judge,
		.proof = *proof,
		.round = c->rounds,
		.defaults = c->defaults ? grant_ref(c->defaults) : NULL,
		.reply_to = c->reply_to,
		.done = on_judged};
	r = local_ask(c->aaa->opts.store, &c->lookup);
	if (r < 0)
		forget(&c->lookup);
	else
		c->rounds++;
	return r;
}

/* ---- EAP ------------------------------------------------------------------------------------- */

static void describe(struct aaa_conversation *c, const char *why)
{
	struct aaa_answer *a = &c->answer;

	text_format(a->detail, sizeof(a->detail), "user=\"%.64s\" method=%s%s%.160s", a->user,
		eap_word(c->eap), *why ? " " : "", why);
}

static void answer_with_request(struct aaa_conversation *c)
{
	struct aaa_answer *a = &c->answer;
	const uint8_t *request;

	a->outcome = AAA_CHALLENGE;
	a->event = eap_failed(c->eap);
	a->challenge_len = eap_request(c->eap, &request);
	memcpy(a->challenge, request, a->challenge_len);
	describe(c, "");
}

/* The look-up's acceptance, with the key that the whole method yields. */
static void answer_with_acceptance(struct aaa_conversation *c)
{
	c->answer = c->accepted;
	c->accepted.grant = NULL;
	memcpy(c->answer.keys.hlak, eap_msk(c->eap), HLAK_LEN);
	if (eap_certificate(c->eap))
		c->answer.cert = peer_cert_ref(eap_certificate(c->eap));
}

static void answer_with_refusal(struct aaa_conversation *c)
{
	const struct eap_refusal *why = eap_refusal(c->eap);
	struct aaa_answer *a = &c->answer;

	a->outcome = AAA_REJECT;
	a->event = why->event;
	a->code = why->code;
	a->final = true;
	describe(c, why->detail);
}

static void deliver_answer(struct letter *l)
{
	struct aaa_conversation *c = container_of(l, struct aaa_conversation, letter);

	if (give(c, &c->answer))
		c->asked = false;
}

static void post_answer(struct aaa_conversation *c)
{
	c->letter.deliver = deliver_answer;
	mailbox_post(c->reply_to, &c->letter);
}

static int take_step(struct aaa_conversation *c, enum eap_step step)
{
	char user[USER_NAME_MAX + 1];

	if (step == EAP_STEP_ASK)
		return ask(c, eap_question(c->eap));
	memcpy(user, c->answer.user, sizeof(user));
	forget_answer(&c->answer);
	memcpy(c->answer.user, user, sizeof(user));
	switch (step) {
	case EAP_STEP_SEND: answer_with_request(c); break;
	case EAP_STEP_SUCCESS: answer_with_acceptance(c); break;
	case EAP_STEP_ASK:
	case EAP_STEP_FAILURE: answer_with_refusal(c); break;
	} /* no default */
	post_answer(c);
	return 0;
}

/* What the method asked for: it goes on with the answer, or ends without one. */
static void eap_goes_on(struct aaa_conversation *c)
{
	struct aaa_answer *a = &c->lookup.answer;

	memcpy(c->answer.user, a->user, sizeof(c->answer.user));
	if (a->outcome == AAA_ACCEPT) {
		forget_answer(&c->accepted);
		c->accepted = *a;
		a->grant = NULL;
	}
	enum eap_step step = eap_judged(c->eap, a->outcome == AAA_ACCEPT ? &c->accepted : a);

	forget(&c->lookup);
	if (take_step(c, step) < 0) {
		c->answer = (struct aaa_answer){.outcome = AAA_REJECT,
			.event = EV_SERVER_BUSY,
			.code = AUTH_FAILED,
			.final = true};
		post_answer(c);
	}
}

static int feed_eap(struct aaa_conversation *c, const struct proof *proof)
{
	int r = c->eap ? 0 : eap_new(&c->eap_opts, &c->eap);

	if (r < 0)
		return r;
	if (!*c->answer.user) /* the Identity; later the name of a proof */
		text_of_octets(
			proof->user, proof->user_len, c->answer.user, sizeof(c->answer.user));
	return take_step(
		c, eap_receive(c->eap, rd_init(proof->eap, proof->eap_len), proof->eap_mtu));
}

/* ---- in -------------------------------------------------------------------------------------- */

static void on_judged(struct local_lookup *l)
{
	struct aaa_conversation *c = container_of(l, struct aaa_conversation, lookup);

	if (c->ended)
		conversation_free(c);
	else if (c->eap)
		eap_goes_on(c);
	else if (give(c, &l->answer)) {
		forget(l);
		c->asked = false;
	}
}

int aaa_feed(struct aaa_conversation *c, const struct aaa_input *input)
{
	bool eap = input->proof->method == AUTH_EAP && c->eap_opts.n_types;
	int r;

	if (c->asked || c->over)
		return -EBUSY;
	c->done = input->done;
	c->owner = input->owner;
	grant_unref(c->defaults);
	c->defaults = input->defaults ? grant_ref(input->defaults) : NULL;
	r = eap ? feed_eap(c, input->proof) : ask(c, input->proof);
	c->asked = !r;
	if (r < 0)
		grant_unref(TAKE(c->defaults));
	return r;
}

void aaa_end(struct aaa_conversation *c)
{
	if (!c)
		return;
	c->ended = true;
	if (!c->asked)
		conversation_free(c);
}
