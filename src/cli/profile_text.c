// SPDX-License-Identifier: Apache-2.0
#include "cli/profile_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/parse.h"
#include "config/suggest.h"
#include "config/value.h"

#define SECTION "connect"
#define SERVER "server"
#define CA_MAX (32 * 1024) /* octets of an invite's certificates */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool profile_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n && n <= PROFILE_NAME_MAX && strspn(name, LETTERS) &&
	       strspn(name, LETTERS "-_.") == n && !strstr(name, "..");
}

struct profile *profile_new(void)
{
	return calloc(1, sizeof(struct profile));
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->item[i].value);
	free(p->ca);
	explicit_bzero(p, sizeof(*p));
	free(p);
}

static int __attribute__((format(printf, 3, 4)))
fail(struct profile_fault *f, unsigned line, const char *fmt, ...)
{
	va_list ap;

	f->line = line;
	va_start(ap, fmt);
	text_vformat(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- items ---------------------------------------------------------- */

static bool grows(int id)
{
	return id == PROFILE_SERVER || connect_option((enum connect_id)id)->kind == CONNECT_LIST;
}

static const struct profile_item *find(const struct profile *p, int id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].id == id)
			return &p->item[i];
	return NULL;
}

int profile_put(struct profile *p, int id, const char *value, unsigned line)
{
	char *copy = strdup(value);

	if (copy && !grows(id))
		profile_drop(p, id);
	if (!copy || p->n == PROFILE_ITEMS_MAX) {
		free(copy);
		return copy ? -E2BIG : -ENOMEM;
	}
	p->item[p->n++] = (struct profile_item){id, line, copy};
	return 0;
}

void profile_drop(struct profile *p, int id)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->item[i].id == id)
			free(p->item[i].value);
		else
			p->item[kept++] = p->item[i];
	}
	p->n = kept;
}

const char *profile_get(const struct profile *p, int id)
{
	const struct profile_item *item = find(p, id);

	return item ? item->value : NULL;
}

/* ---- secrets ---------------------------------------------------------- */

static const enum connect_id secret_rows[PROFILE_SECRETS] = {
	CONNECT_PASSWORD_FILE, CONNECT_P12_PASSWORD_FILE, CONNECT_PROXY_PASSWORD_FILE};

int profile_secret_at(int id)
{
	for (int i = 0; i < PROFILE_SECRETS; i++)
		if ((int)secret_rows[i] == id)
			return i;
	return -1;
}

enum connect_id profile_secret_row(size_t at)
{
	return secret_rows[at];
}

/* "password" of "password-file" */
static size_t secret_name_len(size_t at)
{
	return strlen(connect_option(secret_rows[at])->name) - strlen("-file");
}

static int secret_named(const char *key)
{
	for (size_t i = 0; i < PROFILE_SECRETS; i++)
		if (strlen(key) == secret_name_len(i) &&
			!strncmp(key, connect_option(secret_rows[i])->name, strlen(key)))
			return (int)i;
	return -1;
}

static int take_secret(
	struct profile_secrets *s, const struct parse_line *line, struct profile_fault *f)
{
	int at = line->key ? secret_named(line->key) : -1;
	const char *value = line->words.n == 1 ? line->words.word[0] : "";
	const char *fault = text_fault(value, strlen(value));

	if (at < 0)
		return fail(f, line->number,
			"expected password, p12-password or proxy-password = \"...\"");
	if (*s->value[at])
		return fail(f, line->number, "%s: expected once", line->key);
	if (!*value || fault || strlen(value) > PASSWORD_MAX)
		return fail(f, line->number,
			"%s: expected a secret of 1 to %d octets in quotes%s%s", line->key,
			PASSWORD_MAX, fault ? ", without control characters: " : "",
			fault ? fault : "");
	strcpy(s->value[at], value);
	return 0;
}

/* ---- from text ---------------------------------------------------------- */

static int put(struct profile *p, int id, const char *value, unsigned line, struct profile_fault *f)
{
	int r = profile_put(p, id, value, line);

	if (r == -E2BIG)
		return fail(f, line, "expected at most %d values in a profile", PROFILE_ITEMS_MAX);
	return r;
}

static int take_list(
	struct profile *p, int id, const struct parse_line *line, struct profile_fault *f)
{
	struct text_list list = {0};
	char why[CONFIG_WHY_LEN];
	int r = value_parse(VALUE_LIST, NULL, &line->words, &list, why);

	if (r == -EINVAL)
		fail(f, line->number, "%s: %s", line->key, why);
	for (size_t i = 0; !r && i < list.n; i++)
		r = put(p, id, list.item[i], line->number, f);
	value_done(VALUE_LIST, &list);
	return r;
}

