// SPDX-License-Identifier: Apache-2.0
/* cli/ban.c: bans of the command line are rows of the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/clock.h"
#include "cli/cmd.h"
#include "unit/cli/run.h"
#include "unit/store/state.h"

#define BAN(...)                                                                                   \
	run_command(cmd_ban, "",                                                                   \
		(const char *const[]){                                                             \
			"ban", __VA_ARGS__, "--state", ((struct state *)*state)->folder, NULL})

static int setup(void **state)
{
	state_setup(state);
	db_close(state_open(*state));
	return 0;
}

/* The only row of the list, which the caller lets go. */
static json_t *only(void **state)
{
	json_t *all = json_loads(BAN("list", "--json").out, 0, NULL), *row;

	assert_int_equal(json_array_size(all), 1);
	row = json_incref(json_array_get(all, 0));
	json_decref(all);
	return row;
}

static void assert_row(
	void **state, const char *source, const char *user, int64_t least_s, int64_t most_s)
{
	json_t *row = only(state);
	int64_t until = json_integer_value(json_object_get(row, "until"));

	assert_string_equal(json_string_value(json_object_get(row, "source")), source);
	assert_string_equal(json_string_value(json_object_get(row, "user")), user);
	assert_string_equal(json_string_value(json_object_get(row, "by")), "admin");
	if (most_s)
		assert_in_range(until, clock_wall_s() + least_s, clock_wall_s() + most_s);
	else
		assert_int_equal(until, 0);
	json_decref(row);
}

static void an_address_is_banned_for_good(void **state)
{
	struct said said = BAN("add", "192.0.2.7");

	assert_int_equal(said.code, CMD_OK);
	assert_string_equal(said.out, "192.0.2.7 is banned\n");
	assert_row(state, "192.0.2.7/32", "", 0, 0);
	assert_non_null(strstr(BAN("list").out, "for good"));
}

static void a_network_is_banned_as_one_user_for_a_time(void **state)
{
	struct said said = BAN("add", "198.51.100.0/24", "--user", "CORP\\alice", "--for", "10m");

	assert_int_equal(said.code, CMD_OK);
	assert_string_equal(said.out, "198.51.100.0/24 is banned as alice\n");
	assert_row(state, "198.51.100.0/24", "alice", 500, 610);
}

/* A client chooses the rest of its addresses. */
static void an_ipv6_source_is_its_64(void **state)
{
	assert_int_equal(BAN("add", "2001:db8:1:2:3:4:5:6").code, CMD_OK);
	assert_row(state, "2001:db8:1:2::/64", "", 0, 0);
	assert_int_equal(BAN("remove", "2001:db8:1:2::9").code, CMD_OK);
	assert_null(strstr(BAN("list").out, "2001:db8"));
}

static void a_second_ban_replaces_the_first(void **state)
{
	BAN("add", "192.0.2.7");
	assert_int_equal(BAN("add", "192.0.2.7", "--for", "8h").code, CMD_OK);
	assert_row(state, "192.0.2.7/32", "", 28000, 28900);
}

static void what_is_not_banned_cannot_be_removed(void **state)
{
	struct said said;

	BAN("add", "192.0.2.7", "--user", "alice");
	said = BAN("remove", "192.0.2.7");
	assert_int_equal(said.code, CMD_FAILED);
	assert_true(*said.err);
	assert_int_equal(BAN("remove", "192.0.2.7", "--user", "alice").code, CMD_OK);
	assert_string_equal(BAN("list", "--json").out, "[]\n");
}

static void wrong_use_is_told(void **state)
{
	static const char *const times[] = {"0", "soon", "-5m", "off", "", "10 years"};

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		if (BAN("add", "192.0.2.7", "--for", times[i]).code != CMD_USAGE)
			fail_msg("--for \"%s\"", times[i]);
	assert_int_equal(BAN("add", "example.org").code, CMD_USAGE);
	assert_int_equal(BAN("add", "192.0.2.0/33").code, CMD_USAGE);
	assert_int_equal(BAN("add").code, CMD_USAGE);
	assert_int_equal(BAN("list", "192.0.2.7").code, CMD_USAGE);
	assert_int_equal(BAN("add", "192.0.2.7", "--user", "").code, CMD_USAGE);
	assert_non_null(strstr(BAN("remve", "192.0.2.7").err, "did you mean \"remove\"?"));
	assert_string_equal(BAN("list", "--json").out, "[]\n");
}

static void no_database_is_made_for_a_ban(void **state)
{
	struct state *s = *state;

	unlink(s->file);
	assert_int_equal(BAN("add", "192.0.2.7").code, CMD_FAILED);
	assert_int_equal(access(s->file, F_OK), -1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, state_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_address_is_banned_for_good),
		CASE(a_network_is_banned_as_one_user_for_a_time),
		CASE(an_ipv6_source_is_its_64),
		CASE(a_second_ban_replaces_the_first),
		CASE(what_is_not_banned_cannot_be_removed),
		CASE(wrong_use_is_told),
		CASE(no_database_is_made_for_a_ban),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
