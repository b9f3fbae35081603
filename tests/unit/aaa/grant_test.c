// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aaa/grant.h"

static struct grant_values of_a_user(void)
{
	return (struct grant_values){.address = {GRANT_USER, addr_v4(0x0a080007)},
		.pool = {GRANT_USER, "staff"},
		.expires = {GRANT_USER, 87634}};
}

static struct grant_values of_all(void)
{
	return (struct grant_values){
		.dns = {GRANT_DEFAULT, 2, {addr_v4(0xc0000235), addr_v4(0xc0000236)}},
		.ipv6 = {GRANT_DEFAULT, true},
		.sessions = {GRANT_DEFAULT, 3}};
}

static void a_value_that_is_set_replaces_and_an_unset_one_does_not(void **state)
{
	struct grant_values v = of_all(), user = of_a_user();

	(void)state;
	user.dns = (struct grant_addrs){GRANT_USER, 1, {addr_v4(0x0a080001)}};
	user.ipv6 = (struct grant_flag){GRANT_USER, false};
	grant_merge(&v, &user);
	assert_int_equal(v.dns.n, 1);
	assert_int_equal(v.dns.origin, GRANT_USER);
	assert_false(v.ipv6.value);
	assert_int_equal(v.sessions.value, 3);
	assert_int_equal(v.sessions.origin, GRANT_DEFAULT);
	assert_string_equal(v.pool.value, "staff");
	assert_int_equal(v.expires.value, 87634);
	assert_int_equal(v.nbns.origin, GRANT_UNSET);
}

/* "None" is a value, too: it takes the farther source's list away. */
static void an_empty_list_replaces(void **state)
{
	struct grant_values v = of_all();

	(void)state;
	grant_merge(&v, &(struct grant_values){.dns = {.origin = GRANT_USER}});
	assert_int_equal(v.dns.n, 0);
}

/* Filters add up: the nearer source's come first, each once, and beyond the bound the nearer stay. */
static void lists_that_add_up_begin_with_the_nearer_source(void **state)
{
	struct grant_values v = {0}, user = {0};
	char why[GRANT_WHY_LEN], text[GRANT_VALUE_LEN];

	(void)state;
	grant_parse(&v, "filter", "a,b,c,d,e,f", GRANT_GROUP, why);
	grant_parse(&user, "filter", "x,b,y,z", GRANT_USER, why);
	grant_merge(&v, &user);
	assert_string_equal(grant_text(&v, grant_key_find("filter"), text), "x,b,y,z,a,c,d,e");
	assert_int_equal(v.filter.origin, GRANT_USER);
}

static void each_value_is_printed_with_its_origin(void **state)
{
	struct grant_values v = of_all(), user = of_a_user();
	char text[GRANT_TEXT_LEN];

	(void)state;
	grant_merge(&v, &user);
	assert_string_equal(grant_format(&v, text),
		"expires=\"1970-01-02 00:20:34\" (user) sessions=3 (default) address=10.8.0.7 (user) "
		"pool=staff (user) dns=192.0.2.53,192.0.2.54 (default) ipv6=yes (default)");
	assert_string_equal(grant_format(&(struct grant_values){0}, text), "");
}

/* A pool's name is an admin's, and may hold what would end the field. */
static void a_name_does_not_end_its_field(void **state)
{
	const struct grant_values v = {.pool = {GRANT_USER, "a b=\"c\" \x1b[2J"}};
	char text[GRANT_TEXT_LEN];

	(void)state;
	assert_string_equal(grant_format(&v, text), "pool=\"a b=\\\"c\\\" \\x1b[2J\" (user)");
}

static void a_full_grant_fits_its_text(void **state)
{
	struct grant_values v = of_a_user();
	char text[GRANT_TEXT_LEN];

	(void)state;
	v.dns = (struct grant_addrs){.origin = GRANT_RADIUS, .n = GRANT_ADDRS_MAX};
	for (size_t i = 0; i < GRANT_ADDRS_MAX; i++)
		v.dns.item[i] = addr_v4(0xfffefdf0 + (uint32_t)i);
	v.nbns = v.dns;
	memset(v.pool.value, 'p', GRANT_WORD_MAX);
	v.sessions = (struct grant_count){GRANT_COA, UINT32_MAX};
	assert_non_null(strstr(grant_format(&v, text), "sessions=4294967295 (coa)"));
}