static int take_flag(
	struct profile *p, int id, const struct parse_line *line, struct profile_fault *f)
{
	char why[CONFIG_WHY_LEN];
	bool yes = false;

	if (value_parse(VALUE_BOOL, NULL, &line->words, &yes, why) < 0)
		return fail(f, line->number, "%s: %s", line->key, why);
	return yes ? put(p, id, "", line->number, f) : 0;
}

static int take_text(
	struct profile *p, int id, const struct parse_line *line, struct profile_fault *f)
{
	char why[CONFIG_WHY_LEN], *text = NULL;
	int r = value_parse(VALUE_TEXT, NULL, &line->words, &text, why);

	if (r == -EINVAL)
		fail(f, line->number, "%s: %s", line->key, why);
	else if (!r && !*text)
		r = fail(f, line->number, "%s: expected a value", line->key);
	else if (!r && connect_option((enum connect_id)id)->kind == CONNECT_SECRET &&
		 !strcmp(text, "-"))
		r = fail(f, line->number, "%s: expected a file; a profile has no standard input",
			line->key);
	if (!r)
		r = put(p, id, text, line->number, f);
	free(text);
	return r;
}

static int take_words(
	struct profile *p, int id, const struct parse_line *line, struct profile_fault *f)
{
	char text[CONFIG_LINE_MAX + 1] = "";
	size_t n = 0;

	for (size_t i = 0; i < line->words.n; i++)
		n += text_format(
			text + n, sizeof(text) - n, "%s%s", i ? "," : "", line->words.word[i]);
	return take_text(p, id,
		&(struct parse_line){
			.number = line->number, .key = line->key, .words = {1, {text}}},
		f);
}

