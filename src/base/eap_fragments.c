// SPDX-License-Identifier: Apache-2.0
#include "base/eap_fragments.h"

#include <errno.h>

#include "base/buf.h"

#define FLAGS_LEN 1
#define LENGTH_LEN 4

static int begin_message(struct eap_fragments *f, uint8_t flags, uint32_t length)
{
	bool announced = flags & EAP_FLAG_LENGTH;

	if (flags & EAP_FLAG_MORE && !announced)
		return -EPROTO;
	if (length > EAP_MESSAGE_MAX)
		return -EPROTO;
	f->announced = length;
	f->got = 0;
	return 0;
}

/* A repeated length must be the first one; all octets must be the announced ones. */
static int count_piece(struct eap_fragments *f, uint8_t flags, size_t n)
{
	bool more = flags & EAP_FLAG_MORE;

	f->got += (uint32_t)n;
	if (f->got > EAP_MESSAGE_MAX || (more && !n))
		return -EPROTO;
	if (f->announced && (f->got > f->announced || (!more && f->got != f->announced)))
		return -EPROTO;
	f->more = more;
	return 0;
}

int eap_fragments_take(struct eap_fragments *f, struct rd data, struct eap_fragment *ret)
{
	uint8_t flags = rd_u8(&data);
	uint32_t length = flags & EAP_FLAG_LENGTH ? rd_be32(&data) : 0;
	int r = 0;

	if (data.short_read)
		return -EPROTO;
	*ret = (struct eap_fragment){flags, data};
	if (f->sending)
		return rd_left(&data) || flags & (EAP_FLAG_LENGTH | EAP_FLAG_MORE | EAP_FLAG_START)
			       ? -EPROTO
			       : 0;
	if (!f->more)
		r = begin_message(f, flags, length);
	else if (flags & EAP_FLAG_LENGTH && length != f->announced)
		r = -EPROTO;
	return r < 0 ? r : count_piece(f, flags, rd_left(&data));
}

void eap_fragments_put(
	struct eap_fragments *f, struct buf *out, uint8_t version, size_t room, struct wr *w)
{
	size_t left = buf_len(out), n = room - FLAGS_LEN;
	bool first = !f->sending, several;

	if (left < n)
		n = left;
	several = n < left;
	if (first && several)
		n -= LENGTH_LEN;
	wr_u8(w, (uint8_t)(version | (several ? EAP_FLAG_MORE : 0) |
			   (first && several ? EAP_FLAG_LENGTH : 0)));
	if (first && several)
		wr_be32(w, (uint32_t)left);
	wr_octets(w, buf_data(out), n);
	buf_consume(out, n);
	f->sending = several;
}
