// SPDX-License-Identifier: Apache-2.0
/*
 * server/worker/accept.c: which worker gets an accepted connection, and what happens when descriptors
 * run out. Two workers without threads; connections come over loopback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/resource.h>

#include "server/core/limits.h"
#include "server/worker/accept.h"
#include "server/worker/private.h"
#include "server/worker/spare.h"

#define SITE_SIZE sizeof(struct worker)
#include "unit/server/rooms.h"

static struct rooms *r;
static struct worker *w[SITES];
static struct spare spare;
static struct endpoint at; /* where the first worker listens */
static unsigned entered[SITES];
static struct arrival last;
static unsigned no_descriptors;

static void on_enter(struct site *site, const struct arrival *a)
{
	entered[site->index]++;
	last = *a;
	close(a->fd);
}

static void on_log(const struct log_scope *scope, enum event ev, const char *text)
{
	(void)scope, (void)text;
	no_descriptors += ev == EV_SERVER_NO_DESCRIPTORS;
}

static int listener(struct endpoint *ret)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	getsockname(fd, (struct sockaddr *)&sa, &n);
	endpoint_from_sockaddr((struct sockaddr *)&sa, ret);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	r = rooms_new("");
	spare_init(&spare);
	memset(entered, 0, sizeof(entered));
	no_descriptors = 0;
	for (unsigned i = 0; i < SITES; i++) {
		w[i] = worker_of(r->sites[i]);
		w[i]->spare = &spare;
		w[i]->site.enter = on_enter;
		accept_init(w[i]);
	}
	assert_int_equal(worker_add_listener(w[0], listener(&at), false), 0);
	log_tap(on_log);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_tap(NULL);
	for (unsigned i = 0; i < SITES; i++)
		accept_close(w[i]);
	rooms_free(r); /* runs the loops dry */
	spare_done(&spare);
	return 0;
}

static int connect_to(const struct endpoint *e)
{
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(e, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, n), 0);
	return fd;
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&w[0]->site.loop, UV_RUN_NOWAIT);
}

static bool is_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* ---- which worker ---- */

static void the_one_with_the_fewest_connections_gets_it_by_letter(void **state)
{
	int fd;

	(void)state;
	w[0]->site.n_connections = 3;
	w[1]->site.n_connections = 1;
	fd = connect_to(&at);
	turn();
	assert_int_equal(entered[0] + entered[1], 0);
	assert_int_equal(w[1]->site.n_connections, 2); /* its place is reserved meanwhile */
	rooms_deliver(r);
	assert_int_equal(entered[1], 1);
	assert_int_equal(w[1]->site.n_connections, 1); /* the session counts itself */
	close(fd);
}

static void with_as_many_it_stays_where_it_came(void **state)
{
	struct sockaddr_in own;
	socklen_t n = sizeof(own);
	int fd = connect_to(&at);

	(void)state;
	turn();
	assert_int_equal(entered[0], 1);
	getsockname(fd, (struct sockaddr *)&own, &n);
	assert_int_equal(last.peer.port, ntohs(own.sin_port));
	assert_false(last.clear);
	close(fd);
}

/* Each reservation counts at once, so a burst does not go to one worker. */
static void a_burst_is_shared_out(void **state)
{
	int fd[10];

	(void)state;
	w[0]->site.n_connections = 10;
	for (size_t i = 0; i < 10; i++)
		fd[i] = connect_to(&at);
	turn();
	assert_int_equal(w[1]->site.n_connections, 10);
	rooms_deliver(r);
	assert_int_equal(entered[1], 10);
	for (size_t i = 0; i < 10; i++)
		close(fd[i]);
}

static void a_connection_for_a_stopping_worker_is_closed(void **state)
{
	int fd;

	(void)state;
	w[0]->site.n_connections = 1;
	w[1]->site.stopping = true;
	fd = connect_to(&at);
	turn();
	rooms_deliver(r);
	assert_int_equal(entered[0] + entered[1], 0);
	assert_true(is_closed(fd));
	assert_int_equal(w[1]->site.n_connections, 0);
	close(fd);
}

/* ---- listeners ---- */

