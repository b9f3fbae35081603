// SPDX-License-Identifier: Apache-2.0
/*
 * os/resolver.c in a root of its own under /tmp; resolvconf is a script there that writes down how it
 * was called.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/resolver.h"

static char root[64];

static void sh(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

/* A folder whose file system takes programs: /tmp may be mounted noexec. */
static bool takes_programs(const char *folder)
{
	char path[64];
	FILE *f;
	bool takes;

	snprintf(path, sizeof(path), "%s/true", folder);
	f = fopen(path, "w");
	if (!f)
		return false;
	fputs("#!/bin/sh\n", f);
	fclose(f);
	takes = !chmod(path, 0700) && !access(path, X_OK);
	unlink(path);
	return takes;
}

static int setup(void **state)
{
	static const char *const folders[] = {"/tmp", "/var/tmp", "/dev/shm", "/run"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(root, sizeof(root), "%s/culvert-resolver-XXXXXX", folders[i]);
		if (mkdtemp(root) && takes_programs(root))
			break;
		rmdir(root);
		*root = '\0';
	}
	if (!*root) {
		print_message("no folder for temporary files takes programs\n");
		return -1;
	}
	sh("mkdir -p %s/etc %s/usr/bin %s/run", root, root, root);
	return 0;
}

static int teardown(void **state)
{
	sh("rm -rf %s", root);
	return 0;
}

