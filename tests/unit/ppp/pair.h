/*
 * A client and a server end of PPP, joined in memory on a simulated clock, with an owner on the
 * server's side that knows one user: "User" with the password "clientPass" (RFC 2759 9.2).
 */
#pragma once
#include "hexlit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/mschap.h"
#include "ppp/ppp.h"

enum { CLIENT, SERVER };

#define PAIR_FRAMES_MAX 64

struct pair {
	struct ppp *end[2];
	struct ppp_opts opts[2];
	enum auth_method methods[2][3];
	struct verdict verdict; /* what an accepted user gets */
	const char *known_user;
	bool slow_verdict; /* the owner does not answer by itself */
	void (*judge)(struct pair *p, const struct proof *proof); /* NULL: pair_judge() */
	uint64_t now;
	unsigned sent; /* frames so far, both ways */
	/* What happens to the n-th frame: how often it is delivered (1 when NULL). May change it. */
	unsigned (*fate)(struct pair *p, unsigned n, int from, uint8_t *frame, size_t len);
	unsigned victim, lost[2]; /* for fate() */
	struct {
		unsigned requests, authenticated, up[2], down[2], closed, identifications;
		uint8_t hlak[HLAK_LEN];
		struct ppp_addresses addresses;
		enum event reason;
		char detail[PPP_DETAIL_MAX];
	} seen[2];
};

static inline void pair_init(struct pair *p, enum auth_method method)
{
	*p = (struct pair){.now = 5000};
	for (int i = 0; i < 2; i++) {
		p->methods[i][0] = method;
		p->opts[i] = (struct ppp_opts){.role = i == CLIENT ? PPP_CLIENT : PPP_SERVER,
			.mru = 1400,
			.methods = p->methods[i],
			.n_methods = 1,
			.ipv4 = true,
			.ipv6 = true,
			.random = {(uint8_t)(i + 1)}};
	}
	p->known_user = "User";
	p->opts[CLIENT].user = "User";
	p->opts[CLIENT].password = "clientPass";
	p->opts[CLIENT].want_dns = true;
	p->opts[SERVER].first_request_wait_ms = 1000;
	p->verdict.addresses = (struct ppp_addresses){
		.local = addr_v4(0x0a080001),
		.peer = addr_v4(0x0a080005),
		.dns = {addr_v4(0x0a080001), addr_v4(0x0a080002)},
		.ipv6 = true,
	};
}

static inline void pair_start(struct pair *p)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(ppp_new(&p->opts[i], &p->end[i]), 0);
	ppp_lower_up(p->end[SERVER], p->now);
	ppp_lower_up(p->end[CLIENT], p->now);
}

static inline void pair_end(struct pair *p)
{
	ppp_free(p->end[CLIENT]);
	ppp_free(p->end[SERVER]);
}

static inline bool pair_proof_is_right(
	const struct proof *proof, const char *user, struct verdict *v)
{
	static const char password[] = "clientPass";
	struct octets md5[] = {{&proof->identifier, 1}, {password, 10}, {proof->challenge, 16}};
	uint8_t hash[16], expected[24];

	if (strcmp(proof->user, user))
		return false;
	switch (proof->method) {
	case AUTH_PAP: return proof->password_len == 10 && !memcmp(proof->password, password, 10);
	case AUTH_CHAP_MD5:
		hash_parts(HASH_MD5, md5, 3, expected);
		return !memcmp(expected, proof->md5_response, 16);
	case AUTH_MSCHAPV2:
		mschap_nt_hash(password, hash);
		mschap_nt_response(
			proof->challenge, proof->peer_challenge, "User", 4, hash, expected);
		mschap_auth_response(hash, proof->nt_response, proof->challenge,
			proof->peer_challenge, "User", 4, v->auth_response);
		mschap_hlak(hash, proof->nt_response, v->hlak);
		return !memcmp(expected, proof->nt_response, 24);
	default: return false;
	}
}

static inline void pair_judge(struct pair *p, const struct proof *proof)
{
	struct verdict v = p->verdict;

	if (!v.error && !pair_proof_is_right(proof, p->known_user, &v)) {
		v.error = AUTH_FAILED;
		strcpy(v.message, "Authentication failed");
	}
	ppp_auth_verdict(p->end[SERVER], &v, p->now);
}

static inline void pair_take_events(struct pair *p, int i)
{
	struct ppp_event ev;

	while (ppp_next_event(p->end[i], &ev)) {
		assert_int_equal(p->seen[i].closed, 0); /* PPP_CLOSED is the last */
		switch (ev.type) {
		case PPP_AUTH_REQUEST:
			p->seen[i].requests++;
			if (p->judge)
				p->judge(p, ev.proof);
			else if (!p->slow_verdict)
				pair_judge(p, ev.proof);
			break;
		case PPP_AUTHENTICATED:
			p->seen[i].authenticated++;
			memcpy(p->seen[i].hlak, ev.hlak, HLAK_LEN);
			break;
		case PPP_IPV4_UP:
		case PPP_IPV6_UP:
			p->seen[i].up[ev.type == PPP_IPV6_UP]++;
			p->seen[i].addresses = *ev.addresses;
			assert_true(ppp_data_ok(
				p->end[i], ev.type == PPP_IPV4_UP ? AF_INET : AF_INET6));
			break;
		case PPP_IPV4_DOWN:
		case PPP_IPV6_DOWN: p->seen[i].down[ev.type == PPP_IPV6_DOWN]++; break;
		case PPP_IDENTIFICATION: p->seen[i].identifications++; break;
		case PPP_CLOSED:
			p->seen[i].closed++;
			p->seen[i].reason = ev.reason;
			snprintf(p->seen[i].detail, sizeof(p->seen[i].detail), "%s", ev.detail);
			break;
		}
	}
}

static inline bool pair_carry_one(struct pair *p, int from)
{
	uint8_t frame[PPP_FRAME_MAX];
	size_t n = ppp_output(p->end[from], frame, sizeof(frame));
	unsigned times;

	if (!n)
		return false;
	times = p->fate ? p->fate(p, p->sent, from, frame, n) : 1;
	p->sent++;
	while (times--) {
		ppp_recv(p->end[!from], rd_init(frame, n), p->now);
		pair_take_events(p, !from);
	}
	return true;
}

/* Until neither side has anything to say. */
static inline void pair_run(struct pair *p)
{
	bool more = true;

	for (unsigned turns = 0; more; turns++) {
		assert_in_range(turns, 0, 2000);
		more = false;
		for (int i = 0; i < 2; i++) {
			pair_take_events(p, i);
			more = pair_carry_one(p, i) || more;
		}
	}
}

static inline void pair_advance(struct pair *p, uint64_t ms)
{
	uint64_t end = p->now + ms;

	pair_run(p);
	for (;;) {
		uint64_t next = deadline_min(ppp_deadline(p->end[0]), ppp_deadline(p->end[1]));

		if (next > end)
			break;
		if (next > p->now)
			p->now = next;
		for (int i = 0; i < 2; i++)
			if (ppp_deadline(p->end[i]) <= p->now)
				ppp_tick(p->end[i], p->now);
		pair_run(p);
	}
	p->now = end;
}

static inline bool pair_is_up(const struct pair *p)
{
	for (int i = 0; i < 2; i++)
		if (!ppp_data_ok(p->end[i], AF_INET) || !ppp_data_ok(p->end[i], AF_INET6))
			return false;
	return true;
}
