// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include "ppp/limits.h"
#include "ppp/ppp.h"

static int parse(const char *text, uint16_t *ret_protocol, size_t *ret_left)
{
	struct hexlit h = hexlit(text);
	struct rd r = rd_init(h.p, h.n);
	int e = ppp_frame_parse(&r, ret_protocol);

	*ret_left = rd_left(&r);
	return e;
}

static void frames_are_read_with_and_without_address_and_compression(void **state)
{
	static const char *const frames[] = {
		"ff03 0021 4500", "0021 4500", "ff03 21 4500", "21 4500"};

	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		uint16_t protocol;
		size_t left;

		assert_int_equal(parse(frames[i], &protocol, &left), 0);
		assert_int_equal(protocol, PPP_IPV4);
		assert_int_equal(left, 2);
	}
}

static void frames_without_a_protocol_are_refused(void **state)
{
	static const char *const frames[] = {
		"", "ff", "ff03", "ff03ff", "c0", "ff03c0", "ff04c021", "ffff"};
	uint16_t protocol;
	size_t left;

	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		assert_int_equal(parse(frames[i], &protocol, &left), -EPROTO);
		assert_int_equal(left, hexlit(frames[i]).n); /* untouched */
	}
}

/* RFC 1661 2: such numbers are treated as unrecognised protocols, not as broken frames. */
static void numbers_against_the_rule_come_back_as_they_are(void **state)
{
	uint16_t protocol;
	size_t left;

	assert_int_equal(parse("ff03 c020 00", &protocol, &left), 0);
	assert_int_equal(protocol, 0xc020);
}

static void data_and_control_protocols_are_told_apart(void **state)
{
	assert_true(ppp_protocol_is_data(PPP_IPV4) && ppp_protocol_is_data(PPP_IPV6));
	assert_false(ppp_protocol_is_data(PPP_IPCP) || ppp_protocol_is_data(PPP_LCP) ||
		     ppp_protocol_is_data(PPP_CHAP));
}

static void packets_end_at_their_length_and_the_rest_is_padding(void **state)
{
	struct hexlit h = hexlit("01 42 0006 aabb 0000");
	struct ppp_packet p;

	assert_int_equal(ppp_packet_parse(rd_init(h.p, h.n), &p), 0);
	assert_int_equal(p.code, 1);
	assert_int_equal(p.identifier, 0x42);
	assert_octets(p.body.p, rd_left(&p.body), "aabb");
	assert_octets(p.whole.p, rd_left(&p.whole), "01420006aabb");
}

static void packets_whose_length_cannot_be_are_refused(void **state)
{
	static const char *const packets[] = {
		"", "01", "0142", "014200", "01420003", "01420000", "01420005", "0142ffff00"};

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		struct hexlit h = hexlit(packets[i]);
		struct ppp_packet p;

		assert_int_equal(ppp_packet_parse(rd_init(h.p, h.n), &p), -EPROTO);
	}
}

/* Every example frame of the vectors is what we would write for its code, identifier and body. */
static void the_published_frames_are_written_octet_for_octet(void **state)
{
	const char *key;
	json_t *text;
	struct buf queue;
	unsigned n = 0;

	buf_init(&queue, PPP_OUTPUT_MAX);
	json_object_foreach(json_object_get(vector("ppp-frames"), "outputs"), key, text)
	{
		struct hexlit h = hexlit(json_string_value(text));
		struct rd frame = rd_init(h.p + 4, h.n - 4); /* behind the SSTP header */
		uint8_t out[PPP_FRAME_MAX];
		struct ppp_packet p;
		uint16_t protocol = 0;
		size_t len;

		assert_int_equal(ppp_frame_parse(&frame, &protocol), 0);
		assert_int_equal(ppp_packet_parse(frame, &p), 0);
		ppp_queue_packet(
			&queue, protocol, p.code, p.identifier, p.body.p, rd_left(&p.body));
		len = ppp_queue_take(&queue, out, sizeof(out));
		assert_int_equal(len, h.n - 4);
		assert_memory_equal(out, h.p + 4, len);
		n++;
	}
	assert_true(n >= 15);
	buf_done(&queue);
}

static void the_queue_is_bounded_and_keeps_its_order(void **state)
{
	uint8_t body[1000] = {0}, out[PPP_FRAME_MAX];
	struct buf queue;
	unsigned n = 0;

	buf_init(&queue, PPP_OUTPUT_MAX);
	for (unsigned i = 0; i < 100; i++)
		ppp_queue_packet(&queue, PPP_LCP, 9, (uint8_t)i, body, sizeof(body));
	assert_true(buf_len(&queue) <= PPP_OUTPUT_MAX);
	for (; ppp_queue_take(&queue, out, sizeof(out)); n++)
		assert_int_equal(out[5], n);
	assert_true(n > 10 && n < 100);
	assert_null(queue.mem); /* an idle end holds no buffer */
	buf_done(&queue);
}

static void a_taken_frame_is_wiped_from_the_queue(void **state)
{
	uint8_t out[PPP_FRAME_MAX];
	struct buf queue;

	buf_init(&queue, PPP_OUTPUT_MAX);
	ppp_queue_packet(&queue, PPP_PAP, 1, 1, "secret", 6);
	ppp_queue_packet(&queue, PPP_PAP, 1, 2, "other", 5); /* keeps the memory alive */
	ppp_queue_take(&queue, out, sizeof(out));
	assert_null(memmem(queue.mem, queue.cap, "secret", 6));
	buf_done(&queue);
}

static void text_of_a_peer_is_kept_whole_and_fits(void **state)
{
	struct hexlit h = hexlit("41 00 0a c3 7e");
	char text[32], small[8];

	ppp_text(rd_init(h.p, h.n), text, sizeof(text));
	assert_string_equal(text, "A\xe2\x90\x80\n\xc3~");
	ppp_text(rd_init(h.p, h.n), small, sizeof(small));
	assert_true(strlen(small) < sizeof(small));
	ppp_text(rd_init(NULL, 0), text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_read_with_and_without_address_and_compression),
		cmocka_unit_test(frames_without_a_protocol_are_refused),
		cmocka_unit_test(numbers_against_the_rule_come_back_as_they_are),
		cmocka_unit_test(data_and_control_protocols_are_told_apart),
		cmocka_unit_test(packets_end_at_their_length_and_the_rest_is_padding),
		cmocka_unit_test(packets_whose_length_cannot_be_are_refused),
		cmocka_unit_test(the_published_frames_are_written_octet_for_octet),
		cmocka_unit_test(the_queue_is_bounded_and_keeps_its_order),
		cmocka_unit_test(a_taken_frame_is_wiped_from_the_queue),
		cmocka_unit_test(text_of_a_peer_is_kept_whole_and_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
