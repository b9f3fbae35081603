// SPDX-License-Identifier: Apache-2.0
/*
 * IPCP (RFC 1332, RFC 1877).
 *
 * Server: sends its own address, hands out the client's and the name servers by Nak. A Windows client
 * asks for 0.0.0.0 everywhere: one Reject of what there is not, one Nak with the values, one Ack. A
 * client that leaves its address out gets it appended to a Nak. One that insists on an address of its
 * own is Nak'd as often as Max-Failure allows and then closed, which says more to its user than a
 * tunnel without packets.
 *
 * Client: asks for 0.0.0.0, or the address that it had before, and name servers, takes what a Nak
 * brings, drops what is rejected, and does not go on without an address that a host can have.
 */
#include "ppp/ipcp.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/auto.h"

#define DNS_1 0
#define NBNS_1 1
#define DNS_2 2
#define NBNS_2 3

/* An address that one host can have: not this net, loopback, multicast or above. */
static bool is_host(uint32_t addr)
{
	return addr >> 24 != 0 && addr >> 24 != 127 && addr >> 28 < 14;
}

static const char *text(uint32_t addr, char ret[static ADDR_TEXT_LEN])
{
	struct addr a = addr_v4(addr);

	return addr_format(&a, ret);
}

static enum option_answer judge_client_address(struct ipcp *i, struct wr *nak)
{
	char asked[ADDR_TEXT_LEN], give[ADDR_TEXT_LEN];

	if (i->asked == i->give)
		return OPTION_ACK;
	if (i->asked && i->fsm.naks_sent >= FSM_MAX_FAILURE)
		ppp_fault_set(i->fsm.fault, EV_IPCP_STATIC_ADDRESS, "wants %s, was given %s",
			text(i->asked, asked), text(i->give, give));
	wr_be32(nak, i->give);
	return OPTION_NAK;
}

static enum option_answer judge_address(
	void *self, const struct ppp_option *row UNUSED, struct rd value, struct wr *nak)
{
	struct ipcp *i = self;

	i->asked = rd_be32(&value);
	if (i->server)
		return judge_client_address(i, nak);
	/* A server without an address of its own asks us for one: it gets none, and needs none. */
	if (is_host(i->asked) && i->asked != i->own)
		return OPTION_ACK;
	i->asked = 0;
	return OPTION_REJECT;
}

static bool append_address(void *self, const struct ppp_option *row UNUSED, struct wr *nak)
{
	const struct ipcp *i = self;

	if (i->server)
		wr_be32(nak, i->give);
	return i->server;
}

static bool encode_address(void *self, const struct ppp_option *row UNUSED, struct wr *value)
{
	const struct ipcp *i = self;

	wr_be32(value, i->own);
	return !i->server || i->own;
}

static void nak_address(void *self, const struct ppp_option *row UNUSED, struct rd value)
{
	struct ipcp *i = self;
	uint32_t addr = rd_be32(&value);
	char bad[ADDR_TEXT_LEN];

	if (i->server)
		return; /* ours is what it is */
	if (addr && !is_host(addr))
		ppp_fault_set(i->fsm.fault, EV_IPCP_BAD_ADDRESS, "%s", text(addr, bad));
	else
		i->own = addr;
}

static void reject_address(void *self, const struct ppp_option *row UNUSED)
{
	struct ipcp *i = self;

	if (i->server)
		return;
	i->own = 0;
	i->no_address = true;
}

/* Server: ours, or a Reject when there is none. A server has no business to ask the client. */
static enum option_answer judge_name_server(
	void *self, const struct ppp_option *row, struct rd value, struct wr *nak)
{
	const struct ipcp *i = self;
	uint32_t have = i->names[row->index];

	if (!i->server || !have)
		return OPTION_REJECT;
	if (rd_be32(&value) == have)
		return OPTION_ACK;
	wr_be32(nak, have);
	return OPTION_NAK;
}

static bool encode_name_server(void *self, const struct ppp_option *row, struct wr *value)
{
	const struct ipcp *i = self;

	wr_be32(value, i->names[row->index]);
	return !i->server && i->want_names[row->index];
}

static void nak_name_server(void *self, const struct ppp_option *row, struct rd value)
{
	struct ipcp *i = self;
	uint32_t addr = rd_be32(&value);

	if (i->server || !i->want_names[row->index])
		return;
	i->names[row->index] = addr;
	i->want_names[row->index] = is_host(addr); /* a useless one is not asked for again */
}

