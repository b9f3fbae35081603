/* server/limits.h — what strangers may pile up, and what one loop turn may cost. */
#pragma once

#define FIRST_OCTET_MS 5000    /* a connection that says nothing */
#define EVICT_AFTER_MS 500     /* with max_handshakes reached the oldest that old makes room */
#define FAIL_DELAY_MAX_MS 8000 /* then the client gives up waiting for the answer */
#define STRANGERS_TOLD_PER_SECOND 10
#define ACCEPTS_PER_TURN 32 /* a flood of SYNs must not keep a worker from its packets */
/*
 * Time that connections before login get in one turn of a worker's loop, all of them together: work is
 * measured, since a stranger chooses what its octets cost (handshakes, records of an octet, KeyUpdates).
 * The last one may exceed it by what 4 KiB cost, or by one signature with an RSA key (1 ms).
 */
#define STRANGERS_US_PER_TURN 1000
#define USER_TIMEOUT_MS 60000 /* data unacknowledged that long: the client is gone */
#define NOTSENT_LOWAT (64 * 1024)
#define HOUSEKEEPING_MS 10000 /* what a worker looks after now and then */
#define LISTEN_BACKLOG 1024   /* a redial storm after a reboot */
/*
 * Of a session, beside the one that it replaced, which goes within LANE_DRAIN_MS (tunnel/limits.h), or
 * at once when there is a next. A lane is no session and counts as none: who has a password, and asks
 * for lane after lane, gets no more connections and TLS states than these two.
 */
#define LANES_PER_SESSION 1
