// SPDX-License-Identifier: Apache-2.0
/*
 * ip/filter.h — where the packets of a client may go: rules that name destinations, protocols and ports.
 *
 *     allow tcp 10.9.0.0/16 port 22,443; allow udp 10.9.0.53 port 53; allow icmp any; deny any
 *
 * Rules are tried in order, those of several filters one filter after the other; the first that matches
 * decides, and what none matches does not pass.
 *
 * Both directions, without state: a packet of the client is judged by where it goes, a packet for the
 * client by where it comes from, with the source port in the place of the destination's. So answers pass.
 * What a destination that is allowed may also do: send from an allowed port to any port of the client. But
 * not open a TCP connection: a segment with SYN and without ACK for the client passes by rules without
 * ports only. An ICMP error passes when the packet that it quotes would. Fragments behind the first have
 * no ports: they pass where any port is allowed; without the first one they are worth nothing, and
 * ip/guard.h keeps them from covering its ports.
 *
 * Ownership: counted; a filter never changes. Threads: any.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"
#include "ip/packet.h"

#define FILTER_RULES_MAX 256 /* of one filter: each packet may meet all of them */
#define FILTER_CHAIN_MAX 8
#define FILTER_WHY_LEN 200

struct filter;

/* -EINVAL: `why` says what was expected and what came. -ENOMEM. */
int filter_parse(const char *text, struct filter **ret, char why[static FILTER_WHY_LEN]);
struct filter *filter_ref(struct filter *f);
void filter_unref(struct filter *f); /* NULL is fine */
DEFINE_AUTO(filter, struct filter *, filter_unref)

struct filter_chain {
	size_t n; /* 0: nothing passes */
	struct filter *item[FILTER_CHAIN_MAX];
};

/* The packet of a client, or one for it. The octets hold at least the IP header. */
bool filter_passes_up(
	const struct filter_chain *c, const uint8_t *octets, const struct ip_packet *p);
bool filter_passes_down(
	const struct filter_chain *c, const uint8_t *octets, const struct ip_packet *p);
