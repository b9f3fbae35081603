// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/ppp.c and sstp.c: what a conversation showed, and how it ended, becomes which finding. The
 * conversation is the test's: the linker takes nothing from diagnose/call.c and the tunnel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/diagnose/report.h"

static struct call *c;

/* ---- what happens while the probe waits ---- */

static struct {
	void (*advance)(void); /* in call_advance() */
	void (*run)(void);     /* in call_run() */
	bool echoed;
	unsigned echoes, opened;
	int open_result;
	enum auth_method takes; /* LCP opens for this one */
} world;

bool call_advance(struct call *call, bool (*done)(const struct call *c))
{
	if (call == c && world.advance)
		world.advance();
	return done(call);
}

bool call_run(struct call *call, bool (*done)(const struct call *c), uint64_t until_ms)
{
	if (world.run)
		world.run();
	return done && done(call);
}

int call_open(struct diagnosis *diagnosis, const struct call_opts *o, struct call **ret)
{
	struct call *made = calloc(1, sizeof(*made));

	world.opened++;
	assert_false(o->login);
	assert_int_equal(o->n_methods, 1);
	made->d = diagnosis;
	made->talk.stage = o->methods[0] == world.takes ? TALK_AUTH : TALK_LCP;
	*ret = made;
	if (world.open_result < 0) {
		free(made);
		*ret = NULL;
	}
	return world.open_result;
}

void call_free(struct call *call)
{
	free(call);
}

bool tunnel_echo(struct tunnel *t, uint64_t now_ms)
{
	world.echoes++;
	return true;
}

bool tunnel_echoed(const struct tunnel *t)
{
	return world.echoed;
}

uint16_t tunnel_peer_mru(const struct tunnel *t)
{
	return 1400;
}

/* ---- the conversation ---- */

static int setup(void **state)
{
	diagnosis_setup(state);
	memset(&world, 0, sizeof(world));
	opts.user = "alice";
	opts.methods[0] = AUTH_MSCHAPV2;
	opts.n_methods = 1;
	c = calloc(1, sizeof(*c));
	c->d = d;
	c->login = true;
	c->talk.stage = TALK_LCP;
	c->talk.lcp_heard = true;
	strcpy(c->talk.offered, "MS-CHAPv2");
	d->call = c;
	return 0;
}

static int teardown(void **state)
{
	free(c);
	return diagnosis_teardown(state);
}

static struct probe *ppp(void)
{
	return &d->probes[PROBE_PPP];
}

static enum outcome found(const struct probe *p, enum event ev)
{
	for (size_t i = 0; i < p->n_findings; i++)
		if (p->findings[i].event == ev)
			return p->findings[i].weight;
	return OUTCOME_NOT_MEASURED;
}

static const char *words(const struct probe *p, enum event ev)
{
	for (size_t i = 0; i < p->n_findings; i++)
		if (p->findings[i].event == ev)
			return p->findings[i].text;
	return "";
}

static const char *fact(const struct probe *p, const char *name)
{
	for (size_t i = 0; i < p->n_facts; i++)
		if (!strcmp(p->facts[i].name, name))
			return p->facts[i].value;
	return "";
}

/* A login, the binding, an address. */
static void comes_up(void)
{
	c->talk.stage = TALK_NCP;
	c->talk.auth_passed = true;
	c->talk.connected_us = clock_mono_us();
	c->binding = TUNNEL_BINDING_KEYED;
	strcpy(c->bound_hash, "SHA-256");
	c->up4 = true;
	c->v4 = (struct ppp_addresses){.local = addr_v4(0x0a630002),
		.peer = addr_v4(0x0a630001),
		.dns = {addr_v4(0x0a630001)}};
}

static void ends(enum event why, const char *text)
{
	c->up4 = c->up6 = false;
	c->ended = true;
	c->reason = why;
	snprintf(c->text, sizeof(c->text), "%s", text);
}

/* ---- a login that works ---- */

