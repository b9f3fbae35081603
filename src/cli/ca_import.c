// SPDX-License-Identifier: Apache-2.0
/* culvert ca import, set, bind, unbind, remove: which certificates of others are accepted, and as whom. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ca.h"
#include "cli/cmd.h"

static const struct {
	const char *word;
	unsigned bit;
} fields[] = {{"upn", AUTHORITY_UPN}, {"email", AUTHORITY_EMAIL}, {"cn", AUTHORITY_CN}};

static const char *const crl_words[] = {[AUTHORITY_CRL_AUTO] = "auto",
	[AUTHORITY_CRL_REQUIRE] = "require",
	[AUTHORITY_CRL_USE] = "use",
	[AUTHORITY_CRL_OFF] = "off"};

/* "upn,email" of a mask; "bound certificates only" of none. */
static const char *names_text(unsigned names, char ret[static 32])
{
	*ret = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (names & fields[i].bit)
			strcat(strcat(ret, *ret ? "," : ""), fields[i].word);
	return *ret ? ret : strcpy(ret, "bound certificates only");
}

const char *ca_crl_text(enum authority_crl crl)
{
	return (size_t)crl < ARRAY_SIZE(crl_words) ? crl_words[crl] : "auto";
}

/* ---- the words of a rule ---- */

static int parse_fields(const char *text, unsigned *ret)
{
	char copy[64], *save = NULL;
	unsigned mask = 0;

	if (!strcmp(text, "bound")) {
		*ret = 0;
		return CMD_OK;
	}
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(fields) && strcmp(fields[i].word, w))
			i++;
		if (i == ARRAY_SIZE(fields))
			return ca_wrong_use(
				"user_from: expected upn, email, cn, several with commas, or bound",
				w);
		mask |= fields[i].bit;
	}
	if (!mask || strlen(text) >= sizeof(copy))
		return ca_wrong_use("user_from: expected upn, email, cn or bound", text);
	*ret = mask;
	return CMD_OK;
}

static int parse_crl(const char *text, enum authority_crl *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(crl_words); i++)
		if (!strcmp(crl_words[i], text)) {
			*ret = (enum authority_crl)i;
			return CMD_OK;
		}
	return ca_wrong_use("crl: expected auto, require, use or off", text);
}

static int parse_match(const char *text, struct db_authority *a)
{
	const char *star = strchr(text, '*');

	if (strlen(text) >= sizeof(a->pattern) || text_fault(text, strlen(text)) ||
		(star && strchr(star + 1, '*')))
		return ca_wrong_use("match: expected at most 127 octets with one * at most", text);
	snprintf(a->pattern, sizeof(a->pattern), "%s", text);
	return CMD_OK;
}

/* The server reads it, with another working folder; it need not be there yet. */
static int parse_crl_path(const char *text, struct db_authority *a)
{
	char real[PATH_MAX];

	if (*text && !realpath(text, real)) {
		text_fprintf(stderr, "culvert: warning: %s: %s\n", text, strerror(errno));
		if (*text != '/')
			return ca_wrong_use("crl_file: expected a path from the root", text);
		snprintf(real, sizeof(real), "%s", text);
	}
	if (*text && strlen(real) >= sizeof(a->crl_path))
		return ca_wrong_use("crl_file: expected at most 255 octets", text);
	snprintf(a->crl_path, sizeof(a->crl_path), "%.255s", *text ? real : "");
	return CMD_OK;
}

/* What would let everybody of a foreign authority in by mistake. */
static int check_rule(const struct db_authority *a)
{
	if (!a->own && a->names && !*a->pattern)
		return ca_wrong_use("a field of another's certificates needs a pattern "
				    "(match=\"*@corp.example\"; match=* takes every name)",
			NULL);
	if (a->strip && !strchr(a->pattern, '*'))
		return ca_wrong_use("strip needs a pattern with a *", a->pattern);
	if (a->crl == AUTHORITY_CRL_REQUIRE && !*a->crl_path)
		text_fprintf(stderr, "culvert: warning: a revocation list is required and none is "
				     "named (crl_file): its users cannot log in\n");
	return CMD_OK;
}

/* ---- import ---- */

static int rule_of_options(const struct ca_args *a, struct db_authority *ca)
{
	int r = CMD_OK;

	ca->strip = a->strip;
	if (a->user_from)
		r = parse_fields(a->user_from, &ca->names);
	if (!r && a->match)
		r = parse_match(a->match, ca);
	if (!r && a->crl)
		r = parse_crl_path(a->crl, ca);
	if (!r && a->crl_mode)
		r = parse_crl(a->crl_mode, &ca->crl);
	if (!r && a->match && !a->user_from)
		r = ca_wrong_use("--match needs --user-from: which field is it about?", NULL);
	return r ? r : check_rule(ca);
}

