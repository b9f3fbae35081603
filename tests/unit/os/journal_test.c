// SPDX-License-Identifier: Apache-2.0
/* What the journal gets, read from a socket in the place of journald's, in a mount namespace of our own. */
#include "hexlit.h"

#include "os/journal.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int journald = -1;

static int stand_in_for_journald(void **state)
{
	struct sockaddr_un sa = {AF_UNIX, "/run/systemd/journal/socket"};

	(void)state;
	if (!journal_writer() || unshare(CLONE_NEWNS) < 0)
		return 0; /* without root the cases are skipped */
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("none", "/run", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir("/run/systemd", 0755) | mkdir("/run/systemd/journal", 0755), 0);
	journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(journald, (struct sockaddr *)&sa, sizeof(sa));
}

static void the_message_says_whose_it_is_and_is_one_line(void **state)
{
	const struct log_scope scope = {.session = 7, .peer = "192.0.2.1:50000"};
	char got[4096] = "";
	ssize_t n;

	(void)state;
	if (journald < 0)
		skip();
	log_form(LOG_FORM_TEXT, journal_writer());
	log_event(&scope, EV_AUTH_WRONG_PASSWORD, "user=\"%s\"", "x\nMESSAGE=y\x1b\" user=\"root");
	n = recv(journald, got, sizeof(got) - 1, 0);
	assert_true(n > 0);
	assert_non_null(strstr(got, "MESSAGE=4"));
	assert_non_null(strstr(got,
		" session=7 peer=192.0.2.1:50000 user=\"x\\x0aMESSAGE=y\\x1b\\\" user=\\\"root\"\n"));
	assert_null(strstr(got, "\nMESSAGE=y"));
	assert_non_null(strstr(got, "CULVERT_PEER=192.0.2.1:50000"));
	log_event(NULL, EV_SERVER_STOPPING, "signal=%d", 15);
	n = recv(journald, got, sizeof(got) - 1, 0);
	assert_true(n > 0);
	assert_null(strstr(got, "session=7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_message_says_whose_it_is_and_is_one_line),
	};

	return cmocka_run_group_tests_name("os/journal", tests, stand_in_for_journald, NULL);
}
