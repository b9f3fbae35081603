// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <errno.h>

#include "ppp/options.h"

/* A table with one row of each kind; what the rows heard is noted in `self`. */
struct notes {
	unsigned judged, naked, rejected;
	uint16_t value;
	bool append;
};

static enum option_answer judge(
	void *self, const struct ppp_option *row, struct rd value, struct wr *nak)
{
	struct notes *n = self;

	n->judged++;
	n->value = rd_be16(&value);
	if (n->value == 0x0001)
		return OPTION_ACK;
	wr_be16(nak, 0x0001);
	return n->value == 0x0bad ? OPTION_REJECT : OPTION_NAK;
}

static bool append(void *self, const struct ppp_option *row, struct wr *nak)
{
	wr_be16(nak, 0x0001);
	return ((struct notes *)self)->append;
}

static bool encode(void *self, const struct ppp_option *row, struct wr *value)
{
	wr_be16(value, row->code);
	return true;
}

static bool encode_nothing(void *self, const struct ppp_option *row, struct wr *value)
{
	wr_be16(value, 0xffff);
	return false;
}

static void on_nak(void *self, const struct ppp_option *row, struct rd value)
{
	struct notes *n = self;

	n->naked++;
	n->value = rd_be16(&value);
}

static void on_reject(void *self, const struct ppp_option *row)
{
	((struct notes *)self)->rejected++;
}

static const struct ppp_option rows[] = {
	{1, 4, 0, "one", judge, append, encode, on_nak, on_reject},
	{2, 0, 0, "any length", judge, NULL, NULL, NULL, NULL},
	{3, 4, 0, "refused", NULL, NULL, encode, NULL, NULL},
	{4, 4, 0, "not asked for", judge, NULL, encode_nothing, NULL, NULL},
};
static const struct option_table table = {rows, 4};

static void judge_list(const char *list, bool no_more_naks, bool with_append,
	enum option_answer answer, const char *expected)
{
	struct hexlit h = hexlit(list);
	struct notes n = {.append = with_append};
	struct option_reply reply;

	assert_int_equal(options_judge(&table, &n, rd_init(h.p, h.n), no_more_naks, &reply), 0);
	assert_int_equal(reply.answer, answer);
	assert_octets(reply.octets, reply.n, expected);
}

static void good_options_come_back_as_they_were(void **state)
{
	judge_list("01040001 02040001", false, false, OPTION_ACK, "01040001 02040001");
	judge_list("", false, false, OPTION_ACK, "");
}

static void reject_goes_before_nak_and_keeps_the_order(void **state)
{
	judge_list("63020104000503040000020400ff 77030a", false, false, OPTION_REJECT,
		"6302 03040000 77030a");
	judge_list("01040005 020400ff 04040001", false, false, OPTION_NAK, "01040001 02040001");
	judge_list("01040bad 02040005", false, false, OPTION_REJECT, "01040bad");
}

static void a_missing_option_is_asked_for_in_a_nak(void **state)
{
	judge_list("02040001", false, true, OPTION_NAK, "01040001");
	judge_list("02040005", false, true, OPTION_NAK, "02040001 01040001");
	judge_list("01040001", false, true, OPTION_ACK, "01040001");
}

static void after_enough_naks_comes_a_reject_of_what_was_sent(void **state)
{
	judge_list("01040005 02040001", true, true, OPTION_REJECT, "01040005");
	judge_list("02040001", true, true, OPTION_ACK, "02040001"); /* nothing is appended either */
}

static void wrong_lengths_and_second_copies_are_rejected(void **state)
{
	judge_list("0103 00", false, false, OPTION_REJECT, "010300");
	judge_list("01040001 01040001", false, false, OPTION_REJECT, "01040001");
}

static void malformed_lists_are_dropped_before_any_row_sees_them(void **state)
{
	static const char *const lists[] = {
		"01", "0100", "0101", "01040001 02", "01040001 0205aa", "01ff0001"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct hexlit h = hexlit(lists[i]);
		struct notes n = {0};
		struct option_reply reply;
		uint32_t left_out = 0;
		struct rd list = rd_init(h.p, h.n);

		assert_int_equal(options_judge(&table, &n, list, false, &reply), -EPROTO);
		assert_int_equal(options_naked(&table, &n, list), -EPROTO);
		assert_int_equal(options_rejected(&table, &n, list, list, &left_out), -EPROTO);
		assert_int_equal(n.judged + n.naked + n.rejected + left_out, 0);
	}
}

