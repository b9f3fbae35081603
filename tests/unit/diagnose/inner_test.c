// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/inner_ask.c, inner_mtu.c, inner_dns.c and inner_target.c in a world of the test's own:
 * packets that would go into the tunnel come to world(), which answers as the hosts behind a server
 * would. The linker takes nothing from diagnose/call.c and the tunnel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diagnose/inner.h"
#include "ip/packet.h"
#include "offload/csum.h"
#include "unit/diagnose/report.h"

#define OWN 0x0a630002
#define GATEWAY 0x0a630001
#define ROUTER 0x0ac80001 /* behind the server */
#define TARGET 0x0ac80002
#define NAMES 0x0ac80035

static struct call *c;
static struct inner in;

/* ---- the world ---- */

static struct {
	size_t mtu;        /* larger ones are lost */
	bool says_too_big; /* ... with an ICMP message from the gateway */
	unsigned next_mtu; /* that it names */
	unsigned lose;     /* so many packets more */
	bool target_pings, gateway_pings, names_answer, reports_hops;
	unsigned open_port, refused_port;
	uint8_t icmp_type, icmp_code; /* the answer to all for the target; 0: none */
	uint32_t icmp_from;
	int rcode;
	uint32_t name_is; /* 0: no address */
	unsigned resets, questions;
	uint8_t queue[8][2048];
	size_t len[8], n;
} world;

static uint8_t *next(size_t n)
{
	assert_true(world.n < 8 && n <= 2048);
	world.len[world.n] = n;
	return memset(world.queue[world.n++], 0, n);
}

/* A packet to us with `n` octets behind its header. */
static uint8_t *reply(uint32_t from, uint8_t protocol, size_t n)
{
	struct addr own = addr_v4(OWN), other = addr_v4(from);
	uint8_t *p = next(IPV4_HEADER_LEN + n);

	inner_put_ipv4(p, &other, &own, protocol, n);
	return p + IPV4_HEADER_LEN;
}

/* An ICMP error that quotes the packet. */
static void complain(uint32_t from, uint8_t type, uint8_t code, unsigned mtu, const uint8_t *packet)
{
	uint8_t *icmp = reply(from, IP_ICMP, 8 + 28);

	icmp[0] = type;
	icmp[1] = code;
	icmp[6] = (uint8_t)(mtu >> 8);
	icmp[7] = (uint8_t)mtu;
	memcpy(icmp + 8, packet, 28);
}

static void echo(uint32_t from, const uint8_t *packet, size_t n)
{
	uint8_t *icmp = reply(from, IP_ICMP, n - IPV4_HEADER_LEN);

	memcpy(icmp, packet + IPV4_HEADER_LEN, n - IPV4_HEADER_LEN);
	icmp[0] = 0;
}

static void tcp(uint32_t from, const uint8_t *packet)
{
	const uint8_t *q = packet + IPV4_HEADER_LEN;
	unsigned port = (unsigned)(q[2] << 8 | q[3]);
	uint8_t *t;

	if (q[13] & 4) {
		world.resets++;
		return;
	}
	if (port != world.open_port && port != world.refused_port)
		return;
	t = reply(from, IP_TCP, TCP_HEADER_LEN);
	memcpy(t, q + 2, 2);
	memcpy(t + 2, q, 2);
	for (int i = 0, carry = 1; i < 4; i++) { /* acknowledges the SYN */
		unsigned v = q[7 - i] + (unsigned)carry;

		t[11 - i] = (uint8_t)v;
		carry = v > 255;
	}
	t[12] = 5 << 4;
	t[13] = port == world.open_port ? 0x12 : 0x14;
}

static void dns(uint32_t from, const uint8_t *packet, size_t n)
{
	const uint8_t *q = packet + IPV4_HEADER_LEN;
	size_t len = n - IPV4_HEADER_LEN - 8;
	bool a = packet[n - 3] == 1, found = world.name_is && a;
	uint8_t *u = reply(from, IP_UDP, 8 + len + (found ? 16 : 0)), *m = u + 8;

	world.questions++;
	memcpy(u, q + 2, 2);
	memcpy(u + 2, q, 2);
	u[5] = (uint8_t)(8 + len + (found ? 16 : 0));
	memcpy(m, q + 8, len);
	m[2] |= 0x80;
	m[3] = (uint8_t)world.rcode;
	if (!found)
		return;
	m[7] = 1;
	memcpy(m + len, (uint8_t[]){0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4}, 12);
	for (int i = 0; i < 4; i++)
		m[len + 12 + (size_t)i] = (uint8_t)(world.name_is >> (24 - 8 * i));
}

