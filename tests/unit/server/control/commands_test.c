// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/commands.c and cmd_*.c, status.c, event_feed.c: what a client of the control socket asks
 * and gets. One thread: the control loop turns and letters are delivered until the answer is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "events/event.h"
#include "os/tun.h"
#include "server/control/commands.h"
#include "unit/admin/client.h"
#include "unit/os/netns.h"
#include "unit/server/rooms.h"
#include "unit/store/state.h"

static struct rooms *r;
static struct control control;
static char path[108];
static int client;
static char answer[200000];

static int setup(void **state)
{
	(void)state;
	r = rooms_new("[server]\nmax_sessions = 77\n");
	control = (struct control){.context = &r->context};
	uv_loop_init(&control.loop);
	client_path(path);
	assert_int_equal(admin_new(&control.loop, path, commands_run, &control, &control.admin), 0);
	drain_init(&control.drain, &r->context, &control.loop);
	client = client_connect(path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(client);
	admin_close(control.admin);
	drain_close(&control.drain);
	uv_run(&control.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&control.loop), 0);
	admin_free(control.admin);
	client_forget(path);
	rooms_free(r);
	return 0;
}

/* Until a line is there: the loop, and the letters of all. */
static void hear(void)
{
	char c;

	for (int i = 0; i < TURNS_MOST && recv(client, &c, 1, MSG_PEEK) < 0; i++) {
		client_turn(&control.loop);
		rooms_deliver(r);
	}
	assert_true(client_line(&control.loop, client, answer, sizeof(answer)) > 0);
}

/* The result, or NULL: refused, and the reason is in `answer`. A new reference. */
static json_t *ask(const char *request)
{
	json_error_t err;
	json_t *line, *result = NULL;

	assert_int_equal(client_send(&control.loop, client, request, strlen(request)), 0);
	assert_int_equal(client_send(&control.loop, client, "\n", 1), 0);
	hear();
	line = json_loads(answer, 0, &err);
	assert_non_null(line);
	if (json_is_true(json_object_get(line, "ok")))
		result = json_incref(json_object_get(line, "result"));
	json_decref(line);
	return result;
}

static void refused(const char *request, const char *why)
{
	assert_null(ask(request));
	if (!strstr(answer, why))
		fail_msg("%s: %s", request, answer);
}

#define ASK(cmd) ask("{\"v\":1,\"cmd\":" cmd "}")
#define REFUSED(cmd, why) refused("{\"v\":1,\"cmd\":" cmd "}", why)

