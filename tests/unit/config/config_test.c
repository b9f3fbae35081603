// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "config/config.h"

static struct config *parsed(const char *text)
{
	struct config_error err = {0};
	struct config *cfg = NULL;

	if (config_parse("test.conf", text, strlen(text), &cfg, &err) < 0)
		fail_msg("%s", err.text);
	return cfg;
}

static void refused(const char *text, enum event event, const char *error)
{
	struct config_error err = {0};
	struct config *cfg = NULL;

	assert_int_equal(config_parse("test.conf", text, strlen(text), &cfg, &err), -EINVAL);
	assert_null(cfg);
	assert_string_equal(err.text, error);
	assert_int_equal(err.event, event);
}

static char *dumped(const struct config *cfg)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	config_dump(cfg, out);
	fclose(out);
	return text;
}

static void every_row_has_a_good_default_and_a_help_text(void **state)
{
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;
	const struct config_option *o;

	(void)state;
	assert_int_equal(config_load(NULL, &cfg, &err), 0); /* a bad default aborts */
	assert_int_equal(config_check(cfg, &err), 0);
	for (size_t i = 0; (o = config_option(i)); i++) {
		assert_non_null(config_section_help(o->section));
		assert_true(strlen(o->help) > 10 && o->help[strlen(o->help) - 1] == '.');
		assert_int_equal(cfg->origin[i], CONFIG_BY_DEFAULT);
	}
}

static void defaults_are_those_of_the_manual(void **state)
{
	AUTO(config) struct config *cfg = parsed("");
	char text[ENDPOINT_TEXT_LEN];

	(void)state;
	assert_int_equal(cfg->server.listen.n, 1);
	assert_string_equal(endpoint_format(&cfg->server.listen.item[0], text), "[::]:443");
	assert_string_equal(cfg->server.state, "/var/lib/culvert");
	assert_int_equal(cfg->server.workers, 0);
	assert_int_equal(cfg->server.log, LOG_LEVEL_INFO);
	assert_int_equal(cfg->tls.min_version, CONFIG_TLS_1_2);
	assert_int_equal(cfg->sstp.hello_ms, 60000);
	assert_int_equal(cfg->sstp.binding, CONFIG_BINDING_REQUIRED);
	assert_int_equal(config_hash_mask(cfg), 3);
	assert_int_equal(cfg->ppp.mru, 1400);
	assert_true(cfg->ppp.ipv6);
	assert_int_equal(cfg->tunnel.ipv4_pool.addr.family, AF_UNSPEC);
	assert_true(cfg->tunnel.dns.automatic);
}

static void words_of_choices_stand_in_the_order_of_their_enums(void **state)
{
	AUTO(config)
	struct config *cfg = parsed("[server]\nsteering = ring\nlog = debug\n"
				    "[tls]\nmin_version = 1.3\n[sstp]\nbinding = optional\n"
				    "hashes = sha1\n[ppp]\nauth = pap chap\n");
	enum auth_method methods[AUTH_METHODS];

	(void)state;
	assert_int_equal(cfg->server.steering, CONFIG_STEERING_RING);
	assert_int_equal(cfg->server.log, LOG_LEVEL_DEBUG);
	assert_int_equal(cfg->tls.min_version, CONFIG_TLS_1_3);
	assert_int_equal(cfg->sstp.binding, CONFIG_BINDING_OPTIONAL);
	assert_int_equal(config_hash_mask(cfg), 1);
	assert_int_equal(config_auth_methods(cfg, methods), 2);
	assert_int_equal(methods[0], AUTH_PAP);
	assert_int_equal(methods[1], AUTH_CHAP_MD5);
}

static void mistakes_are_told_with_file_line_and_what_was_meant(void **state)
{
	(void)state;
	refused("[ppp]\n\nmru = 9\n", EV_CONFIG_BAD_VALUE,
		"test.conf:3: [ppp] mru: expected a number from 576 to 4087, got \"9\"");
	refused("[ppp]\nmur = 1400\n", EV_CONFIG_UNKNOWN_OPTION,
		"test.conf:2: there is no option mur in [ppp]; did you mean mru?");
	refused("[sever]\n", EV_CONFIG_UNKNOWN_OPTION,
		"test.conf:1: there is no section [sever]; did you mean [server]?");
	refused("[zzz]\nmru = 1400\n", EV_CONFIG_UNKNOWN_OPTION,
		"test.conf:1: there is no section [zzz]");
	refused("[server]\nmru = 1400\n", EV_CONFIG_UNKNOWN_OPTION,
		"test.conf:2: there is no option mru in [server]; it belongs in [ppp]");
	refused("[server]\nfrobnicate = 1\n", EV_CONFIG_UNKNOWN_OPTION,
		"test.conf:2: there is no option frobnicate in [server]");
	refused("[ppp]\nmru = 1400\n[ppp]\nmru = 1400\n", EV_CONFIG_BAD_VALUE,
		"test.conf:4: [ppp] mru: expected once, but it stands in line 2 already");
	refused("[ppp\n", EV_CONFIG_SYNTAX, "test.conf:1: expected [section], got [ppp");
	refused("[ppp]\nmru = \"\x1b[31m\"\n", EV_CONFIG_BAD_VALUE,
		"test.conf:2: [ppp] mru: expected a number from 576 to 4087, got \"\\x1b[31m\"");
}