static int authority_of_file(const char *path, const char *name, struct db_authority *ret)
{
	AUTO_CA_BLOB file = {0};
	AUTO_CA_BLOB der = {0};
	struct tls_failure why = {0};
	struct ca_cert_info info;
	int r = ca_read_file(path, &file);

	if (r)
		return r;
	if (ca_read_cert((struct octets){file.p, file.n}, &der, &why) < 0 ||
		ca_cert_info((struct octets){der.p, der.n}, &info) < 0)
		return ca_failed(&why);
	if (!info.ca || der.n > sizeof(ret->certificate))
		return cmd_fail(EV_CA_NOT_AUTHORITY, info.subject);
	*ret = (struct db_authority){.not_after = info.not_after_s, .certificate_len = der.n};
	memcpy(ret->certificate, der.p, der.n);
	hex_encode(info.sha256, sizeof(info.sha256), ret->sha256);
	if (name && (!*name || strlen(name) > STORE_AUTHORITY_NAME_MAX ||
			    text_fault(name, strlen(name))))
		return ca_wrong_use("--name: expected 1 to 63 octets of printable UTF-8", name);
	text_format(ret->name, sizeof(ret->name), "%s", name ? name : info.subject);
	return CMD_OK;
}

static int count_authority(const struct db_authority *a, void *arg)
{
	(void)a;
	++*(int *)arg;
	return 0;
}

static int tell_import(const struct ca_args *a, const struct db_authority *ca)
{
	char names[32];
	json_t *o;

	if (a->ask.json) {
		o = json_pack("{s:o, s:s, s:s, s:o, s:s}", "name", json_text(ca->name), "sha256",
			ca->sha256, "user_from", names_text(ca->names, names), "match",
			json_text(ca->pattern), "crl", ca_crl_text(ca->crl));
		ask_print_json(o);
		json_decref(o);
		return CMD_OK;
	}
	text_fprintf(stdout, "authority \"%s\" was imported; users: %s%s%s\n", ca->name,
		names_text(ca->names, names), *ca->pattern ? " that match " : "", ca->pattern);
	if (!ca->names)
		text_fprintf(stdout,
			"`culvert ca bind NAME --cert FILE` makes a certificate a user's; or give a "
			"rule:\n`culvert ca set \"%s\" user_from=upn match=\"*@corp.example\"`\n",
			ca->name);
	return CMD_OK;
}

int ca_import(struct db *db, const struct ca_args *a)
{
	struct db_authority ca;
	int r = authority_of_file(a->arg[0], a->name, &ca), n = 0;

	if (!r)
		r = rule_of_options(a, &ca);
	if (r)
		return r;
	if (db_authority_list(db, count_authority, &n) < 0)
		return ca_db_failed(db);
	if (n >= STORE_AUTHORITIES_MAX)
		return ca_wrong_use(
			"there are 32 authorities already; `culvert ca remove` one", NULL);
	if (db_authority_add(db, &ca, NULL, 0) < 0)
		return ca_db_failed(db);
	return tell_import(a, &ca);
}

/* ---- set, remove ---- */

static int set_one(const char *text, struct db_authority *ca)
{
	const char *equals = strchr(text, '='), *value = equals ? equals + 1 : "";
	size_t n = equals ? (size_t)(equals - text) : 0;

	if (n == 9 && !strncmp(text, "user_from", n))
		return parse_fields(value, &ca->names);
	if (n == 5 && !strncmp(text, "match", n))
		return parse_match(value, ca);
	if (n == 3 && !strncmp(text, "crl", n))
		return parse_crl(value, &ca->crl);
	if (n == 8 && !strncmp(text, "crl_file", n))
		return parse_crl_path(value, ca);
	if (n == 5 && !strncmp(text, "strip", n) &&
		(!strcmp(value, "yes") || !strcmp(value, "no"))) {
		ca->strip = !strcmp(value, "yes");
		return CMD_OK;
	}
	return ca_wrong_use("expected user_from=, match=, strip=yes|no, crl= or crl_file=", text);
}

int ca_set(struct db *db, const struct ca_args *a)
{
	struct db_authority ca;
	char names[32];
	int r = CMD_OK;

	if (db_authority_find(db, a->arg[0], &ca) < 0)
		return ca_db_failed(db);
	for (int i = 1; !r && i < a->n_args; i++)
		r = set_one(a->arg[i], &ca);
	if (!r)
		r = check_rule(&ca);
	if (r)
		return r;
	if (db_authority_set_rule(db, &ca) < 0)
		return ca_db_failed(db);
	text_fprintf(stdout,
		"authority \"%s\": user_from=%s match=%s strip=%s crl=%s crl_file=%s\n", ca.name,
		names_text(ca.names, names), ca.pattern, ca.strip ? "yes" : "no",
		ca_crl_text(ca.crl), ca.crl_path);
	return CMD_OK;
}

int ca_remove(struct db *db, const struct ca_args *a)
{
	struct db_authority ca;

	if (db_authority_find(db, a->arg[0], &ca) < 0 || db_authority_remove(db, ca.id) < 0)
		return ca_db_failed(db);
	text_fprintf(stdout, "authority \"%s\" was removed\n", ca.name);
	return CMD_OK;
}

/* ---- bind, unbind ---- */