static void at_target(const uint8_t *packet, size_t n)
{
	if (world.reports_hops && packet[8] < 3) {
		complain(packet[8] == 1 ? GATEWAY : ROUTER, 11, 0, 0, packet);
		return;
	}
	if (world.icmp_type)
		complain(world.icmp_from, world.icmp_type, world.icmp_code, 0, packet);
	else if (packet[9] == IP_TCP)
		tcp(TARGET, packet);
	else if (world.target_pings)
		echo(TARGET, packet, n);
}

int call_send_ip(struct call *call, int family, const void *octets, size_t n)
{
	const uint8_t *packet = octets;
	uint32_t to;

	if (family != AF_INET)
		return 0;
	memcpy(&to, packet + 16, 4);
	to = be32toh(to);
	if (world.lose) {
		world.lose--;
		return 0;
	}
	if (world.mtu && n > world.mtu) {
		if (world.says_too_big)
			complain(GATEWAY, 3, 4, world.next_mtu, packet);
		return 0;
	}
	if (to == GATEWAY && world.gateway_pings)
		echo(GATEWAY, packet, n);
	else if (to == NAMES && packet[9] == IP_UDP && world.names_answer)
		dns(NAMES, packet, n);
	else if (to == TARGET)
		at_target(packet, n);
	return 0;
}

/* What is on its way comes; what is not on its way is not waited for. */
bool call_run(struct call *call, bool (*done)(const struct call *c), uint64_t until_ms)
{
	for (size_t i = 0; i < world.n; i++)
		inner_on_packet(&in, AF_INET, rd_init(world.queue[i], world.len[i]));
	world.n = 0;
	return done && done(call);
}

uint16_t tunnel_peer_mru(const struct tunnel *t)
{
	return 1500;
}

static int setup(void **state)
{
	diagnosis_setup(state);
	memset(&world, 0, sizeof(world));
	world.gateway_pings = world.target_pings = true;
	c = calloc(1, sizeof(*c));
	c->d = d;
	c->fd = -1;
	c->v4 = (struct ppp_addresses){.local = addr_v4(OWN), .peer = addr_v4(GATEWAY)};
	in = (struct inner){.call = c,
		.own = addr_v4(OWN),
		.gateway = addr_v4(GATEWAY),
		.id = 7,
		.gateway_ok = true};
	c->packet_arg = &in;
	d->call = c;
	opts.target = "10.200.0.2";
	return 0;
}

static int teardown(void **state)
{
	free(c);
	return diagnosis_teardown(state);
}

static struct probe *p(void)
{
	return &d->probes[PROBE_INNER];
}

static enum outcome found(enum event ev)
{
	for (size_t i = 0; i < p()->n_findings; i++)
		if (p()->findings[i].event == ev)
			return p()->findings[i].weight;
	return OUTCOME_NOT_MEASURED;
}

static const char *words(enum event ev)
{
	for (size_t i = 0; i < p()->n_findings; i++)
		if (p()->findings[i].event == ev)
			return p()->findings[i].text;
	return "";
}

static const char *fact(const char *name)
{
	for (size_t i = 0; i < p()->n_facts; i++)
		if (!strcmp(p()->facts[i].name, name))
			return p()->facts[i].value;
	return "";
}

/* ---- ping ---- */

static void a_ping_comes_back_and_another_does_not_count(void **state)
{
	struct addr gateway = addr_v4(GATEWAY), nowhere = addr_v4(0x0a000001);
	double ms;

	assert_true(inner_ping(&in, &gateway, 84));
	assert_false(inner_ping(&in, &nowhere, 84));
	assert_int_equal(inner_ping_some(&in, &gateway, &ms), 4);
	assert_int_equal(inner_ping_some(&in, &nowhere, &ms), 0);
	world.lose = 1; /* one lost packet is no proof */
	assert_int_equal(inner_ping_some(&in, &gateway, &ms), 3);
}

