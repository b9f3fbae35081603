// SPDX-License-Identifier: Apache-2.0
/*
 * What a peer that has the keys may send after a TLS 1.3 handshake: records of any type and content.
 * The input is a list of (type, length / 4, text); each becomes a record that opens.
 */
#include <stdlib.h>
#include <string.h>

#include "tls/private.h"

static struct record_secret secret = {.octets = {1, 2, 3}, .len = 32};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_ctx ctx = {.server = size & 1, .records_per_key = 5};
	struct tls *t = calloc(1, sizeof(*t));
	static uint8_t out[20000];
	uint8_t wire[1024 + RECORD_OVERHEAD];
	struct rd in = rd_init(data, size);
	struct record *peer;

	if (!t || record_new(0x1301, &secret, &secret, &peer) < 0 ||
		record_new(0x1301, &secret, &secret, &t->record) < 0)
		abort();
	t->ctx = &ctx;
	t->state = TLS_OPEN;
	buf_init(&t->out, TLS_OUTPUT_MAX);
	while (rd_left(&in) >= 2 && t->state == TLS_OPEN) {
		uint8_t type = rd_u8(&in);
		size_t n = rd_u8(&in) * 4u;

		if (n > rd_left(&in))
			n = rd_left(&in);
		record_seal(peer, type, rd_ptr(&in, n), n, wire);
		t->in = rd_init(wire, n + RECORD_OVERHEAD);
		while (traffic_pending(t))
			if (!traffic_read(t, out, 1 + size % sizeof(out)) && t->state == TLS_OPEN)
				break;
		/* Keys change together, as long as the message was well formed. */
		if (type == RECORD_HANDSHAKE && t->state == TLS_OPEN && n == 5)
			record_update_tx(peer);
	}
	record_free(peer);
	traffic_done(t);
	buf_done(&t->out);
	free(t);
	return 0;
}
