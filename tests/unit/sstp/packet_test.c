// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include <errno.h>

#include "sstp/packet.h"

static const char connect_request[] = "1001000e 0001 0001 00010006 0001";

static struct rd rd_of(const struct hexlit *h)
{
	return rd_init(h->p, h->n);
}

/* What the document's layouts hold: the example of every control packet, key by key. */
static const struct {
	const char *key;
	enum sstp_msg type;
	size_t n_attrs;
} examples[] = {
	{"call_connect_request", SSTP_MSG_CALL_CONNECT_REQUEST, 1},
	{"call_connect_nak_value_not_supported", SSTP_MSG_CALL_CONNECT_NAK, 1},
	{"call_connect_nak_required_missing", SSTP_MSG_CALL_CONNECT_NAK, 1},
	{"call_connect_nak_two", SSTP_MSG_CALL_CONNECT_NAK, 2},
	{"call_abort_binding_failed", SSTP_MSG_CALL_ABORT, 1},
	{"call_abort_negotiation_timeout", SSTP_MSG_CALL_ABORT, 1},
	{"call_abort_invalid_frame", SSTP_MSG_CALL_ABORT, 1},
	{"call_abort_retry_exceeded", SSTP_MSG_CALL_ABORT, 1},
	{"call_abort_unaccepted", SSTP_MSG_CALL_ABORT, 1},
	{"call_abort_no_attribute", SSTP_MSG_CALL_ABORT, 0},
	{"call_disconnect", SSTP_MSG_CALL_DISCONNECT, 1},
	{"call_disconnect_no_attribute", SSTP_MSG_CALL_DISCONNECT, 0},
	{"call_disconnect_ack", SSTP_MSG_CALL_DISCONNECT_ACK, 0},
	{"echo_request", SSTP_MSG_ECHO_REQUEST, 0},
	{"echo_response", SSTP_MSG_ECHO_RESPONSE, 0},
};

static void parse_whole(const struct hexlit *h, struct sstp_packet *pkt, struct sstp_message *msg)
{
	struct rd in = rd_of(h);

	assert_int_equal(sstp_packet_parse(&in, pkt), 0);
	assert_int_equal(rd_left(&in), 0);
	assert_true(pkt->control);
	assert_ptr_equal(pkt->start, h->p);
	assert_int_equal(sstp_message_parse(pkt->body, msg), 0);
	assert_int_equal(msg->extra, 0);
}

static void every_control_packet_parses_and_builds_to_the_same_octets(void **state)
{
	assert_int_equal(
		json_object_size(json_object_get(vector("sstp-control-packets"), "outputs")),
		sizeof(examples) / sizeof(*examples));
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		struct hexlit h = vector_octets("sstp-control-packets", examples[i].key);
		struct sstp_packet pkt;
		struct sstp_message msg;
		uint8_t built[SSTP_MESSAGE_MAX];
		size_t n;

		parse_whole(&h, &pkt, &msg);
		assert_int_equal(msg.type, examples[i].type);
		assert_int_equal(msg.n_attrs, examples[i].n_attrs);
		for (size_t a = 0; a < msg.n_attrs; a++)
			assert_int_equal(msg.attrs[a].fault, SSTP_ATTR_OK);
		n = sstp_message_build(msg.type, msg.attrs, msg.n_attrs, built, sizeof(built));
		assert_int_equal(n, h.n);
		assert_memory_equal(built, h.p, n);
	}
}

static void the_worked_examples_of_the_document_parse_and_build(void **state)
{
	static const char *const ids[] = {"sstp-binding-spec-sha256", "sstp-binding-spec-sha1"};
	static const char *const keys[] = {
		"call_connect_request", "call_connect_ack", "call_connected"};

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 3; k++) {
			struct hexlit h = vector_octets(ids[i], keys[k]);
			struct sstp_packet pkt;
			struct sstp_message msg;
			uint8_t built[SSTP_MESSAGE_MAX];

			parse_whole(&h, &pkt, &msg);
			assert_int_equal(msg.n_attrs, 1);
			assert_int_equal(
				sstp_message_build(msg.type, msg.attrs, 1, built, sizeof(built)),
				h.n);
			assert_memory_equal(built, h.p, h.n);
		}
}