static json_int_t number(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

/* ---- sessions, kick, expire ---- */

static void three_sessions(void)
{
	struct session *s;

	rooms_session(r->sites[0], 1, "alice");
	rooms_session(r->sites[1], 2, "bob");
	s = rooms_session(r->sites[1], 3, "alice");
	strcpy(s->scope.peer, "[2001:db8::7]:5000");
	s->up4 = true;
	s->addresses.peer = addr_v4(0x0a000005);
}

static size_t listed(json_t *result)
{
	size_t n = json_array_size(json_object_get(result, "sessions"));

	assert_non_null(result);
	json_decref(result);
	return n;
}

static void sessions_are_those_that_match(void **state)
{
	json_t *result, *one;

	(void)state;
	assert_int_equal(listed(ASK("\"sessions\"")), 0);
	three_sessions();
	assert_int_equal(listed(ASK("\"sessions\"")), 3);
	assert_int_equal(listed(ASK("\"sessions\",\"user\":\"ALICE\"")), 2);
	assert_int_equal(listed(ASK("\"sessions\",\"user\":\"nobody\"")), 0);
	assert_int_equal(listed(ASK("\"sessions\",\"session\":2")), 1);
	assert_int_equal(listed(ASK("\"sessions\",\"session\":2,\"user\":\"alice\"")), 0);
	assert_int_equal(listed(ASK("\"sessions\",\"address\":\"10.0.0.5\"")), 1);  /* inside */
	assert_int_equal(listed(ASK("\"sessions\",\"address\":\"192.0.2.1\"")), 2); /* outside */
	result = ASK("\"sessions\",\"address\":\"2001:db8::7\"");
	one = json_array_get(json_object_get(result, "sessions"), 0);
	assert_int_equal(number(one, "session"), 3);
	assert_int_equal(number(one, "worker"), 1);
	assert_string_equal(json_string_value(json_object_get(one, "user")), "alice");
	assert_string_equal(json_string_value(json_object_get(one, "address")), "10.0.0.5");
	assert_int_equal(number(one, "since"), clock_wall_s());
	json_decref(result);
}

static void what_names_no_session_well_is_refused(void **state)
{
	char wide[400];

	(void)state;
	three_sessions();
	REFUSED("\"sessions\",\"address\":\"10.0.0\"", "no IP address");
	REFUSED("\"kick\",\"session\":-1", "above 0");
	REFUSED("\"kick\"", "whom?");
	REFUSED("\"kick\",\"user\":\"\"", "whom?");
	REFUSED("\"kick\",\"user\":7", "whom?");
	REFUSED("\"expire\",\"at\":1", "\\\"user\\\" is wanted");
	REFUSED("\"expire\",\"user\":\"alice\",\"at\":-1", "1970");
	snprintf(wide, sizeof(wide), "{\"v\":1,\"cmd\":\"kick\",\"user\":\"%0300d\"}", 1);
	refused(wide, "too long");
	for (unsigned i = 0; i < SITES; i++)
		for (struct session *s = r->sites[i]->sessions; s; s = session_next(s))
			assert_false(s->leaving);
}

static void kick_ends_those_that_match_and_names_them(void **state)
{
	(void)state;
	three_sessions();
	assert_int_equal(listed(ASK("\"kick\",\"user\":\"bob\"")), 1);
	assert_int_equal(r->sites[1]->sessions->next->scope.session, 2);
	assert_true(r->sites[1]->sessions->next->leaving);
	assert_int_equal(r->sites[1]->sessions->next->ended_by, EV_SESSION_KICKED);
	assert_false(r->sites[1]->sessions->leaving);
	assert_int_equal(listed(ASK("\"kick\",\"user\":\"alice\",\"why\":\"user-changed\"")), 2);
	assert_int_equal(r->sites[0]->sessions->ended_by, EV_USER_CHANGED);
}

static void a_date_that_has_passed_ends_the_users_sessions(void **state)
{
	char request[100];

	(void)state;
	three_sessions();
	snprintf(request, sizeof(request),
		"{\"v\":1,\"cmd\":\"expire\",\"user\":\"alice\",\"at\":%lld}",
		(long long)clock_wall_s() + 3600);
	assert_int_equal(listed(ask(request)), 2);
	assert_false(r->sites[0]->sessions->leaving);
	assert_int_equal(listed(ASK("\"expire\",\"user\":\"alice\",\"at\":1000")), 2);
	assert_true(r->sites[0]->sessions->leaving);
	assert_false(r->sites[1]->sessions->next->leaving); /* bob */
}

static void a_stopping_server_asks_no_worker(void **state)
{
	(void)state;
	three_sessions();
	control.stopping = true;
	REFUSED("\"sessions\"", "stopping");
	REFUSED("\"kick\",\"user\":\"bob\"", "stopping");
	REFUSED("\"expire\",\"user\":\"bob\",\"at\":0", "stopping");
	REFUSED("\"drain\",\"for_s\":0", "stopping");
}

/* ---- the server ---- */

static void an_unknown_command_names_the_known_ones(void **state)
{
	(void)state;
	REFUSED("\"reboot\"", "this server knows: status sessions kick");
	REFUSED("\"statu\"", "unknown command");
}

static void drain_takes_a_week_at_most(void **state)
{
	json_t *result;

	(void)state;
	REFUSED("\"drain\",\"for_s\":-1", "a week at most");
	REFUSED("\"drain\",\"for_s\":604801", "a week at most");
	assert_true(site_accepting(r->sites[0]));
	result = ASK("\"drain\",\"for_s\":604800");
	assert_true(json_is_true(json_object_get(result, "draining")));
	assert_int_equal(number(result, "sessions"), 0);
	json_decref(result);
	assert_false(site_accepting(r->sites[0]));
	result = ASK("\"drain\",\"stop\":true");
	assert_true(json_is_false(json_object_get(result, "draining")));
	json_decref(result);
	assert_true(site_accepting(r->sites[0]));
}

static void a_reload_without_a_file_is_refused(void **state)
{
	(void)state;
	REFUSED("\"reload\"", "no configuration");
}

static void status_has_sums_limits_and_a_row_for_each_worker(void **state)
{
	json_t *result, *workers;

	(void)state;
	NEED_NETNS();
	NEED_TUN();
	assert_int_equal(tun_new(&(struct tun_opts){.name = "test0"}, &r->context.tun, NULL), 0);
	r->context.started_s = clock_wall_s() - 61;
	r->context.pools[r->context.n_pools++] =
		(struct config_pool){"staff", {addr_v4(0x0a010000), 24}};
	r->sites[0]->n_connections = 3;
	r->sites[1]->n_connections = 4;
	r->sites[1]->n_up = 2;
	r->sites[1]->port.stats.drop_source = 9;
	result = ASK("\"status\"");
	assert_non_null(result);
	assert_int_equal(number(result, "uptime_s"), 61);
	assert_int_equal(number(result, "connections"), 7);
	assert_int_equal(number(result, "up"), 2);
	assert_int_equal(number(result, "max_sessions"), 77);
	assert_string_equal(json_string_value(json_object_get(result, "tun")), "test0");
	assert_string_equal(json_string_value(json_object_get(result, "pool")), "10.0.0.0/24");
	assert_string_equal(json_string_value(json_object_get(result, "address")), "10.0.0.1");
	assert_string_equal(json_string_value(json_object_get(result, "steering")), "ring");
	assert_int_equal(json_array_size(json_object_get(result, "pools")), 1);
	workers = json_object_get(result, "workers");
	assert_int_equal(json_array_size(workers), SITES);
	assert_int_equal(number(json_array_get(workers, 1), "drop_source"), 9);
	assert_null(json_object_get(json_array_get(workers, 1), "queue_us")); /* hidden */
	json_decref(result);
	tun_free(r->context.tun);
}

/* ---- attempts: on the store's thread ---- */

static void attempts_come_newest_first_page_by_page(void **state)
{
	struct state folder;
	struct db_error err;
	struct db *db;
	json_t *result, *list;
	size_t n;

	(void)state;
	state_make(&folder);
	db = state_open(&folder);
	assert_int_equal(db_begin(db), 0);
	for (int i = 1; i <= 450; i++) { /* more than two pages */
		struct db_attempt a = {.at = 1000 + i, .outcome = EV_AUTH_FAILED};

		snprintf(a.user, sizeof(a.user), "user%d\n", i);
		assert_int_equal(db_attempt_add(db, &a), 0);
	}
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(
		store_new(db, &(struct store_opts){.keep_attempts = 1000}, &r->context.store, &err),
		0);
	result = ASK("\"attempts\",\"most\":445");
	list = json_object_get(result, "attempts");
	n = json_array_size(list);
	assert_int_equal(n, 445);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(number(json_array_get(list, i), "at"), 1450 - (json_int_t)i);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 0), "name")), "AUTH_FAILED");
	json_decref(result);
	result = ASK("\"attempts\""); /* without a number: a hundred */
	assert_int_equal(json_array_size(json_object_get(result, "attempts")), 100);
	json_decref(result);
	result = ASK("\"attempts\",\"most\":400"); /* whole pages */
	assert_int_equal(json_array_size(json_object_get(result, "attempts")), 400);
	json_decref(result);
	control.stopping = true;
	REFUSED("\"attempts\"", "try again");
	store_free(r->context.store);
	state_remove(&folder);
}

