// SPDX-License-Identifier: Apache-2.0
#include "aaa/eap/tunnel.h"

#include <string.h>

#include "base/crypto.h"

int eap_tunnel_init(struct eap_tunnel *t, struct tls_ctx *ctx)
{
	*t = (struct eap_tunnel){0};
	return tls_new(ctx, NULL, &t->tls);
}

void eap_tunnel_done(struct eap_tunnel *t)
{
	tls_free(t->tls);
	explicit_bzero(t, sizeof(*t));
}

/* False: more text than a message may have. */
static bool read_all(struct eap_tunnel *t)
{
	for (;;) {
		ssize_t n = tls_read(t->tls, t->text + t->text_len, sizeof(t->text) - t->text_len);

		if (n <= 0)
			return true; /* it waits, is closed, or failed: the caller looks */
		t->text_len += (size_t)n;
		if (t->text_len == sizeof(t->text))
			return false;
	}
}

enum eap_tunnel_said eap_tunnel_take(
	struct eap_tunnel *t, struct rd data, size_t room, struct wr *out)
{
	bool was_sending = t->fragments.sending, fresh = !t->fragments.more;
	struct eap_fragment f;

	if (eap_fragments_take(&t->fragments, data, &f) < 0 || f.flags & EAP_FLAG_START)
		return EAP_TUNNEL_MALFORMED;
	if (was_sending) {
		eap_fragments_put(&t->fragments, tls_output(t->tls), 0, room, out);
		return EAP_TUNNEL_SEND;
	}
	if (fresh) {
		t->quiet = true;
		t->text_len = 0;
	}
	if (rd_left(&f.piece)) {
		t->quiet = false;
		tls_recv(t->tls, f.piece.p, rd_left(&f.piece));
		if (!read_all(t))
			return EAP_TUNNEL_MALFORMED;
	}
	if (tls_failure(t->tls)->event)
		return EAP_TUNNEL_FAILED;
	if (!t->fragments.more)
		return EAP_TUNNEL_WHOLE;
	wr_u8(out, 0); /* an acknowledgement */
	return EAP_TUNNEL_SEND;
}

bool eap_tunnel_put(struct eap_tunnel *t, size_t room, struct wr *out)
{
	if (!buf_len(tls_output(t->tls)))
		return false;
	eap_fragments_put(&t->fragments, tls_output(t->tls), 0, room, out);
	return true;
}

int eap_tunnel_key(struct eap_tunnel *t, enum eap_type type, struct eap_host *host)
{
	uint8_t keys[TLS_EAP_KEY_LEN];
	int r = tls_export_eap(t->tls, (uint8_t)type, keys);

	if (!r)
		memcpy(host->msk, keys, EAP_MSK_LEN);
	explicit_bzero(keys, sizeof(keys));
	return r;
}

/* The events 418x are about certificates and say it all; the others were written for the outer TLS. */
static bool is_about_the_certificate(enum event e)
{
	return e >= EV_AUTH_CERT_EXPIRED && e < EV_AUTH_TLS_FAILED;
}

enum eap_step eap_tunnel_refuse(struct eap_tunnel *t, struct eap_host *host)
{
	const struct tls_failure *f = tls_failure(t->tls);

	if (is_about_the_certificate(f->event))
		return eap_refuse(host, f->event, AUTH_FAILED, "%s", f->text);
	return eap_refuse(host, EV_AUTH_TLS_FAILED, AUTH_FAILED, "%d %s: %s",
		event_info(f->event)->number, event_info(f->event)->name, f->text);
}
