// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: how a tunnel ends, and which of several reasons counts. The first one counts; later ones
 * follow from it. When the call ends below a PPP link that is ending already, PPP's reason came first,
 * even if the peer has not acknowledged its Terminate-Request yet.
 *
 * The peer's Status Info ([MS-SSTP] 2.2.8) goes into the text. A client whose call ends between
 * CALL_CONNECTED and the first sign that the server went on says that the crypto binding may be the
 * cause: servers refuse it with different messages, and some with none.
 */
#include "tunnel/private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/hot.h"
#include "base/text.h"
#include "sstp/attr.h"
#include "tls/failure.h"

#define REFUSAL_MS 30000 /* an end that comes later has other causes */

COLD void tunnel_end_now(struct tunnel *t, enum event why, const char *text)
{
	if (t->phase == PHASE_ENDED)
		return;
	t->phase = PHASE_ENDED;
	t->ended = true;
	tunnel_note_reason(t, why, text);
	outer_close(&t->outer);
}

COLD void tunnel_note_reason(struct tunnel *t, enum event why, const char *text)
{
	if (t->reason)
		return;
	t->reason = why;
	snprintf(t->reason_text, sizeof(t->reason_text), "%s", text ? text : "");
}

COLD void tunnel_end_tls_failure(struct tunnel *t)
{
	const struct tls_failure *f = outer_failure(&t->outer);

	tunnel_end_now(t, f->event, f->text);
}

/* ---- what the peer said ---------------------------------------------------------- */

static void add(char *ret, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void add(char *ret, size_t cap, const char *fmt, ...)
{
	size_t n = strlen(ret);
	va_list ap;

	va_start(ap, fmt);
	text_vformat(ret + n, cap - n, fmt, ap);
	va_end(ap);
}

static void add_status(const struct tunnel *t, char *ret, size_t cap)
{
	struct sstp_call_status s = sstp_call_status(t->call);

	if (s.from_peer)
		add(ret, cap, "%s with attribute %s (%u), status %s (0x%08" PRIx32 ")",
			sstp_msg_name(s.message) + strlen("SSTP_MSG_"), sstp_attr_name(s.attrib_id),
			s.attrib_id, sstp_status_name(s.status), s.status);
	else if (sstp_call_reason(t->call) == EV_SSTP_PEER_ABORTED ||
		 sstp_call_reason(t->call) == EV_SSTP_PEER_DISCONNECTED)
		add(ret, cap, "%s without a status",
			sstp_call_reason(t->call) == EV_SSTP_PEER_ABORTED ? "CALL_ABORT"
									  : "CALL_DISCONNECT");
}

/* Did the peer end it before it showed that it had taken the binding? Then say so, as a guess. */
static void add_binding(
	const struct tunnel *t, enum event why, char *ret, size_t cap, uint64_t now_ms)
{
	enum layer layer = event_info(why)->layer;
	char seen[2 * SHA256_LEN + 1];

	if (t->role != TUNNEL_CLIENT || !t->bound || t->data_came || tunnel_echoed(t) ||
		now_ms - t->bound_ms > REFUSAL_MS)
		return;
	if (why != EV_LCP_PEER_TERMINATED && why != EV_IPCP_NO_ADDRESS && layer != LAYER_SSTP &&
		layer != LAYER_TCP && layer != LAYER_TLS && layer != LAYER_BINDING)
		return;
	hex_encode(t->certs[0].sha256, SHA256_LEN, seen);
	add(ret, cap, "%s%" PRIu64 " ms after the crypto binding was sent and before any data came",
		*ret ? ", " : "", now_ms - t->bound_ms);
	if (why != EV_SSTP_BINDING_REFUSED)
		add(ret, cap,
			"; a guess: the server refuses the binding, because TLS ends at another "
			"machine or a box on the way replaces the certificate");
	add(ret, cap, "; the certificate seen here has SHA-256 %s", seen);
}

COLD void tunnel_note_call_end(struct tunnel *t, uint64_t now_ms)
{
	char text[sizeof(t->reason_text)] = "";
	const char *detail = "";
	enum event why;

	if (t->reason || !t->call || !sstp_call_reason(t->call))
		return;
	why = t->ppp ? ppp_reason(t->ppp, &detail) : EV_NONE;
	if (why) {
		tunnel_note_reason(t, why, detail);
		return;
	}
	why = sstp_call_reason(t->call);
	add_status(t, text, sizeof(text));
	add_binding(t, why, text, sizeof(text), now_ms);
	tunnel_note_reason(t, why, text);
}

COLD void tunnel_note_ppp_end(struct tunnel *t, enum event why, const char *detail, uint64_t now_ms)
{
	char text[sizeof(t->reason_text)] = "";

	add(text, sizeof(text), "%s", detail);
	if (!*detail) /* the peer's own reason counts */
		add_binding(t, why, text, sizeof(text), now_ms);
	tunnel_note_reason(t, why, text);
}

/* ---- from outside ---------------------------------------------------------- */

static void note_connection_end(struct tunnel *t, int error, uint64_t now_ms)
{
	enum event why = error ? EV_TCP_FAILED : EV_TCP_CLOSED_BY_PEER;
	char text[sizeof(t->reason_text)] = "";
	const char *detail = "";
	enum event own = t->ppp ? ppp_reason(t->ppp, &detail) : EV_NONE;

	if (own) {
		tunnel_note_reason(t, own, detail);
		return;
	}
	if (error)
		add(text, sizeof(text), "%s", strerror(error));
	else if (t->phase == PHASE_HTTP)
		add(text, sizeof(text), "during the HTTPS request");
	add_binding(t, why, text, sizeof(text), now_ms);
	tunnel_note_reason(t, why, text);
}

void tunnel_recv_end(struct tunnel *t, int error, uint64_t now_ms)
{
	if (t->phase == PHASE_ENDED)
		return;
	tunnel_note_call_end(t, now_ms); /* a call that was closing already */
	if (t->call)
		sstp_call_https_gone(t->call);
	if (!error && t->phase == PHASE_TLS) {
		outer_eof(&t->outer);
		tunnel_end_tls_failure(t);
		return;
	}
	note_connection_end(t, error, now_ms);
	tunnel_end_now(t, t->reason, "");
}

void tunnel_close(struct tunnel *t, enum event why, uint64_t now_ms)
{
	tunnel_note_reason(t, why, "");
	if (t->phase != PHASE_CALL || !t->call) {
		tunnel_end_now(t, why, "");
		return;
	}
	sstp_call_disconnect(t->call, why, now_ms);
}

enum event tunnel_reason(struct tunnel *t, uint64_t now_ms, const char **ret_text)
{
	tunnel_note_call_end(t, now_ms);
	*ret_text = t->reason_text;
	return t->reason;
}

enum event tunnel_ppp_reason(const struct tunnel *t, const char **ret_text)
{
	return t->ppp ? ppp_reason(t->ppp, ret_text) : EV_NONE;
}

bool tunnel_echoed(const struct tunnel *t)
{
	return t->call && sstp_call_echoed(t->call);
}
