// SPDX-License-Identifier: Apache-2.0
/*
 * server/session/session.c: a connection from the door to its end. The peer is this test: without TLS
 * (as behind a balancer that ends it) the octets are written by hand. No thread; aaa and the store are
 * not asked as far as these conversations go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>

#include "ppp/auth/auth.h"
#include "ppp/fsm.h"
#include "unit/server/rooms.h"

static uint64_t sessions;

int aaa_begin(struct aaa *aaa, const struct aaa_facts *facts, struct aaa_conversation **ret)
{
	(void)aaa, (void)facts;
	*ret = calloc(1, 1);
	return 0;
}

size_t aaa_methods(const struct aaa_conversation *c, enum auth_method ret[static AUTH_METHODS])
{
	(void)c;
	ret[0] = AUTH_MSCHAPV2;
	return 1;
}

int aaa_feed(struct aaa_conversation *c, const struct aaa_input *input)
{
	(void)c, (void)input;
	return -EAGAIN;
}

void aaa_end(struct aaa_conversation *c)
{
	free(c);
}

uint64_t store_next_session(struct store *s)
{
	(void)s;
	return ++sessions;
}

int store_submit(struct store *s, struct store_job *job)
{
	(void)s, (void)job;
	return -EAGAIN;
}

static const struct endpoint peer = {{AF_INET, {198, 51, 100, 1}}, 5000};

static struct rooms *r;
static struct site *site;
static int fd; /* the peer's end */
static char got[4096];

static unsigned answered;

static void on_log(const struct log_scope *scope, enum event ev, const char *text)
{
	(void)scope, (void)text;
	answered += ev == EV_HTTP_ANSWERED;
}

static int begin(const char *config)
{
	answered = 0;
	log_tap(on_log);
	r = rooms_new(config);
	site = r->sites[0];
	r->context.snapshot->n_accepted = 1; /* the balancer's certificate */
	r->context.snapshot->accepted[0].sha256[0] = 1;
	strcpy(r->context.name, "test");
	fd = -1;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return begin("[server]\nmax_handshakes = 8\nsource_half_open = 4\nsource_rate = 0\n"
		     "max_sessions = 5\n[balancer]\nhealth_status = 204\n");
}

static int teardown(void **state)
{
	(void)state;
	if (fd >= 0)
		close(fd);
	while (site->sessions) {
		link_abort(&site->sessions->link);
		uv_run(&site->loop, UV_RUN_NOWAIT);
	}
	rooms_free(r);
	log_tap(NULL);
	return 0;
}

static int opens(int *ret_fd)
{
	struct arrival a = {.peer = peer, .clear = true};
	int pair[2], e;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	a.fd = pair[0];
	*ret_fd = pair[1];
	e = session_open(site, &a);
	if (e < 0)
		close(pair[0]);
	return e;
}

/* Turns of the loop; sessions before their login are read when it is their turn, as the worker does. */
static void turns(void)
{
	bool more = true;

	for (int i = 0; i < 6; i++) {
		uv_run(&site->loop, UV_RUN_NOWAIT);
		more = port_run_deferred(&site->port, 1000);
		port_flush(&site->port);
	}
	(void)more;
}

static void say(const void *octets, size_t n)
{
	assert_int_equal(send(fd, octets, n, MSG_NOSIGNAL), n);
	turns();
}

/* What has come so far; "" and is_over: the connection is closed. */
static const char *hear(bool *ret_over)
{
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	*ret_over = n == 0;
	got[n > 0 ? n : 0] = '\0';
	return got;
}

#define REQUEST                                                                                    \
	"SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"               \
	"Host: vpn.example\r\nSSTPCORRELATIONID: {F7FC0718-C386-4D9A-B529-973927075AA7}\r\n"       \
	"Content-Length: 18446744073709551615\r\n\r\n"

static const uint8_t connect_request[] = {
	0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1}; /* [MS-SSTP] 4.4 */

/* ---- what a session costs ---- */