static void an_echo_after_the_binding_is_said_and_no_more(void **state)
{
	world.advance = comes_up;
	world.echoed = true;
	probe_ppp(d, ppp());
	assert_true(c->came_up);
	assert_int_equal(ppp()->outcome, OUTCOME_OK);
	assert_int_equal(found(ppp(), EV_PROBE_BINDING_SENT), OUTCOME_OK);
	assert_non_null(strstr(fact(ppp(), "binding checked"), "only the server knows"));
	assert_string_equal(fact(ppp(), "IPv4"), "10.99.0.2, the server is 10.99.0.1");
	assert_string_equal(fact(ppp(), "MTU"), "1400");
	assert_non_null(strstr(ppp()->summary, "login as alice accepted"));
}

/* PAP and CHAP-MD5 yield no key: any relay can make the same binding. */
static void a_binding_without_a_key_is_a_warning(void **state)
{
	world.advance = comes_up;
	world.echoed = true;
	comes_up();
	c->binding = TUNNEL_BINDING_UNKEYED;
	world.advance = NULL;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_PROBE_BINDING_WITHOUT_KEY), OUTCOME_WARNING);
	assert_int_equal(found(ppp(), EV_PROBE_BINDING_SENT), OUTCOME_NOT_MEASURED);
	assert_non_null(strstr(fact(ppp(), "crypto binding"), "it proves nothing"));
}

static void six_alone_is_a_warning_about_four(void **state)
{
	comes_up();
	c->up4 = false;
	c->up6 = true;
	world.echoed = true;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_IPCP_TIMEOUT), OUTCOME_WARNING);
	assert_string_equal(fact(ppp(), "IPv4"), "no");
	assert_string_equal(fact(ppp(), "IPv6"), "yes");
}

/* ---- one that does not ---- */

static void refused(void)
{
	c->talk.stage = TALK_AUTH;
	strcpy(c->talk.auth_message, "E=691 R=0");
	ends(EV_AUTH_FAILED, "E=691");
}

static void a_wrong_password_is_the_logins_finding(void **state)
{
	world.advance = refused;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_AUTH_FAILED), OUTCOME_FAILED);
	assert_string_equal(fact(ppp(), "its words"), "E=691 R=0");
	assert_false(c->came_up);
}

static void no_common_method(void)
{
	strcpy(c->talk.offered, "EAP, PAP");
	ends(EV_LCP_PEER_TERMINATED, "");
}

static void a_method_that_is_not_allowed_here_is_named_with_those_that_are(void **state)
{
	world.advance = no_common_method;
	opts.methods[1] = AUTH_CHAP_MD5;
	opts.n_methods = 2;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_LCP_AUTH_NOT_COMMON), OUTCOME_FAILED);
	assert_non_null(strstr(words(ppp(), EV_LCP_AUTH_NOT_COMMON), "it asked for EAP, PAP"));
	assert_non_null(strstr(words(ppp(), EV_LCP_AUTH_NOT_COMMON),
		"allowed here (--auth): MS-CHAPv2, CHAP-MD5"));
}

static void silent_lcp(void)
{
	c->timed_out = true;
	ends(EV_LCP_TIMEOUT, "nothing more for 5.0 s");
}

/* It was offered what it may use, and the server fell silent: that is another fault. */
static void a_time_out_is_not_called_a_missing_method(void **state)
{
	strcpy(c->talk.offered, "PAP");
	world.advance = silent_lcp;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_LCP_TIMEOUT), OUTCOME_FAILED);
	assert_int_equal(found(ppp(), EV_LCP_AUTH_NOT_COMMON), OUTCOME_NOT_MEASURED);
	assert_int_equal(world.opened, 0); /* the methods are not asked for after a time-out */
}

static void says_good_bye(void)
{
	c->talk.stage = TALK_AUTH;
	strcpy(c->talk.terminated, "licence expired");
	ends(EV_LCP_PEER_TERMINATED, "");
}

static void the_servers_own_words_are_quoted(void **state)
{
	world.advance = says_good_bye;
	probe_ppp(d, ppp());
	assert_string_equal(words(ppp(), EV_LCP_PEER_TERMINATED), "it says: \"licence expired\"");
}

/* ---- the binding ---- */

static void breaks_the_binding(void)
{
	comes_up();
	ends(EV_TCP_CLOSED_BY_PEER, "");
}