static void put(const char *path, const char *text)
{
	char full[128];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The file's contents; "" when it is not there. */
static const char *get(const char *path)
{
	static char text[4096];
	char full[128];
	size_t n = 0;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	f = fopen(full, "r");
	if (f) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

static void fake(const char *program)
{
	char script[256], path[64];

	snprintf(path, sizeof(path), "/usr/bin/%s", program);
	snprintf(script, sizeof(script),
		"#!/bin/sh\necho \"%s $*\" >>%s/log\n[ -t 0 ] || cat >>%s/log\n", program, root,
		root);
	put(path, script);
	sh("chmod +x %s/usr/bin/%s", root, program);
}

static int set(struct resolver **ret, struct os_failure *why)
{
	static struct addr servers[2];
	struct resolver_opts opts = {.root = root,
		.ifname = "culvert0",
		.servers = servers,
		.n_servers = 2,
		.all_names = true};

	assert_int_equal(addr_parse("10.1.0.1", &servers[0]), 0);
	assert_int_equal(addr_parse("fd00::1", &servers[1]), 0);
	return resolver_set(&opts, ret, why);
}

/* --- the server's side ------------------------------------------------------------------- */

static void expect_upstreams(const char *all)
{
	struct addr a[4];
	char text[256] = "", one[ADDR_TEXT_LEN];
	size_t n = resolver_upstreams(root, a, 4);

	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			addr_format(&a[i], one));
	assert_string_equal(text, all);
}

static void loopback_and_link_local_servers_are_no_upstreams(void **state)
{
	put("/etc/resolv.conf",
		"# made by hand\nsearch example.org\nnameserver 127.0.0.53\n"
		"nameserver ::1\nnameserver fe80::1%eth0\nnameserver fe80::1\n"
		"nameserver 169.254.1.1\nnameserver 0.0.0.0\n; nameserver 9.9.9.8\n"
		"nameserver nonsense\n  nameserver\t192.0.2.53\nnameserver 2001:db8::53 # x\n"
		"nameserver 192.0.2.53\n");
	expect_upstreams("192.0.2.53 2001:db8::53");
}

static void the_servers_behind_resolved_are_found(void **state)
{
	put("/etc/resolv.conf", "nameserver 127.0.0.53\n");
	expect_upstreams("");
	sh("mkdir -p %s/run/systemd/resolve", root);
	put("/run/systemd/resolve/resolv.conf",
		"nameserver 198.51.100.1\nnameserver 198.51.100.2\n");
	expect_upstreams("198.51.100.1 198.51.100.2");
}

static void an_empty_list_of_resolved_leaves_the_usual_file(void **state)
{
	sh("mkdir -p %s/run/systemd/resolve", root);
	put("/run/systemd/resolve/resolv.conf", "# nothing\n");
	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	expect_upstreams("192.0.2.1");
}

static void no_more_servers_are_written_than_fit(void **state)
{
	put("/etc/resolv.conf", "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
				"nameserver 192.0.2.4\nnameserver 192.0.2.5\n");
	expect_upstreams("192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4");
}

/* --- the three ways ---------------------------------------------------------------------- */

static void resolved_is_left_alone_when_nobody_asks_it(void **state)
{
	struct resolver *r;

	fake("resolvectl");
	sh("mkdir -p %s/run/systemd/resolve", root);
	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(set(&r, NULL), 0);
	assert_int_equal(resolver_way(r), RESOLVER_FILE);
	assert_string_equal(get("/log"), "");
	resolver_restore(r);
}

static void resolvconf_gets_a_record_and_loses_it(void **state)
{
	struct resolver *r;

	fake("resolvconf");
	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(set(&r, NULL), 0);
	assert_int_equal(resolver_way(r), RESOLVER_RESOLVCONF);
	assert_string_equal(get("/log"),
		"resolvconf -a tun0.culvert0\nnameserver 10.1.0.1\nnameserver fd00::1\n");
	resolver_restore(r);
	assert_non_null(strstr(get("/log"), "resolvconf -d tun0.culvert0\n"));
	assert_string_equal(get("/etc/resolv.conf"), "nameserver 192.0.2.1\n");
}

/* A program that fails with these words. */
static void broken(const char *program, const char *condition)
{
	char script[512], path[64];

	snprintf(path, sizeof(path), "/usr/bin/%s", program);
	snprintf(script, sizeof(script),
		"#!/bin/sh\necho \"%s $*\" >>%s/log\n%s && { echo no such luck >&2; exit 1; }\n:\n",
		program, root, condition);
	put(path, script);
	sh("chmod +x %s/usr/bin/%s", root, program);
}

static void leads_to_resolved(void)
{
	sh("mkdir -p %s/run/systemd/resolve && ln -s ../run/systemd/resolve/stub-resolv.conf "
	   "%s/etc/resolv.conf",
		root, root);
	put("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n");
}

/* systemd's package: resolvconf is a link to resolvectl, by one step or by several, or the same file. */
static void systemds_resolvconf_is_no_resolvconf(void **state)
{
	static const char *const made[] = {"ln -s resolvectl %s/usr/bin/resolvconf",
		"ln -s ../bin/resolvectl %1$s/usr/sbin/resolvconf",
		"ln -s %1$s/usr/bin/resolvectl %1$s/usr/sbin/resolvconf",
		"cd %s/usr/sbin; ln -s ../bin/resolvectl ../other; ln -s ../other resolvconf",
		"ln %1$s/usr/bin/resolvectl %1$s/usr/sbin/resolvconf"};

	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		struct resolver *r;

		sh("rm -rf %1$s/* && mkdir -p %1$s/etc/alternatives %1$s/usr/bin %1$s/usr/sbin %1$s/run",
			root);
		fake("resolvectl");
		sh(made[i], root);
		put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
		assert_int_equal(set(&r, NULL), 0);
		assert_int_equal(resolver_way(r), RESOLVER_FILE);
		assert_string_equal(resolver_passed_over(r), "");
		assert_string_equal(get("/log"), "");
		resolver_restore(r);
		assert_string_equal(get("/etc/resolv.conf"), "nameserver 192.0.2.1\n");
	}
}

static void a_resolvconf_of_its_own_beside_resolvectl_is_used(void **state)
{
	struct resolver *r;

	fake("resolvectl");
	fake("resolvconf");
	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(set(&r, NULL), 0);
	assert_int_equal(resolver_way(r), RESOLVER_RESOLVCONF);
	resolver_restore(r);
}

