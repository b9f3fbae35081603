// SPDX-License-Identifier: Apache-2.0
#include "admin/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"

#define BACKLOG 16
#define PAUSE_MS 100

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_again(uv_timer_t *t)
{
	struct admin_listener *l = t->data;

	uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

/* What waits stays in the queue: there may be a descriptor, or memory, later. */
static void pause_listener(struct admin_listener *l)
{
	uv_poll_stop(&l->poll);
	uv_timer_start(&l->again, on_again, PAUSE_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct admin_listener *l = poll->data;
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		l->arrived(l->arg, fd); /* the next one in the next turn */
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		pause_listener(l);
}

static int start(int fd, const void *address, socklen_t n)
{
	int r = bind(fd, address, n) < 0 || listen(fd, BACKLOG) < 0 ? -errno : fd;

	if (r < 0)
		close(fd);
	return r;
}

int admin_listen_unix(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : start(fd, &sa, sizeof(sa));
}

int admin_listen_tcp(const struct endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(at, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa.ss_family == AF_INET6) /* [::] takes IPv4 as well */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	return start(fd, &sa, n);
}

int admin_listener_open(
	struct admin_listener *l, uv_loop_t *loop, int fd, admin_arrived *arrived, void *arg)
{
	int r = uv_poll_init(loop, &l->poll, fd);

	if (r < 0) {
		close(fd);
		return r;
	}
	uv_timer_init(loop, &l->again);
	l->poll.data = l->again.data = l;
	l->fd = fd;
	l->open = true;
	l->arrived = arrived;
	l->arg = arg;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	close(((struct admin_listener *)h->data)->fd);
}

void admin_listener_close(struct admin_listener *l)
{
	if (!l->open)
		return;
	l->open = false;
	uv_close((uv_handle_t *)&l->again, NULL);
	uv_close((uv_handle_t *)&l->poll, on_closed);
}