static void a_grant_lives_as_long_as_its_last_reference(void **state)
{
	const struct grant_values v = of_a_user();
	struct grant *g, *other;

	(void)state;
	assert_int_equal(grant_new(&v, &g), 0);
	other = grant_ref(g);
	grant_unref(g);
	assert_string_equal(other->is.pool.value, "staff");
	grant_unref(other);
	grant_unref(NULL);
}

/* ---- values as text ---- */

static const struct grant_key *key_of(const char *word)
{
	const struct grant_key *key = grant_key_find(word);

	assert_non_null(key);
	return key;
}

/* What is printed and what is stored both read back as the same value. */
static void check_both_ways(const char *word, const char *typed, const char *printed)
{
	struct grant_values v = {0}, again = {0};
	char why[GRANT_WHY_LEN], text[GRANT_VALUE_LEN], stored[GRANT_VALUE_LEN];

	if (grant_parse(&v, word, typed, GRANT_USER, why) < 0)
		fail_msg("%s=%s: %s", word, typed, why);
	assert_int_equal(grant_origin_of(&v, key_of(word)), GRANT_USER);
	assert_string_equal(grant_text(&v, key_of(word), text), printed);
	assert_int_equal(grant_parse(&again, word, printed, GRANT_USER, why), 0);
	assert_memory_equal(&v, &again, sizeof(v));
	grant_stored_text(&v, key_of(word), stored);
	assert_int_equal(grant_parse(&again, word, stored, GRANT_USER, why), 0);
	assert_memory_equal(&v, &again, sizeof(v));
}