static void a_way_that_fails_is_named_and_the_next_one_used(void **state)
{
	struct resolver *r;

	broken("resolvconf", "[ \"$1\" = -a ]");
	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(set(&r, NULL), 0);
	assert_int_equal(resolver_way(r), RESOLVER_FILE);
	assert_non_null(strstr(resolver_passed_over(r), "resolvconf: "));
	assert_non_null(strstr(resolver_passed_over(r), "no such luck"));
	assert_string_equal(get("/log"),
		"resolvconf -a tun0.culvert0\nresolvconf -d tun0.culvert0\n"); /* nothing half done */
	resolver_restore(r);
	assert_string_equal(get("/etc/resolv.conf"), "nameserver 192.0.2.1\n");
}

/* There is no system bus here; with a real one see tests/net/test_resolved.py. */
static void resolved_that_fails_leads_to_resolvconf(void **state)
{
	struct resolver *r;

	leads_to_resolved();
	fake("resolvconf");
	assert_int_equal(set(&r, NULL), 0);
	assert_int_equal(resolver_way(r), RESOLVER_RESOLVCONF);
	assert_non_null(strstr(resolver_passed_over(r), "systemd-resolved: "));
	assert_false(resolver_splits(r));
	resolver_restore(r);
	assert_non_null(strstr(get("/log"), "resolvconf -d tun0.culvert0\n"));
}

static int set_domains(size_t n, struct resolver **ret)
{
	static const char *const domains[] = {"corp.example", "xn--mller-kva.example"};
	struct addr server;
	struct resolver_opts opts = {.root = root,
		.ifname = "culvert0",
		.servers = &server,
		.n_servers = 1,
		.domains = domains,
		.n_domains = n};

	assert_int_equal(addr_parse("10.1.0.1", &server), 0);
	return resolver_set(&opts, ret, NULL);
}

static void the_files_search_list_becomes_the_tunnels(void **state)
{
	static const char original[] = "domain a.example\nsearch b.example\nnameserver 192.0.2.1\n"
				       "options rotate\n";
	struct resolver *r;
	const char *now;

	put("/etc/resolv.conf", original);
	assert_int_equal(set_domains(2, &r), 0);
	now = get("/etc/resolv.conf");
	assert_non_null(strstr(now, "\nnameserver 10.1.0.1\nsearch corp.example "
				    "xn--mller-kva.example\noptions rotate\n"));
	assert_null(strstr(now, "a.example\n"
				"search b"));
	assert_null(strstr(now, "b.example"));
	resolver_restore(r);
	assert_string_equal(get("/etc/resolv.conf"), original);
}

static void resolvconfs_record_has_the_search_list(void **state)
{
	struct resolver *r;

	fake("resolvconf");
	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(set_domains(1, &r), 0);
	assert_string_equal(get("/log"), "resolvconf -a tun0.culvert0\nnameserver 10.1.0.1\n"
					 "search corp.example\n");
	resolver_restore(r);
}

static void the_file_is_the_last_way_also_where_it_is_resolveds_link(void **state)
{
	struct resolver *r;

	leads_to_resolved();
	fake("resolvectl");
	sh("ln -s resolvectl %s/usr/bin/resolvconf", root);
	assert_int_equal(set(&r, NULL), 0);
	assert_int_equal(resolver_way(r), RESOLVER_FILE);
	assert_non_null(strstr(get("/etc/resolv.conf"), "\nnameserver 10.1.0.1\n"));
	assert_string_equal(
		get("/run/systemd/resolve/stub-resolv.conf"), "nameserver 127.0.0.53\n");
	resolver_restore(r);
	sh("test \"$(readlink %s/etc/resolv.conf)\" = ../run/systemd/resolve/stub-resolv.conf",
		root);
}

