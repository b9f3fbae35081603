// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/codec.c: a reply or request from the network. The first octet says whether the sender
 * knows the secret: then authenticator and Message-Authenticator are made right, and the attributes
 * are reached.
 */
#include "aaa/radius/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static const struct radius_secret secret = {10, "testing123"};
static const uint8_t authenticator[RADIUS_AUTHENTICATOR_LEN] = "0123456789abcdef";

static void read_all(const struct radius_packet *p)
{
	uint8_t key[RADIUS_KEY_MAX];
	char text[RADIUS_TEXT_LEN];
	struct radius_walk walk;
	struct radius_attribute a;
	struct addr address;
	uint32_t value;

	radius_attributes(p, &walk);
	while (radius_next(&walk, &a)) {
		if (a.data.p < p->octets || a.data.end > p->octets + p->len)
			__builtin_trap();
		radius_attribute_text(&a, text);
		radius_u32(a.data, &value);
		radius_addr(a.data, AF_INET, &address);
		radius_addr(a.data, AF_INET6, &address);
		radius_open_key(a.data, authenticator, &secret, key);
	}
}

static void from_the_right_secret(struct rd in)
{
	uint8_t room[RADIUS_PACKET_MAX];
	struct radius_builder b;
	struct radius_packet p;
	bool sealed;
	int n;

	radius_begin(&b, RADIUS_ACCESS_ACCEPT, 7, NULL, true, room, sizeof(room));
	wr_octets(&b.wr, in.p, rd_left(&in));
	n = radius_finish_reply(&b, &secret, authenticator);
	if (n < 0 || radius_parse(room, (size_t)n, &p) < 0)
		return;
	if (radius_verify_reply(&p, authenticator, &secret, true, &sealed) == RADIUS_TRUSTED)
		read_all(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	bool knows = rd_u8(&in) & 1;
	struct radius_packet p;
	bool sealed;

	if (knows) {
		from_the_right_secret(in);
	} else if (radius_parse(in.p, rd_left(&in), &p) == 0) {
		if (radius_verify_reply(&p, authenticator, &secret, false, &sealed) ==
			RADIUS_TRUSTED)
			__builtin_trap(); /* MD5 was guessed */
		radius_verify_request(&p, &secret, false, &sealed);
		read_all(&p);
	}
	return 0;
}
