// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/dns.c at name servers that answer in one way, in a namespace with a resolv.conf and a
 * hosts file of its own: which answer becomes which finding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>

#include "unit/diagnose/report.h"
#include "unit/os/netns.h"

#define HOST "vpn.example"

enum says { GOOD, OTHER, BLOCKED, NXDOMAIN, NODATA, SERVFAIL, REFUSED, SILENT };

static pid_t servers[4];
static size_t n_servers;
static char folder[64];

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

/* Over the file of that name in /etc, for this process alone. */
static void show_as(const char *name, const char *place)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mount(path, place, NULL, MS_BIND, NULL), 0);
}

/* A header and the question come back, with an address of the family that was asked for. */
static size_t answer(enum says how, uint8_t *p, size_t n)
{
	static const uint8_t rcode[] = {
		[NXDOMAIN] = 3, [SERVFAIL] = 2, [REFUSED] = 5, [SILENT] = 0};
	static const uint8_t address[][4] = {
		[GOOD] = {192, 0, 2, 1}, [OTHER] = {192, 0, 2, 2}, [BLOCKED] = {0, 0, 0, 0}};
	uint8_t *q = p + 12;
	uint16_t type;

	p[2] |= 0x80;
	p[3] = (uint8_t)(0x80 | rcode[how]);
	memset(p + 6, 0, 6);
	while (*q)
		q += *q + 1;
	type = (uint16_t)(q[1] << 8 | q[2]);
	n = (size_t)(q + 5 - p);
	if (how > BLOCKED || type != 1)
		return n;
	p[7] = 1;
	memcpy(p + n, (uint8_t[]){0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4}, 12);
	memcpy(p + n + 12, address[how], 4);
	return n + 16;
}

static void serve(int fd, enum says how)
{
	uint8_t packet[1024];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(fd, packet, 512, 0, (struct sockaddr *)&from, &len)) > 0)
		if (how != SILENT && n > 16)
			sendto(fd, packet, answer(how, packet, (size_t)n), 0,
				(struct sockaddr *)&from, len);
}

/* 127.0.0.2, .3, ... each answers in its way; then the probe. */
static const struct probe *ask(const char *hosts, const enum says *how, size_t n)
{
	char conf[200] = "";
	struct probe *p = &d->probes[PROBE_DNS];

	for (size_t i = 0; i < n; i++) {
		struct sockaddr_in at = {.sin_family = AF_INET,
			.sin_port = htons(53),
			.sin_addr = {htonl(INADDR_LOOPBACK + 1 + (uint32_t)i)}};
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
		servers[n_servers] = fork();
		if (!servers[n_servers]) {
			serve(fd, how[i]);
			_exit(0);
		}
		n_servers++;
		close(fd);
		snprintf(conf + strlen(conf), sizeof(conf) - strlen(conf),
			"nameserver 127.0.0.%zu\n", i + 2);
	}
	write_file("resolv.conf", conf);
	write_file("hosts", hosts);
	write_file("nsswitch.conf", "hosts: files dns\n");
	show_as("resolv.conf", "/etc/resolv.conf");
	show_as("hosts", "/etc/hosts");
	show_as("nsswitch.conf", "/etc/nsswitch.conf");
	opts.host = HOST;
	probe_dns(d, p);
	return p;
}

#define ASK(hosts, ...)                                                                            \
	ask(hosts, (const enum says[]){__VA_ARGS__},                                               \
		sizeof((enum says[]){__VA_ARGS__}) / sizeof(enum says))

static int setup(void **state)
{
	diagnosis_setup(state);
	strcpy(folder, "/tmp/culvert-dns-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];

	for (; n_servers; n_servers--) {
		kill(servers[n_servers - 1], SIGKILL);
		waitpid(servers[n_servers - 1], NULL, 0);
	}
	umount("/etc/resolv.conf");
	umount("/etc/hosts");
	umount("/etc/nsswitch.conf");
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	return diagnosis_teardown(state);
}

/* A place of its own for the files of /etc, and for port 53. */
#define NEED_OWN_ETC()                                                                             \
	do {                                                                                       \
		NEED_NETNS();                                                                      \
		if (unshare(CLONE_NEWNS) < 0 ||                                                    \
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||                   \
			access("/etc/nsswitch.conf", F_OK) < 0)                                    \
			SKIP_FOR("no mount namespace here: %s", strerror(errno));                  \
		RUN("ip link set lo up");                                                          \
	} while (0)

static enum outcome found(const struct probe *p, enum event ev)
{
	for (size_t i = 0; i < p->n_findings; i++)
		if (p->findings[i].event == ev)
			return p->findings[i].weight;
	return OUTCOME_NOT_MEASURED;
}

static bool tells(const struct probe *p, const char *part)
{
	for (size_t i = 0; i < p->n_findings; i++)
		if (strstr(p->findings[i].text, part))
			return true;
	for (size_t i = 0; i < p->n_facts; i++)
		if (strstr(p->facts[i].value, part))
			return true;
	return false;
}

static void one_answer_is_enough(void **state)
{
	const struct probe *p;

	NEED_OWN_ETC();
	p = ASK("", GOOD, GOOD);
	assert_int_equal(p->n_findings, 0);
	assert_int_equal(p->outcome, OUTCOME_OK);
	assert_int_equal(d->n_addresses, 1);
	assert_true(addr_equal(&d->addresses[0].addr, &(struct addr){AF_INET, {192, 0, 2, 1}}));
	assert_true(tells(p, "192.0.2.1 (ttl 60)"));
}

/* What every server says decides which failure it is. */
static void each_failure_has_its_finding(void **state)
{
	static const struct {
		enum says how;
		enum event event;
	} cases[] = {{NXDOMAIN, EV_DNS_NO_SUCH_NAME}, {NODATA, EV_DNS_NO_ADDRESS},
		{SERVFAIL, EV_DNS_SERVFAIL}, {REFUSED, EV_DNS_REFUSED}, {SILENT, EV_DNS_TIMEOUT}};

	NEED_OWN_ETC();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct probe *p = ASK("", cases[i].how);

		if (found(p, cases[i].event) != OUTCOME_FAILED)
			fail_msg(
				"%d: %s", cases[i].event, p->n_findings ? p->findings[0].text : "");
		assert_int_equal(p->n_findings, 1);
		assert_int_equal(d->n_addresses, 0);
		teardown(state);
		setup(state);
	}
}