static void a_listener_without_tls_says_so_and_takes_balancers_only(void **state)
{
	struct endpoint clear;
	int fd;

	(void)state;
	assert_int_equal(worker_add_listener(w[0], listener(&clear), true), 0);
	fd = connect_to(&clear); /* 127.0.0.1 is no trusted balancer here */
	turn();
	assert_int_equal(entered[0] + entered[1], 0);
	assert_true(is_closed(fd));
	close(fd);
}

static void there_is_room_for_so_many_listeners(void **state)
{
	struct endpoint e;
	int fd;

	(void)state;
	while (w[0]->n_listeners < LISTENERS_MAX)
		assert_int_equal(worker_add_listener(w[0], listener(&e), false), 0);
	fd = listener(&e);
	assert_int_equal(worker_add_listener(w[0], fd, false), -ENOSPC);
	close(fd);
}

static void a_closed_listener_takes_no_connection(void **state)
{
	int fd;

	(void)state;
	accept_close(w[0]);
	turn();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(w[0]->n_listeners, 0);
	{
		struct sockaddr_storage sa;
		socklen_t n = endpoint_to_sockaddr(&at, &sa);

		assert_int_equal(connect(fd, (struct sockaddr *)&sa, n), -1);
	}
	close(fd);
	accept_init(w[0]); /* for the teardown */
}

/* ---- descriptors ---- */

/* The limit is such that the next descriptor is among the last ones; put back by the caller. */
static struct rlimit limit_to(rlim_t more)
{
	struct rlimit before, now;
	int lowest = dup(0);

	close(lowest);
	getrlimit(RLIMIT_NOFILE, &before);
	now = before;
	now.rlim_cur = (rlim_t)lowest + more;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	return before;
}

static void connections_do_not_take_the_last_descriptors(void **state)
{
	int fd = connect_to(&at), next = connect_to(&at);
	struct rlimit before = limit_to(DESCRIPTORS_RESERVED);

	(void)state;
	turn();
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(entered[0] + entered[1], 0);
	assert_true(is_closed(fd) && is_closed(next));
	assert_int_equal(spare.refused, 2);
	assert_int_equal(no_descriptors, 1); /* one line a second */
	close(fd);
	close(next);
	fd = connect_to(&at);
	turn();
	assert_int_equal(entered[0], 1); /* as soon as there are some again */
	close(fd);
}

static void without_any_the_spare_refuses_one_by_one(void **state)
{
	int fd = connect_to(&at), next = connect_to(&at);
	struct rlimit before = limit_to(0);

	(void)state;
	turn();
	setrlimit(RLIMIT_NOFILE, &before);
	assert_true(is_closed(fd) && is_closed(next)); /* not left to wait */
	assert_int_equal(entered[0] + entered[1], 0);
	assert_int_equal(no_descriptors, 1);
	assert_true(spare.fd >= 0);
	close(fd);
	close(next);
}

static void without_the_spare_the_listeners_pause_and_go_on(void **state)
{
	int fd = connect_to(&at);
	struct rlimit before;

	(void)state;
	close(spare.fd);
	spare.fd = -1;
	spare.in_doubt = true;
	before = limit_to(0);
	turn();
	assert_true(uv_is_active((uv_handle_t *)&w[0]->accept_again));
	assert_false(uv_is_active((uv_handle_t *)&w[0]->listeners[0].poll));
	setrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < 1000 && !entered[0] && !is_closed(fd); i++) {
		turn();
		usleep(10000);
	}
	assert_true(uv_is_active((uv_handle_t *)&w[0]->listeners[0].poll));
	close(fd);
	fd = connect_to(&at);
	turn();
	assert_true(entered[0] >= 1);
	close(fd);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_one_with_the_fewest_connections_gets_it_by_letter),
		CASE(with_as_many_it_stays_where_it_came),
		CASE(a_burst_is_shared_out),
		CASE(a_connection_for_a_stopping_worker_is_closed),
		CASE(a_listener_without_tls_says_so_and_takes_balancers_only),
		CASE(there_is_room_for_so_many_listeners),
		CASE(a_closed_listener_takes_no_connection),
		CASE(connections_do_not_take_the_last_descriptors),
		CASE(without_any_the_spare_refuses_one_by_one),
		CASE(without_the_spare_the_listeners_pause_and_go_on),
	};

	return cmocka_run_group_tests_name("server/worker/accept", tests, NULL, NULL);
}
