// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/directory.h — which session, and on which site: by user and number (sessions that have
 * logged in), by address (packets from the TUN), by handle (lanes).
 *
 * Entries are embedded in their sessions. By user and number other threads learn a number and a site:
 * a letter to that site carries the number, and looks it up when it arrives. By address and handle they
 * learn the session, too; only the site's own thread may look inside it.
 *
 * Ownership: an entry, a handle and a claimed prefix are taken out before their session is freed.
 * Threads:   any. A lock is held inside, but for directory_at(), which a packet calls: its thread is
 *            registered with liburcu (memb).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"
#include "sstp/lane.h"

struct directory;
struct ip_packet;
struct session;
struct steering;

struct directory_entry {
	struct directory_entry *next,
		**prev; /* of the same user, the latest first; prev NULL: not in */
	/* Of a user's first: the next user of the bucket, and how many entries this one has. */
	struct directory_entry *next_user, **prev_user;
	unsigned n;
	int64_t user_id;
	uint64_t session;
	unsigned site;
	char correlation[40]; /* SSTPCORRELATIONID or "" */
};

struct directory_limits {
	unsigned all;      /* sessions at one time */
	unsigned per_user; /* of these, of one user; 0: any */
};

/* `steering` (NULL: none) learns of claimed prefixes, and outlives the directory. */
int directory_new(struct steering *steering, struct directory **ret);
void directory_free(struct directory *d); /* NULL is fine */
DEFINE_AUTO(directory, struct directory *, directory_free)

/*
 * The session of e->user_id counts from now on. -ENFILE: there are `all`; -EUSERS: the user has
 * `per_user`. Again: nothing.
 */
int directory_enter(
	struct directory *d, struct directory_entry *e, const struct directory_limits *limits);
void directory_leave(struct directory *d, struct directory_entry *e);
unsigned directory_count(struct directory *d);

struct directory_hit {
	uint64_t session;
	unsigned site;
};

/* -ENOENT: no such session is logged in. */
int directory_find(struct directory *d, uint64_t session, struct directory_hit *ret);
/* Those of a user, at most `cap`; returns how many. */
size_t directory_of_user(
	struct directory *d, int64_t user_id, struct directory_hit *ret, size_t cap);

/* The one that logged in first. -ENOENT: the user has none. */
int directory_oldest_of_user(struct directory *d, int64_t user_id, struct directory_hit *ret);
/*
 * Those of a user from one client: a client that comes back over another connection bears the
 * correlation of the one before. "" is no client's.
 */
size_t directory_of_client(struct directory *d, int64_t user_id, const char *correlation,
	struct directory_hit *ret, size_t cap);

/* ---- by address and by handle ---- */

struct directory_owner {
	struct session *session;
	unsigned site;
};

/* Packets for `prefix` are this session's from now on. -EEXIST: it is another's; -ENOMEM. */
int directory_claim(
	struct directory *d, const struct prefix *prefix, struct session *session, unsigned site);
void directory_unclaim(
	struct directory *d, const struct prefix *prefix, const struct session *session);
/* Whose is the address that the packet goes to? */
bool directory_at(struct directory *d, const uint8_t *octets, const struct ip_packet *ip,
	struct directory_owner *ret);

/* Does the longest prefix that holds the address (4 or 16 octets) lead to this session? */
bool directory_leads_to(
	struct directory *d, int version, const uint8_t *address, const struct session *session);

/* By which a lane names its session: public, random. */
struct directory_handle {
	struct directory_handle *next, **prev; /* prev NULL: not in the table */
	uint8_t octets[SSTP_LANE_HANDLE_LEN];
	struct directory_owner owner;
};

void directory_add_handle(struct directory *d, struct directory_handle *h);
void directory_drop_handle(struct directory *d, struct directory_handle *h); /* not in: nothing */
/* False: no session has it. */
bool directory_by_handle(struct directory *d, const uint8_t octets[static SSTP_LANE_HANDLE_LEN],
	struct directory_owner *ret);
