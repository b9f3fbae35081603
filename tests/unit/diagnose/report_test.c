// SPDX-License-Identifier: Apache-2.0
/* diagnose/report.c, json.c, html.c: the same diagnosis in three forms, and hostile text in each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "unit/diagnose/report.h"

static bool colours, verbose;

static int as_text(const struct diagnosis *what, FILE *out)
{
	report_text(what, out, colours, verbose);
	return 0;
}

static int setup(void **state)
{
	colours = verbose = false;
	return diagnosis_setup(state);
}

/* TLS fails, HTTP is a warning, SSTP was not measured, DNS has a note. */
static void fill(void)
{
	struct probe *p = &d->probes[PROBE_DNS];

	probe_fact(p, "addresses", "192.0.2.1");
	probe_summary(p, "192.0.2.1");
	probe_find(p, OUTCOME_OK, EV_DNS_IPV6_ONLY, "a note");
	p = &d->probes[PROBE_TLS];
	p->began_us = 500000;
	p->took_us = 1000000;
	probe_fact(p, "issuer", "Example CA");
	probe_find(p, OUTCOME_FAILED, EV_CERT_REVOKED, "by its CRL");
	probe_find(&d->probes[PROBE_HTTP], OUTCOME_WARNING, EV_HTTP_STATUS, "503");
	probe_skip(&d->probes[PROBE_SSTP], "TLS does not work");
}

/* ---- for people ---- */

static void the_text_names_the_first_broken_layer(void **state)
{
	char *text;

	(void)state;
	fill();
	opts.user = "alice";
	text = printed(as_text);
	assert_non_null(strstr(text, "culvert diagnose alice@vpn.example:443"));
	assert_non_null(strstr(text, "2023-11-14 22:13:20 UTC, took 2.5 s"));
	assert_non_null(strstr(text, "First broken layer: cert"));
	assert_non_null(strstr(text, "    found    by its CRL\n"));
	assert_non_null(strstr(text, "because TLS does not work"));
	assert_true(strstr(text, "Also found") < strstr(text, "    found    503\n"));
	assert_non_null(strstr(text, "note: "));
	assert_int_equal(times(text, "Also found"), 1);
	assert_null(strstr(text, "Example CA")); /* facts: only on demand */
	assert_null(strchr(text, '\033'));
	free(text);
}

static void verbose_prints_what_was_seen(void **state)
{
	char *text;

	(void)state;
	fill();
	verbose = true;
	text = printed(as_text);
	assert_non_null(strstr(text, "issuer                 Example CA"));
	free(text);
}

static void colours_end_where_they_began(void **state)
{
	char *text;

	(void)state;
	fill();
	colours = true;
	text = printed(as_text);
	assert_true(times(text, "\033[31;1m") >= 2); /* the line and the finding */
	assert_int_equal(2 * times(text, "\033[0m"), times(text, "\033["));
	free(text);
}

static void a_warning_alone_still_works(void **state)
{
	char *text;

	(void)state;
	probe_find(&d->probes[PROBE_TLS], OUTCOME_WARNING, EV_CERT_EXPIRES_SOON, "in 3 days");
	text = printed(as_text);
	assert_non_null(strstr(text, "It works, with a warning at layer: cert"));
	assert_null(strstr(text, "First broken layer"));
	free(text);
}

static void all_well_is_said_with_its_limit(void **state)
{
	char *text;

	(void)state;
	for (enum probe_id id = 0; id < PROBES; id++)
		probe_fact(&d->probes[id], "x", "y");
	text = printed(as_text);
	assert_non_null(strstr(text, "All that was measured is well."));
	assert_int_equal(times(text, "not measured"), 0);
	free(text);
}

/* ---- for programs ---- */

static json_t *as_json(void)
{
	char *text = printed(report_json);
	json_error_t err;
	json_t *o = json_loads(text, 0, &err);

	assert_non_null(o);
	free(text);
	return o;
}

static const char *text_at(json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	assert_non_null(t);
	return t;
}

