// SPDX-License-Identifier: Apache-2.0
/*
 * server/session/login.c — from a proof to who it is.
 *
 * Theory: questions in a row, whose answers come later: may this source's proof be judged yet
 * (admission.h), who is this (aaa, a letter); then place.c: is there a place for one more session
 * (directory.h), which address (store, a letter).
 *
 * A proof from a source with a failed login waits before it is checked. If only the answer waited, honest
 * users would wait, and a guesser would hang up when success does not come at once.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/peer_cert.h"
#include "base/text.h"
#include "config/config.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"
#include "server/session/question.h"

static void count_handshake(struct session *s)
{
	uint64_t ms = clock_mono_ms() - s->opened_ms;
	size_t i = 0;

	while (i < HANDSHAKE_BUCKETS && ms > handshake_bucket_ms[i])
		i++;
	stat_add(&s->site->handshakes[i], 1);
	stat_add(&s->site->handshake_ms, ms);
}

static void try_to_judge(struct question *q);

/* The result of one proof lets the next one of its source be judged, on this worker at once. */
static void wake_held(struct site *site)
{
	struct question *next;
	unsigned n = 0;

	for (struct question *q = site->held; q && n < SOURCES_JUDGED_AT_ONCE; q = next, n++) {
		next = q->held_next;
		question_end_wait(q);
		try_to_judge(q);
	}
}

/* What the server itself is to blame for, or comes after the right password, is no guess. */
static bool is_guess(enum event outcome)
{
	switch ((int)outcome) {
	case EV_NONE: /* a round of EAP */
	case EV_AUTH_ACCEPTED:
	case EV_AUTH_EAP_NO_METHOD:
	case EV_AUTH_EAP_PROOF_REFUSED:
	case EV_AUTH_CERT_EXPIRED: /* a key cannot be guessed */
	case EV_AUTH_CERT_NOT_YET_VALID:
	case EV_AUTH_CERT_REVOKED:
	case EV_AUTH_CERT_WRONG_USAGE:
	case EV_AUTH_CERT_UNKNOWN_CA:
	case EV_AUTH_CERT_INVALID:
	case EV_AUTH_CERT_NO_LIST:
	case EV_AUTH_CERT_NO_NAME:
	case EV_AUTH_CERT_UNKNOWN_USER:
	case EV_AUTH_TLS_FAILED:
	case EV_AUTH_USER_DISABLED:
	case EV_AUTH_USER_EXPIRED:
	case EV_AUTH_OUTSIDE_HOURS:
	case EV_AUTH_PASSWORD_OLD:
	case EV_AUTH_GRANT_UNREADABLE:
	case EV_AUTH_STORE_FAILED:
	case EV_AUTH_RADIUS_NO_ANSWER:
	case EV_AUTH_RADIUS_NO_KEYS:
	case EV_AUTH_RADIUS_BAD_KEYS:
	case EV_AUTH_RADIUS_NOT_TRUSTED:
	case EV_AUTH_RADIUS_NOT_SEALED:
	case EV_AUTH_RADIUS_OTHER_SERVICE:
	case EV_AUTH_RADIUS_NO_PROOF:
	case EV_AUTH_RADIUS_CHALLENGED:
	case EV_AUTH_RADIUS_BAD_EAP:
	case EV_AUTH_RADIUS_NONE:
	case EV_AUTH_RADIUS_TOO_LONG:
	case EV_AUTH_CRYPTO_MISSING:
	case EV_SERVER_BUSY: return false;
	default: return true;
	}
}

/* A user's devices differ by their certificates. */
static void log_accepted(const struct session *s, const struct aaa_answer *a)
{
	char thumbprint[41];

	if (!s->cert) {
		log_event(&s->scope, a->event, "%s", a->detail);
		return;
	}
	hex_encode(s->cert->sha1, sizeof(s->cert->sha1), thumbprint);
	log_event(&s->scope, a->event, "%s certificate=%s serial=%s ca=\"%s\"", a->detail,
		thumbprint, s->cert->serial, s->cert->anchor);
}

/* In time to give the user another one; the session ends with it. */
static void warn_of_certificate(const struct session *s)
{
	int64_t left_s = s->cert ? s->cert->not_after_s - clock_wall_s() : INT64_MAX;
	char thumbprint[41];

	if (left_s >= CERT_ENDS_SOON_S)
		return;
	hex_encode(s->cert->sha1, sizeof(s->cert->sha1), thumbprint);
	log_event(&s->scope, EV_AUTH_CERT_ENDS_SOON, "user=\"%s\" certificate=%s hours=%" PRId64,
		s->user, thumbprint, left_s / 3600);
}