static void when_no_way_works_each_is_named(void **state)
{
	struct os_failure why = {0};
	struct resolver *r = NULL;

	leads_to_resolved();
	broken("resolvconf", "true");
	sh("mkdir %s/etc/resolv.conf.culvert", root); /* the original cannot be kept */
	assert_true(set(&r, &why) < 0);
	assert_int_equal(why.event, EV_DNS_NOT_SET);
	assert_non_null(strstr(why.text, "systemd-resolved: "));
	assert_non_null(strstr(why.text, "; resolvconf: "));
	assert_non_null(strstr(why.text, "; /etc/resolv.conf: "));
	assert_null(r);
	sh("test \"$(readlink %s/etc/resolv.conf)\" = ../run/systemd/resolve/stub-resolv.conf",
		root);
}

/* --- the file ---------------------------------------------------------------------------- */

static void the_file_keeps_its_other_lines_and_comes_back_as_it_was(void **state)
{
	static const char original[] = "search example.org\nnameserver 192.0.2.1\noptions rotate\n";
	struct resolver *r;
	const char *now;

	put("/etc/resolv.conf", original);
	sh("chmod 640 %s/etc/resolv.conf", root);
	assert_int_equal(set(&r, NULL), 0);
	assert_int_equal(resolver_way(r), RESOLVER_FILE);
	now = get("/etc/resolv.conf");
	assert_non_null(
		strstr(now, "\nnameserver 10.1.0.1\nnameserver fd00::1\nsearch example.org\n"
			    "options rotate\n"));
	assert_null(strstr(now, "192.0.2.1"));
	resolver_restore(r);
	assert_string_equal(get("/etc/resolv.conf"), original);
	sh("test \"$(stat -c %%a %s/etc/resolv.conf)\" = 640 && test $(ls %s/etc | wc -l) = 1",
		root, root);
}

static void a_symbolic_link_comes_back_as_one(void **state)
{
	struct resolver *r;

	put("/run/other.conf", "nameserver 192.0.2.1\n");
	sh("ln -s ../run/other.conf %s/etc/resolv.conf", root);
	assert_int_equal(set(&r, NULL), 0);
	assert_string_equal(get("/run/other.conf"), "nameserver 192.0.2.1\n");
	resolver_restore(r);
	sh("test \"$(readlink %s/etc/resolv.conf)\" = ../run/other.conf", root);
}

static void where_there_was_no_file_there_is_none_afterwards(void **state)
{
	struct resolver *r;

	assert_int_equal(set(&r, NULL), 0);
	assert_non_null(strstr(get("/etc/resolv.conf"), "nameserver 10.1.0.1"));
	resolver_restore(r);
	sh("test -z \"$(ls %s/etc)\"", root);
}

static void what_somebody_else_wrote_meanwhile_stays(void **state)
{
	struct resolver *r;

	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(set(&r, NULL), 0);
	put("/etc/resolv.conf", "nameserver 192.0.2.99\n");
	resolver_restore(r);
	assert_string_equal(get("/etc/resolv.conf"), "nameserver 192.0.2.99\n");
	sh("test $(ls %s/etc | wc -l) = 1", root);
}

/* Sets DNS in a child; returns its pid. It is gone without restoring, or waits to be killed. */
static pid_t set_in_child(bool stay)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct resolver *r;

		c = set(&r, NULL) == 0 ? 'y' : 'n';
		if (write(ready[1], &c, 1) == 1 && stay)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	close(ready[0]);
	close(ready[1]);
	if (!stay)
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void what_a_killed_process_left_is_put_back_at_the_next_start(void **state)
{
	struct os_failure why = {0};

	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(resolver_recover(root, NULL), 0);
	set_in_child(false);
	assert_non_null(strstr(get("/etc/resolv.conf"), "10.1.0.1"));
	assert_int_equal(resolver_recover(root, &why), 1);
	assert_non_null(strstr(why.text, "interface=culvert0"));
	assert_string_equal(get("/etc/resolv.conf"), "nameserver 192.0.2.1\n");
	assert_int_equal(resolver_recover(root, NULL), 0);
	sh("test $(ls %s/etc | wc -l) = 1", root);
}