static void json_has_the_verdict_the_findings_and_all_probes(void **state)
{
	json_t *o, *findings, *probes, *one;

	(void)state;
	fill();
	o = as_json();
	findings = json_object_get(o, "findings");
	probes = json_object_get(o, "probes");
	assert_string_equal(text_at(o, "host"), "vpn.example");
	assert_string_equal(text_at(o, "user"), "");
	assert_string_equal(text_at(o, "outcome"), "failed");
	assert_string_equal(text_at(o, "layer"), "cert");
	assert_int_equal(
		json_integer_value(json_object_get(o, "exit_code")), layer_exit_code(LAYER_CERT));
	assert_int_equal(json_array_size(probes), PROBES);
	assert_int_equal(json_array_size(findings), 3);
	one = json_array_get(findings, 0);
	assert_string_equal(text_at(one, "name"), "CERT_REVOKED");
	assert_string_equal(text_at(one, "found"), "by its CRL");
	assert_string_equal(text_at(one, "probe"), "tls");
	assert_string_equal(text_at(json_array_get(findings, 2), "weight"), "note");
	one = json_array_get(probes, PROBE_SSTP);
	assert_string_equal(text_at(one, "outcome"), "not measured");
	assert_string_equal(text_at(one, "because"), "TLS does not work");
	assert_null(json_object_get(json_array_get(probes, PROBE_TLS), "because"));
	json_decref(o);
}

static void json_of_a_good_way_names_no_layer(void **state)
{
	json_t *o;

	(void)state;
	probe_fact(&d->probes[PROBE_DNS], "x", "y");
	o = as_json();
	assert_string_equal(text_at(o, "outcome"), "ok");
	assert_string_equal(text_at(o, "layer"), "");
	assert_int_equal(json_integer_value(json_object_get(o, "exit_code")), 0);
	json_decref(o);
}

/* ---- as a page ---- */

static void the_page_has_a_bar_for_each_probe_and_a_card_for_each_finding(void **state)
{
	char *text;

	(void)state;
	fill();
	text = printed(report_html);
	assert_int_equal(times(text, "<rect "), PROBES);
	assert_int_equal(times(text, "<div class=\"card "), 3);
	assert_non_null(strstr(text, "by its CRL"));
	assert_non_null(strstr(text, "Example CA"));
	assert_int_equal(times(text, "http://"), 0); /* it needs nothing else */
	free(text);
}

static void a_page_of_no_time_at_all_has_numbers(void **state)
{
	char *text;

	(void)state;
	d->ended_us = d->began_us;
	text = printed(report_html);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf%"));
	free(text);
}

/* ---- hostile text ---- */

static const char hostile[] = "<script>alert(1)</script>\033[2J\"'&\n\xff\xfe";

static void fill_hostile(void)
{
	struct probe *p = &d->probes[PROBE_HTTP];

	opts.host = "<b>\033[31m";
	probe_fact(p, hostile, "%s", hostile);
	probe_summary(p, "%s", hostile);
	probe_find(p, OUTCOME_FAILED, EV_HTTP_STATUS, "%s", hostile);
	probe_skip(&d->probes[PROBE_SSTP], "%s", hostile);
}

static void no_form_lets_hostile_text_through(void **state)
{
	char *text;
	json_t *o;

	(void)state;
	fill_hostile();
	verbose = true;
	text = printed(as_text);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\xff'));
	free(text);
	text = printed(report_html);
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "<b>"));
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\xff'));
	assert_true(times(text, "&lt;script&gt;") >= 2);
	free(text);
	o = as_json();
	assert_non_null(strstr(
		text_at(json_array_get(json_object_get(o, "findings"), 0), "found"), "<script>"));
	json_decref(o);
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, diagnosis_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_text_names_the_first_broken_layer),
		CASE(verbose_prints_what_was_seen),
		CASE(colours_end_where_they_began),
		CASE(a_warning_alone_still_works),
		CASE(all_well_is_said_with_its_limit),
		CASE(json_has_the_verdict_the_findings_and_all_probes),
		CASE(json_of_a_good_way_names_no_layer),
		CASE(the_page_has_a_bar_for_each_probe_and_a_card_for_each_finding),
		CASE(a_page_of_no_time_at_all_has_numbers),
		CASE(no_form_lets_hostile_text_through),
	};

	return cmocka_run_group_tests_name("diagnose/report", tests, NULL, NULL);
}