static void ppp_frames_come_out_of_data_packets_as_they_are(void **state)
{
	const char *key;
	json_t *text;

	json_object_foreach(json_object_get(vector("ppp-frames"), "outputs"), key, text)
	{
		struct hexlit h = hexlit(json_string_value(text));
		struct rd in = rd_of(&h);
		struct sstp_packet pkt;
		uint8_t header[SSTP_HEADER_LEN];

		assert_int_equal(sstp_packet_parse(&in, &pkt), 0);
		assert_false(pkt.control);
		assert_ptr_equal(pkt.body.p, h.p + SSTP_HEADER_LEN);
		assert_int_equal(rd_left(&pkt.body), h.n - SSTP_HEADER_LEN);
		sstp_data_header(header, rd_left(&pkt.body));
		assert_memory_equal(header, h.p, sizeof(header));
	}
}

static void every_prefix_asks_for_more_and_consumes_nothing(void **state)
{
	struct hexlit h = hexlit(connect_request);

	for (size_t n = 0; n < h.n; n++) {
		struct rd in = rd_init(h.p, n);
		struct sstp_packet pkt;

		assert_int_equal(sstp_packet_parse(&in, &pkt), -EAGAIN);
		assert_ptr_equal(in.p, h.p);
		assert_int_equal(rd_left(&in), n);
		assert_false(in.short_read);
	}
}

static void every_length_is_too_short_too_long_or_what_it_says(void **state)
{
	static uint8_t octets[SSTP_PACKET_MAX];
	const size_t given = 2000;

	for (unsigned control = 0; control < 2; control++)
		for (unsigned length = 0; length <= SSTP_LENGTH_MASK; length++) {
			struct rd in = rd_init(octets, given);
			struct sstp_packet pkt;
			int r;

			sstp_data_header(octets, 0);
			octets[1] = (uint8_t)control;
			octets[2] = (uint8_t)(length >> 8);
			octets[3] = (uint8_t)length;
			r = sstp_packet_parse(&in, &pkt);
			if (length < (control ? 8u : 4u)) {
				assert_int_equal(r, -EPROTO);
			} else if (length > given) {
				assert_int_equal(r, -EAGAIN);
			} else {
				assert_int_equal(r, 0);
				assert_int_equal(rd_left(&pkt.body), length - 4);
				assert_ptr_equal(in.p, octets + length);
			}
			/* Four octets are enough to know that a stream is lost. */
			in = rd_init(octets, 4);
			assert_int_equal(sstp_packet_parse(&in, &pkt) == -EPROTO, r == -EPROTO);
		}
}

static void only_version_1_0_is_a_packet(void **state)
{
	struct hexlit h = hexlit(connect_request);

	for (unsigned version = 0; version < 256; version++) {
		struct rd in = rd_of(&h);
		struct sstp_packet pkt;

		h.p[0] = (uint8_t)version;
		assert_int_equal(sstp_packet_parse(&in, &pkt), version == 0x10 ? 0 : -EPROTO);
	}
}

static void reserved_bits_are_not_looked_at(void **state)
{
	struct hexlit h = hexlit("10ff f00e 0001 0001 ff01f006 0001");
	struct sstp_packet pkt;
	struct sstp_message msg;

	parse_whole(&h, &pkt, &msg);
	assert_int_equal(msg.attrs[0].fault, SSTP_ATTR_OK);
	assert_int_equal(msg.attrs[0].protocol_id, SSTP_ENCAPSULATED_PROTOCOL_PPP);
	h.p[1] = 0xfe;
	assert_int_equal(sstp_packet_parse(&(struct rd){h.p, h.p + h.n, false}, &pkt), 0);
	assert_false(pkt.control);
}

static void packets_back_to_back_come_out_one_by_one(void **state)
{
	struct hexlit h = hexlit("10010008 0008 0000  10000006 c021  10000004  10010008 0009 0000");
	struct rd in = rd_of(&h);
	const size_t bodies[] = {4, 2, 0, 4};
	struct sstp_packet pkt;

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(sstp_packet_parse(&in, &pkt), 0);
		assert_int_equal(rd_left(&pkt.body), bodies[i]);
	}
	assert_int_equal(sstp_packet_parse(&in, &pkt), -EAGAIN);
}

static int parse_body(const char *text, struct sstp_message *msg)
{
	struct hexlit h = hexlit(text);
	int r = sstp_message_parse(rd_of(&h), msg);

	for (size_t i = 0; i < msg->n_attrs; i++) /* they point into h */
		msg->attrs[i].value = (struct rd){0};
	return r;
}

