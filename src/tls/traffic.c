// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * After a TLS 1.3 handshake OpenSSL's SSL object goes and this file takes over: application records
 * by record.c, alerts (RFC 8446 6), and the two messages that may follow a handshake (4.6):
 * NewSessionTicket, which is skipped (nothing is ever resumed), and KeyUpdate, which is obeyed and
 * answered. Anything else ends the connection.
 *
 * The hand-over is clean because the handshake is fed to OpenSSL one record at a time (engine.c): when
 * it is done, OpenSSL holds no octet of what follows, and both sequence numbers are zero (our server
 * sends no tickets; a foreign server's are the first records under the traffic key).
 *
 * Bounds: records that carry no data count against TLS_EMPTY_RECORDS_MAX, messages after the
 * handshake against TLS_MESSAGES_MAX, answers to KeyUpdates against TLS_OUTPUT_MAX as well; a message
 * of the handshake is never stored.
 *
 * Which alert answers what is in the RFC; each place names its section. No alert and no KeyUpdate
 * leaves behind our own close_notify (6.1).
 */
#include "tls/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/hex.h"
#include "base/hot.h"
#include "tls/record.h"

enum { MSG_NEW_SESSION_TICKET = 4, MSG_KEY_UPDATE = 24 };
enum {                                                /* octets behind a message's header */
	KEY_UPDATE_LEN = 1,                           /* 4.6.3 */
	TICKET_MIN = 4 + 4 + 1 + 2 + 1 + 2,           /* 4.6.1: with a ticket of one octet */
	TICKET_MAX = 4 + 4 + 256 + 65537 + 2 + 65534, /* with all that it may hold */
};
enum { ALERT_WARNING = 1, ALERT_FATAL = 2 };
enum {
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_BAD_RECORD_MAC = 20,
	ALERT_RECORD_OVERFLOW = 22,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_DECODE_ERROR = 50,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_USER_CANCELED = 90
};

/* ---- taking over ----------------------------------------------------------------------------- */

/* "CLIENT_TRAFFIC_SECRET_0 <client random> <secret>": OpenSSL reports it by the key log. */
void traffic_note_secret(struct tls *t, const char *line)
{
	static const char *const labels[] = {
		"CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 ", "EXPORTER_SECRET "};

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		const char *hex = strrchr(line, ' ');
		size_t n = hex ? strlen(hex + 1) / 2 : 0;

		if (strncmp(line, labels[i], strlen(labels[i])) || !n || n > RECORD_SECRET_MAX)
			continue;
		if (!hex_decode(hex + 1, t->secrets[i].octets, n))
			t->secrets[i].len = (uint8_t)n;
	}
}

COLD void traffic_start(struct tls *t)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
	const struct record_secret *client = &t->secrets[0], *server = &t->secrets[1];
	bool is_server = t->ctx->server;
	struct tls_info info;

	tls_info(t, &info);
	if (SSL_version(t->ssl) == TLS1_3_VERSION && cipher && !t->record_left && !t->n_header &&
		!record_new(SSL_CIPHER_get_protocol_id(cipher), is_server ? client : server,
			is_server ? server : client, &t->record)) {
		t->leaf = tls_leaf(t);
		if (t->leaf)
			X509_up_ref(t->leaf);
		snprintf(t->sni, sizeof(t->sni), "%s", info.sni); /* all else are constants */
		info.sni = t->sni;
		t->info = info;
		SSL_free(t->ssl);
		t->ssl = NULL;
	}
	explicit_bzero(t->secrets, 2 * sizeof(*t->secrets)); /* the exporter's is still of use */
}

int traffic_export(const struct tls *t, const char *label, uint8_t *ret, size_t n)
{
	return record_export(t->record, &t->secrets[2], label, ret, n);
}

/* ---- out ----------------------------------------------------------------------------------------- */

HOT static int seal(struct tls *t, enum record_type type, const void *text, size_t n)
{
	uint8_t *p;

	if (buf_reserve(&t->out, n + RECORD_OVERHEAD, &p) < 0 ||
		record_seal(t->record, type, text, n, p) < 0)
		return -ENOBUFS;
	buf_commit(&t->out, n + RECORD_OVERHEAD);
	t->records++;
	return 0;
}

/* Nothing follows our close_notify (6.1). */
static int send_alert(struct tls *t, uint8_t level, uint8_t description)
{
	if (t->closed)
		return 0;
	return seal(t, RECORD_ALERT, (uint8_t[]){level, description}, 2);
}

COLD static int send_key_update(struct tls *t)
{
	static const uint8_t update_not_requested[] = {MSG_KEY_UPDATE, 0, 0, 1, 0};
	int r = seal(t, RECORD_HANDSHAKE, update_not_requested, sizeof(update_not_requested));

	t->records = 0;
	return r < 0 ? r : record_update_tx(t->record);
}

int traffic_write_empty(struct tls *t)
{
	return seal(t, RECORD_DATA, "", 0);
}

