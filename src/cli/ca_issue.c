// SPDX-License-Identifier: Apache-2.0
/* culvert ca init, issue. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ca.h"
#include "cli/cmd.h"
#include "cli/password.h"

static void day(int64_t at, char ret[static 16])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(ret, 16, "%F", gmtime_r(&t, &tm));
}

/* ---- init ---- */

static void default_name(char ret[static CA_NAME_MAX + 1])
{
	char host[40] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(ret, CA_NAME_MAX + 1, "Culvert users%s%s", *host ? " of " : "", host);
}

static int keep_root(struct db *db, const char *name, const struct ca_blob *cert,
	const struct ca_blob *key, struct db_authority *ret)
{
	struct ca_cert_info info;

	if (ca_cert_info((struct octets){cert->p, cert->n}, &info) < 0 ||
		cert->n > sizeof(ret->certificate))
		return cmd_fail(EV_CERT_NOT_MADE, name);
	*ret = (struct db_authority){.own = true,
		.names = AUTHORITY_UPN | AUTHORITY_EMAIL | AUTHORITY_CN,
		.not_after = info.not_after_s,
		.certificate_len = cert->n};
	snprintf(ret->name, sizeof(ret->name), "%.*s", STORE_AUTHORITY_NAME_MAX, name);
	hex_encode(info.sha256, sizeof(info.sha256), ret->sha256);
	memcpy(ret->certificate, cert->p, cert->n);
	return db_authority_add(db, ret, key->p, key->n) < 0 ? ca_db_failed(db) : CMD_OK;
}

static int init_done(const struct ca_args *a, const struct db_authority *ca)
{
	char until[16];
	json_t *o;

	if (a->ask.json) {
		o = json_pack("{s:o, s:s, s:I}", "name", json_text(ca->name), "sha256", ca->sha256,
			"not_after", (json_int_t)ca->not_after);
		ask_print_json(o);
		json_decref(o);
		return CMD_OK;
	}
	day(ca->not_after, until);
	text_fprintf(stdout,
		"authority \"%s\", good until %s; its key is in the database, encrypted\n"
		"`culvert ca issue NAME --out NAME.p12` makes a certificate for a user\n",
		ca->name, until);
	return CMD_OK;
}

int ca_init(struct db *db, const struct ca_args *a)
{
	AUTO_CA_BLOB cert = {0};
	AUTO_CA_BLOB key = {0};
	struct ca_root_opts opts = {.key = a->key, .days = a->days, .now_s = clock_wall_s()};
	struct tls_failure why = {0};
	struct db_authority ca;
	char name[CA_NAME_MAX + 1];
	int r = db_authority_own(db, &ca);

	if (!r)
		return cmd_fail(EV_CA_EXISTS, ca.name);
	if (r != -ENOENT)
		return ca_db_failed(db);
	default_name(name);
	opts.name = a->name ? a->name : name;
	if (text_fault(opts.name, strlen(opts.name)))
		return ca_wrong_use("--name: expected a line of printable UTF-8", opts.name);
	if (strlen(opts.name) > STORE_AUTHORITY_NAME_MAX)
		return ca_wrong_use("--name: expected at most 63 octets", opts.name);
	if (ca_make_root(&opts, &cert, &key, &why) < 0)
		return ca_failed(&why);
	r = keep_root(db, opts.name, &cert, &key, &ca);
	return r ? r : init_done(a, &ca);
}

/* ---- issue ---- */

static int read_password(const struct ca_args *a, char ret[static PASSWORD_MAX + 1])
{
	char again[PASSWORD_MAX + 1];
	bool same;
	int r = password_read(a->password_file, "Password of the file: ", ret, PASSWORD_MAX + 1);

	if (r < 0 || a->password_file)
		return r == -ENOTTY ? ca_wrong_use("there is no terminal to ask on: use "
						   "--p12-password-file",
					      NULL)
		       : r < 0      ? CMD_FAILED
				    : CMD_OK;
	r = password_read(NULL, "Again: ", again, sizeof(again));
	same = !r && !strcmp(again, ret);
	explicit_bzero(again, sizeof(again));
	if (r < 0)
		return CMD_FAILED;
	return same ? CMD_OK : ca_wrong_use("the two passwords differ", NULL);
}

