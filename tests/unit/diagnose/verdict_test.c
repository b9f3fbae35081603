// SPDX-License-Identifier: Apache-2.0
/* diagnose/verdict.c: which finding comes first, the exit code, and the command to see it by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/diagnose/report.h"

static void find(enum probe_id id, enum outcome weight, enum event ev)
{
	probe_find(&d->probes[id], weight, ev, "%s", "");
}

static void nothing_found_is_well(void **state)
{
	struct diagnosis_verdict v;

	(void)state;
	diagnosis_verdict(d, &v);
	assert_int_equal(v.outcome, OUTCOME_OK);
	assert_int_equal(v.n, 0);
	assert_int_equal(v.exit_code, 0);
}

/* Failures first, though a warning is of a layer before; notes last. */
static void failures_come_first_each_in_the_order_of_layers(void **state)
{
	struct diagnosis_verdict v;

	(void)state;
	find(PROBE_DNS, OUTCOME_OK, EV_DNS_IPV6_ONLY);
	find(PROBE_REACH, OUTCOME_WARNING, EV_TCP_RESET);
	find(PROBE_PPP, OUTCOME_FAILED, EV_LCP_NO_ANSWER);
	find(PROBE_TLS, OUTCOME_WARNING, EV_CERT_EXPIRES_SOON);
	find(PROBE_TLS, OUTCOME_FAILED, EV_CERT_REVOKED);
	diagnosis_verdict(d, &v);
	assert_int_equal(v.outcome, OUTCOME_FAILED);
	assert_int_equal(v.n, 5);
	assert_int_equal(v.lines[0].finding->event, EV_CERT_REVOKED);
	assert_int_equal(v.lines[1].finding->event, EV_LCP_NO_ANSWER);
	assert_int_equal(v.lines[2].finding->event, EV_TCP_RESET);
	assert_int_equal(v.lines[2].probe, PROBE_REACH);
	assert_int_equal(v.lines[3].finding->event, EV_CERT_EXPIRES_SOON);
	assert_int_equal(v.lines[4].finding->event, EV_DNS_IPV6_ONLY);
	assert_int_equal(v.exit_code, layer_exit_code(LAYER_CERT));
}

static void warnings_alone_exit_with_0(void **state)
{
	struct diagnosis_verdict v;

	(void)state;
	find(PROBE_TLS, OUTCOME_WARNING, EV_CERT_EXPIRES_SOON);
	find(PROBE_DNS, OUTCOME_OK, EV_DNS_IPV6_ONLY);
	diagnosis_verdict(d, &v);
	assert_int_equal(v.outcome, OUTCOME_WARNING);
	assert_int_equal(v.exit_code, 0);
	d->probes[PROBE_TLS].n_findings = 0;
	diagnosis_verdict(d, &v);
	assert_int_equal(v.outcome, OUTCOME_OK); /* a note is no warning */
	assert_int_equal(v.n, 1);
}

static void every_place_taken_still_fits(void **state)
{
	struct diagnosis_verdict v;

	(void)state;
	for (enum probe_id id = 0; id < PROBES; id++)
		for (unsigned i = 0; i < PROBE_FINDINGS_MAX; i++)
			probe_find(&d->probes[id], i % 3 + OUTCOME_OK,
				(enum event)event_at(i)->number, "%u", i);
	diagnosis_verdict(d, &v);
	assert_int_equal(v.n, PROBES * PROBE_FINDINGS_MAX);
	for (size_t i = 1; i < v.n; i++)
		assert_true(v.lines[i].finding->weight <= v.lines[i - 1].finding->weight);
}

/* ---- by hand ---- */

static const char *by_hand(enum event ev)
{
	static char text[400];

	return manual_command(d, ev, text, sizeof(text));
}

static void a_command_names_host_port_and_address(void **state)
{
	(void)state;
	opts.port = 8443;
	assert_string_equal(by_hand(EV_TCP_REFUSED), "nc -vz ADDRESS 8443"); /* none is known */
	d->addresses[0] = (struct endpoint){addr_v4(0xc0000201), 8443};
	assert_string_equal(by_hand(EV_TCP_REFUSED), "nc -vz 192.0.2.1 8443");
	d->server = (struct endpoint){{AF_INET6, {0x20, 1, 0x0d, 0xb8, [15] = 5}}, 8443};
	assert_string_equal(by_hand(EV_TCP_TIMEOUT), "traceroute -T -p 8443 2001:db8::5");
	assert_non_null(strstr(by_hand(EV_TLS_NOT_TLS), "-servername vpn.example "));
	d->sni = "other.example";
	assert_non_null(strstr(by_hand(EV_TLS_NOT_TLS), "-servername other.example "));
	d->sni = ""; /* none was sent: the name stands for it */
	assert_non_null(strstr(by_hand(EV_TLS_NOT_TLS), "-servername vpn.example "));
}

static void no_place_is_left_open(void **state)
{
	(void)state;
	for (unsigned i = 0; event_at(i); i++)
		assert_null(strchr(by_hand((enum event)event_at(i)->number), '$'));
	assert_string_equal(by_hand(EV_SERVER_READY), ""); /* nothing to look at by hand */
}

static void a_long_command_is_cut_with_its_end(void **state)
{
	char small[12], host[300];

	(void)state;
	assert_string_equal(manual_command(d, EV_TCP_REFUSED, small, sizeof(small)), "nc -vz ADDR");
	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	opts.host = host;
	for (size_t cap = 1; cap <= sizeof(small); cap++) {
		memset(small, '!', sizeof(small));
		manual_command(d, EV_DNS_NO_SUCH_NAME, small, cap);
		assert_true(strlen(small) < cap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_found_is_well),
		CASE(failures_come_first_each_in_the_order_of_layers),
		CASE(warnings_alone_exit_with_0),
		CASE(every_place_taken_still_fits),
		CASE(a_command_names_host_port_and_address),
		CASE(no_place_is_left_open),
		CASE(a_long_command_is_cut_with_its_end),
	};

	return cmocka_run_group_tests_name("diagnose/verdict", tests, NULL, NULL);
}
