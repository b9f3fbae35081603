// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/cert_watch.c: a renewal is seen in each of the ways in which programs write files, and
 * nothing else is. Real files and inotify; waits are bounded, and none is a measure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "server/control/cert_watch.h"

static char folder[64];
static uv_loop_t loop;
static struct watch watch;
static unsigned changes;
static struct config *cfg;

static void on_change(void *arg)
{
	assert_ptr_equal(arg, &loop);
	changes++;
}

static const char *at(const char *name)
{
	static char path[4][200];
	static unsigned i;
	char *p = path[i++ % 4];

	snprintf(p, 200, "%s/%s", folder, name);
	return p;
}

static void put(const char *name, const char *text)
{
	int fd = open(at(name), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void configure(const char *text)
{
	struct config_error err;

	config_free(cfg);
	if (config_parse("test", text, strlen(text), &cfg, &err) < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/culvert-watch-XXXXXX");
	assert_non_null(mkdtemp(folder));
	uv_loop_init(&loop);
	watch_init(&watch, &loop, on_change, &loop);
	changes = 0;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	watch_close(&watch);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	config_free(cfg);
	cfg = NULL;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Turns of the loop until so many changes were reported. */
static void wait_for(unsigned n)
{
	for (int i = 0; changes < n && i < 3000; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(10000);
	}
	assert_int_equal(changes, n);
}

/* Events that are there, and the time in which they settle. */
static void settle(void)
{
	for (int i = 0; i < 80; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(10000);
	}
}

static void begin_given(void)
{
	char text[500];

	put("a.crt", "cert");
	put("a.key", "key");
	snprintf(text, sizeof(text), "[tls]\ncertificate = %s\nkey = %s\n", at("a.crt"),
		at("a.key"));
	configure(text);
	watch_files(&watch, cfg, NULL);
}

static void a_file_that_is_written_again_is_seen_once(void **state)
{
	(void)state;
	begin_given();
	put("a.crt", "longer cert");
	put("a.key", "longer key"); /* both belong to one renewal */
	wait_for(1);
	settle();
	assert_int_equal(changes, 1);
}

static void a_file_that_is_replaced_is_seen_each_time(void **state)
{
	(void)state;
	begin_given();
	for (unsigned i = 1; i <= 2; i++) {
		put("new", i == 1 ? "second" : "third one");
		assert_int_equal(rename(at("new"), at("a.crt")), 0);
		wait_for(i);
	}
}

static void other_files_of_the_folder_are_no_renewal(void **state)
{
	(void)state;
	begin_given();
	put("other", "x");
	put("another", "y");
	settle();
	assert_int_equal(changes, 0);
}

/* certbot: live/a.crt is a link into archive/, and is made to point elsewhere. */
static void a_link_that_points_elsewhere_is_seen(void **state)
{
	char text[500];

	(void)state;
	mkdir(at("live"), 0700);
	mkdir(at("archive"), 0700);
	put("archive/1.crt", "first");
	put("archive/2.crt", "second, longer");
	put("live/a.key", "key");
	assert_int_equal(symlink("../archive/1.crt", at("live/a.crt")), 0);
	snprintf(text, sizeof(text), "[tls]\ncertificate = %s\nkey = %s\n", at("live/a.crt"),
		at("live/a.key"));
	configure(text);
	watch_files(&watch, cfg, NULL);
	assert_int_equal(symlink("../archive/2.crt", at("live/new")), 0);
	assert_int_equal(rename(at("live/new"), at("live/a.crt")), 0);
	wait_for(1);
}

static void what_a_link_points_to_is_watched_too(void **state)
{
	char text[500];

	(void)state;
	mkdir(at("live"), 0700);
	mkdir(at("archive"), 0700);
	put("archive/1.crt", "first");
	put("live/a.key", "key");
	assert_int_equal(symlink("../archive/1.crt", at("live/a.crt")), 0);
	snprintf(text, sizeof(text), "[tls]\ncertificate = %s\nkey = %s\n", at("live/a.crt"),
		at("live/a.key"));
	configure(text);
	watch_files(&watch, cfg, NULL);
	put("archive/1.crt", "first, renewed");
	wait_for(1);
}

/* Beside the generated ones lies the database, which is written at each login. */
static void generated_ones_are_watched_without_their_folder(void **state)
{
	char text[200];

	(void)state;
	put("server-p256.crt", "c");
	put("server.key", "k");
	put("server-rsa.crt", "c");
	put("server-rsa.key", "k");
	snprintf(text, sizeof(text), "[server]\nstate = %s\n", folder);
	configure(text);
	watch_files(&watch, cfg, NULL);
	for (size_t i = 0; i < watch.n_places; i++)
		assert_true(watch.places[i].is_file);
	put("culvert.db", "login");
	settle();
	assert_int_equal(changes, 0);
	put("new", "another certificate");
	assert_int_equal(rename(at("new"), at("server-p256.crt")), 0);
	wait_for(1);
	put("server-p256.crt", "and one more, in the file that took its place");
	wait_for(2);
}

static void what_is_watched_is_replaced_whole(void **state)
{
	char text[500];

	(void)state;
	begin_given();
	mkdir(at("b"), 0700);
	put("b/b.crt", "x");
	put("b/b.key", "x");
	snprintf(text, sizeof(text), "[tls]\ncertificate = %s\nkey = %s\n", at("b/b.crt"),
		at("b/b.key"));
	configure(text);
	watch_files(&watch, cfg, NULL);
	put("a.crt", "no longer ours");
	settle();
	assert_int_equal(changes, 0);
	put("b/b.crt", "renewed");
	wait_for(1);
}

/* Neither fails at the start; both are seen when they come. */
static void a_file_that_is_not_there_yet_is_seen_when_it_comes(void **state)
{
	char text[500];

	(void)state;
	snprintf(text, sizeof(text), "[tls]\ncertificate = %s\nkey = %s\n", at("a.crt"),
		at("a.key"));
	configure(text);
	watch_files(&watch, cfg, NULL);
	put("a.crt", "cert");
	put("a.key", "key");
	wait_for(1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_file_that_is_written_again_is_seen_once),
		CASE(a_file_that_is_replaced_is_seen_each_time),
		CASE(other_files_of_the_folder_are_no_renewal),
		CASE(a_link_that_points_elsewhere_is_seen),
		CASE(what_a_link_points_to_is_watched_too),
		CASE(generated_ones_are_watched_without_their_folder),
		CASE(what_is_watched_is_replaced_whole),
		CASE(a_file_that_is_not_there_yet_is_seen_when_it_comes),
	};

	return cmocka_run_group_tests_name("server/control/cert_watch", tests, NULL, NULL);
}
