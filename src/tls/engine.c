// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * OpenSSL's SSL object does the handshake, and with TLS 1.2 all of the protocol; this file puts it
 * between two pieces of memory. After a TLS 1.3 handshake traffic.c takes over. The BIO
 * reads from the octets that the owner lent with tls_recv() and appends what it writes to `out`, so
 * there is no copy but OpenSSL's own, and all records made between two socket writes leave in one.
 *
 * Read-ahead: OpenSSL reads 36 KiB at a time (two full records and a piece) instead of a header and
 * then a body. A larger size is slower, because OpenSSL moves the rest to the front for every record.
 * With SSL_MODE_RELEASE_BUFFERS that memory is given back whenever it is empty.
 *
 * What is left out on purpose: resumption, tickets and 0-RTT (a resumed handshake shows no
 * certificate, so the crypto binding of a client could name the one before a renewal, [MS-SSTP]
 * 3.2.5.2), renegotiation, compression, client certificates.
 *
 * KeyUpdate (RFC 8446 4.6.3): a peer's is answered by OpenSSL inside tls_read(); ours is sent when
 * TLS_RECORDS_PER_KEY records were sealed with one key (5.5). OpenSSL does not count.
 *
 * After a failure or a close every call is safe: reads return the same error, writes are refused.
 */
#include "tls/private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "base/hot.h"

/* A sealed record is longer than its text by a header, a nonce or type octet, tag and padding. */
#define RECORD_OVERHEAD_MAX 256u

/* RFC 6066 3: a name without its trailing dot, and never an address. */
static int set_sni(struct tls *t, const struct tls_peer_opts *peer)
{
	const char *sni = peer->sni ? peer->sni : peer->host;
	char name[256];
	size_t n;

	if (!sni || !*sni || tls_is_address(sni))
		return 0;
	n = strlen(sni);
	if (sni[n - 1] == '.')
		n--;
	if (!n || n >= sizeof(name))
		return -EINVAL;
	memcpy(name, sni, n);
	name[n] = 0;
	return SSL_set_tlsext_host_name(t->ssl, name) ? 0 : -ENOMEM;
}

static int start_client(struct tls *t, const struct tls_peer_opts *peer)
{
	static const unsigned char alpn[] = "\x08http/1.1";

	if (!peer || ((!peer->host || !*peer->host) && !t->ctx->insecure && !t->ctx->n_pins))
		return -EINVAL;
	if (peer->host) {
		t->host = strdup(peer->host);
		if (!t->host)
			return -ENOMEM;
	}
	t->verify_at_s = peer->verify_at_s;
	SSL_set_connect_state(t->ssl);
	if (SSL_set_alpn_protos(t->ssl, alpn, sizeof(alpn) - 1))
		return -ENOMEM;
	return set_sni(t, peer);
}

int tls_new(struct tls_ctx *ctx, const struct tls_peer_opts *peer, struct tls **ret)
{
	AUTO(tls) struct tls *t = calloc(1, sizeof(*t));
	BIO *bio;
	int r;

	if (!t)
		return -ENOMEM;
	t->ctx = tls_ctx_ref(ctx);
	t->alert = 0xff;
	buf_init(&t->out, TLS_OUTPUT_MAX + RECORD_TEXT_MAX);
	buf_init(&t->aside, 0);
	t->ssl = SSL_new(ctx->ssl);
	bio = BIO_new(ctx->bio);
	if (!t->ssl || !bio) {
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, t);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	if (ctx->server) {
		SSL_set_accept_state(t->ssl);
	} else {
		r = start_client(t, peer);
		if (r < 0)
			return r;
	}
	*ret = TAKE(t);
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	traffic_done(t);
	buf_done(&t->out);
	tls_ctx_free(t->ctx);
	free(t->host);
	free(t->problems);
	free(t);
}

HOT void tls_recv(struct tls *t, const void *octets, size_t n)
{
	assert(!rd_left(&t->in) || t->state >= TLS_PEER_CLOSED);
	t->in = rd_init(octets, n);
	if (t->n_first < sizeof(t->first)) {
		struct rd r = t->in;
		size_t room = sizeof(t->first) - t->n_first, take = n < room ? n : room;

		rd_copy(&r, t->first + t->n_first, take);
		t->n_first = (uint8_t)(t->n_first + take);
	}
}

/* OpenSSL stopped: it needs more input, the connection is closed, or it failed. */
static void stopped(struct tls *t, int r)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ: break;
	case SSL_ERROR_ZERO_RETURN: t->state = TLS_PEER_CLOSED; break;
	default: tls_fail_from_queue(t); t->state = TLS_FAILED;
	}
}

COLD static void handshake(struct tls *t)
{
	int r = SSL_do_handshake(t->ssl);

	if (r != 1) {
		stopped(t, r);
		return;
	}
	t->state = TLS_OPEN;
	if (!t->ctx->probe)
		traffic_start(t);
}

HOT ssize_t tls_read(struct tls *t, void *buf, size_t cap)
{
	size_t got = 0, n;

	if (!t->record)
		ERR_clear_error(); /* of what other code of this thread left there */
	if (t->state == TLS_HANDSHAKE)
		handshake(t);
	if (t->record)
		got = traffic_read(t, buf, cap);
	while (!t->record && t->state == TLS_OPEN && got < cap) {
		int ok = SSL_read_ex(t->ssl, (uint8_t *)buf + got, cap - got, &n);

		if (ok != 1) {
			stopped(t, ok);
			break;
		}
		got += n;
	}
	/* An end behind these octets, or octets without room, are for the next read. */
	t->unread = got && ((got == cap && !t->record) || t->state >= TLS_PEER_CLOSED);
	if (got)
		return (ssize_t)got;
	return t->state == TLS_FAILED ? -EPROTO : t->state == TLS_PEER_CLOSED ? 0 : -EAGAIN;
}

