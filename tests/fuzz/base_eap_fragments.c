// SPDX-License-Identifier: Apache-2.0
/*
 * base/eap_fragments.c: packets of any flags, lengths and pieces, and now and then something to send.
 * However they come, a message has no more octets than its bound, and no more than it announced.
 */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/eap_fragments.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void send_some(struct eap_fragments *f, struct buf *out, size_t room)
{
	uint8_t packet[300];
	struct wr w = wr_init(packet, sizeof(packet));

	if (!buf_len(out))
		buf_append(out, packet, 250);
	eap_fragments_put(f, out, 0, 6 + room, &w);
	assert(!w.overflow && wr_len(&w) <= 6 + room);
	assert(f->sending == (buf_len(out) > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	struct eap_fragments f = {0};
	struct eap_fragment got;
	struct buf out;

	buf_init(&out, 0);
	memset(&got, 0, sizeof(got));
	while (rd_left(&in)) {
		uint8_t op = rd_u8(&in);

		if (op >= 0xf0) {
			send_some(&f, &out, op & 0xf);
			continue;
		}
		struct rd packet = rd_sub(&in, op);

		if (in.short_read || eap_fragments_take(&f, packet, &got) < 0)
			break;
		assert(rd_left(&got.piece) < op);
		assert(f.got <= EAP_MESSAGE_MAX && (!f.announced || f.got <= f.announced));
	}
	buf_done(&out);
	return 0;
}
