// SPDX-License-Identifier: Apache-2.0
/* server/control/reload.c: all of it is good, or nothing changes; sites learn of it by letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "server/control/accounting.h"
#include "server/control/control.h"
#include "server/host/host.h"
#include "unit/server/rooms.h"

static char folder[64];
static struct rooms *r;
static struct control control;
static char next[600]; /* what is read again */

static int reread(void *arg, struct config **ret, struct config_error *ret_err)
{
	(void)arg;
	return config_parse("next", next, strlen(next), ret, ret_err);
}

static void write_next(const char *text)
{
	snprintf(next, sizeof(next), "[server]\nstate = %s\n%s", folder, text);
}

/* The certificates are made once: that is dear. */
static int make_folder(void **state)
{
	struct config *cfg;
	struct config_error err;
	struct tls_failure why = {0};

	(void)state;
	strcpy(folder, "/tmp/culvert-reload-XXXXXX");
	assert_non_null(mkdtemp(folder));
	write_next("");
	assert_int_equal(reread(NULL, &cfg, &err), 0);
	assert_int_equal(certificates_make(cfg, false, &why), 0);
	config_free(cfg);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void on_files(void *arg)
{
	(void)arg;
}

static int setup(void **state)
{
	struct tls_failure why;

	(void)state;
	write_next("max_sessions = 7\n");
	r = rooms_new(next);
	assert_int_equal(certificates_load(r->context.snapshot, &why), 0);
	control = (struct control){.context = &r->context, .reread = reread};
	assert_int_equal(accounting_new(&r->context, &control.accounting), 0);
	uv_loop_init(&control.loop);
	watch_init(&control.watch, &control.loop, on_files, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watch_close(&control.watch);
	uv_run(&control.loop, UV_RUN_DEFAULT);
	uv_loop_close(&control.loop);
	accounting_free(control.accounting);
	rooms_free(r);
	return 0;
}

static int sessions_at_most(const struct snapshot *s)
{
	return s->config->server.max_sessions;
}

/* Returns how many options changed; -1: refused, and `why` says so. */
static int reload(bool dry, char why[static 700])
{
	json_t *result = NULL;
	int n = -1;

	*why = '\0';
	if (reload_all(&control, dry, &result, why, 700) == 0)
		n = (int)json_array_size(json_object_get(result, "changes"));
	json_decref(result);
	return n;
}

static void nothing_changed(const struct snapshot *before)
{
	assert_ptr_equal(r->context.snapshot, before);
	rooms_deliver(r);
	for (unsigned i = 0; i < SITES; i++)
		assert_ptr_equal(r->sites[i]->snapshot, before);
}

static void sites_have_the_new_one_when_their_letter_comes(void **state)
{
	char why[700];

	(void)state;
	write_next("max_sessions = 9\n");
	assert_int_equal(reload(false, why), 1);
	assert_int_equal(sessions_at_most(r->context.snapshot), 9);
	assert_int_equal(sessions_at_most(r->sites[0]->snapshot), 7); /* not yet */
	rooms_deliver(r);
	for (unsigned i = 0; i < SITES; i++) {
		assert_ptr_equal(r->sites[i]->snapshot, r->context.snapshot);
		assert_non_null(r->sites[i]->snapshot->tls);
	}
}

static void a_dry_one_says_what_would_change_and_changes_nothing(void **state)
{
	struct snapshot *before = r->context.snapshot;
	char why[700];

	(void)state;
	write_next("max_sessions = 9\nlog = debug\n");
	assert_int_equal(reload(true, why), 2);
	nothing_changed(before);
}

static void what_waits_for_a_restart_keeps_its_value(void **state)
{
	char why[700];

	(void)state;
	write_next("max_sessions = 7\n[tunnel]\ntun = other\n");
	assert_int_equal(reload(false, why), 1);
	assert_string_equal(r->context.snapshot->config->tunnel.tun, "culvert0");
}

static void a_bad_file_changes_nothing(void **state)
{
	struct snapshot *before = r->context.snapshot;
	char why[700];

	(void)state;
	write_next("max_sessions = none\n");
	assert_int_equal(reload(false, why), -1);
	assert_non_null(strstr(why, "max_sessions"));
	nothing_changed(before);
}

static void a_certificate_that_is_not_there_changes_nothing(void **state)
{
	struct snapshot *before = r->context.snapshot;
	char why[700];

	(void)state;
	write_next("max_sessions = 9\n[tls]\ncertificate = /nowhere.crt\nkey = /nowhere.key\n");
	assert_int_equal(reload(false, why), -1);
	assert_non_null(strstr(why, "/nowhere.crt"));
	nothing_changed(before);
}

static void a_pool_that_a_restart_would_refuse_is_refused_now(void **state)
{
	struct snapshot *before = r->context.snapshot;
	char why[700];

	(void)state;
	write_next("[tunnel]\nipv4_pool = 127.0.0.0/8\n");
	assert_int_equal(reload(false, why), -1);
	assert_true(*why);
	nothing_changed(before);
}

static void without_a_file_there_is_nothing_to_read_again(void **state)
{
	struct snapshot *before = r->context.snapshot;
	char why[700];

	(void)state;
	control.reread = NULL;
	assert_int_equal(reload(false, why), -1);
	assert_non_null(strstr(why, "no configuration"));
	nothing_changed(before);
}

/* A file of a certificate was replaced: the configuration in force stays, whatever its file says. */
static void certificates_alone_leave_the_configuration(void **state)
{
	struct snapshot *before = r->context.snapshot;

	(void)state;
	write_next("max_sessions = 9\n");
	assert_int_equal(reload_certificates(&control), 0);
	rooms_deliver(r);
	assert_ptr_not_equal(r->context.snapshot, before);
	assert_int_equal(sessions_at_most(r->sites[1]->snapshot), 7);
	assert_true(*r->sites[1]->snapshot->pin);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sites_have_the_new_one_when_their_letter_comes),
		CASE(a_dry_one_says_what_would_change_and_changes_nothing),
		CASE(what_waits_for_a_restart_keeps_its_value),
		CASE(a_bad_file_changes_nothing),
		CASE(a_certificate_that_is_not_there_changes_nothing),
		CASE(a_pool_that_a_restart_would_refuse_is_refused_now),
		CASE(without_a_file_there_is_nothing_to_read_again),
		CASE(certificates_alone_leave_the_configuration),
	};

	return cmocka_run_group_tests_name(
		"server/control/reload", tests, make_folder, remove_folder);
}
