// SPDX-License-Identifier: Apache-2.0
/*
 * store/db.h — the database, synchronously: one handle on its engine for one thread.
 *
 * The holder of a struct db may wait for the disk: a command, or the store's own thread (store.h), never
 * a worker. Functions that change several rows are meant to run inside db_begin()/db_commit().
 *
 * Files:   <state>/culvert.db (with -wal and -shm beside), <state>/culvert.key unless a key is given.
 * Errors:  negative errno; db_error() then has the event and the words for people.
 *          -EEXIST a name or address is taken, -ENOENT no such row, -EBUSY another process writes,
 *          -ENOSPC the disk is full, -EUCLEAN damaged, -EACCES not to be opened, -EIO all else.
 * Secrets: passwords and hashes are sealed with the key (secret.h); what db_login() gives back is in
 *          clear, and the caller wipes it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/addr.h"
#include "base/credentials.h"
#include "base/mschap.h"
#include "base/totp.h"
#include "events/event.h"
#include "store/limits.h"

#define STORE_LOCK "culvert.lock" /* in the state folder: held by the server that runs */

struct db;
struct radius_classes;

struct db_error {
	enum event event; /* 61xx */
	char text[500];
	char taken[64]; /* -EEXIST: the unique column, "users.ipv4"; else "" */
};

struct engine_ops;

struct db_opts {
	const struct engine_ops *engine; /* NULL: SQLite (store/engine.h) */
	const char *state;               /* folder; made when missing (not its parents) */
	const char *key_file;            /* NULL or "": see option store.key_file */
	int64_t node;    /* which of several servers on one database; 0: the only one */
	bool check;      /* a server: look for damage in the whole file, and for the right key */
	bool must_exist; /* -ENOENT instead of making a new database */
	bool look;       /* change nothing: no new key, no step to a newer version of the tables */
	bool owner;      /* this process holds the lock of the state folder (STORE_LOCK) */
};

int db_open(const struct db_opts *opts, struct db **ret, struct db_error *ret_err);
/* A second handle on the same database, for a thread that reads while `db` writes. */
int db_open_reader(struct db *db, struct db **ret, struct db_error *ret_err);
void db_close(struct db *db); /* NULL is fine; wipes the key */
DEFINE_AUTO(db, struct db *, db_close)
/* Opened with `look`: its tables are of an older version, which the next start brings up to date. */
bool db_is_older(const struct db *db);
const struct db_error *db_error(const struct db *db); /* of the last call that failed */

/* db_begin() takes the right to write; -EBUSY after the busy time. */
int db_begin(struct db *db);
int db_commit(struct db *db); /* on failure nothing of it happened */
void db_rollback(struct db *db);
/* A full disk and the like undo a transaction at once: nothing of it happened, and none is open. */
bool db_in_transaction(const struct db *db);
/* A job inside a transaction: undone alone. */
int db_savepoint(struct db *db);
void db_savepoint_release(struct db *db, bool keep);
/* Work that writes left for later, when it is due; `idle`: no job waits. */
void db_tidy(struct db *db, bool idle);

/*
 * The whole database of one moment as a new file, while others write; the key is not in it.
 * -EEXIST: there is such a file.
 */
int db_backup(struct db *db, const char *path);
/* -EUCLEAN: damaged. More thorough than what db_open() does, and as slow as the file is long. */
int db_check(struct db *db);

/* Small facts that are chosen once and kept ("ipv4_pool"). -ENOENT; -ENOSPC when cap is short. */
int db_meta_get(struct db *db, const char *key, char *ret, size_t cap);
int db_meta_set(struct db *db, const char *key, const char *value);

/* --- users (users.c) --- */

struct db_user {
	int64_t id;
	char name[USER_NAME_MAX + 1]; /* as typed by the admin */
	bool disabled, reversible, totp;
	int64_t expires_at;                        /* seconds since 1970; 0: never */
	struct addr ipv4;                          /* static address; AF_UNSPEC: from the pool */
	char pool[STORE_POOL_NAME_MAX + 1];        /* "": the ordinary one */
	int64_t created_at, password_at, login_at; /* 0: not yet */
};

/* -EINVAL (with db_error): no good name or password. Names differ by more than case. */
int db_user_add(struct db *db, const char *name, const struct addr *ipv4, int64_t expires_at,
	int64_t *ret_id);
