// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * RFC 7616 3.4: response = H(H(A1):nonce:nc:cnonce:qop:H(A2)), where A1 names user, realm and
 * password and A2 the method and target. The password itself is never sent. An attacker who sees
 * the answer can still guess the password offline, so a proxy login is as strong as its password.
 */
#include "http/digest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/wr.h"

#define VALUE_MAX 400
#define HEX_MAX (2 * MD_MAX_LEN + 1)

struct challenge {
	char realm[VALUE_MAX], nonce[VALUE_MAX], opaque[VALUE_MAX], algorithm[24], qop[64];
	bool cut; /* a value was longer than its place: no answer to it can be right */
};

/* Copies "value" or value; the quoted form may hold escaped characters. */
static const char *take_value(const char *p, char *ret, size_t cap, bool *ret_cut)
{
	bool quoted = *p == '"';
	size_t n = 0;

	if (quoted)
		p++;
	while (*p && (quoted ? *p != '"' : !strchr(", \t", *p))) {
		if (quoted && *p == '\\' && p[1])
			p++;
		if (n + 1 < cap)
			ret[n++] = *p;
		else
			*ret_cut = true;
		p++;
	}
	ret[n] = '\0';
	return quoted && *p ? p + 1 : p;
}

static void parse_challenge(const char *text, struct challenge *ret)
{
	struct {
		const char *name;
		char *value;
		size_t cap;
	} parts[] = {{"realm", ret->realm, sizeof(ret->realm)},
		{"nonce", ret->nonce, sizeof(ret->nonce)},
		{"opaque", ret->opaque, sizeof(ret->opaque)},
		{"algorithm", ret->algorithm, sizeof(ret->algorithm)},
		{"qop", ret->qop, sizeof(ret->qop)}};

	*ret = (struct challenge){0};
	while (*text) {
		char ignored[VALUE_MAX], *value = ignored;
		size_t n, cap = sizeof(ignored);
		bool cut = false;

		text += strspn(text, ", \t");
		n = strcspn(text, "=, \t");
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			if (n == strlen(parts[i].name) && !strncasecmp(text, parts[i].name, n) &&
				!*parts[i].value) {
				value = parts[i].value;
				cap = parts[i].cap;
			}
		text += n + strspn(text + n, " \t");
		if (*text != '=') /* the next scheme of the same header, or the end */
			return;
		text++;
		text = take_value(text + strspn(text, " \t"), value, cap, &cut);
		ret->cut |= cut && value != ignored;
	}
}

static int hash_text(enum hash h, const char *text, char ret[static HEX_MAX])
{
	uint8_t md[MD_MAX_LEN];
	int r = hash_one(h, text, strlen(text), md);

	if (!r)
		hex_encode(md, hash_len(h), ret);
	return r;
}

static bool word_in(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, ", "), p += strspn(p, ", "))
		if (!strncasecmp(p, word, n) && (!p[n] || strchr(", ", p[n])))
			return true;
	return false;
}

static int choose_algorithm(const char *name, enum hash *ret, bool *ret_session)
{
	size_t n = strlen(name);

	*ret_session = n > 5 && !strcasecmp(name + n - 5, "-sess");
	if (*ret_session)
		n -= 5;
	if (!n || (n == 3 && !strncasecmp(name, "MD5", n)))
		*ret = HASH_MD5;
	else if (n == 7 && !strncasecmp(name, "SHA-256", n))
		*ret = HASH_SHA256;
	else
		return -ENOTSUP;
	return 0;
}

/* H(A1) and H(A2) into the response. `text` is a scratch that holds secrets; the caller wipes it. */
static int respond(const struct http_digest_opts *o, const struct challenge *c, char *text,
	size_t cap, char ret[static HEX_MAX])
{
	char a1[HEX_MAX], a2[HEX_MAX];
	bool session;
	enum hash h;
	int r = choose_algorithm(c->algorithm, &h, &session);

	if (r < 0)
		return r;
	snprintf(text, cap, "%s:%s:%s", o->user, c->realm, o->password);
	r = hash_text(h, text, a1);
	if (!r && session) {
		snprintf(text, cap, "%s:%s:%s", a1, c->nonce, o->cnonce);
		r = hash_text(h, text, a1);
	}
	snprintf(text, cap, "%s:%s", o->method, o->uri);
	if (!r)
		r = hash_text(h, text, a2);
	if (*c->qop)
		snprintf(text, cap, "%s:%s:00000001:%s:auth:%s", a1, c->nonce, o->cnonce, a2);
	else
		snprintf(text, cap, "%s:%s:%s", a1, c->nonce, a2);
	if (!r)
		r = hash_text(h, text, ret);
	explicit_bzero(a1, sizeof(a1));
	return r;
}

/* No control characters; what quoting can carry is fine. */
static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static bool quotable_as_is(const char *s)
{
	return printable(s) && !strpbrk(s, "\"\\");
}

/* -EINVAL, -ENOTSUP as http_digest_answer(). */
static int read_challenge(const char *text, struct challenge *ret)
{
	enum hash h;
	bool session;

	if (strncasecmp(text, "Digest ", 7))
		return -EINVAL;
	parse_challenge(text + 7, ret);
	if (!*ret->nonce || ret->cut || !printable(ret->realm) || !printable(ret->nonce) ||
		!printable(ret->opaque))
		return -EINVAL;
	if (*ret->qop && !word_in(ret->qop, "auth"))
		return -ENOTSUP;
	return choose_algorithm(ret->algorithm, &h, &session);
}

bool http_digest_can_answer(const char *challenge)
{
	struct challenge c;

	return read_challenge(challenge, &c) == 0;
}

/* ", name="value"" with the escapes that the challenge had (RFC 9110 5.6.4). */
static void add_quoted(struct wr *w, const char *name, const char *value)
{
	wr_octets(w, name, strlen(name));
	wr_octets(w, "=\"", 2);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			wr_u8(w, '\\');
		wr_u8(w, (uint8_t)*value);
	}
	wr_u8(w, '"');
}

static void add_text(struct wr *w, const char *text)
{
	wr_octets(w, text, strlen(text));
}

static int write_answer(const struct http_digest_opts *o, const struct challenge *c,
	const char *response, char *ret, size_t cap)
{
	struct wr w = wr_init(ret, cap);

	add_text(&w, "Digest ");
	add_quoted(&w, "username", o->user);
	add_quoted(&w, ", realm", c->realm);
	add_quoted(&w, ", nonce", c->nonce);
	add_quoted(&w, ", uri", o->uri);
	add_quoted(&w, ", response", response);
	if (*c->algorithm) {
		add_text(&w, ", algorithm=");
		add_text(&w, c->algorithm);
	}
	if (*c->qop) {
		add_text(&w, ", qop=auth, nc=00000001");
		add_quoted(&w, ", cnonce", o->cnonce);
	}
	if (*c->opaque)
		add_quoted(&w, ", opaque", c->opaque);
	wr_u8(&w, 0);
	return w.overflow ? -ENOSPC : 0;
}

int http_digest_answer(const struct http_digest_opts *o, char *ret, size_t cap)
{
	char response[HEX_MAX], text[2048];
	struct challenge c;
	int r = read_challenge(o->challenge, &c);

	if (r < 0)
		return r;
	if (!quotable_as_is(o->user))
		return -EINVAL;
	if (strlen(o->user) + strlen(o->password) + strlen(c.realm) + 3 > sizeof(text))
		return -ENOSPC;
	r = respond(o, &c, text, sizeof(text), response);
	explicit_bzero(text, sizeof(text));
	return r < 0 ? r : write_answer(o, &c, response, ret, cap);
}
