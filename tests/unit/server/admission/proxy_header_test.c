// SPDX-License-Identifier: Apache-2.0
/*
 * server/admission/proxy_header.c: what a balancer's connection must say before it is a client's. The
 * loop is the site's own; a socket pair stands for the connection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/admission/proxy_header.h"
#include "server/core/limits.h"
#include "unit/server/rooms.h"

static const struct endpoint balancer = {{AF_INET, {203, 0, 113, 9}}, 5000};
static const struct endpoint stranger = {{AF_INET, {198, 51, 100, 1}}, 5000};

static struct rooms *r;
static struct site *site;
static struct arrival entered[4]; /* what may become a session */
static unsigned n_entered;
static enum event logged;

static void on_enter(struct site *at, const struct arrival *a)
{
	assert_ptr_equal(at, site);
	entered[n_entered++] = *a;
}

static void on_log(const struct log_scope *scope, enum event ev, const char *text)
{
	(void)scope, (void)text;
	logged = ev;
}

static void begin(const char *more)
{
	char text[400];

	snprintf(text, sizeof(text),
		"[server]\nmax_handshakes = 3\nsource_half_open = 2\nsource_rate = 0\n"
		"handshake_time = 1s\n[balancer]\ntrusted = 203.0.113.9\n%s",
		more);
	r = rooms_new(text);
	site = r->sites[0];
	site->enter = on_enter;
	n_entered = 0;
	logged = EV_NONE;
	log_tap(on_log);
}

static int setup(void **state)
{
	(void)state;
	begin("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_tap(NULL);
	proxy_header_close_all(site);
	for (unsigned i = 0; i < n_entered; i++)
		close(entered[i].fd);
	rooms_free(r);
	return 0;
}

/* A connection as accept() gives it; returns the other end of it. */
static int arrives(const struct endpoint *peer, bool clear)
{
	int pair[2];
	struct arrival a = {.peer = *peer, .clear = clear};

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	a.fd = pair[0];
	proxy_header_take(site, &a);
	return pair[1];
}

static void turns(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		uv_run(&site->loop, UV_RUN_NOWAIT);
}

static bool is_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET); /* the latter: it had not read all */
}

#define SAY(fd, text) assert_int_equal(send(fd, text, sizeof(text) - 1, 0), sizeof(text) - 1)

#define V2 "\r\n\r\n\0\r\nQUIT\n"

/* ---- who has to say one ---- */

static void a_client_that_comes_straight_enters_at_once(void **state)
{
	int fd = arrives(&stranger, false);

	(void)state;
	assert_int_equal(n_entered, 1);
	assert_true(addr_equal(&entered[0].peer.addr, &stranger.addr));
	close(fd);
}

static void without_tls_only_a_balancer_may_come(void **state)
{
	int fd = arrives(&stranger, true);

	(void)state;
	assert_int_equal(n_entered, 0);
	assert_int_equal(logged, EV_PROXY_NOT_TRUSTED);
	assert_true(is_closed(fd));
	close(fd);
}

static void a_balancer_without_the_protocol_enters_as_itself(void **state)
{
	int fd;

	(void)state;
	teardown(NULL);
	begin("proxy_protocol = no\n");
	fd = arrives(&balancer, true);
	assert_int_equal(n_entered, 1);
	assert_true(entered[0].clear);
	assert_true(addr_equal(&entered[0].peer.addr, &balancer.addr));
	close(fd);
}

/* ---- what it says ---- */

static void the_client_that_it_names_counts(void **state)
{
	int fd = arrives(&balancer, false);
	char rest[8];

	(void)state;
	assert_int_equal(sites_connections(&r->context), 1);
	assert_int_equal(sites_handshakes(&r->context), 1);
	SAY(fd, "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n\x16\x03\x01");
	turns(5);
	assert_int_equal(n_entered, 1);
	assert_int_equal(addr_v4_value(&entered[0].peer.addr), 0xc0000207);
	assert_int_equal(entered[0].peer.port, 56324);
	assert_int_equal(recv(entered[0].fd, rest, sizeof(rest), MSG_DONTWAIT), 3); /* for TLS */
	assert_memory_equal(rest, "\x16\x03\x01", 3);
	assert_int_equal(sites_connections(&r->context), 0); /* the session counts itself */
	assert_int_equal(sites_handshakes(&r->context), 0);
	assert_int_equal(r->left, 1);
	close(fd);
}

static void octet_by_octet_is_as_good(void **state)
{
	static const char header[] =
		V2 "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb";
	int fd = arrives(&balancer, false);

	(void)state;
	for (size_t i = 0; i < sizeof(header) - 1; i++) {
		assert_int_equal(n_entered, 0);
		assert_int_equal(send(fd, header + i, 1, 0), 1);
		turns(2);
	}
	turns(2);
	assert_int_equal(n_entered, 1);
	assert_int_equal(addr_v4_value(&entered[0].peer.addr), 0xc0000207);
	close(fd);
}

