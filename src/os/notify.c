// SPDX-License-Identifier: Apache-2.0
/*
 * os/notify.c — sd_notify(3) and sd_listen_fds(3).
 */
#include "os/notify.h"

#ifdef HAVE_SYSTEMD

#include <fcntl.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"

void notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

void notify_reloading(void)
{
	/* Type=notify-reload wants the time at which it began. */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_mono_us());
}

void notify_stopping(const char *status)
{
	sd_notifyf(0, "STOPPING=1\nSTATUS=%s", status);
}

uint64_t notify_watchdog_ms(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us / 1000 / 2 : 0;
}

void notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

size_t notify_listen_fds(int *ret_fds, size_t cap)
{
	int given = sd_listen_fds(1);
	size_t n = 0;

	for (int i = 0; i < given; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (n == cap || sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 ||
			sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0) {
			close(fd);
			continue;
		}
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		ret_fds[n++] = fd; /* sd_listen_fds() made it close-on-exec */
	}
	return n;
}

#else

void notify_ready(const char *status)
{
}

void notify_status(const char *status)
{
}

void notify_reloading(void)
{
}

void notify_stopping(const char *status)
{
}

uint64_t notify_watchdog_ms(void)
{
	return 0;
}

void notify_watchdog(void)
{
}

size_t notify_listen_fds(int *ret_fds, size_t cap)
{
	return 0;
}

#endif
