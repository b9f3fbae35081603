// SPDX-License-Identifier: Apache-2.0
/* Vectors of RFC 2865 and of OpenBSD's libradius; hostile lengths; who is believed, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "aaa/radius/codec.h"
#include "base/auto.h"
#include "base/hex.h"

static const struct radius_secret testing123 = {10, "testing123"};
static const uint8_t ra[RADIUS_AUTHENTICATOR_LEN] = "@ABCDEFGHIJKLMNO";

static size_t octets_of(const char *hex, uint8_t *ret)
{
	size_t n = strlen(hex) / 2;

	assert_int_equal(hex_decode(hex, ret, n), 0);
	return n;
}

static void assert_octets(const uint8_t *got, int n, const char *hex)
{
	char text[2 * RADIUS_PACKET_MAX + 1];

	assert_true(n > 0);
	hex_encode(got, (size_t)n, text);
	assert_string_equal(text, hex);
}

static struct radius_packet parse(const uint8_t *octets, size_t n)
{
	struct radius_packet p;

	assert_int_equal(radius_parse(octets, n, &p), 0);
	return p;
}

/* ---- vectors ----------------------------------------------------------- */

/* RFC 2865 section 7.1 */
static void the_request_of_the_rfc_is_written(void **state)
{
	const struct radius_secret secret = {9, "xyzzy5461"};
	const struct addr nas = addr_v4(0xc0a80110);
	uint8_t room[RADIUS_PACKET_MAX], authenticator[16];
	struct radius_builder b;

	(void)state;
	octets_of("0f403f9473978057bd83d5cb98f4227a", authenticator);
	radius_begin(&b, RADIUS_ACCESS_REQUEST, 0, authenticator, false, room, sizeof(room));
	radius_put_text(&b, RADIUS_USER_NAME, "nemo");
	radius_put_password(&b, &secret, "arctangent", 10);
	radius_put_addr(&b, RADIUS_NAS_IP_ADDRESS, &nas);
	radius_put_u32(&b, RADIUS_NAS_PORT, 3);
	assert_octets(room, radius_finish_request(&b, &secret),
		"010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f"
		"782a0aee0406c0a80110050600000003");
}

static void the_answer_of_the_rfc_is_believed(void **state)
{
	const struct radius_secret secret = {9, "xyzzy5461"};
	uint8_t octets[64], authenticator[16];
	struct radius_packet p;
	struct radius_secret other = secret;
	bool sealed = true;

	(void)state;
	octets_of("0f403f9473978057bd83d5cb98f4227a", authenticator);
	p = parse(octets, octets_of("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f060000"
				    "00000e06c0a80103",
				  octets));
	assert_int_equal(
		radius_verify_reply(&p, authenticator, &secret, false, &sealed), RADIUS_TRUSTED);
	assert_false(sealed);
	assert_int_equal(radius_verify_reply(&p, authenticator, &secret, true, &sealed),
		RADIUS_NO_MESSAGE_AUTHENTICATOR);
	other.octets[0] ^= 1;
	assert_int_equal(radius_verify_reply(&p, authenticator, &other, false, &sealed),
		RADIUS_WRONG_AUTHENTICATOR);
	authenticator[3] ^= 1;
	assert_int_equal(radius_verify_reply(&p, authenticator, &secret, false, &sealed),
		RADIUS_WRONG_AUTHENTICATOR);
}

