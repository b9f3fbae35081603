// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/internal.h"

const char *const schema_steps[] = {
	/* 1: users, leases, sessions, attempts. */
	"CREATE TABLE meta ("
	"  key TEXT PRIMARY KEY,"
	"  value TEXT NOT NULL);"

	"CREATE TABLE counters ("
	"  name TEXT PRIMARY KEY,"
	"  value BIGINT NOT NULL);"

	/* folded: the name in lower case (ASCII), by which a login finds it. */
	"CREATE TABLE users ("
	"  id BIGINT PRIMARY KEY,"
	"  name TEXT NOT NULL,"
	"  folded TEXT NOT NULL UNIQUE,"
	"  disabled INTEGER NOT NULL DEFAULT 0,"
	"  expires_at BIGINT NOT NULL DEFAULT 0,"
	"  ipv4 BYTEA UNIQUE,"
	"  created_at BIGINT NOT NULL,"
	"  password_at BIGINT NOT NULL DEFAULT 0,"
	"  login_at BIGINT NOT NULL DEFAULT 0);"

	/* kind: 1 nt, 2 reversible, 3 seed of TOTP; AES-256-GCM, associated data: user id and kind. */
	"CREATE TABLE secrets ("
	"  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	"  kind INTEGER NOT NULL,"
	"  key_id TEXT NOT NULL,"
	"  nonce BYTEA NOT NULL,"
	"  ciphertext BYTEA NOT NULL,"
	"  tag BYTEA NOT NULL,"
	"  PRIMARY KEY (user_id, kind));"

	/* One row per address that was ever given; session 0: idle, kept for its user. */
	"CREATE TABLE leases ("
	"  address BYTEA PRIMARY KEY,"
	"  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	"  node BIGINT NOT NULL,"
	"  session BIGINT NOT NULL,"
	"  used_at BIGINT NOT NULL);"
	"CREATE INDEX leases_user ON leases (user_id, session, used_at);"
	"CREATE INDEX leases_idle ON leases (session, used_at);"

	/* ended_at 0: still up. Names are kept beyond their users. reason: an event's number. */
	"CREATE TABLE sessions ("
	"  node BIGINT NOT NULL,"
	"  id BIGINT NOT NULL,"
	"  user_id BIGINT NOT NULL,"
	"  user_name TEXT NOT NULL,"
	"  ipv4 BYTEA,"
	"  peer TEXT NOT NULL,"
	"  correlation TEXT NOT NULL,"
	"  started_at BIGINT NOT NULL,"
	"  ended_at BIGINT NOT NULL DEFAULT 0,"
	"  octets_in BIGINT NOT NULL DEFAULT 0,"
	"  octets_out BIGINT NOT NULL DEFAULT 0,"
	"  reason INTEGER NOT NULL DEFAULT 0,"
	"  PRIMARY KEY (node, id));"
	"CREATE INDEX sessions_open ON sessions (node, ended_at);"

	/* outcome: an event's number; layer: the name of its layer. */
	"CREATE TABLE attempts ("
	"  node BIGINT NOT NULL,"
	"  seq BIGINT NOT NULL,"
	"  at BIGINT NOT NULL,"
	"  peer TEXT NOT NULL,"
	"  user_name TEXT NOT NULL,"
	"  correlation TEXT NOT NULL,"
	"  outcome INTEGER NOT NULL,"
	"  layer TEXT NOT NULL,"
	"  detail TEXT NOT NULL,"
	"  PRIMARY KEY (node, seq));",

	/* 2: the pool, by its name in the configuration, that a user's addresses come from. */
	"ALTER TABLE users ADD COLUMN pool TEXT NOT NULL DEFAULT ''",

	/*
	 * 3: what one run of a server wrote is known by its epoch. 0: by a version without epochs. epochs:
	 * the runs whose leases and sessions were not taken over by a later one.
	 */
	"CREATE TABLE epochs ("
	"  node BIGINT NOT NULL,"
	"  epoch BIGINT NOT NULL,"
	"  started_at BIGINT NOT NULL,"
	"  PRIMARY KEY (node, epoch));"
	"INSERT INTO epochs (node, epoch, started_at)"
	"  SELECT node, 0, 0 FROM leases WHERE session <> 0"
	"  UNION SELECT node, 0, 0 FROM sessions WHERE ended_at = 0;"

	"ALTER TABLE leases ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;"

	"CREATE TABLE sessions_3 ("
	"  node BIGINT NOT NULL,"
	"  epoch BIGINT NOT NULL,"
	"  id BIGINT NOT NULL,"
	"  user_id BIGINT NOT NULL,"
	"  user_name TEXT NOT NULL,"
	"  ipv4 BYTEA,"
	"  peer TEXT NOT NULL,"
	"  correlation TEXT NOT NULL,"
	"  started_at BIGINT NOT NULL,"
	"  ended_at BIGINT NOT NULL DEFAULT 0,"
	"  octets_in BIGINT NOT NULL DEFAULT 0,"
	"  octets_out BIGINT NOT NULL DEFAULT 0,"
	"  reason INTEGER NOT NULL DEFAULT 0,"
	"  PRIMARY KEY (node, epoch, id));"
	"INSERT INTO sessions_3 (node, epoch, id, user_id, user_name, ipv4, peer, correlation,"
	"    started_at, ended_at, octets_in, octets_out, reason)"
	"  SELECT node, 0, id, user_id, user_name, ipv4, peer, correlation,"
	"    started_at, ended_at, octets_in, octets_out, reason FROM sessions;"
	"DROP TABLE sessions;"
	"ALTER TABLE sessions_3 RENAME TO sessions;"
	"CREATE INDEX sessions_open ON sessions (node, epoch, ended_at);"
	"CREATE INDEX sessions_number ON sessions (node, id);"

	"CREATE TABLE attempts_3 ("
	"  node BIGINT NOT NULL,"
	"  epoch BIGINT NOT NULL,"
	"  seq BIGINT NOT NULL,"
	"  at BIGINT NOT NULL,"
	"  peer TEXT NOT NULL,"
	"  user_name TEXT NOT NULL,"
	"  correlation TEXT NOT NULL,"
	"  outcome INTEGER NOT NULL,"
	"  layer TEXT NOT NULL,"
	"  detail TEXT NOT NULL,"
	"  PRIMARY KEY (node, epoch, seq));"
	"INSERT INTO attempts_3 (node, epoch, seq, at, peer, user_name, correlation, outcome, layer,"
	"    detail)"
	"  SELECT node, 0, seq, at, peer, user_name, correlation, outcome, layer, detail"
	"  FROM attempts;"
	"DROP TABLE attempts;"
	"ALTER TABLE attempts_3 RENAME TO attempts;"
	"CREATE INDEX attempts_number ON attempts (node, seq)",

	/* 4: certificates of users. own 1: its key is here, sealed as secrets are. */
	"CREATE TABLE authorities ("
	"  id BIGINT PRIMARY KEY,"
	"  name TEXT NOT NULL,"
	"  folded TEXT NOT NULL UNIQUE,"
	"  own INTEGER NOT NULL,"
	"  certificate BYTEA NOT NULL,"
	"  sha256 TEXT NOT NULL UNIQUE,"
	"  names INTEGER NOT NULL,"
	"  pattern TEXT NOT NULL,"
	"  strip INTEGER NOT NULL,"
	"  crl INTEGER NOT NULL,"
	"  crl_path TEXT NOT NULL,"
	"  created_at BIGINT NOT NULL,"
	"  not_after BIGINT NOT NULL,"
	"  key_id TEXT NOT NULL,"
	"  nonce BYTEA NOT NULL,"
	"  ciphertext BYTEA NOT NULL,"
	"  tag BYTEA NOT NULL);"

	/* Issued by our own; revoked_at 0: good. Kept beyond their users: a serial number stays revoked. */
	"CREATE TABLE certificates ("
	"  authority_id BIGINT NOT NULL REFERENCES authorities (id) ON DELETE CASCADE,"
	"  serial TEXT NOT NULL,"
	"  user_name TEXT NOT NULL,"
	"  folded TEXT NOT NULL,"
	"  sha1 TEXT NOT NULL,"
	"  sha256 TEXT NOT NULL,"
	"  not_before BIGINT NOT NULL,"
	"  not_after BIGINT NOT NULL,"
	"  issued_at BIGINT NOT NULL,"
	"  revoked_at BIGINT NOT NULL DEFAULT 0,"
	"  PRIMARY KEY (authority_id, serial));"
	"CREATE INDEX certificates_user ON certificates (folded);"

	"CREATE TABLE revoked_thumbprints ("
	"  sha1 TEXT PRIMARY KEY,"
	"  revoked_at BIGINT NOT NULL);"

	/* sha256, or issuer and serial; the others are "". */
	"CREATE TABLE certificate_bindings ("
	"  authority_id BIGINT NOT NULL REFERENCES authorities (id) ON DELETE CASCADE,"
	"  sha256 TEXT NOT NULL,"
	"  issuer TEXT NOT NULL,"
	"  serial TEXT NOT NULL,"
	"  user_name TEXT NOT NULL,"
	"  PRIMARY KEY (authority_id, sha256, issuer, serial))",
	/*
	 * 5: groups, and what users and groups are granted: rows of text (aaa/grant.def). A user's groups
	 * have an order (place).
	 */
	"CREATE TABLE user_groups ("
	"  id BIGINT PRIMARY KEY,"
	"  name TEXT NOT NULL,"
	"  folded TEXT NOT NULL UNIQUE,"
	"  created_at BIGINT NOT NULL);"
	"CREATE TABLE members ("
	"  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	"  group_id BIGINT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,"
	"  place BIGINT NOT NULL,"
	"  PRIMARY KEY (user_id, group_id));"
	"CREATE INDEX members_group ON members (group_id);"
	"CREATE TABLE user_values ("
	"  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	"  key TEXT NOT NULL,"
	"  value TEXT NOT NULL,"
	"  PRIMARY KEY (user_id, key));"
	"CREATE TABLE group_values ("
	"  group_id BIGINT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,"
	"  key TEXT NOT NULL,"
	"  value TEXT NOT NULL,"
	"  PRIMARY KEY (group_id, key))",

	/*
	 * Users of RADIUS have leases, too (numbers below 0), so a lease's user need not be in
	 * users. accounting: records on their way to a server; accounting_open: sessions that
	 * began and have no end yet.
	 */
	"CREATE TABLE leases_r ("
	"  address BYTEA PRIMARY KEY,"
	"  user_id BIGINT NOT NULL,"
	"  node BIGINT NOT NULL,"
	"  session BIGINT NOT NULL,"
	"  used_at BIGINT NOT NULL,"
	"  epoch BIGINT NOT NULL DEFAULT 0);"
	"INSERT INTO leases_r (address, user_id, node, session, used_at, epoch)"
	"  SELECT address, user_id, node, session, used_at, epoch FROM leases;"
	"DROP TABLE leases;"
	"ALTER TABLE leases_r RENAME TO leases;"
	"CREATE INDEX leases_user ON leases (user_id, session, used_at);"
	"CREATE INDEX leases_idle ON leases (session, used_at);"

	"CREATE TABLE accounting ("
	"  seq BIGINT PRIMARY KEY,"
	"  node BIGINT NOT NULL,"
	"  session TEXT NOT NULL,"
	"  kind INTEGER NOT NULL,"
	"  at BIGINT NOT NULL,"
	"  attributes BYTEA NOT NULL);"
	"CREATE TABLE accounting_open ("
	"  node BIGINT NOT NULL,"
	"  epoch BIGINT NOT NULL,"
	"  session TEXT NOT NULL,"
	"  attributes BYTEA NOT NULL,"
	"  started_at BIGINT NOT NULL,"
	"  counted_at BIGINT NOT NULL,"
	"  octets_in BIGINT NOT NULL,"
	"  octets_out BIGINT NOT NULL,"
	"  packets_in BIGINT NOT NULL,"
	"  packets_out BIGINT NOT NULL,"
	"  PRIMARY KEY (node, session))",

	/* 7: sources that are kept out; user_name "": as any user; until_at 0: for good. */
	"CREATE TABLE bans ("
	"  source TEXT NOT NULL,"
	"  user_name TEXT NOT NULL,"
	"  since_at BIGINT NOT NULL,"
	"  until_at BIGINT NOT NULL,"
	"  by_admin INTEGER NOT NULL,"
	"  PRIMARY KEY (source, user_name))",

	/* 8: the last step whose code a user has used: none counts twice. */
	"CREATE TABLE totp ("
	"  user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,"
	"  last_step BIGINT NOT NULL)",
};

