// SPDX-License-Identifier: Apache-2.0
/* server/worker/spare.c: no descriptor is left, and several threads accept at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/worker/spare.h"

enum { CLIENTS = 120, THREADS = 4, ROOM = 3, ROUNDS = 20 };

static struct spare spare;
static int listener, clients[CLIENTS];
static struct rlimit before;
static _Atomic unsigned kept, refused, paused;

static int first_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

/* Every descriptor below the limit is open but `room`, and `n` clients wait in the queue. */
static void fill(int n, int room)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	struct rlimit limit;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, CLIENTS + 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = -1;
	for (int i = 0; i < n; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(clients[i], (struct sockaddr *)&at, sizeof(at)), 0);
	}
	spare_init(&spare);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)(first_free_fd() + room);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	kept = refused = paused = 0;
}

static void empty(void)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i] >= 0)
			close(clients[i]);
	close(listener);
	spare_done(&spare);
}

static bool is_closed(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void the_peer_is_refused_and_the_spare_is_back(void **state)
{
	(void)state;
	fill(2, 0);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EMFILE);
	assert_true(spare_refuse_one(&spare, listener));
	assert_true(spare_refuse_one(&spare, listener));
	assert_true(spare.fd >= 0);
	assert_true(is_closed(clients[0]) && is_closed(clients[1]));
	assert_false(spare_refuse_one(&spare, listener)); /* the queue is empty */
	assert_true(spare.fd >= 0);
	empty();
}

/* Something that accepts nothing took the place: the caller pauses, and later all is well again. */
static void a_missing_spare_is_found_again(void **state)
{
	int thief;

	(void)state;
	fill(2, 0);
	thief = spare.fd; /* as if another thread had opened a file between close and open */
	spare.fd = -1;
	assert_false(spare_refuse_one(&spare, listener));
	assert_false(is_closed(clients[0]));
	close(thief);
	assert_true(spare_refuse_one(&spare, listener));
	assert_true(spare.fd >= 0);
	empty();
}

static void an_accepted_connection_gives_the_place_back(void **state)
{
	int fd;

	(void)state;
	fill(1, 0);
	close(spare.fd);
	spare.fd = -1;
	spare.in_doubt = true;
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_true(spare_repaid(&spare, fd));
	assert_true(spare.fd >= 0);
	assert_true(is_closed(clients[0]));
	assert_false(spare_repaid(&spare, 0)); /* no doubt, and so fd 0 stays open */
	assert_int_equal(fcntl(0, F_GETFD) < 0, 0);
	empty();
}

static void *worker(void *held)
{
	int *fds = held, n = 0;

	while (kept + refused < CLIENTS) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0 && spare_repaid(&spare, fd))
			refused++;
		else if (fd >= 0)
			fds[n++] = fd, kept++;
		else if (errno == EMFILE && spare_refuse_one(&spare, listener))
			refused++;
		else if (errno == EMFILE)
			paused++;
	}
	return NULL;
}

/* Before, the spare was lost for good in five of six tries. */
static void threads_that_take_each_others_place_lose_no_spare(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t threads[THREADS];
		int held[THREADS][ROOM + 1];

		memset(held, -1, sizeof(held));
		fill(CLIENTS, ROOM);
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, worker, held[i]), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		assert_true(spare.fd >= 0);
		assert_in_range(kept, 1, ROOM); /* one that came between may have been refused */
		assert_int_equal(kept + refused, CLIENTS);
		for (int i = 0; i < THREADS; i++)
			for (int j = 0; j <= ROOM; j++)
				if (held[i][j] >= 0)
					close(held[i][j]);
		empty();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_peer_is_refused_and_the_spare_is_back),
		cmocka_unit_test(a_missing_spare_is_found_again),
		cmocka_unit_test(an_accepted_connection_gives_the_place_back),
		cmocka_unit_test(threads_that_take_each_others_place_lose_no_spare),
	};

	return cmocka_run_group_tests_name("server/spare", tests, NULL, NULL);
}