static void an_end_right_after_the_binding_may_be_its_refusal(void **state)
{
	strcpy(d->issuer, "Box CA");
	d->probes[PROBE_TLS].facts[0] = (struct fact){.name = "SHA-256", .value = "abcd"};
	d->probes[PROBE_TLS].n_facts = 1;
	world.advance = breaks_the_binding;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_PROBE_BINDING_OFFLOAD), OUTCOME_FAILED);
	assert_non_null(strstr(words(ppp(), EV_PROBE_BINDING_OFFLOAD), "seen here: SHA-256 abcd"));
	assert_non_null(strstr(words(ppp(), EV_PROBE_BINDING_OFFLOAD), "issuer \"Box CA\""));
}

/* The server has answered an echo in the connected call: it took the binding. */
static void an_end_after_an_echo_is_not_blamed_on_the_binding(void **state)
{
	world.echoed = true;
	world.advance = breaks_the_binding;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_PROBE_BINDING_OFFLOAD), OUTCOME_NOT_MEASURED);
	assert_int_equal(found(ppp(), EV_TCP_CLOSED_BY_PEER), OUTCOME_FAILED);
}

static void refuses_by_name(void)
{
	comes_up();
	strcpy(c->talk.abort, "CALL_ABORT, status FF");
	ends(EV_SSTP_BINDING_REFUSED, "");
}

static void a_refusal_by_name_is_that(void **state)
{
	world.advance = refuses_by_name;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_SSTP_BINDING_REFUSED), OUTCOME_FAILED);
	assert_non_null(strstr(words(ppp(), EV_SSTP_BINDING_REFUSED), "CALL_ABORT"));
}

/* ---- after all probes ---- */

static void dies(void)
{
	ends(EV_SSTP_PEER_SILENT, "no echo");
}

/* What the inner probes found in a dead call is no more than its end. */
static void an_end_under_the_later_probes_takes_their_findings(void **state)
{
	struct probe *inner = &d->probes[PROBE_INNER];

	world.advance = comes_up;
	world.echoed = true;
	probe_ppp(d, ppp());
	probe_find(inner, OUTCOME_FAILED, EV_PROBE_INNER_DNS_DEAD, "10.99.0.1");
	world.run = dies;
	judge_call(d);
	assert_int_equal(inner->n_findings, 1);
	assert_int_equal(inner->findings[0].event, EV_SSTP_PEER_SILENT);
	assert_non_null(strstr(inner->findings[0].text, "the call ended within"));
}

static void a_server_that_never_answers_leaves_the_binding_unknown(void **state)
{
	world.advance = comes_up;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_PROBE_BINDING_SENT), OUTCOME_NOT_MEASURED);
	judge_call(d);
	assert_int_equal(found(ppp(), EV_PROBE_BINDING_UNKNOWN), OUTCOME_WARNING);
}

static void data_is_a_sign_as_good_as_an_echo(void **state)
{
	world.advance = comes_up;
	probe_ppp(d, ppp());
	c->packets4 = 1;
	judge_call(d);
	assert_int_equal(found(ppp(), EV_PROBE_BINDING_UNKNOWN), OUTCOME_NOT_MEASURED);
	assert_string_equal(words(ppp(), EV_PROBE_BINDING_SENT), "data came after it");
}

static void without_a_call_nothing_is_judged_late(void **state)
{
	judge_call(d);
	assert_int_equal(ppp()->n_findings, 0);
	d->call = NULL;
	judge_call(d);
}

/* ---- without a login ---- */

static void opens_lcp(void)
{
	c->talk.stage = TALK_AUTH;
}

static void no_user_is_a_fact_and_an_untrusted_server_a_warning(void **state)
{
	c->login = false;
	opts.user = NULL;
	world.advance = opens_lcp;
	probe_ppp(d, ppp());
	assert_int_equal(ppp()->outcome, OUTCOME_OK);
	assert_non_null(strstr(fact(ppp(), "login"), "no user was given"));
	teardown(state);
	setup(state);
	c->login = false;
	world.advance = opens_lcp;
	probe_ppp(d, ppp());
	assert_int_equal(found(ppp(), EV_PROBE_CREDENTIALS_KEPT), OUTCOME_WARNING);
}

