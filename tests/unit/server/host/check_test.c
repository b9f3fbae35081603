// SPDX-License-Identifier: Apache-2.0
/* server/host/check.c: everything that is wrong with a configuration, not the first thing only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "server/host/check.h"
#include "store/db.h"
#include "tls/cert.h"
#include "unit/server/host/host.h"

static struct {
	bool wrong;
	enum event event;
	char text[400];
} found[32];
static size_t n_found;

static void on_found(void *arg, bool wrong, enum event ev, const char *text)
{
	assert_ptr_equal(arg, &host);
	found[n_found].wrong = wrong;
	found[n_found].event = ev;
	snprintf(found[n_found++].text, sizeof(found[0].text), "%s", text);
}

static void check(const char *more)
{
	configure(more);
	n_found = 0;
	server_check(context.config, on_found, &host);
}

/* One thing was found, and says this. */
static void only(enum event ev, bool wrong, const char *part)
{
	if (n_found != 1 || found[0].event != ev || found[0].wrong != wrong ||
		!strstr(found[0].text, part))
		fail_msg("%zu found: %d %s; wanted %d %s", n_found, found[0].event, found[0].text,
			ev, part);
}

static void make_pair(const char *name, const char *crt, const char *key, int64_t at)
{
	struct cert_opts opts = {.key = CERT_P256, .names = &name, .n_names = 1, .now_s = at};
	struct tls_failure why;

	if (cert_create(&opts, in_folder(crt), in_folder(key), &why) < 0)
		fail_msg("%s", why.text);
}

static void check_pair(const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text), "%s[tls]\ncertificate = %s\nkey = %s\n", more,
		in_folder("a.crt"), in_folder("a.key"));
	check(text);
}

static void the_defaults_are_good_and_nothing_is_made(void **state)
{
	(void)state;
	check("");
	assert_int_equal(n_found, 0);
	assert_int_equal(access(in_folder("server.crt"), F_OK), -1);
	assert_int_equal(access(in_folder("culvert.db"), F_OK), -1);
}

static void a_user_that_is_not_there(void **state)
{
	(void)state;
	check("user = no-such-user-here\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "no user \"no-such-user-here\"");
}

static void a_state_folder_that_could_not_be_made(void **state)
{
	(void)state;
	configure_below("/a/b", "");
	n_found = 0;
	server_check(context.config, on_found, &host);
	only(EV_CONFIG_NAMES_NOTHING, true, "[server] state");
	configure_below("/new", ""); /* the start makes it */
	n_found = 0;
	server_check(context.config, on_found, &host);
	assert_int_equal(n_found, 0);
	put_file("file", "");
	configure_below("/file", "");
	n_found = 0;
	server_check(context.config, on_found, &host);
	only(EV_CONFIG_NAMES_NOTHING, true, "Not a directory");
}

static void files_that_are_not_there_are_all_named(void **state)
{
	(void)state;
	check("[tls]\ncertificate = /no/a.crt\nkey = /no/a.key\nkeylog = /no/log\n"
	      "[store]\nkey_file = /no/key\n"
	      "[metrics]\nlisten = /no/metrics\n[balancer]\naccept_certificates = /no/b.crt\n");
	assert_int_equal(n_found, 6);
	for (size_t i = 0; i < n_found; i++) {
		assert_true(found[i].wrong);
		assert_int_equal(found[i].event, EV_CONFIG_NAMES_NOTHING);
		assert_non_null(strstr(found[i].text, "/no"));
	}
}

static void a_certificate_for_another_name_is_a_doubt(void **state)
{
	(void)state;
	make_pair("vpn.example", "a.crt", "a.key", clock_wall_s());
	check_pair("name = vpn.example\n");
	assert_int_equal(n_found, 0);
	check_pair("name = other.example\n");
	only(EV_CONFIG_DOUBTFUL, false, "no certificate is for \"other.example\"");
}

static void dates_are_judged(void **state)
{
	(void)state;
	make_pair("vpn.example", "a.crt", "a.key", clock_wall_s() - 1000 * 24 * 3600ll);
	check_pair("");
	only(EV_CERT_OVER, event_info(EV_CERT_OVER)->level == LOG_LEVEL_ERROR, "a.crt");
	make_pair("vpn.example", "a.crt", "a.key", clock_wall_s() + 10 * 24 * 3600);
	check_pair("");
	only(EV_CONFIG_DOUBTFUL, false, "not valid yet");
}