/* A name that one server denies is gone for half of the look-ups. */
static void servers_that_differ_are_a_warning(void **state)
{
	const struct probe *p;

	NEED_OWN_ETC();
	p = ASK("", GOOD, OTHER);
	assert_int_equal(found(p, EV_DNS_ANSWERS_DIFFER), OUTCOME_WARNING);
	assert_true(tells(p, "127.0.0.2 says 192.0.2.1, 127.0.0.3 says 192.0.2.2"));
}

static void a_server_that_denies_the_name_is_named(void **state)
{
	const struct probe *p;

	NEED_OWN_ETC();
	p = ASK("", GOOD, NXDOMAIN);
	assert_int_equal(found(p, EV_DNS_ANSWERS_DIFFER), OUTCOME_WARNING);
	assert_true(tells(p, "127.0.0.3 says no such name"));
	assert_int_equal(p->outcome, OUTCOME_WARNING);
}

static void a_server_that_fails_beside_a_good_one_is_a_warning(void **state)
{
	const struct probe *p;

	NEED_OWN_ETC();
	p = ASK("", GOOD, REFUSED, SERVFAIL);
	assert_int_equal(found(p, EV_DNS_REFUSED), OUTCOME_WARNING);
	assert_int_equal(found(p, EV_DNS_SERVFAIL), OUTCOME_WARNING);
	assert_int_equal(found(p, EV_DNS_ANSWERS_DIFFER), OUTCOME_NOT_MEASURED);
	assert_int_equal(d->n_addresses, 1);
}

static void a_blocked_name_is_no_servers_address(void **state)
{
	const struct probe *p;

	NEED_OWN_ETC();
	p = ASK("", BLOCKED);
	assert_int_equal(found(p, EV_DNS_FILTERED), OUTCOME_FAILED);
	assert_int_equal(d->n_addresses, 0);
}

/* ---- the hosts file ---- */

static void what_the_hosts_file_says_differently_is_seen(void **state)
{
	const struct probe *p;

	NEED_OWN_ETC();
	p = ASK("192.0.2.9\tother VPN.example # a comment\n", GOOD);
	assert_int_equal(found(p, EV_DNS_HOSTS_FILE), OUTCOME_WARNING);
	assert_true(tells(p, "/etc/hosts says 192.0.2.9, name server 127.0.0.2 says 192.0.2.1"));
	assert_true(addr_equal(&d->addresses[0].addr, &(struct addr){AF_INET, {192, 0, 2, 9}}));
	assert_non_null(strstr(p->summary, "(hosts file)"));
}

static void a_line_for_another_host_counts_for_nothing(void **state)
{
	const struct probe *p;

	NEED_OWN_ETC();
	p = ASK("192.0.2.9 xvpn.example vpn.example.org #vpn.example\n", GOOD);
	assert_int_equal(found(p, EV_DNS_HOSTS_FILE), OUTCOME_NOT_MEASURED);
	assert_null(strstr(p->summary, "hosts file"));
}

/* It needs none then. */
static void a_silent_server_is_no_warning_behind_the_hosts_file(void **state)
{
	const struct probe *p;

	NEED_OWN_ETC();
	p = ASK("192.0.2.9 vpn.example\n", SILENT);
	assert_int_equal(p->n_findings, 0);
	assert_int_equal(d->n_addresses, 1);
}

/* ---- what needs no name server ---- */

static void an_address_is_not_looked_up(void **state)
{
	struct probe *p = &d->probes[PROBE_DNS];

	opts.host = "2001:db8::1";
	opts.port = 8443;
	probe_dns(d, p);
	assert_int_equal(p->outcome, OUTCOME_NOT_MEASURED);
	assert_non_null(strstr(p->why, "an address was given"));
	assert_int_equal(d->n_addresses, 1);
	assert_int_equal(d->addresses[0].port, 8443);
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_answer_is_enough),
		CASE(each_failure_has_its_finding),
		CASE(servers_that_differ_are_a_warning),
		CASE(a_server_that_denies_the_name_is_named),
		CASE(a_server_that_fails_beside_a_good_one_is_a_warning),
		CASE(a_blocked_name_is_no_servers_address),
		CASE(what_the_hosts_file_says_differently_is_seen),
		CASE(a_line_for_another_host_counts_for_nothing),
		CASE(a_silent_server_is_no_warning_behind_the_hosts_file),
		CASE(an_address_is_not_looked_up),
	};

	return cmocka_run_group_tests_name("diagnose/dns", tests, NULL, NULL);
}
