/*
 * Theory of operation
 *
 * RFC 7616 3.4: response = H(H(A1):nonce:nc:cnonce:qop:H(A2)), where A1 names user, realm and
 * password and A2 the method and target. The password itself is never sent; whoever sees the answer
 * can still try passwords against it, so a proxy login is worth what its password is worth.
 */
#include "http/digest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/hex.h"

#define VALUE_MAX 200
#define HEX_MAX (2 * MD_MAX_LEN + 1)

struct challenge {
	char realm[VALUE_MAX], nonce[VALUE_MAX], opaque[VALUE_MAX], algorithm[24], qop[64];
};

/* Copies name="value" or name=value; the quoted form may hold escaped characters. */
static const char *take_value(const char *p, char *ret, size_t cap)
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

		text += strspn(text, ", \t");
		n = strcspn(text, "=, \t");
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			if (n == strlen(parts[i].name) && !strncasecmp(text, parts[i].name, n) &&
				!*parts[i].value) {
				value = parts[i].value;
				cap = parts[i].cap;
			}
		text += n;
		if (*text != '=') /* the next scheme of the same header, or the end */
			return;
		text = take_value(text + 1, value, cap);
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

static bool plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '"' || *s == '\\')
			return false;
	return true;
}

int http_digest_answer(const struct http_digest_opts *o, char *ret, size_t cap)
{
	char response[HEX_MAX], text[1024];
	struct challenge c;
	int n, r;

	if (strncasecmp(o->challenge, "Digest ", 7))
		return -EINVAL;
	parse_challenge(o->challenge + 7, &c);
	if (!*c.nonce || !plain(o->user) || !plain(c.realm) || !plain(c.nonce) || !plain(c.opaque))
		return -EINVAL;
	if (*c.qop && !word_in(c.qop, "auth"))
		return -ENOTSUP;
	if (strlen(o->user) + strlen(o->password) + strlen(c.realm) + 3 > sizeof(text))
		return -ENOSPC;
	r = respond(o, &c, text, sizeof(text), response);
	explicit_bzero(text, sizeof(text));
	if (r < 0)
		return r;
	n = snprintf(ret, cap,
		"Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\"",
		o->user, c.realm, c.nonce, o->uri, response);
	if (*c.algorithm)
		n += snprintf(ret + n, (size_t)n < cap ? cap - (size_t)n : 0, ", algorithm=%s",
			c.algorithm);
	if (*c.qop)
		n += snprintf(ret + n, (size_t)n < cap ? cap - (size_t)n : 0,
			", qop=auth, nc=00000001, cnonce=\"%s\"", o->cnonce);
	if (*c.opaque)
		n += snprintf(ret + n, (size_t)n < cap ? cap - (size_t)n : 0, ", opaque=\"%s\"",
			c.opaque);
	return (size_t)n < cap ? 0 : -ENOSPC;
}
