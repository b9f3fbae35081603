#include "store/schema.h"

#include "base/auto.h"

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

	/* kind: 1 nt, 2 reversible; AES-256-GCM with user id and kind as associated data. */
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
};

const size_t schema_version = ARRAY_SIZE(schema_steps);
