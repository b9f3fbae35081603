// SPDX-License-Identifier: Apache-2.0
/* admin/control.c: requests in lines, answers in order, now or later, followers, bounds; the asker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "admin/control.h"
#include "unit/admin/client.h"

#define REPLIES_MAX 64

static uv_loop_t loop;
static struct admin *admin;
static char path[108];
static struct admin_reply *held[REPLIES_MAX]; /* of the command "later" */
static size_t n_held;
static unsigned handled;

static void handle(void *arg, const json_t *request, struct admin_reply *reply)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));

	assert_ptr_equal(arg, &loop);
	handled++;
	if (!strcmp(cmd, "later"))
		held[n_held++] = reply;
	else if (!strcmp(cmd, "follow"))
		admin_follow(reply, json_pack("{s:b}", "following", 1));
	else if (!strcmp(cmd, "echo"))
		admin_answer(reply, json_incref(json_object_get(request, "what")));
	else
		admin_refuse(reply, "no \"such\"\ncommand");
}

static int setup(void **state)
{
	(void)state;
	n_held = handled = 0;
	client_path(path);
	uv_loop_init(&loop);
	assert_int_equal(admin_new(&loop, path, handle, &loop, &admin), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	admin_close(admin);
	admin_close(admin); /* twice: nothing */
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	admin_free(admin);
	assert_int_equal(access(path, F_OK), -1); /* it takes its socket with it */
	client_forget(path);
	return 0;
}

static char line[3 << 20];

/* Sends a request, returns the answer's line. */
static const char *asked(int fd, const char *request)
{
	assert_int_equal(client_send(&loop, fd, request, strlen(request)), 0);
	assert_int_equal(client_send(&loop, fd, "\n", 1), 0);
	assert_true(client_line(&loop, fd, line, sizeof(line)) > 0);
	return line;
}

/* ---- requests ---- */

static void a_request_is_answered_with_its_result(void **state)
{
	int fd = client_connect(path);

	(void)state;
	assert_string_equal(asked(fd, "{\"v\":1,\"cmd\":\"echo\",\"what\":[1,2]}"),
		"{\"v\":1,\"ok\":true,\"result\":[1,2]}");
	assert_string_equal(asked(fd, "{\"v\":1,\"cmd\":\"nothing\"}"),
		"{\"v\":1,\"ok\":false,\"error\":\"no \\\"such\\\"\\ncommand\"}");
	close(fd);
}

static void what_is_no_request_is_refused_and_the_next_one_is_heard(void **state)
{
	static const char *const wrong[] = {"", "null", "[]", "{", "{}", "{\"v\":1}",
		"{\"v\":2,\"cmd\":\"echo\"}", "{\"v\":\"1\",\"cmd\":\"echo\"}",
		"{\"v\":1,\"cmd\":7}", "{\"v\":1,\"cmd\":null}", "\xff\xfe", "{\"v\":1} {\"v\":1}"};
	int fd = client_connect(path);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(strstr(asked(fd, wrong[i]), "\"ok\":false"));
	assert_int_equal(handled, 0);
	assert_non_null(strstr(asked(fd, "{\"v\":1,\"cmd\":\"echo\",\"what\":7}"), "\"result\":7"));
	close(fd);
}

static void requests_in_one_write_and_one_in_pieces(void **state)
{
	static const char two[] = "{\"v\":1,\"cmd\":\"echo\",\"what\":1}\n"
				  "{\"v\":1,\"cmd\":\"echo\",\"what\":2}\n";
	static const char third[] = "{\"v\":1,\"cmd\":\"echo\",\"what\":3}\n";
	int fd = client_connect(path);

	(void)state;
	assert_int_equal(client_send(&loop, fd, two, strlen(two)), 0);
	for (size_t i = 0; i < strlen(third); i++)
		assert_int_equal(client_send(&loop, fd, third + i, 1), 0);
	for (int i = 1; i <= 3; i++) {
		char want[20];

		client_line(&loop, fd, line, sizeof(line));
		snprintf(want, sizeof(want), "\"result\":%d}", i);
		assert_non_null(strstr(line, want));
	}
	close(fd);
}

/* A stranger to the protocol does not make the server keep what it sends. */
static void a_line_without_end_is_cut_off(void **state)
{
	static char much[CONTROL_LINE_MAX * 2];
	int fd = client_connect(path), r;

	(void)state;
	memset(much, 'x', sizeof(much));
	r = client_send(&loop, fd, much, sizeof(much));
	assert_true(r == 0 || r == -EPIPE || r == -ECONNRESET);
	assert_int_equal(client_line(&loop, fd, line, sizeof(line)), 0);
	close(fd);
	fd = client_connect(path);
	assert_non_null(strstr(asked(fd, "{\"v\":1,\"cmd\":\"echo\",\"what\":7}"), "\"result\":7"));
	close(fd);
}

static void more_clients_than_places_are_closed(void **state)
{
	int fd[CONTROL_CLIENTS_MAX + 2], closed = 0;
	char c;

	(void)state;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX + 2; i++) {
		fd[i] = client_connect(path);
		client_turn(&loop);
	}
	for (int i = 0; i < 20; i++)
		client_turn(&loop);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX + 2; i++)
		closed += recv(fd[i], &c, 1, 0) == 0;
	assert_int_equal(closed, 2);
	close(fd[0]); /* its place is free again */
	client_turn(&loop);
	close(fd[1]);
	fd[1] = client_connect(path);
	assert_non_null(
		strstr(asked(fd[1], "{\"v\":1,\"cmd\":\"echo\",\"what\":7}"), "\"result\":7"));
	for (size_t i = 1; i < CONTROL_CLIENTS_MAX + 2; i++)
		close(fd[i]);
}

