// SPDX-License-Identifier: Apache-2.0
/* The certificate part of the TLS probe: the chain, each problem by itself, the clock. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "diagnose/private.h"

#define SOON_S (14 * 86400)
#define CLOCK_LEEWAY_S 300

static const char *date_text(int64_t s, char ret[static 20])
{
	time_t t = (time_t)s;
	struct tm tm;

	strftime(ret, 20, "%Y-%m-%d %H:%M", gmtime_r(&t, &tm));
	return ret;
}

static void tell_chain(struct probe *p, const char *name, const struct cert_info *list, size_t n)
{
	char text[FACT_VALUE_LEN] = "";
	size_t used = 0;

	for (size_t i = 0; i < n && used < sizeof(text) - 1; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.40s (by %.40s, %s)",
			i ? " > " : "", list[i].subject, list[i].issuer, list[i].key);
	probe_fact(p, name, "%s", text);
}

static void tell_leaf(struct probe *p, const struct cert_info *leaf)
{
	char from[20], to[20], sha256[2 * SHA256_LEN + 1];

	hex_encode(leaf->sha256, SHA256_LEN, sha256);
	probe_fact(p, "certificate for", "%s", *leaf->names ? leaf->names : "no name at all");
	probe_fact(p, "valid (UTC)", "%s to %s", date_text(leaf->not_before_s, from),
		date_text(leaf->not_after_s, to));
	probe_fact(p, "SHA-256", "%s", sha256);
	probe_fact(p, "pin", "%s", leaf->pin);
}

/* Boxes that inspect TLS sign with a name of their own. A name proves nothing: a warning, no more. */
static bool is_box(const char *issuer)
{
	static const char *const boxes[] = {"zscaler", "fortinet", "fortigate", "blue coat",
		"bluecoat", "palo alto", "sophos", "netskope", "checkpoint", "check point",
		"barracuda", "mitmproxy", "squid", "untangle", "watchguard", "sonicwall",
		"kaspersky", "bitdefender", "avast", "eset ssl", "charles proxy", "fiddler", "burp",
		"cisco umbrella", "forcepoint", "mcafee web gateway", "interception", "inspection"};

	for (size_t k = 0; k < ARRAY_SIZE(boxes); k++)
		if (strcasestr(issuer, boxes[k]))
			return true;
	return false;
}

static void judge_issuer(struct probe *p, const struct cert_info *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_box(list[i].issuer_dn))
			probe_find(p, OUTCOME_WARNING, EV_CERT_INTERCEPTED,
				"a guess from the name of the issuer \"%s\", which is that of a box "
				"that inspects TLS",
				list[i].issuer_dn);
}

/* ---- who issued it -------------------------------------------------------------------------------- */

/* The names that CAs give to what stands between root and leaf. A name proves nothing: a guess. */
static bool is_named_as_intermediate(const char *issuer)
{
	static const char *const words[] = {
		"intermediate", "issuing", "subordinate", "sub ca", "sub-ca", "subca"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(issuer, words[i]))
			return true;
	return false;
}

struct missing { /* what is known of an issuer that was not sent and is not known here */
	enum event event;
	const char *why;
};

/*
 * What OpenSSL calls an unknown issuer is two faults with two cures: an intermediate was not sent, or
 * a root is not trusted. A leaf that comes alone does not say which, unless there is a sign.
 */
static struct missing what_is_missing(const struct tls *t, const struct cert_info *leaf)
{
	switch (tls_issuer_kind(t)) {
	case TLS_ISSUER_ROOT:
		return (struct missing){
			EV_CERT_UNTRUSTED_ROOT, "the certificate says that its issuer is a root"};
	case TLS_ISSUER_INTERMEDIATE:
		return (struct missing){EV_CERT_INTERMEDIATE_MISSING,
			"the certificate says that its issuer is an intermediate, which was not sent"};
	case TLS_ISSUER_UNSAID: break;
	}
	if (is_named_as_intermediate(leaf->issuer))
		return (struct missing){EV_CERT_INTERMEDIATE_MISSING,
			"a guess from its name: it is an intermediate, which was not sent"};
	return (struct missing){EV_CERT_ISSUER_UNKNOWN,
		"it was not sent: either it is a root that is not trusted here, or an intermediate"};
}

static bool is_about_trust(enum event ev)
{
	return ev == EV_CERT_ISSUER_UNKNOWN || ev == EV_CERT_UNTRUSTED_ROOT;
}

