// SPDX-License-Identifier: Apache-2.0
/*
 * culvert ca revoke — by user, by serial number, by thumbprint, or by a list of thumbprints in whatever
 * form another program printed it: words of 40 hexadecimal digits count, all else does not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/ca.h"
#include "cli/cmd.h"

#define DIGITS "0123456789abcdefABCDEF"
#define SHA1_DIGITS 40

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'F')
			*text = (char)(*text + 32);
}

/*
 * Blanks and colons between digits go, and what a copy from Windows's dialog has before them: U+200E.
 */
static int plain_thumbprint(const char *text, size_t len, char ret[static SHA1_DIGITS + 1])
{
	size_t n = 0;

	if (len >= 3 && !memcmp(text, "\xe2\x80\x8e", 3)) {
		text += 3;
		len -= 3;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] && strchr(" :\t\r", text[i]))
			continue;
		if (!text[i] || !strchr(DIGITS, text[i]) || n == SHA1_DIGITS)
			return -EINVAL;
		ret[n++] = text[i];
	}
	ret[n] = '\0';
	lower(ret);
	return n == SHA1_DIGITS ? 0 : -EINVAL;
}

static int revoke_thumbprint(struct db *db, const char *text)
{
	char sha1[SHA1_DIGITS + 1];

	if (plain_thumbprint(text, strlen(text), sha1) < 0)
		return ca_wrong_use(
			"--thumbprint: expected the 40 hexadecimal digits of a SHA-1", text);
	if (db_thumbprint_revoke(db, sha1) < 0)
		return ca_db_failed(db);
	text_fprintf(stdout, "thumbprint %s is revoked\n", sha1);
	return CMD_OK;
}

/* The words of 40 digits in a line; returns how many, or a negative exit code. */
static int revoke_words(struct db *db, const char *line, size_t len)
{
	char sha1[SHA1_DIGITS + 1];
	int found = 0;

	if (!plain_thumbprint(line, len, sha1))
		return db_thumbprint_revoke(db, sha1) < 0 ? -ca_db_failed(db) : 1;
	for (size_t i = 0, n; i < len; i += n ? n : 1) {
		for (n = 0; i + n < len && line[i + n] && strchr(DIGITS, line[i + n]);)
			n++;
		if (n != SHA1_DIGITS)
			continue;
		memcpy(sha1, line + i, n);
		sha1[n] = '\0';
		lower(sha1);
		if (db_thumbprint_revoke(db, sha1) < 0)
			return -ca_db_failed(db);
		found++;
	}
	return found;
}

static int revoke_list(struct db *db, const char *path)
{
	AUTO_CA_BLOB file = {0};
	int r = ca_read_file(path, &file), found = 0;
	const char *p = (const char *)file.p, *end = p + file.n;

	while (!r && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((newline ? newline : end) - p);
		int n = len && *p == '#' ? 0 : revoke_words(db, p, len);

		if (n < 0)
			return -n;
		found += n;
		p += len + 1;
	}
	if (r)
		return r;
	if (!found)
		return ca_wrong_use("--thumbprints: there is no thumbprint (40 hexadecimal digits) "
				    "in the file",
			path);
	text_fprintf(stdout, "%d thumbprint%s revoked\n", found, found == 1 ? " is" : "s are");
	return CMD_OK;
}

/* As db_certificate has it: upper case, an even number of digits. */
static int revoke_serial(struct db *db, const char *text)
{
	char serial[STORE_SERIAL_MAX + 1], odd[] = "0";
	size_t n = 0, digits = 0;
	int r;

	for (const char *p = text; *p; p++)
		digits += *p != ':' && *p != ' ';
	if (digits % 2)
		serial[n++] = odd[0];
	for (; *text && n < STORE_SERIAL_MAX; text++)
		if (*text != ':' && *text != ' ')
			serial[n++] = (char)(*text >= 'a' && *text <= 'f' ? *text - 32 : *text);
	serial[n] = '\0';
	r = db_certificate_revoke_serial(db, serial);
	if (r < 0)
		return ca_db_failed(db);
	if (!r)
		return cmd_fail(
			EV_CA_NO_CERTIFICATE, "no good one of our own has that serial number");
	text_fprintf(stdout, "the certificate with serial %s is revoked\n", serial);
	return CMD_OK;
}

static int revoke_user(struct db *db, const char *name)
{
	char text[200];
	int r = db_certificate_revoke_user(db, name);

	if (r < 0)
		return ca_db_failed(db);
	if (!r) {
		text_format(text, sizeof(text), "user \"%.100s\" has none that is good", name);
		return cmd_fail(EV_CA_NO_CERTIFICATE, text);
	}
	text_fprintf(stdout, "%d certificate%s of %s revoked\n", r, r == 1 ? "" : "s", name);
	return CMD_OK;
}

int ca_revoke(struct db *db, const struct ca_args *a)
{
	int r = CMD_OK;

	if (!a->n_args && !a->serial && !a->thumbprint && !a->thumbprints)
		return ca_wrong_use(
			"whose? NAME, --serial, --thumbprint or --thumbprints is wanted", NULL);
	if (a->serial)
		r = revoke_serial(db, a->serial);
	if (!r && a->thumbprint)
		r = revoke_thumbprint(db, a->thumbprint);
	if (!r && a->thumbprints)
		r = revoke_list(db, a->thumbprints);
	for (int i = 0; !r && i < a->n_args; i++)
		r = revoke_user(db, a->arg[i]);
	return r;
}
