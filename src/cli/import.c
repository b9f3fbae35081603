// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the whole file is read and written in one transaction: a line that cannot be read leaves
 * nothing behind. A user without a password that is of use here gets a new one; these go to a file of
 * their own, and to nowhere else.
 */
#include "cli/import.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/import_read.h"
#include "cli/values.h"

#define NEW_PASSWORD_LEN 16

struct import {
	const struct import_args *args;
	struct db *db;
	FILE *passwords; /* NULL: not open yet */
	unsigned added, known, made;
};

/* ---- one user -------------------------------------------------------------------- */

/* 16 of 56 letters and digits that look like no other: 92 bits. */
static void make_password(char ret[static NEW_PASSWORD_LEN + 1])
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
	uint8_t octet;

	for (size_t i = 0; i < NEW_PASSWORD_LEN;) {
		crypto_random(&octet, sizeof(octet));
		if (octet < 4 * (sizeof(letters) - 1))
			ret[i++] = letters[octet % (sizeof(letters) - 1)];
	}
	ret[NEW_PASSWORD_LEN] = '\0';
}

/* For its owner alone, and never over another file. */
static int open_passwords(struct import *m)
{
	const char *path = m->args->passwords;
	int fd;

	if (m->passwords)
		return 0;
	if (!path) {
		text_fprintf(stderr,
			"culvert: a user of this file has no password that is of use here: "
			"--passwords FILE names the file for new ones\n");
		return 1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	m->passwords = fd < 0 ? NULL : fdopen(fd, "w");
	if (m->passwords)
		return 0;
	text_fprintf(stderr, "culvert: %s: %s\n", path, strerror(errno));
	return 1;
}

static int set_new_password(struct import *m, const struct imported *u, int64_t id)
{
	char password[NEW_PASSWORD_LEN + 1];
	int r = open_passwords(m);

	if (r)
		return r;
	make_password(password);
	r = db_user_set_password(m->db, id, password, m->args->reversible);
	if (!r)
		text_fprintf(m->passwords, "%s\t%s\n", u->name, password);
	explicit_bzero(password, sizeof(password));
	m->made += !r;
	return r < 0 ? where_failed(m->db) : r;
}

static int set_secret(struct import *m, const struct imported *u, int64_t id)
{
	if (!*u->password && !u->has_nt)
		return set_new_password(m, u, id);
	if (*u->password && db_user_set_password(m->db, id, u->password, m->args->reversible) < 0)
		return where_failed(m->db);
	if (!*u->password && db_user_set_nt_hash(m->db, id, u->nt_hash) < 0)
		return where_failed(m->db);
	return 0;
}

/* Groups of the file that are not there yet are made, without values. */
static int make_groups(struct db *db, const char *names)
{
	while (*names) {
		char name[STORE_GROUP_NAME_MAX + 2];
		size_t n = strcspn(names, ",");
		struct db_group group;
		int64_t id;

		snprintf(name, sizeof(name), "%.*s", (int)n, names);
		if (db_group_find(db, name, &group) < 0 && db_group_add(db, name, &id) < 0)
			return where_failed(db);
		names += n + (names[n] == ',');
	}
	return 0;
}

static int set_values(struct import *m, const struct imported *u, int64_t id)
{
	for (size_t i = 0; i < u->n; i++) {
		char word[sizeof(u->value[0].key) + IMPORT_WORD_MAX + 1];
		char *words[] = {word};
		struct values_change c;
		int r;

		strcat(strcat(strcpy(word, u->value[i].key), "="), u->value[i].value);
		r = values_read(words, 1, DB_USER, &c);
		if (!r)
			r = values_check(&m->args->where, m->db, &c);
		if (r)
			text_fprintf(stderr, "culvert: user \"%s\": %s\n", u->name, word);
		if (!r && c.groups)
			r = make_groups(m->db, c.groups);
		if (r)
			return r;
		if (values_apply(m->db, DB_USER, id, &c) < 0)
			return where_failed(m->db);
	}
	return 0;
}

static const char *methods_of(const struct import *m, const struct imported *u)
{
	if (!*u->password && u->has_nt)
		return "its NT hash: mschapv2, eap-mschapv2, pap";
	if (m->args->reversible)
		return *u->password ? "its password: all methods" : "new password: all methods";
	return *u->password ? "its password: mschapv2, eap-mschapv2, pap"
			    : "new password: mschapv2, eap-mschapv2, pap";
}

static int take_user(const struct imported *u, void *arg)
{
	struct import *m = arg;
	struct db_user there;
	int64_t id;
	int r;

	if (!db_user_find(m->db, u->name, &there)) {
		text_fprintf(stdout, "%-24s is there already: left as it is\n", u->name);
		m->known++;
		return 0;
	}
	if (db_user_add(m->db, u->name, &(struct addr){0}, 0, &id) < 0)
		return where_failed(m->db);
	r = set_secret(m, u, id);
	if (!r)
		r = set_values(m, u, id);
	if (!r)
		text_fprintf(stdout, "%-24s %s\n", u->name, methods_of(m, u));
	m->added += !r;
	return r;
}

/* ---- the file ----------------------------------------------------------------------- */

static int read_file(const char *path, char **ret, size_t *ret_n)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t cap = 0, n = 0, got = 1;
	char *text = NULL;

	while (f && got && n < IMPORT_FILE_MAX) {
		if (n == cap) {
			char *grown = realloc(text, cap = cap ? 2 * cap : 65536);

			if (!grown)
				break;
			text = grown;
		}
		got = fread(text + n, 1, cap - n, f);
		n += got;
	}
	if (!f || ferror(f) || got) {
		text_fprintf(stderr, "culvert: %s: %s\n", path,
			f && !ferror(f) ? "it is too long for a list of users" : strerror(errno));
		free(text);
		return CMD_FAILED;
	}
	if (f != stdin)
		fclose(f);
	*ret = text;
	*ret_n = n;
	return CMD_OK;
}

