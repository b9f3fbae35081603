// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: one pass over the peer's options writes three lists side by side: what must be rejected,
 * what is to be changed, and the latter as it came (for the time when Naks have been enough). Which
 * of them goes out is decided at the end. Options are only well-formed octets here; what a value
 * means is known to the rows.
 *
 * DEVIATION: an option of a wrong length is rejected; RFC 1661 5.3 would rather have it Nak'd. pppd does
 * the same.
 */
#include "ppp/options.h"

#include <errno.h>

#define OPTION_HEADER_LEN 2

struct option {
	uint8_t code;
	struct rd value, whole;
};

/* RFC 1661 6: code, length (with these two octets), value. -EPROTO when it leaves its list. */
static int next_option(struct rd *list, struct option *ret)
{
	const uint8_t *start = list->p;
	uint8_t code = rd_u8(list), length = rd_u8(list);

	if (list->short_read || length < OPTION_HEADER_LEN)
		return -EPROTO;
	*ret = (struct option){.code = code, .value = rd_sub(list, length - OPTION_HEADER_LEN)};
	ret->whole = rd_init(start, length);
	return list->short_read ? -EPROTO : 0;
}

static int check_list(struct rd list)
{
	struct option opt;
	int r = 0;

	for (unsigned n = 0; rd_left(&list) && !r; n++)
		r = n == FSM_OPTIONS_MAX ? -EPROTO : next_option(&list, &opt);
	return r;
}

static const struct ppp_option *find_row(const struct option_table *t, const struct option *opt)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].code == opt->code)
			return &t->rows[i];
	return NULL;
}

static bool length_fits(const struct ppp_option *row, const struct option *opt)
{
	return !row->length || row->length == rd_left(&opt->whole);
}

/* Opens an option whose value follows; end_option() closes it or takes it back. */
static uint8_t *begin_option(struct wr *w, uint8_t code)
{
	uint8_t *start = w->p;

	wr_u8(w, code);
	wr_u8(w, 0);
	return start;
}

static void end_option(struct wr *w, uint8_t *start, bool keep)
{
	if (!keep || w->overflow || w->p - start > UINT8_MAX)
		w->p = start;
	else
		start[1] = (uint8_t)(w->p - start);
}

size_t options_encode(
	const struct option_table *t, void *self, uint32_t left_out, uint8_t *ret, size_t cap)
{
	struct wr w = wr_init(ret, cap);

	for (size_t i = 0; i < t->n; i++) {
		const struct ppp_option *row = &t->rows[i];

		if (!row->encode || left_out >> i & 1)
			continue;

		uint8_t *start = begin_option(&w, row->code);

		end_option(&w, start, row->encode(self, row, &w));
	}
	return wr_len(&w);
}

struct lists {
	struct wr reject, nak, naked;
	uint8_t reject_octets[FSM_REQUEST_MAX], nak_octets[FSM_REPLY_MAX],
		naked_octets[FSM_REQUEST_MAX];
	uint32_t seen; /* rows */
};

static void judge_option(
	const struct option_table *t, void *self, const struct option *opt, struct lists *l)
{
	const struct ppp_option *row = find_row(t, opt);
	uint32_t bit = row ? 1u << (row - t->rows) : 0;
	enum option_answer answer = OPTION_REJECT;
	uint8_t *start = begin_option(&l->nak, opt->code);

	/* An option comes once (RFC 1661 6): a second one is refused. */
	if (row && row->judge && length_fits(row, opt) && !(l->seen & bit))
		answer = row->judge(self, row, opt->value, &l->nak);
	l->seen |= bit;
	end_option(&l->nak, start, answer == OPTION_NAK);
	if (answer == OPTION_REJECT)
		wr_octets(&l->reject, opt->whole.p, rd_left(&opt->whole));
	else if (answer == OPTION_NAK)
		wr_octets(&l->naked, opt->whole.p, rd_left(&opt->whole));
}

static void append_missing(const struct option_table *t, void *self, struct lists *l)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct ppp_option *row = &t->rows[i];

		if (!row->append || l->seen >> i & 1)
			continue;

		uint8_t *start = begin_option(&l->nak, row->code);

		end_option(&l->nak, start, row->append(self, row, &l->nak));
	}
}

static void reply_with(
	struct option_reply *ret, enum option_answer answer, const void *octets, size_t n)
{
	ret->answer = answer;
	ret->n = n;
	if (n)
		memcpy(ret->octets, octets, n);
}

int options_judge(const struct option_table *t, void *self, struct rd request, bool no_more_naks,
	struct option_reply *ret)
{
	struct rd list = request;
	struct option opt;
	struct lists l;

	if (rd_left(&request) > FSM_REQUEST_MAX || check_list(request) < 0)
		return -EPROTO;
	l.seen = 0;
	l.reject = wr_init(l.reject_octets, sizeof(l.reject_octets));
	l.nak = wr_init(l.nak_octets, sizeof(l.nak_octets));
	l.naked = wr_init(l.naked_octets, sizeof(l.naked_octets));
	while (rd_left(&list) && !next_option(&list, &opt))
		judge_option(t, self, &opt, &l);
	if (!no_more_naks)
		append_missing(t, self, &l);
	else
		wr_octets(&l.reject, l.naked_octets,
			wr_len(&l.naked)); /* RFC 1661 4.6, Max-Failure */
	if (wr_len(&l.reject))
		reply_with(ret, OPTION_REJECT, l.reject_octets, wr_len(&l.reject));
	else if (wr_len(&l.nak) && !no_more_naks)
		reply_with(ret, OPTION_NAK, l.nak_octets, wr_len(&l.nak));
	else
		reply_with(ret, OPTION_ACK, request.p, rd_left(&request));
	return 0;
}

int options_naked(const struct option_table *t, void *self, struct rd nak)
{
	struct option opt;

	if (check_list(nak) < 0)
		return -EPROTO;
	while (rd_left(&nak) && !next_option(&nak, &opt)) {
		const struct ppp_option *row = find_row(t, &opt);

		if (row && row->on_nak && length_fits(row, &opt))
			row->on_nak(self, row, opt.value);
	}
	return 0;
}

/* RFC 1661 5.4: in a Reject stand options just as they were sent. */
static bool was_sent(struct rd sent, const struct option *rejected)
{
	size_t n = rd_left(&rejected->whole);
	struct option opt;

	while (rd_left(&sent) && !next_option(&sent, &opt))
		if (rd_left(&opt.whole) == n && !memcmp(opt.whole.p, rejected->whole.p, n))
			return true;
	return false;
}

int options_rejected(const struct option_table *t, void *self, struct rd sent, struct rd reject,
	uint32_t *left_out)
{
	struct rd list = reject;
	struct option opt;

	if (!rd_left(&reject) || check_list(reject) < 0)
		return -EPROTO;
	while (rd_left(&list) && !next_option(&list, &opt))
		if (!was_sent(sent, &opt))
			return -EPROTO;
	while (rd_left(&reject) && !next_option(&reject, &opt)) {
		const struct ppp_option *row = find_row(t, &opt);

		if (!row)
			continue;
		*left_out |= 1u << (row - t->rows);
		if (row->on_reject)
			row->on_reject(self, row);
	}
	return 0;
}
