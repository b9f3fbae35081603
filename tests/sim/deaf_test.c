// SPDX-License-Identifier: Apache-2.0
/*
 * Whole tunnels with an end that does not listen from the start: an Android client drops the server's
 * IPCP and IPv6CP Requests, which come in the flight of CHAP's Success; a server that starts pppd late
 * drops the client's first LCP Request. And the round trip of HTTP, which is PPP's first interval.
 *
 * The linker leads ppp_recv() here (--wrap): a frame can be lost inside TLS, where no octet may be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ppp/fsm.h"
#include "ppp/limits.h"
#include "sim.h"
#include "tunnel/private.h"

/* An end that does not hear the first Requests of a protocol. */
static struct ear {
	const struct sim_end *end;
	unsigned protocol, lose, lost;
} ears[4];
static size_t n_ears;

void __real_ppp_recv(struct ppp *p, struct rd frame, uint64_t now_ms);
void __wrap_ppp_recv(struct ppp *p, struct rd frame, uint64_t now_ms);

void __wrap_ppp_recv(struct ppp *p, struct rd frame, uint64_t now_ms)
{
	struct rd r = frame;
	unsigned protocol;

	rd_be16(&r); /* FF 03 */
	protocol = rd_be16(&r);
	for (size_t i = 0; i < n_ears && frame.p[4] == CONFIGURE_REQUEST; i++)
		if (ears[i].end->tunnel->ppp == p && ears[i].protocol == protocol &&
			ears[i].lost < ears[i].lose) {
			ears[i].lost++;
			return;
		}
	__real_ppp_recv(p, frame, now_ms);
}

static int setup(void **state)
{
	n_ears = 0;
	*state = sim_new();
	return 0;
}

static int teardown(void **state)
{
	sim_free(*state);
	return 0;
}

static void deaf(const struct sim_end *end, unsigned protocol, unsigned lose)
{
	ears[n_ears++] = (struct ear){end, protocol, lose, 0};
}

static void all_was_lost(void)
{
	for (size_t i = 0; i < n_ears; i++)
		assert_int_equal(ears[i].lost, ears[i].lose);
}

static bool is_up(const struct sim *s)
{
	return s->client.up4 && s->client.up6 && s->server.up4 && s->server.up6;
}

/* After how many milliseconds. */
static uint64_t comes_up_after(struct sim *s)
{
	uint64_t begin;

	s->ipv6 = true;
	sim_init(s, "Secret-1");
	begin = s->now_ms;
	sim_run(s);
	while (!is_up(s) && s->now_ms < begin + 30000)
		sim_advance_ms(s, 10);
	assert_true(is_up(s));
	all_was_lost();
	return s->now_ms - begin;
}

static void an_android_client_waits_for_no_timer(void **state)
{
	struct sim *s = *state;

	deaf(&s->client, PPP_IPCP, 1);
	deaf(&s->client, PPP_IPV6CP, 1);
	assert_int_equal(comes_up_after(s), 0);
}

static void a_server_that_listens_late_costs_no_timer(void **state)
{
	struct sim *s = *state;

	deaf(&s->server, PPP_IPCP, 1);
	deaf(&s->server, PPP_IPV6CP, 1);
	assert_int_equal(comes_up_after(s), 0);
}

/* The server's own Request is sent to a client that was heard: that it is lost is not to be expected. */
static void a_lost_request_of_the_server_costs_the_first_interval(void **state)
{
	struct sim *s = *state;

	deaf(&s->client, PPP_LCP, 1);
	assert_int_equal(comes_up_after(s), PPP_RESTART_MS_MIN);
}

/* Our server speaks when it hears the client, or by itself after a moment; then the client repeats. */
static void one_that_drops_the_clients_first_lcp_request_waits_for_the_servers_word(void **state)
{
	struct sim *s = *state;

	deaf(&s->server, PPP_LCP, 1);
	assert_in_range(comes_up_after(s), 0, PPP_FIRST_REQUEST_WAIT_MS + 10);
}

/* Whatever is lost at both ends is made good by the first interval, which follows the round trip. */
static void both_ends_deaf_cost_one_short_interval(void **state)
{
	static const unsigned protocols[] = {PPP_LCP, PPP_IPCP, PPP_IPV6CP};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		struct sim *s = *state;

		n_ears = 0;
		deaf(&s->client, protocols[i], 1);
		deaf(&s->server, protocols[i], 1);
		assert_in_range(
			comes_up_after(s), 1, PPP_RESTART_MS_MIN + PPP_FIRST_REQUEST_WAIT_MS);
		sim_drop(s);
	}
}

static void one_that_is_deaf_to_five_is_waited_for(void **state)
{
	struct sim *s = *state;

	deaf(&s->client, PPP_IPCP, 5);
	comes_up_after(s);
}

/* ---- the first interval ---- */

static void the_clients_first_interval_is_from_the_answer_to_its_http_request(void **state)
{
	struct sim *s = *state;

	s->http_ms = 150;
	sim_init(s, "Secret-1");
	while (!s->client.tunnel->ppp || ppp_deadline(s->client.tunnel->ppp) == NEVER)
		assert_true(sim_step(s));
	assert_int_equal(
		ppp_deadline(s->client.tunnel->ppp) - s->now_ms, 2 * 150 + PPP_PEER_TIME_MS);
}

static void the_servers_is_from_its_answer_to_the_request_of_sstp(void **state)
{
	struct sim *s = *state;
	bool seen = false;

	sim_init(s, "Secret-1");
	while (s->server.tunnel->phase != PHASE_CALL)
		assert_true(sim_step(s));
	assert_null(s->server.tunnel->ppp);
	s->now_ms += 200;
	for (int i = 0; i < 10 && !seen; i++) {
		assert_true(sim_step(s));
		seen = s->server.tunnel->ppp && ppp_deadline(s->server.tunnel->ppp) ==
							s->now_ms + 2 * 200 + PPP_PEER_TIME_MS;
	}
	assert_true(seen);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_android_client_waits_for_no_timer),
		CASE(a_server_that_listens_late_costs_no_timer),
		CASE(a_lost_request_of_the_server_costs_the_first_interval),
		CASE(one_that_drops_the_clients_first_lcp_request_waits_for_the_servers_word),
		CASE(both_ends_deaf_cost_one_short_interval),
		CASE(one_that_is_deaf_to_five_is_waited_for),
		CASE(the_clients_first_interval_is_from_the_answer_to_its_http_request),
		CASE(the_servers_is_from_its_answer_to_the_request_of_sstp),
	};

	return cmocka_run_group_tests(tests, sim_make_contexts, sim_drop_contexts);
}