/* ---- answers that come later ---- */

static void an_answer_may_come_later(void **state)
{
	static const char request[] = "{\"v\":1,\"cmd\":\"later\"}\n";
	int fd = client_connect(path);
	char c;

	(void)state;
	assert_int_equal(client_send(&loop, fd, request, strlen(request)), 0);
	while (!n_held)
		client_turn(&loop);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	admin_answer(held[0], json_integer(5));
	client_line(&loop, fd, line, sizeof(line));
	assert_non_null(strstr(line, "\"result\":5"));
	close(fd);
}

/* The reply outlives its client: the answer then goes nowhere. */
static void the_client_may_be_gone_before_its_answer(void **state)
{
	static const char requests[] = "{\"v\":1,\"cmd\":\"later\"}\n{\"v\":1,\"cmd\":\"later\"}\n";
	int fd = client_connect(path);

	(void)state;
	assert_int_equal(client_send(&loop, fd, requests, strlen(requests)), 0);
	while (n_held < 2)
		client_turn(&loop);
	close(fd);
	for (int i = 0; i < 20; i++)
		client_turn(&loop);
	admin_answer(held[0], json_integer(5));
	admin_follow(held[1], json_integer(5)); /* no follower comes of it */
	assert_false(admin_followed(admin));
	for (int i = 0; i < 5; i++)
		client_turn(&loop);
}

static void the_server_may_close_before_the_answer(void **state)
{
	static const char request[] = "{\"v\":1,\"cmd\":\"later\"}\n";
	int fd = client_connect(path);

	(void)state;
	assert_int_equal(client_send(&loop, fd, request, strlen(request)), 0);
	while (!n_held)
		client_turn(&loop);
	admin_close(admin);
	for (int i = 0; i < 5; i++)
		client_turn(&loop);
	admin_refuse(held[0], "the server is stopping");
	assert_int_equal(client_line(&loop, fd, line, sizeof(line)), 0);
	close(fd);
}

/* ---- followers ---- */

static void events_go_to_those_who_follow(void **state)
{
	int one = client_connect(path), two = client_connect(path);
	char c;

	(void)state;
	assert_false(admin_followed(admin));
	assert_non_null(strstr(asked(one, "{\"v\":1,\"cmd\":\"follow\"}"), "following"));
	assert_non_null(strstr(asked(one, "{\"v\":1,\"cmd\":\"follow\"}"), "following")); /* once */
	assert_non_null(strstr(asked(two, "{\"v\":1,\"cmd\":\"echo\",\"what\":1}"), "\"ok\":true"));
	assert_true(admin_followed(admin));
	admin_tell(admin, json_pack("{s:s}", "what", "x"));
	client_line(&loop, one, line, sizeof(line));
	assert_string_equal(line, "{\"v\":1,\"event\":{\"what\":\"x\"}}");
	assert_int_equal(recv(two, &c, 1, 0), -1);
	assert_int_equal(recv(one, &c, 1, 0), -1); /* not twice */
	close(one);
	for (int i = 0; i < 20; i++)
		client_turn(&loop);
	assert_false(admin_followed(admin));
	admin_tell(admin, json_pack("{s:s}", "what", "to none"));
	close(two);
}