static void accounting_and_disconnect_are_signed(void **state)
{
	const struct addr framed = addr_v4(0x0a080005);
	uint8_t room[RADIUS_PACKET_MAX], authenticator[16];
	struct radius_builder b;
	struct radius_packet p;
	bool sealed;

	(void)state;
	radius_begin(&b, RADIUS_ACCOUNTING_REQUEST, 5, NULL, false, room, sizeof(room));
	radius_put_u32(&b, RADIUS_ACCT_STATUS_TYPE, 1);
	radius_put_text(&b, RADIUS_USER_NAME, "User");
	radius_put_text(&b, RADIUS_ACCT_SESSION_ID, "sess0001");
	radius_put_addr(&b, RADIUS_FRAMED_IP_ADDRESS, &framed);
	assert_octets(room, radius_finish_request(&b, &testing123),
		"04050030ee3359257c1476c2645bbaa40f4532192806000000010106557365722c0a736573733030"
		"303108060a080005");

	p = parse(room,
		octets_of("2809001eb2bb342914c795e9b4055b6db5d6bcd72c0a7365737330303031", room));
	assert_int_equal(radius_verify_request(&p, &testing123, false, &sealed), RADIUS_TRUSTED);
	memcpy(authenticator, p.authenticator, sizeof(authenticator));
	radius_begin(&b, RADIUS_DISCONNECT_NAK, 9, NULL, false, room, sizeof(room));
	radius_put_u32(&b, RADIUS_ERROR_CAUSE, 503);
	assert_octets(room, radius_finish_reply(&b, &testing123, authenticator),
		"2a09001a7b3a19f4e9d11e51ea1973380517b6f36506000001f7");
}

/* The same with Message-Authenticator first, and the keys that follow. */
static const char accept_hex[] =
	"022a00c46aec5d40930f812e236c94a52fe01ec95012f342bfbaa7fd47246646821c33555d471a3300000137"
	"1a2d11533d34303741353538393131354644304436323039463531304645394330343536363933324344413536"
	"1a2a00000137112480018c7c0d19728a21952f21f5226dc0dce2b8aee085ad1939a8c8cf09f1d3942e281a2a"
	"00000137102480021a4c16c84cddbdb59e935723f959fbf572ee11a9ddde7b6a4c019ad6120d82ef08060a08"
	"00051b0600000e1055060000012c1905616263";

static void an_acceptance_of_mschapv2_yields_its_keys(void **state)
{
	uint8_t octets[RADIUS_PACKET_MAX], key[RADIUS_KEY_MAX];
	struct radius_packet p = parse(octets, octets_of(accept_hex, octets));
	struct rd data;
	bool sealed;

	(void)state;
	assert_int_equal(radius_verify_reply(&p, ra, &testing123, true, &sealed), RADIUS_TRUSTED);
	assert_true(sealed);
	assert_true(radius_find(&p, RADIUS_MS_MPPE_RECV_KEY, &data));
	assert_octets(key, radius_open_key(data, ra, &testing123, key),
		"d5f0e9521e3ea9589645e86051c82226");
	assert_true(radius_find(&p, RADIUS_MS_MPPE_SEND_KEY, &data));
	assert_octets(key, radius_open_key(data, ra, &testing123, key),
		"8b7cdc149b993a1ba118cb153f56dccb");
}

/* OpenBSD's libradius, regression test 25. */
static void the_public_vector_of_a_key_opens(void **state)
{
	const struct radius_secret secret = {16, "hogehogefugafuga"};
	uint8_t value[64], authenticator[16], key[RADIUS_KEY_MAX];
	size_t n = octets_of(
		"8036f4abbe2117fb3e4a7874dce91c5b04498ec7720f168688562dbc88e21cab6271", value);

	(void)state;
	octets_of("678ae6ed696e1bd10ae2fea105d46a56", authenticator);
	assert_octets(key, radius_open_key(rd_init(value, n), authenticator, &secret, key),
		"fc6ea418373d8e90c136fae3735e37d1");
	for (size_t cut = 0; cut < n; cut++) {
		int r = radius_open_key(rd_init(value, cut), authenticator, &secret, key);

		assert_int_equal(r, -EBADMSG); /* every shorter one: the length does not fit */
	}
}

/* ---- who is believed ---------------------------------------------------- */

static void every_changed_octet_is_noticed(void **state)
{
	uint8_t octets[RADIUS_PACKET_MAX];
	size_t n = octets_of(accept_hex, octets);
	bool sealed;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct radius_packet p;

		octets[i] ^= 0x40;
		if (radius_parse(octets, n, &p) == 0 && p.identifier == 42 && p.len == n)
			assert_int_not_equal(
				radius_verify_reply(&p, ra, &testing123, false, &sealed),
				RADIUS_TRUSTED);
		octets[i] ^= 0x40;
	}
}