/* A stranger's packet is no answer to what was not asked. */
static void an_old_echo_is_no_answer(void **state)
{
	struct addr gateway = addr_v4(GATEWAY);
	uint8_t old[84];

	assert_true(inner_ping(&in, &gateway, 84));
	assert_int_equal(inner_make(&in.questions[0], old, sizeof(old)), 84);
	in.questions[0] = inner_echo_to(&in, &gateway, 84);
	in.answers[0] = (struct inner_answer){0};
	echo(GATEWAY, old, sizeof(old));
	call_run(c, NULL, 0);
	assert_int_equal(in.answers[0].kind, INNER_SILENCE);
}

/* ---- MTU ---- */

static void mtu(void)
{
	struct addr gateway = addr_v4(GATEWAY);

	inner_judge_mtu(&in, p(), "MTU", &gateway);
}

static void a_path_that_takes_all_needs_no_search(void **state)
{
	mtu();
	assert_string_equal(fact("MTU"), "1500, as agreed (MSS 1460)");
	assert_int_equal(p()->n_findings, 0);
}

static void a_smaller_path_that_says_so_is_no_fault(void **state)
{
	world.mtu = world.next_mtu = 1400;
	world.says_too_big = true;
	mtu();
	assert_string_equal(fact("MTU"), "1400 (MSS 1360), by ICMP");
	assert_int_equal(p()->n_findings, 0);
}

/* Whatever the number in the message is. */
static void a_wrong_next_mtu_is_not_believed(void **state)
{
	static const unsigned lies[] = {0, 68, 1450, 9000};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		world.mtu = 1400;
		world.next_mtu = lies[i];
		world.says_too_big = true;
		mtu();
		assert_string_equal(fact("MTU"), "576 (MSS 536), by ICMP");
		teardown(state);
		setup(state);
	}
}

static void a_black_hole_is_measured_to_eight_octets(void **state)
{
	static const size_t real[] = {1492, 1400, 1280, 600};

	for (size_t i = 0; i < ARRAY_SIZE(real); i++) {
		size_t seen;

		world.mtu = real[i];
		mtu();
		assert_int_equal(found(EV_PROBE_MTU_BLACK_HOLE), OUTCOME_FAILED);
		seen = strtoul(fact("MTU"), NULL, 10);
		if (seen > real[i] || seen + 8 < real[i])
			fail_msg("%zu for %zu", seen, real[i]);
		teardown(state);
		setup(state);
	}
}

static void one_lost_ping_is_no_black_hole(void **state)
{
	world.lose = 1;
	mtu();
	assert_int_equal(p()->n_findings, 0);
	assert_non_null(strstr(fact("MTU"), "as agreed"));
}

static void a_host_that_drops_ping_shows_no_mtu(void **state)
{
	world.gateway_pings = false;
	mtu();
	assert_int_equal(p()->n_findings, 0);
	assert_non_null(strstr(fact("MTU"), "not measured"));
	teardown(state);
	setup(state);
	d->large_lost = true; /* then the way to the server is at fault, not the tunnel's */
	mtu();
	assert_non_null(strstr(fact("MTU"), "on the way to the server"));
}

/* ---- name servers ---- */

static void name_servers(void)
{
	c->v4.dns[0] = addr_v4(NAMES);
	inner_ask_dns(&in);
	inner_judge_dns(&in, p());
}

static void a_name_server_that_answers_is_a_fact(void **state)
{
	world.names_answer = true;
	world.rcode = 3; /* it works, though it does not know the name */
	name_servers();
	assert_int_equal(p()->n_findings, 0);
	assert_non_null(strstr(fact("DNS"), "10.200.0.53 answers in"));
	assert_non_null(strstr(fact("DNS"), "NXDOMAIN"));
}

