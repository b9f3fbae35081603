// SPDX-License-Identifier: Apache-2.0
/*
 * server/session/login.c — from a proof to the verdict.
 *
 * Theory: questions in a row, whose answers come later: may this source's proof be judged yet
 * (admission.h), who is this (aaa, a letter), is there a place for one more session (directory.h),
 * which address (store, a letter). A question that waits for a letter holds its own memory and only
 * the session's number, so a session may end without waiting for it.
 *
 * A proof from a source with a failed login waits before it is checked. If only the answer waited, honest
 * users would wait, and a guesser would hang up when success does not come at once.
 *
 * A place or an address may be held by a session whose client is gone. That session gets an Echo Request
 * at once, and this login retries for some seconds: a silent holder ends meanwhile, a live one stays
 * and the login is refused. A session of this very client (the same lasting SSTPCORRELATIONID, the same
 * user) is not asked: it ends at once, for the client has come back over another connection.
 */
#include "server/session/private.h"

#include <errno.h>
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

typedef void question_next(struct question *q);

struct wait { /* of its own: a handle of libuv outlives its closing by a turn */
	uv_timer_t timer;
	struct question *question;
	question_next *next;
};

struct question {
	struct session *session; /* NULL: it ended meanwhile */
	struct site *site;
	uint64_t id;                           /* the session's, also when it is gone */
	struct aaa_conversation *conversation; /* NULL: it has answered */
	struct proof proof;
	/* EAP: the proof's packet, then the next request; a Change-Password's blocks. */
	uint8_t packet[EAP_PACKET_MAX];
	size_t packet_len;
	struct store_lease lease;
	bool asked;                       /* aaa or store: a letter will come */
	struct admission_proof admission; /* whose proof it is */
	struct question *held_next, **held_prev;
	struct wait *wait;
	struct prefix pool;
	uint64_t place_ms; /* since when a place is looked for */
	bool holders_asked, older_told;
};

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_wait_closed(uv_handle_t *h)
{
	free(h->data);
}

static void end_wait(struct question *q)
{
	if (q->wait)
		uv_close((uv_handle_t *)&q->wait->timer, on_wait_closed);
	q->wait = NULL;
}

static void on_wait(uv_timer_t *t)
{
	struct wait *wait = t->data;
	struct question *q = wait->question;
	question_next *next = wait->next;

	end_wait(q);
	next(q);
}

/* False: no memory, and nothing will happen. */
static bool start_wait(struct question *q, uint64_t ms, question_next *next)
{
	struct wait *wait = malloc(sizeof(*wait));

	if (!wait)
		return false;
	*wait = (struct wait){.question = q, .next = next};
	q->wait = wait;
	uv_timer_init(&q->site->loop, &wait->timer);
	wait->timer.data = wait;
	uv_timer_start(&wait->timer, on_wait, ms, 0);
	return true;
}

static void hold(struct question *q)
{
	struct site *site = q->site;

	if (q->held_prev)
		return;
	q->held_next = NULL;
	q->held_prev = site->held_tail;
	*site->held_tail = q;
	site->held_tail = &q->held_next;
}

static void unhold(struct question *q)
{
	if (!q->held_prev)
		return;
	*q->held_prev = q->held_next;
	if (q->held_next)
		q->held_next->held_prev = q->held_prev;
	else
		q->site->held_tail = q->held_prev;
	q->held_prev = NULL;
}

static void question_free(struct question *q)
{
	if (q->session)
		q->session->question = NULL;
	end_wait(q);
	unhold(q);
	aaa_end(q->conversation);
	proof_wipe(&q->proof);
	free(q);
}