const size_t schema_version = ARRAY_SIZE(schema_steps);

/* --- from one version to the next --- */

static int read_version(struct db *db, int64_t *ret)
{
	bool there = false;
	int r = db_result(db, db->engine->ops->has_table(db->engine, "schema_version", &there));
	struct query q;

	*ret = 0;
	if (r < 0 || !there)
		return r;
	q = query_start(db, SQL_SCHEMA_VERSION);
	if (query_row(&q))
		*ret = query_int(&q);
	r = query_end(&q);
	return r < 0 ? r : 0;
}

/* All steps that are missing, in one transaction; another process may have been faster. */
static int take_steps(struct db *db, const char *const *steps, size_t n)
{
	char sql[80];
	int64_t from = 0;
	int r = db_begin(db);

	if (r < 0)
		return r;
	r = read_version(db, &from);
	if (r < 0 || from >= (int64_t)n) {
		db_rollback(db);
		return r;
	}
	if (from == 0)
		r = db_execute(db, "CREATE TABLE schema_version (version BIGINT NOT NULL);"
				   "INSERT INTO schema_version (version) VALUES (0)");
	for (int64_t i = from; !r && i < (int64_t)n; i++)
		r = db_execute(db, steps[i]);
	snprintf(sql, sizeof(sql), "UPDATE schema_version SET version = %zu", n);
	if (!r)
		r = db_execute(db, sql);
	if (!r)
		return db_commit(db);
	db_rollback(db);
	return r;
}

int schema_is_older(struct db *db, bool *ret)
{
	int64_t version;
	int r = read_version(db, &version);

	*ret = r == 0 && version < (int64_t)schema_version;
	return r;
}

int schema_update(struct db *db, const char *const *steps, size_t n)
{
	int64_t version;
	int r = read_version(db, &version);

	if (r < 0)
		return r;
	if (version > (int64_t)n)
		return db_fail(db, -EACCES, EV_STORE_NEWER,
			"%.200s: it has version %lld, this Culvert knows versions up to %zu",
			db->engine->ops->name(db->engine), (long long)version, n);
	if (version == (int64_t)n)
		return 0;
	if (version > 0)
		r = db_result(db, db->engine->ops->keep_version(db->engine, version));
	return r < 0 ? r : take_steps(db, steps, n);
}
