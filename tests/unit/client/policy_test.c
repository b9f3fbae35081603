// SPDX-License-Identifier: Apache-2.0
/*
 * client/policy.c against the kernel's own decision (`ip route get`), in a namespace with an uplink, a
 * local network and a TUN.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <net/if.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/policy.h"
#include "os/netlink.h"
#include "os/rule.h"
#include "unit/os/netns.h"

static struct netlink *nl;
static struct policy *policy;

static int teardown(void **state)
{
	(void)state;
	policy_free(policy);
	policy = NULL;
	netlink_free(nl);
	nl = NULL;
	return 0;
}

#define NEED_ALL()                                                                                 \
	NEED_NETNS();                                                                              \
	NEED_IPV6();                                                                               \
	NEED_TUN()

static void begin(void)
{
	RUN("ip link set lo up");
	RUN("ip link add up0 type veth peer name up1 && ip link set up1 up && ip link set up0 up");
	RUN("ip addr add 192.0.2.2/24 dev up0 && ip route add default via 192.0.2.1");
	RUN("ip -6 addr add 2001:db8:1::2/64 dev up0 nodad");
	RUN("ip -6 route add default via 2001:db8:1::1");
	RUN("ip tuntap add tun0 mode tun && ip link set tun0 up && ip addr add 10.8.0.2/32 dev tun0");
	assert_int_equal(netlink_new(&nl, NULL), 0);
	assert_int_equal(policy_new(nl, if_nametoindex("tun0"), &policy, NULL), 0);
}

static struct prefix net(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static void add(const char *text)
{
	struct prefix p = net(text);

	assert_int_equal(policy_route_add(policy, &p, NULL), 0);
}

/* By which interface the kernel sends to that address; `mark` 0: as any program. */
static bool goes_by(const char *interface, const char *to, uint32_t mark)
{
	char command[120], by[40];

	snprintf(command, sizeof(command), "ip route get %s mark %u 2>&1", to, mark);
	snprintf(by, sizeof(by), "dev %s ", interface);
	return output_has(command, by);
}

static void a_network_goes_into_the_tunnel_and_the_tunnels_own_packets_do_not(void **state)
{
	NEED_ALL();
	begin();
	assert_true(goes_by("up0", "198.51.100.7", 0));
	add("198.51.100.0/24");
	assert_true(goes_by("tun0", "198.51.100.7", 0));
	assert_true(goes_by("up0", "203.0.113.7", 0));
	assert_true(goes_by("up0", "198.51.100.7", policy_mark(policy)));
}

static void all_traffic_but_that_of_local_networks(void **state)
{
	NEED_ALL();
	begin();
	add("0.0.0.0/0");
	add("::/0");
	assert_true(goes_by("tun0", "203.0.113.7", 0));
	assert_true(goes_by("up0", "192.0.2.77", 0)); /* this machine's network */
	assert_true(goes_by("up0", "203.0.113.7", policy_mark(policy)));
	assert_true(output_has("ip -6 route get 2001:db8:7::1", "dev tun0"));
	assert_true(output_has("ip -6 route get 2001:db8:1::77", "dev up0"));
}

static void a_longer_route_of_this_machine_comes_first(void **state)
{
	NEED_ALL();
	begin();
	add("10.0.0.0/8");
	RUN("ip route add 10.77.0.0/16 via 192.0.2.9");
	assert_true(goes_by("tun0", "10.1.2.3", 0));
	assert_true(goes_by("up0", "10.77.0.1", 0));
	add("10.77.5.0/24"); /* and one of the tunnel that is longer still */
	assert_true(goes_by("tun0", "10.77.5.1", 0));
	assert_true(goes_by("up0", "10.77.6.1", 0));
}

static void what_is_excluded_goes_past_the_tunnel(void **state)
{
	struct prefix past;

	NEED_ALL();
	begin();
	past = net("203.0.113.0/24");
	add("0.0.0.0/0");
	assert_int_equal(policy_exclude(policy, &past, NULL), 0);
	assert_int_equal(policy_exclude(policy, &past, NULL), 0); /* twice: the same */
	assert_true(goes_by("up0", "203.0.113.7", 0));
	assert_true(goes_by("tun0", "203.0.114.7", 0));
}

/* When the uplink is lost: an error at once, not a packet of the tunnel inside the tunnel. */
static void without_an_uplink_the_tunnels_own_packets_go_nowhere(void **state)
{
	NEED_ALL();
	begin();
	add("0.0.0.0/0");
	RUN("ip route del default");
	assert_false(goes_by("tun0", "203.0.113.7", policy_mark(policy)));
	assert_true(goes_by("tun0", "203.0.113.7", 0));
}

static void a_network_that_is_taken_back_goes_as_before(void **state)
{
	struct prefix p;

	NEED_ALL();
	begin();
	p = net("198.51.100.0/24");
	add("198.51.100.0/24");
	add("198.51.100.0/24"); /* twice: the same */
	policy_route_del(policy, &p);
	assert_true(goes_by("up0", "198.51.100.7", 0));
	policy_route_del(policy, &p);
}