/* First who issued it, and that it is not trusted here; then what else can be said. */
static void find_untrusted(struct probe *p, enum outcome weight, enum event ev, const struct tls *t,
	const struct cert_info *leaf, const struct cert_info *top)
{
	const char *box = is_box(leaf->issuer_dn) || is_box(top->issuer_dn)
				  ? "; the name is that of a box that inspects TLS"
				  : "";
	struct missing m = {ev, NULL};

	if (top == leaf && ev == EV_CERT_ISSUER_UNKNOWN)
		m = what_is_missing(t, leaf);
	else if (ev == EV_CERT_ISSUER_UNKNOWN)
		m.event = EV_CERT_UNTRUSTED_ROOT; /* the chain goes up to it */
	if (m.why)
		probe_find(p, weight, m.event, "issued by \"%s\", which is not trusted here; %s%s",
			leaf->issuer, m.why, box);
	else if (strcmp(leaf->issuer, top->issuer) != 0)
		probe_find(p, weight, m.event,
			"issued by \"%s\" under \"%s\", which is not trusted here%s", leaf->issuer,
			top->issuer, box);
	else
		probe_find(p, weight, m.event, "issued by \"%s\", which is not trusted here%s",
			leaf->issuer, box);
}

static bool pinned(const struct diagnose_opts *o, const struct cert_info *leaf)
{
	for (size_t i = 0; i < o->n_pins; i++)
		if (!strcmp(o->pins[i], leaf->pin))
			return true;
	return false;
}

void judge_chain(struct diagnosis *d, struct probe *p, const struct tls *t)
{
	struct cert_info sent[TLS_PROBE_CHAIN_MAX], built[TLS_PROBE_CHAIN_MAX];
	size_t n = tls_chain_sent(t, sent, TLS_PROBE_CHAIN_MAX);
	size_t n_built = tls_chain_built(t, built, TLS_PROBE_CHAIN_MAX);
	const struct tls_failure *problems;
	size_t n_problems = tls_problems(t, &problems);
	bool by_pin = d->opts->n_pins && !d->opts->ca_file && n && pinned(d->opts, &sent[0]);
	enum outcome weight = by_pin ? OUTCOME_OK : OUTCOME_FAILED;

	if (!n)
		return;
	snprintf(d->issuer, sizeof(d->issuer), "%s", sent[0].issuer);
	d->not_before_s = sent[0].not_before_s;
	d->not_after_s = sent[0].not_after_s;
	tell_leaf(p, &sent[0]);
	tell_chain(p, "chain as sent", sent, n);
	if (n_built)
		tell_chain(p, "chain as built", built, n_built);
	if (d->opts->n_pins && !pinned(d->opts, &sent[0]))
		probe_find(p, OUTCOME_FAILED, EV_CERT_PIN_MISMATCH, "the server's key is %s",
			sent[0].pin);
	for (size_t i = 0; i < n_problems; i++) {
		enum event ev = problems[i].event;

		if (is_about_trust(ev))
			find_untrusted(p, weight, ev, t, &sent[0],
				n_built > 1 ? &built[n_built - 1] : &sent[0]);
		else
			probe_find(p, weight, ev, "%s", problems[i].text);
		d->time_problem |= ev == EV_CERT_EXPIRED || ev == EV_CERT_NOT_YET_VALID;
	}
	d->untrusted = (n_problems && !by_pin) || probe_has(p, EV_CERT_PIN_MISMATCH);
	if (!n_problems && sent[0].not_after_s - clock_wall_s() < SOON_S)
		probe_find(p, OUTCOME_WARNING, EV_CERT_EXPIRES_SOON, "in %" PRId64 " days",
			(sent[0].not_after_s - clock_wall_s()) / 86400);
	judge_issuer(p, sent, n);
}

/* ---- the clock --------------------------------------------------------------------------------------- */

void judge_clock(struct diagnosis *d, int64_t server_s)
{
	struct probe *p = &d->probes[PROBE_TLS];
	int64_t off = clock_wall_s() - server_s;
	char here[20], there[20];
	bool explains;

	if (off > -CLOCK_LEEWAY_S && off < CLOCK_LEEWAY_S)
		return;
	date_text(clock_wall_s(), here);
	date_text(server_s, there);
	probe_fact(p, "clocks", "%s here, %s at the server (UTC)", here, there);
	explains = d->time_problem && server_s >= d->not_before_s && server_s <= d->not_after_s;
	if (d->time_problem && !explains)
		return;
	for (size_t i = 0; i < p->n_findings; i++) {
		struct finding *f = &p->findings[i];

		if (f->event != EV_CERT_EXPIRED && f->event != EV_CERT_NOT_YET_VALID)
			continue;
		f->event = EV_CERT_CLOCK_WRONG; /* by the server's clock the certificate is valid */
		snprintf(f->text, sizeof(f->text), "%s here, %s at the server (UTC)", here, there);
	}
	if (!d->time_problem)
		probe_find(p, OUTCOME_WARNING, EV_CERT_CLOCK_WRONG,
			"%s here, %s at the server (UTC); it may be the server's that is wrong",
			here, there);
}
