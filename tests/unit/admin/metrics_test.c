// SPDX-License-Identifier: Apache-2.0
/* admin/metrics.c: one GET is answered, all else is refused, and no client keeps a place for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>

#include "admin/metrics.h"
#include "unit/admin/client.h"

static uv_loop_t loop;
static struct metrics *metrics;
static char path[108];

static void write_metrics(void *arg, FILE *out)
{
	assert_ptr_equal(arg, &loop);
	fputs("culvert_sessions 7\n", out);
}

static int setup(void **state)
{
	(void)state;
	client_path(path);
	uv_loop_init(&loop);
	assert_int_equal(metrics_new(&loop, path, write_metrics, &loop, &metrics), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	metrics_close(metrics);
	metrics_close(metrics);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	metrics_free(metrics);
	client_forget(path);
	return 0;
}

static char got[20000];

static const char *asked(const char *request)
{
	int fd = client_connect(path);

	assert_int_equal(client_send(&loop, fd, request, strlen(request)), 0);
	client_all(&loop, fd, got, sizeof(got));
	close(fd);
	return got;
}

static void a_get_has_the_text_with_its_length_and_the_end(void **state)
{
	const char *head;

	(void)state;
	head = asked("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_memory_equal(head, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(head, "Content-Type: text/plain; version=0.0.4"));
	assert_non_null(strstr(head, "Content-Length: 19\r\n"));
	assert_non_null(strstr(head, "Connection: close\r\n"));
	assert_non_null(strstr(head, "\r\n\r\nculvert_sessions 7\n"));
}

static void a_query_changes_nothing(void **state)
{
	(void)state;
	assert_memory_equal(
		asked("GET /metrics?name=x HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ", 13);
}

static void another_path_or_method_gets_none(void **state)
{
	static const char *const requests[] = {"GET / HTTP/1.1\r\n\r\n",
		"GET /metrics/ HTTP/1.1\r\n\r\n", "GET /metricsx HTTP/1.1\r\n\r\n",
		"GET /x?/metrics HTTP/1.1\r\n\r\n", "POST /metrics HTTP/1.1\r\n\r\n",
		"HEAD /metrics HTTP/1.1\r\n\r\n", "get /metrics HTTP/1.1\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		assert_memory_equal(asked(requests[i]), "HTTP/1.1 404 ", 13);
		assert_null(strstr(got, "culvert_sessions"));
	}
}

static void what_is_no_request_is_a_bad_one(void **state)
{
	static char much[20000];

	(void)state;
	assert_memory_equal(asked("\x16\x03\x01\r\n\r\n"), "HTTP/1.1 400 ", 13);
	memset(much, 'a', sizeof(much) - 1); /* a head without end */
	memcpy(much, "GET /metrics HTTP/1.1\r\nX: ", 26);
	assert_memory_equal(asked(much), "HTTP/1.1 400 ", 13);
}

static void a_request_in_pieces_is_put_together(void **state)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = client_connect(path);

	(void)state;
	for (size_t i = 0; i < strlen(request); i++)
		assert_int_equal(client_send(&loop, fd, request + i, 1), 0);
	client_all(&loop, fd, got, sizeof(got));
	assert_memory_equal(got, "HTTP/1.1 200 ", 13);
	close(fd);
}

static void more_clients_than_places_are_closed_and_places_come_back(void **state)
{
	int fd[18], closed = 0;
	char c;

	(void)state;
	for (size_t i = 0; i < 18; i++) {
		fd[i] = client_connect(path);
		client_turn(&loop);
	}
	for (int i = 0; i < 20; i++)
		client_turn(&loop);
	for (size_t i = 0; i < 18; i++)
		closed += recv(fd[i], &c, 1, 0) == 0;
	assert_int_equal(closed, 2); /* sixteen places */
	for (size_t i = 0; i < 18; i++)
		close(fd[i]);
	for (int i = 0; i < 20; i++)
		client_turn(&loop);
	assert_memory_equal(asked("GET /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 ", 13);
}

static void one_that_leaves_in_the_middle_does_no_harm(void **state)
{
	int fd = client_connect(path);

	(void)state;
	assert_int_equal(client_send(&loop, fd, "GET /met", 8), 0);
	close(fd);
	for (int i = 0; i < 20; i++)
		client_turn(&loop);
	fd = client_connect(path); /* and one that stays without a word, up to the end */
	client_turn(&loop);
	close(fd);
}

/* ---- where it listens ---- */

static void a_tcp_address_will_do(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(at);
	int probe = socket(AF_INET, SOCK_STREAM, 0), fd;
	static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
	struct metrics *tcp = NULL;
	char text[32];

	(void)state;
	assert_int_equal(bind(probe, (struct sockaddr *)&at, n), 0); /* a port that is free */
	getsockname(probe, (struct sockaddr *)&at, &n);
	close(probe);
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(at.sin_port));
	assert_int_equal(metrics_new(&loop, text, write_metrics, &loop, &tcp), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(client_send(&loop, fd, request, strlen(request)), 0);
	client_all(&loop, fd, got, sizeof(got));
	assert_memory_equal(got, "HTTP/1.1 200 ", 13);
	close(fd);
	metrics_close(tcp);
	for (int i = 0; i < 20; i++)
		client_turn(&loop);
	metrics_free(tcp);
}

static void what_is_no_address_fails_and_can_be_closed(void **state)
{
	static const char *const wrong[] = {"nowhere", "300.1.1.1:1", "/no/such/folder/socket"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct metrics *m = NULL;

		assert_true(metrics_new(&loop, wrong[i], write_metrics, &loop, &m) < 0);
		metrics_close(m);
		for (int k = 0; k < 5; k++)
			client_turn(&loop);
		metrics_free(m);
	}
}

/* An open connection is answered all the while, and the next one when there is a descriptor again. */
static void without_descriptors_the_next_one_waits(void **state)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
	int first = client_connect(path), second;
	rlim_t before;
	unsigned turns = 0;
	uint64_t until;

	(void)state;
	for (int i = 0; i < 20; i++)
		client_turn(&loop);
	second = client_connect(path);
	before = client_take_descriptors();
	alarm(30);
	for (until = uv_hrtime() + 500000000; uv_hrtime() < until; turns++)
		uv_run(&loop, UV_RUN_ONCE);
	assert_in_range(turns, 1, 100);
	assert_int_equal(client_send(&loop, first, request, strlen(request)), 0);
	client_all(&loop, first, got, sizeof(got));
	alarm(0);
	assert_memory_equal(got, "HTTP/1.1 200 ", 13);
	close(first);
	client_give_descriptors(before);
	assert_int_equal(client_send(&loop, second, request, strlen(request)), 0);
	client_all(&loop, second, got, sizeof(got));
	assert_memory_equal(got, "HTTP/1.1 200 ", 13);
	close(second);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_get_has_the_text_with_its_length_and_the_end),
		CASE(a_query_changes_nothing),
		CASE(another_path_or_method_gets_none),
		CASE(what_is_no_request_is_a_bad_one),
		CASE(a_request_in_pieces_is_put_together),
		CASE(more_clients_than_places_are_closed_and_places_come_back),
		CASE(one_that_leaves_in_the_middle_does_no_harm),
		CASE(without_descriptors_the_next_one_waits),
		CASE(a_tcp_address_will_do),
		CASE(what_is_no_address_fails_and_can_be_closed),
	};

	signal(SIGPIPE, SIG_IGN); /* as the server does */
	return cmocka_run_group_tests_name("admin/metrics", tests, NULL, NULL);
}
