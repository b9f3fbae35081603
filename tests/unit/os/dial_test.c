// SPDX-License-Identifier: Apache-2.0
/* os/dial.c on loopback: the time is the test's own, the sockets are real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "os/dial.h"

#define TRY_MS 1000

/* ---- addresses that answer, refuse, or say nothing ---- */

static struct endpoint loopback(uint16_t port)
{
	return (struct endpoint){{AF_INET, {127, 0, 0, 1}}, port};
}

static int listener(int backlog, struct endpoint *ret)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	*ret = loopback(ntohs(sa.sin_port));
	return fd;
}

/* A port that was free a moment ago. */
static struct endpoint refusing(void)
{
	struct endpoint e;

	close(listener(1, &e));
	return e;
}

/* A listener whose queue is full does not answer another SYN. */
struct silent {
	int listener, filling[8];
	struct endpoint at;
};

static void silent_make(struct silent *s)
{
	struct sockaddr_storage sa;
	socklen_t n;

	s->listener = listener(0, &s->at);
	n = endpoint_to_sockaddr(&s->at, &sa);
	for (size_t i = 0; i < ARRAY_SIZE(s->filling); i++) {
		s->filling[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(s->filling[i], (struct sockaddr *)&sa, n);
	}
}

static void silent_done(struct silent *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->filling); i++)
		close(s->filling[i]);
	close(s->listener);
}

/* Steps at one moment until nothing changes any more. */
static int settle(struct dial *d, uint64_t now_ms)
{
	int r;

	for (int i = 0; i < 50 && (r = dial_step(d, now_ms)) == -EINPROGRESS; i++)
		poll(&(struct pollfd){dial_fd(d), POLLOUT, 0}, 1, 10);
	return r;
}

/* ---- tests ---- */

static void the_first_that_answers_is_taken(void **state)
{
	struct endpoint at[2] = {refusing()};
	int l = listener(4, &at[1]), fd;
	struct dial d;

	(void)state;
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS}, at, 2);
	assert_int_equal(dial_fd(&d), -1);
	fd = settle(&d, 100);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(d.tries[0].error, -ECONNREFUSED);
	assert_int_equal(dial_current(&d)->to.port, at[1].port);
	assert_int_equal(dial_current(&d)->error, 0);
	assert_int_equal(dial_step(&d, 100), -EISCONN);
	dial_done(&d);
	assert_int_equal(send(fd, "x", 1, 0), 1); /* it is the caller's */
	close(fd);
	close(l);
}

static void one_that_says_nothing_has_its_time_and_then_the_next_is_tried(void **state)
{
	struct endpoint at[2];
	struct silent s;
	struct dial d;
	int l = listener(4, &at[1]), fd;

	(void)state;
	silent_make(&s);
	at[0] = s.at;
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS}, at, 2);
	assert_int_equal(dial_step(&d, 5000), -EINPROGRESS);
	assert_int_equal(dial_deadline(&d), 5000 + TRY_MS);
	assert_int_equal(dial_step(&d, 5000 + TRY_MS - 1), -EINPROGRESS);
	fd = settle(&d, 5000 + TRY_MS);
	assert_true(fd >= 0);
	assert_int_equal(d.tries[0].error, -ETIMEDOUT);
	assert_int_equal(d.tries[0].ended_ms - d.tries[0].began_ms, TRY_MS);
	dial_done(&d);
	close(fd);
	close(l);
	silent_done(&s);
}

static void when_all_fail_the_last_reason_is_given_again_and_again(void **state)
{
	struct endpoint at[3] = {refusing(), refusing(), refusing()};
	struct dial d;

	(void)state;
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS}, at, 3);
	assert_int_equal(settle(&d, 1), -ECONNREFUSED);
	assert_int_equal(dial_step(&d, 2), -ECONNREFUSED);
	assert_int_equal(dial_fd(&d), -1);
	assert_int_equal(dial_current(&d)->to.port, at[2].port);
	dial_done(&d);
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS}, NULL, 0);
	assert_int_equal(dial_step(&d, 1), -EHOSTUNREACH);
	dial_done(&d);
}

