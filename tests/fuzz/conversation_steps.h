// SPDX-License-Identifier: Apache-2.0
/*
 * A whole conversation as a list of steps, and the mutator that changes such a list: it knows the
 * messages of each layer, so what it makes reaches states that octets by chance never reach.
 *
 *     input:  set-up (1 octet), then steps: operation, length, and so many octets
 *
 * A step that makes no sense where it stands does nothing, so every input is a conversation.
 */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"

#define STEP_BODY_MAX 255
#define STEPS_MAX 120

enum operation {
	STEP_PASS,    /* to, count: the next messages arrive */
	STEP_DROP,    /* to: the next one is lost */
	STEP_TWICE,   /* to: the next one arrives two times */
	STEP_SWAP,    /* to: the next two change places */
	STEP_CUT,     /* to, n: of the next one, n octets arrive, the rest later */
	STEP_JOIN,    /* to: all that is under way arrives in one read */
	STEP_EDIT,    /* to, offset, value: one octet of the next one changes */
	STEP_ANSWER,  /* to, code: the last one that this end said comes back, with another code */
	STEP_OCTETS,  /* to, octets */
	STEP_HTTP,    /* to, text: which, and octets in it */
	STEP_CONTROL, /* to, message, attributes announced, attributes */
	STEP_FRAME,   /* to, protocol, body */
	STEP_PACKET,  /* to, protocol, code, identifier, body: the length is right */
	STEP_IP,      /* to, version, body */
	STEP_SEND,    /* from, octets: an end sends IP, if it may */
	STEP_TIME,    /* of whom: its next deadline */
	STEP_VERDICT, /* error: for the question that waits */
	STEP_EOF,     /* to, error */
	STEP_CLOSE,   /* of whom */
	STEP_DEAF,    /* to: this end's octets are not collected until the next such step */
	STEPS
};

struct step {
	uint8_t op, n;
	uint8_t body[STEP_BODY_MAX];
};

static inline bool step_next(struct rd *in, struct step *ret)
{
	*ret = (struct step){.op = rd_u8(in) % STEPS, .n = rd_u8(in)};
	if (in->short_read || ret->n > rd_left(in))
		return false;
	rd_copy(in, ret->body, ret->n);
	return true;
}

/* ---- what the mutator knows of the protocols ---- */