static void option_bombs_are_dropped(void **state)
{
	uint8_t bomb[FSM_REQUEST_MAX + 2];
	struct notes n = {0};
	struct option_reply reply;

	for (size_t i = 0; i < sizeof(bomb); i += 2) {
		bomb[i] = 0x63;
		bomb[i + 1] = 2;
	}
	assert_int_equal(
		options_judge(&table, &n, rd_init(bomb, 2 * FSM_OPTIONS_MAX), false, &reply), 0);
	assert_int_equal(reply.n, 2 * FSM_OPTIONS_MAX);
	assert_int_equal(
		options_judge(&table, &n, rd_init(bomb, 2 * FSM_OPTIONS_MAX + 2), false, &reply),
		-EPROTO);
	for (size_t i = 0; i + 171 < sizeof(bomb); i += 171) {
		bomb[i] = 0x63;
		bomb[i + 1] = 171;
	}
	assert_int_equal(options_judge(&table, &n, rd_init(bomb, 3 * 171), false, &reply), -EPROTO);
	assert_int_equal(options_judge(&table, &n, rd_init(bomb, 2 * 171), false, &reply), 0);
}

static void our_request_leaves_out_what_was_rejected(void **state)
{
	struct notes n = {0};
	uint8_t out[FSM_OWN_REQUEST_MAX];

	assert_octets(out, options_encode(&table, &n, 0, out, sizeof(out)), "01040001 03040003");
	assert_octets(out, options_encode(&table, &n, 1u << 0, out, sizeof(out)), "03040003");
	assert_octets(out, options_encode(&table, &n, 0, out, 5),
		"01040001"); /* too small: whole options only */
}

static void a_nak_reaches_its_row_and_unknown_ones_are_passed_over(void **state)
{
	struct hexlit h = hexlit("6302 01040007 03040009");
	struct notes n = {0};

	assert_int_equal(options_naked(&table, &n, rd_init(h.p, h.n)), 0);
	assert_int_equal(n.naked, 1);
	assert_int_equal(n.value, 7);
	h = hexlit("0103 07");
	assert_int_equal(options_naked(&table, &n, rd_init(h.p, h.n)), 0);
	assert_int_equal(n.naked, 1);
}

static void a_reject_must_be_part_of_what_was_sent(void **state)
{
	struct hexlit sent = hexlit("01040001 03040003"), ok = hexlit("03040003 01040001");
	static const char *const wrong[] = {"", "01040002", "6302", "03040003 02040001"};
	struct notes n = {0};
	uint32_t left_out = 0;

	for (size_t i = 0; i < 4; i++) {
		struct hexlit h = hexlit(wrong[i]);

		assert_int_equal(options_rejected(&table, &n, rd_init(sent.p, sent.n),
					 rd_init(h.p, h.n), &left_out),
			-EPROTO);
	}
	assert_int_equal(left_out, 0);
	assert_int_equal(options_rejected(&table, &n, rd_init(sent.p, sent.n), rd_init(ok.p, ok.n),
				 &left_out),
		0);
	assert_int_equal(left_out, 1u << 0 | 1u << 2);
	assert_int_equal(n.rejected, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_options_come_back_as_they_were),
		cmocka_unit_test(reject_goes_before_nak_and_keeps_the_order),
		cmocka_unit_test(a_missing_option_is_asked_for_in_a_nak),
		cmocka_unit_test(after_enough_naks_comes_a_reject_of_what_was_sent),
		cmocka_unit_test(wrong_lengths_and_second_copies_are_rejected),
		cmocka_unit_test(malformed_lists_are_dropped_before_any_row_sees_them),
		cmocka_unit_test(option_bombs_are_dropped),
		cmocka_unit_test(our_request_leaves_out_what_was_rejected),
		cmocka_unit_test(a_nak_reaches_its_row_and_unknown_ones_are_passed_over),
		cmocka_unit_test(a_reject_must_be_part_of_what_was_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