/*
 * What ten thousand idle sessions hold each, buffers and TLS aside. A field that one phase needs belongs to
 * what lives as long as that phase: a login's question, an exchange, a text that few peers send.
 */
static void an_idle_session_stays_small(void **state)
{
	const size_t session = sizeof(struct session),
		     ppp = 3 * sizeof(struct fsm) + sizeof(struct auth);
	size_t tunnel;

	(void)state;
	assert_int_equal(opens(&fd), 0);
	tunnel = malloc_usable_size(site->sessions->link.tunnel);
	if (session > 2304 || tunnel > 3712 || ppp > 2048)
		fail_msg("session %zu, tunnel %zu, automata and login %zu octets", session, tunnel,
			ppp);
}

/* ---- as far as it goes ---- */

static void a_connection_counts_and_is_known(void **state)
{
	struct session_info info;

	(void)state;
	assert_int_equal(opens(&fd), 0);
	assert_int_equal(sites_connections(&r->context), 1);
	assert_int_equal(sites_handshakes(&r->context), 1);
	assert_int_equal(context_sessions(&r->context), 0); /* that are the logged in ones */
	session_info(site->sessions, &info);
	assert_int_equal(info.id, sessions);
	assert_string_equal(info.peer, "198.51.100.1:5000");
	assert_string_equal(info.user, "");
	assert_string_equal(info.address, "");
	assert_int_equal(info.since, clock_wall_s());
}

static void sstp_is_answered_and_its_call_acknowledged(void **state)
{
	bool over;

	(void)state;
	assert_int_equal(opens(&fd), 0);
	say(REQUEST, strlen(REQUEST));
	assert_memory_equal(hear(&over), "HTTP/1.1 200 ", 13);
	say(connect_request, sizeof(connect_request));
	assert_memory_equal(
		hear(&over), "\x10\x01\x00\x30\x00\x02", 6); /* 2.2.10 CALL_CONNECT_ACK */
	assert_string_equal(
		site->sessions->scope.correlation, "{F7FC0718-C386-4D9A-B529-973927075AA7}");
	assert_true(site->sessions->tls_up);
	assert_int_equal(r->attempts, 0);
}

static void a_health_check_gets_the_status_that_is_configured(void **state)
{
	static const char check[] =
		"HEAD /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\nHost: x\r\n\r\n";
	bool over;

	(void)state;
	assert_int_equal(opens(&fd), 0);
	say(check, strlen(check));
	assert_memory_equal(hear(&over), "HTTP/1.1 204 ", 13);
}

/* ---- no room ---- */

static void a_draining_server_answers_503_to_both(void **state)
{
	static const char check[] =
		"HEAD /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\nHost: x\r\n\r\n";
	bool over;

	(void)state;
	r->context.draining = true;
	assert_int_equal(opens(&fd), 0);
	say(REQUEST, strlen(REQUEST));
	assert_memory_equal(hear(&over), "HTTP/1.1 503 ", 13);
	assert_int_equal(r->attempts, 1);
	assert_int_equal(r->last_attempt, EV_SERVER_FULL);
	close(fd);
	turns();
	assert_int_equal(r->attempts, 1); /* one row for each connection */
	assert_int_equal(opens(&fd), 0);
	say(check, strlen(check));
	assert_memory_equal(hear(&over), "HTTP/1.1 503 ", 13);
	assert_int_equal(
		r->last_attempt, EV_HTTP_ANSWERED); /* it asked for no tunnel; the first did */
	assert_int_equal(answered, 1);
}

static void a_source_without_a_place_leaves_the_descriptor_to_the_caller(void **state)
{
	int other[4], more;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(opens(&other[i]), 0);
	assert_int_equal(opens(&more), -EBUSY);
	assert_int_equal(sites_connections(&r->context), 4);
	assert_int_equal(admission_refused(r->context.admission), 1);
	for (size_t i = 0; i < 4; i++)
		close(other[i]);
	close(more);
	turns();
	assert_int_equal(sites_connections(&r->context), 0);
}

