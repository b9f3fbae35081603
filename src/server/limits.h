/* server/limits.h — what strangers may pile up, and what one loop turn may cost. */
#pragma once

#define ACCEPTS_PER_TURN 32   /* a flood of SYNs must not keep a worker from its packets */
#define HANDSHAKES_PER_TURN 4 /* about 1 ms of TLS; see worker.c */
#define USER_TIMEOUT_MS 60000 /* data unacknowledged that long: the client is gone */
#define NOTSENT_LOWAT (64 * 1024)
#define HOUSEKEEPING_MS 10000 /* what a worker looks after now and then */
#define LISTEN_BACKLOG 1024   /* a redial storm after a reboot */
