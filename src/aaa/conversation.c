// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a conversation is what the peer said so far and at most one look-up. The look-up answers by
 * letter; when the owner has ended the conversation meanwhile, the letter frees it.
 *
 * EAP's packets go to the authenticator in eap/, which asks the same look-up when it has a proof.
 * The answer to that is kept (`accepted`) until the method has come to its end: the grant is in it.
 * What the authenticator says at once is answered by a letter of the conversation's own.
 *
 * Sources are asked in their order, the next one only for a name that the one before does not know. For
 * EAP the Identity decides, once: to the local methods, or on to RADIUS with all that follows.
 */
#include <errno.h>
#include <string.h>

#include "aaa/aaa.h"
#include "aaa/eap/anchors.h"
#include "aaa/eap/eap.h"
#include "aaa/judge.h"
#include "aaa/local.h"
#include "aaa/radius/accept.h"
#include "aaa/radius/auth.h"
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
	bool local, pass_eap;        /* sources */
	bool choosing;               /* the look-up asks only whether there is such a user */
	bool remote;                 /* EAP: RADIUS was chosen */
	struct radius_login *radius; /* NULL: not a source */
	struct grant *defaults;      /* of the last input; or NULL */
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
	if (method == AUTH_EAP && (c->eap_opts.n_types || (c->radius && c->pass_eap)))
		return true;
	if (c->radius && method != AUTH_EAP)
		return true;
	return c->local && c->aaa->judge->serves(method);
}

/* -ENOMEM */
static int keep_sources(struct aaa_conversation *c, const struct aaa_facts *facts)
{
	c->local = !facts->n_sources;
	c->pass_eap = facts->pass_eap;
	for (size_t i = 0; i < facts->n_sources; i++) {
		c->local |= facts->sources[i] == AAA_LOCAL;
		if (facts->sources[i] != AAA_RADIUS || !c->aaa->opts.radius || c->radius)
			continue;
		c->radius = calloc(1, sizeof(*c->radius));
		if (!c->radius)
			return -ENOMEM;
		c->radius->connection = facts->connection;
		c->radius->radius = c->aaa->opts.radius;
		c->radius->reply_to = c->reply_to;
	}
	if (!c->local)
		c->eap_opts.n_types = 0;
	return 0;
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
	radius_classes_unref(a->classes);
	grant_unref(a->grant);
	explicit_bzero(a, sizeof(*a));
}

/* What one round through RADIUS held; its State stays. */
static void forget_login(struct radius_login *l)
{
	forget_answer(&l->answer);
	grant_unref(TAKE(l->defaults));
	proof_wipe(&l->proof);
	explicit_bzero(l->packet, sizeof(l->packet));
}

static void conversation_free(struct aaa_conversation *c)
{
	forget(&c->lookup);
	if (c->radius)
		forget_login(c->radius);
	free(c->radius);
	forget_answer(&c->accepted);
	forget_answer(&c->answer);
	grant_unref(c->defaults);
	eap_free(c->eap);
	tls_ctx_free(c->eap_opts.tls);
	tls_ctx_free(c->eap_opts.peap);
	eap_anchors_unref(c->eap_opts.anchors);
	free(c);
}

