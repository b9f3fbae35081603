/*
 * One authentication exchange, either end, for the fuzzers of PAP and CHAP: packets, time, verdicts.
 */
#pragma once
#include "base/eap.h"
#include "ppp/auth/auth.h"
#include "ppp/auth/eap.h"
#include "ppp/eap_peer.h"
#include "ppp_steps.h"

static char auth_user[] = "User", auth_password[] = "clientPass";

static inline void auth_check(const struct auth *a)
{
	const struct proof *p = a->proof;

	must(!p || (p->user_len <= USER_NAME_MAX && p->user[p->user_len] == '\0'));
	must(!p || (p->password_len <= PAP_PASSWORD_MAX && p->password[p->password_len] == '\0'));
	must(p || a->stage != AUTH_JUDGING);
	must(a->reply_len <= sizeof(a->reply));
	must(a->stage != AUTH_JUDGING || a->server);
	must(a->stage != AUTH_PASSED || a->has_hlak);
}

static inline void auth_judge(struct auth *a, struct rd step)
{
	struct verdict v = {.error = rd_left(&step) && *step.p & 1 ? AUTH_FAILED : AUTH_OK,
		.auth_response = "S=407A5589115FD0D6209F510FE9C04566932CDA56"};

	uint8_t op = rd_left(&step) ? *step.p : 0;
	uint8_t request[] = {EAP_REQUEST, (uint8_t)(a->identifier + (op >> 3 & 1)), 0, 6, 200, 'a'};

	if (op & 2 && a->scheme->method == AUTH_EAP) {
		eap_challenge(a, request, sizeof(request), 1000);
		return;
	}
	memset(v.message, 'm', sizeof(v.message) - 1); /* as long as it can be */
	v.may_change = op & 4;
	auth_conclude(a, &v);
}

/* A client's method: it echoes what it was asked, gives up at an x, and always has a key. */
static inline ssize_t peer_process(struct eap_peer *p, struct rd request, size_t mtu, uint8_t *ret)
{
	struct eap_packet packet;

	(void)p;
	must(eap_packet_parse(request, &packet) == 0 && packet.type > EAP_NAK);
	if (rd_left(&packet.data) && *packet.data.p == 'x')
		return -EACCES;
	must(rd_left(&request) <= EAP_PACKET_MAX);
	memcpy(ret, request.p, rd_left(&request));
	ret[0] = EAP_RESPONSE;
	return rd_left(&request) <= mtu ? (ssize_t)rd_left(&request) : 0;
}

static inline int peer_key(struct eap_peer *p, uint8_t ret_msk[static EAP_MSK_LEN])
{
	(void)p;
	memset(ret_msk, 1, EAP_MSK_LEN);
	return 0;
}

static inline enum event peer_why(const struct eap_peer *p, const char **ret_detail)
{
	(void)p, (void)ret_detail;
	return EV_NONE;
}

static const struct eap_peer_ops peer_ops = {peer_process, peer_key, peer_why};

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
	struct eap_peer peer = {&peer_ops};
	struct ppp_fault fault = {0};
	uint64_t now = 1000;
	struct buf queue;
	struct auth a;

	buf_init(&queue, PPP_OUTPUT_MAX);
	auth_init(&a, server, "culvert", &secrets, &draw, &queue, &fault);
	a.peer = &peer;
	a.mtu = 1400;
	auth_start(&a, auth_scheme_of_method(method), now);
	drain(&queue, &last);
	for (unsigned i = 0; i < STEPS_MAX && auth_step(&a, &in, &last, &now); i++)
		continue;
	auth_done(&a);
	buf_done(&queue);
}
