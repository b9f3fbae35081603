// SPDX-License-Identifier: Apache-2.0
#include "ppp/auth/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

void auth_init(struct auth *a, bool server, const char *name, const struct auth_secrets *secrets,
	struct draw *draw, struct buf *queue, struct ppp_fault *fault)
{
	*a = (struct auth){.server = server,
		.name = name,
		.secrets = secrets,
		.draw = draw,
		.queue = queue,
		.fault = fault,
		.first_resend_ms = AUTH_RESEND_MS,
		.resend_ms = AUTH_RESEND_MS,
		.deadline = NEVER};
}

struct proof *auth_keep_proof(struct auth *a, const struct proof *proof)
{
	auth_drop_proof(a);
	a->proof = malloc(sizeof(*a->proof));
	if (a->proof)
		*a->proof = *proof;
	return a->proof;
}

void auth_drop_proof(struct auth *a)
{
	if (a->proof)
		proof_wipe(a->proof);
	free(a->proof);
	a->proof = NULL;
}

void auth_done(struct auth *a)
{
	auth_drop_proof(a);
	if (a->scheme && a->scheme->end)
		a->scheme->end(a);
	explicit_bzero(a, sizeof(*a));
	a->deadline = NEVER;
}

void auth_start(struct auth *a, const struct auth_scheme *scheme, uint64_t now_ms)
{
	a->scheme = scheme;
	a->stage = AUTH_WAITING;
	a->tries = AUTH_TRIES;
	scheme->start(a, now_ms);
}

void auth_recv(struct auth *a, const struct ppp_packet *packet, uint64_t now_ms)
{
	a->scheme->on_packet(a, packet, now_ms);
}

void auth_tick(struct auth *a, uint64_t now_ms)
{
	if (now_ms < a->deadline)
		return;
	if (--a->tries == 0) {
		a->deadline = NEVER;
		ppp_fault_set(a->fault, EV_AUTH_NO_ANSWER, "%s, the %s is silent", a->scheme->name,
			a->server ? "client" : "server");
		return;
	}
	a->scheme->resend(a);
	a->resend_ms = 2 * a->resend_ms < AUTH_RESEND_MS ? 2 * a->resend_ms : AUTH_RESEND_MS;
	auth_wait(a, now_ms, a->resend_ms);
}

void auth_conclude(struct auth *a, const struct verdict *v)
{
	if (a->stage != AUTH_JUDGING)
		return;
	a->scheme->conclude(a, v);
	auth_drop_proof(a);
	if (a->stage == AUTH_WAITING)
		return; /* for a new password */
	if (v->error) {
		auth_proven(a, AUTH_DENIED);
		ppp_fault_set(
			a->fault, auth_error_event(v->error), "E=%d %s", v->error, v->message);
		return;
	}
	memcpy(a->hlak, v->hlak, sizeof(a->hlak));
	a->has_hlak = true;
	auth_proven(a, AUTH_PASSED);
}

void auth_send(struct auth *a, uint8_t code, uint8_t identifier, const void *body, size_t n)
{
	ppp_queue_packet(a->queue, a->scheme->protocol, code, identifier, body, n);
}

void auth_reply(struct auth *a, uint8_t code, uint8_t identifier, const void *body, size_t n)
{
	a->reply_code = code;
	a->reply_identifier = identifier;
	a->reply_len = n < sizeof(a->reply) ? n : sizeof(a->reply);
	if (a->reply_len)
		memcpy(a->reply, body, a->reply_len);
	auth_repeat_reply(a);
}

void auth_repeat_reply(struct auth *a)
{
	auth_send(a, a->reply_code, a->reply_identifier, a->reply, a->reply_len);
}

void auth_wait(struct auth *a, uint64_t now_ms, uint64_t ms)
{
	a->deadline = now_ms + ms;
}

void auth_proven(struct auth *a, enum auth_stage stage)
{
	a->stage = stage;
	a->deadline = NEVER;
}

int auth_set_user(struct auth *a, const void *user, size_t n)
{
	if (n > USER_NAME_MAX)
		return -EMSGSIZE;
	memcpy(a->proof->user, user, n);
	a->proof->user[n] = '\0';
	a->proof->user_len = n;
	return 0;
}

void auth_refuse(struct auth *a, const char *why)
{
	struct verdict v = {.error = AUTH_FAILED};

	snprintf(v.message, sizeof(v.message), "%s", why);
	a->stage = AUTH_JUDGING;
	auth_conclude(a, &v);
}

/* RFC 2759 section 6. */
static const struct {
	unsigned error;
	enum event event;
	const char *words;
} errors[] = {
	{AUTH_RESTRICTED_HOURS, EV_AUTH_RESTRICTED_HOURS, "not within the hours allowed to log in"},
	{AUTH_DISABLED, EV_AUTH_DISABLED, "account disabled"},
	{AUTH_PASSWORD_EXPIRED, EV_AUTH_PASSWORD_EXPIRED, "password expired"},
	{AUTH_NO_DIALIN, EV_AUTH_NO_DIALIN, "no permission to connect"},
	{AUTH_FAILED, EV_AUTH_FAILED, "wrong user name or password"},
	{709, EV_AUTH_PASSWORD_NOT_CHANGED, "password could not be changed"},
};

enum event auth_error_event(unsigned error)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].error == error)
			return errors[i].event;
	return EV_AUTH_REFUSED;
}

const char *auth_error_words(unsigned error)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].error == error)
			return errors[i].words;
	return "a reason of the server's own";
}
