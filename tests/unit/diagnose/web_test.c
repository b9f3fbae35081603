// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/tls.c and http.c at a server that answers in one way: what was seen becomes which finding.
 * The other faults, for real, are the lab's (tests/net/lab).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/diagnose/report.h"
#include "unit/diagnose/server.h"

static int teardown(void **state)
{
	(void)state;
	server_end();
	diagnosis_free(d);
	return 0;
}

static struct probe *tls(void)
{
	probe_tls(d, &d->probes[PROBE_TLS]);
	return &d->probes[PROBE_TLS];
}

static struct probe *http(void)
{
	tls();
	assert_true(d->tls_works);
	probe_http(d, &d->probes[PROBE_HTTP]);
	return &d->probes[PROBE_HTTP];
}

static const char *fact(const struct probe *p, const char *name)
{
	for (size_t i = 0; i < p->n_facts; i++)
		if (!strcmp(p->facts[i].name, name))
			return p->facts[i].value;
	return "";
}

/* The first failure; EV_NONE. */
static enum event failure(const struct probe *p)
{
	for (size_t i = 0; i < p->n_findings; i++)
		if (p->findings[i].weight == OUTCOME_FAILED)
			return p->findings[i].event;
	return EV_NONE;
}

/* ---- TLS ---- */

static void a_good_server_is_trusted_by_its_ca_file(void **state)
{
	const struct probe *p;

	(void)state;
	server_begin(SERVE_TLS, "");
	opts.ca_file = cert_file;
	p = tls();
	assert_true(d->tls_works);
	assert_false(d->untrusted);
	assert_int_equal(failure(p), EV_NONE);
	assert_non_null(d->login); /* a password may go there */
	assert_non_null(strstr(fact(p, "chosen"), "TLSv1.3"));
	assert_string_equal(fact(p, "TLS 1.0"), "no");
	assert_string_equal(fact(p, "TLS 1.1"), "no");
	assert_memory_equal(fact(p, "TLS 1.2"), "yes, ", 5);
	assert_memory_equal(fact(p, "TLS 1.3"), "yes, ", 5);
	assert_string_equal(fact(p, "name sent (SNI)"), "none"); /* an address is no name */
	assert_non_null(strstr(p->summary, "leads to --ca"));
}

static void an_untrusted_one_gets_no_password(void **state)
{
	const struct probe *p;

	(void)state;
	server_begin(SERVE_TLS, "");
	p = tls();
	assert_true(d->tls_works); /* the next probes go on, with nothing to protect */
	assert_true(d->untrusted);
	assert_null(d->login);
	assert_int_not_equal(failure(p), EV_NONE);
	assert_int_equal(event_info(failure(p))->layer, LAYER_CERT);
	assert_non_null(strstr(p->summary, "not trusted here"));
}

static void insecure_is_the_users_own_choice(void **state)
{
	(void)state;
	server_begin(SERVE_TLS, "");
	opts.insecure = true;
	tls();
	assert_true(d->untrusted);
	assert_non_null(d->login);
}

static void another_protocol_is_named_as_that(void **state)
{
	const struct probe *p;

	(void)state;
	server_begin(SERVE_PLAIN, "SSH-2.0-OpenSSH_9.2\r\n");
	p = tls();
	assert_false(d->tls_works);
	assert_int_equal(failure(p), EV_TLS_NOT_TLS);
	assert_int_equal(p->n_findings, 1);
}

static void a_server_that_hangs_up_is_tried_again_before_it_is_blamed(void **state)
{
	const struct probe *p;

	(void)state;
	server_begin(SERVE_CLOSE, "");
	p = tls();
	assert_false(d->tls_works);
	assert_true(failure(p) == EV_TLS_CLOSED_IN_HANDSHAKE || failure(p) == EV_TCP_RESET);
}

static void what_is_not_reached_is_not_measured(void **state)
{
	const struct probe *p;

	(void)state;
	p = tls();
	assert_int_equal(p->outcome, OUTCOME_NOT_MEASURED);
	assert_true(*p->why);
	probe_http(d, &d->probes[PROBE_HTTP]);
	assert_int_equal(d->probes[PROBE_HTTP].outcome, OUTCOME_NOT_MEASURED);
}

/* ---- HTTP ---- */

static void each_status_has_its_finding(void **state)
{
	static const struct {
		const char *head;
		enum event event;
	} cases[] = {
		{"301 Moved\r\nLocation: https://127.0.0.1/login", EV_PROBE_HTTP_REDIRECT},
		{"401 Unauthorized", EV_PROBE_HTTP_LOGIN},
		{"403 Forbidden", EV_PROBE_HTTP_FORBIDDEN},
		{"404 Not Found\r\nServer: nginx/1.22", EV_PROBE_HTTP_NOT_FOUND},
		{"405 Method Not Allowed", EV_PROBE_HTTP_METHOD},
		{"407 Login", EV_HTTP_PROXY_AUTH},
		{"502 Bad Gateway", EV_PROBE_HTTP_BACKEND},
		{"503 Service Unavailable", EV_PROBE_HTTP_FULL},
		{"418 Teapot\r\nVia: 1.1 box", EV_PROBE_HTTP_BALANCER},
		{"418 Teapot\r\nServer: Apache", EV_PROBE_HTTP_WEB_SERVER},
		{"418 Teapot", EV_HTTP_STATUS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char answer[300];
		const struct probe *p;

		snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n",
			cases[i].head);
		server_begin(SERVE_TLS, answer);
		p = http();
		if (failure(p) != cases[i].event)
			fail_msg("%s: %d", cases[i].head, failure(p));
		assert_memory_equal(fact(p, "HEAD"), "HTTP/1.1 ", 9);
		assert_string_equal(fact(p, "kind"), ""); /* it was not seen to be an SSTP server */
		teardown(NULL);
		diagnosis_setup(state);
	}
}

/* Its words stand in the finding, and cannot do more than that. */
static void a_hostile_answer_is_quoted_escaped(void **state)
{
	const struct probe *p;

	(void)state;
	server_begin(
		SERVE_TLS, "HTTP/1.1 404 \033[2J<b>\r\nServer: x\ty\r\nContent-Length: 0\r\n\r\n");
	p = http();
	assert_int_not_equal(failure(p), EV_NONE);
	for (size_t i = 0; i < p->n_findings; i++)
		assert_null(strpbrk(p->findings[i].text, "\033\t"));
	for (size_t i = 0; i < p->n_facts; i++)
		assert_null(strpbrk(p->facts[i].value, "\033\t"));
}

static void no_answer_is_no_status(void **state)
{
	const struct probe *p;

	(void)state;
	server_begin(SERVE_TLS, "");
	p = http();
	assert_int_equal(failure(p), EV_HTTP_NO_RESPONSE);
	assert_string_equal(fact(p, "HEAD"), "no answer");
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, diagnosis_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_good_server_is_trusted_by_its_ca_file),
		CASE(an_untrusted_one_gets_no_password),
		CASE(insecure_is_the_users_own_choice),
		CASE(another_protocol_is_named_as_that),
		CASE(a_server_that_hangs_up_is_tried_again_before_it_is_blamed),
		CASE(what_is_not_reached_is_not_measured),
		CASE(each_status_has_its_finding),
		CASE(a_hostile_answer_is_quoted_escaped),
		CASE(no_answer_is_no_status),
	};

	return cmocka_run_group_tests_name("diagnose/web", tests, make_certs, remove_certs);
}