static void methods_are_those_for_which_lcp_opened(void **state)
{
	c->login = false;
	world.advance = opens_lcp;
	world.takes = AUTH_CHAP_MD5;
	strcpy(c->talk.offered, "EAP");
	probe_ppp(d, ppp());
	assert_int_equal(world.opened, 4);
	assert_string_equal(fact(ppp(), "methods it agrees to"), "CHAP-MD5, EAP");
	teardown(state);
	setup(state);
	c->login = false;
	world.advance = opens_lcp;
	world.open_result = -ECONNREFUSED;
	probe_ppp(d, ppp());
	assert_non_null(strstr(fact(ppp(), "methods it agrees to"), "connections were refused"));
}

static void what_was_not_reached_is_not_measured(void **state)
{
	c->talk.stage = TALK_SSTP;
	probe_ppp(d, ppp());
	assert_int_equal(ppp()->outcome, OUTCOME_NOT_MEASURED);
	assert_true(*ppp()->why);
}

/* ---- the SSTP call ---- */

static struct probe *sstp(void)
{
	probe_sstp(d, &d->probes[PROBE_SSTP]);
	return &d->probes[PROBE_SSTP];
}

static void acknowledges(void)
{
	c->talk.stage = TALK_LCP;
	c->talk.hashes = 2;
	c->talk.ack_us = 1500;
}

static void an_acknowledged_call_names_its_hash(void **state)
{
	c->talk.stage = TALK_SSTP;
	world.advance = acknowledges;
	assert_int_equal(sstp()->outcome, OUTCOME_OK);
	assert_string_equal(fact(&d->probes[PROBE_SSTP], "binding hashes"), "SHA-256");
	assert_string_equal(fact(&d->probes[PROBE_SSTP], "CALL_CONNECT_ACK"), "after 1.5 ms");
}

static void refuses_the_call(void)
{
	strcpy(c->talk.nak, "ENCAPSULATED_PROTOCOL_ID: not supported");
	c->talk.naks = 1;
	ends(EV_TCP_CLOSED_BY_PEER, "");
}

static void a_nak_is_the_reason_of_the_end_behind_it(void **state)
{
	c->talk.stage = TALK_SSTP;
	world.advance = refuses_the_call;
	assert_int_equal(found(sstp(), EV_SSTP_CONNECT_REFUSED), OUTCOME_FAILED);
}

static void hangs_up(void)
{
	ends(EV_TLS_CUT, "");
}

static void an_end_without_a_word_is_that_of_https(void **state)
{
	c->talk.stage = TALK_SSTP;
	world.advance = hangs_up;
	assert_int_equal(found(sstp(), EV_SSTP_HTTPS_GONE), OUTCOME_FAILED);
}

static void a_call_that_was_not_begun_is_not_measured(void **state)
{
	c->talk.stage = TALK_HTTP;
	assert_int_equal(sstp()->outcome, OUTCOME_NOT_MEASURED);
	d->call = NULL;
	assert_int_equal(sstp()->outcome, OUTCOME_NOT_MEASURED);
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_echo_after_the_binding_is_said_and_no_more),
		CASE(a_binding_without_a_key_is_a_warning),
		CASE(six_alone_is_a_warning_about_four),
		CASE(a_wrong_password_is_the_logins_finding),
		CASE(a_method_that_is_not_allowed_here_is_named_with_those_that_are),
		CASE(a_time_out_is_not_called_a_missing_method),
		CASE(the_servers_own_words_are_quoted),
		CASE(an_end_right_after_the_binding_may_be_its_refusal),
		CASE(an_end_after_an_echo_is_not_blamed_on_the_binding),
		CASE(a_refusal_by_name_is_that),
		CASE(an_end_under_the_later_probes_takes_their_findings),
		CASE(a_server_that_never_answers_leaves_the_binding_unknown),
		CASE(data_is_a_sign_as_good_as_an_echo),
		CASE(without_a_call_nothing_is_judged_late),
		CASE(no_user_is_a_fact_and_an_untrusted_server_a_warning),
		CASE(methods_are_those_for_which_lcp_opened),
		CASE(what_was_not_reached_is_not_measured),
		CASE(an_acknowledged_call_names_its_hash),
		CASE(a_nak_is_the_reason_of_the_end_behind_it),
		CASE(an_end_without_a_word_is_that_of_https),
		CASE(a_call_that_was_not_begun_is_not_measured),
	};

	return cmocka_run_group_tests_name("diagnose/ppp", tests, NULL, NULL);
}
