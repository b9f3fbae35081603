// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/tls_chain.c: what is said of a certificate that is not trusted, and of clocks that
 * differ. The chain is the test's: the linker takes nothing from tls/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/diagnose/report.h"

#define DAY 86400

static struct cert_info chain[3], built[3];
static size_t n_chain, n_built;
static struct tls_failure problems[4];
static size_t n_problems;
static enum tls_issuer_kind kind;

size_t tls_chain_sent(const struct tls *t, struct cert_info *ret, size_t cap)
{
	memcpy(ret, chain, n_chain * sizeof(*ret));
	return n_chain;
}

size_t tls_chain_built(const struct tls *t, struct cert_info *ret, size_t cap)
{
	memcpy(ret, built, n_built * sizeof(*ret));
	return n_built;
}

size_t tls_problems(const struct tls *t, const struct tls_failure **ret)
{
	*ret = problems;
	return n_problems;
}

enum tls_issuer_kind tls_issuer_kind(const struct tls *t)
{
	return kind;
}

static void certificate(struct cert_info *c, const char *subject, const char *issuer)
{
	*c = (struct cert_info){
		.not_before_s = clock_wall_s() - DAY, .not_after_s = clock_wall_s() + 90 * DAY};
	snprintf(c->subject, sizeof(c->subject), "%s", subject);
	snprintf(c->issuer, sizeof(c->issuer), "%s", issuer);
	snprintf(c->issuer_dn, sizeof(c->issuer_dn), "CN=%s", issuer);
	snprintf(c->names, sizeof(c->names), "%s", subject);
	snprintf(c->pin, sizeof(c->pin), "sha256//%s", subject);
}

static int setup(void **state)
{
	diagnosis_setup(state);
	certificate(&chain[0], "vpn.example", "Example CA");
	n_chain = 1;
	n_built = n_problems = 0;
	kind = TLS_ISSUER_UNSAID;
	return 0;
}

static void problem(enum event ev, const char *text)
{
	problems[n_problems].event = ev;
	snprintf(problems[n_problems].text, sizeof(problems[0].text), "%s", text);
	n_problems++;
}

static struct probe *p(void)
{
	return &d->probes[PROBE_TLS];
}

static struct probe *judged(void)
{
	judge_chain(d, p(), NULL);
	return p();
}

static enum outcome found(enum event ev)
{
	for (size_t i = 0; i < p()->n_findings; i++)
		if (p()->findings[i].event == ev)
			return p()->findings[i].weight;
	return OUTCOME_NOT_MEASURED;
}

static bool says(const char *text)
{
	for (size_t i = 0; i < p()->n_findings; i++)
		if (strstr(p()->findings[i].text, text))
			return true;
	return false;
}

static void a_trusted_chain_is_facts_alone(void **state)
{
	judged();
	assert_int_equal(p()->n_findings, 0);
	assert_false(d->untrusted);
	assert_string_equal(d->issuer, "Example CA");
	assert_true(p()->n_facts >= 4);
}

