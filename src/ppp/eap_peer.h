// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/eap_peer.h — the EAP methods of a client, as the carrier in ppp/auth/eap.c calls them (the peer of
 * RFC 4137). Identity, Notification, duplicates and the order of packets are the carrier's.
 *
 * Ownership: the owner of the tunnel owns the peer, which outlives the tunnel.
 * Secrets:   the carrier wipes the key that it was given.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/eap.h"
#include "base/rd.h"
#include "events/event.h"

struct eap_peer {
	const struct eap_peer_ops *ops;
};

struct eap_peer_ops {
	/*
	 * A Request of a type from 4 on, header included. Writes the whole Response, with the Request's
	 * identifier and at most `mtu` octets, into ret (EAP_PACKET_MAX).
	 * > 0: its length; 0: the Request is discarded in silence; negative errno: the login fails.
	 */
	ssize_t (*process)(struct eap_peer *p, struct rd request, size_t mtu, uint8_t *ret);
	/*
	 * The server says Success. 0 and the key (zeros when the method yields none); negative: the method
	 * has not come to its end, and the packet is discarded (RFC 3748 4.2).
	 */
	int (*key)(struct eap_peer *p, uint8_t ret_msk[static EAP_MSK_LEN]);
	/* Why process() failed, or what the method knows when a Failure comes; EV_NONE: nothing. */
	enum event (*why)(const struct eap_peer *p, const char **ret_detail);
};