// clang-format off
static const struct sample {
	uint8_t op, n;
	uint8_t body[40];
} samples[] = {
	{STEP_PASS, 2, {0, 1}},
	{STEP_PASS, 2, {1, 1}},
	{STEP_PASS, 2, {0, 30}},
	{STEP_DROP, 1, {0}},
	{STEP_TWICE, 1, {0}},
	{STEP_TWICE, 1, {1}},
	{STEP_SWAP, 1, {0}},
	{STEP_SWAP, 1, {1}},
	{STEP_CUT, 2, {0, 3}},
	{STEP_CUT, 2, {1, 5}},
	{STEP_JOIN, 1, {0}},
	{STEP_JOIN, 1, {1}},
	{STEP_EDIT, 3, {0, 8, 1}},
	{STEP_EDIT, 3, {1, 9, 255}},
	{STEP_ANSWER, 2, {0, 2}},
	{STEP_ANSWER, 2, {1, 3}},
	{STEP_ANSWER, 2, {1, 4}},
	{STEP_OCTETS, 5, {0, 0x10, 0, 0, 4}},
	{STEP_OCTETS, 5, {1, 0x10, 1, 0xff, 0xff}},
	{STEP_HTTP, 2, {0, 0}},
	{STEP_HTTP, 2, {0, 1}},
	{STEP_HTTP, 2, {0, 2}},
	{STEP_HTTP, 2, {1, 3}},
	{STEP_HTTP, 2, {1, 4}},
	{STEP_CONTROL, 9, {0, 1, 1, 0, 1, 0, 6, 0, 1}},    /* CALL_CONNECT_REQUEST */
	{STEP_CONTROL, 9, {0, 1, 1, 0, 1, 0, 6, 0, 2}},    /* of another protocol */
	{STEP_CONTROL, 3, {0, 1, 0}},
	{STEP_CONTROL, 15, {1, 3, 1, 0, 2, 0, 12, 0, 0, 0, 1, 0, 0, 0, 4}}, /* NAK */
	{STEP_CONTROL, 3, {0, 4, 1}},                                       /* CALL_CONNECTED */
	{STEP_CONTROL, 15, {0, 5, 1, 0, 2, 0, 12, 0, 0, 0, 2, 0, 0, 0, 8}}, /* ABORT */
	{STEP_CONTROL, 15, {1, 5, 1, 0, 2, 0, 12, 0, 0, 0, 2, 0, 0, 0, 8}},
	{STEP_CONTROL, 3, {0, 6, 0}}, /* DISCONNECT */
	{STEP_CONTROL, 3, {1, 6, 0}},
	{STEP_CONTROL, 3, {0, 7, 0}},
	{STEP_CONTROL, 3, {0, 8, 0}}, /* ECHO_REQUEST */
	{STEP_CONTROL, 3, {1, 8, 0}},
	{STEP_CONTROL, 3, {1, 9, 0}},
	{STEP_CONTROL, 3, {0, 200, 9}},
	{STEP_PACKET, 14, {0, 0, 1, 7, 1, 4, 5, 0x78, 5, 6, 1, 2, 3, 4}}, /* LCP Request: MRU, magic */
	{STEP_PACKET, 9, {1, 0, 1, 7, 3, 5, 0xc2, 0x23, 0x81}},          /* LCP Request: MS-CHAPv2 */
	{STEP_PACKET, 8, {0, 0, 3, 1, 3, 4, 0xc0, 0x23}},                /* LCP Nak: PAP */
	{STEP_PACKET, 9, {0, 0, 3, 1, 3, 5, 0xc2, 0x23, 5}},             /* LCP Nak: CHAP-MD5 */
	{STEP_PACKET, 4, {0, 0, 2, 1}},
	{STEP_PACKET, 4, {0, 0, 5, 9}}, /* Terminate-Request */
	{STEP_PACKET, 4, {1, 0, 5, 9}},
	{STEP_PACKET, 4, {1, 0, 6, 9}},
	{STEP_PACKET, 8, {0, 0, 7, 3, 1, 1, 0, 4}},         /* Code-Reject */
	{STEP_PACKET, 6, {0, 0, 8, 3, 0x80, 0x21}},         /* Protocol-Reject of IPCP */
	{STEP_PACKET, 6, {1, 0, 8, 3, 0xc2, 0x23}},         /* of CHAP */
	{STEP_PACKET, 8, {0, 0, 9, 3, 0, 0, 0, 0}},         /* Echo-Request */
	{STEP_PACKET, 8, {1, 0, 9, 3, 0, 0, 0, 0}},
	{STEP_PACKET, 12, {0, 0, 12, 3, 0, 0, 0, 0, 'M', 'S', 'R', 'A'}}, /* Identification */
	{STEP_PACKET, 4, {0, 0, 99, 3}},
	{STEP_PACKET, 13, {0, 1, 1, 1, 4, 'U', 's', 'e', 'r', 3, 'p', 'w', 'd'}}, /* PAP */
	{STEP_PACKET, 5, {1, 1, 2, 1, 0}},
	{STEP_PACKET, 5, {1, 1, 3, 1, 0}},
	{STEP_PACKET, 26, {1, 2, 1, 1, 16}}, /* CHAP Challenge */
	{STEP_PACKET, 26, {0, 2, 2, 1, 16}}, /* Response */
	{STEP_PACKET, 6, {1, 2, 3, 1, 'S', '='}},
	{STEP_PACKET, 9, {1, 2, 4, 1, 'E', '=', '6', '9', '1'}},
	{STEP_PACKET, 10, {0, 3, 1, 1, 3, 6, 0, 0, 0, 0}}, /* IPCP Request */
	{STEP_PACKET, 10, {0, 3, 1, 2, 3, 6, 10, 9, 0, 2}},
	{STEP_PACKET, 10, {1, 3, 1, 3, 3, 6, 10, 9, 0, 1}},
	{STEP_PACKET, 4, {1, 3, 1, 4}}, /* without an address */
	{STEP_PACKET, 10, {1, 3, 3, 1, 3, 6, 10, 9, 0, 7}},
	{STEP_PACKET, 22, {0, 3, 1, 5, 3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0, 131, 6, 0, 0, 0, 0}},
	{STEP_PACKET, 4, {0, 3, 5, 1}},
	{STEP_PACKET, 14, {0, 4, 1, 1, 1, 10, 0, 0, 0, 0, 0, 0, 0, 5}}, /* IPV6CP Request */
	{STEP_PACKET, 14, {1, 4, 1, 1, 1, 10, 0, 0, 0, 0, 0, 0, 0, 1}},
	{STEP_PACKET, 4, {0, 4, 5, 1}},
	{STEP_PACKET, 10, {0, 5, 1, 1, 18, 6, 0, 0, 0, 1}}, /* CCP Request: MPPC */
	{STEP_FRAME, 4, {0, 0x21, 0x45, 0}},
	{STEP_FRAME, 5, {0, 0xc0, 0x21, 1, 1}},
	{STEP_IP, 2, {0, 4}},
	{STEP_IP, 2, {1, 4}},
	{STEP_IP, 2, {0, 6}},
	{STEP_IP, 2, {1, 6}},
	{STEP_SEND, 2, {0, 40}},
	{STEP_SEND, 2, {1, 40}},
	{STEP_TIME, 1, {0}},
	{STEP_TIME, 1, {1}},
	{STEP_VERDICT, 1, {0}},
	{STEP_VERDICT, 1, {1}},
	{STEP_EOF, 2, {0, 0}},
	{STEP_EOF, 2, {1, 104}},
	{STEP_CLOSE, 1, {0}},
	{STEP_CLOSE, 1, {1}},
	{STEP_DEAF, 1, {0}},
	{STEP_DEAF, 1, {1}},
};
// clang-format on