/* Another VPN in the main table, as its two halves or as the network itself. */
static void what_another_program_has_is_not_taken_from_it(void **state)
{
	struct os_failure why;
	struct prefix all, one;

	NEED_ALL();
	begin();
	all = net("0.0.0.0/0");
	one = net("10.9.0.0/16");
	RUN("ip route add 128.0.0.0/1 via 192.0.2.9");
	RUN("ip route add 10.9.0.0/16 via 192.0.2.9");
	assert_int_equal(policy_route_add(policy, &all, &why), -EEXIST);
	assert_int_equal(why.event, EV_ROUTE_TAKEN);
	assert_int_equal(policy_route_add(policy, &one, &why), -EEXIST);
	assert_non_null(strstr(why.text, "10.9.0.0/16"));
	assert_true(goes_by("up0", "10.9.0.1", 0));
}

static void the_end_takes_all_of_it_back_and_nothing_else(void **state)
{
	struct prefix past;
	char table[40];

	NEED_ALL();
	begin();
	snprintf(table, sizeof(table), "table %u", policy_mark(policy));
	RUN("ip rule add pref 20500 to 203.0.113.99 lookup 77"); /* another program's */
	RUN("ip route add 203.0.113.0/24 via 192.0.2.9 table 77");
	past = net("203.0.113.0/24");
	add("0.0.0.0/0");
	add("::/0");
	assert_int_equal(policy_exclude(policy, &past, NULL), 0);
	policy_free(policy);
	policy = NULL;
	assert_int_equal(system("test $(ip rule | wc -l) = 4"), 0); /* local, main, default, that */
	assert_int_equal(system("test $(ip -6 rule | wc -l) = 2"), 0);
	assert_true(output_has("ip rule", "203.0.113.99 lookup 77"));
	assert_true(output_has("ip route show table 77", "203.0.113.0/24"));
	assert_false(output_has("ip route show table all", table));
	assert_false(output_has("ip -6 route show table all", table));
	assert_true(goes_by("up0", "198.51.100.7", 0));
}

/* A process that is killed leaves its rules; the next one with a number looks after them. */
static void the_next_client_removes_what_a_killed_one_left(void **state)
{
	pid_t pid;
	int status;

	NEED_ALL();
	begin();
	policy_free(policy);
	policy = NULL;
	pid = fork();
	if (!pid) {
		struct prefix all = {{.family = AF_INET}, 0};
		struct netlink *own;
		struct policy *p;

		if (netlink_new(&own, NULL) || policy_new(own, if_nametoindex("tun0"), &p, NULL) ||
			policy_route_add(p, &all, NULL))
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(goes_by("tun0", "203.0.113.7", 0)); /* its rules are still there */
	assert_int_equal(policy_new(nl, if_nametoindex("tun0"), &policy, NULL), 0);
	assert_true(goes_by("up0", "203.0.113.7", 0));
}

struct marked {
	uint32_t mark;
	unsigned n;
};

static bool count_marked(const struct rule *rule, void *arg)
{
	struct marked *m = arg;

	m->n += rule->mark == m->mark;
	return true;
}

/* Returns how often a client lost its rules to another one that began. */
static int come_and_go(int times)
{
	struct netlink *own;
	int lost = 0;

	if (netlink_new(&own, NULL))
		return 100;
	for (int i = 0; i < times; i++) {
		struct marked m = {0};
		struct policy *p;

		if (policy_new(own, if_nametoindex("tun0"), &p, NULL))
			return 100;
		usleep(3000); /* the others begin */
		m.mark = policy_mark(p);
		rule_list(AF_INET, count_marked, &m, NULL);
		lost += m.n < 2;
		policy_free(p);
		usleep(3000); /* its number is free meanwhile */
	}
	return lost > 100 ? 100 : lost;
}

/* Stands still for a moment, again and again, wherever it is, as on a machine that is busy. */
static void hold_up(pid_t pid)
{
	for (int i = 0; i < 200 && !kill(pid, SIGSTOP); i++) {
		usleep(2500);
		kill(pid, SIGCONT);
		usleep(500 + 37 * (unsigned)i % 1500);
	}
}

/* Several begin at once: what one of them takes for remains must not be what another has just made. */
static void clients_that_begin_at_once_leave_each_others_rules(void **state)
{
	pid_t pid[4];
	int status, lost = 0;

	NEED_ALL();
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(come_and_go(150));
	}
	hold_up(pid[0]);
	for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		lost += WEXITSTATUS(status);
	}
	assert_int_equal(lost, 0);
}

#define CASE(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_network_goes_into_the_tunnel_and_the_tunnels_own_packets_do_not),
		CASE(all_traffic_but_that_of_local_networks),
		CASE(a_longer_route_of_this_machine_comes_first),
		CASE(what_is_excluded_goes_past_the_tunnel),
		CASE(without_an_uplink_the_tunnels_own_packets_go_nowhere),
		CASE(a_network_that_is_taken_back_goes_as_before),
		CASE(what_another_program_has_is_not_taken_from_it),
		CASE(the_end_takes_all_of_it_back_and_nothing_else),
		CASE(the_next_client_removes_what_a_killed_one_left),
		CASE(clients_that_begin_at_once_leave_each_others_rules),
	};

	return cmocka_run_group_tests_name("client/policy", tests, NULL, NULL);
}
