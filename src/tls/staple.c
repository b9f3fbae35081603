// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: an OCSP response that a client is shown (RFC 6066 section 8) must be about the certificate
 * that it is shown with, and in its time. After a renewal the file of the certificate before is often
 * still there; a client that gets it refuses the connection. So one that does not belong, or is past
 * its nextUpdate, is left out with a warning: without a staple a client asks for itself.
 *
 * The client checks its signature.
 */
#include "tls/private.h"

#include <errno.h>
#include <openssl/ocsp.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

#define STAPLE_MAX 16384 /* the largest that is sent; usual ones have 500 to 2,000 octets */
#define CLOCK_SLACK_S 300

static int64_t seconds_of(const ASN1_GENERALIZEDTIME *at)
{
	struct tm tm;

	return at && ASN1_TIME_to_tm(at, &tm) ? (int64_t)timegm(&tm) : 0;
}

/* Is `id` (RFC 6960 4.1.1) that of `leaf`: its serial number, and the hash of its issuer's name? */
static bool is_about(const OCSP_CERTID *id, const X509 *leaf)
{
	ASN1_OBJECT *algorithm;
	ASN1_OCTET_STRING *name;
	ASN1_INTEGER *serial;
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const EVP_MD *md;

	OCSP_id_get0_info(&name, &algorithm, NULL, &serial, (OCSP_CERTID *)(uintptr_t)id);
	md = EVP_get_digestbyobj(algorithm);
	if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) || !md ||
		!X509_NAME_digest(X509_get_issuer_name(leaf), md, hash, &n))
		return false;
	return (unsigned)ASN1_STRING_length(name) == n &&
	       !memcmp(ASN1_STRING_get0_data(name), hash, n);
}

/* The answer about `leaf`, NULL: there is none. */
static OCSP_SINGLERESP *find_answer(OCSP_BASICRESP *basic, const X509 *leaf)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);

		if (is_about(OCSP_SINGLERESP_get0_id(one), leaf))
			return one;
	}
	return NULL;
}

/* Fills `why` and leaves the times alone unless the response may be stapled now. */
static bool judge(
	struct tls_shown *s, OCSP_BASICRESP *basic, const char *file, struct tls_failure *ret_note)
{
	ASN1_GENERALIZEDTIME *from, *until;
	OCSP_SINGLERESP *one = find_answer(basic, s->leaf);
	int64_t now_s = clock_wall_s();
	char text[64];

	if (!one) {
		tls_failure_set(ret_note, 0, EV_CERT_OCSP_NOT_STAPLED,
			"file=%s reason=\"it is about another certificate\"", file);
		return false;
	}
	OCSP_single_get0_status(one, NULL, NULL, &from, &until);
	s->staple_until_s = seconds_of(until);
	if (until && s->staple_until_s <= now_s) {
		cert_time_text(until, text, sizeof(text));
		tls_failure_set(ret_note, 0, EV_CERT_OCSP_NOT_STAPLED,
			"file=%s reason=\"it was good until %s\"", file, text);
		return false;
	}
	if (seconds_of(from) > now_s + CLOCK_SLACK_S) {
		cert_time_text(from, text, sizeof(text));
		tls_failure_set(ret_note, 0, EV_CERT_OCSP_NOT_STAPLED,
			"file=%s reason=\"it is good from %s only\"", file, text);
		return false;
	}
	return true;
}

static int take(struct tls_shown *s, OCSP_RESPONSE *r, const char *file,
	struct tls_failure *ret_failure, struct tls_failure *ret_note)
{
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(r);
	unsigned char *der = NULL;
	bool good = basic && judge(s, basic, file, ret_note);
	int n = good ? i2d_OCSP_RESPONSE(r, &der) : 0;

	OCSP_BASICRESP_free(basic);
	if (!basic || n < 0 || n > STAPLE_MAX) {
		OPENSSL_free(der);
		return tls_failure_set(ret_failure, -EINVAL, EV_CERT_OCSP_BAD, "%s: %s", file,
			n > STAPLE_MAX ? "too long" : "not understood");
	}
	s->staple = der;
	s->staple_len = (size_t)n;
	return 0;
}

int tls_load_staple(struct tls_shown *s, const char *file, struct tls_failure *ret_failure,
	struct tls_failure *ret_note)
{
	BIO *bio = BIO_new_file(file, "r");
	OCSP_RESPONSE *r;
	char text[128];
	int e;

	if (!bio)
		return tls_failure_set(ret_failure, tls_open_error(), EV_CERT_FILE_UNREADABLE,
			"%s: %s", file, tls_error_text(text, sizeof(text)));
	r = d2i_OCSP_RESPONSE_bio(bio, NULL);
	BIO_free(bio);
	if (r && OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		e = take(s, r, file, ret_failure, ret_note);
	else
		e = tls_failure_set(ret_failure, -EINVAL, EV_CERT_OCSP_BAD, "%s: %s", file,
			tls_error_text(text, sizeof(text)));
	OCSP_RESPONSE_free(r);
	return e;
}

bool tls_staple_is_current(const struct tls_shown *s)
{
	return s->staple && (!s->staple_until_s || s->staple_until_s > clock_wall_s());
}