static void accepted(struct question *q, const struct aaa_answer *a)
{
	struct session *s = q->session;

	s->user_id = a->user_id;
	s->by_radius = a->by_radius;
	radius_classes_unref(s->classes);
	s->classes = a->classes ? radius_classes_ref(a->classes) : NULL;
	s->cert = a->cert ? peer_cert_ref(a->cert) : NULL;
	session_take_grant(s, a->grant);
	snprintf(s->user, sizeof(s->user), "%s", a->user);
	if (s->regrant_wanted)
		session_regrant(s);
	log_accepted(s, a);
	warn_of_certificate(s);
	if (a->password_changed)
		log_event(&s->scope, EV_AUTH_PASSWORD_CHANGED, "%s", a->detail);
	q->verdict.error = AUTH_OK;
	memcpy(q->verdict.hlak, a->keys.hlak, sizeof(q->verdict.hlak));
	memcpy(q->verdict.auth_response, a->keys.auth_response, sizeof(a->keys.auth_response));
	session_count_login(s, LOGIN_ACCEPTED);
	count_handshake(s);
	q->pool = session_pool(s);
	q->place_ms = clock_mono_ms();
	place_take(q);
}

static void report_refusal(struct session *s, const struct aaa_answer *a)
{
	session_count_login(s, a->code == AUTH_DISABLED           ? LOGIN_DISABLED
			       : a->code == AUTH_PASSWORD_EXPIRED ? LOGIN_EXPIRED
								  : LOGIN_REJECTED);
	if (a->event == EV_AUTH_PASSWORD_OLD && !a->final)
		log_event(&s->scope, a->event, "%s", a->detail); /* the attempt may still succeed */
	else
		session_record_refusal(s, a->event, a->detail);
}

static void rejected(struct question *q, const struct aaa_answer *a)
{
	struct session *s = q->session;
	bool reported = s->refused && s->refused == a->event;

	if (!a->final) { /* a new password may follow: the next proof of this conversation */
		q->verdict.may_change = true;
		s->conversation = TAKE(q->conversation);
		admission_progress(s->site, s->door, SOURCES_TLS);
	}
	q->verdict.error = a->code;
	snprintf(q->verdict.message, sizeof(q->verdict.message), "%s", a->message);
	if (!reported)
		report_refusal(s, a);
	question_answer_after(q, reported ? 0 : admission_answer_ms(s->site, &s->peer));
}

/* EAP: the next request goes to the peer, and the conversation waits for its response. */
static void send_challenge(struct question *q)
{
	struct session *s = q->session;

	s->conversation = TAKE(q->conversation);
	admission_progress(s->site, s->door, SOURCES_TLS);
	tunnel_auth_challenge(s->link.tunnel, q->packet, q->packet_len, clock_mono_ms());
	question_free(q);
	link_kick(&s->link);
}

static void challenged(struct question *q, const struct aaa_answer *a)
{
	struct session *s = q->session;
	uint64_t ms = a->event ? admission_answer_ms(s->site, &s->peer) : 0;

	memcpy(q->packet, a->challenge, a->challenge_len);
	q->packet_len = a->challenge_len;
	if (a->event) {
		s->refused = a->event;
		report_refusal(s, a);
	}
	if (!ms || !question_wait(q, ms, send_challenge))
		send_challenge(q);
}

static void judged(struct question *q, const struct aaa_answer *a)
{
	q->verdict = (struct verdict){0};
	switch (a->outcome) {
	case AAA_ACCEPT: accepted(q, a); break;
	case AAA_REJECT: rejected(q, a); break;
	case AAA_CHALLENGE: challenged(q, a); break;
	} /* no default */
}

static void on_answer(void *owner, const struct aaa_answer *a)
{
	struct question *q = owner;
	struct site *site = q->site;

	bool reported = q->session && q->session->refused && q->session->refused == a->event;

	q->asked = false;
	if (a->outcome != AAA_CHALLENGE && (a->outcome == AAA_ACCEPT || a->final))
		aaa_end(TAKE(q->conversation)); /* `a` lives until this returns */
	admission_judged(site, &q->admission,
		a->outcome == AAA_ACCEPT          ? ADMISSION_ACCEPTED
		: is_guess(a->event) && !reported ? ADMISSION_FAILED
						  : ADMISSION_OTHER);
	if (q->session)
		judged(q, a);
	else
		question_free(q);
	wake_held(site);
}