/* Room for all records at once, so that none is sealed and then has nowhere to go. */
static int make_room(struct tls *t, size_t n)
{
	size_t records = n / RECORD_TEXT_MAX + 2; /* one more: a KeyUpdate */
	uint8_t *p;

	if (n > TLS_OUTPUT_MAX ||
		buf_len(&t->out) + n + records * RECORD_OVERHEAD_MAX > TLS_OUTPUT_MAX)
		return -ENOBUFS;
	return buf_reserve(&t->out, n + records * RECORD_OVERHEAD_MAX, &p);
}

static void count_records(struct tls *t, size_t n)
{
	t->records += (n + RECORD_TEXT_MAX - 1) / RECORD_TEXT_MAX;
	if (t->records < t->ctx->records_per_key || SSL_version(t->ssl) < TLS1_3_VERSION)
		return;
	/* Goes out with the next record. The other direction's key is the peer's to count. */
	SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
	t->records = 0;
}

static int may_write(struct tls *t, size_t n)
{
	if (t->closed)
		return -EPIPE;
	if (t->state == TLS_HANDSHAKE)
		return -EAGAIN;
	if (t->state == TLS_FAILED)
		return -EPROTO;
	return n ? make_room(t, n) : 0;
}

int tls_write_empty(struct tls *t)
{
	int r = may_write(t, 1);

	if (r < 0)
		return r;
	return t->record ? traffic_write_empty(t) : -ENOTSUP;
}

HOT int tls_write(struct tls *t, const void *octets, size_t n)
{
	size_t done;
	int r = may_write(t, n);

	if (r < 0 || !n)
		return r;
	if (t->record)
		return traffic_write(t, octets, n);
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, octets, n, &done) != 1) {
		tls_fail_from_queue(t);
		t->state = TLS_FAILED;
		return -EPROTO;
	}
	count_records(t, n);
	return 0;
}

bool tls_pending(const struct tls *t)
{
	if (t->unread)
		return true;
	return t->record ? traffic_pending(t) : t->state == TLS_OPEN && rd_left(&t->in);
}

struct buf *tls_output(struct tls *t)
{
	return &t->out;
}

bool tls_established(const struct tls *t)
{
	return t->state == TLS_OPEN || t->state == TLS_PEER_CLOSED;
}

void tls_close(struct tls *t)
{
	if (t->closed || !tls_established(t))
		return;
	if (t->record) {
		traffic_close(t);
		return;
	}
	t->closed = true;
	ERR_clear_error();
	SSL_shutdown(t->ssl);
}

void tls_eof(struct tls *t)
{
	if (t->state == TLS_HANDSHAKE)
		tls_failure_set(&t->failure, 0, EV_TLS_CLOSED_IN_HANDSHAKE, "%s",
			t->n_first ? "after its first octets" : "without a single octet");
	else if (t->state == TLS_OPEN)
		tls_failure_set(&t->failure, 0, EV_TLS_CUT, "no close_notify");
	else
		return;
	t->state = TLS_FAILED;
}

const struct tls_failure *tls_failure(const struct tls *t)
{
	return &t->failure;
}

size_t tls_problems(const struct tls *t, const struct tls_failure **ret)
{
	*ret = t->problems;
	return t->n_problems;
}

int tls_export(const struct tls *t, const char *label, uint8_t *ret, size_t n)
{
	if (!tls_established(t))
		return -EAGAIN;
	if (t->record)
		return traffic_export(t, label, ret, n);
	if (SSL_version(t->ssl) < TLS1_3_VERSION && SSL_get_extms_support(t->ssl) != 1)
		return -ENOTSUP;
	/* with an empty context, which is another thing than none before TLS 1.3 */
	return SSL_export_keying_material(
		       t->ssl, ret, n, label, strlen(label), (const unsigned char *)"", 0, 1) == 1
		       ? 0
		       : -EIO;
}

bool tls_is_1_3(const struct tls *t)
{
	return t->record || (t->ssl && SSL_version(t->ssl) == TLS1_3_VERSION);
}

int tls_export_eap(const struct tls *t, uint8_t type, uint8_t ret[static TLS_EAP_KEY_LEN])
{
	bool modern = tls_is_1_3(t);
	const char *label = modern ? "EXPORTER_EAP_TLS_Key_Material" : "client EAP encryption";

	if (!tls_established(t))
		return -EAGAIN;
	if (!t->ssl)
		return -ENOTSUP;
	return SSL_export_keying_material(t->ssl, ret, TLS_EAP_KEY_LEN, label, strlen(label), &type,
		       modern, modern) == 1
		       ? 0
		       : -EIO;
}

void tls_prefetch(const struct tls *t)
{
	prefetch(t, offsetof(struct tls, leaf)); /* behind that: fields for reports */
	prefetch(buf_data(&t->out), HOT_BEGINNING);
	if (t->record)
		record_prefetch(t->record);
}

void tls_idle(struct tls *t)
{
	if (t->record)
		traffic_idle(t);
	else
		SSL_free_buffers(t->ssl); /* refuses while a record is half read */
	buf_shrink(&t->out);
}
