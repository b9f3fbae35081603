/* unit/store/state.h — a state folder for one test, and the handles on it. */
#pragma once
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/db.h"

struct state {
	char folder[64], file[96], key[96];
};

static inline void state_make(struct state *s)
{
	strcpy(s->folder, "/tmp/culvert-state-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->file, sizeof(s->file), "%s/culvert.db", s->folder);
	snprintf(s->key, sizeof(s->key), "%s/culvert.key", s->folder);
}

static inline int state_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void state_remove(struct state *s)
{
	chmod(s->folder, 0700);
	nftw(s->folder, state_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct db *state_open(const struct state *s)
{
	struct db_error err;
	struct db *db = NULL;

	if (db_open(&(struct db_opts){.state = s->folder, .check = true}, &db, &err) < 0)
		fail_msg("%s", err.text);
	return db;
}

static inline int64_t state_add_user(
	struct db *db, const char *name, const char *password, bool reversible)
{
	int64_t id;

	assert_int_equal(db_user_add(db, name, &(struct addr){0}, 0, &id), 0);
	if (password)
		assert_int_equal(db_user_set_password(db, id, password, reversible), 0);
	return id;
}

/* Set-up and tear-down of cmocka: a folder, */
static inline int state_setup(void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	state_make(s);
	*state = s;
	return 0;
}

static inline int state_teardown(void **state)
{
	state_remove(*state);
	free(*state);
	return 0;
}

/* and one with its database open, as a server that starts. */
struct opened {
	struct state state;
	struct db *db;
};

static inline int opened_setup(void **state)
{
	struct opened *o = calloc(1, sizeof(*o));

	state_make(&o->state);
	o->db = state_open(&o->state);
	assert_int_equal(db_epoch_begin(o->db), 0);
	*state = o;
	return 0;
}

/* The server ends, and starts again. */
static inline void opened_again(struct opened *o)
{
	db_close(o->db);
	o->db = state_open(&o->state);
	assert_int_equal(db_epoch_begin(o->db), 0);
}

static inline int opened_teardown(void **state)
{
	struct opened *o = *state;

	db_close(o->db);
	state_remove(&o->state);
	free(o);
	return 0;
}
