// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include "sstp/nak.h"

/* [MS-SSTP] 3.3.5.2.2: CONNECT_REQUEST bodies, and the NAK that answers each ("": acceptable). */
static const struct {
	const char *what, *request, *nak;
} cases[] = {
	{"PPP", "0001 0001 00010006 0001", ""},
	{"Status Info without an error beside it",
		"0001 0002 00010006 0001 0002000c 00000000 00000000", ""},
	{"another protocol", "0001 0001 00010006 0002",
		"10010016 0003 0001 0002000e 00000001 00000004 0002"},
	{"protocol 0", "0001 0001 00010006 0000",
		"10010016 0003 0001 0002000e 00000001 00000004 0000"},
	{"nothing", "0001 0000", "10010014 0003 0001 0002000c 00000001 0000000a"},
	{"Status Info with an error", "0001 0002 00010006 0001 0002000c 00000001 00000004",
		"10010014 0003 0001 0002000c 00000002 0000000b"},
	{"protocol id too long", "0001 0001 00010008 0001aabb",
		"10010018 0003 0001 00020010 00000001 00000003 0001aabb"},
	{"protocol id empty", "0001 0001 00010004",
		"10010014 0003 0001 0002000c 00000001 00000003"},
	{"Status Info too short", "0001 0002 00010006 0001 00020008 00000000",
		"10010018 0003 0001 00020010 00000002 00000003 00000000"},
	{"protocol id twice", "0001 0002 00010006 0001 00010006 0001",
		"10010016 0003 0001 0002000e 00000001 00000001 0001"},
	{"unknown attribute", "0001 0002 00010006 0001 00090006 aabb",
		"10010014 0003 0001 0002000c 00000009 00000002"},
	{"unknown attribute twice", "0001 0003 00010006 0001 00090004 00090004",
		"10010020 0003 0002 0002000c 00000009 00000002 0002000c 00000009 00000002"},
	{"attribute id 0", "0001 0002 00010006 0001 00000004",
		"10010014 0003 0001 0002000c 00000000 00000002"},
	{"only an unknown one", "0001 0001 00090004",
		"10010020 0003 0002 0002000c 00000009 00000002 0002000c 00000001 0000000a"},
	{"twice and another protocol", "0001 0003 00010006 0002 00010006 0001 00090004",
		"10010030 0003 0003 0002000e 00000001 00000004 0002"
		"0002000e 00000001 00000001 0001 0002000c 00000009 00000002"},
	{"crypto binding request, which is the server's",
		"0001 0002 00010006 0001 00040028 00000003"
		"0000000000000000000000000000000000000000000000000000000000000000",
		"10010014 0003 0001 0002000c 00000004 00000002"},
};

static void each_fault_of_a_request_gets_its_status_info(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hexlit h = hexlit(cases[i].request), want = hexlit(cases[i].nak);
		struct sstp_attr faults[SSTP_NAK_FAULTS_MAX];
		uint8_t built[SSTP_MESSAGE_MAX];
		struct sstp_message msg;
		size_t n;

		print_message("%s\n", cases[i].what);
		assert_int_equal(sstp_message_parse(rd_init(h.p, h.n), &msg), 0);
		n = sstp_nak_faults(&msg, faults);
		assert_int_equal(n == 0, want.n == 0);
		if (!n)
			continue;
		n = sstp_message_build(SSTP_MSG_CALL_CONNECT_NAK, faults, n, built, sizeof(built));
		assert_int_equal(n, want.n);
		assert_memory_equal(built, want.p, n);
	}
}

static void a_long_value_is_repeated_up_to_64_octets(void **state)
{
	for (unsigned len = 0; len <= 200; len++) {
		uint8_t body[4 + 4 + 200] = {0, 1, 0, 1, 0, 1, 0, (uint8_t)(4 + len)};
		struct sstp_attr faults[SSTP_NAK_FAULTS_MAX];
		uint8_t built[SSTP_MESSAGE_MAX];
		struct sstp_message msg;

		memset(body + 8, 0x5a, len);
		if (len == 2)
			continue;
		assert_int_equal(sstp_message_parse(rd_init(body, 8 + len), &msg), 0);
		assert_int_equal(sstp_nak_faults(&msg, faults), 1);
		assert_int_equal(sstp_message_build(SSTP_MSG_CALL_CONNECT_NAK, faults, 1, built,
					 sizeof(built)),
			20 + (len < 64 ? len : 64));
	}
}

/* The largest answer a request can provoke still fits. */
static void sixteen_faulty_attributes_fit_into_one_nak(void **state)
{
	uint8_t body[4 + 16 * 104] = {0, 1, 0, 16};
	struct sstp_attr faults[SSTP_NAK_FAULTS_MAX];
	uint8_t built[SSTP_MESSAGE_MAX];
	struct sstp_message msg;
	size_t n;

	for (size_t i = 0; i < 16; i++)
		memcpy(body + 4 + i * 104, "\0\3\0\x68", 4);
	assert_int_equal(sstp_message_parse(rd_init(body, sizeof(body)), &msg), 0);
	n = sstp_nak_faults(&msg, faults);
	assert_int_equal(n, 17);
	n = sstp_message_build(SSTP_MSG_CALL_CONNECT_NAK, faults, n, built, sizeof(built));
	assert_int_equal(n, 8 + 12 + 15 * 76 + 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_of_a_request_gets_its_status_info),
		cmocka_unit_test(a_long_value_is_repeated_up_to_64_octets),
		cmocka_unit_test(sixteen_faulty_attributes_fit_into_one_nak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