struct seen {
	int tuned, failed;
};

static void on_tune(void *arg, int fd)
{
	((struct seen *)arg)->tuned++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void on_failed(void *arg, int fd)
{
	assert_true(fcntl(fd, F_GETFD) >= 0);
	((struct seen *)arg)->failed++;
}

static void each_socket_is_tuned_and_each_failed_one_is_shown(void **state)
{
	struct endpoint at[2] = {refusing()};
	struct seen seen = {0};
	struct dial_opts opts = {
		.try_ms = TRY_MS, .tune = on_tune, .failed = on_failed, .arg = &seen};
	int l = listener(4, &at[1]), fd, v = 0;
	socklen_t n = sizeof(v);
	struct dial d;

	(void)state;
	dial_init(&d, &opts, at, 2);
	fd = settle(&d, 1);
	assert_true(fd >= 0);
	assert_int_equal(seen.tuned, 2);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, &n), 0);
	assert_int_equal(v, 1);
	dial_done(&d);
	close(fd);
	close(l);
}

static void it_leaves_from_the_given_source(void **state)
{
	struct endpoint at, source = {{AF_INET, {127, 0, 0, 9}}, 77};
	struct dial_opts opts = {.try_ms = TRY_MS, .source = &source};
	int l = listener(4, &at), fd;
	struct sockaddr_in sa;
	socklen_t n = sizeof(sa);
	struct dial d;

	(void)state;
	dial_init(&d, &opts, &at, 1);
	fd = settle(&d, 1);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	assert_int_equal(ntohl(sa.sin_addr.s_addr), 0x7f000009);
	assert_int_not_equal(ntohs(sa.sin_port), 77);
	dial_done(&d);
	close(fd);
	close(l);
}

static void waiting_ends_at_its_time_or_when_it_is_cancelled(void **state)
{
	struct silent s;
	struct dial d;
	int ends[2];

	(void)state;
	silent_make(&s);
	assert_int_equal(pipe(ends), 0);
	dial_init(&d, &(struct dial_opts){.try_ms = 60000}, &s.at, 1);
	assert_int_equal(dial_wait(&d, clock_mono_ms() + 20, ends[0]), -ETIMEDOUT);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(dial_wait(&d, NEVER, ends[0]), -ECANCELED);
	dial_done(&d);
	close(ends[0]);
	close(ends[1]);
	silent_done(&s);
}

static void waiting_gives_the_connection(void **state)
{
	struct endpoint at[2] = {refusing()};
	int l = listener(4, &at[1]), fd;
	struct dial d;

	(void)state;
	dial_init(&d, &(struct dial_opts){.try_ms = 60000}, at, 2);
	fd = dial_wait(&d, clock_mono_ms() + 30000, -1);
	assert_true(fd >= 0);
	dial_done(&d);
	close(fd);
	close(l);
}

/* ---- a race (RFC 8305) ---- */

#define RACE_MS 250

static struct endpoint at6(uint8_t last)
{
	return (struct endpoint){{AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = last}}, 443};
}

static struct endpoint at4(uint8_t last)
{
	return (struct endpoint){{AF_INET, {192, 0, 2, last}}, 443};
}

static void the_families_take_turns_and_keep_their_order(void **state)
{
	const struct endpoint at[] = {at6(1), at6(2), at6(3), at4(1), at4(2)};
	static const uint8_t want[][2] = {
		{AF_INET6, 1}, {AF_INET, 1}, {AF_INET6, 2}, {AF_INET, 2}, {AF_INET6, 3}};
	struct dial d;

	(void)state;
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS, .race_ms = RACE_MS}, at, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct addr *a = &d.tries[i].to.addr;

		assert_int_equal(a->family, want[i][0]);
		assert_int_equal(a->octets[a->family == AF_INET ? 3 : 15], want[i][1]);
	}
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS}, at, 5); /* no race: as they come */
	assert_int_equal(d.tries[1].to.addr.family, AF_INET6);
}

