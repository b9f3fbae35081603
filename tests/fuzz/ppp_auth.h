/*
 * One authentication exchange, either end, for the fuzzers of PAP and CHAP: packets, time, verdicts.
 */
#pragma once
#include "ppp/auth/auth.h"
#include "ppp_steps.h"

static char auth_user[] = "User", auth_password[] = "clientPass";

static inline void auth_check(const struct auth *a)
{
	must(a->proof.user_len <= USER_NAME_MAX && a->proof.user[a->proof.user_len] == '\0');
	must(a->proof.password_len <= PAP_PASSWORD_MAX &&
		a->proof.password[a->proof.password_len] == '\0');
	must(a->reply_len <= sizeof(a->reply));
	must(a->stage != AUTH_JUDGING || a->server);
	must(a->stage != AUTH_PASSED || a->has_hlak);
}

static inline void auth_judge(struct auth *a, struct rd step)
{
	struct verdict v = {.error = rd_u8(&step) & 1 ? AUTH_FAILED : AUTH_OK,
		.auth_response = "S=407A5589115FD0D6209F510FE9C04566932CDA56"};

	memset(v.message, 'm', sizeof(v.message) - 1); /* as long as it can be */
	auth_conclude(a, &v);
}

static inline bool auth_step(struct auth *a, struct rd *in, struct last_frame *last, uint64_t *now)
{
	struct ppp_packet packet;
	struct rd body;

	switch (next_step(in, &body)) {
	case STEP_PACKET:
		if (ppp_packet_parse(body, &packet) == 0)
			auth_recv(a, &packet, *now);
		break;
	case STEP_TIME:
		if (a->deadline != NEVER)
			*now = a->deadline;
		auth_tick(a, *now);
		break;
	case STEP_OWN: auth_judge(a, body); break;
	case STEP_ANSWER:
		if (answer_of(last, body, &packet))
			auth_recv(a, &packet, *now);
		break;
	case STEP_END: return false;
	}
	drain(a->queue, last);
	auth_check(a);
	return true;
}

static inline void auth_fuzz(struct rd in, bool server, enum auth_method method)
{
	struct auth_secrets secrets = {auth_user, auth_password, 4, 10};
	struct draw draw = {.seed = {1}};
	struct last_frame last = {.n = 0};
	struct ppp_fault fault = {0};
	uint64_t now = 1000;
	struct buf queue;
	struct auth a;

	buf_init(&queue, PPP_OUTPUT_MAX);
	auth_init(&a, server, "culvert", &secrets, &draw, &queue, &fault);
	auth_start(&a, auth_scheme_of_method(method), now);
	drain(&queue, &last);
	for (unsigned i = 0; i < STEPS_MAX && auth_step(&a, &in, &last, &now); i++)
		continue;
	auth_done(&a);
	buf_done(&queue);
}
