// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a conversation is what the peer said so far and at most one look-up. The look-up answers by
 * letter; when the owner has ended the conversation meanwhile, the letter frees it.
 *
 * Local users are the one source today. RADIUS becomes a second one beside local.c, chosen when the
 * conversation begins; EAP's methods become judges that answer with challenges.
 */
#include <errno.h>
#include <string.h>

#include "aaa/aaa.h"
#include "aaa/judge.h"
#include "aaa/local.h"

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

int aaa_begin(struct aaa *aaa, const struct aaa_facts *facts, struct aaa_conversation **ret)
{
	struct aaa_conversation *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->aaa = aaa;
	c->reply_to = facts->reply_to;
	for (size_t i = 0; i < facts->n_methods; i++)
		if (aaa->judge->serves(facts->methods[i]) && c->n_methods < AUTH_METHODS)
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

static void conversation_free(struct aaa_conversation *c)
{
	forget(&c->lookup);
	free(c);
}

static void on_answer(struct local_lookup *l)
{
	struct aaa_conversation *c = container_of(l, struct aaa_conversation, lookup);

	c->over = l->answer.outcome == AAA_ACCEPT || l->answer.final;
	if (!c->ended)
		c->done(c->owner, &l->answer);
	if (c->ended) {
		conversation_free(c);
		return;
	}
	forget(l);
	c->asked = false;
}

int aaa_feed(struct aaa_conversation *c, const struct aaa_input *input)
{
	int r;

	if (c->asked || c->over)
		return -EBUSY;
	c->done = input->done;
	c->owner = input->owner;
	c->lookup = (struct local_lookup){.judge = c->aaa->judge,
		.proof = *input->proof,
		.round = c->rounds,
		.defaults = input->defaults ? grant_ref(input->defaults) : NULL,
		.reply_to = c->reply_to,
		.done = on_answer};
	r = local_ask(c->aaa->opts.store, &c->lookup);
	if (r < 0) {
		forget(&c->lookup);
		return r;
	}
	c->asked = true;
	c->rounds++;
	return 0;
}

void aaa_end(struct aaa_conversation *c)
{
	if (!c)
		return;
	c->ended = true;
	if (!c->asked)
		conversation_free(c);
}
