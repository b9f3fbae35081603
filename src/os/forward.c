// SPDX-License-Identifier: Apache-2.0
/*
 * os/forward.c — forwarding.
 *
 * Who else needs it is guessed from the kinds of interfaces: bridges, veth and macvlan pairs
 * (containers, virtual machines), WireGuard, other TUNs (another VPN, a second Culvert). When one is
 * there the switch stays on: leaving it on harms a machine less than cutting its containers off.
 *
 * IPv6 (Documentation/networking/ip-sysctl, accept_ra): 0 never, 1 when not forwarding, 2 always.
 * When forwarding goes on, the kernel removes default routes that it learned by advertisement unless
 * accept_ra is 2. So accept_ra is set first.
 */
#include "os/forward.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IPV4_SWITCH "/proc/sys/net/ipv4/ip_forward"
#define IPV6_SWITCH "/proc/sys/net/ipv6/conf/all/forwarding"
#define IPV6_CONF "/proc/sys/net/ipv6/conf"

/* The number in a sysctl file, or -1. */
static int read_switch(const char *path)
{
	char text[16];
	int fd = open(path, O_RDONLY | O_CLOEXEC), v;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%d", &v) == 1 ? v : -1;
}

static int write_switch(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, 1) != 1)
		r = -errno;
	close(fd);
	return r;
}

static int put_on(const char *path, bool *ret_was_off, struct os_failure *why)
{
	int r;

	if (read_switch(path) > 0)
		return 0;
	r = write_switch(path, "1");
	if (r < 0)
		return os_fail(why, EV_FORWARD_REFUSED, r, "write 1 to %s", path);
	*ret_was_off = true;
	return 0;
}

/* The switches are off after a boot: a note from before it says nothing. */
static void read_boot_id(char ret[static 40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, 36);

	ret[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static void write_note(const struct forward *f)
{
	FILE *out = *f->note ? fopen(f->note, "we") : NULL;
	char boot[40];

	if (!out)
		return;
	read_boot_id(boot);
	fprintf(out, "%s %d %d", boot, f->v4_was_off, f->v6_was_off);
	for (unsigned i = 0; i < f->n_ra; i++)
		fprintf(out, " %s", f->ra[i]);
	fputc('\n', out);
	fclose(out);
}

void forward_recall(struct forward *f)
{
	FILE *in = *f->note ? fopen(f->note, "re") : NULL;
	char boot[40], noted[40];
	int v4, v6;

	if (!in)
		return;
	read_boot_id(boot);
	if (fscanf(in, "%39s %d %d", noted, &v4, &v6) == 3 && !strcmp(boot, noted)) {
		f->v4_was_off = v4 && read_switch(IPV4_SWITCH) > 0;
		f->v6_was_off = v6 && read_switch(IPV6_SWITCH) > 0;
		while (f->n_ra < FORWARD_RA_MAX && fscanf(in, "%15s", f->ra[f->n_ra]) == 1)
			f->n_ra++;
	}
	fclose(in);
}

int forward_v4_on(struct forward *f, struct os_failure *why)
{
	bool was_off = f->v4_was_off;
	int r = put_on(IPV4_SWITCH, &f->v4_was_off, why);

	if (f->v4_was_off != was_off)
		write_note(f);
	return r;
}

static const char *ra_path(const char *ifname, char ret[static 64])
{
	snprintf(ret, 64, IPV6_CONF "/%.15s/accept_ra", ifname);
	return ret;
}

/* "default" too: an interface that comes later learns its route as well. */
static void keep_advertised_routes(struct forward *f)
{
	DIR *d = opendir(IPV6_CONF);
	const struct dirent *e;
	char path[64];

	while (d && (e = readdir(d)) && f->n_ra < FORWARD_RA_MAX) {
		if (e->d_name[0] == '.' || strlen(e->d_name) >= sizeof(f->ra[0]) ||
			!strcmp(e->d_name, "all") || !strcmp(e->d_name, "lo") ||
			!strcmp(e->d_name, f->own) || read_switch(ra_path(e->d_name, path)) != 1)
			continue;
		if (write_switch(path, "2") == 0)
			snprintf(f->ra[f->n_ra++], sizeof(f->ra[0]), "%.15s", e->d_name);
	}
	if (d)
		closedir(d);
}

int forward_v6_on(struct forward *f, struct os_failure *why)
{
	bool was_off = f->v6_was_off;
	int r;

	if (read_switch(IPV6_SWITCH) == 0)
		keep_advertised_routes(f);
	r = put_on(IPV6_SWITCH, &f->v6_was_off, why);
	if (f->v6_was_off != was_off)
		write_note(f);
	return r;
}

static void restore_v6(struct forward *f)
{
	char path[64];

	write_switch(IPV6_SWITCH, "0");
	for (unsigned i = 0; i < f->n_ra; i++)
		if (read_switch(ra_path(f->ra[i], path)) == 2)
			write_switch(path, "1");
}

void forward_restore(struct forward *f, struct netlink *nl, unsigned own_ifindex)
{
	if ((f->v4_was_off || f->v6_was_off) && nl && !netlink_has_routed_link(nl, own_ifindex)) {
		if (f->v4_was_off)
			write_switch(IPV4_SWITCH, "0");
		if (f->v6_was_off)
			restore_v6(f);
	}
	if (*f->note)
		unlink(f->note);
	*f = (struct forward){0};
}
