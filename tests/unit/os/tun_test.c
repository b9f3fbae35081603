// SPDX-License-Identifier: Apache-2.0
/* os/tun.c: the interface comes, gives what it says, and goes. */
#include "netns.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/if_tun.h>

#include "os/tun.h"

#include <seccomp.h> /* after ours: it makes EV_NONE a macro (elf.h) */

static void the_interface_has_the_name_and_goes_with_its_last_queue(void **state)
{
	struct tun_opts opts = {.name = "vpn7", .queues = 3};
	struct tun *t;

	NEED_NETNS();
	NEED_TUN();
	assert_int_equal(tun_new(&opts, &t, NULL), 0);
	assert_string_equal(tun_name(t), "vpn7");
	assert_int_equal(tun_ifindex(t), if_nametoindex("vpn7"));
	assert_int_equal(tun_queues(t), 3);
	assert_true(tun_fd(t, 2) >= 0);
	assert_int_equal(tun_fd(t, 3), -EINVAL);
	assert_true(fcntl(tun_fd(t, 2), F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(tun_fd(t, 2), F_GETFD) & FD_CLOEXEC);
	tun_free(t);
	assert_int_equal(if_nametoindex("vpn7"), 0);
}

static void two_tuns_by_pattern_get_two_names(void **state)
{
	struct tun_opts opts = {0};
	struct tun *a, *b;

	NEED_NETNS();
	NEED_TUN();
	assert_int_equal(tun_new(&opts, &a, NULL), 0);
	assert_int_equal(tun_new(&opts, &b, NULL), 0);
	assert_string_equal(tun_name(a), "culvert0");
	assert_string_equal(tun_name(b), "culvert1");
	tun_free(a);
	tun_free(b);
}

/* Ours, a persistent TUN of another program, and something that is no TUN at all. */
static void a_name_that_is_taken_is_refused_and_left_alone(void **state)
{
	static const char *const make[] = {"ip tuntap add mode tun name taken",
		"ip tuntap add mode tun multi_queue vnet_hdr name taken",
		"ip link add taken type veth peer name other"};
	struct tun_opts opts = {.name = "taken"};
	struct os_failure why = {0};
	struct tun *t = NULL, *second = NULL;

	NEED_TUN();
	for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
		NEED_NETNS();
		RUN(make[i]);
		assert_int_equal(tun_new(&opts, &t, &why), -EEXIST);
		assert_int_equal(why.event, EV_TUN_NAME_TAKEN);
		assert_non_null(strstr(why.text, "taken"));
		assert_int_not_equal(if_nametoindex("taken"), 0);
	}
	NEED_NETNS();
	NEED_TUN();
	assert_int_equal(tun_new(&opts, &t, NULL), 0);
	assert_int_equal(tun_new(&opts, &second, &why), -EEXIST);
	assert_null(second);
	tun_free(t);
}

/* Asked of the kernel, of this namespace: the /sys of a container may be another one's. */
static void what_is_a_tun_device_and_what_is_not(void **state)
{
	NEED_NETNS();
	NEED_TUN();
	RUN("ip tuntap add a-tun mode tun && ip tuntap add a-tap mode tap");
	RUN("ip link add a-veth type veth peer name b-veth");
	assert_true(tun_is("a-tun"));
	assert_false(tun_is("a-tap"));
	assert_false(tun_is("a-veth"));
	assert_false(tun_is("lo"));
	assert_false(tun_is("none"));
	assert_false(tun_is(""));
}

static void a_name_that_is_none_is_refused(void **state)
{
	static const char *const names[] = {"", "a/b", "sixteencharacter", "a%s", "a%d%d"};
	struct os_failure why;
	struct tun *t = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct tun_opts opts = {.name = names[i]};

		assert_int_equal(tun_new(&opts, &t, &why), -EINVAL);
		assert_int_equal(why.event, EV_TUN_BAD_NAME);
		assert_null(t);
	}
}

