/*
 * One PPP end and a test that plays its peer: frames in as hexadecimal text, frames out compared
 * with a pattern in which `??` stands for any octet and `*` for any rest, on a clock that the test moves.
 */
#pragma once
#include "hexlit.h"

#include <stdio.h>

#include "ppp/ppp.h"

struct talk {
	struct ppp *ppp;
	uint64_t now;
	struct ppp_event ev;
	uint8_t last[PPP_FRAME_MAX]; /* the last frame that talk_expect() took */
	size_t last_len;
};

static inline void talk_start(struct talk *t, const struct ppp_opts *opts)
{
	*t = (struct talk){.now = 1000};
	assert_int_equal(ppp_new(opts, &t->ppp), 0);
	ppp_lower_up(t->ppp, t->now);
}

static inline void talk_end(struct talk *t)
{
	ppp_free(t->ppp);
	t->ppp = NULL;
}

static inline void talk_recv(struct talk *t, const char *frame)
{
	struct hexlit h = hexlit(frame);

	ppp_recv(t->ppp, rd_init(h.p, h.n), t->now);
}

/* Does the frame look like the pattern? */
static inline bool talk_matches(const uint8_t *frame, size_t n, const char *pattern)
{
	size_t i = 0;

	for (; *pattern; pattern++) {
		if (*pattern == ' ')
			continue;
		if (*pattern == '*')
			return true;
		if (i == n)
			return false;
		if (*pattern != '?' &&
			(hexlit_digit(pattern[0]) << 4 | hexlit_digit(pattern[1])) != frame[i])
			return false;
		pattern++;
		i++;
	}
	return i == n;
}

static inline void talk_expect_at(struct talk *t, const char *pattern, int line)
{
	uint8_t *frame = t->last;
	size_t n = t->last_len = ppp_output(t->ppp, frame, sizeof(t->last));

	if (n && talk_matches(frame, n, pattern))
		return;
	fprintf(stderr, "line %d: expected %s\n          got      ", line, pattern);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%02x", frame[i]);
	fprintf(stderr, "\n");
	fail();
}
#define talk_expect(t, pattern) talk_expect_at(t, pattern, __LINE__)

static inline void talk_expect_quiet_at(struct talk *t, int line)
{
	uint8_t frame[PPP_FRAME_MAX];
	size_t n = ppp_output(t->ppp, frame, sizeof(frame));

	if (!n)
		return;
	fprintf(stderr, "line %d: expected nothing, got ", line);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%02x", frame[i]);
	fprintf(stderr, "\n");
	fail();
}
#define talk_expect_quiet(t) talk_expect_quiet_at(t, __LINE__)

/* The next event has this type; it stays in t->ev. */
#define talk_expect_event(t, expected)                                                             \
	do {                                                                                       \
		assert_true(ppp_next_event((t)->ppp, &(t)->ev));                                   \
		assert_int_equal((t)->ev.type, expected);                                          \
	} while (0)
#define talk_expect_no_event(t) assert_false(ppp_next_event((t)->ppp, &(t)->ev))
#define talk_expect_closed(t, why)                                                                 \
	do {                                                                                       \
		talk_expect_event(t, PPP_CLOSED);                                                  \
		assert_int_equal((t)->ev.reason, why);                                             \
	} while (0)

static inline void talk_advance(struct talk *t, uint64_t ms)
{
	uint64_t end = t->now + ms;

	while (ppp_deadline(t->ppp) <= end) {
		t->now = ppp_deadline(t->ppp);
		ppp_tick(t->ppp, t->now);
	}
	t->now = end;
}

static inline void talk_drain(struct talk *t)
{
	uint8_t frame[PPP_FRAME_MAX];

	while (ppp_output(t->ppp, frame, sizeof(frame)))
		continue;
}

/* Sends the last frame back with another code: an Ack, Nak or Reject of all of it. */
static inline void talk_answer(struct talk *t, uint8_t code)
{
	t->last[4] = code;
	ppp_recv(t->ppp, rd_init(t->last, t->last_len), t->now);
}

static inline struct ppp_opts talk_server_opts(const enum auth_method *methods, size_t n)
{
	return (struct ppp_opts){.role = PPP_SERVER,
		.mru = 1400,
		.methods = methods,
		.n_methods = n,
		.ipv4 = true,
		.ipv6 = true,
		.random = {1, 2, 3},
		.first_request_wait_ms = 1000};
}

static inline struct ppp_opts talk_client_opts(const enum auth_method *methods, size_t n)
{
	return (struct ppp_opts){.role = PPP_CLIENT,
		.mru = 1400,
		.methods = methods,
		.n_methods = n,
		.ipv4 = true,
		.ipv6 = true,
		.want_dns = true,
		.user = "User",
		.password = "clientPass",
		.random = {4, 5, 6}};
}

static inline struct verdict talk_verdict(void)
{
	return (struct verdict){.addresses = {.local = addr_v4(0x0a080001),
					.peer = addr_v4(0x0a080005),
					.dns = {addr_v4(0x0a080001), addr_v4(0x0a080002)},
					.ipv6 = true}};
}

/* A server that offers PAP, with LCP Opened; the peer asked for nothing. */
static inline void talk_server_establish(struct talk *t)
{
	static const enum auth_method pap[] = {AUTH_PAP};
	struct ppp_opts opts = talk_server_opts(pap, 1);

	talk_start(t, &opts);
	talk_recv(t, "ff03c021 01010004");
	talk_expect(t, "ff03c021 01010012 01040578 0304c023 0506????????");
	talk_answer(t, 2);
	talk_expect(t, "ff03c021 02010004");
	talk_expect_quiet(t);
}

/* The same, with the user accepted. Left in the output: its IPCP and IPv6CP Requests. */
static inline void talk_server_network(struct talk *t, const struct verdict *v)
{
	talk_server_establish(t);
	talk_recv(t, "ff03c023 01030014 0455736572 0a636c69656e7450617373");
	talk_expect_event(t, PPP_AUTH_REQUEST);
	ppp_auth_verdict(t->ppp, v, t->now);
	talk_expect(t, "ff03c023 02030004");
	talk_expect_event(t, PPP_AUTHENTICATED);
}

/* A client that accepts PAP, with LCP Opened and its name and password accepted. */
static inline void talk_client_network(struct talk *t, const struct ppp_opts *opts)
{
	talk_start(t, opts);
	talk_expect(t, "ff03c021 0101000e 01040578 0506????????");
	talk_answer(t, 2);
	talk_recv(t, "ff03c021 01010012 01040578 0304c023 0506a1b2c3d4");
	talk_expect(t, "ff03c021 02010012 01040578 0304c023 0506a1b2c3d4");
	talk_expect(t, "ff03c023 01010014 0455736572 0a636c69656e7450617373");
	talk_recv(t, "ff03c023 0201000500");
	talk_expect_event(t, PPP_AUTHENTICATED);
}
