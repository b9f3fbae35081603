// SPDX-License-Identifier: Apache-2.0
/*
 * A whole PPP end (ppp/ppp.c and all below): any frames, either end. The first octet: bit 0 the
 * server, bits 1 and 2 the method, bit 3 no IPv6. An own step is a verdict.
 */
#include "ppp/ppp.h"
#include "ppp_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

struct run {
	struct ppp *ppp;
	uint64_t now;
	struct last_frame last;
	bool server, authenticated, closed, asked;
};

static void take_events(struct run *r)
{
	struct ppp_event ev;

	for (unsigned n = 0; ppp_next_event(r->ppp, &ev); n++) {
		must(n < 8 && !r->closed);
		switch (ev.type) {
		case PPP_AUTH_REQUEST: r->asked = true; break;
		case PPP_AUTHENTICATED:
			must(r->asked || !r->server);
			r->authenticated = true;
			break;
		case PPP_IPV4_UP:
		case PPP_IPV6_UP: must(r->authenticated && ev.addresses); break;
		case PPP_IPV4_DOWN:
		case PPP_IPV6_DOWN: break;
		case PPP_IDENTIFICATION: must(strlen(ev.text) < PPP_TEXT_MAX); break;
		case PPP_CLOSED:
			must(strlen(ev.detail) < PPP_DETAIL_MAX && ev.reason != EV_NONE);
			r->closed = true;
			break;
		}
	}
	must(r->authenticated || !(ppp_data_ok(r->ppp, AF_INET) || ppp_data_ok(r->ppp, AF_INET6)));
	must(!r->closed || ppp_deadline(r->ppp) == NEVER);
	must(ppp_peer_mru(r->ppp) >= PPP_MRU_MIN && ppp_peer_mru(r->ppp) <= PPP_MRU_MAX);
}

static void take_output(struct run *r)
{
	uint8_t frame[PPP_FRAME_MAX];
	size_t n;

	while ((n = ppp_output(r->ppp, frame, sizeof(frame)))) {
		check_frame(frame, n);
		memcpy(r->last.octets, frame, n);
		r->last.n = n;
	}
}

static void judge(struct run *r, struct rd step)
{
	struct verdict v = {.error = rd_u8(&step) & 1 ? AUTH_FAILED : AUTH_OK,
		.addresses = {
			.local = addr_v4(0x0a080001), .peer = addr_v4(0x0a080005), .ipv6 = true}};

	ppp_auth_verdict(r->ppp, &v, r->now);
}

static bool step(struct run *r, struct rd *in)
{
	struct rd body;

	switch (next_step(in, &body)) {
	case STEP_PACKET: ppp_recv(r->ppp, body, r->now); break;
	case STEP_TIME:
		if (ppp_deadline(r->ppp) != NEVER)
			r->now = ppp_deadline(r->ppp);
		ppp_tick(r->ppp, r->now);
		break;
	case STEP_OWN: judge(r, body); break;
	case STEP_ANSWER:
		if (!r->last.n)
			break;
		r->last.octets[4] = rd_u8(&body);
		ppp_recv(r->ppp, rd_init(r->last.octets, r->last.n), r->now);
		break;
	case STEP_END: return false;
	}
	take_events(r);
	take_output(r);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const enum auth_method methods[] = {AUTH_MSCHAPV2, AUTH_CHAP_MD5, AUTH_PAP};
	struct rd in = rd_init(octets, n);
	uint8_t first = rd_u8(&in);
	struct ppp_opts opts = {.role = first & 1 ? PPP_SERVER : PPP_CLIENT,
		.mru = 1400,
		.methods = methods + (first >> 1) % 3,
		.n_methods = 3 - (size_t)(first >> 1) % 3,
		.user = "User",
		.password = "clientPass",
		.ipv4 = true,
		.ipv6 = !(first & 8),
		.want_dns = true,
		.random = {1},
		.first_request_wait_ms = 1000};
	struct run r = {.now = 1000, .server = first & 1};

	must(ppp_new(&opts, &r.ppp) == 0);
	ppp_lower_up(r.ppp, r.now);
	take_output(&r);
	for (unsigned i = 0; i < STEPS_MAX && step(&r, &in); i++)
		continue;
	if (!r.closed) {
		ppp_close(r.ppp, EV_LCP_LOOPBACK, r.now);
		take_events(&r);
		for (unsigned i = 0; i < STEPS_MAX && !r.closed; i++) {
			r.now = ppp_deadline(r.ppp); /* no acknowledgement comes */
			ppp_tick(r.ppp, r.now);
			take_events(&r);
		}
		must(r.closed);
	}
	ppp_free(r.ppp);
	return 0;
}