static void offloads_are_granted_down_to_none(void **state)
{
	static const unsigned unwanted[] = {0, TUN_OFFLOAD_USO, TUN_OFFLOAD_ALL, TUN_OFFLOAD_TSO6};
	unsigned must = TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO4 | TUN_OFFLOAD_TSO6;

	NEED_NETNS();
	NEED_TUN();
	for (size_t i = 0; i < ARRAY_SIZE(unwanted); i++) {
		struct tun_opts opts = {.no_offloads = unwanted[i]};
		struct tun *t;
		unsigned got;

		assert_int_equal(tun_new(&opts, &t, NULL), 0);
		got = tun_offloads(t);
		assert_int_equal(got & unwanted[i], 0);
		if (!(unwanted[i] & must))
			assert_int_equal(got & must, must);
		assert_int_equal(!(got & TUN_OFFLOAD_USO4), !(got & TUN_OFFLOAD_USO6));
		assert_int_equal(tun_takes_tcp(t), !(unwanted[i] & TUN_OFFLOAD_TSO));
		assert_int_equal(tun_takes_udp(t), !!(got & TUN_OFFLOAD_USO));
		assert_string_equal(tun_offload_text(t), tun_takes_udp(t)   ? "tcp udp"
							 : tun_takes_tcp(t) ? "tcp"
									    : "none");
		tun_free(t);
	}
}

/* Plays an older kernel: TUNSETOFFLOAD with one of these bits is -EINVAL from now on. */
static bool refuse_offloads(unsigned bits)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = -1;

	for (unsigned bit = 1; filter && bit <= TUN_OFFLOAD_ALL; bit <<= 1) {
		struct scmp_arg_cmp call[] = {
			{1, SCMP_CMP_EQ, TUNSETOFFLOAD, 0}, {2, SCMP_CMP_MASKED_EQ, bit, bit}};

		if (bits & bit)
			r = seccomp_rule_add_array(
				filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(ioctl), 2, call);
	}
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return !r;
}

/* 0 when the TUN came up and takes what is left; in a child, for a filter stays. */
static int tun_where_offloads_are_refused(unsigned bits, const char *left)
{
	struct tun *t;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (!refuse_offloads(bits))
			_exit(1);
		if (tun_new(&(struct tun_opts){0}, &t, NULL) < 0)
			_exit(2);
		_exit(tun_offloads(t) & bits ? 3 : strcmp(tun_offload_text(t), left) ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_kernel_that_refuses_is_asked_for_less(void **state)
{
	NEED_NETNS();
	NEED_TUN();
	assert_int_equal(tun_where_offloads_are_refused(TUN_OFFLOAD_USO, "tcp"), 0);
	assert_int_equal(
		tun_where_offloads_are_refused(TUN_OFFLOAD_USO | TUN_OFFLOAD_ECN, "tcp"), 0);
	assert_int_equal(
		tun_where_offloads_are_refused(TUN_OFFLOAD_USO | TUN_OFFLOAD_TSO6, "none"), 0);
	assert_int_equal(tun_where_offloads_are_refused(TUN_OFFLOAD_ALL, "none"), 0);
}

/* One UDP datagram from the host's side comes out of a queue behind a vnet header of 10 octets. */
static void a_packet_comes_with_its_vnet_header(void **state)
{
	struct tun_opts opts = {.name = "vpn0"};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7)};
	uint8_t octets[2048];
	struct pollfd pfd;
	struct tun *t;
	ssize_t n = 0;
	int s;

	NEED_NETNS();
	NEED_TUN();
	assert_int_equal(tun_new(&opts, &t, NULL), 0);
	RUN("ip link set vpn0 up && ip address add 10.9.0.1/24 dev vpn0");
	s = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, "10.9.0.2", &to.sin_addr);
	assert_int_equal(sendto(s, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	pfd = (struct pollfd){tun_fd(t, 0), POLLIN, 0};
	do { /* the kernel's own IPv6 multicasts may come first */
		assert_int_equal(poll(&pfd, 1, 2000), 1);
		n = read(tun_fd(t, 0), octets, sizeof(octets));
	} while (n > 0 && octets[TUN_VNET_HDR_LEN] >> 4 != 4);
	assert_int_equal(n, TUN_VNET_HDR_LEN + 20 + 8 + 5);
	assert_memory_equal(octets + TUN_VNET_HDR_LEN + 28, "hello", 5);
	close(s);
	tun_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interface_has_the_name_and_goes_with_its_last_queue),
		cmocka_unit_test(two_tuns_by_pattern_get_two_names),
		cmocka_unit_test(a_name_that_is_taken_is_refused_and_left_alone),
		cmocka_unit_test(what_is_a_tun_device_and_what_is_not),
		cmocka_unit_test(a_name_that_is_none_is_refused),
		cmocka_unit_test(offloads_are_granted_down_to_none),
		cmocka_unit_test(a_kernel_that_refuses_is_asked_for_less),
		cmocka_unit_test(a_packet_comes_with_its_vnet_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
