// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One handshake as `culvert connect` makes it, with the certificate judged but accepted whatever it
 * is; then a handshake for each version by itself, and one without SNI. When the first fails, others
 * find out why: with old versions and the security level lowered (for that context alone), without
 * SNI, and with tiny segments, which pass where large ones vanish on the way.
 *
 * Interception shows as an issuer: one that makes inspection boxes, or another one by way of the
 * proxy than on the direct way.
 */
#include <stdlib.h>
#include <string.h>

#include "diagnose/private.h"

#define TINY_MSS 500 /* passes every path that carries IPv4 and most tunnels */

static const struct {
	const char *version, *title;
} versions[] = {{"1.0", "TLS 1.0"}, {"1.1", "TLS 1.1"}, {"1.2", "TLS 1.2"}, {"1.3", "TLS 1.3"}};

/* Each version by itself: with a legacy context, since the usual one refuses the old ones. */
static void try_versions(struct diagnosis *d, struct probe *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		AUTO(tls_ctx) struct tls_ctx *ctx = NULL;
		struct look s;

		if (tls_probe_ctx_new(&(struct tls_probe_opts){.ca_file = d->opts->ca_file,
					      .min = versions[i].version,
					      .max = versions[i].version,
					      .legacy = true},
			    &ctx, NULL) < 0)
			continue;
		if (look_open(d, &(struct look_opts){.ctx = ctx, .sni = d->sni}, &s)) {
			probe_fact(p, versions[i].title, "no");
		} else {
			struct tls_info info;

			tls_info(s.tls, &info);
			probe_fact(p, versions[i].title, "yes, %s%s%s", info.cipher,
				*info.group ? ", " : "", info.group);
		}
		look_close(&s);
	}
}

static bool works(struct diagnosis *d, struct tls_ctx *ctx, const char *sni, int mss)
{
	struct look s;
	bool ok = !look_open(
		d, &(struct look_opts){.ctx = ctx, .sni = sni, .mss = mss, .timeout_ms = 4000}, &s);

	look_close(&s);
	return ok;
}

static void try_without_sni(struct diagnosis *d, struct probe *p, const struct cert_info *with)
{
	struct look s;
	struct cert_info leaf;
	struct addr literal;

	if (addr_parse(d->opts->host, &literal) == 0 && !d->opts->sni)
		return; /* none was sent */
	if (look_open(d, &(struct look_opts){.ctx = d->look, .sni = ""}, &s)) {
		/* One failure may be chance: it must work with the name, and again not without. */
		if (works(d, d->look, d->sni, 0) && !works(d, d->look, "", 0))
			probe_find(p, OUTCOME_WARNING, EV_TLS_NEEDS_SNI,
				"without SNI twice not (%s), between them with SNI it works",
				s.text);
		probe_fact(p, "without SNI", "%s%s", event_info(s.event)->what,
			probe_has(p, EV_TLS_NEEDS_SNI) ? ""
						       : " Whether SNI is the cause was not seen.");
	} else if (tls_leaf_info(s.tls, &leaf) == 0) {
		bool same = !memcmp(leaf.sha256, with->sha256, sizeof(leaf.sha256));

		probe_fact(p, "without SNI", "%s certificate%s%s", same ? "the same" : "another",
			same ? "" : ": ", same ? "" : leaf.subject);
		if (!same)
			probe_find(p, OUTCOME_OK, EV_TLS_NEEDS_SNI,
				"another certificate comes without it: %s", leaf.subject);
	}
	look_close(&s);
}

/* The direct way past the proxy: does the same issuer stand there? */
static void compare_with_direct(struct diagnosis *d, struct probe *p, const struct cert_info *leaf)
{
	struct look s;
	struct cert_info direct;
	struct diagnosis past = *d;
	struct diagnose_opts opts = *d->opts;

	if (!d->opts->proxy || !d->n_addresses)
		return;
	opts.proxy = NULL;
	past.opts = &opts;
	past.server = d->addresses[0];
	if (!look_open(&past,
		    &(struct look_opts){.ctx = d->look, .sni = d->sni, .timeout_ms = 2000}, &s) &&
		tls_leaf_info(s.tls, &direct) == 0) {
		probe_fact(p, "issuer, direct way", "%s", direct.issuer);
		if (strcmp(direct.issuer, leaf->issuer))
			probe_find(p, OUTCOME_WARNING, EV_CERT_INTERCEPTED,
				"by way of the proxy the issuer is \"%s\", on the direct way \"%s\"",
				leaf->issuer, direct.issuer);
	} else {
		probe_fact(
			p, "issuer, direct way", "not measured, because the direct way is closed");
	}
	look_close(&s);
}

/* ---- why not ---------------------------------------------------------------------------------------- */

/* With old versions and the security level lowered; *ret_info is what was agreed on then. */
static bool legacy_works(struct diagnosis *d, struct tls_ctx **ret, struct tls_info *ret_info)
{
	AUTO(tls_ctx) struct tls_ctx *ctx = NULL;
	struct look s;
	bool ok;

	if (tls_probe_ctx_new(
		    &(struct tls_probe_opts){
			    .ca_file = d->opts->ca_file, .min = "1.0", .legacy = true},
		    &ctx, NULL) < 0)
		return false;
	ok = !look_open(d, &(struct look_opts){.ctx = ctx, .sni = d->sni, .timeout_ms = 4000}, &s);
	if (ok) {
		tls_info(s.tls, ret_info);
		*ret = TAKE(ctx);
	}
	look_close(&s);
	return ok;
}