/* An unknown issuer is two faults with two cures; without a sign it is said to be either. */
static void what_is_missing_is_said_as_far_as_it_is_known(void **state)
{
	static const struct {
		enum tls_issuer_kind kind;
		const char *issuer;
		enum event event;
	} cases[] = {
		{TLS_ISSUER_ROOT, "Example CA", EV_CERT_UNTRUSTED_ROOT},
		{TLS_ISSUER_INTERMEDIATE, "Example CA", EV_CERT_INTERMEDIATE_MISSING},
		{TLS_ISSUER_UNSAID, "Example Issuing CA 3", EV_CERT_INTERMEDIATE_MISSING},
		{TLS_ISSUER_UNSAID, "Example CA", EV_CERT_ISSUER_UNKNOWN},
		{TLS_ISSUER_ROOT, "Example Issuing CA 3", EV_CERT_UNTRUSTED_ROOT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		certificate(&chain[0], "vpn.example", cases[i].issuer);
		kind = cases[i].kind;
		problem(EV_CERT_ISSUER_UNKNOWN, "");
		judged();
		if (found(cases[i].event) != OUTCOME_FAILED)
			fail_msg("case %zu: %s", i, p()->findings[0].text);
		assert_true(d->untrusted);
		assert_true(says("which is not trusted here"));
		diagnosis_teardown(state);
		setup(state);
	}
}

/* The chain goes up to it: a root that this machine does not have. */
static void a_chain_that_was_sent_whole_lacks_its_root(void **state)
{
	certificate(&chain[1], "Example Issuing CA", "Example Root");
	n_chain = 2;
	memcpy(built, chain, sizeof(built));
	n_built = 2;
	problem(EV_CERT_ISSUER_UNKNOWN, "");
	judged();
	assert_int_equal(found(EV_CERT_UNTRUSTED_ROOT), OUTCOME_FAILED);
	assert_true(says("issued by \"Example CA\" under \"Example Root\""));
}

static void a_boxs_name_is_a_warning_and_a_guess(void **state)
{
	certificate(&chain[0], "vpn.example", "FortiGate CA");
	problem(EV_CERT_ISSUER_UNKNOWN, "");
	judged();
	assert_int_equal(found(EV_CERT_INTERCEPTED), OUTCOME_WARNING);
	assert_true(says("a guess from the name"));
	assert_true(says("the name is that of a box that inspects TLS"));
}

/* A pin is trust of its own; another key than the pinned one is a failure, whatever issued it. */
static void a_pin_decides(void **state)
{
	opts.pins[0] = "sha256//vpn.example";
	opts.n_pins = 1;
	problem(EV_CERT_ISSUER_UNKNOWN, "");
	judged();
	assert_false(d->untrusted);
	assert_int_equal(found(EV_CERT_ISSUER_UNKNOWN), OUTCOME_OK);
	diagnosis_teardown(state);
	setup(state);
	opts.pins[0] = "sha256//other";
	opts.n_pins = 1;
	judged();
	assert_true(d->untrusted);
	assert_int_equal(found(EV_CERT_PIN_MISMATCH), OUTCOME_FAILED);
}

static void the_end_that_is_near_is_a_warning(void **state)
{
	chain[0].not_after_s = clock_wall_s() + 3 * DAY + 100;
	judged();
	assert_int_equal(found(EV_CERT_EXPIRES_SOON), OUTCOME_WARNING);
	assert_true(says("in 3 days"));
	diagnosis_teardown(state);
	setup(state);
	chain[0].not_after_s = clock_wall_s() + 3 * DAY;
	problem(EV_CERT_NAME_MISMATCH, "other.example");
	judged(); /* what is worse is enough */
	assert_int_equal(found(EV_CERT_EXPIRES_SOON), OUTCOME_NOT_MEASURED);
}

static void a_strangers_names_are_escaped(void **state)
{
	certificate(&chain[0], "vpn\033[2J", "evil\033]0;x\a CA");
	problem(EV_CERT_ISSUER_UNKNOWN, "");
	judged();
	for (size_t i = 0; i < p()->n_findings; i++)
		assert_null(strpbrk(p()->findings[i].text, "\033\a"));
	for (size_t i = 0; i < p()->n_facts; i++)
		assert_null(strpbrk(p()->facts[i].value, "\033\a"));
}

/* ---- the clock ---- */

static void expired(void)
{
	chain[0].not_before_s = clock_wall_s() - 400 * DAY;
	chain[0].not_after_s = clock_wall_s() - 30 * DAY;
	problem(EV_CERT_EXPIRED, "30 days ago");
	judged();
}

static void clocks_that_agree_explain_nothing(void **state)
{
	expired();
	judge_clock(d, clock_wall_s() - 200);
	assert_int_equal(found(EV_CERT_EXPIRED), OUTCOME_FAILED);
	assert_int_equal(found(EV_CERT_CLOCK_WRONG), OUTCOME_NOT_MEASURED);
}

/* By the server's clock it is valid: then the date here is the fault. */
static void a_wrong_clock_explains_an_expired_certificate(void **state)
{
	expired();
	judge_clock(d, clock_wall_s() - 60 * DAY);
	assert_int_equal(found(EV_CERT_CLOCK_WRONG), OUTCOME_FAILED);
	assert_int_equal(found(EV_CERT_EXPIRED), OUTCOME_NOT_MEASURED);
}

static void a_clock_that_does_not_explain_it_leaves_the_finding(void **state)
{
	expired();
	judge_clock(d, clock_wall_s() - 10 * DAY); /* expired by that clock, too */
	assert_int_equal(found(EV_CERT_EXPIRED), OUTCOME_FAILED);
	assert_int_equal(found(EV_CERT_CLOCK_WRONG), OUTCOME_NOT_MEASURED);
}

static void a_clock_that_is_off_beside_a_good_certificate_is_a_warning(void **state)
{
	judged();
	judge_clock(d, clock_wall_s() + 3600);
	assert_int_equal(found(EV_CERT_CLOCK_WRONG), OUTCOME_WARNING);
	assert_true(says("it may be the server's that is wrong"));
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, diagnosis_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_trusted_chain_is_facts_alone),
		CASE(what_is_missing_is_said_as_far_as_it_is_known),
		CASE(a_chain_that_was_sent_whole_lacks_its_root),
		CASE(a_boxs_name_is_a_warning_and_a_guess),
		CASE(a_pin_decides),
		CASE(the_end_that_is_near_is_a_warning),
		CASE(a_strangers_names_are_escaped),
		CASE(clocks_that_agree_explain_nothing),
		CASE(a_wrong_clock_explains_an_expired_certificate),
		CASE(a_clock_that_does_not_explain_it_leaves_the_finding),
		CASE(a_clock_that_is_off_beside_a_good_certificate_is_a_warning),
	};

	return cmocka_run_group_tests_name("diagnose/tls_chain", tests, NULL, NULL);
}