static void setting_after_a_killed_process_keeps_the_true_original(void **state)
{
	struct resolver *r;

	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	set_in_child(false);
	assert_int_equal(set(&r, NULL), 0);
	resolver_restore(r);
	assert_string_equal(get("/etc/resolv.conf"), "nameserver 192.0.2.1\n");
}

static void a_living_processs_file_is_left_alone(void **state)
{
	struct os_failure why = {0};
	struct resolver *r = NULL;
	pid_t pid;

	put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
	pid = set_in_child(true);
	assert_int_equal(resolver_recover(root, NULL), 0);
	assert_int_equal(set(&r, &why), -EBUSY);
	assert_int_equal(why.event, EV_DNS_BUSY);
	kill(pid, SIGKILL);
	/* It has ended, but its parent has not collected it: the next start does not wait for that. */
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_int_equal(resolver_recover(root, NULL), 1);
	waitpid(pid, NULL, 0);
	assert_string_equal(get("/etc/resolv.conf"), "nameserver 192.0.2.1\n");
}

/* The number of a dead process may belong to another one by now. */
static void a_reused_process_number_does_not_count_as_alive(void **state)
{
	char mark[128];

	snprintf(mark, sizeof(mark), "# culvert %ld 1 culvert0: x\nnameserver 10.1.0.1\n",
		(long)getpid());
	put("/etc/resolv.conf", mark);
	put("/etc/resolv.conf.culvert", "nameserver 192.0.2.1\n");
	assert_int_equal(resolver_recover(root, NULL), 1);
	assert_string_equal(get("/etc/resolv.conf"), "nameserver 192.0.2.1\n");
}

/* A container's resolv.conf is a mount: it can be written but not replaced. */
static void a_mounted_file_is_rewritten_in_place(void **state)
{
	char command[256];
	struct resolver *r;

	put("/etc/resolv.conf", "");
	put("/mounted", "nameserver 192.0.2.1\n");
	snprintf(command, sizeof(command), "mount --bind %s/mounted %s/etc/resolv.conf 2>/dev/null",
		root, root);
	if (geteuid() != 0 || system(command) != 0) {
		print_message("skipped: no bind mount without root\n");
		skip();
	}
	assert_int_equal(set(&r, NULL), 0);
	assert_non_null(strstr(get("/mounted"), "nameserver 10.1.0.1"));
	resolver_restore(r);
	assert_string_equal(get("/mounted"), "nameserver 192.0.2.1\n");
	sh("umount %s/etc/resolv.conf && test $(ls %s/etc | wc -l) = 1", root, root);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loopback_and_link_local_servers_are_no_upstreams),
		TEST(the_servers_behind_resolved_are_found),
		TEST(an_empty_list_of_resolved_leaves_the_usual_file),
		TEST(no_more_servers_are_written_than_fit),
		TEST(resolved_is_left_alone_when_nobody_asks_it),
		TEST(resolvconf_gets_a_record_and_loses_it),
		TEST(systemds_resolvconf_is_no_resolvconf),
		TEST(a_resolvconf_of_its_own_beside_resolvectl_is_used),
		TEST(a_way_that_fails_is_named_and_the_next_one_used),
		TEST(resolved_that_fails_leads_to_resolvconf),
		TEST(the_files_search_list_becomes_the_tunnels),
		TEST(resolvconfs_record_has_the_search_list),
		TEST(the_file_is_the_last_way_also_where_it_is_resolveds_link),
		TEST(when_no_way_works_each_is_named),
		TEST(the_file_keeps_its_other_lines_and_comes_back_as_it_was),
		TEST(a_symbolic_link_comes_back_as_one),
		TEST(where_there_was_no_file_there_is_none_afterwards),
		TEST(what_somebody_else_wrote_meanwhile_stays),
		TEST(what_a_killed_process_left_is_put_back_at_the_next_start),
		TEST(setting_after_a_killed_process_keeps_the_true_original),
		TEST(a_living_processs_file_is_left_alone),
		TEST(a_reused_process_number_does_not_count_as_alive),
		TEST(a_mounted_file_is_rewritten_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
