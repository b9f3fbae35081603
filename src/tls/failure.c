// SPDX-License-Identifier: Apache-2.0
/*
 * Names for what goes wrong: OpenSSL's reasons, the peer's alerts (RFC 8446 6.2) and octets that are
 * no TLS at all become events of the catalogue, each with the detail that helps.
 */
#include "tls/private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"

int tls_failure_set(struct tls_failure *f, int error, enum event event, const char *fmt, ...)
{
	va_list ap;

	if (!f)
		return error;
	f->event = event;
	va_start(ap, fmt);
	text_vformat(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return error;
}

struct alert {
	uint8_t code;
	const char *name; /* as the RFC spells it */
	enum event event;
};

// clang-format off
static const struct alert alerts[] = {
	{10,  "unexpected_message",              EV_TLS_PEER_ALERT},
	{20,  "bad_record_mac",                  EV_TLS_DAMAGED},
	{21,  "decryption_failed",               EV_TLS_DAMAGED},
	{22,  "record_overflow",                 EV_TLS_PEER_ALERT},
	{30,  "decompression_failure",           EV_TLS_PEER_ALERT},
	{40,  "handshake_failure",               EV_TLS_NOTHING_IN_COMMON},
	{41,  "no_certificate",                  EV_TLS_PEER_ALERT},
	{42,  "bad_certificate",                 EV_TLS_PEER_REFUSES_CERT},
	{43,  "unsupported_certificate",         EV_TLS_PEER_REFUSES_CERT},
	{44,  "certificate_revoked",             EV_TLS_PEER_REFUSES_CERT},
	{45,  "certificate_expired",             EV_TLS_PEER_REFUSES_CERT},
	{46,  "certificate_unknown",             EV_TLS_PEER_REFUSES_CERT},
	{47,  "illegal_parameter",               EV_TLS_PEER_ALERT},
	{48,  "unknown_ca",                      EV_TLS_PEER_REFUSES_CERT},
	{49,  "access_denied",                   EV_TLS_PEER_ALERT},
	{50,  "decode_error",                    EV_TLS_PEER_ALERT},
	{51,  "decrypt_error",                   EV_TLS_PEER_ALERT},
	{60,  "export_restriction",              EV_TLS_PEER_ALERT},
	{70,  "protocol_version",                EV_TLS_VERSION},
	{71,  "insufficient_security",           EV_TLS_NOTHING_IN_COMMON},
	{80,  "internal_error",                  EV_TLS_PEER_ALERT},
	{86,  "inappropriate_fallback",          EV_TLS_VERSION},
	{90,  "user_canceled",                   EV_TLS_PEER_ALERT},
	{100, "no_renegotiation",                EV_TLS_PEER_ALERT},
	{109, "missing_extension",               EV_TLS_PEER_ALERT},
	{110, "unsupported_extension",           EV_TLS_PEER_ALERT},
	{111, "certificate_unobtainable",        EV_TLS_PEER_ALERT},
	{112, "unrecognized_name",               EV_TLS_PEER_REFUSES_NAME},
	{113, "bad_certificate_status_response", EV_TLS_PEER_REFUSES_CERT},
	{114, "bad_certificate_hash_value",      EV_TLS_PEER_REFUSES_CERT},
	{115, "unknown_psk_identity",            EV_TLS_PEER_ALERT},
	{116, "certificate_required",            EV_TLS_PEER_WANTS_CERT},
	{120, "no_application_protocol",         EV_TLS_PEER_ALERT},
};

static const struct {
	int reason;
	enum event event;
} reasons[] = {
	{SSL_R_UNSUPPORTED_PROTOCOL,                   EV_TLS_VERSION},
	{SSL_R_VERSION_TOO_LOW,                        EV_TLS_VERSION},
	{SSL_R_VERSION_TOO_HIGH,                       EV_TLS_VERSION},
	{SSL_R_WRONG_SSL_VERSION,                      EV_TLS_VERSION},
	{SSL_R_UNKNOWN_PROTOCOL,                       EV_TLS_VERSION},
	{SSL_R_INAPPROPRIATE_FALLBACK,                 EV_TLS_VERSION},
	{SSL_R_NO_SHARED_CIPHER,                       EV_TLS_NOTHING_IN_COMMON},
	{SSL_R_NO_SUITABLE_KEY_SHARE,                  EV_TLS_NOTHING_IN_COMMON},
	{SSL_R_NO_SUITABLE_GROUPS,                     EV_TLS_NOTHING_IN_COMMON},
	{SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,        EV_TLS_NOTHING_IN_COMMON},
	{SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,         EV_TLS_NOTHING_IN_COMMON},
	{SSL_R_NO_SHARED_GROUPS,                       EV_TLS_NOTHING_IN_COMMON},
	{SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC,    EV_TLS_DAMAGED},
	{SSL_R_BLOCK_CIPHER_PAD_IS_WRONG,              EV_TLS_DAMAGED},
};
// clang-format on

static const struct alert *find_alert(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(alerts); i++)
		if (alerts[i].code == code)
			return &alerts[i];
	return NULL;
}

/* OpenSSL calls this for alerts, among others; `ret` is level << 8 | description. */
void tls_info_callback(const SSL *ssl, int where, int ret)
{
	struct tls *t = SSL_get_app_data(ssl);

	/* 1.3 has no warnings but close_notify and user_canceled; only fatal ones end a connection */
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && ret >> 8 == SSL3_AL_FATAL && t)
		t->alert = (uint8_t)ret;
}

