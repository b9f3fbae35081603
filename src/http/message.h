// SPDX-License-Identifier: Apache-2.0
/*
 * http/message.h — the head of an HTTP/1 message: first line and headers (RFC 9112), read strictly
 * and within limits.h.
 *
 * Ownership: the texts of a parsed message point into the octets it was parsed from. A reader owns
 *            the head it collects.
 * Strict:    lines end in CR LF, nothing else; one space between the parts of the first line; no
 *            blank before a colon; no control characters; in a request no folded header line. What two
 *            programs could read in two ways is refused rather than guessed (RFC 9112 11.2).
 * Folded:    a header line of a response may go on in the next, which begins with a blank (RFC 9112
 *            5.2): its value then holds CR LF, which counts as blanks and is copied as such.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"
#include "http/limits.h"

struct http_text {
	const char *p; /* not terminated */
	size_t n;
};

struct http_header {
	struct http_text name, value; /* value without blanks around it */
};

enum http_kind { HTTP_REQUEST, HTTP_RESPONSE };

struct http_message {
	struct http_text first_line;
	struct http_text method, target; /* request */
	struct http_text reason;         /* response; may be empty */
	unsigned status;                 /* response, 100 to 999 */
	unsigned major, minor;           /* 0.0 in a response whose version cannot be read */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t n_headers;
};

/*
 * Returns 0 and advances *in past the blank line; -EAGAIN when octets are missing (*in untouched);
 * -ENOMSG when a response does not begin with "HTTP/"; -EPROTO when the head is malformed; -E2BIG
 * when it exceeds limits.h. Errors are found as early as the octets show them.
 */
int http_message_parse(struct rd *in, enum http_kind kind, struct http_message *ret);

/* The first header of that name (any letter case), or NULL. */
const struct http_text *http_header(const struct http_message *m, const char *name);
size_t http_header_count(const struct http_message *m, const char *name);

/* RFC 9110 5.6.2. */
bool http_is_token_char(uint8_t c);
/* Letters compare without case. */
bool http_text_is(struct http_text t, const char *word);
/* Without blanks around it. */
struct http_text http_text_trim(struct http_text t);
/* Cuts *t at the first `c`; *ret is the part before it. False, and nothing cut, when there is none. */
bool http_text_cut(struct http_text *t, char c, struct http_text *ret);
/* Copies what fits, terminated; "" for NULL. Returns ret. */
const char *http_text_copy(const struct http_text *t, char *ret, size_t cap);

/*
 * Culvert's own headers (docs/interop.md, "Lanes"): that both ends know lanes, and a lane's proofs.
 * What a value means is sstp/lane.h; here they are texts, "" when there is none or more than one.
 */
#define HTTP_LANES "Culvert-Lanes"
#define HTTP_LANE "Culvert-Lane"
#define HTTP_LANE_TEXT 128 /* a longer value is cut, and then of no valid length */
void http_only_header(const struct http_message *m, const char *name, char *ret, size_t cap);

/* Collects a head that may come in pieces. */
struct http_reader {
	struct buf head;
};

void http_reader_init(struct http_reader *r);
void http_reader_done(struct http_reader *r);
/*
 * As http_message_parse(); *ret_consumed (set when 0 or -EAGAIN came back) is how many of the n
 * octets belong to the head. *ret points into the reader.
 */
int http_reader_feed(struct http_reader *r, enum http_kind kind, const void *octets, size_t n,
	struct http_message *ret, size_t *ret_consumed);

/* SSTPCORRELATIONID, [MS-DTYP] 2.3.4.3: "{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}" */
#define HTTP_GUID_LEN 39 /* with the zero */
void http_guid_make(const uint8_t random[static 16], char ret[static HTTP_GUID_LEN]);
/* One that a Culvert client bears in all its connections, and how a Culvert server knows it. */
void http_guid_make_lasting(const uint8_t random[static 16], char ret[static HTTP_GUID_LEN]);
bool http_guid_is_lasting(const char *guid);
/* Accepts the form without braces, too, and writes the one with them; -EINVAL otherwise. */
int http_guid_parse(struct http_text text, char ret[static HTTP_GUID_LEN]);
