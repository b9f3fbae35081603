// SPDX-License-Identifier: Apache-2.0
/* diagnose/probe.c: what a probe writes down is bounded and escaped, and decides its outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/diagnose/report.h"

static struct probe *probe(void)
{
	return &d->probes[PROBE_TLS];
}

static void a_fact_makes_a_probe_measured(void **state)
{
	(void)state;
	assert_int_equal(probe()->outcome, OUTCOME_NOT_MEASURED);
	probe_fact(probe(), "version", "TLS %s", "1.3");
	assert_int_equal(probe()->outcome, OUTCOME_OK);
	assert_string_equal(probe()->facts[0].name, "version");
	assert_string_equal(probe()->facts[0].value, "TLS 1.3");
}

static void the_gravest_finding_is_the_outcome(void **state)
{
	(void)state;
	probe_find(probe(), OUTCOME_WARNING, EV_CERT_EXPIRES_SOON, "in 3 days");
	assert_int_equal(probe()->outcome, OUTCOME_WARNING);
	probe_find(probe(), OUTCOME_OK, EV_TLS_OLD_ONLY, "a note");
	assert_int_equal(probe()->outcome, OUTCOME_WARNING);
	probe_find(probe(), OUTCOME_FAILED, EV_CERT_REVOKED, "");
	assert_int_equal(probe()->outcome, OUTCOME_FAILED);
	probe_find(probe(), OUTCOME_WARNING, EV_TLS_NEEDS_SNI, "");
	assert_int_equal(probe()->outcome, OUTCOME_FAILED);
	assert_int_equal(probe()->n_findings, 4);
	probe_fact(probe(), "later", "fact");
	assert_int_equal(probe()->outcome, OUTCOME_FAILED);
}

/* The first text stands; the weight of the second still counts. */
static void an_event_is_found_once(void **state)
{
	(void)state;
	probe_find(probe(), OUTCOME_WARNING, EV_CERT_EXPIRES_SOON, "first");
	probe_find(probe(), OUTCOME_FAILED, EV_CERT_EXPIRES_SOON, "second");
	assert_int_equal(probe()->n_findings, 1);
	assert_string_equal(probe()->findings[0].text, "first");
	assert_true(probe_has(probe(), EV_CERT_EXPIRES_SOON));
	assert_false(probe_has(probe(), EV_CERT_REVOKED));
}

static void more_than_there_is_room_for_is_left_out(void **state)
{
	enum event ev = EV_NONE;
	unsigned given = 0;

	(void)state;
	for (int i = 0; i < PROBE_FACTS_MAX + 5; i++)
		probe_fact(probe(), "n", "%d", i);
	assert_int_equal(probe()->n_facts, PROBE_FACTS_MAX);
	assert_string_equal(probe()->facts[PROBE_FACTS_MAX - 1].value, "39");
	for (unsigned i = 0; event_at(i) && given < PROBE_FINDINGS_MAX + 5; i++, given++) {
		ev = (enum event)event_at(i)->number;
		probe_find(probe(), OUTCOME_WARNING, ev, "%u", i);
	}
	assert_int_equal(given, PROBE_FINDINGS_MAX + 5);
	assert_int_equal(probe()->n_findings, PROBE_FINDINGS_MAX);
	assert_false(probe_has(probe(), ev));
}

/* A server, a certificate or a proxy chose it. */
static void a_strangers_text_is_escaped_and_cut(void **state)
{
	char wide[2000];

	(void)state;
	probe_fact(probe(), "issuer", "%s", "a\033[31mb\nc\x9b");
	assert_null(strpbrk(probe()->facts[0].value, "\033\n\x9b"));
	assert_non_null(strstr(probe()->facts[0].value, "[31mb"));
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	probe_fact(probe(), wide, "%s", wide);
	assert_int_equal(strlen(probe()->facts[1].name), FACT_NAME_LEN - 1);
	assert_in_range(strlen(probe()->facts[1].value), 300, FACT_VALUE_LEN - 1);
	probe_find(probe(), OUTCOME_FAILED, EV_TLS_NOT_TLS, "%s", "\r\x07");
	assert_null(strpbrk(probe()->findings[0].text, "\r\x07"));
	probe_skip(probe(), "%s", "\033]0;x\x07");
	assert_null(strchr(probe()->why, '\033'));
	probe_summary(probe(), "%s", "one\ntwo");
	assert_null(strchr(probe()->summary, '\n'));
}

static void each_probe_and_outcome_has_its_own_name(void **state)
{
	(void)state;
	for (enum probe_id a = 0; a < PROBES; a++) {
		assert_true(*probe_name(a) && *probe_title(a));
		for (enum probe_id b = 0; b < a; b++)
			assert_string_not_equal(probe_name(a), probe_name(b));
	}
	assert_string_equal(outcome_name(OUTCOME_NOT_MEASURED), "not measured");
	assert_string_equal(outcome_name(OUTCOME_FAILED), "failed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_fact_makes_a_probe_measured),
		CASE(the_gravest_finding_is_the_outcome),
		CASE(an_event_is_found_once),
		CASE(more_than_there_is_room_for_is_left_out),
		CASE(a_strangers_text_is_escaped_and_cut),
		CASE(each_probe_and_outcome_has_its_own_name),
	};

	return cmocka_run_group_tests_name("diagnose/probe", tests, NULL, NULL);
}