/* ---- events ---- */

static void a_follower_gets_what_happens_on_any_thread(void **state)
{
	struct log_scope scope = {.session = 12, .peer = "192.0.2.1:5000", .correlation = "{x}"};
	json_error_t err;
	json_t *result, *line, *event;

	(void)state;
	event_feed_begin(&control);
	log_event(NULL, EV_SERVER_READY, "before");
	result = ASK("\"events\"");
	assert_true(json_is_true(json_object_get(result, "following")));
	json_decref(result);
	log_event(&scope, EV_SESSION_KICKED, "user=\"%s\"", "al\"ice");
	hear();
	line = json_loads(answer, 0, &err);
	event = json_object_get(line, "event");
	assert_int_equal(number(event, "event"), EV_SESSION_KICKED);
	assert_string_equal(json_string_value(json_object_get(event, "name")), "SESSION_KICKED");
	assert_int_equal(number(event, "session"), 12);
	assert_string_equal(json_string_value(json_object_get(event, "peer")), "192.0.2.1:5000");
	assert_string_equal(json_string_value(json_object_get(event, "correlation")), "{x}");
	assert_non_null(strstr(json_string_value(json_object_get(event, "text")), "user="));
	assert_null(json_object_get(event, "lost"));
	json_decref(line);
	log_event(NULL, EV_SERVER_READY, "%s", ""); /* without what is not known */
	hear();
	assert_null(strstr(answer, "\"session\""));
	assert_null(strstr(answer, "\"text\""));
	event_feed_end();
}

