// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/pair.h — a main link and its lane: a second link of the same session, for sparse flows
 * (docs/architecture.md, "Lanes").
 *
 * The owner opens the lane, as a tunnel with its socket on a link of its own, and joins the two when
 * tunnel_is_lane(). From then on packets find their way by themselves; what comes in on the lane
 * is checked and counted as what comes in on the main link, by the main link's ops. When the lane ends,
 * whatever the reason, all goes by the main link again.
 *
 * Nothing here calls a link: what is to be done with one is returned, and datapath/link.c does it.
 *
 * Ownership: both links are their owners'. The lane must have ended before the main link is closed:
 *            link_abort() or link_close() it at the main link's TUNNEL_ENDED.
 * Threads:   both belong to one port.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct link;
struct pbuf;
struct sparse;

/* Embedded in each link; shown for that. */
struct pair {
	struct link *main;     /* this one is a lane: of that link; NULL: it is none */
	struct link *lane;     /* NULL: there is none */
	struct link *retired;  /* a lane on which only what is on its way still comes in; or NULL */
	struct sparse *sparse; /* which flows the lane carries; NULL: not needed at the moment */
	bool stalled;          /* of a lane: when it was last looked at, before look_us */
	uint8_t followers;     /* of a lane: empty records that are to go behind its last packet */
	uint64_t look_us;
	uint64_t watch_us, watch_octets; /* when and where the last look for a transfer was */
};

/* What is to be done after links parted, in this order. */
struct pair_parted {
	struct link *abort; /* an older lane that ends now; or NULL */
	struct link *flush; /* the main link, which has got the lane's packets; or NULL */
};

/* One lane at a time; a link that has one refuses another (-EBUSY). */
int pair_join(struct link *main, struct link *lane);
/* What waits on the lane goes to the main link; for link_retire(). False: it is no main link's lane. */
bool pair_retire(struct link *lane, struct pair_parted *ret);
/* The link has ended: as a lane it leaves its main link, as a main link its retired lane ends too. */
struct pair_parted pair_leave(struct link *l);

/* The link that a packet of `l` goes by: itself or its lane. */
struct link *pair_choose(struct link *l, const struct pbuf *pkt, uint64_t now_us);
/* A burst of a link's was sealed. True: it is a lane's, and followers are to make its loss known. */
bool pair_follow(struct link *l);
/* Puts one follower into the tunnel's output if one is due. True when more are. */
bool pair_send_follower(struct link *l);
/* A packet went out: is it time for a lane? True again and again while it is. */
bool pair_wants_lane(struct link *l, uint64_t now_us);
/* Idle: forgets which flows were bulk, all of them being quiet. */
void pair_cool(struct pair *p);