static void what_is_no_header_is_turned_away(void **state)
{
	static const char *const others[] = {
		"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02", "PROXY TCP4 x y 1 2\r\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		int fd = arrives(&balancer, false);

		logged = EV_NONE;
		assert_true(send(fd, others[i], strlen(others[i]), 0) > 0);
		turns(5);
		assert_int_equal(logged, EV_PROXY_HEADER_MISSING);
		assert_true(is_closed(fd));
		close(fd);
	}
	assert_int_equal(n_entered, 0);
	assert_int_equal(sites_connections(&r->context), 0);
}

static void an_end_in_the_middle_is_logged_and_one_before_is_a_check(void **state)
{
	int fd = arrives(&balancer, false);

	(void)state;
	close(fd);
	turns(5);
	assert_int_equal(logged, EV_NONE); /* a bare health check */
	fd = arrives(&balancer, false);
	SAY(fd, "PROXY TC");
	close(fd);
	turns(5);
	assert_int_equal(logged, EV_PROXY_HEADER_MISSING);
	assert_int_equal(n_entered, 0);
}

/* ---- the balancer's own connections ---- */

static void a_health_check_that_says_nothing_more_is_no_session(void **state)
{
	int fd = arrives(&balancer, false);

	(void)state;
	SAY(fd, V2 "\x20\x00\x00\x00"); /* LOCAL */
	turns(5);
	assert_int_equal(n_entered, 0);
	close(fd);
	turns(5);
	assert_int_equal(n_entered, 0);
	assert_int_equal(logged, EV_NONE);
	assert_int_equal(sites_connections(&r->context), 0);
}

static void a_health_check_that_goes_on_enters_as_the_balancer(void **state)
{
	int fd = arrives(&balancer, false);

	(void)state;
	SAY(fd, V2 "\x20\x00\x00\x00");
	turns(5);
	SAY(fd, "\x16");
	turns(5);
	assert_int_equal(n_entered, 1);
	assert_true(addr_equal(&entered[0].peer.addr, &balancer.addr));
	close(fd);
}

/* ---- limits ---- */

static void one_that_says_nothing_has_a_second(void **state)
{
	int fd = arrives(&balancer, false), quiet = arrives(&balancer, false);

	(void)state;
	SAY(quiet, V2 "\x20\x00\x00\x00");
	for (int i = 0; i < 1000 && sites_connections(&r->context); i++) {
		turns(1);
		usleep(10000);
	}
	assert_int_equal(sites_connections(&r->context), 0);
	assert_int_equal(logged, EV_PROXY_HEADER_LATE); /* the check is not: it said its header */
	assert_true(is_closed(fd) && is_closed(quiet));
	close(fd);
	close(quiet);
}

/*
 * A source's limit does not hold for the balancer; that of all does, twice, since its connections do not
 * stand for their clients yet. A newcomer gets the place of the oldest.
 */
static void the_places_of_all_are_its_limit(void **state)
{
	int fd[7];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		fd[i] = arrives(&balancer, false);
		now_us += 1000;
	}
	assert_int_equal(sites_handshakes(&r->context), 6);
	now_us += (EVICT_AFTER_MS + 1) * 1000;
	fd[6] = arrives(&balancer, false);
	rooms_deliver(r);
	turns(3);
	assert_int_equal(sites_handshakes(&r->context), 6);
	assert_int_equal(logged, EV_SERVER_HANDSHAKES_FULL);
	assert_true(is_closed(fd[0]));
	for (size_t i = 0; i < 7; i++)
		close(fd[i]);
}

static void a_stopping_site_takes_none_and_drops_those_that_wait(void **state)
{
	int waits = arrives(&balancer, false), late;

	(void)state;
	site->stopping = true;
	late = arrives(&stranger, false);
	assert_true(is_closed(late));
	SAY(waits, "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n");
	turns(5);
	assert_int_equal(n_entered, 0);
	assert_true(is_closed(waits));
	close(waits);
	waits = -1;
	site->stopping = false;
	waits = arrives(&balancer, false);
	proxy_header_close_all(site);
	proxy_header_close_all(site);
	turns(3);
	assert_true(is_closed(waits));
	assert_int_equal(sites_connections(&r->context), 0);
	close(waits);
	close(late);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_client_that_comes_straight_enters_at_once),
		CASE(without_tls_only_a_balancer_may_come),
		CASE(a_balancer_without_the_protocol_enters_as_itself),
		CASE(the_client_that_it_names_counts),
		CASE(octet_by_octet_is_as_good),
		CASE(what_is_no_header_is_turned_away),
		CASE(an_end_in_the_middle_is_logged_and_one_before_is_a_check),
		CASE(a_health_check_that_says_nothing_more_is_no_session),
		CASE(a_health_check_that_goes_on_enters_as_the_balancer),
		CASE(one_that_says_nothing_has_a_second),
		CASE(the_places_of_all_are_its_limit),
		CASE(a_stopping_site_takes_none_and_drops_those_that_wait),
	};

	return cmocka_run_group_tests_name("server/admission/proxy_header", tests, NULL, NULL);
}
