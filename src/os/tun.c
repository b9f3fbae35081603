// SPDX-License-Identifier: Apache-2.0
/*
 * os/tun.c — the TUN interface.
 *
 * Theory of operation. One interface, N queues (IFF_MULTI_QUEUE): each is a file descriptor of
 * /dev/net/tun with a ring of its own, read and written by one worker. Which queue a packet takes
 * is steering's affair (os/steering.c). Every packet carries a struct virtio_net_hdr
 * (IFF_VNET_HDR), which lets super-packets of up to 64 KiB and unfinished checksums pass both ways
 * as far as TUNSETOFFLOAD granted; kernels refuse bits they do not know, so less and less is asked
 * for. Older kernels (before 6.2) lack USO, and USO4 or USO6 alone is -EINVAL.
 *
 * The interface is never persistent. IFF_TUN_EXCL makes the kernel itself refuse a name that is
 * taken, be it by another program or by a second Culvert, without a gap between look and leap.
 */
#include "os/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>

struct tun {
	char name[IFNAMSIZ];
	unsigned ifindex, queues, offloads;
	int *fds; /* [queues], -1: not open */
};

void tun_free(struct tun *t)
{
	if (!t)
		return;
	for (unsigned i = 0; t->fds && i < t->queues; i++)
		if (t->fds[i] >= 0)
			close(t->fds[i]);
	free(t->fds);
	free(t);
}

bool tun_is(const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ifr = {.ifr_data = (char *)&info};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return false;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	r = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return r == 0 && !strcmp(info.driver, "tun") && !strcmp(info.bus_info, "tun");
}

int tun_fd(const struct tun *t, unsigned queue)
{
	return queue < t->queues ? t->fds[queue] : -EINVAL;
}

unsigned tun_queues(const struct tun *t)
{
	return t->queues;
}

const char *tun_name(const struct tun *t)
{
	return t->name;
}

unsigned tun_ifindex(const struct tun *t)
{
	return t->ifindex;
}

unsigned tun_offloads(const struct tun *t)
{
	return t->offloads;
}

bool tun_takes_tcp(const struct tun *t)
{
	return (t->offloads & TUN_OFFLOAD_TSO) == TUN_OFFLOAD_TSO;
}

bool tun_takes_udp(const struct tun *t)
{
	return (t->offloads & TUN_OFFLOAD_USO) == TUN_OFFLOAD_USO;
}

const char *tun_offload_text(const struct tun *t)
{
	if (tun_takes_udp(t))
		return "tcp udp";
	return tun_takes_tcp(t) ? "tcp" : "none";
}

/* What is missing: the file, the driver behind it, or the right. */
static int no_device(int error, struct os_failure *why)
{
	struct stat st;

	if ((error != -EACCES && error != -EPERM) || stat("/dev/net/tun", &st) < 0)
		return os_fail(why, EV_TUN_NO_DEVICE, error, "open /dev/net/tun");
	return os_fail(why, EV_TUN_FORBIDDEN, error,
		"as user %u open /dev/net/tun (mode %04o, owner %u)", geteuid(), st.st_mode & 07777,
		st.st_uid);
}

/* Opens queue i; the first one creates the interface and settles its name. */
static int open_queue(struct tun *t, unsigned i, struct os_failure *why)
{
	struct ifreq ifr = {0};
	int header = TUN_VNET_HDR_LEN;
	unsigned flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;

	t->fds[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fds[i] < 0)
		return no_device(-errno, why);
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	ifr.ifr_flags = (short)(i == 0 ? flags | IFF_TUN_EXCL : flags);
	if (ioctl(t->fds[i], TUNSETIFF, &ifr) < 0) {
		if (i == 0 && (errno == EBUSY || errno == EINVAL) && if_nametoindex(t->name))
			return os_fail(why, EV_TUN_NAME_TAKEN, -EEXIST, "create TUN interface %s",
				t->name);
		return os_fail(why, EV_TUN_REFUSED, -errno, "%s TUN interface %s",
			i == 0 ? "create" : "add a queue to", t->name);
	}
	memcpy(t->name, ifr.ifr_name, sizeof(t->name));
	if (ioctl(t->fds[i], TUNSETVNETHDRSZ, &header) < 0)
		return os_fail(why, EV_TUN_REFUSED, -errno, "set vnet header of %s", t->name);
	return 0;
}

/* The offloads are the interface's, not the queue's: asked for once. */
static unsigned ask_for_offloads(int fd, unsigned unwanted)
{
	static const unsigned steps[] = {
		TUN_OFFLOAD_ALL,
		TUN_OFFLOAD_ALL & ~TUN_OFFLOAD_USO,
		TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO,
		TUN_OFFLOAD_CSUM,
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		unsigned long wanted = steps[i] & ~unwanted;

		if (ioctl(fd, TUNSETOFFLOAD, wanted) == 0)
			return (unsigned)wanted;
	}
	return 0;
}

static int choose_name(struct tun *t, const char *name, struct os_failure *why)
{
	const char *percent = strchr(name, '%');

	if (strlen(name) >= sizeof(t->name) || !*name || strchr(name, '/') ||
		(percent && (percent[1] != 'd' || strchr(percent + 1, '%'))))
		return os_fail(why, EV_TUN_BAD_NAME, -EINVAL, "create TUN interface %s", name);
	snprintf(t->name, sizeof(t->name), "%s", name);
	return 0;
}

int tun_new(const struct tun_opts *opts, struct tun **ret, struct os_failure *why)
{
	unsigned queues = opts->queues ? opts->queues : 1;
	AUTO(tun) struct tun *t = calloc(1, sizeof(*t));
	int r;

	if (!t || !(t->fds = calloc(queues, sizeof(*t->fds))))
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "open a TUN with %u queues", queues);
	t->queues = queues;
	for (unsigned i = 0; i < queues; i++)
		t->fds[i] = -1;
	r = choose_name(t, opts->name ? opts->name : TUN_NAME_DEFAULT, why);
	for (unsigned i = 0; r >= 0 && i < queues; i++)
		r = open_queue(t, i, why);
	if (r < 0)
		return r;
	t->offloads = ask_for_offloads(t->fds[0], opts->no_offloads);
	t->ifindex = if_nametoindex(t->name);
	*ret = TAKE(t);
	return 0;
}
