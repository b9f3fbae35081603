// SPDX-License-Identifier: Apache-2.0
/* store/limits.h — bounds of the store. */
#pragma once

/*
 * Jobs that wait for the store thread. A storm of logins must not eat the memory nor hide behind
 * itself: beyond these a job is refused with -EAGAIN, first the records, last the logins. Jobs of
 * the kind STORE_MUST are not refused; there is one for each session.
 */
#define STORE_QUEUE_MAX 4096
#define STORE_QUEUE_RECORDS_MAX (STORE_QUEUE_MAX / 2)

#define STORE_GROUP_MAX 256 /* writing jobs in one transaction */
#define STORE_BUSY_MS 5000  /* wait for another process's transaction */
/*
 * Writes that must be and failed with the database wait in memory for the next try: a day of full disk
 * must not take the memory too. About 1 KB each.
 */
#define STORE_AGAIN_MAX 65536
#define STORE_REST_MS 20 /* before the next try at what failed, then twice as long each time */
#define STORE_REST_MOST_MS 2000

#define STORE_WAL_PAGES 1000      /* checkpoint when idle and the log is longer than this */
#define STORE_WAL_PAGES_MAX 16000 /* checkpoint in any case: 64 MB */
#define STORE_PRUNE_EVERY 64      /* records between two prunings */
#define STORE_PRUNE_MOST 1000     /* records that one pruning drops: logins wait for it */

#define STORE_POOL_NAME_MAX 31  /* octets of a pool's name */
#define STORE_GROUP_NAME_MAX 31 /* octets of a group's name */
#define STORE_GROUPS_MAX 32     /* groups of one user */
#define STORE_POOLS_MAX 16      /* address pools whose map is kept */
#define STORE_POOL_BITS_MAX 24  /* a pool is no larger than a /8 */

#define STORE_KEY_FILE_MAX 128 /* octets of a key file */
#define STORE_PASSWORD_MAX 256 /* Windows takes no longer ones (RFC 2759 section 8.9: 512 octets) */
