// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A comma may end a challenge or a parameter, so the parser looks at the next token: a token with "=" is a
 * parameter of the present challenge, a token without "=" begins the next challenge. A token68 is only
 * allowed right behind its scheme. Behind its "=" comes the end or a comma, which no parameter has. A
 * quoted string may contain commas, blanks and tokens.
 */
#include "http/challenge.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n'; /* CR LF: a folded line */
}

static void skip(struct http_text *t, bool commas)
{
	while (t->n && (is_blank(*t->p) || (commas && *t->p == ','))) {
		t->p++;
		t->n--;
	}
}

static struct http_text take(struct http_text *t, size_t n)
{
	struct http_text taken = {t->p, n};

	t->p += n;
	t->n -= n;
	return taken;
}

static struct http_text take_token(struct http_text *t)
{
	size_t n = 0;

	while (n < t->n && http_is_token_char((uint8_t)t->p[n]))
		n++;
	return take(t, n);
}

/* RFC 9110 11.2: token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
static bool skip_token68(struct http_text *t)
{
	struct http_text r = *t;
	size_t n = 0;

	while (n < r.n && (http_is_token_char((uint8_t)r.p[n]) || r.p[n] == '/') &&
		!strchr("!#$%&'*^`|", r.p[n]))
		n++;
	if (!n)
		return false;
	while (n < r.n && r.p[n] == '=')
		n++;
	take(&r, n);
	skip(&r, false);
	if (r.n && *r.p != ',')
		return false;
	*t = r;
	return true;
}

/* Behind "=": a quoted string, or all up to a blank or comma. One that does not end takes the rest. */
static void skip_value(struct http_text *t)
{
	size_t n = 0;

	if (t->n && *t->p == '"') {
		for (n = 1; n < t->n && t->p[n] != '"'; n++)
			n += t->p[n] == '\\';
		n++;
	} else {
		while (n < t->n && !is_blank(t->p[n]) && t->p[n] != ',')
			n++;
	}
	take(t, n < t->n ? n : t->n);
}

/* name BWS "=" BWS value; false, and nothing taken, when it is something else. */
static bool skip_param(struct http_text *t)
{
	struct http_text r = *t;

	if (!take_token(&r).n)
		return false;
	skip(&r, false);
	if (!r.n || *r.p != '=')
		return false;
	take(&r, 1);
	skip(&r, false);
	skip_value(&r);
	*t = r;
	return true;
}

bool http_challenge_next(struct http_text *list, struct http_challenge *ret)
{
	struct http_text t = *list, end = {0};

	skip(&t, true);
	ret->scheme = take_token(&t);
	if (!ret->scheme.n || (t.n && !is_blank(*t.p) && *t.p != ','))
		return false;
	skip(&t, false);
	ret->params = (struct http_text){t.p, 0};
	if (!skip_token68(&t))
		for (end = t; skip_param(&t); skip(&t, true))
			end = t;
	else
		end = t;
	ret->params.n = (size_t)(end.p - ret->params.p);
	while (ret->params.n && is_blank(ret->params.p[ret->params.n - 1]))
		ret->params.n--;
	*list = end;
	return true;
}

bool http_challenge_is(const struct http_challenge *c, const char *scheme)
{
	return http_text_is(c->scheme, scheme);
}
