// SPDX-License-Identifier: Apache-2.0
/*
 * EAP-MD5 (RFC 3748 5.4), the client: MD5 over identifier, password, challenge. It proves nothing about
 * the server and yields no key: the crypto binding is made with zeros.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "eap/method.h"

struct md5 {
	struct eap_side *side;
	bool answered;
};

static int begin(struct eap_side *side, void **ret)
{
	struct md5 *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->side = side;
	*ret = m;
	return 0;
}

static bool starts(struct rd data UNUSED)
{
	return true;
}

static enum eap_answer receive(void *self, struct rd data, struct wr *out)
{
	struct md5 *m = self;
	struct rd challenge = rd_sub(&data, rd_u8(&data));
	uint8_t digest[MD5_LEN];
	struct octets parts[] = {{&m->side->identifier, 1},
		{m->side->password, strlen(m->side->password)}, {challenge.p, rd_left(&challenge)}};

	if (data.short_read || !rd_left(&challenge))
		return EAP_ANSWER_DISCARD;
	if (hash_parts(HASH_MD5, parts, ARRAY_SIZE(parts), digest) < 0)
		return eap_side_fail(m->side, EV_AUTH_CANNOT_COMPUTE, "MD5 is missing");
	wr_u8(out, MD5_LEN);
	wr_octets(out, digest, sizeof(digest));
	wr_octets(out, m->side->opts->user, strlen(m->side->opts->user));
	m->answered = true;
	return EAP_ANSWER_SEND;
}

static int key(const void *self, uint8_t ret_msk[static EAP_MSK_LEN] UNUSED)
{
	const struct md5 *m = self;

	return m->answered ? 0 : -EAGAIN;
}

const struct eap_peer_method eap_peer_md5 = {EAP_MD5, true, begin, free, starts, receive, key};