/* A reply with these attributes, signed, with a seal that is right or wrong; -1: none. */
static size_t reply(
	uint8_t room[static RADIUS_PACKET_MAX], int seal, const void *attributes, size_t n)
{
	struct radius_builder b;
	int len;

	radius_begin(&b, RADIUS_ACCESS_ACCEPT, 1, NULL, seal >= 0, room, RADIUS_PACKET_MAX);
	wr_octets(&b.wr, attributes, n);
	len = radius_finish_reply(&b, &testing123, ra);
	assert_true(len > 0);
	if (seal > 0) { /* a forger who knows no secret; then the digest as if it were right */
		room[22] ^= 1;
		b.sealed = false;
		assert_int_equal(radius_finish_reply(&b, &testing123, ra), len);
	}
	return (size_t)len;
}

static enum radius_trust judge(const uint8_t *octets, size_t n, bool require)
{
	struct radius_packet p = parse(octets, n);
	bool sealed;

	return radius_verify_reply(&p, ra, &testing123, require, &sealed);
}

static void a_seal_is_checked_wherever_it_is(void **state)
{
	static const uint8_t proxy_state[] = {33, 3, 1}, eap[] = {79, 6, 3, 1, 0, 4},
			     half[] = {80, 6, 1, 2, 3, 4}, late[] = {18, 3, 'x'};
	uint8_t room[RADIUS_PACKET_MAX];

	(void)state;
	assert_int_equal(judge(room, reply(room, 0, late, 3), true), RADIUS_TRUSTED);
	assert_int_equal(
		judge(room, reply(room, 1, late, 3), false), RADIUS_WRONG_MESSAGE_AUTHENTICATOR);
	assert_int_equal(
		judge(room, reply(room, -1, late, 3), true), RADIUS_NO_MESSAGE_AUTHENTICATOR);
	assert_int_equal(judge(room, reply(room, -1, late, 3), false), RADIUS_TRUSTED);
	assert_int_equal(judge(room, reply(room, -1, eap, sizeof(eap)), false),
		RADIUS_NO_MESSAGE_AUTHENTICATOR); /* RFC 3579 section 3.2 */
	assert_int_equal(
		judge(room, reply(room, 0, proxy_state, 3), true), RADIUS_FOREIGN_PROXY_STATE);
	assert_int_equal(judge(room, reply(room, -1, half, sizeof(half)), false),
		RADIUS_WRONG_MESSAGE_AUTHENTICATOR);
	assert_int_equal(judge(room, reply(room, 0, half, sizeof(half)), false),
		RADIUS_WRONG_MESSAGE_AUTHENTICATOR); /* two of them */
}

static void a_seal_behind_others_counts_too(void **state)
{
	uint8_t room[RADIUS_PACKET_MAX];
	size_t n = reply(room, 0, "\x12\x05sun", 5);
	uint8_t seal[18];
	struct radius_builder b = {.wr = wr_init(room, sizeof(room))};

	(void)state;
	memcpy(seal, room + 20, 18); /* of the packet in the other order: wrong here */
	memmove(room + 20, room + 38, 5);
	memcpy(room + 25, seal, 18);
	wr_room(&b.wr, n);
	assert_true(radius_finish_reply(&b, &testing123, ra) > 0);
	assert_int_equal(judge(room, n, true), RADIUS_WRONG_MESSAGE_AUTHENTICATOR);
}

/* ---- hostile lengths ---------------------------------------------------- */

static void every_prefix_and_length_of_a_packet_is_survived(void **state)
{
	uint8_t octets[RADIUS_PACKET_MAX + 10] = {0}, copy[RADIUS_PACKET_MAX];
	size_t n = octets_of(accept_hex, octets);
	struct radius_packet p;

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		memcpy(copy, octets, cut);
		assert_int_equal(radius_parse(copy, cut, &p), -EPROTO);
	}
	for (unsigned len = 0; len <= 0xffff; len++) {
		octets[2] = (uint8_t)(len >> 8);
		octets[3] = (uint8_t)len;
		assert_int_equal(radius_parse(octets, sizeof(octets), &p),
			len < 20 || len > 4096 ? -EPROTO : 0);
	}
}

