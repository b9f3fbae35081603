// SPDX-License-Identifier: Apache-2.0
/*
 * tls/bio.c — OpenSSL between two pieces of memory: reads come from the octets that the owner lent with
 * tls_recv(), writes are appended to `out`.
 */
#include "tls/private.h"

#include <string.h>

#include "base/auto.h"

/*
 * How much of `n` octets OpenSSL may have now: in the handshake no more than to the end of the
 * record's header or body, so that what follows the handshake stays here (traffic.c).
 */
static size_t within_record(struct tls *t, size_t n)
{
	if (t->state != TLS_HANDSHAKE)
		return n;
	if (!t->record_left)
		return n < RECORD_HEADER_LEN - t->n_header
			       ? n
			       : (size_t)(RECORD_HEADER_LEN - t->n_header);
	return n < t->record_left ? n : t->record_left;
}

static void follow_record(struct tls *t, const uint8_t *octets, size_t n)
{
	if (t->record_left) {
		t->record_left = (uint16_t)(t->record_left - n);
		return;
	}
	memcpy(t->header + t->n_header, octets, n);
	t->n_header = (uint8_t)(t->n_header + n);
	if (t->n_header < RECORD_HEADER_LEN)
		return;
	t->record_left = (uint16_t)(t->header[3] << 8 | t->header[4]);
	t->n_header = 0;
}

static int bio_read(BIO *b, char *ret, int n)
{
	struct tls *t = BIO_get_data(b);
	size_t left = rd_left(&t->in), take = within_record(t, (size_t)n < left ? (size_t)n : left);

	BIO_clear_retry_flags(b);
	if (!take) {
		BIO_set_retry_read(b);
		return -1;
	}
	rd_copy(&t->in, ret, take);
	if (t->state == TLS_HANDSHAKE)
		follow_record(t, (uint8_t *)ret, take);
	return (int)take;
}

static int bio_write(BIO *b, const char *octets, int n)
{
	struct tls *t = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (buf_append(&t->out, octets, (size_t)n) < 0) {
		t->short_output = true;
		return -1;
	}
	return n;
}

static long bio_ctrl(BIO *b UNUSED, int cmd, long num UNUSED, void *ptr UNUSED)
{
	return cmd == BIO_CTRL_FLUSH; /* nothing is held back, and nothing else is supported */
}

static int bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

BIO_METHOD *tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "culvert memory");

	if (m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) &&
		BIO_meth_set_ctrl(m, bio_ctrl) && BIO_meth_set_create(m, bio_create))
		return m;
	BIO_meth_free(m);
	return NULL;
}