/* `reversible`: the password itself is kept too, sealed; CHAP-MD5 needs it. Else it is dropped. */
int db_user_set_password(struct db *db, int64_t id, const char *password, bool reversible);
/* From another server's file: the hash is all that is known. */
int db_user_set_nt_hash(struct db *db, int64_t id, const uint8_t hash[static MSCHAP_NT_HASH_LEN]);
/* A second factor from now on; the one before is no more. */
int db_user_set_totp(struct db *db, int64_t id, const uint8_t seed[static TOTP_SEED_LEN]);
int db_user_remove_totp(struct db *db, int64_t id); /* -ENOENT: there is none */
/* The code of this step was right: -EALREADY, when it or a later one was used before. */
int db_totp_use(struct db *db, int64_t id, int64_t step);
int db_user_find(struct db *db, const char *name, struct db_user *ret); /* any case */
int db_user_set_disabled(struct db *db, int64_t id, bool disabled);
int db_user_set_expiry(struct db *db, int64_t id, int64_t expires_at);
int db_user_set_ipv4(struct db *db, int64_t id, const struct addr *ipv4);
int db_user_set_pool(struct db *db, int64_t id, const char *pool);
int db_user_remove(struct db *db, int64_t id); /* its secrets and leases too */
/* Calls `each` for every user by name; stops when it returns nonzero, which is then returned. */
int db_user_list(struct db *db, int (*each)(const struct db_user *user, void *arg), void *arg);

/* What a login is judged by. */
struct db_login {
	int64_t id;
	char name[USER_NAME_MAX + 1]; /* the admin's spelling */
	bool disabled;
	int64_t expires_at;
	struct addr ipv4;
	char pool[STORE_POOL_NAME_MAX + 1];
	int64_t password_at;
	bool has_nt, has_reversible, has_totp;
	uint8_t nt_hash[MSCHAP_NT_HASH_LEN];
	uint8_t totp_seed[TOTP_SEED_LEN];
	char password[STORE_PASSWORD_MAX + 1]; /* when has_reversible */
};

/*
 * The user of a name as a peer sent it: any octets, with or without DOMAIN\, any case. -ENOENT takes
 * as long as success. -EKEYREJECTED: a secret does not open with this key. db_login_wipe() when done.
 */
int db_login(struct db *db, const char *name, size_t n, struct db_login *ret);
static inline void db_login_wipe(struct db_login *l)
{
	explicit_bzero(l, sizeof(*l));
}

/* --- groups, and the values of users and groups (groups.c) --- */

struct db_group {
	int64_t id;
	char name[STORE_GROUP_NAME_MAX + 1]; /* as typed by the admin */
	int64_t users;                       /* members; 0 from db_groups_of_user() */
};

/* -EINVAL: no good name; -EEXIST: it is taken (any case). */
int db_group_add(struct db *db, const char *name, int64_t *ret_id);
int db_group_find(struct db *db, const char *name, struct db_group *ret); /* any case */
int db_group_remove(struct db *db, int64_t id); /* its members stay users */
int db_group_list(struct db *db, int (*each)(const struct db_group *, void *arg), void *arg);
/* In their order. */
int db_groups_of_user(
	struct db *db, int64_t user_id, int (*each)(const struct db_group *, void *arg), void *arg);
int db_group_members(
	struct db *db, int64_t group_id, int (*each)(const char *name, void *arg), void *arg);
/* These and no others, the first one's values count first. Inside a transaction. */
int db_user_set_groups(struct db *db, int64_t user_id, const int64_t *groups, size_t n);

enum db_subject { DB_USER, DB_GROUP };

struct db_value {          /* texts live as long as the call */
	int64_t place;     /* 0: its own; else of the group in that place */
	const char *group; /* its name; "": its own */
	const char *key, *value;
};

/* `value` NULL: unset. What stands in columns of users (address, pool, ...) has no row here. */
int db_value_set(struct db *db, enum db_subject of, int64_t id, const char *key, const char *value);
/* Of a user: its own first, then those of its groups in their order; of a group its own. */
int db_values(struct db *db, enum db_subject of, int64_t id,
	int (*each)(const struct db_value *, void *arg), void *arg);

struct db_key_value { /* texts live as long as the call */
	enum db_subject of;
	int64_t id;
	const char *name, *value;
};

/* All users and groups that have a value of their own for this key. */
int db_values_of_key(struct db *db, const char *key,
	int (*each)(const struct db_key_value *, void *arg), void *arg);

/* --- bans (bans.c) --- */

struct db_ban {
	struct prefix of;
	char user[USER_NAME_MAX + 1]; /* "": as any user */
	int64_t since_at, until_at;   /* seconds since 1970; until 0: for good */
	bool by_admin;
};