/* ---- the end ---- */

static void all_is_given_back_at_the_end(void **state)
{
	(void)state;
	assert_int_equal(opens(&fd), 0);
	say(REQUEST, strlen(REQUEST));
	close(fd);
	fd = -1;
	turns();
	assert_null(site->sessions);
	assert_int_equal(sites_connections(&r->context), 0);
	assert_int_equal(sites_handshakes(&r->context), 0);
	assert_int_equal(r->left, 1);
	assert_int_equal(r->attempts, 1);
	assert_int_equal(r->begun + r->ended, 0); /* no session was there to be recorded */
}

static void evict_first(void)
{
	struct door *d = site->sessions->door;

	d->evict(d->owner);
	turns();
	assert_null(site->sessions);
}

/* Another source needs the place: without a word to the peer. */
static void an_evicted_one_is_gone_at_once(void **state)
{
	bool over;

	(void)state;
	assert_int_equal(opens(&fd), 0);
	evict_first();
	hear(&over);
	assert_true(over);
	assert_string_equal(got, "");
	assert_int_equal(r->last_attempt, EV_SERVER_HANDSHAKES_FULL);
	assert_int_equal(sites_handshakes(&r->context), 0);
}

static void a_flood_of_evictions_is_not_one_of_records(void **state)
{
	int other;

	(void)state;
	for (int i = 0; i < 42; i++) {
		if (i == 41)
			now_us += 1000000; /* the next second has records of its own */
		assert_int_equal(opens(&other), 0);
		evict_first();
		close(other);
		assert_int_equal(r->attempts, i < 10 ? i + 1 : i < 41 ? 10 : 11);
	}
	assert_int_equal(r->left, 42);
}

static void what_is_no_http_ends_it_with_its_reason(void **state)
{
	bool over;

	(void)state;
	assert_int_equal(opens(&fd), 0);
	say("\x01\x02\x03\r\n\r\n", 7);
	turns();
	hear(&over);
	close(fd);
	fd = -1;
	turns();
	assert_null(site->sessions);
	assert_int_equal(r->attempts, 1);
	assert_int_not_equal(r->last_attempt, EV_NONE);
}

static void a_server_that_stops_ends_all(void **state)
{
	int other[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(opens(&other[i]), 0);
	session_close_all(site, EV_SERVER_STOPPING);
	turns();
	for (size_t i = 0; i < 3; i++)
		close(other[i]);
	turns();
	assert_null(site->sessions);
	assert_int_equal(r->left, 3);
	assert_int_equal(r->last_attempt, EV_SERVER_STOPPING);
}

/* Between two workers' rings: the session may have ended, and the packet be nothing. */
static void a_packet_for_no_session_goes_nowhere(void **state)
{
	static const uint8_t packet[20] = {
		0x45, 0, 0, 20, [8] = 64, [12] = 10, 0, 0, 2, 10, 0, 0, 9};
	static const struct vnet_hdr plain;

	(void)state;
	session_route_packet(site, &plain, packet, sizeof(packet));
	session_route_packet(site, &plain, packet, 3);
	session_route_packet(site, &plain, packet, 0);
	assert_null(site->sessions);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_idle_session_stays_small),
		CASE(a_connection_counts_and_is_known),
		CASE(sstp_is_answered_and_its_call_acknowledged),
		CASE(a_health_check_gets_the_status_that_is_configured),
		CASE(a_draining_server_answers_503_to_both),
		CASE(a_source_without_a_place_leaves_the_descriptor_to_the_caller),
		CASE(all_is_given_back_at_the_end),
		CASE(an_evicted_one_is_gone_at_once),
		CASE(a_flood_of_evictions_is_not_one_of_records),
		CASE(what_is_no_http_ends_it_with_its_reason),
		CASE(a_server_that_stops_ends_all),
		CASE(a_packet_for_no_session_goes_nowhere),
	};

	return cmocka_run_group_tests_name("server/session/session", tests, NULL, NULL);
}