int aaa_begin(struct aaa *aaa, const struct aaa_facts *facts, struct aaa_conversation **ret)
{
	struct aaa_conversation *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->aaa = aaa;
	c->reply_to = facts->reply_to;
	keep_eap(c, facts);
	if (keep_sources(c, facts) < 0) {
		conversation_free(c);
		return -ENOMEM;
	}
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

static void busy(struct aaa_conversation *c)
{
	c->answer = (struct aaa_answer){
		.outcome = AAA_REJECT, .event = EV_SERVER_BUSY, .code = AUTH_FAILED, .final = true};
	post_answer(c);
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
	if (take_step(c, step) < 0)
		busy(c);
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

/* ---- RADIUS ---------------------------------------------------------------------------------- */

static void on_radius(struct radius_login *l);

/* With EAP's packet, and the name that came first: later packets have none. */
static void keep_proof(struct aaa_conversation *c, const struct proof *proof)
{
	struct radius_login *l = c->radius;
	char user[USER_NAME_MAX + 1];
	size_t user_len = l->proof.user_len;

	memcpy(user, l->proof.user, sizeof(user));
	l->proof = *proof;
	if (proof->method == AUTH_EAP && c->remote && user_len) {
		memcpy(l->proof.user, user, sizeof(user));
		l->proof.user_len = user_len;
	}
	if (proof->eap && proof->eap != l->packet) {
		memcpy(l->packet, proof->eap, proof->eap_len);
		l->proof.eap = l->packet;
	}
}

static void ask_radius(struct aaa_conversation *c)
{
	struct radius_login *l = c->radius;

	l->defaults = c->defaults ? grant_ref(c->defaults) : NULL;
	l->done = on_radius;
	l->owner = c;
	radius_login_ask(l);
}

static void on_radius(struct radius_login *l)
{
	struct aaa_conversation *c = l->owner;

	if (c->ended) {
		conversation_free(c);
		return;
	}
	grant_unref(TAKE(l->defaults));
	if (!give(c, &l->answer))
		return;
	forget_answer(&l->answer);
	c->asked = false;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* The Identity's answer: the local methods, or RADIUS. */
static void choose(struct aaa_conversation *c)
{
	const struct aaa_answer *a = &c->lookup.answer;

	c->choosing = false;
	if (a->event == EV_AUTH_UNKNOWN_USER) {
		c->remote = true;
		ask_radius(c);
	} else if (a->outcome == AAA_REJECT) {
		c->answer = *a; /* the store failed */
		post_answer(c);
	} else if (feed_eap(c, &c->radius->proof) < 0) {
		busy(c);
	}
	forget(&c->lookup);
}

static void on_judged(struct local_lookup *l)
{
	struct aaa_conversation *c = container_of(l, struct aaa_conversation, lookup);

	if (c->ended) {
		conversation_free(c);
	} else if (c->choosing) {
		choose(c);
	} else if (c->eap) {
		eap_goes_on(c);
	} else if (l->answer.event == EV_AUTH_UNKNOWN_USER && c->radius) {
		keep_proof(c, &l->proof);
		forget(l);
		ask_radius(c);
	} else if (give(c, &l->answer)) {
		forget(l);
		c->asked = false;
	}
}

/* Whether there is such a user, and no more; its packet waits in the login for RADIUS. */
static int ask_whether_known(struct aaa_conversation *c, const struct proof *proof)
{
	int r;

	keep_proof(c, proof);
	c->lookup = (struct local_lookup){.judge = &judge_of_presence,
		.proof = *proof,
		.reply_to = c->reply_to,
		.done = on_judged};
	c->choosing = true;
	r = local_ask(c->aaa->opts.store, &c->lookup);
	c->choosing = !r;
	return r;
}

static int feed(struct aaa_conversation *c, const struct proof *proof)
{
	bool eap = proof->method == AUTH_EAP;
	bool passes = eap && c->radius && c->pass_eap;

	if ((passes && (c->remote || !c->local)) || (!eap && !c->local && c->radius)) {
		c->remote = true;
		keep_proof(c, proof);
		ask_radius(c);
		return 0;
	}
	if (passes && !c->eap)
		return ask_whether_known(c, proof);
	return eap && c->eap_opts.n_types ? feed_eap(c, proof) : ask(c, proof);
}

int aaa_feed(struct aaa_conversation *c, const struct aaa_input *input)
{
	int r;

	if (c->asked || c->over)
		return -EBUSY;
	c->done = input->done;
	c->owner = input->owner;
	grant_unref(c->defaults);
	c->defaults = input->defaults ? grant_ref(input->defaults) : NULL;
	r = feed(c, input->proof);
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