static int run(struct import *m, enum import_format format, const char *text, size_t n)
{
	struct import_fault fault = {0};
	int r;

	if (db_begin(m->db) < 0)
		return where_failed(m->db);
	r = import_read(format, text, n, take_user, m, &fault);
	if (r == -EINVAL)
		text_fprintf(stderr, "culvert: %s:%u: expected %s\n", m->args->file, fault.line,
			fault.expected);
	if (!r && m->passwords &&
		(fflush(m->passwords) || ferror(m->passwords) || fsync(fileno(m->passwords)) < 0))
		r = -EIO;
	if (!r && db_commit(m->db) < 0)
		return where_failed(m->db);
	if (!r)
		return CMD_OK;
	db_rollback(m->db);
	text_fprintf(stderr, "culvert: no user was imported\n");
	return r < 0 ? CMD_FAILED : r;
}

static void end(struct import *m, bool good)
{
	if (m->passwords)
		fclose(m->passwords);
	if (m->passwords && !good)
		unlink(m->args->passwords); /* made by this very run */
	if (!good)
		return;
	text_fprintf(stdout, "%u imported, %u were there already\n", m->added, m->known);
	if (m->made)
		text_fprintf(stdout, "%u new password%s in %s (for its owner alone)\n", m->made,
			m->made == 1 ? "" : "s", m->args->passwords);
}

int user_import(const struct import_args *a)
{
	AUTO(db) struct db *db = NULL;
	struct import m = {.args = a};
	enum import_format format;
	char *text = NULL;
	size_t n = 0;
	int r;

	if (!a->format || !import_format_of(a->format, &format))
		return cmd_bad("user import", "--format", a->format ? a->format : "",
			"chap-secrets, csv, ocserv or softether");
	r = read_file(a->file, &text, &n);
	if (!r)
		r = where_open(&a->where, true, &db);
	m.db = db;
	if (!r)
		r = run(&m, format, text, n);
	end(&m, !r);
	if (text)
		explicit_bzero(text, n);
	free(text);
	return r;
}

