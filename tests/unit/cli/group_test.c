// SPDX-License-Identifier: Apache-2.0
/* cli/group.c: groups and their values, from the command line into the database and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "cli/cmd.h"
#include "unit/cli/run.h"
#include "unit/store/state.h"

#define GROUP(...)                                                                                 \
	run_command(cmd_group, "",                                                                 \
		(const char *const[]){                                                             \
			"group", __VA_ARGS__, "--state", ((struct state *)*state)->folder, NULL})
#define USER(...)                                                                                  \
	run_command(cmd_user, "x\n",                                                               \
		(const char *const[]){                                                             \
			"user", __VA_ARGS__, "--state", ((struct state *)*state)->folder, NULL})

static const char *text_at(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void a_group_is_made_with_its_values(void **state)
{
	struct said said = GROUP("add", "staff", "idle=10m", "rate_down=10M");

	assert_int_equal(said.code, CMD_OK);
	assert_string_equal(said.out, "group staff was added\n");
	said = GROUP("show", "STAFF"); /* regardless of case */
	assert_int_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.out, "group staff\n"));
	assert_non_null(strstr(said.out, "10m"));
	assert_non_null(strstr(said.out, "10M"));
}

static void a_wrong_value_makes_no_group(void **state)
{
	assert_int_equal(GROUP("add", "staff", "idle=soon").code, CMD_USAGE);
	assert_int_equal(GROUP("add", "staff", "speed=10M").code, CMD_USAGE);
	assert_int_equal(GROUP("add", "staff").code, CMD_OK);
	assert_int_equal(GROUP("add", "Staff").code, CMD_FAILED);
	assert_int_equal(GROUP("add", "two words").code, CMD_FAILED);
	assert_int_equal(GROUP("add", "a,b").code, CMD_FAILED);
}

static void values_are_changed_and_unset(void **state)
{
	struct said said;

	GROUP("add", "staff", "idle=10m");
	said = GROUP("set", "staff", "idle=", "session_time=8h");
	assert_int_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.out, "group staff is changed"));
	said = GROUP("show", "staff");
	assert_null(strstr(said.out, "10m"));
	assert_non_null(strstr(said.out, "8h"));
	assert_int_equal(GROUP("set", "staff").code, CMD_USAGE);
	assert_int_equal(GROUP("set", "nosuch", "idle=1m").code, CMD_FAILED);
	/* One wrong value leaves them all. */
	assert_int_equal(GROUP("set", "staff", "session_time=1h", "idle=x").code, CMD_USAGE);
	assert_non_null(strstr(GROUP("show", "staff").out, "8h"));
}

static void members_are_shown_and_go_with_the_group(void **state)
{
	struct said said;
	json_t *o, *members;

	GROUP("add", "staff", "idle=10m");
	assert_int_equal(USER("add", "alice", "--password-stdin").code, CMD_OK);
	assert_int_equal(USER("set", "alice", "groups=staff").code, CMD_OK);
	said = GROUP("list");
	assert_non_null(strstr(said.out, "staff                    1\n"));
	said = GROUP("show", "staff", "--json");
	o = json_loads(said.out, 0, NULL);
	assert_non_null(o);
	members = json_object_get(o, "members");
	assert_int_equal(json_array_size(members), 1);
	assert_string_equal(json_string_value(json_array_get(members, 0)), "alice");
	assert_string_equal(text_at(o, "name"), "staff");
	assert_non_null(json_object_get(o, "grant"));
	json_decref(o);
	assert_non_null(strstr(USER("show", "alice").out, "10m"));
	assert_int_equal(GROUP("remove", "staff").code, CMD_OK);
	assert_null(strstr(USER("show", "alice").out, "10m"));
	assert_int_equal(GROUP("remove", "staff").code, CMD_FAILED);
}

static void lists_are_for_people_and_for_programs(void **state)
{
	json_t *all;

	GROUP("add", "b");
	GROUP("add", "a");
	all = json_loads(GROUP("list", "--json").out, 0, NULL);
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(text_at(json_array_get(all, 0), "name"), "a");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(all, 0), "users")), 0);
	json_decref(all);
}

static void wrong_use_is_told(void **state)
{
	assert_int_equal(GROUP("add").code, CMD_USAGE);
	assert_int_equal(GROUP("list", "x").code, CMD_USAGE);
	assert_int_equal(GROUP("show").code, CMD_USAGE);
	assert_non_null(strstr(GROUP("shw", "a").err, "did you mean \"show\"?"));
	assert_int_equal(
		run_command(cmd_group, "", (const char *const[]){"group", NULL}).code, CMD_USAGE);
	assert_non_null(strstr(GROUP("--help").out, "rate_down"));
	/* Only add makes a database. */
	assert_int_equal(GROUP("list").code, CMD_FAILED);
	assert_int_equal(access(((struct state *)*state)->file, F_OK), -1);
}

/* A member's filter must be one of the configuration, when there is one to look at. */
static void an_unknown_filter_is_a_warning_without_a_configuration(void **state)
{
	struct said said = GROUP("add", "staff", "filter=office");

	assert_int_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.err, "no filter office"));
	assert_non_null(strstr(said.err, "was not checked"));
}

static void an_unknown_filter_is_refused_with_one(void **state)
{
	struct state *s = *state;
	char path[128];
	FILE *f;
	struct said said;

	snprintf(path, sizeof(path), "%s/culvert.conf", s->folder);
	f = fopen(path, "w");
	fputs("[policy]\nfilters = \"web: permit tcp to any port 443\"\n", f);
	fclose(f);
	said = GROUP("add", "staff", "filter=office", "--config", path);
	if (said.code == CMD_USAGE) /* the rule's words are not the point here */
		fail_msg("%s", said.err);
	assert_int_not_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.err, "no filter office"));
	assert_int_equal(GROUP("add", "staff", "filter=web", "--config", path).code, CMD_OK);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, state_setup, state_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_group_is_made_with_its_values),
		CASE(a_wrong_value_makes_no_group),
		CASE(values_are_changed_and_unset),
		CASE(members_are_shown_and_go_with_the_group),
		CASE(lists_are_for_people_and_for_programs),
		CASE(wrong_use_is_told),
		CASE(an_unknown_filter_is_a_warning_without_a_configuration),
		CASE(an_unknown_filter_is_refused_with_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