static void a_follower_that_does_not_read_is_dropped(void **state)
{
	int fd = client_connect(path);
	static char wide[8192];

	(void)state;
	asked(fd, "{\"v\":1,\"cmd\":\"follow\"}");
	memset(wide, 'w', sizeof(wide) - 1);
	for (size_t i = 0; i < 2 * CONTROL_BACKLOG_MAX / sizeof(wide) + 100; i++) {
		admin_tell(admin, json_string(wide));
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	assert_false(admin_followed(admin));
	close(fd);
}

/* ---- the socket ---- */

static void a_second_server_does_not_take_the_path(void **state)
{
	struct admin *other = NULL;

	(void)state;
	assert_int_equal(admin_new(&loop, path, handle, &loop, &other), -EADDRINUSE);
	assert_null(other);
}

static void only_owner_and_group_may_connect(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

/* ---- the other end: blocking, so another process ---- */

/* Runs ask() in a child while the loop serves; its exit status. */
static int in_child(int (*ask)(void))
{
	int status;
	pid_t pid = fork(), done = 0;

	if (!pid)
		_exit(ask());
	for (int i = 0; !done && i < TURNS_MOST; i++) {
		client_turn(&loop);
		done = waitpid(pid, &status, WNOHANG);
	}
	assert_int_equal(done, pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int call_echo(void)
{
	json_t *result = NULL;
	char why[300] = "";

	if (admin_call(path, json_pack("{s:i, s:s, s:i}", "v", 1, "cmd", "echo", "what", 42),
		    &result, why, sizeof(why)))
		return 1;
	return json_integer_value(result) == 42 && !*why ? 0 : 2;
}

static int call_nothing(void)
{
	json_t *result = NULL;
	char why[300] = "";

	if (admin_call(path, json_pack("{s:i, s:s}", "v", 1, "cmd", "nothing"), &result, why,
		    sizeof(why)) != -EPROTO)
		return 1;
	return !result && strstr(why, "refused: no") ? 0 : 2;
}

static int call_often(void)
{
	for (int i = 0; i < 50; i++) {
		json_t *result = NULL;
		char why[300] = "";

		if (!admin_call(path, json_pack("{s:i, s:s}", "v", 1, "cmd", "echo"), &result, why,
			    sizeof(why)))
			return 1;
		if (!strstr(why, "too many clients"))
			return 2;
	}
	return 0;
}

/* It is closed at once, perhaps before the request is sent: a reason, and no signal. */
static void an_asker_without_a_place_gets_the_reason(void **state)
{
	int fd[CONTROL_CLIENTS_MAX];

	(void)state;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fd[i] = client_connect(path);
		client_turn(&loop);
	}
	assert_int_equal(in_child(call_often), 0);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fd[i]);
}

static bool two_events(json_t *event, void *arg)
{
	unsigned *n = arg;

	return json_integer_value(event) == (json_int_t)++ * n && *n < 2;
}

static int listen_for_two(void)
{
	unsigned n = 0;
	char why[300] = "";

	if (admin_listen(path, json_pack("{s:i, s:s}", "v", 1, "cmd", "follow"), two_events, &n,
		    why, sizeof(why)))
		return 1;
	return n == 2 ? 0 : 2;
}

static void the_asker_gets_result_or_reason(void **state)
{
	(void)state;
	assert_int_equal(in_child(call_echo), 0);
	assert_int_equal(in_child(call_nothing), 0);
}

static void the_listener_gets_events_until_it_has_enough(void **state)
{
	int status;
	pid_t pid = fork(), done = 0;

	(void)state;
	if (!pid)
		_exit(listen_for_two());
	for (int i = 0; !admin_followed(admin) && i < TURNS_MOST; i++)
		client_turn(&loop);
	for (int i = 1; i <= 3; i++)
		admin_tell(admin, json_integer(i));
	for (int i = 0; !done && i < TURNS_MOST; i++) {
		client_turn(&loop);
		done = waitpid(pid, &status, WNOHANG);
	}
	assert_int_equal(done, pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void no_server_is_said_with_what_to_try(void **state)
{
	char why[300] = "", where[300];
	json_t *result = NULL;

	(void)state;
	snprintf(where, sizeof(where), "%s-none", path);
	assert_int_equal(admin_call(where, json_object(), &result, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "is `culvert serve` running"));
	memset(where, 'l', sizeof(where) - 1);
	where[sizeof(where) - 1] = '\0';
	assert_int_equal(
		admin_call(where, json_object(), &result, why, sizeof(why)), -ENAMETOOLONG);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The loop goes on, and turns for nothing at most now and then; who waits is served when it can be. */
static void without_descriptors_it_waits_and_does_not_spin(void **state)
{
	int fd = client_connect(path);
	rlim_t before = client_take_descriptors();
	unsigned turns = 0;
	uint64_t until;

	(void)state;
	alarm(30); /* a loop that never returns */
	for (until = uv_hrtime() + 500000000; uv_hrtime() < until; turns++)
		uv_run(&loop, UV_RUN_ONCE);
	client_give_descriptors(before);
	alarm(0);
	assert_in_range(turns, 1, 100);
	assert_non_null(strstr(asked(fd, "{\"v\":1,\"cmd\":\"echo\",\"what\":7}"), "\"result\":7"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_is_answered_with_its_result),
		CASE(what_is_no_request_is_refused_and_the_next_one_is_heard),
		CASE(requests_in_one_write_and_one_in_pieces),
		CASE(a_line_without_end_is_cut_off),
		CASE(more_clients_than_places_are_closed),
		CASE(without_descriptors_it_waits_and_does_not_spin),
		CASE(an_answer_may_come_later),
		CASE(the_client_may_be_gone_before_its_answer),
		CASE(the_server_may_close_before_the_answer),
		CASE(events_go_to_those_who_follow),
		CASE(a_follower_that_does_not_read_is_dropped),
		CASE(a_second_server_does_not_take_the_path),
		CASE(only_owner_and_group_may_connect),
		CASE(the_asker_gets_result_or_reason),
		CASE(an_asker_without_a_place_gets_the_reason),
		CASE(the_listener_gets_events_until_it_has_enough),
		CASE(no_server_is_said_with_what_to_try),
	};

	signal(SIGPIPE, SIG_IGN); /* as the server does */
	return cmocka_run_group_tests_name("admin/control", tests, NULL, NULL);
}