static void too_busy(struct question *q)
{
	const struct aaa_answer busy = {
		.outcome = AAA_REJECT, .event = EV_SERVER_BUSY, .code = AUTH_FAILED, .final = true};

	admission_judged(q->site, &q->admission, ADMISSION_OTHER);
	q->asked = false;
	judged(q, &busy);
}

/* The answer of a wrong password, after the time of one. */
static void answer_banned(struct question *q)
{
	const struct aaa_answer banned = {.outcome = AAA_REJECT,
		.event = EV_AUTH_BANNED,
		.code = AUTH_FAILED,
		.message = "Wrong user name or password",
		.final = true};

	judged(q, &banned);
}

static void try_to_judge(struct question *q)
{
	struct session *s = q->session;
	const struct aaa_input input = {.proof = &q->proof,
		.defaults = q->site->snapshot->defaults,
		.done = on_answer,
		.owner = q};
	uint64_t wait_ms;

	if (admission_is_banned(q->site, &q->admission)) {
		question_unhold(q);
		if (!question_wait(q, q->site->snapshot->config->auth.fail_delay_ms, answer_banned))
			answer_banned(q);
		return;
	}
	wait_ms = admission_ask(q->site, &q->admission);
	if (wait_ms) {
		question_hold(q);
		if (!question_wait(q, wait_ms, try_to_judge))
			question_free(q); /* PPP repeats itself, or its timer ends the call */
		return;
	}
	question_unhold(q);
	admission_progress(q->site, s->door, SOURCES_JUDGED);
	q->asked = true;
	if (aaa_feed(q->conversation, &input) < 0)
		too_busy(q);
}

static void config_sources(const struct config *cfg, struct aaa_facts *facts)
{
	static const enum aaa_source sources[] = {
		[CONFIG_SOURCE_LOCAL] = AAA_LOCAL, [CONFIG_SOURCE_RADIUS] = AAA_RADIUS};

	for (size_t i = 0; i < cfg->auth.sources.n; i++)
		facts->sources[facts->n_sources++] = sources[cfg->auth.sources.item[i]];
}

static int begin(struct session *s)
{
	const struct site *site = s->site;
	enum auth_method methods[AUTH_METHODS];
	struct aaa_facts facts = {.methods = methods,
		.n_methods = config_auth_methods(site->snapshot->config, methods),
		.name = site->context->name,
		.eap_tls = site->snapshot->eap_tls,
		.anchors = site->snapshot->anchors,
		.eap_peap = site->snapshot->eap_peap,
		.pass_eap = config_passes_eap(site->snapshot->config),
		.connection = session_connection(s),
		.reply_to = &s->site->mailbox};

	config_sources(site->snapshot->config, &facts);
	facts.n_eap_types = config_eap_types(
		site->snapshot->config, site->snapshot->anchors != NULL, facts.eap_types);
	return aaa_begin(site->context->aaa, &facts, &s->conversation);
}

int login_methods(struct session *s, enum auth_method ret[static AUTH_METHODS])
{
	int r = begin(s);

	return r < 0 ? r : (int)aaa_methods(s->conversation, ret);
}

/* A peer that authenticates again, in a later LCP, begins a new conversation. */
void login_request(struct session *s, const struct proof *proof)
{
	struct question *q = NULL;

	if (!s->question && (s->conversation || !begin(s)))
		q = calloc(1, sizeof(*q));
	if (!q)
		return; /* PPP repeats itself, or its timer ends the call */
	q->session = s;
	q->site = s->site;
	q->id = s->scope.session;
	q->proof = *proof;
	if (proof->change) {
		memcpy(q->packet, proof->change, PROOF_CHANGE_LEN);
		q->proof.change = q->packet;
	}
	if (proof->eap) {
		memcpy(q->packet, proof->eap, proof->eap_len);
		q->proof.eap = q->packet;
	}
	q->conversation = TAKE(s->conversation);
	if (proof->user_len || !proof->eap) /* EAP: the Identity comes first, and once */
		text_of_octets(proof->user, proof->user_len, s->user, sizeof(s->user));
	q->admission.peer = s->peer;
	snprintf(q->admission.user, sizeof(q->admission.user), "%s", s->user);
	s->proved = true;
	s->question = q;
	try_to_judge(q);
}
