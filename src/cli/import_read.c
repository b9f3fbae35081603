// SPDX-License-Identifier: Apache-2.0
#include "cli/import_read.h"

#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/hex.h"
#include "base/text.h"

struct reader {
	const char *at, *end;
	unsigned line;
	struct imported user;
	int (*each)(const struct imported *u, void *arg);
	void *arg;
	struct import_fault *fault;
};

static int wrong(struct reader *r, const char *expected)
{
	*r->fault = (struct import_fault){r->line, expected};
	return -EINVAL;
}

/* The next line without its end; false: there is none. */
static bool next_line(struct reader *r, const char **ret, size_t *ret_n)
{
	const char *nl;

	if (r->at == r->end)
		return false;
	nl = memchr(r->at, '\n', (size_t)(r->end - r->at));
	*ret = r->at;
	*ret_n = (size_t)((nl ? nl : r->end) - r->at);
	r->at = nl ? nl + 1 : r->end;
	if (*ret_n && (*ret)[*ret_n - 1] == '\r')
		--*ret_n;
	r->line++;
	return true;
}

/* Copies a field; false: too long, or it has a NUL. */
static bool copy(char *to, size_t cap, const char *from, size_t n)
{
	if (n >= cap || memchr(from, 0, n))
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

static bool add_value(struct imported *u, const char *key, const char *value, size_t n)
{
	if (u->n == IMPORT_VALUES_MAX || !copy(u->value[u->n].value, IMPORT_WORD_MAX, value, n))
		return false;
	strcpy(u->value[u->n++].key, key);
	return true;
}

static int give(struct reader *r)
{
	int stop = r->each(&r->user, r->arg);

	explicit_bzero(&r->user, sizeof(r->user));
	return stop;
}

/* ---- pppd's chap-secrets (pppd(8)) ------------------------------------------------- */

/*
 * A word: blanks end it, except in quotes; a backslash takes the next octet as it is. 1, 0: none,
 * -1: bad.
 */
static int take_word(const char **at, const char *end, char ret[static IMPORT_WORD_MAX])
{
	const char *p = *at;
	char quote = '\0';
	size_t n = 0;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p == '#')
		return 0;
	for (; p < end && (quote || (*p != ' ' && *p != '\t')); p++) {
		char c = *p;

		if (quote ? c == quote : (c == '"' || c == '\'')) {
			quote = quote ? '\0' : c;
			continue;
		}
		if (c == '\\' && p + 1 < end)
			c = *++p;
		if (n + 1 >= IMPORT_WORD_MAX || !c)
			return -1;
		ret[n++] = c;
	}
	ret[n] = '\0';
	*at = p;
	return quote ? -1 : 1;
}

static int chap_secret(struct reader *r, const char *line, size_t n)
{
	static const char expected[] = "client server secret [address], each without a NUL";
	const char *end = line + n;
	char word[IMPORT_WORD_MAX];
	struct addr a;
	int got = take_word(&line, end, word);

	if (!got)
		return 0;
	if (got < 0 || !copy(r->user.name, sizeof(r->user.name), word, strlen(word)))
		return wrong(r, expected);
	if (take_word(&line, end, word) != 1 || take_word(&line, end, r->user.password) != 1)
		return wrong(r, expected);
	if (r->user.password[0] == '@' || !strcmp(r->user.name, "*"))
		return wrong(r, "a client's own name and secret (not * and not a file with @)");
	got = take_word(&line, end, word);
	if (got < 0)
		return wrong(r, expected);
	if (got && !addr_parse(word, &a) && a.family == AF_INET)
		add_value(&r->user, "address", word, strlen(word));
	return give(r);
}

/* ---- ocserv's ocpasswd --------------------------------------------------------------- */

static int ocpasswd(struct reader *r, const char *line, size_t n)
{
	static const char expected[] = "name:groups:hash";
	const char *groups = memchr(line, ':', n), *hash;

	if (!n || *line == '#')
		return 0;
	hash = groups ? memchr(groups + 1, ':', n - (size_t)(groups + 1 - line)) : NULL;
	if (!hash || !copy(r->user.name, sizeof(r->user.name), line, (size_t)(groups - line)))
		return wrong(r, expected);
	groups++;
	if (hash > groups && *groups != '*' &&
		!add_value(&r->user, "groups", groups, (size_t)(hash - groups)))
		return wrong(r, expected);
	if (hash + 1 < line + n && hash[1] == '!')
		add_value(&r->user, "disabled", "yes", 3);
	return give(r);
}

/* ---- CSV (RFC 4180): a field in quotes may hold commas and quotes, not lines ---------- */

#define COLUMNS_MAX (IMPORT_VALUES_MAX + 2)

struct row {
	size_t n;
	char field[COLUMNS_MAX][IMPORT_WORD_MAX];
};

/* One field; *at is behind it, at the comma or the end. */
static bool take_field(const char **at, const char *end, char ret[static IMPORT_WORD_MAX])
{
	const char *p = *at;
	bool quoted = p < end && *p == '"';
	size_t n = 0;

	for (p += quoted; p < end; p++) {
		if (quoted && *p == '"' && (++p == end || *p != '"')) {
			quoted = false;
			break;
		}
		if (!quoted && *p == ',')
			break;
		if (n + 1 >= IMPORT_WORD_MAX || !*p)
			return false;
		ret[n++] = *p;
	}
	ret[n] = '\0';
	*at = p;
	return !quoted && (p == end || *p == ',');
}

static bool split(const char *line, size_t n, struct row *ret)
{
	const char *end = line + n;

	for (ret->n = 0; ret->n < COLUMNS_MAX;) {
		if (!take_field(&line, end, ret->field[ret->n++]))
			return false;
		if (line == end)
			return true;
		line++;
	}
	return false;
}