static void one_that_refuses_is_a_warning_and_a_dead_one_a_failure(void **state)
{
	world.names_answer = true;
	world.rcode = 5;
	name_servers();
	assert_int_equal(found(EV_PROBE_INNER_DNS_ERROR), OUTCOME_WARNING);
	teardown(state);
	setup(state);
	name_servers();
	assert_int_equal(found(EV_PROBE_INNER_DNS_DEAD), OUTCOME_FAILED);
	teardown(state);
	setup(state);
	c->v4.dns[1] = addr_v4(0x0ac80036); /* the second one alone is silent */
	world.names_answer = true;
	name_servers();
	assert_int_equal(found(EV_PROBE_INNER_DNS_DEAD), OUTCOME_WARNING);
}

/* The answer is found by its number; another one in its place is none. */
static void an_answer_with_another_number_is_not_taken(void **state)
{
	uint8_t udp[20] = {0, 53, 0x80, 1, 0, 20, 0, 0, 0x12, 0x34, 0x80, 0};

	in.dns_id = 0x1234;
	in.dns_port = 0x8001;
	inner_on_udp(&in, rd_init(udp, sizeof(udp)));
	assert_int_equal(in.dns_len, 12);
	in.dns_len = 0;
	for (size_t i = 1; i < 11; i += i == 3 ? 5 : 1) { /* ports, number, the bit of an answer */
		udp[i] ^= 0x80;
		inner_on_udp(&in, rd_init(udp, sizeof(udp)));
		assert_int_equal(in.dns_len, 0);
		udp[i] ^= 0x80;
	}
	for (size_t n = 0; n < 12; n++)
		inner_on_udp(&in, rd_init(udp, n));
	assert_int_equal(in.dns_len, 0);
}

static void a_name_is_looked_up_inside(void **state)
{
	struct addr a = {0};

	assert_string_equal(inner_resolve(&in, "files.corp", &a), "the tunnel has no name server");
	c->v4.dns[0] = addr_v4(NAMES);
	assert_string_equal(inner_resolve(&in, "files.corp", &a), "no answer");
	world.names_answer = true;
	assert_string_equal(inner_resolve(&in, "files.corp", &a), "the name has no address");
	world.name_is = TARGET;
	assert_string_equal(inner_resolve(&in, "files.corp", &a), "");
	assert_true(addr_equal(&a, &(struct addr){AF_INET, {10, 200, 0, 2}}));
	world.questions = 0; /* a name that is none is not sent */
	assert_string_not_equal(inner_resolve(&in, "a..b", &a), "");
	assert_int_equal(world.questions, 0);
}

/* ---- the target ---- */

static bool target(uint16_t port)
{
	opts.target_port = port;
	return inner_judge_target(d, &in, p());
}

static void an_open_port_is_all_that_was_asked(void **state)
{
	world.open_port = 8443;
	world.target_pings = false; /* many hosts drop ping */
	assert_true(target(8443));
	assert_int_equal(p()->n_findings, 0);
	assert_non_null(strstr(fact("target, TCP"), "port 8443:"));
	assert_int_equal(world.resets, 1); /* the connection is not left half open */
}

static void a_refused_port_is_the_hosts_own_word(void **state)
{
	world.refused_port = 22;
	assert_true(target(22));
	assert_int_equal(found(EV_PROBE_TARGET_REFUSED), OUTCOME_FAILED);
	assert_int_equal(world.resets, 0);
}

static void a_silent_port_of_a_host_that_pings_is_a_filter(void **state)
{
	assert_true(target(443));
	assert_int_equal(found(EV_PROBE_TARGET_PORT_SILENT), OUTCOME_FAILED);
}

static void without_a_port_any_answer_will_do(void **state)
{
	world.refused_port = 3389;
	world.target_pings = false;
	assert_true(target(0));
	assert_int_equal(p()->n_findings, 0);
	teardown(state);
	setup(state);
	assert_true(target(0)); /* ping, and no TCP at all */
	assert_int_equal(found(EV_PROBE_TARGET_TCP_SILENT), OUTCOME_WARNING);
}

