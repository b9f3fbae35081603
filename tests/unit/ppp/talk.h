/*
 * One PPP end and a test that plays its peer: frames in as hexadecimal text, frames out compared
 * with a pattern in which `??` stands for any octet, on a clock that the test moves.
 */
#pragma once
#include "hexlit.h"

#include <stdio.h>

#include "ppp/ppp.h"

struct talk {
	struct ppp *ppp;
	uint64_t now;
	struct ppp_event ev;
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
	uint8_t frame[PPP_FRAME_MAX];
	size_t n = ppp_output(t->ppp, frame, sizeof(frame));

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