int traffic_write(struct tls *t, const uint8_t *octets, size_t n)
{
	while (n) {
		size_t piece = n < RECORD_TEXT_MAX ? n : RECORD_TEXT_MAX;
		int r = seal(t, RECORD_DATA, octets, piece);

		if (r < 0)
			return r;
		octets += piece;
		n -= piece;
	}
	/* 5.5; the other direction's key is the peer's to count. */
	return t->records < t->ctx->records_per_key ? 0 : send_key_update(t);
}

void traffic_close(struct tls *t)
{
	send_alert(t, ALERT_WARNING, ALERT_CLOSE_NOTIFY);
	t->closed = true;
}

/* ---- in -------------------------------------------------------------------------------------------- */

COLD static void fail(struct tls *t, uint8_t alert, enum event event, const char *what)
{
	tls_failure_set(&t->failure, 0, event, "%s", what);
	t->state = TLS_FAILED;
	send_alert(t, ALERT_FATAL, alert);
}

static void fail_record(struct tls *t, ssize_t error)
{
	switch (error) {
	case -EBADMSG: /* 5.2 */
		fail(t, ALERT_BAD_RECORD_MAC, EV_TLS_DAMAGED,
			"a record does not open with its key");
		break;
	case -EMSGSIZE: /* 5.2, 5.4 */
		fail(t, ALERT_RECORD_OVERFLOW, EV_TLS_PROTOCOL,
			"a record is longer than TLS allows");
		break;
	case -EINVAL: /* 6.2: a field is out of its range */
		fail(t, ALERT_DECODE_ERROR, EV_TLS_PROTOCOL,
			"a record has another version number than TLS 1.3 writes");
		break;
	case -EPROTO: /* 5, 5.4 */
		fail(t, ALERT_UNEXPECTED_MESSAGE, EV_TLS_PROTOCOL,
			"what came is no TLS 1.3 record");
		break;
	default: fail(t, ALERT_INTERNAL_ERROR, EV_OUT_OF_MEMORY, "opening a record");
	}
}

/* 5.4: an empty one is unexpected. 6, 5.1: a record has one alert, whole. */
static void take_alert(struct tls *t, const uint8_t *text, size_t n)
{
	if (n != 2) {
		fail(t, n ? ALERT_DECODE_ERROR : ALERT_UNEXPECTED_MESSAGE, EV_TLS_PROTOCOL,
			"an alert of the wrong length");
	} else if (text[1] == ALERT_CLOSE_NOTIFY) {
		t->state = TLS_PEER_CLOSED;
	} else if (text[1] != ALERT_USER_CANCELED) {
		t->alert = text[1];
		tls_fail_from_alert(t);
		t->state = TLS_FAILED;
	}
}

/*
 * 4.6.3: new keys for what comes; `request` 1: and we are to change ours. `at_end`: 5.1, a message
 * before a change of keys ends with its record.
 */
COLD static void take_key_update(struct tls *t, uint8_t request, bool at_end)
{
	if (request > 1) {
		fail(t, ALERT_ILLEGAL_PARAMETER, EV_TLS_PROTOCOL,
			"a KeyUpdate that asks for what does not exist");
		return;
	}
	if (!at_end) {
		fail(t, ALERT_UNEXPECTED_MESSAGE, EV_TLS_PROTOCOL,
			"a KeyUpdate with more behind it in its record");
		return;
	}
	if (record_update_rx(t->record) < 0) {
		fail_record(t, -ENOMEM);
		return;
	}
	if (!request || t->closed)
		return;
	if (buf_len(&t->out) + 64 > TLS_OUTPUT_MAX || send_key_update(t) < 0) {
		tls_failure_set(
			&t->failure, 0, EV_TLS_FLOOD, "KeyUpdates whose answers are not read");
		t->state = TLS_FAILED;
	}
}

/* The header of a message is complete: may it come here, and is it as long as such a message is? */
COLD static void begin_message(struct tls *t)
{
	bool update = t->message[0] == MSG_KEY_UPDATE;
	bool ticket = t->message[0] == MSG_NEW_SESSION_TICKET && !t->ctx->server;

	t->message_left =
		(uint32_t)t->message[1] << 16 | (uint32_t)t->message[2] << 8 | t->message[3];
	if (!update && !ticket) /* 4.6 */
		fail(t, ALERT_UNEXPECTED_MESSAGE, EV_TLS_PROTOCOL,
			"a handshake message that has no place after the handshake");
	else if (update ? t->message_left != KEY_UPDATE_LEN
			: t->message_left < TICKET_MIN || t->message_left > TICKET_MAX) /* 6.2 */
		fail(t, ALERT_DECODE_ERROR, EV_TLS_PROTOCOL,
			"a handshake message of a length that it cannot have");
	else if (t->messages++ >= TLS_MESSAGES_MAX)
		fail(t, ALERT_UNEXPECTED_MESSAGE, EV_TLS_FLOOD,
			update ? "KeyUpdates" : "session tickets");
}

