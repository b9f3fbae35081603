// SPDX-License-Identifier: Apache-2.0
/*
 * Was the certificate revoked? Asked only when the chain is trusted: an untrusted certificate is
 * any peer's, and so would be the places that it names. What an answer is worth is tls/revocation.c.
 *
 * A private address is asked when the server's own is private, or when the user named the CA with
 * --ca: enterprise CAs publish there.
 */
#include <stdlib.h>
#include <string.h>

#include "diagnose/fetch.h"
#include "diagnose/private.h"
#include "tls/revocation.h"

#define REVOCATION_MS 3000

struct place {
	const char *name; /* of the fact */
	const char *url;
	bool ocsp;
};

static void not_checked(struct probe *p, const char *name, const char *why)
{
	probe_fact(p, name, "not checked, because %s", why);
	probe_find(p, OUTCOME_OK, EV_CERT_REVOCATION_UNCHECKED, "not checked, because %s", why);
}

static void judge_answer(struct probe *p, const struct place *place, const struct tls_revocation *r)
{
	char text[TLS_REVOCATION_URL_MAX + sizeof(r->why) + 3];

	switch (r->answer) {
	case TLS_REVOKED_NO:
		probe_fact(p, place->name, "%s: not revoked (signature verified)", place->url);
		break;
	case TLS_REVOKED_YES:
		probe_fact(p, place->name, "%s: revoked (signature verified)", place->url);
		probe_find(p, OUTCOME_FAILED, EV_CERT_REVOKED, "by %s", place->url);
		break;
	case TLS_REVOKED_UNREAD:
		snprintf(text, sizeof(text), "%s: %s", place->url, r->why);
		not_checked(p, place->name, text);
		break;
	case TLS_REVOKED_UNKNOWN:
		probe_fact(p, place->name, "%s: an answer that does not count: %s", place->url,
			r->why);
		probe_find(p, OUTCOME_WARNING, EV_CERT_REVOCATION_OFFLINE,
			"%s: its answer does not count: %s", place->url, r->why);
		break;
	}
}

static bool private_too(const struct diagnosis *d)
{
	return d->opts->ca_file || (d->server.addr.family && fetch_is_private(&d->server.addr));
}

static void ask(
	struct diagnosis *d, struct probe *p, const struct tls *t, const struct place *place)
{
	struct fetch_request r = {.url = place->url,
		.post_type = "application/ocsp-request",
		.private_too = private_too(d),
		.timeout_ms = REVOCATION_MS};
	void *request = place->ocsp ? tls_ocsp_request(t, &r.post_len) : NULL;
	char why[FETCH_WHY_MAX], text[FETCH_WHY_MAX + 220];
	struct tls_revocation answer;
	enum fetch_outcome outcome;
	struct buf b;

	if (place->ocsp && !request) {
		not_checked(p, place->name, "the issuer's certificate is not at hand");
		return;
	}
	r.post = request;
	buf_init(&b, 0);
	outcome = fetch(&r, &b, why);
	if (outcome == FETCH_FORBIDDEN) {
		snprintf(text, sizeof(text), "%s is not asked: %s", place->url, why);
		not_checked(p, place->name, text);
	} else if (outcome == FETCH_FAILED) {
		probe_fact(p, place->name, "%s: %s", place->url, why);
		probe_find(
			p, OUTCOME_WARNING, EV_CERT_REVOCATION_OFFLINE, "%s: %s", place->url, why);
	} else {
		if (place->ocsp)
			tls_check_ocsp(t, buf_data(&b), buf_len(&b), request, r.post_len, &answer);
		else
			tls_check_crl(t, buf_data(&b), buf_len(&b), &answer);
		judge_answer(p, place, &answer);
	}
	buf_done(&b);
	free(request);
}

/* A response that came in the handshake: nothing is fetched for it, and it is judged the same way. */
static void judge_staple(struct probe *p, const struct tls *t)
{
	static const struct place place = {
		.name = "revocation (stapled)", .url = "the stapled OCSP response"};
	struct tls_revocation answer;
	const uint8_t *octets;
	size_t n = tls_stapled(t, &octets);

	if (!n)
		return;
	tls_check_ocsp(t, octets, n, NULL, 0, &answer);
	judge_answer(p, &place, &answer);
}

void judge_revocation(struct diagnosis *d, struct probe *p, const struct tls *t)
{
	struct tls_revocation_urls urls;
	const uint8_t *octets;

	tls_revocation_urls(t, &urls);
	if (!*urls.crl && !*urls.ocsp && !tls_stapled(t, &octets)) {
		probe_fact(p, "revocation", "the certificate names no place to ask over http");
		return;
	}
	if (!tls_trusted(t)) {
		not_checked(p, "revocation",
			"the certificate is not accepted by itself, so the places that it names "
			"are not asked");
		return;
	}
	judge_staple(p, t);
	if (*urls.crl)
		ask(d, p, t, &(struct place){"revocation list", urls.crl, false});
	if (*urls.ocsp)
		ask(d, p, t, &(struct place){"revocation (OCSP)", urls.ocsp, true});
}
