// SPDX-License-Identifier: Apache-2.0
#include "http/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 9110 5.6.2: what names and methods are made of. */
bool http_is_token_char(uint8_t c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_token(struct http_text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!http_is_token_char((uint8_t)t.p[i]))
			return false;
	return t.n > 0;
}

/* RFC 9110 5.5 field-vchar, space and tab: octets above 0x7f are opaque, but allowed. */
static bool is_text_char(uint8_t c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool is_visible(struct http_text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] < 0x21 || t.p[i] == 0x7f)
			return false;
	return t.n > 0;
}

/*
 * The next line without its CR LF. -EAGAIN when its end is not there yet; a CR without LF, an LF
 * without CR and every other control character is an error as soon as it is seen.
 */
static int next_line(struct rd *in, struct http_text *ret)
{
	const uint8_t *p = in->p;

	while (p < in->end && is_text_char(*p))
		p++;
	if (p == in->end || (*p == '\r' && p + 1 == in->end))
		return -EAGAIN;
	if (p[0] != '\r' || p[1] != '\n')
		return -EPROTO;
	*ret = (struct http_text){(const char *)in->p, (size_t)(p - in->p)};
	in->p = p + 2;
	return 0;
}

bool http_text_cut(struct http_text *line, char c, struct http_text *ret)
{
	const char *at = memchr(line->p, c, line->n);

	if (!at)
		return false;
	*ret = (struct http_text){line->p, (size_t)(at - line->p)};
	line->n -= ret->n + 1;
	line->p = at + 1;
	return true;
}

static bool parse_version(struct http_text t, struct http_message *m)
{
	if (t.n != 8 || memcmp(t.p, "HTTP/", 5) || t.p[5] < '0' || t.p[5] > '9' || t.p[6] != '.' ||
		t.p[7] < '0' || t.p[7] > '9')
		return false;
	m->major = (unsigned)(t.p[5] - '0');
	m->minor = (unsigned)(t.p[7] - '0');
	return true;
}

/* RFC 9112 3: method SP request-target SP HTTP-version */
static int parse_request_line(struct http_text line, struct http_message *m)
{
	if (!http_text_cut(&line, ' ', &m->method) || !http_text_cut(&line, ' ', &m->target))
		return -EPROTO;
	if (!is_token(m->method) || !is_visible(m->target) || !parse_version(line, m))
		return -EPROTO;
	return 0;
}

/* RFC 9112 4: HTTP-version SP status-code SP [reason]; some leave the last space out. */
static int parse_status_line(struct http_text line, struct http_message *m)
{
	struct http_text version, code;

	if (!http_text_cut(&line, ' ', &version))
		return -EPROTO;
	parse_version(version, m); /* "HTTP/2" stays 0.0: the caller says what it wanted */
	if (!http_text_cut(&line, ' ', &code)) {
		code = line;
		line.n = 0;
	}
	if (code.n != 3 || code.p[0] < '1' || code.p[0] > '9')
		return -EPROTO;
	for (size_t i = 0; i < code.n; i++) {
		if (code.p[i] < '0' || code.p[i] > '9')
			return -EPROTO;
		m->status = m->status * 10 + (unsigned)(code.p[i] - '0');
	}
	m->reason = line;
	return 0;
}

/* CR and LF are in a folded value only. */
static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct http_text http_text_trim(struct http_text t)
{
	while (t.n && is_blank(t.p[0])) {
		t.p++;
		t.n--;
	}
	while (t.n && is_blank(t.p[t.n - 1]))
		t.n--;
	return t;
}

/* RFC 9112 5.2: `line` goes on with the header before it, which stands right in front of it. */
static void unfold(struct http_text line, struct http_message *m)
{
	struct http_text *value = &m->headers[m->n_headers - 1].value;

	value->n = (size_t)(line.p + line.n - value->p);
	*value = http_text_trim(*value);
}

/* A line that begins with a blank and continues nothing has no token. */
static int parse_header(struct http_text line, struct http_message *m)
{
	struct http_text name;

	if (!http_text_cut(&line, ':', &name) || !is_token(name))
		return -EPROTO;
	if (m->n_headers == HTTP_HEADERS_MAX)
		return -E2BIG;
	m->headers[m->n_headers++] = (struct http_header){name, http_text_trim(line)};
	return 0;
}

static int parse_first_line(struct rd *r, enum http_kind kind, struct http_message *m)
{
	static const char start[] = "HTTP/";
	size_t left = rd_left(r), n = left < strlen(start) ? left : strlen(start);
	int error;

	if (kind == HTTP_RESPONSE && n && memcmp(r->p, start, n))
		return -ENOMSG;
	error = next_line(r, &m->first_line);
	if (error < 0)
		return error;
	return kind == HTTP_REQUEST ? parse_request_line(m->first_line, m)
				    : parse_status_line(m->first_line, m);
}

