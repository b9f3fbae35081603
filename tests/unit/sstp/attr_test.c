// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include "sstp/attr.h"

/* [MS-SSTP] 2.2.5 to 2.2.8: which declared lengths each id may have. */
static const struct {
	uint8_t id;
	unsigned min, max;
	const char *name;
} lengths[] = {
	{SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID, 6, 6, "SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID"},
	{SSTP_ATTRIB_STATUS_INFO, 12, 76, "SSTP_ATTRIB_STATUS_INFO"},
	{SSTP_ATTRIB_CRYPTO_BINDING, 104, 104, "SSTP_ATTRIB_CRYPTO_BINDING"},
	{SSTP_ATTRIB_CRYPTO_BINDING_REQ, 40, 40, "SSTP_ATTRIB_CRYPTO_BINDING_REQ"},
};

static struct sstp_attr parse(const struct hexlit *h)
{
	struct rd in = rd_init(h->p, h->n);
	struct sstp_attr attr;

	sstp_attr_parse(&in, &attr);
	return attr;
}

static void every_length_of_every_id_is_judged(void **state)
{
	static uint8_t octets[4096];

	for (unsigned id = 0; id < 256; id++)
		for (unsigned length = 0; length <= 0x0fff; length++) {
			struct rd in = rd_init(octets, sizeof(octets));
			enum sstp_attr_fault want = SSTP_ATTR_UNKNOWN;
			struct sstp_attr attr;

			octets[1] = (uint8_t)id;
			octets[2] = (uint8_t)(length >> 8);
			octets[3] = (uint8_t)length;
			for (size_t i = 0; i < 4; i++)
				if (lengths[i].id == id)
					want = length >= lengths[i].min && length <= lengths[i].max
						       ? SSTP_ATTR_OK
						       : SSTP_ATTR_LENGTH;
			if (length < 4)
				want = SSTP_ATTR_BROKEN;
			sstp_attr_parse(&in, &attr);
			assert_int_equal(attr.id, id);
			assert_int_equal(attr.fault, want);
			if (want == SSTP_ATTR_BROKEN)
				continue;
			assert_ptr_equal(attr.value.p, octets + 4);
			assert_int_equal(rd_left(&attr.value), length - 4);
			assert_ptr_equal(in.p, octets + length);
		}
}

static void every_prefix_of_every_attribute_is_broken(void **state)
{
	static uint8_t octets[128];

	for (size_t i = 0; i < 4; i++)
		for (unsigned n = 0; n < lengths[i].min; n++) {
			struct rd in = rd_init(octets, n);
			struct sstp_attr attr;

			octets[1] = lengths[i].id;
			octets[3] = (uint8_t)lengths[i].min;
			sstp_attr_parse(&in, &attr);
			assert_int_equal(attr.fault, SSTP_ATTR_BROKEN);
			assert_int_equal(rd_left(&in), 0);
			assert_int_equal(attr.id, n >= 2 ? lengths[i].id : 0);
		}
}

static void values_come_out_where_the_document_draws_them(void **state)
{
	struct hexlit h =
		hexlit("00040028 000000 03"
		       "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	struct sstp_attr attr = parse(&h);

	assert_int_equal(attr.crypto_binding_req.hashes, 3);
	assert_ptr_equal(attr.crypto_binding_req.nonce, h.p + 8);

	h = hexlit("0002000e 000000 01 00000004 0002");
	attr = parse(&h);
	assert_int_equal(attr.status_info.attrib_id, SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID);
	assert_int_equal(attr.status_info.status, ATTRIB_STATUS_VALUE_NOT_SUPPORTED);
	assert_int_equal(rd_left(&attr.status_info.value), 2);
	assert_ptr_equal(attr.status_info.value.p, h.p + 12);

	memset(h.p, 0, sizeof(h.p));
	memcpy(h.p, "\0\3\0\x68\0\0\0\2", 8);
	h.n = 104;
	attr = parse(&h);
	assert_int_equal(attr.fault, SSTP_ATTR_OK);
	assert_int_equal(attr.crypto_binding.hash, CERT_HASH_PROTOCOL_SHA256);
	assert_ptr_equal(attr.crypto_binding.nonce, h.p + 8);
	assert_ptr_equal(attr.crypto_binding.cert_hash, h.p + 40);
	assert_ptr_equal(attr.crypto_binding.mac, h.p + 72);
}

static void a_refused_value_is_cut_at_64_octets(void **state)
{
	uint8_t value[100], out[128];

	memset(value, 0xaa, sizeof(value));
	for (size_t n = 0; n <= sizeof(value); n++) {
		struct sstp_attr attr = {.id = SSTP_ATTRIB_STATUS_INFO,
			.status_info = {
				1, ATTRIB_STATUS_INVALID_ATTRIB_VALUE_LENGTH, rd_init(value, n)}};
		struct wr w = wr_init(out, sizeof(out));
		size_t kept = n < 64 ? n : 64;

		sstp_attr_put(&w, &attr);
		assert_false(w.overflow);
		assert_int_equal(wr_len(&w), 12 + kept);
		assert_int_equal(out[3], 12 + kept);
	}
}

static void an_attribute_without_a_row_or_room_is_not_written(void **state)
{
	struct sstp_attr attr = {.id = 0x55};
	uint8_t out[128];
	struct wr w = wr_init(out, sizeof(out));

	sstp_attr_put(&w, &attr);
	assert_true(w.overflow);
	attr.id = SSTP_ATTRIB_STATUS_INFO;
	for (size_t cap = 0; cap < 12; cap++) {
		w = wr_init(out, cap);
		sstp_attr_put(&w, &attr);
		assert_true(w.overflow);
	}
}

static void a_truncated_status_info_tells_what_is_there(void **state)
{
	static const uint8_t value[] = {0, 0, 0, 3, 0, 0, 0, 4};
	struct sstp_status_info info;

	for (size_t n = 0; n < 4; n++)
		assert_false(sstp_status_info_read(rd_init(value, n), &info));
	for (size_t n = 4; n <= 8; n++) {
		assert_true(sstp_status_info_read(rd_init(value, n), &info));
		assert_int_equal(info.attrib_id, 3);
		assert_int_equal(info.status, n == 8 ? 4 : 0);
		assert_int_equal(rd_left(&info.value), 0);
	}
}

static void names_are_those_of_the_document(void **state)
{
	assert_string_equal(sstp_attr_name(0), "SSTP_ATTRIB_NO_ERROR");
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(sstp_attr_name(lengths[i].id), lengths[i].name);
	assert_string_equal(sstp_attr_name(5), "unknown");
	assert_string_equal(sstp_status_name(0x08), "ATTRIB_STATUS_NEGOTIATION_TIMEOUT");
	assert_string_equal(
		sstp_status_name(0x0b), "ATTRIB_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG");
	assert_string_equal(sstp_status_name(0x0c), "unknown");
	assert_string_equal(sstp_status_name(UINT32_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_of_every_id_is_judged),
		cmocka_unit_test(every_prefix_of_every_attribute_is_broken),
		cmocka_unit_test(values_come_out_where_the_document_draws_them),
		cmocka_unit_test(a_refused_value_is_cut_at_64_octets),
		cmocka_unit_test(an_attribute_without_a_row_or_room_is_not_written),
		cmocka_unit_test(a_truncated_status_info_tells_what_is_there),
		cmocka_unit_test(names_are_those_of_the_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
