// SPDX-License-Identifier: Apache-2.0
/* server/host/listeners.c: one socket for each worker and address, made here or by the manager. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/wait.h>

#include "os/socket.h"
#include "unit/server/host/host.h"

static struct {
	unsigned worker;
	int fd;
	bool clear;
} taken[16];
static unsigned n_taken;

static void take(void *arg, unsigned worker, int fd, bool clear)
{
	assert_ptr_equal(arg, &host);
	taken[n_taken].worker = worker;
	taken[n_taken].fd = fd;
	taken[n_taken++].clear = clear;
}

static int setup(void **state)
{
	n_taken = 0;
	host_setup(state);
	context.n_sites = 2;
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < n_taken; i++)
		close(taken[i].fd);
	return host_teardown(state);
}

static uint16_t port_of(int fd)
{
	struct endpoint at;

	assert_int_equal(socket_local(fd, &at), 0);
	return at.port;
}

static void workers_share_the_port_of_an_address(void **state)
{
	char ready[64];

	(void)state;
	configure("listen = 127.0.0.1:0\n");
	assert_int_equal(host_listen(&host, take, &host), 0);
	assert_int_equal(n_taken, 2);
	assert_int_equal(taken[0].worker, 0);
	assert_int_equal(taken[1].worker, 1);
	assert_true(taken[0].fd != taken[1].fd);
	assert_true(port_of(taken[0].fd) != 0);
	assert_int_equal(port_of(taken[0].fd), port_of(taken[1].fd));
	snprintf(ready, sizeof(ready), "127.0.0.1:%u", port_of(taken[0].fd));
	assert_string_equal(context.ready_on, ready);
}

static void a_balancers_address_has_no_tls_and_is_not_the_one_that_is_ready(void **state)
{
	(void)state;
	configure("listen = 127.0.0.1:0\n[balancer]\nlisten = 127.0.0.1:0\ntrusted = 127.0.0.1\n");
	assert_int_equal(host_listen(&host, take, &host), 0);
	assert_int_equal(n_taken, 4);
	assert_false(taken[0].clear || taken[1].clear);
	assert_true(taken[2].clear && taken[3].clear);
	assert_int_not_equal(port_of(taken[0].fd), port_of(taken[2].fd));
	assert_int_equal(
		strtol(strrchr(context.ready_on, ':') + 1, NULL, 10), port_of(taken[0].fd));
}

/* SO_REUSEPORT would let two servers share the port and each get half of the clients. */
static void a_port_on_which_another_listens_is_refused(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	socklen_t n = sizeof(at);
	char more[100];

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&at, &n);
	snprintf(more, sizeof(more), "listen = 127.0.0.1:%u\n", ntohs(at.sin_port));
	configure(more);
	assert_true(host_listen(&host, take, &host) > 0);
	assert_int_equal(n_taken, 0);
	assert_int_equal(n_logged, 1);
	assert_int_equal(event_info(logged[0])->level, LOG_LEVEL_ERROR);
	close(fd);
}

static void an_address_of_no_interface_is_refused(void **state)
{
	(void)state;
	configure("listen = 203.0.113.77:0\n");
	assert_true(host_listen(&host, take, &host) > 0);
	assert_int_equal(n_logged, 1);
}

/* Socket activation: descriptor 3; in a child, since it replaces that of this program. */
static void the_managers_socket_takes_the_place_of_listen(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct sockaddr_in at = {
			.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char text[32];

		if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1) ||
			dup2(fd, 3) < 0)
			_exit(1);
		snprintf(text, sizeof(text), "%d", getpid());
		setenv("LISTEN_PID", text, 1);
		setenv("LISTEN_FDS", "1", 1);
		configure("listen = 203.0.113.77:1\n"); /* not used */
		if (host_listen(&host, take, &host))
			_exit(2);
		if (n_taken == 0)
			_exit(3);
		if (n_taken != 2 || taken[0].worker == taken[1].worker || taken[0].clear)
			_exit(4);
		_exit(port_of(taken[0].fd) == port_of(3) && port_of(taken[1].fd) == port_of(3) ? 0
											       : 5);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		print_message("skipped: built without libsystemd\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(workers_share_the_port_of_an_address),
		CASE(a_balancers_address_has_no_tls_and_is_not_the_one_that_is_ready),
		CASE(a_port_on_which_another_listens_is_refused),
		CASE(an_address_of_no_interface_is_refused),
		CASE(the_managers_socket_takes_the_place_of_listen),
	};

	return cmocka_run_group_tests_name("server/host/listeners", tests, NULL, NULL);
}