static bool looks_like_tls(const struct tls *t)
{
	static const uint8_t alert_or_handshake[] = {21, 22};

	if (!t->n_first)
		return true;
	if (!memchr(alert_or_handshake, t->first[0], sizeof(alert_or_handshake)))
		return false;
	return t->n_first < 2 || t->first[1] == 3; /* 3.x: every version since SSL 3.0 */
}

/* What spoke instead. The octets are the peer's: printable ones as they are, others in hex. */
static void fail_not_tls(struct tls *t)
{
	static const struct {
		const char *start, *what;
	} known[] = {
		{"HTTP/", "plain HTTP"},
		{"GET ", "plain HTTP"},
		{"POST ", "plain HTTP"},
		{"HEAD ", "plain HTTP"},
		{"OPTI", "plain HTTP"},
		{"CONN", "a proxy request"},
		{"SSTP_", "SSTP's HTTP request without TLS"},
		{"SSH-", "SSH"},
		{"PROXY ", "the PROXY protocol"},
		{"\r\n\r\n\0\r\nQ", "the PROXY protocol"},
		{"220 ", "a mail or FTP server"},
		{"\x10\x01", "SSTP without TLS"},
	};
	const char *what = "something else";
	char start[3 * sizeof(t->first) + 1];

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t len = strlen(known[i].start);

		if (t->n_first >= len && !memcmp(t->first, known[i].start, len))
			what = known[i].what;
	}
	tls_failure_set(&t->failure, 0, EV_TLS_NOT_TLS, "it looks like %s: \"%s\"", what,
		text_of_octets(t->first, t->n_first, start, sizeof(start)));
}

void tls_fail_from_alert(struct tls *t)
{
	const struct alert *a = find_alert(t->alert);

	if (a)
		tls_failure_set(
			&t->failure, 0, a->event, "alert from the peer: %s (%u)", a->name, a->code);
	else
		tls_failure_set(
			&t->failure, 0, EV_TLS_PEER_ALERT, "alert from the peer: %u", t->alert);
}

/* The system's reason is the first entry; OpenSSL adds a "system lib" of its own behind it. */
static int system_error(void)
{
	unsigned long e = ERR_peek_error();

	return e && ERR_SYSTEM_ERROR(e) ? ERR_GET_REASON(e) : 0;
}

int tls_open_error(void)
{
	return system_error() ? -system_error() : -EIO;
}

const char *tls_error_text(char *ret, size_t cap)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	if (system_error())
		reason = strerror(system_error());
	snprintf(ret, cap, "%s", reason ? reason : e ? "unknown error" : "no reason given");
	return ret;
}

/*
 * The newest version that a ClientHello offers, remembered before OpenSSL judges it, so that a refusal
 * can say what was offered: supported_versions (RFC 8446 4.2.1) if it is there, else legacy_version.
 */
int tls_client_hello_callback(SSL *ssl, int *alert UNUSED, void *arg UNUSED)
{
	struct tls *t = SSL_get_app_data(ssl);
	unsigned newest = SSL_client_hello_get0_legacy_version(ssl);
	const unsigned char *ext;
	size_t n;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &ext, &n) == 1) {
		struct rd r = rd_init(ext, n);

		newest = 0;
		for (rd_u8(&r); rd_left(&r) >= 2;) {
			unsigned v = rd_be16(&r);

			if (v >> 8 == 3 && v > newest) /* not GREASE (RFC 8701) */
				newest = v;
		}
	}
	t->offered = (uint16_t)newest;
	return SSL_CLIENT_HELLO_SUCCESS;
}

static const char *version_name(unsigned v)
{
	static const char *const names[] = {"SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};

	return v >> 8 == 3 && (v & 0xff) < ARRAY_SIZE(names) ? names[v & 0xff]
							     : "none that is known";
}

static enum event event_of(unsigned long e)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == reasons[i].reason)
			return reasons[i].event;
	return ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE ? EV_OUT_OF_MEMORY : EV_TLS_PROTOCOL;
}

/*
 * Why OpenSSL gave up. A certificate problem has been named by verify.c already and is kept, since
 * the queue only says "certificate verify failed".
 */
void tls_fail_from_queue(struct tls *t)
{
	enum event event = event_of(ERR_peek_error());
	char text[128];

	if (t->failure.event != EV_NONE)
		return;
	if (t->alert != 0xff) {
		tls_fail_from_alert(t);
		return;
	}
	if (t->state == TLS_HANDSHAKE && !looks_like_tls(t)) {
		fail_not_tls(t);
		return;
	}
	if (t->short_output) {
		tls_failure_set(&t->failure, 0, EV_TLS_FLOOD,
			"%zu octets wait to be read by the peer", buf_len(&t->out));
		return;
	}
	if (event == EV_TLS_PROTOCOL) /* the first may be the cipher's, which names no cause */
		event = event_of(ERR_peek_last_error());
	tls_error_text(text, sizeof(text));
	if (event == EV_TLS_VERSION && t->offered)
		tls_failure_set(&t->failure, 0, event, "%s; the newest the client offers: %s", text,
			version_name(t->offered));
	else
		tls_failure_set(&t->failure, 0, event, "%s", text);
}