static void a_key_of_another_certificate_is_wrong(void **state)
{
	(void)state;
	make_pair("vpn.example", "a.crt", "b.key", clock_wall_s());
	make_pair("vpn.example", "b.crt", "a.key", clock_wall_s());
	check_pair("");
	assert_int_equal(n_found, 1);
	assert_true(found[0].wrong);
}

static void what_is_no_certificate_is_wrong_once(void **state)
{
	(void)state;
	make_pair("vpn.example", "a.crt", "a.key", clock_wall_s());
	put_file("a.crt", "nonsense");
	check_pair("");
	assert_int_equal(n_found, 1);
	assert_true(found[0].wrong);
	assert_non_null(strstr(found[0].text, "a.crt"));
}

static void an_address_of_no_interface(void **state)
{
	(void)state;
	check("listen = 203.0.113.77:443 127.0.0.1:443\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "203.0.113.77:443");
}

static void an_interface_that_is_no_tun(void **state)
{
	(void)state;
	check("[tunnel]\ntun = lo\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "\"lo\" that is no TUN");
}

static void a_congestion_control_that_the_kernel_does_not_know(void **state)
{
	(void)state;
	check("congestion = no-such-one\n");
	only(EV_CONFIG_DOUBTFUL, false, "no-such-one");
	check("congestion = reno\n"); /* each kernel has it */
	assert_int_equal(n_found, 0);
}

static void a_pool_of_addresses_that_no_client_may_have(void **state)
{
	(void)state;
	check("[tunnel]\nipv4_pool = 127.5.0.0/16\n");
	only(EV_POOL_UNUSABLE, event_info(EV_POOL_UNUSABLE)->level == LOG_LEVEL_ERROR, "loopback");
}

static bool was_found(enum event ev, bool wrong, const char *part)
{
	for (size_t i = 0; i < n_found; i++)
		if (found[i].event == ev && found[i].wrong == wrong && strstr(found[i].text, part))
			return true;
	return false;
}

static void where_else_it_listens(void **state)
{
	char text[300];

	(void)state;
	check("[metrics]\nlisten = 203.0.113.77:9443\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "[metrics] listen: 203.0.113.77:9443");
	check("[metrics]\nlisten = nowhere\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "\"nowhere\"");
	check("[metrics]\nlisten = 127.0.0.1:9443\n");
	assert_int_equal(n_found, 0);
	put_file("file", "");
	snprintf(text, sizeof(text), "[metrics]\nlisten = %s\n", in_folder("file"));
	check(text);
	only(EV_CONFIG_NAMES_NOTHING, true, "no socket");
	snprintf(text, sizeof(text), "[metrics]\nlisten = %s/%0100d\n", folder, 0);
	check(text);
	only(EV_CONFIG_NAMES_NOTHING, true, "too long");
	put_file("secret", "testing123");
	snprintf(text, sizeof(text),
		"[radius]\nservers = 127.0.0.1\nsecret_file = %s\ncoa_listen = 203.0.113.77\n"
		"nas_address = 203.0.113.78\n",
		in_folder("secret"));
	check(text);
	assert_int_equal(n_found, 2);
	assert_true(was_found(EV_CONFIG_NAMES_NOTHING, true, "coa_listen: 203.0.113.77:3799"));
	assert_true(was_found(EV_CONFIG_DOUBTFUL, false, "nas_address: 203.0.113.78"));
	check("[radius]\ncoa_listen = 127.0.0.1\n");
	only(EV_CONFIG_DOUBTFUL, false, "coa_listen");
}

static void secrets_of_radius_servers(void **state)
{
	char text[300];

	(void)state;
	check("[radius]\nservers = 127.0.0.1\n");
	only(EV_CONFIG_BAD_VALUE, true, "[radius] secret_file");
	check("[radius]\nservers = 127.0.0.1\nsecret_file = /no/secret\n");
	only(EV_CONFIG_NAMES_NOTHING, true, "/no/secret");
	put_file("secret", "\xef\xbb\xbftesting123");
	snprintf(text, sizeof(text), "[radius]\naccounting = 127.0.0.1\nsecret_file = %s\n",
		in_folder("secret"));
	check(text);
	only(EV_CONFIG_BAD_VALUE, true, "byte order mark");
	put_file("secret", "testing123\n");
	check(text);
	assert_int_equal(n_found, 0);
}

/* A user "u" with these values, and a group "g" with that one. */
static void fill_store(
	const char *address, const char *pool, const char *filter, const char *of_group)
{
	struct db_opts opts = {.state = folder};
	struct db_error err;
	struct addr none = {0}, a;
	struct db *db;
	int64_t user, group;

	assert_int_equal(db_open(&opts, &db, &err), 0);
	assert_int_equal(db_user_add(db, "u", &none, 0, &user), 0);
	assert_int_equal(db_group_add(db, "g", &group), 0);
	assert_int_equal(addr_parse(address, &a), 0);
	assert_int_equal(db_user_set_ipv4(db, user, &a), 0);
	assert_int_equal(db_user_set_pool(db, user, pool), 0);
	assert_int_equal(db_value_set(db, DB_USER, user, "filter", filter), 0);
	assert_int_equal(db_value_set(db, DB_GROUP, group, "pool", of_group), 0);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_user_set_groups(db, user, &group, 1), 0);
	assert_int_equal(db_commit(db), 0);
	db_close(db);
}

#define POOLS                                                                                      \
	"[tunnel]\nipv4_pool = 10.99.0.0/24\npools = staff=10.98.0.0/24\n"                         \
	"[policy]\nfilters = \"office: allow any\"\n"

static void what_users_and_groups_name(void **state)
{
	(void)state;
	fill_store("10.99.0.7", "staff", "office", "staff");
	check(POOLS);
	assert_int_equal(n_found, 0);
	check("[tunnel]\nipv4_pool = 10.97.0.0/24\n"); /* another configuration: all of it is gone */
	assert_int_equal(n_found, 3);                  /* an address of no pool is routed */
	assert_true(
		was_found(EV_CONFIG_DOUBTFUL, false, "group \"g\": there is no pool \"staff\""));
	assert_true(was_found(EV_CONFIG_DOUBTFUL, false, "user \"u\": there is no pool \"staff\""));
	assert_true(was_found(
		EV_CONFIG_DOUBTFUL, false, "user \"u\": [policy] filters has no \"office\""));
}

static void a_value_that_cannot_be_read_and_an_address_of_no_client(void **state)
{
	(void)state;
	fill_store("224.0.0.5", "", "office", "");
	check(POOLS);
	assert_int_equal(n_found, 2);
	assert_true(was_found(EV_CONFIG_DOUBTFUL, false, "multicast"));
	assert_true(was_found(EV_CONFIG_DOUBTFUL, false, "group \"g\": this version cannot read"));
}

static void many_are_counted(void **state)
{
	struct db_opts opts = {.state = folder};
	struct db_error err;
	struct addr none = {0};
	struct db *db;
	int64_t user;
	char name[20];

	(void)state;
	assert_int_equal(db_open(&opts, &db, &err), 0);
	for (int i = 0; i < 25; i++) {
		snprintf(name, sizeof(name), "u%02d", i);
		assert_int_equal(db_user_add(db, name, &none, 0, &user), 0);
		assert_int_equal(db_user_set_pool(db, user, "gone"), 0);
	}
	db_close(db);
	check("");
	assert_int_equal(n_found, 11);
	assert_true(was_found(EV_CONFIG_DOUBTFUL, false, "15 more"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_defaults_are_good_and_nothing_is_made),
		CASE(a_user_that_is_not_there),
		CASE(a_state_folder_that_could_not_be_made),
		CASE(files_that_are_not_there_are_all_named),
		CASE(a_certificate_for_another_name_is_a_doubt),
		CASE(dates_are_judged),
		CASE(a_key_of_another_certificate_is_wrong),
		CASE(what_is_no_certificate_is_wrong_once),
		CASE(an_address_of_no_interface),
		CASE(an_interface_that_is_no_tun),
		CASE(a_congestion_control_that_the_kernel_does_not_know),
		CASE(a_pool_of_addresses_that_no_client_may_have),
		CASE(where_else_it_listens),
		CASE(secrets_of_radius_servers),
		CASE(what_users_and_groups_name),
		CASE(a_value_that_cannot_be_read_and_an_address_of_no_client),
		CASE(many_are_counted),
	};

	return cmocka_run_group_tests_name("server/host/check", tests, NULL, NULL);
}
