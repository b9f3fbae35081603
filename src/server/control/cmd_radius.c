// SPDX-License-Identifier: Apache-2.0
/* Commands that concern RADIUS: how its servers are, and one login as a test. */
#include <stdlib.h>
#include <string.h>

#include "aaa/grant.h"
#include "aaa/radius/accept.h"
#include "aaa/radius/auth.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mschap.h"
#include "base/text.h"
#include "server/control/accounting.h"
#include "server/control/commands.h"
#include "server/core/context.h"
#include "server/core/snapshot.h"

#define ATTRIBUTES_MAX 8192

static json_t *server_json(const struct radius_server_status *s)
{
	uint64_t dropped = 0;

	for (size_t i = 0; i < RADIUS_TRUSTS; i++)
		dropped += s->dropped[i];
	return json_pack("{s:s, s:b, s:b, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "server",
		s->name, "dead", s->dead, "message_authenticator", s->sealed, "in_flight",
		(int)s->in_flight, "ports", (int)s->ports, "round_trip_us",
		(json_int_t)s->round_trip_us, "sent", (json_int_t)s->sent, "resent",
		(json_int_t)s->resent, "answered", (json_int_t)s->answered, "timed_out",
		(json_int_t)s->timed_out, "dropped", (json_int_t)dropped, "late",
		(json_int_t)s->late);
}

static json_t *service_json(const struct radius_status *s, enum radius_service v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n[v]; i++)
		json_array_append_new(list, server_json(&s->server[v][i]));
	return json_pack("{s:o, s:i}", "servers", list, "waiting", (int)s->waiting[v]);
}

void command_radius(struct control *c, const json_t *request UNUSED, struct admin_reply *reply)
{
	struct accounting_status a;
	struct radius_status s;

	radius_status(c->context->radius, &s);
	accounting_status(c->accounting, &a);
	admin_answer(reply, json_pack("{s:o, s:o, s:{s:b, s:I, s:i, s:I, s:I}}", "logins",
				    service_json(&s, RADIUS_AUTH), "accounting",
				    service_json(&s, RADIUS_ACCT), "spool", "on", a.on, "waiting",
				    (json_int_t)a.waiting, "in_flight", (int)a.in_flight, "sent",
				    (json_int_t)a.sent, "dropped", (json_int_t)a.dropped));
}

/* ---- one login ----------------------------------------------------------------- */

struct test {
	struct radius_login login; /* first */
	struct admin_reply *reply;
	uint8_t hlak[HLAK_LEN]; /* that the password yields */
	char text[ATTRIBUTES_MAX];
};

static void prove_by_mschapv2(struct test *t, const char *password)
{
	struct proof *p = &t->login.proof;
	uint8_t hash[MSCHAP_NT_HASH_LEN];

	crypto_random(p->challenge, sizeof(p->challenge));
	crypto_random(p->peer_challenge, sizeof(p->peer_challenge));
	if (mschap_nt_hash(password, hash) < 0)
		return; /* not UTF-8: the server refuses zeros */
	mschap_nt_response(
		p->challenge, p->peer_challenge, p->user, p->user_len, hash, p->nt_response);
	mschap_hlak(hash, p->nt_response, t->hlak);
	explicit_bzero(hash, sizeof(hash));
}

static const char *keys_word(const struct test *t)
{
	static const uint8_t none[HLAK_LEN];

	if (t->login.proof.method != AUTH_MSCHAPV2 || t->login.answer.outcome != AAA_ACCEPT)
		return "none";
	if (!memcmp(t->login.answer.keys.hlak, none, sizeof(none)))
		return "missing";
	return crypto_equal(t->login.answer.keys.hlak, t->hlak, HLAK_LEN) ? "right" : "wrong";
}

static json_t *lines_json(const char *text)
{
	json_t *list = json_array();

	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		json_array_append_new(list, json_stringn(text, n));
	}
	return list;
}

static void test_done(struct radius_login *l)
{
	struct test *t = (struct test *)l;
	const struct aaa_answer *a = &l->answer;
	const struct event_info *e = event_info(a->event);
	char grant[GRANT_TEXT_LEN] = "";

	if (a->grant)
		grant_format(&a->grant->is, grant);
	admin_answer(t->reply,
		json_pack("{s:b, s:i, s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o}", "accepted",
			a->outcome == AAA_ACCEPT, "event", e->number, "name", e->name, "what",
			e->what, "cure", e->cure, "detail", json_text(a->detail), "keys",
			keys_word(t), "server", l->call.server, "grant", json_text(grant),
			"attributes", lines_json(t->text)));
	grant_unref(l->defaults);
	grant_unref(a->grant);
	radius_classes_unref(a->classes);
	explicit_bzero(t, sizeof(*t));
	free(t);
}

static enum auth_method method_of(const char *word)
{
	return !strcmp(word, "pap")                  ? AUTH_PAP
	       : !*word || !strcmp(word, "mschapv2") ? AUTH_MSCHAPV2
						     : AUTH_NONE;
}

static void begin_test(struct control *c, struct test *t, const char *user, const char *password)
{
	struct radius_login *l = &t->login;
	struct context *s = c->context;

	l->proof.user_len = strlen(user);
	memcpy(l->proof.user, user, l->proof.user_len);
	if (l->proof.method == AUTH_PAP) {
		l->proof.password_len = strlen(password);
		memcpy(l->proof.password, password, l->proof.password_len);
	} else {
		prove_by_mschapv2(t, password);
	}
	l->radius = s->radius;
	l->connection.peer.addr = addr_v4(0x7f000001);
	text_format(l->connection.called, sizeof(l->connection.called), "%s", s->ready_on);
	text_format(l->connection.session, sizeof(l->connection.session), "test");
	l->defaults = grant_ref(s->snapshot->defaults);
	l->reply_to = &s->control_mailbox;
	l->done = test_done;
	l->text = t->text;
	l->n_text = sizeof(t->text);
	radius_login_ask(l);
}

void command_radius_test(struct control *c, const json_t *request, struct admin_reply *reply)
{
	const char *user = command_text(request, "user"),
		   *password = command_text(request, "password");
	enum auth_method method = method_of(command_text(request, "auth"));
	const char *wrong = NULL;
	struct test *t = NULL;

	if (!*user || strlen(user) > USER_NAME_MAX || strlen(password) > PAP_PASSWORD_MAX)
		wrong = "\"user\" and \"password\" are texts of at most 256 and 255 octets";
	else if (method == AUTH_NONE)
		wrong = "\"auth\" is mschapv2 or pap";
	else if (!c->context->snapshot->config->radius.servers.n)
		wrong = "no RADIUS server is configured: radius.servers is empty";
	else if (c->stopping)
		wrong = "the server is stopping";
	else if (!(t = calloc(1, sizeof(*t))))
		wrong = "out of memory";
	if (wrong) {
		admin_refuse(reply, wrong);
		return;
	}
	t->reply = reply;
	t->login.proof.method = method;
	begin_test(c, t, user, password);
}
