// SPDX-License-Identifier: Apache-2.0
/* os/privileges.c: each test gives its rights up in a child and looks at what is left. */
#include "netns.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "os/child.h"
#include "os/netlink.h"
#include "os/privileges.h"
#include "os/tun.h"

#define NEED_ROOT()                                                                                \
	do {                                                                                       \
		if (geteuid() != 0)                                                                \
			SKIP_FOR("there is nothing to give up without root");                      \
	} while (0)

/* Runs f in a child; its number of the first check that failed, 0 for none. */
static int in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool status_has(const char *line)
{
	char text[4096];
	int fd = open("/proc/thread-self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, line) != NULL;
}

static int as_nobody_with_net_admin(void)
{
	struct privileges_opts opts = {.user = "nobody", .net_admin = true};
	struct tun_opts tun_opts = {0};
	struct link_opts up = {.up = true};
	struct netlink *nl;
	struct tun *t;
	char out[2048];

	if (unshare(CLONE_NEWNET) < 0 || tun_new(&tun_opts, &t, NULL) < 0 ||
		privileges_drop(&opts, NULL) < 0)
		return 1;
	if (getuid() != 65534 || geteuid() != 65534 || getgid() == 0)
		return 2;
	if (!status_has("CapPrm:\t0000000000001000") || !status_has("CapEff:\t0000000000001000"))
		return 3;
	if (!status_has("NoNewPrivs:\t1") || setuid(0) == 0)
		return 4;
	if (open("/etc/shadow", O_RDONLY) >= 0)
		return 5;
	/* What it was kept for: the TUN was opened before, for /dev/net/tun may be root's alone. */
	if (netlink_new(&nl, NULL) < 0 || netlink_link_set(nl, tun_ifindex(t), &up, NULL) < 0)
		return 6;
	if (child_run((const char *const[]){"/bin/cat", "/proc/self/status", NULL}, NULL, out,
		    sizeof(out)) != 0 ||
		!strstr(out, "CapEff:\t0000000000001000"))
		return 7; /* nft needs it, too */
	return 0;
}

static void a_user_with_net_admin_can_do_that_and_nothing_else(void **state)
{
	NEED_ROOT();
	NEED_NOBODY();
	NEED_TUN();
	assert_int_equal(in_child(as_nobody_with_net_admin), 0);
}

static int as_nobody_with_nothing(void)
{
	struct privileges_opts opts = {.user = "65534"}; /* a number is as good as a name */

	if (privileges_drop(&opts, NULL) < 0)
		return 1;
	if (!status_has("CapPrm:\t0000000000000000") || !status_has("CapBnd:\t0000000000000000") ||
		!status_has("CapAmb:\t0000000000000000"))
		return 2;
	return status_has("CapEff:\t0000000000000000") ? 0 : 3;
}

static void a_user_without_rights_has_none(void **state)
{
	NEED_ROOT();
	NEED_NOBODY();
	assert_int_equal(in_child(as_nobody_with_nothing), 0);
}

static int as_root_with_net_admin_and_bpf(void)
{
	struct privileges_opts opts = {.net_admin = true, .bpf = true};

	if (privileges_drop(&opts, NULL) < 0 || getuid() != 0)
		return 1;
	if (!status_has("CapEff:\t0000008000001000") || !status_has("CapBnd:\t0000008000001000"))
		return 2;
	return setuid(65534) == 0 ? 3 : 0;
}

static void root_stays_root_with_two_rights_left(void **state)
{
	NEED_ROOT();
	assert_int_equal(in_child(as_root_with_net_admin_and_bpf), 0);
}

static int as_nobody_known(void)
{
	struct privileges_opts opts = {.user = "no-such-user-here"};
	struct os_failure why = {0};

	if (privileges_drop(&opts, &why) != -ENOENT || why.event != EV_PRIVILEGES_NOT_DROPPED)
		return 1;
	return strstr(why.text, "no-such-user-here") ? 0 : 2;
}

static void an_unknown_user_is_named(void **state)
{
	NEED_ROOT();
	assert_int_equal(in_child(as_nobody_known), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_with_net_admin_can_do_that_and_nothing_else),
		cmocka_unit_test(a_user_without_rights_has_none),
		cmocka_unit_test(root_stays_root_with_two_rights_left),
		cmocka_unit_test(an_unknown_user_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
