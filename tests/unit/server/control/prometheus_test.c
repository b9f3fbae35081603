// SPDX-License-Identifier: Apache-2.0
/* server/control/prometheus.c: the text is well formed, and sums what the sites count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>

#include "server/control/prometheus.h"
#include "unit/server/rooms.h"

static struct rooms *r;
static char *text;

static int setup(void **state)
{
	(void)state;
	r = rooms_new("[server]\nmax_sessions = 77\n");
	r->context.started_s = clock_wall_s() - 60;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	rooms_free(r);
	return 0;
}

static void write_all(void)
{
	size_t n;
	FILE *out = open_memstream(&text, &n);

	prometheus_write(&r->context, out);
	fclose(out);
}

static bool has(const char *line)
{
	size_t n = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
	return false;
}

static void sums_are_over_all_sites(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SITES; i++) {
		struct site *s = r->sites[i];

		s->n_connections = 10 + i;
		s->n_handshakes = 3;
		s->n_up = 5;
		s->port.stats.rx_octets = 1000 + i;
		s->port.stats.queue_us = 1500000;
		s->port.stats.queue_turns = 7;
		s->ring_dropped = 4;
		s->logins[LOGIN_ACCEPTED] = 2;
		s->logins[LOGIN_EXPIRED] = 1;
	}
	write_all();
	assert_true(has("culvert_connections 21"));
	assert_true(has("culvert_handshakes 6"));
	assert_true(has("culvert_sessions 10"));
	assert_true(has("culvert_octets_total{direction=\"up\"} 2001"));
	assert_true(has("culvert_queue_seconds_sum 3.000000"));
	assert_true(has("culvert_queue_seconds_count 14"));
	assert_true(has("culvert_drops_total{reason=\"ring\"} 8"));
	assert_true(has("culvert_logins_total{result=\"accepted\"} 4"));
	assert_true(has("culvert_logins_total{result=\"expired\"} 2"));
	assert_true(has("culvert_logins_total{result=\"rejected\"} 0"));
	assert_true(has("culvert_uptime_seconds 60"));
	assert_true(has("culvert_max_sessions 77"));
	assert_true(has("culvert_draining 0"));
}

static void a_histogram_counts_what_is_below(void **state)
{
	(void)state;
	r->sites[0]->handshakes[0] = 3;
	r->sites[1]->handshakes[1] = 2;
	r->sites[0]->handshakes[HANDSHAKE_BUCKETS] = 1; /* longer than all */
	r->sites[0]->handshake_ms = 2500;
	write_all();
	assert_true(has("culvert_handshake_seconds_bucket{le=\"0.05\"} 3"));
	assert_true(has("culvert_handshake_seconds_bucket{le=\"0.1\"} 5"));
	assert_true(has("culvert_handshake_seconds_bucket{le=\"15\"} 5"));
	assert_true(has("culvert_handshake_seconds_bucket{le=\"+Inf\"} 6"));
	assert_true(has("culvert_handshake_seconds_sum 2.500"));
	assert_true(has("culvert_handshake_seconds_count 6"));
}

/* The name of the metric in a line of values: up to { or the blank. */
static void name_of(const char *line, char ret[static 80])
{
	size_t n = strcspn(line, "{ ");

	assert_in_range(n, 1, 79);
	memcpy(ret, line, n);
	ret[n] = '\0';
}

/*
 * Exposition format 0.0.4: HELP and TYPE of a metric once, before its values, which stand together;
 * no line of values twice.
 */
static void each_metric_stands_together_behind_its_help(void **state)
{
	char type[80] = "", name[80], seen[100][80], *copy, *line, *rest;
	size_t n_seen = 0, n_values = 0;

	(void)state;
	write_all();
	copy = strdup(text);
	for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, "# TYPE ", 7)) {
			name_of(line + 7, type);
			for (size_t i = 0; i < n_seen; i++)
				assert_string_not_equal(seen[i], type);
			strcpy(seen[n_seen++], type);
		} else if (*line != '#') {
			name_of(line, name);
			assert_memory_equal(
				name, type, strlen(type)); /* or with _sum and the like */
			assert_memory_equal(name, "culvert_", 8);
			assert_true(isdigit((unsigned char)line[strlen(line) - 1]));
			n_values++;
		}
	}
	free(copy);
	assert_true(n_seen >= 12 && n_values >= 30);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void no_user_is_named(void **state)
{
	(void)state;
	rooms_session(r->sites[0], 1, "alice");
	write_all();
	assert_null(strstr(text, "alice"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sums_are_over_all_sites),
		CASE(a_histogram_counts_what_is_below),
		CASE(each_metric_stands_together_behind_its_help),
		CASE(no_user_is_named),
	};

	return cmocka_run_group_tests_name("server/control/prometheus", tests, NULL, NULL);
}
