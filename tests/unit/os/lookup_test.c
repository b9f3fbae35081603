// SPDX-License-Identifier: Apache-2.0
/* os/lookup.c: a name server of the test's own on loopback, in a namespace. */
#include "netns.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "os/lookup.h"

#define MARK 0x63760001

/* Answers every A question with 192.0.2.7, every other one with nothing; or is silent. */
struct dns {
	int fd, stop, questions;
	bool silent;
	pthread_t thread;
};

static size_t answer(uint8_t *m, size_t n)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7};
	size_t end = 12;

	while (end < n && m[end])
		end += m[end] + 1u;
	end += 5;
	m[2] |= 0x84;
	m[3] = 0x80;
	memset(m + 6, 0, 6);
	if (m[end - 3] != 1)
		return end;
	m[7] = 1;
	memcpy(m + end, record, sizeof(record));
	return end + sizeof(record);
}

static void *serve(void *arg)
{
	struct dns *d = arg;
	struct pollfd p[2] = {{d->fd, POLLIN, 0}, {d->stop, POLLIN, 0}};
	struct sockaddr_in from;
	uint8_t m[600];

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(d->fd, m, 512, 0, (struct sockaddr *)&from, &len);

		d->questions++;
		if (n > 16 && !d->silent)
			sendto(d->fd, m, answer(m, (size_t)n), 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

static void dns_start(struct dns *d, bool silent)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};

	*d = (struct dns){.silent = silent, .stop = eventfd(0, EFD_CLOEXEC)};
	inet_pton(AF_INET, "127.0.0.9", &at.sin_addr);
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, serve, d), 0);
}

static void dns_stop(struct dns *d)
{
	eventfd_write(d->stop, 1);
	pthread_join(d->thread, NULL);
	close(d->fd);
	close(d->stop);
}

static const struct addr server = {AF_INET, {127, 0, 0, 9}};

static struct lookup_opts ask(const char *host)
{
	return (struct lookup_opts){
		.host = host, .port = 443, .cancel_fd = -1, .servers = &server, .n_servers = 1};
}

static void the_servers_given_answer_and_the_sockets_bear_the_mark(void **state)
{
	struct endpoint found[DIAL_ADDRESSES_MAX];
	struct lookup_opts opts = ask("vpn.example");
	struct dns dns;
	size_t n;

	(void)state;
	NEED_NETNS();
	RUN("ip link set lo up");
	dns_start(&dns, false);
	/* What bears no mark does not get through. */
	RUN("nft 'table inet t { chain o { type filter hook output priority 0; udp dport 53 meta mark != "
	    "0x63760001 drop; }; }'");
	assert_int_not_equal(lookup_wait(&opts, found, &n), 0);
	opts.mark = MARK;
	assert_int_equal(lookup_wait(&opts, found, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(found[0].port, 443);
	assert_int_equal(addr_v4_value(&found[0].addr), 0xc0000207);
	assert_true(dns.questions > 0);
	dns_stop(&dns);
}

static void a_silent_server_does_not_hold_up_the_end(void **state)
{
	struct endpoint found[DIAL_ADDRESSES_MAX];
	struct lookup_opts opts = ask("vpn.example");
	uint64_t begin = clock_mono_ms();
	struct dns dns;
	size_t n;

	(void)state;
	NEED_NETNS();
	RUN("ip link set lo up");
	dns_start(&dns, true);
	opts.cancel_fd = eventfd(1, EFD_CLOEXEC);
	assert_int_equal(lookup_wait(&opts, found, &n), EAI_SYSTEM);
	assert_int_equal(errno, ECANCELED);
	assert_true(clock_mono_ms() - begin < 5000);
	close(opts.cancel_fd);
	dns_stop(&dns);
}

static void the_systems_way_ends_as_early(void **state)
{
	struct endpoint found[DIAL_ADDRESSES_MAX];
	struct lookup_opts opts = {.host = "nowhere.test", .cancel_fd = eventfd(1, EFD_CLOEXEC)};
	size_t n;
	int r;

	(void)state;
	NEED_NETNS(); /* no name server can be reached */
	r = lookup_wait(&opts, found, &n);
	assert_int_not_equal(r, 0);
	assert_int_equal(n, 0);
	close(opts.cancel_fd);
}

static void an_address_needs_no_server(void **state)
{
	struct endpoint found[DIAL_ADDRESSES_MAX];
	struct lookup_opts opts = ask("2001:db8::7");
	size_t n;

	(void)state;
	assert_int_equal(lookup_wait(&opts, found, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(found[0].addr.family, AF_INET6);
	assert_int_equal(found[0].port, 443);
	opts = (struct lookup_opts){.host = "localhost", .port = 7, .cancel_fd = -1};
	assert_int_equal(lookup_wait(&opts, found, &n), 0);
	assert_true(n >= 1 && found[0].port == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_needs_no_server),
		cmocka_unit_test(the_servers_given_answer_and_the_sockets_bear_the_mark),
		cmocka_unit_test(a_silent_server_does_not_hold_up_the_end),
		cmocka_unit_test(the_systems_way_ends_as_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
