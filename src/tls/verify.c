// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The check does not stop at the first fault. Every problem has its own event with what was found: the
 * dates, the names in the certificate, the unknown issuer. Then one decision is made:
 *
 *     insecure             accept
 *     pins, no CA file     accept when one pin matches the leaf's key. Chain, name, dates and usage
 *                          then do not matter: the key itself was agreed on. DEVIATION: [MS-SSTP]
 *                          3.2.4.1 wants serverAuth in the EKU always; it guards against a client
 *                          certificate of the same CA, and with a pin no CA is believed.
 *     pins and a CA file   accept when a pin matches and nothing else is wrong
 *     otherwise            accept when nothing is wrong
 *
 * Names are looked up in the subjectAltName only (RFC 9110 4.3.4); a common name is shown, not used.
 * Revocation is not checked: the check may need the tunnel, which is not up yet.
 */
#include "tls/private.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

// clang-format off
static const struct {
	int error;
	enum event event;
} faults[] = {
	{X509_V_ERR_CERT_HAS_EXPIRED,                   EV_CERT_EXPIRED},
	{X509_V_ERR_CERT_NOT_YET_VALID,                 EV_CERT_NOT_YET_VALID},
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,        EV_CERT_SELF_SIGNED},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,          EV_CERT_UNTRUSTED_ROOT},
	{X509_V_ERR_CERT_UNTRUSTED,                     EV_CERT_UNTRUSTED_ROOT},
	{X509_V_ERR_CERT_REJECTED,                      EV_CERT_UNTRUSTED_ROOT},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,          EV_CERT_ISSUER_UNKNOWN},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,  EV_CERT_ISSUER_UNKNOWN},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,    EV_CERT_ISSUER_UNKNOWN},
	{X509_V_ERR_INVALID_PURPOSE,                    EV_CERT_WRONG_USAGE},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE,             EV_CERT_BAD_SIGNATURE},
	{X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE,   EV_CERT_BAD_SIGNATURE},
	{X509_V_ERR_EE_KEY_TOO_SMALL,                   EV_CERT_WEAK},
	{X509_V_ERR_CA_KEY_TOO_SMALL,                   EV_CERT_WEAK},
	{X509_V_ERR_CA_MD_TOO_WEAK,                     EV_CERT_WEAK},
	{X509_V_ERR_HOSTNAME_MISMATCH,                  EV_CERT_NAME_MISMATCH},
	{X509_V_ERR_IP_ADDRESS_MISMATCH,                EV_CERT_NAME_MISMATCH},
}; /* any other: EV_CERT_INVALID */
// clang-format on

static enum event fault_event(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (faults[i].error == error)
			return faults[i].event;
	return EV_CERT_INVALID;
}

/*
 * A new problem to fill, or NULL when this kind is there already or there is no room: the verdict
 * hangs on `distrusted`, never on how much could be written down.
 */
static struct tls_failure *problem_new(struct tls *t, enum event event)
{
	t->distrusted = true;
	if (!t->problems) {
		t->problems = calloc(TLS_PROBLEMS_MAX, sizeof(*t->problems));
		if (!t->problems)
			return NULL;
	}
	for (size_t i = 0; i < t->n_problems; i++)
		if (t->problems[i].event == event)
			return NULL;
	if (t->n_problems == TLS_PROBLEMS_MAX)
		return NULL;
	t->problems[t->n_problems].event = event;
	return &t->problems[t->n_problems++];
}

static void name_text(const X509_NAME *name, char *ret, size_t cap)
{
	char *line = X509_NAME_oneline(name, NULL, 0);

	snprintf(ret, cap, "%s", line ? line : "");
	OPENSSL_free(line);
}

/* The text for this kind of problem. */
static void describe(struct tls_failure *f, X509 *x, int depth, int error)
{
	char date[64], issuer[140], subject[140];

	name_text(X509_get_issuer_name(x), issuer, sizeof(issuer));
	name_text(X509_get_subject_name(x), subject, sizeof(subject));
	switch (f->event) {
	case EV_CERT_EXPIRED:
		cert_time_text(X509_get0_notAfter(x), date, sizeof(date));
		tls_failure_set(f, 0, f->event, "valid until %s, certificate %d, subject \"%s\"",
			date, depth, subject);
		break;
	case EV_CERT_NOT_YET_VALID:
		cert_time_text(X509_get0_notBefore(x), date, sizeof(date));
		tls_failure_set(f, 0, f->event, "valid from %s, certificate %d, subject \"%s\"",
			date, depth, subject);
		break;
	case EV_CERT_SELF_SIGNED:
		tls_failure_set(f, 0, f->event, "subject \"%s\", issuer \"%s\"", subject, issuer);
		break;
	case EV_CERT_UNTRUSTED_ROOT:
	case EV_CERT_ISSUER_UNKNOWN:
		tls_failure_set(f, 0, f->event,
			"issuer \"%s\", which is not trusted here; subject \"%s\"", issuer,
			subject);
		break;
	default:
		tls_failure_set(f, 0, f->event, "%s, certificate %d, subject \"%s\"",
			X509_verify_cert_error_string(error), depth, subject);
	}
}

