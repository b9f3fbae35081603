// SPDX-License-Identifier: Apache-2.0
/*
 * The server's pieces go into TLS as they come; ours leave one a Response. An alert of ours is sent before
 * the login ends, so that the server's log says why.
 */
#include "eap/tunnel.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

void peer_tunnel_done(struct peer_tunnel *t)
{
	struct eap_side *side = t->side;

	tls_free(t->tls);
	explicit_bzero(t, sizeof(*t));
	t->side = side;
}

bool peer_tunnel_starts(struct rd data)
{
	return rd_u8(&data) & EAP_FLAG_START && !data.short_read;
}

/* Reads what TLS has for us; false: more than a message may have. */
static bool read_text(struct peer_tunnel *t)
{
	ssize_t n;

	while ((n = tls_read(t->tls, t->text + t->text_len, sizeof(t->text) - t->text_len)) > 0) {
		t->text_len += (size_t)n;
		if (t->text_len == sizeof(t->text))
			return false;
	}
	return true;
}

enum eap_answer peer_tunnel_put(struct peer_tunnel *t, struct wr *out)
{
	eap_fragments_put(&t->fragments, tls_output(t->tls), t->version, t->side->room, out);
	return EAP_ANSWER_SEND;
}

/* A new conversation: writes the ClientHello. */
static enum eap_answer start(struct peer_tunnel *t, struct wr *out)
{
	const struct eap_client_opts *o = t->side->opts;
	struct tls_peer_opts peer = {.host = o->tls_host, .sni = ""};

	peer_tunnel_done(t);
	if (tls_new(o->tls, &peer, &t->tls) < 0)
		return eap_side_fail(t->side, EV_OUT_OF_MEMORY, "TLS inside EAP");
	read_text(t);
	return peer_tunnel_put(t, out);
}

enum said { SEND, DISCARD, WHOLE, FAILED };

static enum said take(struct peer_tunnel *t, struct rd data, struct wr *out)
{
	bool was_sending = t->fragments.sending, fresh = !t->fragments.more;
	struct eap_fragment f;

	if (!t->tls || eap_fragments_take(&t->fragments, data, &f) < 0)
		return DISCARD;
	if (was_sending) {
		peer_tunnel_put(t, out);
		return SEND;
	}
	if (fresh)
		t->text_len = 0;
	if (rd_left(&f.piece)) {
		tls_recv(t->tls, f.piece.p, rd_left(&f.piece));
		if (!read_text(t))
			return FAILED;
	}
	if (tls_failure(t->tls)->event)
		return FAILED;
	if (!t->fragments.more)
		return WHOLE;
	wr_u8(out, t->version); /* an acknowledgement */
	return SEND;
}

static enum event event_for(const struct tls_failure *f)
{
	if (f->event == EV_TLS_PEER_REFUSES_CERT || f->event == EV_TLS_PEER_WANTS_CERT)
		return EV_AUTH_EAP_CERT_REFUSED;
	if (event_info(f->event)->layer == LAYER_CERT)
		return EV_AUTH_EAP_SERVER_CERT;
	return EV_AUTH_EAP_TLS_FAILED;
}

/* Why TLS failed, for the reader: about the server's certificate, ours, or TLS. */
static void note(struct peer_tunnel *t)
{
	const struct tls_failure *f = tls_failure(t->tls);
	char text[200];

	if (!f->event) {
		eap_side_note(t->side, EV_AUTH_EAP_TLS_FAILED, "too much data inside TLS");
		return;
	}
	text_format(text, sizeof(text), "%s (event %d): %s", event_info(f->event)->what,
		event_info(f->event)->number, f->text);
	eap_side_note(t->side, event_for(f), text);
}

/* Sends the alert that TLS has made, or an empty response; the server ends it with Failure. */
static enum eap_answer fail(struct peer_tunnel *t, struct wr *out)
{
	if (t->failed && !t->fragments.sending)
		return EAP_ANSWER_FAIL;
	if (!t->failed)
		note(t);
	t->failed = true;
	return peer_tunnel_put(t, out);
}

bool peer_tunnel_receive(
	struct peer_tunnel *t, struct rd data, struct wr *out, enum eap_answer *ret)
{
	enum said said = FAILED;

	if (peer_tunnel_starts(data)) {
		*ret = start(t, out);
		return false;
	}
	if (!t->failed)
		said = take(t, data, out);
	switch (said) {
	case SEND: *ret = EAP_ANSWER_SEND; break;
	case DISCARD: *ret = EAP_ANSWER_DISCARD; break;
	case FAILED: *ret = fail(t, out); break;
	case WHOLE: return true;
	} /* no default */
	return false;
}

int peer_tunnel_keys(const struct peer_tunnel *t, uint8_t type, uint8_t ret[static TLS_EAP_KEY_LEN])
{
	return t->tls ? tls_export_eap(t->tls, type, ret) : -EAGAIN;
}