/* More than may be under way: they are counted, and the next line says how many. */
static void what_is_lost_is_counted(void **state)
{
	json_t *result;
	char *lost;

	(void)state;
	log_init(LOG_LEVEL_ERROR); /* not on this test's own output */
	event_feed_begin(&control);
	result = ASK("\"events\"");
	json_decref(result);
	for (int i = 0; i < 1024 + 7; i++)
		log_event(NULL, EV_SERVER_READY, "%d", i);
	hear();
	lost = strstr(answer, "\"lost\":7");
	assert_non_null(lost);
	for (int i = 1; i < 1024; i++)
		hear();
	assert_non_null(strstr(answer, "\"text\":\"1023\""));
	log_event(NULL, EV_SERVER_READY, "again");
	hear();
	assert_null(strstr(answer, "lost"));
	event_feed_end();
	log_init(LOG_LEVEL_INFO);
}

static void without_a_follower_nothing_is_kept(void **state)
{
	(void)state;
	event_feed_begin(&control);
	log_event(NULL, EV_SERVER_READY, "x");
	assert_null(r->context.control_mailbox.head);
	event_feed_end();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sessions_are_those_that_match),
		CASE(what_names_no_session_well_is_refused),
		CASE(kick_ends_those_that_match_and_names_them),
		CASE(a_date_that_has_passed_ends_the_users_sessions),
		CASE(a_stopping_server_asks_no_worker),
		CASE(an_unknown_command_names_the_known_ones),
		CASE(drain_takes_a_week_at_most),
		CASE(a_reload_without_a_file_is_refused),
		CASE(status_has_sums_limits_and_a_row_for_each_worker),
		CASE(attempts_come_newest_first_page_by_page),
		CASE(a_follower_gets_what_happens_on_any_thread),
		CASE(what_is_lost_is_counted),
		CASE(without_a_follower_nothing_is_kept),
	};

	signal(SIGPIPE, SIG_IGN); /* as the server does */
	return cmocka_run_group_tests_name("server/control/commands", tests, NULL, NULL);
}