static void values_read_back_as_they_are_printed(void **state)
{
	static const char *const good[][3] = {
		{"disabled", "yes", "yes"},
		{"disabled", "off", "no"},
		{"expires", "2027-01-31", "2027-01-31"},
		{"expires", "never", "never"},
		{"expires", "2027-01-31 18:30", "2027-01-31 18:30"},
		{"expires", "2027-01-31T18:30", "2027-01-31 18:30"},
		{"expires", "@1801353601", "2027-01-31 00:00:01"},
		{"hours", "always", "always"},
		{"hours", "mon-fri/08:00-18:00", "mon-fri/08:00-18:00"},
		{"hours", "Mon-Fri 8:00-18:00", "mon-fri/08:00-18:00"},
		{"hours", "fri-mon/22:00-06:00,wed", "fri-mon/22:00-06:00,wed/00:00-24:00"},
		{"hours", "09:00-17:30", "09:00-17:30"},
		{"hours", "sun-sat", "00:00-24:00"},
		{"methods", "eap-tls,mschapv2", "eap-tls,mschapv2"},
		{"methods", "pap chap", "chap,pap"},
		{"sessions", "1", "1"},
		{"sessions", "auto", "auto"},
		{"sessions", "1000000", "1000000"},
		{"idle", "600", "10m"},
		{"idle", "90s", "90s"},
		{"idle", "off", "off"},
		{"session_time", "24h", "1d"},
		{"session_time", "366d", "366d"},
		{"address", "10.8.0.7", "10.8.0.7"},
		{"pool", "staff", "staff"},
		{"rate_down", "10M", "10M"},
		{"rate_up", "2.5M", "2500k"},
		{"rate_up", "off", "off"},
		{"rate_down", "8000", "8k"},
		{"rate_down", "400G", "400G"},
		{"filter", "office,no-dns", "office,no-dns"},
		{"filter", "a,a", "a"},
		{"dns", "10.9.0.53,10.9.0.54", "10.9.0.53,10.9.0.54"},
		{"dns", "none", "none"},
		{"dns", "10.9.0.53,2001:db8::53", "10.9.0.53,2001:db8::53"},
		{"dns", "2001:db8::1,2001:db8::2,2001:db8::3",
			"2001:db8::1,2001:db8::2,2001:db8::3"},
		{"routes", "10.9.0.0/16,2001:db8:9::/48", "10.9.0.0/16,2001:db8:9::/48"},
		{"routes", "10.9.0.5/16 192.0.2.7", "10.9.0.0/16,192.0.2.7/32"},
		{"routes", "none", "none"},
		{"domains", "corp.example", "corp.example"},
		{"domains", "Corp.Example., lab.example,CORP.example", "corp.example,lab.example"},
		{"domains", "m\xc3\xbcller.example", "xn--mller-kva.example"},
		{"domains", "corp", "corp"},
		{"search", "_tcp.corp.example", "_tcp.corp.example"},
		{"search", "none", "none"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		check_both_ways(good[i][0], good[i][1], good[i][2]);
}

static void wrong_values_are_refused_and_change_nothing(void **state)
{
	static const char *const bad[][2] = {
		{"disabled", ""},
		{"disabled", "maybe"},
		{"disabled", "YES"},
		{"expires", "2027-02-31"},
		{"expires", "2027-13-01"},
		{"expires", "2027-01-31x"},
		{"expires", "1960-01-01"},
		{"expires", "@"},
		{"expires", "@-1"},
		{"expires", "@99999999999999999999"},
		{"expires", "tomorrow"},
		{"expires", ""},
		{"hours", ""},
		{"hours", "mon-"},
		{"hours", "mon/25:00-26:00"},
		{"hours", "mon/08:00-08:00"},
		{"hours", "mon/24:00-08:00"},
		{"hours", "mon/08:00-24:01"},
		{"hours", "mon/08:60-09:00"},
		{"hours", "mon/"},
		{"hours", "mon,"},
		{"hours", ",mon"},
		{"hours", "moonday"},
		{"hours", "08:00"},
		{"hours", "mon,mon,mon,mon,mon,mon,mon,mon,mon"},
		{"methods", ""},
		{"methods", ","},
		{"methods", "eap-tls,telepathy"},
		{"methods", "EAP"},
		{"sessions", "0"},
		{"sessions", "-1"},
		{"sessions", "1000001"},
		{"sessions", "1 "},
		{"sessions", ""},
		{"idle", "0"},
		{"idle", "0s"},
		{"idle", "10x"},
		{"idle", "367d"},
		{"idle", "1.5h"},
		{"idle", "99999999999999999999s"},
		{"idle", "m"},
		{"address", "10.8.0"},
		{"address", "2001:db8::1"},
		{"address", ""},
		{"pool", ""},
		{"rate_down", "7999"},
		{"rate_down", "10m"},
		{"rate_down", "1.2345M"},
		{"rate_up", "1."},
		{"rate_up", "401G"},
		{"rate_up", "-1M"},
		{"rate_up", "10Mbit"},
		{"filter", ""},
		{"filter", "a,,b"},
		{"filter", "a b"},
		{"filter", "1,2,3,4,5,6,7,8,9"},
		{"pool", "a-name-of-more-than-thirty-one-octets"},
		{"dns", ""},
		{"dns", "10.0.0.1,"},
		{"dns", "10.0.0.1,10.0.0.2,10.0.0.3"},
		{"nbns", "2001:db8::53"},
		{"dns", "10.0.0.1,2001:db8::1,2001:db8::2,2001:db8::3,2001:db8::4"},
		{"routes", ""},
		{"routes", "10.9.0.0/33"},
		{"routes", "10.9.0.0/16,"},
		{"domains", ""},
		{"domains", "."},
		{"domains", "corp.example,."},
		{"domains", "*.corp.example"},
		{"domains", "corp..example"},
		{"domains", ".corp.example"},
		{"domains", "-a.example"},
		{"domains", "a b.example"},
		{"domains", "192.0.2.1"},
		{"domains", "2001:db8::1"},
		{"search", "corp.example,,lab.example"},
		{"search", "a\x1b[2J.example"},
		{"dns", ",10.0.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct grant_values v = {0}, before = {0};
		char why[GRANT_WHY_LEN] = "";

		if (!grant_parse(&v, bad[i][0], bad[i][1], GRANT_USER, why))
			fail_msg("%s=%s was taken", bad[i][0], bad[i][1]);
		assert_memory_equal(&v, &before, sizeof(v));
		assert_non_null(strstr(why, "expected"));
	}
}

/* What is wrong in a long list is named, and so is what was not taken as it was typed. */
static void a_list_is_explained_by_its_item(void **state)
{
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN];

	(void)state;
	assert_int_equal(
		grant_parse(&v, "routes", "10.1.0.0/16,10.9.0.0/40,x", GRANT_USER, why), -EINVAL);
	assert_string_equal(why,
		"routes: expected networks with commas like 10.9.0.0/16,2001:db8:9::/48, "
		"at most 320, or none, got \"10.9.0.0/40\"");
	assert_int_equal(grant_parse(&v, "domains", "a.example,b..c", GRANT_USER, why), -EINVAL);
	assert_non_null(strstr(why, "got \"b..c\": a part between its dots is empty"));
	assert_int_equal(grant_parse(&v, "routes", "10.9.0.5/16", GRANT_USER, why), 0);
	assert_string_equal(
		why, "routes: \"10.9.0.5/16\" has bits beyond its length: it is 10.9.0.0/16");
	assert_int_equal(grant_parse(&v, "routes", "10.9.0.0/16", GRANT_USER, why), 0);
	assert_string_equal(why, "");
	assert_int_equal(grant_parse(&v, "idle", "10m", GRANT_USER, why), 0);
	assert_string_equal(why, "");
}

static void domains_are_read_one_by_one_and_bounded(void **state)
{
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN], name[GRANT_DOMAIN_LEN], many[2000] = "";
	const char *at;

	(void)state;
	for (int i = 0; i < GRANT_DOMAINS_MAX; i++)
		sprintf(many + strlen(many), "%sd%d.example", i ? "," : "", i);
	assert_int_equal(grant_parse(&v, "domains", many, GRANT_USER, why), 0);
	at = v.domains.text;
	for (size_t i = 0; i < v.domains.n; i++)
		assert_true(grant_domain_next(&at, name));
	assert_string_equal(name, "d15.example");
	assert_false(grant_domain_next(&at, name));
	strcat(many, ",x.example");
	assert_int_equal(grant_parse(&v, "domains", many, GRANT_USER, why), -EINVAL);
	assert_non_null(strstr(why, "got \"x.example\": it is one too many"));
	memset(many, 0, sizeof(many));
	for (int i = 0; i < 9; i++) { /* 9 of 61 octets: more than there is room for */
		memset(many + strlen(many), 'a' + i, 53);
		strcat(many, i < 8 ? ".example," : ".example");
	}
	assert_int_equal(grant_parse(&v, "domains", many, GRANT_USER, why), -EINVAL);
	assert_int_equal(v.domains.n, GRANT_DOMAINS_MAX);
}

/* A user's list hides the group's: its items are not added. */
static void the_first_list_of_networks_wins(void **state)
{
	struct grant_values group = {0}, user = {0};
	char why[GRANT_WHY_LEN], text[GRANT_VALUE_LEN];

	(void)state;
	grant_parse(&group, "routes", "10.1.0.0/16,10.2.0.0/16", GRANT_GROUP, why);
	grant_parse(&group, "domains", "group.example", GRANT_GROUP, why);
	grant_parse(&user, "routes", "10.9.0.0/16", GRANT_USER, why);
	grant_merge(&group, &user);
	assert_string_equal(grant_text(&group, key_of("routes"), text), "10.9.0.0/16");
	assert_string_equal(grant_text(&group, key_of("domains"), text), "group.example");
	assert_int_equal(group.routes.origin, GRANT_USER);
}

/* What a client learns by its next answer is taken over in a session that is up, as what counts now is. */
static void a_session_takes_over_what_its_next_answer_says(void **state)
{
	struct grant_values is = {0}, changed = {0};
	char why[GRANT_WHY_LEN], text[GRANT_VALUE_LEN];

	(void)state;
	grant_parse(&is, "routes", "10.1.0.0/16", GRANT_USER, why);
	grant_parse(&is, "pool", "staff", GRANT_USER, why);
	grant_parse(&changed, "routes", "10.2.0.0/16", GRANT_USER, why);
	grant_parse(&changed, "pool", "other", GRANT_USER, why);
	grant_take_now(&is, &changed);
	assert_string_equal(grant_text(&is, key_of("routes"), text), "10.2.0.0/16");
	assert_string_equal(is.pool.value, "staff");
}

static void equal_grants_are_one(void **state)
{
	struct grant_values v = of_a_user(), other = of_a_user();
	struct grant *a, *b, *c;

	(void)state;
	other.expires.value++;
	assert_int_equal(grant_new(&v, &a), 0);
	assert_int_equal(grant_new(&v, &b), 0);
	assert_int_equal(grant_new(&other, &c), 0);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	grant_unref(a);
	assert_string_equal(b->is.pool.value, "staff");
	grant_unref(b);
	grant_unref(c);
	assert_int_equal(grant_new(&v, &a), 0); /* made again */
	assert_string_equal(a->is.pool.value, "staff");
	grant_unref(a);
}

#define THREADS 4

static void *make_and_drop(void *arg)
{
	struct grant_values v = of_a_user();
	struct grant *held = NULL;

	for (int i = 0; i < 20000; i++) {
		struct grant *g;

		v.expires.value = i % 7;
		if (grant_new(&v, &g) < 0 || g->is.expires.value != i % 7)
			return arg;
		grant_unref(held);
		held = grant_ref(g);
		grant_unref(g);
	}
	grant_unref(held);
	return NULL;
}

static void threads_make_and_drop_the_same_grants(void **state)
{
	pthread_t thread[THREADS];
	void *failed;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, make_and_drop, state), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
}

