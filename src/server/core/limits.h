// SPDX-License-Identifier: Apache-2.0
/* server/core/limits.h — bounds on strangers, and on the cost of one loop turn. */
#pragma once

#define FIRST_OCTET_MS 5000 /* a connection that says nothing */
/*
 * With max_handshakes reached a connection that old makes room; one of a source with more than so many
 * half-open ones at any age. The search for it ends after so many, oldest first.
 */
#define EVICT_AFTER_MS 500
#define EVICT_GRACE_UP_TO 8
#define EVICT_LOOK 1024
/*
 * A login whose address, or place among the user's sessions, is held by another session: that one is
 * asked for a sign of life, and this login asks again for its place, so often and for so long.
 */
#define HOLDER_ANSWERS_MS 4000
#define HOLDER_AGAIN_MS 200
#define OLDER_AGAIN_MS 5 /* another worker ends the client's older session */
#define HOLDER_GIVE_UP_MS 5500
#define HOLDER_LEAVES_MS 1000 /* it is not logged in any more, and its lease is on its way back */
#define HOLDERS_ASKED 64      /* sessions of one user */
#define USER_SESSIONS_AUTO 16 /* auth.user_sessions = auto, but never more than half of the pool */
#define STRANGERS_TOLD_PER_SECOND 10
#define ACCEPTS_PER_TURN 32 /* a flood of SYNs must not keep a worker from its packets */
#define ACCEPT_PAUSE_MS 100 /* when accept() fails for want of memory or of a spare descriptor */
#define DESCRIPTORS_RESERVED 16 /* not for connections: database, control socket, child */
/*
 * Time that connections before login get in one turn of a worker's loop, all of them together: work is
 * measured, since a stranger chooses what its octets cost (handshakes, records of an octet, KeyUpdates).
 * The last one may exceed it by what 4 KiB cost, or by one signature with an RSA key (1 ms).
 */
#define STRANGERS_US_PER_TURN 1000
#define USER_TIMEOUT_MS 60000 /* data unacknowledged that long: the client is gone */
#define NOTSENT_LOWAT (64 * 1024)
#define INFORM_ANSWERS_PER_S 5 /* DHCPINFORM of one session; Windows asks again after seconds */
#define CERT_ENDS_SOON_S (30 * 86400) /* a user's certificate: each login says so */
#define HOUSEKEEPING_MS 10000         /* what a worker looks after now and then */
#define LISTEN_BACKLOG 1024           /* a redial storm after a reboot */
/*
 * Of a session, beside the one that it replaced, which goes within LANE_DRAIN_MS (tunnel/limits.h), or
 * at once when there is a next. A lane is no session and counts as none: who has a password, and asks
 * for lane after lane, gets no more connections and TLS states than these two.
 */
#define LANES_PER_SESSION 1
