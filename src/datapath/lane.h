/*
 * datapath/lane.h — a lane: a second link of the same session beside the main one, for sparse flows
 * (docs/architecture.md, "Lanes").
 *
 * The owner opens it, as a tunnel with its socket on a link of its own, and joins the two when
 * tunnel_is_lane(). From then on packets find their way by themselves; what comes in on the lane
 * is checked and counted as what comes in on the main link, by the main link's ops. When the lane ends,
 * whatever the reason, all goes by the main link again.
 *
 * Ownership: both links are their owners'. The lane must have ended before the main link is closed:
 *            link_abort() or link_close() it at the main link's TUNNEL_ENDED.
 * Threads:   both belong to one port.
 */
#pragma once
#include "datapath/link.h"

/* One lane at a time; a link that has one refuses another (-EBUSY). */
int lane_join(struct link *main, struct link *lane);
/*
 * It is not needed any more, or another takes its place: what waits there goes to the main link, what
 * the peer has sent is still taken in, then it ends. There is one such lane: an older one ends now.
 */
void lane_retire(struct link *lane, enum event why);
/* The link has ended: as a lane it leaves its main link, as a main link its retired lane ends too. */
void lane_leave(struct link *l);

/* The link that a packet of `l` goes by: itself or its lane. */
struct link *lane_choose(struct link *l, const struct pbuf *pkt, uint64_t now_us);
/* A burst of a link's was sealed: on a lane, makes its loss known soon. */
void lane_follow(struct link *l);
/* A packet went out: is it time for a lane? Asks ops->want_lane, which may be NULL. */
void lane_watch(struct link *l, uint64_t now_us);
/* Idle: forgets which flows were bulk, all of them being quiet. */
void lane_cool(struct link *l);

/* Whose session it is: the main link of a lane, else the link itself. */
static inline struct link *lane_main(struct link *l)
{
	return l->main ? l->main : l;
}