static void a_key_that_is_not_there_is_refused_with_one_that_is_near(void **state)
{
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN];

	(void)state;
	assert_int_equal(grant_parse(&v, "ilde", "10m", GRANT_USER, why), -ENOENT);
	assert_non_null(strstr(why, "did you mean \"idle\"?"));
	assert_int_equal(grant_parse(&v, "", "10m", GRANT_USER, why), -ENOENT);
	assert_null(grant_key_find(""));
}

static void each_key_has_a_help_and_is_found_by_its_word(void **state)
{
	const struct grant_key *key;
	size_t n = 0;

	(void)state;
	for (; (key = grant_key(n)); n++) {
		assert_true(strlen(key->help) > 10);
		assert_ptr_equal(grant_key_find(key->word), key);
	}
	assert_true(n >= 10);
}

/* A change of a session that is up: what takes effect now does, the rest stays. */
static void now_is_taken_and_next_session_is_not(void **state)
{
	struct grant_values up = of_a_user(), changed = {0};

	(void)state;
	changed.idle = (struct grant_span){GRANT_GROUP, 600};
	changed.pool = (struct grant_word){GRANT_USER, "others"};
	grant_take_now(&up, &changed);
	assert_int_equal(up.idle.value, 600);
	assert_int_equal(up.expires.origin, GRANT_UNSET); /* taken away is a change, too */
	assert_string_equal(up.pool.value, "staff");
	assert_true(grant_has_origin(&up, GRANT_GROUP));
	assert_false(grant_has_origin(&up, GRANT_RADIUS));
}