/* CVE-2022-24704 and 24705, accel-ppp 96ff385e: each length of an attribute, of a vendor's part. */
static void every_length_of_an_attribute_is_survived(void **state)
{
	uint8_t room[RADIUS_PACKET_MAX];

	(void)state;
	for (unsigned outer = 0; outer < 256; outer++)
		for (unsigned inner = 0; inner < 256; inner += inner < 20 ? 1 : 7) {
			uint8_t vsa[] = {26, (uint8_t)outer, 0, 0, 1, 0x37, 26, (uint8_t)inner, 1,
				'S', '=', 'x'};
			size_t n = reply(room, 0, vsa, sizeof(vsa));
			struct radius_packet p = parse(room, n);
			struct radius_walk walk;
			struct radius_attribute a;
			unsigned seen = 0;
			bool whole = outer == sizeof(vsa) || outer == 10 || outer == 9 ||
				     outer == 8 || outer == 6;

			if (judge(room, n, true) != RADIUS_TRUSTED)
				continue;
			radius_attributes(&p, &walk);
			while (radius_next(&walk, &a)) {
				assert_true(rd_left(&a.data) <= RADIUS_VALUE_MAX);
				assert_true(a.data.p >= room && a.data.end <= room + n);
				seen++;
			}
			assert_true(whole || outer >= 2);
			assert_true(seen >= 1 && seen <= 6);
		}
}

static void parts_of_a_vendor_are_read_one_by_one(void **state)
{
	static const uint8_t two[] = {26, 16, 0, 0, 1, 0x37, 28, 6, 10, 0, 0, 1, 7, 4, 9, 9},
			     odd[] = {26, 9, 0, 0, 0, 5, 1, 9, 0};
	uint8_t room[RADIUS_PACKET_MAX];
	struct radius_packet p = parse(room, reply(room, -1, two, sizeof(two)));
	struct radius_walk walk;
	struct radius_attribute a;
	struct addr dns;

	(void)state;
	radius_attributes(&p, &walk);
	assert_true(radius_next(&walk, &a));
	assert_int_equal(a.id, RADIUS_MS_PRIMARY_DNS);
	assert_true(radius_addr(a.data, AF_INET, &dns));
	assert_int_equal(addr_v4_value(&dns), 0x0a000001);
	assert_true(radius_next(&walk, &a));
	assert_int_equal(a.id, RADIUS_MS_MPPE_POLICY);
	assert_false(radius_next(&walk, &a));
	p = parse(room, reply(room, -1, odd, sizeof(odd)));
	radius_attributes(&p, &walk);
	assert_true(radius_next(&walk, &a));
	assert_int_equal(a.id, RADIUS_ID(5, 0)); /* another layout: whole */
	assert_false(radius_next(&walk, &a));
}

/* ---- limits of what is written ------------------------------------------ */

static void a_packet_that_does_not_fit_fails(void **state)
{
	uint8_t room[RADIUS_PACKET_MAX + 100], value[RADIUS_VALUE_MAX + 1] = {1};
	struct radius_builder b;

	(void)state;
	radius_begin(&b, RADIUS_ACCOUNTING_REQUEST, 1, NULL, false, room, sizeof(room));
	for (int i = 0; i < 64; i++) /* radcli 1.5.1: Class, 64 times 253 octets */
		radius_put(&b, RADIUS_CLASS, value, RADIUS_VALUE_MAX);
	assert_int_equal(radius_finish_request(&b, &testing123), -EMSGSIZE);
	radius_begin(&b, RADIUS_ACCOUNTING_REQUEST, 1, NULL, false, room, sizeof(room));
	radius_put(&b, RADIUS_CLASS, value, sizeof(value));
	assert_int_equal(radius_finish_request(&b, &testing123), -EMSGSIZE);
	radius_begin(&b, RADIUS_ACCESS_REQUEST, 1, ra, true, room, sizeof(room));
	radius_put_password(&b, &testing123, value, 129);
	assert_int_equal(radius_finish_request(&b, &testing123), -EMSGSIZE);
}