void login_abandon(struct question *q)
{
	q->session->question = NULL;
	q->session = NULL;
	end_wait(q);
	unhold(q);
	if (!q->asked)
		question_free(q);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void give_verdict(struct session *s)
{
	tunnel_auth_verdict(s->link.tunnel, &s->verdict, clock_mono_ms());
	verdict_wipe(&s->verdict);
	link_kick(&s->link);
}

static void count_login(struct session *s, enum login_result result)
{
	stat_add(&s->site->logins[result], 1);
}

static void count_handshake(struct session *s)
{
	uint64_t ms = clock_mono_ms() - s->opened_ms;
	size_t i = 0;

	while (i < HANDSHAKE_BUCKETS && ms > handshake_bucket_ms[i])
		i++;
	stat_add(&s->site->handshakes[i], 1);
	stat_add(&s->site->handshake_ms, ms);
}

static void refuse(struct session *s, enum event why, const char *detail)
{
	if (*detail)
		log_event(&s->scope, why, "%s", detail);
	else
		log_event(&s->scope, why, "user=\"%s\"", s->user);
	session_record_attempt(s, why, detail);
}

/* The question is over: the verdict goes to the peer. */
static void answer(struct question *q)
{
	struct session *s = q->session;

	if (s->verdict.error != AUTH_OK) /* it makes room like any other again */
		admission_progress(s->site, s->door, SOURCES_TLS);
	question_free(q);
	give_verdict(s);
}

static void answer_after(struct question *q, uint64_t ms)
{
	if (!ms || !start_wait(q, ms, answer))
		answer(q);
}

/* The peer has proved who it is, and still cannot come in: it may know why. */
static void turn_away(
	struct question *q, enum login_result result, enum event why, const char *text)
{
	struct session *s = q->session;

	count_login(s, result);
	refuse(s, why, "");
	verdict_wipe(&s->verdict);
	s->verdict.error = AUTH_NO_DIALIN;
	snprintf(s->verdict.message, sizeof(s->verdict.message), "%s", text);
	answer(q);
}

/* ---- who holds what this login needs ----------------------------------------------------------- */

struct probe {
	struct letter letter;
	struct site *site;
	uint64_t session;
	void (*do_it)(struct site *site, uint64_t session);
};

static void deliver_probe(struct letter *l)
{
	struct probe *p = container_of(l, struct probe, letter);

	p->do_it(p->site, p->session);
	free(p);
}

static void send_to(struct question *q, const struct directory_hit *holder,
	void (*do_it)(struct site *site, uint64_t session))
{
	struct probe *p = malloc(sizeof(*p));

	if (!p)
		return;
	*p = (struct probe){{.deliver = deliver_probe}, q->site->context->sites[holder->site],
		holder->session, do_it};
	mailbox_post(&p->site->mailbox, &p->letter);
}

static void ask_holder(struct question *q, const struct directory_hit *holder)
{
	send_to(q, holder, session_probe);
}

static void note_asked(struct question *q, size_t n)
{
	if (n && !q->holders_asked)
		log_event(&q->session->scope, EV_HOLDER_ASKED, "user=\"%s\" sessions=%zu",
			q->session->user, n);
	q->holders_asked |= n > 0;
}

/* False: that long is enough. */
static bool again_soon(struct question *q, uint64_t pause_ms, question_next *next)
{
	uint64_t most = q->holders_asked ? HOLDER_GIVE_UP_MS : HOLDER_LEAVES_MS;

	return clock_mono_ms() - q->place_ms < most && start_wait(q, pause_ms, next);
}

/* ---- an address -------------------------------------------------------------------------------- */

static void ask_for_lease(struct question *q);

static void ask_holder_of_address(struct question *q)
{
	struct directory_hit holder;

	if (q->holders_asked ||
		directory_find(q->site->context->directory, q->lease.holder, &holder) < 0)
		return;
	ask_holder(q, &holder);
	note_asked(q, 1);
}

static void no_address(struct question *q)
{
	struct session *s = q->session;

	if (q->lease.outcome == EV_LEASE_ADDRESS_IN_USE) {
		ask_holder_of_address(q);
		if (again_soon(q, HOLDER_AGAIN_MS, ask_for_lease))
			return;
		turn_away(q, LOGIN_NO_ADDRESS, EV_LEASE_ADDRESS_IN_USE,
			"Another session is on your address");
		return;
	}
	/* The peer is who it says, but there is no address for it: no network protocol comes up. */
	count_login(s, LOGIN_NO_ADDRESS);
	refuse(s, q->lease.outcome, "");
	s->verdict.no_address = event_info(q->lease.outcome)->what;
	answer(q);
}

static void lease_done(struct store_lease *lease)
{
	struct question *q = container_of(lease, struct question, lease);
	struct session *s = q->session;

	q->asked = false;
	if (!s) {
		if (!lease->result && q->site->context->store)
			store_lease_release(q->site->context->store, &lease->address, q->id);
		question_free(q);
	} else if (lease->result) {
		no_address(q);
	} else {
		s->leased_address = lease->address;
		session_fill_addresses(s, &lease->address);
		answer(q);
	}
}

static struct addr pool_own_address(const struct prefix *pool)
{
	return addr_v4(addr_v4_value(&pool->addr) + 1);
}

static void ask_for_lease(struct question *q)
{
	q->lease = (struct store_lease){.request = {.user_id = q->session->user_id,
						.session = q->id,
						.wanted = q->session->grant->is.address.value,
						.pool = q->pool,
						.reserved = pool_own_address(&q->pool)},
		.reply_to = &q->site->mailbox,
		.done = lease_done};
	q->asked = true;
	if (store_lease_take(q->site->context->store, &q->lease) < 0) {
		q->lease.result = -EAGAIN;
		q->lease.outcome = EV_SERVER_BUSY;
		lease_done(&q->lease);
	}
}

/* ---- a place ----------------------------------------------------------------------------------- */

static void take_place(struct question *q);

static void ask_the_users_others(struct question *q)
{
	struct directory_hit holder[HOLDERS_ASKED];
	size_t n;

	if (q->holders_asked)
		return;
	n = directory_of_user(
		q->site->context->directory, q->session->user_id, holder, ARRAY_SIZE(holder));
	for (size_t i = 0; i < n; i++)
		ask_holder(q, &holder[i]);
	note_asked(q, n);
}

/* Its place is free in a moment. If that is not enough (`sessions` was lowered), the next one goes. */
static void end_the_users_oldest(struct question *q)
{
	struct directory_hit oldest;

	if (directory_oldest_of_user(q->site->context->directory, q->session->user_id, &oldest) < 0)
		return;
	send_to(q, &oldest, session_replace);
	q->holders_asked = true;
}

static void no_place_for_user(struct question *q)
{
	if (q->session->grant->is.end_oldest.value)
		end_the_users_oldest(q);
	else
		ask_the_users_others(q);
	if (!again_soon(q, HOLDER_AGAIN_MS, take_place))
		turn_away(q, LOGIN_NO_PLACE, EV_USER_SESSIONS_FULL,
			"This user has too many sessions");
}

/*
 * The client's own older session ends, so that its address is free for this one. True: it has not yet,
 * and take_place() comes again.
 */
static bool waits_for_older(struct question *q)
{
	struct session *s = q->session;
	struct directory_hit older[HOLDERS_ASKED];
	size_t n = directory_of_client(q->site->context->directory, s->user_id,
		s->place.correlation, older, ARRAY_SIZE(older));

	for (size_t i = 0; i < n && !q->older_told; i++)
		send_to(q, &older[i], session_supersede);
	q->older_told = true;
	return n && again_soon(q, OLDER_AGAIN_MS, take_place);
}

static void take_place(struct question *q)
{
	struct session *s = q->session;
	const struct directory_limits limits = {
		(unsigned)q->site->snapshot->config->server.max_sessions,
		session_most_of_user(s, &q->pool)};
	int r;

	if (!s->place.prev)
		s->place = (struct directory_entry){
			.user_id = s->user_id, .session = s->scope.session, .site = q->site->index};
	if (s->lasting)
		snprintf(s->place.correlation, sizeof(s->place.correlation), "%s",
			s->scope.correlation);
	if (s->grant->is.address.value.family && session_check_address(s) == -EINVAL) {
		turn_away(q, LOGIN_NO_ADDRESS, EV_LEASE_ADDRESS_UNUSABLE,
			"Your address cannot be given to clients");
		return;
	}
	if (!s->place.prev && waits_for_older(q))
		return;
	r = directory_enter(q->site->context->directory, &s->place, &limits);
	if (r == -EUSERS) {
		no_place_for_user(q);
	} else if (r < 0) {
		turn_away(q, LOGIN_NO_PLACE, EV_SERVER_FULL, "The server is full");
	} else {
		q->holders_asked = false;
		q->place_ms = clock_mono_ms();
		ask_for_lease(q);
	}
}

/* ---- the proof --------------------------------------------------------------------------------- */

static void try_to_judge(struct question *q);

/* The result of one proof lets the next one of its source be judged, on this worker at once. */
static void wake_held(struct site *site)
{
	struct question *next;
	unsigned n = 0;

	for (struct question *q = site->held; q && n < SOURCES_JUDGED_AT_ONCE; q = next, n++) {
		next = q->held_next;
		end_wait(q);
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
	if (a->password_changed)
		log_event(&s->scope, EV_AUTH_PASSWORD_CHANGED, "%s", a->detail);
	s->verdict.error = AUTH_OK;
	memcpy(s->verdict.hlak, a->keys.hlak, sizeof(s->verdict.hlak));
	memcpy(s->verdict.auth_response, a->keys.auth_response, sizeof(a->keys.auth_response));
	count_login(s, LOGIN_ACCEPTED);
	count_handshake(s);
	q->pool = session_pool(s);
	q->place_ms = clock_mono_ms();
	take_place(q);
}

static void report_refusal(struct session *s, const struct aaa_answer *a)
{
	count_login(s, a->code == AUTH_DISABLED           ? LOGIN_DISABLED
		       : a->code == AUTH_PASSWORD_EXPIRED ? LOGIN_EXPIRED
							  : LOGIN_REJECTED);
	if (a->event == EV_AUTH_PASSWORD_OLD && !a->final)
		log_event(&s->scope, a->event, "%s", a->detail); /* the attempt may still succeed */
	else
		refuse(s, a->event, a->detail);
}

static void rejected(struct question *q, const struct aaa_answer *a)
{
	struct session *s = q->session;
	bool reported = s->refused && s->refused == a->event;

	if (!a->final) { /* a new password may follow: the next proof of this conversation */
		s->verdict.may_change = true;
		s->conversation = TAKE(q->conversation);
		admission_progress(s->site, s->door, SOURCES_TLS);
	}
	s->verdict.error = a->code;
	snprintf(s->verdict.message, sizeof(s->verdict.message), "%s", a->message);
	if (!reported)
		report_refusal(s, a);
	answer_after(q, reported ? 0 : admission_answer_ms(s->site, &s->peer));
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
	if (!ms || !start_wait(q, ms, send_challenge))
		send_challenge(q);
}

static void judged(struct question *q, const struct aaa_answer *a)
{
	q->session->verdict = (struct verdict){0};
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
		unhold(q);
		if (!start_wait(q, q->site->snapshot->config->auth.fail_delay_ms, answer_banned))
			answer_banned(q);
		return;
	}
	wait_ms = admission_ask(q->site, &q->admission);
	if (wait_ms) {
		hold(q);
		if (!start_wait(q, wait_ms, try_to_judge))
			question_free(q); /* PPP repeats itself, or its timer ends the call */
		return;
	}
	unhold(q);
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
