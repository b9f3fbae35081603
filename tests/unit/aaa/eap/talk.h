/* Both ends of a conversation with aaa/eap/: the client's packets are written by the test. */
#pragma once
#include "hexlit.h"

#include <stdlib.h>

#include "aaa/eap/eap.h"
#include "base/auto.h"
#include "base/wr.h"

struct talk {
	struct eap *eap;
	uint8_t identifier; /* of the next Response */
	enum eap_step step; /* the last one */
};

/* Octets 5b 5d 7c ... of RFC 2759 9.2 where a challenge is drawn, 21 where one octet is. */
static inline void talk_random(void *ret, size_t n)
{
	static const uint8_t challenge[] = {0x5b, 0x5d, 0x7c, 0x7d, 0x7b, 0x3f, 0x2f, 0x3e, 0x3c,
		0x2c, 0x60, 0x21, 0x32, 0x26, 0x26, 0x28};

	if (n == 1)
		*(uint8_t *)ret = 0x21;
	else
		memcpy(ret, challenge, n < sizeof(challenge) ? n : sizeof(challenge));
}

static inline void talk_begin(struct talk *t, const uint8_t *types, size_t n)
{
	const struct eap_opts opts = {.methods = eap_methods,
		.types = types,
		.n_types = n,
		.name = "culvert",
		.random = talk_random};

	*t = (struct talk){.identifier = 0x20};
	assert_int_equal(eap_new(&opts, &t->eap), 0);
}

static inline void talk_end(struct talk *t)
{
	eap_free(t->eap);
}

static inline struct eap_packet talk_request(const struct talk *t)
{
	const uint8_t *p;
	size_t n = eap_request(t->eap, &p);
	struct eap_packet ret;

	assert_int_equal(eap_packet_parse(rd_init(p, n), &ret), 0);
	assert_int_equal(ret.code, EAP_REQUEST);
	return ret;
}

/* A whole packet, as it is. In memory of its own size, so that the sanitizer sees a read beyond. */
static inline enum eap_step talk_raw(struct talk *t, const void *packet, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, packet, n);
	t->step = eap_receive(t->eap, rd_init(copy, n), 1400);
	free(copy);
	if (t->step == EAP_STEP_SEND)
		t->identifier = talk_request(t).identifier;
	return t->step;
}

static inline enum eap_step talk_say(struct talk *t, uint8_t type, const void *data, size_t n)
{
	uint8_t packet[EAP_PACKET_MAX + 100];

	eap_header(packet, EAP_RESPONSE, t->identifier, 1 + n);
	packet[EAP_HEADER_LEN] = type;
	if (n)
		memcpy(packet + EAP_HEADER_LEN + 1, data, n);
	return talk_raw(t, packet, EAP_HEADER_LEN + 1 + n);
}

static inline enum eap_step talk_identity(struct talk *t, const char *name)
{
	return talk_say(t, EAP_IDENTITY, name, strlen(name));
}

static inline enum eap_step talk_nak(struct talk *t, const char *types, size_t n)
{
	return talk_say(t, EAP_NAK, types, n);
}

static inline enum event talk_refused(struct talk *t)
{
	assert_int_equal(t->step, EAP_STEP_FAILURE);
	return eap_refusal(t->eap)->event;
}