static void the_command_line_replaces_the_file_and_then_adds(void **state)
{
	AUTO(config) struct config *cfg = parsed("[server]\nname = old\nmax_sessions = 5\n");
	struct config_error err;

	(void)state;
	assert_int_equal(config_set(cfg, "server.name", "a b", &err), 0);
	assert_int_equal(config_set(cfg, "server.name", "c#,d", &err), 0);
	assert_int_equal(cfg->server.name.n, 2);
	assert_string_equal(cfg->server.name.item[0], "a b");
	assert_string_equal(cfg->server.name.item[1], "c#,d");
	assert_int_equal(config_set(cfg, "server.max_sessions", "7", &err), 0);
	assert_int_equal(config_set(cfg, "server.max_sessions", "8", &err), 0);
	assert_int_equal(cfg->server.max_sessions, 8);
	assert_int_equal(config_set(cfg, "ppp.auth", "mschapv2, pap", &err), 0);
	assert_int_equal(cfg->ppp.auth.n, 2);
	assert_int_equal(config_set(cfg, "server.state", "/a b", &err), 0);
	assert_string_equal(cfg->server.state, "/a b");

	assert_int_equal(config_set(cfg, "server.max_sessions", "0", &err), -EINVAL);
	assert_string_equal(err.text,
		"command line: [server] max_sessions: expected a number from 1 to 1000000, got \"0\"");
	assert_int_equal(config_set(cfg, "server.max_session", "1", &err), -EINVAL);
	assert_string_equal(err.text,
		"command line: there is no option max_session in [server]; did "
		"you mean max_sessions?");
	assert_int_equal(config_set(cfg, "nodot", "1", &err), -EINVAL);
}

static void options_that_do_not_go_together_are_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"[tls]\ncertificate = a b\nkey = c\n",
			"[tls] key: expected as many keys as there are files in certificate"},
		{"[server]\nlisten =\n", "[server] listen: expected at least one address"},
		{"[ppp]\nauth =\n", "[ppp] auth: expected at least one method"},
		{"[tunnel]\ntun = a/b\n",
			"[tunnel] tun: expected the name of an interface, without blanks, colons and slashes"},
		{"[tunnel]\ndns = 192.0.2.1 192.0.2.2 192.0.2.3\n",
			"[tunnel] dns: expected at most two addresses of IPv4 and three of IPv6"},
		{"[tunnel]\nnbns = ::1\n",
			"[tunnel] nbns: expected at most two addresses, of IPv4"},
	};
	struct config_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(config) struct config *cfg = parsed(cases[i].text);

		assert_int_equal(config_check(cfg, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].error);
		assert_int_equal(err.event, EV_CONFIG_CONTRADICTION);
	}
}

static void a_dump_is_a_file_with_the_same_meaning(void **state)
{
	AUTO(config)
	struct config *cfg = parsed("[server]\nname = a \"b # c\" \"d \\\" e \\\\\"\n"
				    "listen = 192.0.2.1, [2001:db8::1]:8443\n"
				    "[tunnel]\ndns =\nipv4_pool = 10.9.0.0/24\nmtu = 1300\n"
				    "[sstp]\nhello = 90s\n");
	AUTO(config) struct config *again = NULL;
	AUTO_MEM char *first = dumped(cfg), *second = NULL;

	(void)state;
	assert_non_null(strstr(first, "\nname = a \"b # c\" \"d \\\" e \\\\\" # file\n"));
	assert_non_null(strstr(first, "\nhello = 90s # file\n"));
	assert_non_null(strstr(first, "\nmru = 1400 # default\n"));
	again = parsed(first);
	memcpy(again->origin, cfg->origin, sizeof(cfg->origin));
	second = dumped(again);
	assert_string_equal(first, second);
}

static void a_file_is_read_and_one_that_cannot_be_is_told(void **state)
{
	char path[] = "/tmp/culvert-config-XXXXXX", expected[100];
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(write(fd, "[ppp]\nmru = 1300\n", 17) == 17);
	assert_int_equal(config_load(path, &cfg, &err), 0);
	assert_int_equal(cfg->ppp.mru, 1300);
	assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
	config_free(TAKE(cfg));
	assert_int_equal(config_load(path, &cfg, &err), -EINVAL);
	snprintf(expected, sizeof(expected), "%s: expected at most 1048576 octets", path);
	assert_string_equal(err.text, expected);
	close(fd);
	unlink(path);
	assert_int_equal(config_load(path, &cfg, &err), -EINVAL);
	assert_int_equal(err.event, EV_CONFIG_UNREADABLE);
	assert_int_equal(config_load("/tmp", &cfg, &err), -EINVAL);
	assert_string_equal(err.text, "/tmp: Is a directory");
}

static void a_config_lives_until_its_last_reference_is_given_back(void **state)
{
	struct config *cfg = parsed("[server]\nname = a\n"), *other = config_ref(cfg);

	(void)state;
	config_free(cfg);
	assert_string_equal(other->server.name.item[0], "a");
	config_free(other);
	config_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_a_good_default_and_a_help_text),
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(words_of_choices_stand_in_the_order_of_their_enums),
		cmocka_unit_test(mistakes_are_told_with_file_line_and_what_was_meant),
		cmocka_unit_test(the_command_line_replaces_the_file_and_then_adds),
		cmocka_unit_test(options_that_do_not_go_together_are_refused),
		cmocka_unit_test(a_dump_is_a_file_with_the_same_meaning),
		cmocka_unit_test(a_file_is_read_and_one_that_cannot_be_is_told),
		cmocka_unit_test(a_config_lives_until_its_last_reference_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