/* Two differences at once: the version that is agreed on says which of them it was. */
static void judge_legacy(struct probe *p, const struct look *first, const struct tls_info *info)
{
	bool old = !strcmp(info->version, "TLSv1") || !strcmp(info->version, "TLSv1.1");

	probe_find(p, OUTCOME_FAILED, old ? EV_TLS_OLD_ONLY : EV_TLS_NOTHING_IN_COMMON,
		"%s; with the security level lowered (for this probe alone) it agrees to %s, %s",
		first->text, info->version, info->cipher);
}

/* Silence: because large segments vanish, or altogether? */
static void judge_silence(struct diagnosis *d, struct probe *p, const struct look *s)
{
	if (works(d, d->look, d->sni, TINY_MSS)) {
		probe_fact(p, "with small segments", "the handshake works (MSS %d)", TINY_MSS);
		probe_find(p, OUTCOME_FAILED, EV_PROBE_LARGE_OUTER_LOST,
			"the handshake works with segments of %d octets and not with full ones",
			TINY_MSS);
		return;
	}
	probe_fact(p, "with small segments", "no answer either, so it is not the packets' size");
	probe_find(p, OUTCOME_FAILED, s->received ? EV_TLS_TIMEOUT : EV_PROBE_SILENT_AFTER_TCP,
		"%s; nor with small segments", s->text);
}

/* Returns true when a way was found to go on all the same. */
static bool judge_failure(struct diagnosis *d, struct probe *p, const struct look *s)
{
	struct tls_ctx *legacy = NULL;
	struct tls_info info;

	if (s->event == EV_TLS_TIMEOUT) {
		judge_silence(d, p, s);
		return false;
	}
	if (s->event == EV_TLS_NOT_TLS || event_info(s->event)->layer == LAYER_TCP) {
		probe_find(p, OUTCOME_FAILED, s->event, "%s", s->text);
		return false;
	}
	if (event_info(s->event)->layer == LAYER_PROXY) {
		probe_find(p, OUTCOME_FAILED, s->event, "%s", s->text);
		return false;
	}
	if (works(d, d->look, d->sni, 0)) {
		probe_fact(p, "second handshake", "works");
		probe_find(p, OUTCOME_WARNING, s->event, "once: %s; the next handshake works",
			s->text);
		return true;
	}
	if (legacy_works(d, &legacy, &info)) {
		judge_legacy(p, s, &info);
		tls_ctx_free(d->look);
		d->look = legacy;
		return true;
	}
	if (d->sni && *d->sni && works(d, d->look, "", 0) && !works(d, d->look, d->sni, 0)) {
		probe_fact(p, "without SNI", "the handshake works");
		probe_find(p, OUTCOME_FAILED, EV_TLS_PEER_REFUSES_NAME,
			"it answers without the name \"%s\", and three times not with it", d->sni);
		d->sni = "";
		return true;
	}
	probe_find(p, OUTCOME_FAILED, s->event, "%s", s->text);
	return false;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static void tell_handshake(struct diagnosis *d, struct probe *p, struct look *s)
{
	struct cert_info leaf = {0};
	struct tls_info info;
	char subject[64];

	tls_info(s->tls, &info);
	tls_leaf_info(s->tls, &leaf);
	probe_fact(p, "chosen", "%s, %s%s%s, handshake %.1f ms", info.version, info.cipher,
		*info.group ? ", " : "", info.group, (double)s->handshake_us / 1000);
	probe_fact(p, "name sent (SNI)", "%s", *info.sni ? info.sni : "none");
	snprintf(subject, sizeof(subject), "%.60s", leaf.subject);
	if (tls_wants_client_cert(s->tls))
		probe_find(p, OUTCOME_WARNING, EV_TLS_PEER_WANTS_CERT,
			"it asks for one and goes on without");
	judge_chain(d, p, s->tls);
	probe_summary(p, "%s, \"%s\" (%s), %s", info.version, subject, leaf.key,
		d->untrusted       ? "not trusted here"
		: d->opts->n_pins  ? "pinned"
		: d->opts->ca_file ? "leads to --ca"
				   : "trusted");
	judge_revocation(d, p, s->tls);
	compare_with_direct(d, p, &leaf);
	try_versions(d, p);
	try_without_sni(d, p, &leaf);
}

/* The context that a password may be sent through: judged again, by the rules of `culvert connect`. */
static void make_login_ctx(struct diagnosis *d)
{
	struct tls_client_opts opts = {.ca_file = d->opts->ca_file,
		.pins = d->opts->pins,
		.n_pins = d->opts->n_pins,
		.insecure = d->opts->insecure};

	if (d->untrusted && !d->opts->insecure)
		return;
	tls_client_ctx_new(&opts, &d->login, NULL);
}

void probe_tls(struct diagnosis *d, struct probe *p)
{
	struct tls_failure why = {0};
	struct look s;

	if (!d->reachable) {
		probe_skip(p, "no TCP connection to the server could be made");
		return;
	}
	d->sni = d->opts->sni ? d->opts->sni : d->opts->host;
	if (tls_probe_ctx_new(
		    &(struct tls_probe_opts){.ca_file = d->opts->ca_file}, &d->look, &why) < 0) {
		probe_find(p, OUTCOME_FAILED, why.event, "%s", why.text);
		return;
	}
	if (look_open(d, &(struct look_opts){.ctx = d->look, .sni = d->sni}, &s)) {
		probe_fact(p, "handshake", "%s", s.text);
		if (!judge_failure(d, p, &s)) {
			look_close(&s);
			return;
		}
		look_close(&s);
		if (look_open(d, &(struct look_opts){.ctx = d->look, .sni = d->sni}, &s)) {
			look_close(&s);
			return;
		}
	}
	d->tls_works = true;
	tell_handshake(d, p, &s);
	look_close(&s);
	make_login_ctx(d);
}