int http_message_parse(struct rd *in, enum http_kind kind, struct http_message *ret)
{
	struct rd r = *in;
	struct http_text line;
	int error;

	if (rd_left(&r) > HTTP_HEAD_MAX)
		r.end = r.p + HTTP_HEAD_MAX;
	memset(ret, 0, offsetof(struct http_message, headers));
	ret->n_headers = 0;
	error = parse_first_line(&r, kind, ret);
	while (!error) {
		error = next_line(&r, &line);
		if (!error && !line.n) {
			in->p = r.p;
			return 0;
		}
		if (!error && kind == HTTP_RESPONSE && ret->n_headers && is_blank(line.p[0]))
			unfold(line, ret);
		else if (!error)
			error = parse_header(line, ret);
	}
	return error == -EAGAIN && rd_left(in) >= HTTP_HEAD_MAX ? -E2BIG : error;
}

bool http_text_is(struct http_text t, const char *word)
{
	return strlen(word) == t.n && !strncasecmp(t.p, word, t.n);
}

const struct http_text *http_header(const struct http_message *m, const char *name)
{
	for (size_t i = 0; i < m->n_headers; i++)
		if (http_text_is(m->headers[i].name, name))
			return &m->headers[i].value;
	return NULL;
}

size_t http_header_count(const struct http_message *m, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_headers; i++)
		n += http_text_is(m->headers[i].name, name);
	return n;
}

const char *http_text_copy(const struct http_text *t, char *ret, size_t cap)
{
	size_t n = t ? (t->n < cap - 1 ? t->n : cap - 1) : 0;

	for (size_t i = 0; i < n; i++)
		ret[i] = is_blank(t->p[i]) ? ' ' : t->p[i]; /* a folded line, a tab */
	ret[n] = 0;
	return ret;
}

void http_only_header(const struct http_message *m, const char *name, char *ret, size_t cap)
{
	http_text_copy(http_header_count(m, name) == 1 ? http_header(m, name) : NULL, ret, cap);
}

void http_reader_init(struct http_reader *r)
{
	buf_init(&r->head, HTTP_HEAD_MAX);
}

void http_reader_done(struct http_reader *r)
{
	buf_done(&r->head);
}

/*
 * Whether the last n octets of the head can change the verdict. Only the end of a line or a control
 * character can, so a head that trickles in is read once per line, not once per octet.
 */
static bool worth_parsing(const struct buf *head, size_t n)
{
	size_t had = buf_len(head) - n;
	const uint8_t *octets;

	if (had < strlen("HTTP/") || buf_len(head) >= HTTP_HEAD_MAX)
		return true;
	octets = buf_data(head);
	if (octets[had - 1] == '\r') /* is it followed by LF? */
		return true;
	for (size_t i = had; i < had + n; i++)
		if (!is_text_char(octets[i]))
			return true;
	return false;
}

int http_reader_feed(struct http_reader *r, enum http_kind kind, const void *octets, size_t n,
	struct http_message *ret, size_t *ret_consumed)
{
	size_t had = buf_len(&r->head), room = HTTP_HEAD_MAX - had, take = n < room ? n : room;
	int error = buf_append(&r->head, octets, take);
	struct rd in;

	if (error < 0)
		return error;
	if (!worth_parsing(&r->head, take)) {
		*ret_consumed = n;
		return -EAGAIN;
	}
	in = rd_init(buf_data(&r->head), buf_len(&r->head));
	error = http_message_parse(&in, kind, ret);
	if (!error)
		*ret_consumed = take - rd_left(&in);
	else if (error == -EAGAIN)
		*ret_consumed = n;
	return error;
}

void http_guid_make(const uint8_t random[static 16], char ret[static HTTP_GUID_LEN])
{
	const uint8_t *r = random;

	/* RFC 9562 5.4: version 4, variant 10 */
	snprintf(ret, HTTP_GUID_LEN,
		"{%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X}", r[0],
		r[1], r[2], r[3], r[4], r[5], (r[6] & 0x0f) | 0x40, r[7], (r[8] & 0x3f) | 0x80,
		r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}

/*
 * RFC 9562 5.8: version 8 is for forms of one's own, here with 4356 ("CV") in front of the last eight
 * digits. A program that sends one constant GUID for all its users is not taken for one client.
 */
#define LASTING_VERSION 15 /* where it stands in the text */
#define LASTING_MARK 25

void http_guid_make_lasting(const uint8_t random[static 16], char ret[static HTTP_GUID_LEN])
{
	http_guid_make(random, ret);
	ret[LASTING_VERSION] = '8';
	memcpy(ret + LASTING_MARK, "4356", 4);
}

bool http_guid_is_lasting(const char *guid)
{
	return strlen(guid) == HTTP_GUID_LEN - 1 && guid[LASTING_VERSION] == '8' &&
	       !memcmp(guid + LASTING_MARK, "4356", 4);
}

int http_guid_parse(struct http_text text, char ret[static HTTP_GUID_LEN])
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t len = strlen(form);

	if (text.n == len + 2 && text.p[0] == '{' && text.p[len + 1] == '}') {
		text.p++;
		text.n -= 2;
	}
	if (text.n != len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		char c = text.p[i];
		bool hex =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (form[i] == 'x' ? !hex : c != '-')
			return -EINVAL;
	}
	ret[0] = '{';
	memcpy(ret + 1, text.p, len);
	memcpy(ret + 1 + len, "}", 2);
	return 0;
}