static void every_type_but_the_nine_is_a_bad_message(void **state)
{
	for (unsigned type = 0; type < 65536; type++) {
		uint8_t body[] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 0};
		struct sstp_message msg;
		bool known = type >= 1 && type <= 9;

		assert_int_equal(sstp_message_parse(rd_init(body, sizeof(body)), &msg),
			known ? 0 : -EBADMSG);
		assert_int_equal(msg.type, type);
		assert_int_equal(sstp_msg_name((uint16_t)type) != NULL, known);
	}
}

static void attributes_that_overrun_or_do_not_add_up_make_a_bad_message(void **state)
{
	struct sstp_message msg;

	assert_int_equal(parse_body("0001 0001", &msg), -EBADMSG); /* announced, not there */
	assert_int_equal(parse_body("0001 0001 000100", &msg), -EBADMSG);
	assert_int_equal(parse_body("0001 0001 00010003 0001", &msg), -EBADMSG);
	assert_int_equal(parse_body("0001 0001 00010000 0001", &msg), -EBADMSG);
	assert_int_equal(parse_body("0001 0001 00010007 0001", &msg), -EBADMSG);
	assert_int_equal(msg.n_attrs, 1); /* what was read up to there */
	assert_int_equal(msg.attrs[0].id, SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID);
	assert_int_equal(parse_body("0001 0002 00010006 0001", &msg), -EBADMSG);
	assert_int_equal(parse_body("0001 ffff 00010006 0001", &msg), -EBADMSG);
}

static void octets_behind_the_attributes_are_counted(void **state)
{
	struct sstp_message msg;

	assert_int_equal(parse_body("0001 0001 00010006 0001 aabbcc", &msg), 0);
	assert_int_equal(msg.extra, 3);
	assert_int_equal(parse_body("0008 0000 00010006 0001", &msg), 0);
	assert_int_equal(msg.extra, 6);
}

static void a_message_holds_sixteen_attributes_and_no_more(void **state)
{
	uint8_t body[4 + 17 * 4] = {0, 3, 0, 0};
	struct sstp_message msg;

	for (size_t i = 0; i < 17; i++)
		memcpy(body + 4 + i * 4, "\0\x7f\0\4", 4);
	for (uint8_t n = 0; n <= 17; n++) {
		body[3] = n;
		assert_int_equal(sstp_message_parse(rd_init(body, 4 + n * 4u), &msg),
			n <= SSTP_ATTRS_MAX ? 0 : -EBADMSG);
		assert_int_equal(msg.n_attrs, n <= SSTP_ATTRS_MAX ? n : SSTP_ATTRS_MAX);
	}
}

static void building_into_too_little_room_gives_nothing(void **state)
{
	struct hexlit h = hexlit(connect_request);
	struct sstp_attr attr = {.id = SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID, .protocol_id = 1};
	uint8_t built[32];

	for (size_t cap = 0; cap <= sizeof(built); cap++)
		assert_int_equal(
			sstp_message_build(SSTP_MSG_CALL_CONNECT_REQUEST, &attr, 1, built, cap),
			cap < h.n ? 0 : h.n);
	assert_memory_equal(built, h.p, h.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_control_packet_parses_and_builds_to_the_same_octets),
		cmocka_unit_test(the_worked_examples_of_the_document_parse_and_build),
		cmocka_unit_test(ppp_frames_come_out_of_data_packets_as_they_are),
		cmocka_unit_test(every_prefix_asks_for_more_and_consumes_nothing),
		cmocka_unit_test(every_length_is_too_short_too_long_or_what_it_says),
		cmocka_unit_test(only_version_1_0_is_a_packet),
		cmocka_unit_test(reserved_bits_are_not_looked_at),
		cmocka_unit_test(packets_back_to_back_come_out_one_by_one),
		cmocka_unit_test(every_type_but_the_nine_is_a_bad_message),
		cmocka_unit_test(attributes_that_overrun_or_do_not_add_up_make_a_bad_message),
		cmocka_unit_test(octets_behind_the_attributes_are_counted),
		cmocka_unit_test(a_message_holds_sixteen_attributes_and_no_more),
		cmocka_unit_test(building_into_too_little_room_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