int db_ban_set(struct db *db, const struct db_ban *b);
/* -ENOENT: there is none. */
int db_ban_remove(struct db *db, const struct prefix *of, const char *user);
/* Those that hold at `now`, newest first. */
int db_ban_list(
	struct db *db, int64_t now, int (*each)(const struct db_ban *, void *arg), void *arg);

/* --- leases (leases.c) --- */

#define LEASE_MORE_RANGES 15

struct db_lease_request {
	int64_t user_id;
	uint64_t session;
	struct addr wanted;   /* the user's static address, or AF_UNSPEC */
	struct prefix pool;   /* IPv4, or IPv6 of at least /104 */
	struct addr reserved; /* inside the pool but never given: the server's own */
	struct prefix
		more[LEASE_MORE_RANGES]; /* of the same pool; their first address is the server's */
	size_t n_more;
	const struct addr_range *excluded; /* never given, but as `wanted`; borrowed */
	size_t n_excluded;
	int64_t keep_s; /* leases that are idle for longer are no one's; 0: they stay */
	/*
	 * Not 0: a prefix of this length is wanted, of `pool`, which is of IPv6 and of any size; those that
	 * users and groups have as their own (key "prefix") are not given.
	 */
	uint8_t each_len;
};

/*
 * An address on which no other session is: the static one; else what the user had last; else one
 * never used; else the one that is idle for longest. The pool's first and last address are not
 * given. -EADDRINUSE: a session is on the static one (*ret_holder, untouched when it is of another run
 * of the server); -EADDRNOTAVAIL: all are in use.
 */
int db_lease_take(
	struct db *db, const struct db_lease_request *req, struct addr *ret, uint64_t *ret_holder);
int db_lease_release(struct db *db, const struct addr *address, uint64_t session);

struct db_lease {            /* `user` lives as long as the call */
	struct addr address; /* of IPv6: the first of a delegated prefix */
	const char *user;    /* "": of RADIUS */
	uint64_t session;    /* 0: idle, kept for its user */
	int64_t used_at;
};

int db_lease_list(struct db *db, int (*each)(const struct db_lease *, void *arg), void *arg);
/* An idle one: its user gets another. One that is in use meanwhile stays. Inside a transaction. */
int db_lease_forget(struct db *db, const struct addr *address);

/* --- sessions and attempts (records.c) --- */

struct db_session {
	uint64_t id;
	int64_t user_id;
	char user[USER_NAME_MAX + 1];
	struct addr ipv4;
	char peer[ENDPOINT_TEXT_LEN], correlation[40];
	int64_t started_at, ended_at;
	uint64_t octets_in, octets_out; /* from and to the client */
	enum event reason;
	/* For accounting only; not recorded. */
	bool accounted, by_radius; /* accounted: its begin was reported */
	char acct_id[24], calling[ENDPOINT_TEXT_LEN], called[64];
	uint64_t packets_in, packets_out;
	const struct radius_classes *classes; /* borrowed; or NULL */
};

struct db_attempt {
	uint64_t seq; /* set by the store */
	int64_t at;
	char peer[ENDPOINT_TEXT_LEN], user[USER_NAME_MAX + 1], correlation[40];
	enum event outcome; /* its layer is recorded with it */
	char detail[400];
};

/*
 * A server starts, inside a transaction: rows that it writes from now on carry an epoch of their own.
 * What runs before it left open is closed, unless they still run: no session of theirs is up, so their
 * addresses are idle and their open records end. db_close() ends the epoch.
 */
int db_epoch_begin(struct db *db);
uint64_t db_epoch(const struct db *db); /* 0: none has begun */
int db_session_start(
	struct db *db, const struct db_session *s); /* id, user, ipv4, peer, started_at */
int db_session_stop(struct db *db, const struct db_session *s); /* id, ended_at, octets, reason */
/* The highest id on record for this node; the next session takes one above. */
int db_session_last(struct db *db, uint64_t *ret);
int db_attempt_add(struct db *db, struct db_attempt *a);
/* Drops the oldest beyond `keep_…`, STORE_PRUNE_MOST of each kind at most. */
int db_prune(struct db *db, uint64_t keep_attempts, uint64_t keep_sessions);
/* Newest first, at most `most`. */
int db_session_list(
	struct db *db, int most, int (*each)(const struct db_session *, void *arg), void *arg);
/* `before`: only those with a lower seq; 0: from the newest one. A long list is read in pages. */
int db_attempt_list(struct db *db, uint64_t before, int most,
	int (*each)(const struct db_attempt *, void *arg), void *arg);