static int unknown(const struct parse_line *line, struct profile_fault *f)
{
	const char *known[CONNECT_IDS + 2] = {SERVER}, *near;

	for (size_t i = 0; i < CONNECT_IDS; i++)
		known[i + 1] = connect_option((enum connect_id)i)->name;
	near = suggest(line->key, known);
	return fail(f, line->number, "there is no key %s%s%s%s", line->key,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* The base64 is for PEM as it is, in lines of 64. */
int profile_put_ca(struct profile *p, const char *data)
{
	static const char letters[] = LETTERS "+/=";
	AUTO_MEM char *before = TAKE(p->ca);
	size_t n = 0;
	FILE *out;

	if (!*data || strspn(data, letters) != strlen(data) ||
		strlen(data) + (before ? strlen(before) : 0) > CA_MAX)
		return -EINVAL;
	out = open_memstream(&p->ca, &n);
	if (!out)
		return -ENOMEM;
	if (before)
		fwrite(before, 1, strlen(before), out);
	fputs("-----BEGIN CERTIFICATE-----\n", out);
	for (; *data; data += strnlen(data, 64))
		text_fprintf(out, "%.64s\n", data);
	fputs("-----END CERTIFICATE-----\n", out);
	return fclose(out) ? -ENOMEM : 0;
}

static int take_certificate(
	struct profile *p, const struct parse_line *line, struct profile_fault *f)
{
	int r = profile_put_ca(p, line->words.n == 1 ? line->words.word[0] : "");

	return r == -EINVAL
		       ? fail(f, line->number, "ca-data: expected a certificate, DER as base64")
		       : r;
}

/* What an invite alone has. 1: it is another key. */
static int take_invite_key(
	struct profile *p, const struct parse_line *line, struct profile_fault *f)
{
	const char *word = line->words.n == 1 ? line->words.word[0] : "";

	if (!strcmp(line->key, "ca-data"))
		return take_certificate(p, line, f);
	if (!strcmp(line->key, "name")) {
		if (!profile_name_ok(word))
			return fail(
				f, line->number, "name: expected letters, digits, - _ and dots");
		strcpy(p->name, word);
		return 0;
	}
	return !strcmp(line->key, "password") ? take_secret(&p->secrets, line, f) : 1;
}

static int take_key(
	struct profile *p, const struct parse_line *line, bool invite, struct profile_fault *f)
{
	const struct connect_option *row = connect_option_named(line->key);
	const struct profile_item *before;
	int r = invite ? take_invite_key(p, line, f) : 1;

	if (r <= 0)
		return r;
	if (!strcmp(line->key, SERVER))
		return take_list(p, PROFILE_SERVER, line, f);
	if (!row)
		return unknown(line, f);
	if (invite && row->from == CONNECT_OWN)
		return fail(f, line->number,
			"%s: a file from elsewhere may not set this; `culvert profile edit` can",
			row->name);
	before = find(p, (int)row->id);
	if (before && !grows((int)row->id))
		return fail(f, line->number, "%s: expected once, but it stands in line %u already",
			row->name, before->line);
	switch (row->kind) {
	case CONNECT_FLAG: return take_flag(p, (int)row->id, line, f);
	case CONNECT_LIST: return take_list(p, (int)row->id, line, f);
	case CONNECT_WORDS: return take_words(p, (int)row->id, line, f);
	case CONNECT_TEXT:
	case CONNECT_PATH:
	case CONNECT_SECRET: break;
	} /* no default */
	return take_text(p, (int)row->id, line, f);
}

static int take_line(
	struct profile *p, const struct parse_line *line, bool invite, struct profile_fault *f)
{
	if (line->key && !strcmp(line->section, SECTION))
		return take_key(p, line, invite, f);
	return strcmp(line->section, SECTION)
		       ? fail(f, line->number, "expected no section but [" SECTION "], got [%s]",
				 line->section)
		       : 0;
}

/* The keys stand in SECTION although no line says so. */
static void begin(struct parser *parser, const char *text, size_t n)
{
	parse_init(parser, text, n);
	strcpy(parser->section, SECTION);
}

int profile_parse(const char *text, size_t n, bool invite, struct profile **ret,
	struct profile_fault *ret_fault)
{
	AUTO(profile) struct profile *p = profile_new();
	struct parse_line line;
	struct parser parser;
	int r;

	if (!p)
		return -ENOMEM;
	if (n > PROFILE_FILE_MAX)
		return fail(ret_fault, 0, "expected at most %d octets", PROFILE_FILE_MAX);
	begin(&parser, text, n);
	while ((r = parse_next(&parser, &line)) > 0) {
		r = take_line(p, &line, invite, ret_fault);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return fail(ret_fault, parser.line, "%s", parser.why);
	*ret = TAKE(p);
	return 0;
}

/* ---- to text ---------------------------------------------------------- */

static void print_item(const struct profile_item *item, FILE *out)
{
	const struct connect_option *row =
		item->id == PROFILE_SERVER ? NULL : connect_option((enum connect_id)item->id);

	text_fprintf(out, "%s = ", row ? row->name : SERVER);
	if (row && row->kind == CONNECT_FLAG)
		fputs("yes", out);
	else
		value_print(VALUE_TEXT, NULL, &item->value, out);
	fputs("\n", out);
}

void profile_print(const struct profile *p, bool any, FILE *out)
{
	for (int id = PROFILE_SERVER; id < CONNECT_IDS; id++) {
		if (any && id >= 0 && connect_option((enum connect_id)id)->from != CONNECT_ANY)
			continue;
		for (size_t i = 0; i < p->n; i++)
			if (p->item[i].id == id)
				print_item(&p->item[i], out);
	}
}

/* ---- into options ---------------------------------------------------------- */

int profile_apply(const struct profile *p, const char *file, struct connect_options *co)
{
	int r = 0;

	for (size_t i = 0; !r && i < p->n; i++) {
		const struct profile_item *item = &p->item[i];
		struct connect_place at = {.file = file, .line = item->line};

		r = item->id == PROFILE_SERVER
			    ? connect_server(co, item->value, &at)
			    : connect_take(co, connect_option((enum connect_id)item->id),
				      item->value, &at);
	}
	return r;
}

/* ---- the file of secrets ---------------------------------------------------------- */

int profile_secrets_parse(
	const char *text, size_t n, struct profile_secrets *ret, struct profile_fault *ret_fault)
{
	struct parse_line line;
	struct parser parser;
	int r, bad = 0;

	*ret = (struct profile_secrets){0};
	begin(&parser, text, n);
	while (!bad && (r = parse_next(&parser, &line)) > 0)
		bad = take_secret(ret, &line, ret_fault);
	if (!bad && r < 0) /* parser.why may repeat a part of the secret */
		bad = fail(ret_fault, parser.line,
			"expected KEY = \"SECRET\"; \\\" and \\\\ stand for \" and \\");
	explicit_bzero(&parser, sizeof(parser));
	return bad;
}

void profile_secrets_print(const struct profile_secrets *s, FILE *out)
{
	for (size_t i = 0; i < PROFILE_SECRETS; i++) {
		const char *value = s->value[i];

		if (!*value)
			continue;
		text_fprintf(out, "%.*s = ", (int)secret_name_len(i),
			connect_option(secret_rows[i])->name);
		value_print(VALUE_TEXT, NULL, &value, out);
		fputs("\n", out);
	}
}
