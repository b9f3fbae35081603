// SPDX-License-Identifier: Apache-2.0
/*
 * cli/profile_carry.c — profiles that come from elsewhere and go there: an invite of a server's admin,
 * another machine's export, a connection of another client (cli/profile_foreign.h). An invite's text is a
 * stranger's: it sets what rows of ANY allow (cli/connect.def), and the file of certificates that it
 * brings gets the profile's name and no other.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/profile.h"
#include "cli/profile_foreign.h"

#define FILE_MAX (256 * 1024) /* of a phonebook with many entries */
#define CA_FILE_MAX (32 * 1024)

/* ---- in ---------------------------------------------------------- */

/* Windows writes UTF-16, or UTF-8 with a mark: what is not ASCII of the first becomes ?. */
static void plain(char *text, size_t *n)
{
	size_t kept = 0;

	if (*n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		*n -= 3;
		memmove(text, text + 3, *n);
	} else if (*n >= 2 && !memcmp(text, "\xff\xfe", 2)) {
		for (size_t i = 2; i + 1 < *n; i += 2)
			text[kept++] =
				text[i + 1] || (unsigned char)text[i] >= 0x80 ? '?' : text[i];
		*n = kept;
	}
	text[*n] = '\0';
}

static void say_note(void *path, unsigned line, const char *text)
{
	if (line)
		text_fprintf(stderr, "culvert: %s:%u: %s\n", (const char *)path, line, text);
	else
		text_fprintf(stderr, "culvert: %s: %s\n", (const char *)path, text);
}

static int parse(
	const char *path, char *text, size_t n, struct profile **ret, struct profile_fault *fault)
{
	enum foreign_format format = strlen(text) == n ? foreign_format_of(text) : FOREIGN_NONE;
	struct foreign f = {.note = say_note, .arg = (void *)(uintptr_t)path};
	int r;

	if (format == FOREIGN_NONE)
		return profile_parse(text, n, true, ret, fault);
	f.profile = *ret = profile_new();
	r = f.profile ? foreign_read(format, text, &f) : -ENOMEM;
	*fault = f.fault;
	return r;
}

static int read_foreign(const char *path, struct profile **ret)
{
	struct profile_fault fault = {0};
	AUTO_MEM char *text = NULL;
	char where[PATH_MAX + CONFIG_WHY_LEN];
	size_t n = 0, size;
	int r = profile_read(path, FILE_MAX, &text, &n);

	if (r < 0) {
		text_format(where, sizeof(where), "%s: %s", path,
			r == -EINVAL ? "it is no regular file" : strerror(-r));
		return cmd_fail(EV_PROFILE_UNREADABLE, where);
	}
	size = n;
	plain(text, &n);
	r = parse(path, text, n, ret, &fault);
	explicit_bzero(text, size);
	if (r == -ENOMEM)
		return cmd_fail(EV_OUT_OF_MEMORY, "");
	text_format(where, sizeof(where), "%s:%u: %s", path, fault.line, fault.text);
	return r < 0 ? cmd_fail(EV_PROFILE_BAD, where) : 0;
}

/* NAME.crt beside the profile. */
static int keep_ca(struct profile_file *f)
{
	const char *ca = f->profile->ca;
	char path[PATH_MAX];
	int r;

	if (!ca)
		return 0;
	snprintf(path, sizeof(path), "%s/%s.crt", f->folder, f->name);
	r = profile_put(f->profile, CONNECT_CA, path, 0);
	if (!r)
		r = profile_make_folder(f->folder, geteuid() ? 0700 : 0755);
	if (!r)
		r = profile_write(path, ca, strlen(ca));
	return r < 0 ? cmd_fail(EV_PROFILE_UNWRITABLE, path) : 0;
}

/* Of another client's connection: its files are where they were. */
static int name_files(struct profile *p)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; !r && i < p->n; i++) {
		struct profile_item *item = &p->item[i];

		if (item->id < 0 || connect_option((enum connect_id)item->id)->kind != CONNECT_PATH)
			continue;
		r = profile_whole_name(item->value, path);
		if (!r) {
			free(item->value);
			item->value = strdup(path);
			r = item->value ? 0 : cmd_fail(EV_OUT_OF_MEMORY, "");
		}
	}
	return r;
}

static int keep(struct profile *p, const char *name)
{
	struct profile_file f;
	int r = profile_begin(name, &f);

	if (!r)
		r = name_files(p);
	if (r)
		return r;
	profile_free(f.profile);
	f.profile = p;
	f.secrets = p->secrets;
	r = profile_judge(&f);
	if (!r)
		r = keep_ca(&f);
	if (!r)
		r = profile_save(&f);
	if (!r)
		text_fprintf(stdout, "culvert: profile %s was added: %s\n", f.name, f.path);
	f.profile = NULL;
	profile_done(&f);
	return r;
}

int profile_import_file(const char *path, const char *name)
{
	AUTO(profile) struct profile *p = NULL;
	int r = read_foreign(path, &p);

	if (r)
		return r;
	if (!name && !*p->name) {
		fputs("culvert: the file names no profile: give a name with --name\n", stderr);
		return CMD_USAGE;
	}
	return keep(p, name ? name : p->name);
}

/* ---- out ---------------------------------------------------------- */

/* PEM has the base64 in lines; an invite has it in one. */
static void print_ca(const char *pem, FILE *out)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----",
			  end[] = "-----END CERTIFICATE-----";
	const char *stop;

	while ((pem = strstr(pem, begin)) && (stop = strstr(pem, end))) {
		fputs("ca-data = ", out);
		for (pem += strlen(begin); pem < stop;
			pem += strcspn(pem, "\r\n"), pem += strspn(pem, "\r\n"))
			text_fprintf(out, "%.*s", (int)strcspn(pem, "\r\n"), pem);
		fputs("\n", out);
		pem = stop;
	}
}

static void tell_what_stays(const struct profile *p)
{
	for (size_t i = 0; i < p->n; i++) {
		int id = p->item[i].id;
		const struct connect_option *row =
			id < 0 ? NULL : connect_option((enum connect_id)id);

		if (row && row->from == CONNECT_OWN && row->id != CONNECT_CA)
			text_fprintf(stderr, "culvert: %s is of this machine and was left out\n",
				row->name);
	}
}

int profile_export(const struct profile_file *f, FILE *out)
{
	const char *ca = profile_get(f->profile, CONNECT_CA);
	AUTO_MEM char *pem = NULL;
	char path[PATH_MAX];
	size_t n = 0;

	if (ca) {
		snprintf(path, sizeof(path), "%s%s%s", *ca == '/' ? "" : f->folder,
			*ca == '/' ? "" : "/", ca);
		if (profile_read(path, CA_FILE_MAX, &pem, &n) < 0)
			return cmd_fail(EV_PROFILE_UNREADABLE, path);
		pem[n] = '\0';
	}
	text_fprintf(out, "name = %s\n", f->name);
	profile_print(f->profile, true, out);
	if (pem)
		print_ca(pem, out);
	tell_what_stays(f->profile);
	return CMD_OK;
}