static void an_icmp_error_is_quoted_with_its_sender(void **state)
{
	static const struct {
		uint8_t type, code;
		uint32_t from;
		enum event event;
		const char *sender;
	} cases[] = {
		{3, 13, ROUTER, EV_PROBE_TARGET_PROHIBITED, "said by 10.200.0.1"},
		{3, 13, GATEWAY, EV_PROBE_TARGET_PROHIBITED, "the VPN server"},
		{3, 3, TARGET, EV_PROBE_TARGET_PROHIBITED, "the target's address"},
		{3, 1, ROUTER, EV_PROBE_TARGET_UNREACHABLE, "10.200.0.1"},
		{3, 0, ROUTER, EV_PROBE_TARGET_UNREACHABLE, "10.200.0.1"},
		{11, 0, ROUTER, EV_PROBE_TARGET_LOOP, "10.200.0.1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world.icmp_type = cases[i].type;
		world.icmp_code = cases[i].code;
		world.icmp_from = cases[i].from;
		assert_true(target(443));
		if (found(cases[i].event) != OUTCOME_FAILED)
			fail_msg("case %zu: %s", i,
				p()->n_findings ? p()->findings[0].text : "nothing");
		assert_non_null(strstr(words(cases[i].event), cases[i].sender));
		teardown(state);
		setup(state);
	}
}

/* Silence: the counter-tests say how far packets come. */
static void silence_is_judged_by_the_last_router(void **state)
{
	world.target_pings = false;
	world.reports_hops = true;
	assert_false(target(443));
	assert_int_equal(found(EV_PROBE_TARGET_SILENT), OUTCOME_FAILED);
	assert_non_null(strstr(words(EV_PROBE_TARGET_SILENT), "as far as 10.200.0.1, hop 2"));
}

static void silence_beside_a_name_server_is_the_targets(void **state)
{
	world.target_pings = false;
	c->v4.dns[0] = addr_v4(NAMES);
	in.dns[0].answered = true;
	assert_false(target(443));
	assert_int_equal(found(EV_PROBE_TARGET_SILENT), OUTCOME_FAILED);
	assert_non_null(strstr(words(EV_PROBE_TARGET_SILENT), "10.200.0.53 answers"));
}

static void silence_behind_a_gateway_that_answers_is_no_forwarding(void **state)
{
	world.target_pings = false;
	assert_false(target(443));
	assert_int_equal(found(EV_PROBE_NO_FORWARDING), OUTCOME_FAILED);
	teardown(state);
	setup(state);
	world.target_pings = false;
	in.gateway_ok = false;
	assert_false(target(443));
	assert_int_equal(found(EV_PROBE_NOTHING_INSIDE), OUTCOME_FAILED);
}

static void a_target_of_a_family_that_is_not_there_is_not_tried(void **state)
{
	opts.target = "2001:db8::7";
	assert_false(target(443));
	assert_int_equal(found(EV_PROBE_TARGET_FAMILY), OUTCOME_FAILED);
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_ping_comes_back_and_another_does_not_count),
		CASE(an_old_echo_is_no_answer),
		CASE(a_path_that_takes_all_needs_no_search),
		CASE(a_smaller_path_that_says_so_is_no_fault),
		CASE(a_wrong_next_mtu_is_not_believed),
		CASE(a_black_hole_is_measured_to_eight_octets),
		CASE(one_lost_ping_is_no_black_hole),
		CASE(a_host_that_drops_ping_shows_no_mtu),
		CASE(a_name_server_that_answers_is_a_fact),
		CASE(one_that_refuses_is_a_warning_and_a_dead_one_a_failure),
		CASE(an_answer_with_another_number_is_not_taken),
		CASE(a_name_is_looked_up_inside),
		CASE(an_open_port_is_all_that_was_asked),
		CASE(a_refused_port_is_the_hosts_own_word),
		CASE(a_silent_port_of_a_host_that_pings_is_a_filter),
		CASE(without_a_port_any_answer_will_do),
		CASE(an_icmp_error_is_quoted_with_its_sender),
		CASE(silence_is_judged_by_the_last_router),
		CASE(silence_beside_a_name_server_is_the_targets),
		CASE(silence_behind_a_gateway_that_answers_is_no_forwarding),
		CASE(a_target_of_a_family_that_is_not_there_is_not_tried),
	};

	return cmocka_run_group_tests_name("diagnose/inner", tests, NULL, NULL);
}