static void one_that_says_nothing_does_not_hold_up_the_next(void **state)
{
	struct endpoint at[2];
	struct silent s;
	struct dial d;
	int l = listener(4, &at[1]), fd;

	(void)state;
	silent_make(&s);
	at[0] = s.at;
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS, .race_ms = RACE_MS}, at, 2);
	assert_int_equal(dial_step(&d, 5000), -EINPROGRESS);
	assert_int_equal(dial_deadline(&d), 5000 + RACE_MS);
	assert_int_equal(dial_step(&d, 5000 + RACE_MS - 1), -EINPROGRESS);
	assert_false(d.tries[1].began);
	fd = settle(&d, 5000 + RACE_MS);
	assert_true(fd >= 0);
	assert_int_equal(dial_current(&d)->to.port, at[1].port);
	assert_int_equal(d.tries[0].error, -EINPROGRESS); /* given up, not failed */
	assert_int_equal(d.tries[0].fd, -1);
	assert_int_equal(dial_step(&d, 6000), -EISCONN);
	dial_done(&d);
	close(fd);
	close(l);
	silent_done(&s);
}

static void one_that_refuses_lets_the_next_begin_at_once(void **state)
{
	struct endpoint at[2] = {refusing()};
	int l = listener(4, &at[1]), fd;
	struct dial d;

	(void)state;
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS, .race_ms = 60000}, at, 2);
	fd = settle(&d, 100);
	assert_true(fd >= 0);
	assert_int_equal(d.tries[1].began_ms, 100);
	dial_done(&d);
	close(fd);
	close(l);
}

static void all_on_their_way_have_their_own_time(void **state)
{
	struct endpoint at[2];
	struct silent s, other;
	struct dial d;

	(void)state;
	silent_make(&s);
	silent_make(&other);
	at[0] = s.at;
	at[1] = other.at;
	dial_init(&d, &(struct dial_opts){.try_ms = TRY_MS, .race_ms = RACE_MS}, at, 2);
	assert_int_equal(dial_step(&d, 0), -EINPROGRESS);
	assert_int_equal(dial_step(&d, RACE_MS), -EINPROGRESS);
	assert_int_equal(dial_deadline(&d), TRY_MS);
	assert_int_equal(dial_step(&d, TRY_MS), -EINPROGRESS);
	assert_int_equal(d.tries[0].error, -ETIMEDOUT);
	assert_int_equal(dial_deadline(&d), RACE_MS + TRY_MS);
	assert_int_equal(dial_step(&d, RACE_MS + TRY_MS), -ETIMEDOUT);
	dial_done(&d);
	silent_done(&s);
	silent_done(&other);
}

static void a_race_is_waited_for(void **state)
{
	struct endpoint at[2];
	struct silent s;
	int l = listener(4, &at[1]), fd;
	struct dial d;

	(void)state;
	silent_make(&s);
	at[0] = s.at;
	dial_init(&d, &(struct dial_opts){.try_ms = 60000, .race_ms = 20}, at, 2);
	fd = dial_wait(&d, clock_mono_ms() + 30000, -1);
	assert_true(fd >= 0);
	dial_done(&d);
	close(fd);
	close(l);
	silent_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_answers_is_taken),
		cmocka_unit_test(one_that_says_nothing_has_its_time_and_then_the_next_is_tried),
		cmocka_unit_test(when_all_fail_the_last_reason_is_given_again_and_again),
		cmocka_unit_test(each_socket_is_tuned_and_each_failed_one_is_shown),
		cmocka_unit_test(it_leaves_from_the_given_source),
		cmocka_unit_test(waiting_ends_at_its_time_or_when_it_is_cancelled),
		cmocka_unit_test(waiting_gives_the_connection),
		cmocka_unit_test(a_race_is_waited_for),
		cmocka_unit_test(all_on_their_way_have_their_own_time),
		cmocka_unit_test(one_that_refuses_lets_the_next_begin_at_once),
		cmocka_unit_test(one_that_says_nothing_does_not_hold_up_the_next),
		cmocka_unit_test(the_families_take_turns_and_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