/* OpenSSL's purpose "sslserver" does not know that anyExtendedKeyUsage will do ([MS-SSTP] 3.2.4.1). */
static bool usable_by_any_purpose(X509 *leaf)
{
	uint32_t eku = X509_get_extended_key_usage(leaf), ku = X509_get_key_usage(leaf);

	return eku != UINT32_MAX && eku & XKU_ANYEKU &&
	       ku & (KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT);
}

static struct tls *tls_of(X509_STORE_CTX *sctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(sctx, SSL_get_ex_data_X509_STORE_CTX_idx());

	return SSL_get_app_data(ssl);
}

/* Called for each certificate; notes the fault and goes on. */
static int collect(int ok, X509_STORE_CTX *sctx)
{
	int error = X509_STORE_CTX_get_error(sctx), depth = X509_STORE_CTX_get_error_depth(sctx);
	X509 *x = X509_STORE_CTX_get_current_cert(sctx);
	struct tls_failure *f;

	if (ok)
		return 1;
	if (error == X509_V_ERR_INVALID_PURPOSE && depth == 0 && x && usable_by_any_purpose(x))
		return 1;
	f = problem_new(tls_of(sctx), fault_event(error));
	if (f && x)
		describe(f, x, depth, error);
	return 1;
}

/* An address is looked for among the addresses, a name among the names: no "192.0.2.1" as a DNS name. */
static bool name_matches(const char *host, X509 *leaf)
{
	unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
	size_t n = strlen(host);

	if (tls_is_address(host))
		return X509_check_ip_asc(leaf, host, 0) == 1;
	if (host[n - 1] == '.')
		n--;
	return X509_check_host(leaf, host, n, flags, NULL) == 1;
}

static void check_name(struct tls *t, X509 *leaf)
{
	struct tls_failure *f;
	char names[160];

	if (!t->host || !*t->host || name_matches(t->host, leaf))
		return;
	f = problem_new(t, EV_CERT_NAME_MISMATCH);
	if (!f)
		return;
	cert_names_text(leaf, names, sizeof(names));
	tls_failure_set(f, 0, f->event, "asked for \"%.64s\", the certificate is for: %s", t->host,
		*names ? names : "no name at all (no subjectAltName)");
}

static bool pin_matches(const struct tls_ctx *ctx, const X509 *leaf)
{
	uint8_t sha256[SHA256_LEN];

	if (cert_spki_sha256(leaf, sha256) < 0)
		return false;
	for (size_t i = 0; i < ctx->n_pins; i++)
		if (!memcmp(ctx->pins[i].sha256, sha256, sizeof(sha256)))
			return true;
	return false;
}

static void note_pin_mismatch(struct tls *t, X509 *leaf)
{
	struct tls_failure *f = problem_new(t, EV_CERT_PIN_MISMATCH);
	struct cert_info info;

	if (!f)
		return;
	cert_info_fill(leaf, &info);
	tls_failure_set(
		f, 0, f->event, "the server's key is %s, subject \"%s\"", info.pin, info.subject);
}

static bool accept(struct tls *t, X509 *leaf)
{
	const struct tls_ctx *ctx = t->ctx;

	if (ctx->n_pins) {
		if (!pin_matches(ctx, leaf))
			note_pin_mismatch(t, leaf);
		else if (!ctx->own_ca)
			return true;
	}
	return ctx->insecure || !t->distrusted;
}

/* The one that is shown: a wrong pin is what the user asked about, others as they were found. */
static struct tls_failure worst(const struct tls *t)
{
	for (size_t i = 0; i < t->n_problems; i++)
		if (t->problems[i].event == EV_CERT_PIN_MISMATCH)
			return t->problems[i];
	return t->n_problems ? t->problems[0] : (struct tls_failure){.event = EV_CERT_INVALID};
}

/* The X.509 error from which OpenSSL chooses the alert that the server gets. */
static int alert_error(enum event event)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (faults[i].event == event)
			return faults[i].error;
	return X509_V_ERR_CERT_REJECTED;
}

int tls_verify_server(X509_STORE_CTX *sctx, void *arg UNUSED)
{
	struct tls *t = tls_of(sctx);
	X509 *leaf = X509_STORE_CTX_get0_cert(sctx);

	if (t->verify_at_s)
		X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(sctx), t->verify_at_s);
	X509_STORE_CTX_set_verify_cb(sctx, collect);
	if (X509_verify_cert(sctx) <= 0) /* collect() lets faults pass, so this is about memory */
		problem_new(t, EV_CERT_INVALID);
	check_name(t, leaf);
	if (accept(t, leaf)) {
		X509_STORE_CTX_set_error(sctx, X509_V_OK);
		return 1;
	}
	t->failure = worst(t);
	X509_STORE_CTX_set_error(sctx, alert_error(t->failure.event));
	return 0;
}
