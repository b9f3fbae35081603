// SPDX-License-Identifier: Apache-2.0
#include "http/body.h"

#include <errno.h>
#include <string.h>

#define CHUNK_MAX 0xfffffffu
#define TRAILER_LINES_MAX 64

static int parse_length(struct http_text t, uint64_t *ret)
{
	if (!t.n || t.n > 18)
		return -EPROTO;
	*ret = 0;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return -EPROTO;
		*ret = *ret * 10 + (uint64_t)(t.p[i] - '0');
	}
	return 0;
}

/* RFC 9112 6.3: the same length more than once counts as one. */
static int find_length(const struct http_message *m, bool *ret_found, uint64_t *ret)
{
	uint64_t one;

	*ret_found = false;
	for (size_t i = 0; i < m->n_headers; i++) {
		struct http_text list = m->headers[i].value, part;
		bool more = true;

		if (!http_text_is(m->headers[i].name, "Content-Length"))
			continue;
		while (more) {
			more = http_text_cut(&list, ',', &part);
			if (parse_length(http_text_trim(more ? part : list), &one) < 0 ||
				(*ret_found && one != *ret))
				return -EPROTO;
			*ret_found = true;
			*ret = one;
		}
	}
	return 0;
}

int http_body_start(struct http_body *b, const struct http_message *head)
{
	const struct http_text *coding = http_header(head, "Transfer-Encoding");
	bool found;
	int r;

	*b = (struct http_body){.state = HTTP_BODY_CLOSE};
	if (head->status / 100 == 1 || head->status == 204 || head->status == 304) {
		b->state = HTTP_BODY_DONE;
		return 0;
	}
	if (coding) {
		if (http_header_count(head, "Transfer-Encoding") != 1 ||
			!http_text_is(*coding, "chunked"))
			return -EPROTO;
		b->state = HTTP_BODY_SIZE; /* a length beside it does not count (RFC 9112 6.3) */
		return 0;
	}
	r = find_length(head, &found, &b->left);
	if (!r && found)
		b->state = b->left ? HTTP_BODY_PLAIN : HTTP_BODY_DONE;
	return r;
}

/* One line into b->line, cut there, without its CR LF. 0: it is whole. */
static int take_line(struct http_body *b, struct rd *in)
{
	while (rd_left(in)) {
		char c = (char)rd_u8(in);

		if (c == '\n') {
			if (b->line_n && b->line[b->line_n - 1] == '\r')
				b->line_n--;
			return 0;
		}
		if (b->line_n < sizeof(b->line))
			b->line[b->line_n++] = c;
		else if (b->state == HTTP_BODY_SIZE)
			return -EPROTO;
	}
	return -EAGAIN;
}

/* RFC 9112 7.1: digits, and perhaps an extension behind a semicolon. */
static int take_size(struct http_body *b)
{
	unsigned i = 0;

	b->left = 0;
	for (; i < b->line_n; i++) {
		char c = b->line[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			break;
		b->left = b->left << 4 | (unsigned)digit;
		if (b->left > CHUNK_MAX)
			return -EPROTO;
	}
	if (!i || (i < b->line_n && !strchr("; \t", b->line[i])))
		return -EPROTO;
	b->state = b->left ? HTTP_BODY_CHUNK : HTTP_BODY_TRAILER;
	return 0;
}

/* A line that is whole decides what comes next. */
static int after_line(struct http_body *b)
{
	int r = 0;

	if (b->state == HTTP_BODY_SIZE)
		r = take_size(b);
	else if (b->state == HTTP_BODY_CHUNK_END && !b->line_n)
		b->state = HTTP_BODY_SIZE;
	else if (b->state == HTTP_BODY_TRAILER && !b->line_n)
		b->state = HTTP_BODY_DONE;
	else if (b->state != HTTP_BODY_TRAILER || ++b->lines > TRAILER_LINES_MAX)
		r = -EPROTO;
	b->line_n = 0;
	return r;
}

static int take_octets(struct http_body *b, struct rd *in, struct rd *ret)
{
	size_t n = rd_left(in);

	if (!n)
		return -EAGAIN;
	if (b->state != HTTP_BODY_CLOSE) {
		if (n > b->left)
			n = (size_t)b->left;
		b->left -= n;
		if (!b->left)
			b->state =
				b->state == HTTP_BODY_CHUNK ? HTTP_BODY_CHUNK_END : HTTP_BODY_DONE;
	}
	*ret = rd_sub(in, n);
	return 1;
}

int http_body_next(struct http_body *b, struct rd *in, struct rd *ret)
{
	for (;;) {
		int r;

		switch (b->state) {
		case HTTP_BODY_DONE: return 0;
		case HTTP_BODY_PLAIN:
		case HTTP_BODY_CLOSE:
		case HTTP_BODY_CHUNK: return take_octets(b, in, ret);
		case HTTP_BODY_SIZE:
		case HTTP_BODY_CHUNK_END:
		case HTTP_BODY_TRAILER:
			r = take_line(b, in);
			if (!r)
				r = after_line(b);
			if (r)
				return r;
		} /* no default */
	}
}

static bool says(const struct http_message *m, const char *header, const char *word)
{
	for (size_t i = 0; i < m->n_headers; i++) {
		struct http_text list = m->headers[i].value, part;
		bool more = true;

		while (http_text_is(m->headers[i].name, header) && more) {
			more = http_text_cut(&list, ',', &part);
			if (http_text_is(http_text_trim(more ? part : list), word))
				return true;
		}
	}
	return false;
}

bool http_keeps_connection(const struct http_message *head)
{
	if (says(head, "Connection", "close") || says(head, "Proxy-Connection", "close"))
		return false;
	return (head->major == 1 && head->minor >= 1) || says(head, "Connection", "keep-alive") ||
	       says(head, "Proxy-Connection", "keep-alive");
}