static int csv_user(struct reader *r, const struct row *head, const struct row *row)
{
	struct imported *u = &r->user;

	if (row->n != head->n)
		return wrong(r, "as many fields as the first line has columns");
	for (size_t i = 0; i < row->n; i++) {
		const char *column = head->field[i], *field = row->field[i];
		size_t n = strlen(field);

		if (!strcmp(column, "name")) {
			if (!copy(u->name, sizeof(u->name), field, n))
				return wrong(r, "a name of at most 256 octets");
		} else if (!strcmp(column, "password")) {
			strcpy(u->password, field);
		} else if (n && !add_value(u, column, field, n)) {
			return wrong(r, "fewer columns");
		}
	}
	return give(r);
}

static bool has_name_column(const struct row *head)
{
	bool found = false;

	for (size_t i = 0; i < head->n; i++) {
		if (strlen(head->field[i]) >= sizeof(((struct imported *)0)->value[0].key))
			return false;
		found |= !strcmp(head->field[i], "name");
	}
	return found;
}

static int csv(struct reader *r)
{
	AUTO_MEM struct row *head = calloc(1, sizeof(*head)), *row = calloc(1, sizeof(*row));
	const char *line;
	size_t n;
	int stop = 0;

	if (!head || !row)
		return -ENOMEM;
	if (!next_line(r, &line, &n) || !split(line, n, head) || !has_name_column(head))
		return wrong(r, "a first line of column names, one of them `name`");
	while (!stop && next_line(r, &line, &n)) {
		if (!n)
			continue;
		stop = split(line, n, row)
			       ? csv_user(r, head, row)
			       : wrong(r, "fields with commas between, quotes in pairs");
	}
	explicit_bzero(row, sizeof(*row));
	return stop;
}

/* ---- SoftEther's vpn_server.config ------------------------------------------------------ */

/* The 16 octets of an NT hash in base64. */
static bool read_hash(const char *text, size_t n, uint8_t ret[static MSCHAP_NT_HASH_LEN])
{
	char word[40];

	return copy(word, sizeof(word), text, n) &&
	       base64_decode(word, ret, MSCHAP_NT_HASH_LEN) == MSCHAP_NT_HASH_LEN;
}

/* Behind "keyword " of a trimmed line; NULL: another line. */
static const char *after(const char *line, size_t n, const char *keyword)
{
	size_t len = strlen(keyword);

	return n > len && !memcmp(line, keyword, len) ? line + len : NULL;
}

struct nesting {                  /* of `declare NAME { … }` */
	unsigned depth, users_at; /* the depth inside UserList; 0: not in one */
	bool in_user;
};

static int softether_line(struct reader *r, struct nesting *in, const char *line, size_t n)
{
	const char *name = after(line, n, "declare "), *hash;
	const char *end = line + n;

	if (n == 1 && *line == '{') {
		in->depth++;
		return 0;
	}
	if (n == 1 && *line == '}') {
		bool ends_user = in->in_user && in->depth == in->users_at + 1;

		if (!in->depth--)
			return wrong(r, "as many { as }");
		if (in->users_at > in->depth)
			in->users_at = 0;
		in->in_user &= !ends_user;
		return ends_user ? give(r) : 0;
	}
	if (name && end - name == 8 && !memcmp(name, "UserList", 8)) {
		in->users_at = in->depth + 1;
	} else if (name && in->users_at && in->depth == in->users_at) {
		in->in_user = true;
		if (!copy(r->user.name, sizeof(r->user.name), name, (size_t)(end - name)))
			return wrong(r, "a name of at most 256 octets");
	} else if (in->in_user && (hash = after(line, n, "byte AuthNtLmSecureHash "))) {
		r->user.has_nt = read_hash(hash, (size_t)(end - hash), r->user.nt_hash);
	}
	return 0;
}

static int softether(struct reader *r)
{
	struct nesting in = {0};
	const char *line;
	size_t n;
	int stop = 0;

	while (!stop && next_line(r, &line, &n)) {
		while (n && (*line == ' ' || *line == '\t'))
			line++, n--;
		while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
			n--;
		stop = softether_line(r, &in, line, n);
	}
	return !stop && in.depth ? wrong(r, "as many } as {") : stop;
}

/* ---- all of them -------------------------------------------------------------------------- */

bool import_format_of(const char *name, enum import_format *ret)
{
	static const char *const names[] = {"chap-secrets", "csv", "ocserv", "softether"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i])) {
			*ret = (enum import_format)i;
			return true;
		}
	return false;
}

static int by_line(struct reader *r, int (*read)(struct reader *r, const char *line, size_t n))
{
	const char *line;
	size_t n;
	int stop = 0;

	while (!stop && next_line(r, &line, &n))
		stop = read(r, line, n);
	return stop;
}

int import_read(enum import_format format, const char *text, size_t n,
	int (*each)(const struct imported *u, void *arg), void *arg, struct import_fault *ret_fault)
{
	struct reader r = {
		.at = text, .end = text + n, .each = each, .arg = arg, .fault = ret_fault};
	int stop = -EINVAL;

	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		r.at += 3; /* a byte order mark, as Excel writes it */
	if (text_mark_fault(r.at, (size_t)(r.end - r.at))) {
		r.line = 1;
		return wrong(&r, "UTF-8; it is UTF-16, or has octets of value zero");
	}
	switch (format) {
	case IMPORT_CHAP_SECRETS: stop = by_line(&r, chap_secret); break;
	case IMPORT_OCSERV: stop = by_line(&r, ocpasswd); break;
	case IMPORT_CSV: stop = csv(&r); break;
	case IMPORT_SOFTETHER: stop = softether(&r); break;
	} /* no default */
	explicit_bzero(&r.user, sizeof(r.user));
	return stop;
}
