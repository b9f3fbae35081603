// SPDX-License-Identifier: Apache-2.0
/*
 * EAP-MD5 (RFC 3748 5.4): CHAP in EAP's packets. It proves the client alone and yields no key, so the
 * crypto binding is made with zeros; it needs a `reversible` secret.
 */
#include "aaa/eap/method.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

struct md5 {
	struct eap_host *host;
	uint8_t challenge[MD5_LEN];
};

static int begin(struct eap_host *host, void **ret)
{
	struct md5 *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->host = host;
	*ret = m;
	return 0;
}

static enum eap_step start(void *self, struct wr *out)
{
	struct md5 *m = self;

	m->host->opts->random(m->challenge, sizeof(m->challenge));
	wr_u8(out, MD5_LEN);
	wr_octets(out, m->challenge, sizeof(m->challenge));
	wr_octets(out, m->host->opts->name, strlen(m->host->opts->name));
	return EAP_STEP_SEND;
}

/* The digest runs over the packet's identifier; the name behind the value decides nothing: RFC 3748 5.4. */
static enum eap_step receive(void *self, struct rd data, struct wr *out UNUSED)
{
	struct md5 *m = self;
	struct eap_host *h = m->host;
	struct rd value = rd_sub(&data, rd_u8(&data));

	if (data.short_read || rd_left(&value) != MD5_LEN)
		return eap_refuse(h, EV_AUTH_EAP_MALFORMED, AUTH_FAILED,
			"the digest of MD5 is %zu octets", rd_left(&value));
	h->question = (struct proof){.method = AUTH_CHAP_MD5,
		.eap_type = EAP_MD5,
		.identifier = h->identifier,
		.user_len = h->identity_len};
	memcpy(h->question.user, h->identity, h->identity_len);
	memcpy(h->question.challenge, m->challenge, sizeof(m->challenge));
	rd_copy(&value, h->question.md5_response, MD5_LEN);
	return EAP_STEP_ASK;
}

static enum eap_step judged(void *self, const struct aaa_answer *answer, struct wr *out UNUSED)
{
	struct md5 *m = self;

	if (answer->outcome == AAA_ACCEPT)
		return EAP_STEP_SUCCESS;
	return eap_refuse(m->host, answer->event, answer->code, "%s", "");
}

static void end(void *self)
{
	free(self);
}

const struct eap_method eap_method_md5 = {EAP_MD5, "eap-md5", begin, end, start, receive, judged};
