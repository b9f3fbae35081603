// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "config/config.h"
#include "config/manual.h"

static char *whole_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 200000);

	assert_non_null(f);
	assert_true(fread(text, 1, 200000 - 1, f) > 0);
	fclose(f);
	return text;
}

/* `./build/culvert config man > docs/culvert.conf.5` makes it current again. */
static void the_manual_in_docs_is_the_one_that_the_options_make(void **state)
{
	const char *root = getenv("CULVERT_SOURCE_ROOT");
	char path[4096], *made = NULL;
	AUTO_MEM char *committed = NULL;
	size_t n;
	FILE *out = open_memstream(&made, &n);

	(void)state;
	config_print_manual(out);
	fclose(out);
	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/docs/culvert.conf.5", root);
	committed = whole_file(path);
	assert_string_equal(committed, made);
	free(made);
}

static void help_names_sections_defaults_and_ranges(void **state)
{
	char *made = NULL;
	size_t n;
	FILE *out = open_memstream(&made, &n);

	(void)state;
	config_print_help(out);
	fclose(out);
	assert_non_null(strstr(made, "[ppp] Authentication"));
	assert_non_null(strstr(made, "  mru = 1400   (number: 576 to 4087)\n"));
	free(made);
}

/* With every # before an option taken away it is a file that says what was so already. */
static void the_example_is_a_good_file_with_all_defaults(void **state)
{
	char *made = NULL, *line, *rest, path[] = "/tmp/culvert-example-XXXXXX";
	size_t n, options = 0;
	FILE *out = open_memstream(&made, &n), *file = fdopen(mkstemp(path), "w");
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;

	(void)state;
	config_print_example(out);
	fclose(out);
	rest = made;
	while ((line = strsep(&rest, "\n"))) {
		bool option = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';

		options += option;
		fprintf(file, "%s\n", line + option);
	}
	fclose(file);
	free(made);
	assert_int_equal(options, CONFIG_OPTIONS);
	assert_int_equal(config_load(path, &cfg, &err), 0);
	assert_string_equal(cfg->server.state, "/var/lib/culvert");
	assert_int_equal(cfg->ppp.mru, 1400);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_in_docs_is_the_one_that_the_options_make),
		cmocka_unit_test(help_names_sections_defaults_and_ranges),
		cmocka_unit_test(the_example_is_a_good_file_with_all_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