static void reject_name_server(void *self, const struct ppp_option *row)
{
	struct ipcp *i = self;

	if (!i->server)
		i->names[row->index] = 0;
}

// clang-format off
static const struct ppp_option options[] = {
	{1,   0, 0,      "IP-Addresses",           NULL, NULL, NULL, NULL, NULL},
	{2,   0, 0,      "IP-Compression",         NULL, NULL, NULL, NULL, NULL},
	{3,   6, 0,      "IP-Address",             judge_address, append_address, encode_address, nak_address, reject_address},
	{129, 6, DNS_1,  "Primary-DNS-Address",    judge_name_server, NULL, encode_name_server, nak_name_server, reject_name_server},
	{130, 6, NBNS_1, "Primary-NBNS-Address",   judge_name_server, NULL, encode_name_server, nak_name_server, reject_name_server},
	{131, 6, DNS_2,  "Secondary-DNS-Address",  judge_name_server, NULL, encode_name_server, nak_name_server, reject_name_server},
	{132, 6, NBNS_2, "Secondary-NBNS-Address", judge_name_server, NULL, encode_name_server, nak_name_server, reject_name_server},
};
// clang-format on

static void begin(void *self)
{
	struct ipcp *i = self;

	i->asked = 0;
}

static void agreed(void *self)
{
	struct ipcp *i = self;

	i->peer = i->asked;
}

static const struct fsm_protocol protocol = {
	.name = "IPCP",
	.number = PPP_IPCP,
	.options = {options, sizeof(options) / sizeof(*options)},
	.begin = begin,
	.agreed = agreed,
	.no_answer = EV_IPCP_TIMEOUT,
	.timeout = EV_IPCP_TIMEOUT,
	.not_converging = EV_IPCP_NOT_CONVERGING,
	.refused = EV_IPCP_REJECTED,
	.terminated = EV_IPCP_TERMINATED,
};

static uint32_t v4_or_none(const struct addr *a)
{
	return a->family == AF_INET ? addr_v4_value(a) : 0;
}

void ipcp_init(
	struct ipcp *i, const struct ipcp_opts *opts, struct buf *queue, struct ppp_fault *fault)
{
	*i = (struct ipcp){.server = opts->server, .own = v4_or_none(&opts->want_address)};
	i->want_names[DNS_1] = i->want_names[DNS_2] = opts->want_dns;
	i->want_names[NBNS_1] = i->want_names[NBNS_2] = opts->want_nbns;
	fsm_init(&i->fsm, &protocol, i, queue, fault);
}

static struct addr none_or_v4(uint32_t addr)
{
	return addr ? addr_v4(addr) : (struct addr){0};
}

void ipcp_set_addresses(struct ipcp *i, const struct ppp_addresses *addresses)
{
	i->own = v4_or_none(&addresses->local);
	i->give = v4_or_none(&addresses->peer);
	i->names[DNS_1] = v4_or_none(&addresses->dns[0]);
	i->names[DNS_2] = v4_or_none(&addresses->dns[1]);
	i->names[NBNS_1] = v4_or_none(&addresses->nbns[0]);
	i->names[NBNS_2] = v4_or_none(&addresses->nbns[1]);
}

void ipcp_recv(struct ipcp *i, const struct ppp_packet *packet, uint64_t now_ms)
{
	fsm_recv(&i->fsm, packet, now_ms);
}

/* The address that is missing: ours at the client, the client's at the server. */
static bool address_missing(const struct ipcp *i)
{
	return i->server ? i->peer != i->give : !i->own;
}

void ipcp_opened(struct ipcp *i, struct ppp_addresses *ret)
{
	if (address_missing(i)) {
		ppp_fault_set(i->fsm.fault, i->server ? EV_IPCP_STATIC_ADDRESS : EV_IPCP_NO_ADDRESS,
			"%s", i->server ? "the client takes no address" : "");
		return;
	}
	ret->local = none_or_v4(i->own);
	ret->peer = none_or_v4(i->peer);
	ret->dns[0] = none_or_v4(i->names[DNS_1]);
	ret->dns[1] = none_or_v4(i->names[DNS_2]);
	ret->nbns[0] = none_or_v4(i->names[NBNS_1]);
	ret->nbns[1] = none_or_v4(i->names[NBNS_2]);
}