/* ---- export: what users have of their own; no secrets --------------------------------- */

struct export
{
	struct db *db;
	const struct config *cfg;
	struct values_found *found;
	json_t *all; /* NULL: CSV */
};

/* RFC 4180: in quotes when it holds what would end the field; quotes twice. */
static void print_field(const char *text)
{
	static char doubled[2 * GRANT_VALUE_LEN];
	size_t n = 0;

	if (!strpbrk(text, ",\"\r\n")) {
		text_fprintf(stdout, "%s", text);
		return;
	}
	for (; *text && n + 3 < sizeof(doubled); text++) {
		if (*text == '"')
			doubled[n++] = '"';
		doubled[n++] = *text;
	}
	doubled[n] = '\0';
	fputs("\"", stdout);
	text_fprintf(stdout, "%s", doubled);
	fputs("\"", stdout);
}

static void join_groups(const struct values_found *f, char *ret, size_t cap)
{
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < f->n_groups; i++)
		n += text_format(ret + n, cap - n, "%s%s", i ? "," : "", f->groups[i]);
}

static void print_csv(const struct db_user *u, const struct values_found *f)
{
	const struct grant_key *key;
	char text[GRANT_VALUE_LEN], groups[STORE_GROUPS_MAX * (STORE_GROUP_NAME_MAX + 1)];

	print_field(u->name);
	fputs(",", stdout);
	join_groups(f, groups, sizeof(groups));
	print_field(groups);
	for (size_t i = 0; (key = grant_key(i)); i++) {
		fputs(",", stdout);
		print_field(grant_text(&f->source[0].values, key, text));
	}
	fputs("\n", stdout);
}

static void print_head(void)
{
	const struct grant_key *key;

	fputs("name,groups", stdout);
	for (size_t i = 0; (key = grant_key(i)); i++)
		text_fprintf(stdout, ",%s", key->word);
	fputs("\n", stdout);
}

static void add_user(json_t *all, const struct db_user *u, const struct values_found *f)
{
	json_t *o = json_pack("{s:o}", "name", json_text(u->name)), *groups = json_array();
	const struct grant_key *key;
	char text[GRANT_VALUE_LEN];

	for (size_t i = 0; i < f->n_groups; i++)
		json_array_append_new(groups, json_string(f->groups[i]));
	json_object_set_new(o, "groups", groups);
	for (size_t i = 0; (key = grant_key(i)); i++)
		if (grant_origin_of(&f->source[0].values, key))
			json_object_set_new(o, key->word,
				json_text(grant_text(&f->source[0].values, key, text)));
	json_array_append_new(all, o);
}

/* The list is read by another statement than the values, so both can be open at a time. */
static int export_user(const struct db_user *u, void *arg)
{
	struct export *e = arg;
	int r = values_of_user(e->db, e->cfg, u, e->found);

	if (r < 0)
		return r;
	if (e->all)
		add_user(e->all, u, e->found);
	else
		print_csv(u, e->found);
	return 0;
}

int user_export(const struct import_args *a)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(db) struct db *db = NULL;
	AUTO_MEM struct values_found *found = calloc(1, sizeof(*found));
	bool json = a->format && !strcmp(a->format, "json");
	struct export e = {.found = found, .all = json ? json_array() : NULL};
	int r = CMD_OK;

	if (a->format && !json && strcmp(a->format, "csv"))
		r = cmd_bad("user export", "--format", a->format, "csv or json");
	if (!r)
		r = where_config(&a->where, &cfg);
	if (!r)
		r = where_open(&a->where, false, &db);
	e.db = db;
	e.cfg = cfg;
	if (!r && !json)
		print_head();
	if (!r && (!found || db_user_list(db, export_user, &e) < 0))
		r = where_failed(db);
	if (!r && json)
		ask_print_json(e.all);
	json_decref(e.all);
	return r;
}
