// SPDX-License-Identifier: Apache-2.0
/* server/host/check.c: everything that is wrong with a configuration, not the first thing only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "server/host/check.h"
#include "tls/cert.h"
#include "unit/server/host/host.h"

static struct {
	bool wrong;
	enum event event;
	char text[400];
} found[32];
static size_t n_found;

static void on_found(void *arg, bool wrong, enum event ev, const char *text)
{
	assert_ptr_equal(arg, &host);
	found[n_found].wrong = wrong;
	found[n_found].event = ev;
	snprintf(found[n_found++].text, sizeof(found[0].text), "%s", text);
}

static void check(const char *more)
{
	configure(more);
	n_found = 0;
	server_check(context.config, on_found, &host);
}

/* One thing was found, and says this. */
static void only(enum event ev, bool wrong, const char *part)
{
	if (n_found != 1 || found[0].event != ev || found[0].wrong != wrong ||
		!strstr(found[0].text, part))
		fail_msg("%zu found: %d %s; wanted %d %s", n_found, found[0].event, found[0].text,
			ev, part);
}

static void make_pair(const char *name, const char *crt, const char *key, int64_t at)
{
	struct cert_opts opts = {.key = CERT_P256, .names = &name, .n_names = 1, .now_s = at};
	struct tls_failure why;

	if (cert_create(&opts, in_folder(crt), in_folder(key), &why) < 0)
		fail_msg("%s", why.text);
}

static void check_pair(const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text), "%s[tls]\ncertificate = %s\nkey = %s\n", more,
		in_folder("a.crt"), in_folder("a.key"));
	check(text);
}

static void the_defaults_are_good_and_nothing_is_made(void **state)
{
	(void)state;
	check("");
	assert_int_equal(n_found, 0);
	assert_int_equal(access(in_folder("server.crt"), F_OK), -1);
	assert_int_equal(access(in_folder("culvert.db"), F_OK), -1);
}

static void a_user_that_is_not_there(void **state)
{
	(void)state;
	check("user = no-such-user-here\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "no user \"no-such-user-here\"");
}

static void a_state_folder_that_could_not_be_made(void **state)
{
	(void)state;
	configure_below("/a/b", "");
	n_found = 0;
	server_check(context.config, on_found, &host);
	only(EV_CONFIG_NAMES_NOTHING, true, "[server] state");
	configure_below("/new", ""); /* the start makes it */
	n_found = 0;
	server_check(context.config, on_found, &host);
	assert_int_equal(n_found, 0);
	put_file("file", "");
	configure_below("/file", "");
	n_found = 0;
	server_check(context.config, on_found, &host);
	only(EV_CONFIG_NAMES_NOTHING, true, "Not a directory");
}

static void files_that_are_not_there_are_all_named(void **state)
{
	(void)state;
	check("[tls]\ncertificate = /no/a.crt\nkey = /no/a.key\nkeylog = /no/log\n"
	      "[store]\nkey_file = /no/key\n"
	      "[metrics]\nlisten = /no/metrics\n[balancer]\naccept_certificates = /no/b.crt\n");
	assert_int_equal(n_found, 6);
	for (size_t i = 0; i < n_found; i++) {
		assert_true(found[i].wrong);
		assert_int_equal(found[i].event, EV_CONFIG_NAMES_NOTHING);
		assert_non_null(strstr(found[i].text, "/no"));
	}
}

static void a_certificate_for_another_name_is_a_doubt(void **state)
{
	(void)state;
	make_pair("vpn.example", "a.crt", "a.key", clock_wall_s());
	check_pair("name = vpn.example\n");
	assert_int_equal(n_found, 0);
	check_pair("name = other.example\n");
	only(EV_CONFIG_DOUBTFUL, false, "no certificate is for \"other.example\"");
}

static void dates_are_judged(void **state)
{
	(void)state;
	make_pair("vpn.example", "a.crt", "a.key", clock_wall_s() - 1000 * 24 * 3600ll);
	check_pair("");
	only(EV_CERT_OVER, event_info(EV_CERT_OVER)->level == LOG_LEVEL_ERROR, "a.crt");
	make_pair("vpn.example", "a.crt", "a.key", clock_wall_s() + 10 * 24 * 3600);
	check_pair("");
	only(EV_CONFIG_DOUBTFUL, false, "not valid yet");
}

static void a_key_of_another_certificate_is_wrong(void **state)
{
	(void)state;
	make_pair("vpn.example", "a.crt", "b.key", clock_wall_s());
	make_pair("vpn.example", "b.crt", "a.key", clock_wall_s());
	check_pair("");
	assert_int_equal(n_found, 1);
	assert_true(found[0].wrong);
}

static void what_is_no_certificate_is_wrong_once(void **state)
{
	(void)state;
	make_pair("vpn.example", "a.crt", "a.key", clock_wall_s());
	put_file("a.crt", "nonsense");
	check_pair("");
	assert_int_equal(n_found, 1);
	assert_true(found[0].wrong);
	assert_non_null(strstr(found[0].text, "a.crt"));
}

static void an_address_of_no_interface(void **state)
{
	(void)state;
	check("listen = 203.0.113.77:443 127.0.0.1:443\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "203.0.113.77:443");
}

static void an_interface_that_is_no_tun(void **state)
{
	(void)state;
	check("[tunnel]\ntun = lo\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "\"lo\" that is no TUN");
}

static void a_congestion_control_that_the_kernel_does_not_know(void **state)
{
	(void)state;
	check("congestion = no-such-one\n");
	only(EV_CONFIG_DOUBTFUL, false, "no-such-one");
	check("congestion = reno\n"); /* each kernel has it */
	assert_int_equal(n_found, 0);
}

static void a_pool_of_addresses_that_no_client_may_have(void **state)
{
	(void)state;
	check("[tunnel]\nipv4_pool = 127.5.0.0/16\n");
	only(EV_POOL_UNUSABLE, event_info(EV_POOL_UNUSABLE)->level == LOG_LEVEL_ERROR, "loopback");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_defaults_are_good_and_nothing_is_made),
		CASE(a_user_that_is_not_there),
		CASE(a_state_folder_that_could_not_be_made),
		CASE(files_that_are_not_there_are_all_named),
		CASE(a_certificate_for_another_name_is_a_doubt),
		CASE(dates_are_judged),
		CASE(a_key_of_another_certificate_is_wrong),
		CASE(what_is_no_certificate_is_wrong_once),
		CASE(an_address_of_no_interface),
		CASE(an_interface_that_is_no_tun),
		CASE(a_congestion_control_that_the_kernel_does_not_know),
		CASE(a_pool_of_addresses_that_no_client_may_have),
	};

	return cmocka_run_group_tests_name("server/host/check", tests, NULL, NULL);
}