/* Octets of a message whose header is known. Returns how many it took. */
COLD static size_t take_body(struct tls *t, const uint8_t *text, size_t n)
{
	size_t take = n < t->message_left ? n : t->message_left;

	if (t->message[0] == MSG_KEY_UPDATE)
		take_key_update(t, *text, take == n);
	t->message_left -= (uint32_t)take;
	if (!t->message_left)
		t->n_message = 0;
	return take;
}

/* Handshake messages may be cut over records; only their header and one octet are ever looked at. */
COLD static void take_handshake(struct tls *t, const uint8_t *text, size_t n)
{
	while (n && t->state == TLS_OPEN) {
		size_t take = 1;

		if (t->n_message == sizeof(t->message)) {
			take = take_body(t, text, n);
		} else {
			t->message[t->n_message++] = *text;
			if (t->n_message == sizeof(t->message))
				begin_message(t);
		}
		text += take;
		n -= take;
	}
}

COLD static void take_other(struct tls *t, enum record_type type, const uint8_t *text, size_t n)
{
	if (t->n_message && type != RECORD_HANDSHAKE) /* 5.1 */
		fail(t, ALERT_UNEXPECTED_MESSAGE, EV_TLS_PROTOCOL,
			"a record of another type within a handshake message");
	else if (type == RECORD_ALERT)
		take_alert(t, text, n);
	else if (type == RECORD_HANDSHAKE && n) /* 5.4: an empty one is unexpected */
		take_handshake(t, text, n);
	else
		fail(t, ALERT_UNEXPECTED_MESSAGE, EV_TLS_PROTOCOL,
			"a record of a type that has no place here");
}

/*
 * A record without data costs as much as one with it. 5.4 allows empty ones, but no peer needs many in
 * a row; the same holds for pieces of handshake messages and for user_canceled. Data earns messages
 * (TLS_MESSAGES_MAX) back.
 */
HOT static bool is_flood(struct tls *t, size_t n_data)
{
	if (n_data) {
		t->empty_records = 0;
		if (t->messages && ++t->data_records >= TLS_RECORDS_PER_MESSAGE) {
			t->data_records = 0;
			t->messages--;
		}
		return false;
	}
	if (t->empty_records++ < TLS_EMPTY_RECORDS_MAX)
		return false;
	fail(t, ALERT_UNEXPECTED_MESSAGE, EV_TLS_FLOOD, "records without data");
	return true;
}

/* One record into `out`. Returns octets of data, 0 when it was none or there was no whole one. */
HOT static size_t take_record(struct tls *t, uint8_t *out, bool *ret_more)
{
	enum record_type type = RECORD_DATA;
	ssize_t n = record_open(t->record, &t->in, out, &type);

	*ret_more = n >= 0;
	if (n == -EAGAIN)
		return 0;
	if (n < 0) {
		fail_record(t, n);
		return 0;
	}
	if (type == RECORD_DATA && t->n_message == 0)
		return is_flood(t, (size_t)n) ? 0 : (size_t)n;
	if (!is_flood(t, 0))
		take_other(t, type, out, (size_t)n);
	return 0;
}

/* A record that is longer than the caller's room is opened aside and handed out in pieces. */
static size_t take_aside(struct tls *t, uint8_t *buf, size_t room, bool *ret_more)
{
	size_t n = buf_len(&t->aside);
	uint8_t *p;

	*ret_more = true;
	if (!n) {
		if (buf_reserve(&t->aside, TLS_RECORD_ROOM, &p) < 0) {
			fail_record(t, -ENOMEM);
			return 0;
		}
		buf_commit(&t->aside, take_record(t, p, ret_more));
		n = buf_len(&t->aside);
	}
	if (n > room)
		n = room;
	if (n)
		memcpy(buf, buf_data(&t->aside), n);
	buf_consume(&t->aside, n);
	return n;
}

size_t traffic_read(struct tls *t, uint8_t *buf, size_t cap)
{
	size_t got = 0;
	bool more = true;

	while (more && got < cap && t->state == TLS_OPEN) {
		size_t want = record_next_len(t->record, &t->in);

		if (buf_len(&t->aside) || want > cap - got) {
			if (got)
				break; /* whole records stay whole where they can */
			got += take_aside(t, buf, cap, &more);
		} else {
			got += take_record(t, buf + got, &more);
		}
	}
	return got;
}

bool traffic_pending(const struct tls *t)
{
	return t->state == TLS_OPEN && (rd_left(&t->in) || buf_len(&t->aside));
}

void traffic_idle(struct tls *t)
{
	record_idle(t->record);
	buf_shrink(&t->aside);
}

void traffic_done(struct tls *t)
{
	record_free(t->record);
	buf_done(&t->aside);
	X509_free(t->leaf);
	explicit_bzero(t->secrets, sizeof(t->secrets));
}