static int utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_that_is_set_replaces_and_an_unset_one_does_not),
		cmocka_unit_test(an_empty_list_replaces),
		cmocka_unit_test(lists_that_add_up_begin_with_the_nearer_source),
		cmocka_unit_test(each_value_is_printed_with_its_origin),
		cmocka_unit_test(a_name_does_not_end_its_field),
		cmocka_unit_test(a_full_grant_fits_its_text),
		cmocka_unit_test(values_read_back_as_they_are_printed),
		cmocka_unit_test(wrong_values_are_refused_and_change_nothing),
		cmocka_unit_test(a_list_is_explained_by_its_item),
		cmocka_unit_test(domains_are_read_one_by_one_and_bounded),
		cmocka_unit_test(the_first_list_of_networks_wins),
		cmocka_unit_test(a_session_takes_over_what_its_next_answer_says),
		cmocka_unit_test(equal_grants_are_one),
		cmocka_unit_test(threads_make_and_drop_the_same_grants),
		cmocka_unit_test(a_key_that_is_not_there_is_refused_with_one_that_is_near),
		cmocka_unit_test(each_key_has_a_help_and_is_found_by_its_word),
		cmocka_unit_test(now_is_taken_and_next_session_is_not),
		cmocka_unit_test(a_grant_lives_as_long_as_its_last_reference),
	};

	return cmocka_run_group_tests(tests, utc, NULL);
}