/* ---- the mutator ---- */

struct script {
	uint8_t set_up;
	size_t n;
	struct step steps[STEPS_MAX];
};

static inline void script_read(struct script *s, const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);

	s->set_up = rd_u8(&in);
	s->n = 0;
	while (s->n < STEPS_MAX && step_next(&in, &s->steps[s->n]))
		s->n++;
}

static inline size_t script_write(const struct script *s, uint8_t *ret, size_t cap)
{
	size_t at = 1;

	if (!cap)
		return 0;
	ret[0] = s->set_up;
	for (size_t i = 0; i < s->n && at + 2 + s->steps[i].n <= cap; i++) {
		ret[at++] = s->steps[i].op;
		ret[at++] = s->steps[i].n;
		memcpy(ret + at, s->steps[i].body, s->steps[i].n);
		at += s->steps[i].n;
	}
	return at;
}

static inline unsigned draw(unsigned *seed, size_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return below ? (unsigned)((*seed >> 8) % below) : 0;
}

static inline void script_insert(struct script *s, size_t at, struct step step)
{
	if (s->n == STEPS_MAX)
		return;
	memmove(&s->steps[at + 1], &s->steps[at], (s->n - at) * sizeof(step));
	s->steps[at] = step;
	s->n++;
}

static inline void script_remove(struct script *s, size_t at, size_t n)
{
	memmove(&s->steps[at], &s->steps[at + n], (s->n - at - n) * sizeof(*s->steps));
	s->n -= n;
}

static inline struct step sample_step(unsigned *seed)
{
	const struct sample *from = &samples[draw(seed, sizeof(samples) / sizeof(*samples))];
	struct step step = {.op = from->op, .n = from->n};

	memcpy(step.body, from->body, from->n);
	return step;
}

/* Some octets of one step: a field's neighbours and its ends are what parsers stumble over. */
static inline void change_body(struct step *s, unsigned *seed)
{
	static const uint8_t ends[] = {0, 1, 2, 3, 4, 6, 8, 0x7f, 0x80, 0xfe, 0xff};
	uint8_t *octet = s->n ? &s->body[draw(seed, s->n)] : NULL;

	switch (draw(seed, 6)) {
	case 0:
		if (octet)
			*octet = ends[draw(seed, sizeof(ends))];
		break;
	case 1:
		if (octet)
			*octet ^= (uint8_t)(1 << draw(seed, 8));
		break;
	case 2:
		if (octet)
			*octet = (uint8_t)(*octet + draw(seed, 5) - 2);
		break;
	case 3: /* longer: what comes is zero, or the last option once more */
		if (s->n && s->n < STEP_BODY_MAX - 8) {
			memcpy(s->body + s->n, s->body + s->n - (s->n < 8 ? s->n : 8),
				s->n < 8 ? s->n : 8);
			s->n = (uint8_t)(s->n + draw(seed, 9));
		}
		break;
	case 4:
		if (s->n)
			s->n = (uint8_t)(s->n - draw(seed, s->n));
		break;
	default: s->body[0] ^= 1; /* to the other end */
	}
}

static inline void script_change(struct script *s, unsigned *seed)
{
	size_t at = draw(seed, s->n + 1), other = draw(seed, s->n + 1), run;

	switch (draw(seed, 8)) {
	case 0:
	case 1:
	case 2: script_insert(s, at, sample_step(seed)); break;
	case 3:
		if (at < s->n)
			script_remove(s, at, 1);
		break;
	case 4: /* one of them again, elsewhere */
		if (other < s->n)
			script_insert(s, at, s->steps[other]);
		break;
	case 5: /* a run of them, again and again */
		run = 1 + draw(seed, 4);
		for (size_t i = 0; i < 4 * run && at + run <= s->n; i++)
			script_insert(s, at, s->steps[at + run - 1]);
		break;
	case 6: s->set_up = (uint8_t)(s->set_up ^ 1 << draw(seed, 8)); break;
	default:
		if (at < s->n)
			change_body(&s->steps[at], seed);
	}
}
