// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "config/diff.h"

static struct config *of(const char *text)
{
	struct config_error err = {0};
	struct config *cfg = NULL;

	if (config_parse("test", text, strlen(text), &cfg, &err) < 0)
		fail_msg("%s", err.text);
	return cfg;
}

struct seen {
	char text[512];
};

static void note(const struct config_option *o, const char *from, const char *to, void *arg)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s.%s: %s -> %s (%s)\n", o->section, o->name,
		from, to, config_effect_text(o->effect));
}

static void only_what_differs_is_told_with_when_it_takes_effect(void **state)
{
	struct config *a = of("[ppp]\nmru = 1300\n[server]\nmax_sessions = 10000\n");
	struct config *b = of("[ppp]\nmru = 1350\n[server]\nlisten = 192.0.2.1:443\n");
	struct seen seen = {""};

	assert_int_equal(config_diff(a, b, note, &seen), 2);
	assert_string_equal(seen.text, "server.listen: [::]:443 -> 192.0.2.1:443 (on restart)\n"
				       "ppp.mru: 1300 -> 1350 (for new sessions, at reload)\n");
	assert_int_equal(config_diff(a, a, NULL, NULL), 0);
	config_free(a);
	config_free(b);
}

static void options_that_wait_for_a_restart_keep_their_running_value(void **state)
{
	struct config *a = of("[server]\nname = \"a b\" c\nlisten = 192.0.2.1 192.0.2.2:444\n"
			      "[tunnel]\nipv4_pool = 10.9.0.0/24\n[ppp]\nmru = 1300\n");
	struct config *b = of("[server]\nname = x\n[ppp]\nmru = 1350\n");

	assert_int_equal(config_keep_started(b, a), 0);
	assert_int_equal(b->ppp.mru, 1350);
	assert_int_equal(b->server.name.n, 2);
	assert_string_equal(b->server.name.item[0], "a b");
	assert_int_equal(b->server.listen.n, 2);
	assert_int_equal(b->server.listen.item[1].port, 444);
	assert_int_equal(b->tunnel.ipv4_pool.len, 24);
	assert_int_equal(config_diff(a, b, NULL, NULL), 1);
	config_free(a);
	config_free(b);
}

static void every_default_survives_the_copy(void **state)
{
	struct config *a = of(""), *b = of("");

	assert_int_equal(config_keep_started(b, a), 0);
	assert_int_equal(config_diff(a, b, NULL, NULL), 0);
	config_free(a);
	config_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_differs_is_told_with_when_it_takes_effect),
		cmocka_unit_test(options_that_wait_for_a_restart_keep_their_running_value),
		cmocka_unit_test(every_default_survives_the_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
