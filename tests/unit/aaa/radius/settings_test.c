// SPDX-License-Identifier: Apache-2.0
/* The section [radius]: its servers, and secrets in files as people and their editors write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aaa/radius/settings.h"

static char path[2][64];
static struct config_error err;

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd;

		strcpy(path[i], "/tmp/culvert-radius-XXXXXX");
		fd = mkstemp(path[i]);
		assert_true(fd >= 0);
		close(fd);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		unlink(path[i]);
	return 0;
}

static void put(const char *at, const void *octets, size_t n)
{
	int fd = open(at, O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, octets, n), n);
	close(fd);
}

/* *ret is NULL when the result is negative. */
static int load(const char *section, struct radius_settings **ret)
{
	struct config *cfg;
	char text[2000];
	int r;

	*ret = NULL;
	snprintf(text, sizeof(text), "[radius]\n%s", section);
	if (config_parse("test", text, strlen(text), &cfg, &err) < 0)
		return -EBADMSG;
	r = radius_settings_load(cfg, "host", ret, &err);
	config_free(cfg);
	return r;
}

static int load_with(const char *servers, const char *files, struct radius_settings **ret)
{
	char section[600];

	snprintf(section, sizeof(section), "%s\nsecret_file = %s\n", servers, files);
	return load(section, ret);
}

static int secret_is(const void *octets, size_t n, struct radius_secret *ret)
{
	struct radius_settings *s;
	int r;

	put(path[0], octets, n);
	r = load_with("servers = 192.0.2.9", path[0], &s);
	if (!r)
		*ret = s->peer[RADIUS_AUTH].server[0].secret;
	radius_settings_unref(s);
	return r;
}

static void a_secret_is_one_line_of_any_octets(void **state)
{
	static const char *const good[] = {
		"testing123", "testing123\n", "testing123\r\n", "testing123\n\n"};
	struct radius_secret s;
	char much[RADIUS_SECRET_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(secret_is(good[i], strlen(good[i]), &s), 0);
		assert_int_equal(s.len, 10);
		assert_memory_equal(s.octets, "testing123", 10);
	}
	assert_int_equal(secret_is(" a b ", 5, &s), 0);
	assert_int_equal(s.len, 5);
	assert_int_equal(secret_is("gr\xfc\xdf", 4, &s), 0); /* Latin-1 at the other end, too */
	memset(much, 'x', sizeof(much));
	assert_int_equal(secret_is(much, RADIUS_SECRET_MAX, &s), 0);
	assert_int_equal(s.len, RADIUS_SECRET_MAX);
	assert_int_equal(secret_is(much, RADIUS_SECRET_MAX + 1, &s), -EINVAL);
}

/* Each of these would be another secret than the one that was typed, and no request would be answered. */
static void marks_zeros_and_other_lines_are_refused(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *words;
	} rows[] = {
		{"", 0, "one line"},
		{"\n", 1, "one line"},
		{"a\nb\n", 4, "one line"},
		{"\xef\xbb\xbf"
		 "abc\n",
			7, "byte order mark"},
		{"\xff\xfe"
		 "a\0b\0",
			6, "UTF-16"},
		{"\xfe\xff"
		 "\0a\0b",
			6, "UTF-16"},
		{"a\0b\0c\0", 6, "UTF-16"},
		{"secret\0x", 8, "value zero"},
	};
	struct radius_secret s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(secret_is(rows[i].octets, rows[i].n, &s), -EINVAL);
		assert_non_null(strstr(err.text, "secret_file"));
		if (!strstr(err.text, rows[i].words))
			fail_msg("%zu: %s", i, err.text);
	}
}

static void each_server_has_the_secret_of_its_place_and_address(void **state)
{
	struct radius_settings *s;
	char files[200];

	(void)state;
	put(path[0], "one", 3);
	put(path[1], "two", 3);
	snprintf(files, sizeof(files), "%s %s", path[0], path[1]);
	assert_int_equal(
		load_with("servers = 192.0.2.1 192.0.2.2\naccounting = 192.0.2.2", files, &s), 0);
	assert_memory_equal(s->peer[RADIUS_AUTH].server[0].secret.octets, "one", 3);
	assert_memory_equal(s->peer[RADIUS_AUTH].server[1].secret.octets, "two", 3);
	assert_memory_equal(s->peer[RADIUS_ACCT].server[0].secret.octets, "two", 3);
	assert_int_equal(s->address[RADIUS_AUTH][0].port, 1812);
	assert_int_equal(s->address[RADIUS_ACCT][0].port, 1813);
	assert_string_equal(s->nas_identifier, "host");
	radius_settings_unref(s);
	assert_int_equal(load_with("servers = 192.0.2.1 192.0.2.2 192.0.2.3", files, &s), -EINVAL);
	assert_non_null(strstr(err.text, "192.0.2.3"));
	assert_int_equal(load("servers = 192.0.2.1\n", &s), -EINVAL);
	assert_int_equal(load("servers = 192.0.2.1\nsecret_file = /no/such/file\n", &s), -EINVAL);
	assert_non_null(strstr(err.text, "/no/such/file"));
}

static void servers_are_addresses_and_no_two_are_one(void **state)
{
	static const char *const bad[] = {"servers = radius.example", "servers = 192.0.2.1:0",
		"servers = 192.0.2.1:65536", "servers = :1812", "servers = [2001:db8::1",
		"servers = 192.0.2.1 192.0.2.1:1812", "servers = 192.0.2.1\nweights = 1 2",
		"servers = 192.0.2.1\nweights = -1", "servers = 192.0.2.1\nweights = x",
		"servers = 192.0.2.1\nweights = 1001"};
	struct radius_settings *s;

	(void)state;
	put(path[0], "x", 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (load_with(bad[i], path[0], &s) != -EINVAL)
			fail_msg("%s", bad[i]);
	assert_int_equal(load_with("servers = [2001:db8::1]:1645 192.0.2.1", path[0], &s), 0);
	assert_int_equal(s->address[RADIUS_AUTH][0].port, 1645);
	radius_settings_unref(s);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_secret_is_one_line_of_any_octets),
		CASE(marks_zeros_and_other_lines_are_refused),
		CASE(each_server_has_the_secret_of_its_place_and_address),
		CASE(servers_are_addresses_and_no_two_are_one),
	};

	return cmocka_run_group_tests_name("aaa/radius/settings", tests, NULL, NULL);
}