/* A new file, 0600; whole or not there. */
static int write_new(const char *path, const struct ca_blob *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), error = 0;
	char text[500];
	size_t n = 0;

	if (fd < 0)
		error = errno;
	while (!error && n < b->n) {
		ssize_t done = write(fd, b->p + n, b->n - n);

		if (done > 0)
			n += (size_t)done;
		else if (done == 0 || errno != EINTR)
			error = done ? errno : ENOSPC;
	}
	if (fd >= 0) {
		if (!error && fsync(fd) < 0 && errno != EINVAL)
			error = errno;
		close(fd);
		if (error)
			unlink(path);
	}
	if (!error)
		return CMD_OK;
	text_format(text, sizeof(text), "%.300s: %s", path, strerror(error));
	return cmd_fail(EV_CA_FILE_FAILED, text);
}

static int issued(struct db *db, const struct db_authority *ca, const char *user,
	const struct ca_cert_info *info, struct db_certificate *ret)
{
	*ret = (struct db_certificate){.authority_id = ca->id,
		.not_before = info->not_before_s,
		.not_after = info->not_after_s,
		.issued_at = clock_wall_s()};
	snprintf(ret->user, sizeof(ret->user), "%s", user);
	snprintf(ret->serial, sizeof(ret->serial), "%s", info->serial);
	hex_encode(info->sha1, sizeof(info->sha1), ret->sha1);
	hex_encode(info->sha256, sizeof(info->sha256), ret->sha256);
	return db_certificate_add(db, ret) < 0 ? ca_db_failed(db) : CMD_OK;
}

struct made {
	struct ca_blob cert, key, p12;
	struct ca_cert_info info;
};

static void made_done(struct made *m)
{
	ca_blob_free(&m->cert);
	ca_blob_free(&m->key);
	ca_blob_free(&m->p12);
}

static int make(struct db *db, const struct ca_args *a, const struct db_authority *ca,
	const char *user, struct made *m)
{
	uint8_t ca_key[STORE_CA_KEY_MAX];
	size_t n;
	struct ca_issue_opts opts = {.ca_cert = {ca->certificate, ca->certificate_len},
		.user = user,
		.email = a->email,
		.key = a->key,
		.days = a->days,
		.now_s = clock_wall_s()};
	struct tls_failure why = {0};
	int r;

	if (db_authority_key(db, ca->id, ca_key, &n) < 0)
		return ca_db_failed(db);
	opts.ca_key = (struct octets){ca_key, n};
	r = ca_issue(&opts, &m->cert, &m->key, &why);
	explicit_bzero(ca_key, sizeof(ca_key));
	if (!r)
		r = ca_cert_info((struct octets){m->cert.p, m->cert.n}, &m->info);
	return r < 0 ? ca_failed(&why) : CMD_OK;
}

static int pack(
	const struct ca_args *a, const struct db_authority *ca, const char *user, struct made *m)
{
	char password[PASSWORD_MAX + 1];
	struct ca_p12_opts opts = {.cert = {m->cert.p, m->cert.n},
		.key = {m->key.p, m->key.n},
		.ca_cert = {ca->certificate, ca->certificate_len},
		.name = user,
		.password = password,
		.old = a->old_windows};
	struct tls_failure why = {0};
	int r = read_password(a, password);

	if (!r && ca_pkcs12(&opts, &m->p12, &why) < 0)
		r = ca_failed(&why);
	explicit_bzero(password, sizeof(password));
	return r;
}

static int tell_issued(const struct ca_args *a, const struct db_certificate *c)
{
	char until[16];
	json_t *o;

	if (a->ask.json) {
		o = json_pack("{s:o, s:s, s:s, s:s, s:I, s:o}", "user", json_text(c->user),
			"serial", c->serial, "thumbprint", c->sha1, "sha256", c->sha256,
			"not_after", (json_int_t)c->not_after, "file", json_text(a->out));
		ask_print_json(o);
		json_decref(o);
		return CMD_OK;
	}
	day(c->not_after, until);
	text_fprintf(stdout, "%s: certificate of %s, serial %s, good until %s\n", a->out, c->user,
		c->serial, until);
	return CMD_OK;
}

int ca_issue_user(struct db *db, const struct ca_args *a)
{
	struct made m = {0};
	struct db_authority ca;
	struct db_certificate c;
	char user[USER_NAME_MAX + 1];
	int r;

	if (!a->out)
		return ca_wrong_use("--out FILE: where does the PKCS#12 file go?", NULL);
	if (db_authority_own(db, &ca) < 0)
		return ca_db_failed(db);
	r = ca_spell_user(db, a->arg[0], user);
	if (!r)
		r = make(db, a, &ca, user, &m);
	if (!r)
		r = pack(a, &ca, user, &m);
	if (!r)
		r = issued(db, &ca, user, &m.info, &c);
	if (!r)
		r = write_new(a->out, &m.p12);
	made_done(&m);
	return r ? r : tell_issued(a, &c);
}
