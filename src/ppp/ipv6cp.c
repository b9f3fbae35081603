// SPDX-License-Identifier: Apache-2.0
/*
 * IPv6CP (RFC 5072 section 4.1). A peer's identifier that is zero, or ours, or not the one it is to
 * have, is Nak'd with one that will do; any other is acked. Ours is never zero, so the case "both
 * zero, reject" cannot come. Compression (option 2) is rejected.
 */
#include "ppp/ipv6cp.h"

#include <string.h>

#include "base/auto.h"

static const uint8_t zero[IFID_LEN];

static bool same(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, IFID_LEN);
}

/* RFC 5072 4.1: universal/local bit zero, nonzero, and not the other end's. */
static void draw_identifier(struct ipv6cp *i, const uint8_t *other, uint8_t ret[static IFID_LEN])
{
	do {
		draw_octets(i->draw, ret, IFID_LEN);
		ret[0] &= (uint8_t)~0x02u;
		ret[IFID_LEN - 1] |= 1; /* even if the hash were to fail */
	} while (same(ret, other));
}

static void suggest(struct ipv6cp *i, struct wr *nak)
{
	uint8_t ifid[IFID_LEN];

	if (same(i->give, zero))
		draw_identifier(i, i->own, ifid);
	else
		memcpy(ifid, i->give, IFID_LEN);
	wr_octets(nak, ifid, IFID_LEN);
}

static enum option_answer judge_identifier(
	void *self, const struct ppp_option *row UNUSED, struct rd value, struct wr *nak)
{
	struct ipv6cp *i = self;
	bool any = same(i->give, zero);

	rd_copy(&value, i->asked, IFID_LEN);
	if (any ? !same(i->asked, zero) && !same(i->asked, i->own) : same(i->asked, i->give))
		return OPTION_ACK;
	suggest(i, nak);
	return OPTION_NAK;
}

static bool append_identifier(void *self, const struct ppp_option *row UNUSED, struct wr *nak)
{
	suggest(self, nak);
	return true;
}

static bool encode_identifier(void *self, const struct ppp_option *row UNUSED, struct wr *value)
{
	const struct ipv6cp *i = self;

	wr_octets(value, i->own, IFID_LEN);
	return true;
}

static void nak_identifier(void *self, const struct ppp_option *row UNUSED, struct rd value)
{
	struct ipv6cp *i = self;
	uint8_t wanted[IFID_LEN];

	rd_copy(&value, wanted, IFID_LEN);
	if (i->fixed_own)
		return;
	if (same(wanted, zero) || same(wanted, i->peer))
		draw_identifier(i, i->peer, i->own);
	else
		memcpy(i->own, wanted, IFID_LEN);
}

// clang-format off
static const struct ppp_option options[] = {
	{1, 10, 0, "Interface-Identifier",      judge_identifier, append_identifier, encode_identifier, nak_identifier, NULL},
	{2,  0, 0, "IPv6-Compression-Protocol", NULL,             NULL,              NULL,              NULL,           NULL},
};
// clang-format on

static void begin(void *self)
{
	struct ipv6cp *i = self;

	memset(i->asked, 0, IFID_LEN);
}

static void agreed(void *self)
{
	struct ipv6cp *i = self;

	memcpy(i->peer, i->asked, IFID_LEN);
}

static const struct fsm_protocol protocol = {
	.name = "IPv6CP",
	.number = PPP_IPV6CP,
	.options = {options, sizeof(options) / sizeof(*options)},
	.begin = begin,
	.agreed = agreed,
	.no_answer = EV_IPV6CP_TIMEOUT,
	.timeout = EV_IPV6CP_TIMEOUT,
	.not_converging = EV_IPV6CP_NOT_CONVERGING,
	.refused = EV_IPV6CP_REJECTED,
	.terminated = EV_IPV6CP_TERMINATED,
};

void ipv6cp_init(struct ipv6cp *i, struct draw *draw, struct buf *queue, struct ppp_fault *fault)
{
	*i = (struct ipv6cp){.draw = draw};
	fsm_init(&i->fsm, &protocol, i, queue, fault);
	draw_identifier(i, zero, i->own);
}

void ipv6cp_ask_again(struct ipv6cp *i, const uint8_t ifid[static IFID_LEN])
{
	if (!same(ifid, zero))
		memcpy(i->own, ifid, IFID_LEN);
}

void ipv6cp_set_addresses(struct ipv6cp *i, const struct ppp_addresses *addresses)
{
	memcpy(i->give, addresses->peer_ifid, IFID_LEN);
	i->fixed_own = !same(addresses->local_ifid, zero);
	if (i->fixed_own)
		memcpy(i->own, addresses->local_ifid, IFID_LEN);
}

void ipv6cp_recv(struct ipv6cp *i, const struct ppp_packet *packet, uint64_t now_ms)
{
	fsm_recv(&i->fsm, packet, now_ms);
}

void ipv6cp_opened(struct ipv6cp *i, struct ppp_addresses *ret)
{
	ret->ipv6 = true;
	memcpy(ret->local_ifid, i->own, IFID_LEN);
	memcpy(ret->peer_ifid, i->peer, IFID_LEN);
}