/* Digits without blanks and colons; -EINVAL: others, or too many. */
static int plain_hex(const char *text, bool upper, char *ret, size_t cap)
{
	size_t n = 0;

	for (; *text; text++) {
		if (strchr(" :", *text))
			continue;
		if (!strchr("0123456789abcdefABCDEF", *text) || n + 1 >= cap)
			return -EINVAL;
		ret[n++] = (char)(*text >= 'a' && upper                    ? *text - 32
				  : *text >= 'A' && *text <= 'F' && !upper ? *text + 32
									   : *text);
	}
	ret[n] = '\0';
	return n ? 0 : -EINVAL;
}

/* BN_bn2hex() writes an even number of digits. */
static int plain_serial(const char *text, char ret[static STORE_SERIAL_MAX + 1])
{
	char digits[STORE_SERIAL_MAX + 1];
	const char *p = digits;

	if (plain_hex(text, true, digits, sizeof(digits)) < 0)
		return -EINVAL;
	while (p[0] == '0' && p[1] == '0' && p[2])
		p += 2;
	snprintf(ret, STORE_SERIAL_MAX + 1, "%s%s", strlen(p) % 2 ? "0" : "",
		strlen(p) + 1 < STORE_SERIAL_MAX ? p : "0");
	return 0;
}

struct issuer_search {
	const char *issuer;
	int64_t id;
	bool several;
};

static int match_issuer(const struct db_authority *a, void *arg)
{
	struct issuer_search *s = arg;
	struct ca_cert_info info;

	if (ca_cert_info((struct octets){a->certificate, a->certificate_len}, &info) < 0 ||
		strcmp(info.subject_dn, s->issuer))
		return 0;
	s->several = s->id;
	s->id = a->id;
	return 0;
}

static int binding_of_file(struct db *db, const struct ca_args *a, struct db_binding *b)
{
	AUTO_CA_BLOB file = {0};
	AUTO_CA_BLOB der = {0};
	struct tls_failure why = {0};
	struct ca_cert_info info;
	struct issuer_search s = {0};
	int r = ca_read_file(a->cert, &file);

	if (r)
		return r;
	if (ca_read_cert((struct octets){file.p, file.n}, &der, &why) < 0 ||
		ca_cert_info((struct octets){der.p, der.n}, &info) < 0)
		return ca_failed(&why);
	hex_encode(info.sha256, sizeof(info.sha256), b->sha256);
	if (b->authority_id)
		return CMD_OK;
	s.issuer = info.issuer;
	if (db_authority_list(db, match_issuer, &s) < 0)
		return ca_db_failed(db);
	if (!s.id || s.several)
		return ca_wrong_use("which authority is it of? name it with --ca", info.issuer);
	b->authority_id = s.id;
	return CMD_OK;
}

static int binding_of_words(
	const struct ca_args *a, const struct db_authority *ca, struct db_binding *b)
{
	struct ca_cert_info info;

	if (!b->authority_id)
		return ca_wrong_use("--ca CA: which authority issued it?", NULL);
	if (a->sha256)
		return plain_hex(a->sha256, false, b->sha256, sizeof(b->sha256)) < 0 ||
				       strlen(b->sha256) != 64
			       ? ca_wrong_use("--sha256: expected 64 hexadecimal digits", a->sha256)
			       : CMD_OK;
	if (ca_cert_info((struct octets){ca->certificate, ca->certificate_len}, &info) < 0)
		return cmd_fail(EV_STORE_CORRUPT, ca->name);
	snprintf(b->issuer, sizeof(b->issuer), "%s", info.subject_dn);
	if (plain_serial(a->serial, b->serial) < 0)
		return ca_wrong_use("--serial: expected at most 62 hexadecimal digits", a->serial);
	return CMD_OK;
}

static int read_binding(struct db *db, const struct ca_args *a, struct db_binding *b)
{
	struct db_authority ca = {0};

	if (!!a->cert + !!a->sha256 + !!a->serial != 1)
		return ca_wrong_use(
			"which certificate? one of --cert, --sha256, --serial is wanted", NULL);
	if (a->ca && db_authority_find(db, a->ca, &ca) < 0)
		return ca_db_failed(db);
	*b = (struct db_binding){.authority_id = ca.id};
	return a->cert ? binding_of_file(db, a, b) : binding_of_words(a, &ca, b);
}

int ca_bind(struct db *db, const struct ca_args *a)
{
	struct db_binding b;
	char user[USER_NAME_MAX + 1];
	int r = ca_spell_user(db, a->arg[0], user);

	if (!r)
		r = read_binding(db, a, &b);
	if (r)
		return r;
	snprintf(b.user, sizeof(b.user), "%s", user);
	if (db_binding_add(db, &b) < 0)
		return ca_db_failed(db);
	text_fprintf(stdout, "the certificate is %s's\n", user);
	return CMD_OK;
}

int ca_unbind(struct db *db, const struct ca_args *a)
{
	struct db_binding b;
	int r = read_binding(db, a, &b);

	if (r)
		return r;
	if (db_binding_remove(db, &b) < 0)
		return ca_db_failed(db);
	text_fprintf(stdout, "the certificate is bound to no user now\n");
	return CMD_OK;
}