static void long_values_go_in_adjacent_pieces(void **state)
{
	uint8_t room[RADIUS_PACKET_MAX], eap[600];
	struct radius_builder b;
	struct radius_packet p;
	struct radius_walk walk;
	struct radius_attribute a;
	size_t total = 0;

	(void)state;
	memset(eap, 5, sizeof(eap));
	radius_begin(&b, RADIUS_ACCESS_REQUEST, 1, ra, true, room, sizeof(room));
	radius_put_pieces(&b, RADIUS_EAP_MESSAGE, eap, sizeof(eap));
	p = parse(room, (size_t)radius_finish_request(&b, &testing123));
	assert_int_equal(room[20], 80); /* first */
	radius_attributes(&p, &walk);
	radius_next(&walk, &a);
	while (radius_next(&walk, &a)) {
		assert_int_equal(a.id, RADIUS_EAP_MESSAGE);
		total += rd_left(&a.data);
	}
	assert_int_equal(total, sizeof(eap));
}

/* ---- words --------------------------------------------------------------- */

static void assert_text(uint64_t id, const void *octets, size_t n, const char *text)
{
	char got[RADIUS_TEXT_LEN];
	const struct radius_attribute a = {id, rd_init(octets, n)};

	assert_string_equal(radius_attribute_text(&a, got), text);
}

static void attributes_have_words(void **state)
{
	(void)state;
	assert_text(RADIUS_FRAMED_IP_ADDRESS, "\x0a\x08\x00\x07", 4, "Framed-IP-Address=10.8.0.7");
	assert_text(RADIUS_SESSION_TIMEOUT, "\0\0\0\x3c", 4, "Session-Timeout=60");
	assert_text(RADIUS_SESSION_TIMEOUT, "\0\0\x3c", 3, "Session-Timeout=0x00003c");
	assert_text(RADIUS_CLASS, "peer", 4, "Class=0x70656572");
	assert_text(RADIUS_MS_MPPE_SEND_KEY, "secret", 6, "MS-MPPE-Send-Key=(hidden)");
	assert_text(RADIUS_REPLY_MESSAGE, "a\033[1m\"", 6, "Reply-Message=\"a\\x1b[1m\\\"\"");
	assert_text(RADIUS_ID(9, 1), "ab", 2, "Attribute-9-1=0x6162");
	assert_text(200, "ab", 2, "Attribute-200=0x6162");
	assert_text(RADIUS_FRAMED_IPV6_PREFIX, "\0\x40\xfd\0\0\1\0\2", 8,
		"Framed-IPv6-Prefix=fd00:1:2::/64");
	assert_text(RADIUS_FRAMED_IPV6_PREFIX, "\0\xff\xfd", 3, "Framed-IPv6-Prefix=0x00fffd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_of_the_rfc_is_written),
		cmocka_unit_test(the_answer_of_the_rfc_is_believed),
		cmocka_unit_test(accounting_and_disconnect_are_signed),
		cmocka_unit_test(an_acceptance_of_mschapv2_yields_its_keys),
		cmocka_unit_test(the_public_vector_of_a_key_opens),
		cmocka_unit_test(every_changed_octet_is_noticed),
		cmocka_unit_test(a_seal_is_checked_wherever_it_is),
		cmocka_unit_test(a_seal_behind_others_counts_too),
		cmocka_unit_test(every_prefix_and_length_of_a_packet_is_survived),
		cmocka_unit_test(every_length_of_an_attribute_is_survived),
		cmocka_unit_test(parts_of_a_vendor_are_read_one_by_one),
		cmocka_unit_test(a_packet_that_does_not_fit_fails),
		cmocka_unit_test(long_values_go_in_adjacent_pieces),
		cmocka_unit_test(attributes_have_words),
	};

	return cmocka_run_group_tests_name("aaa/radius/codec", tests, NULL, NULL);
}
