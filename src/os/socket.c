// SPDX-License-Identifier: Apache-2.0
/*
 * os/socket.c — TCP sockets.
 *
 * Why each option: TCP_NODELAY, because a tunnel's small packets may be keystrokes;
 * keepalive and TCP_USER_TIMEOUT, because SSTP's own echo (60 s at a server) sees a dead path late and
 * an idle one not at all; TCP_NOTSENT_LOWAT, because packets in the kernel's send queue cannot be
 * reordered or marked any more.
 */
#include "os/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

static void fd_free(int fd)
{
	if (fd >= 0)
		close(fd);
}

static inline void fd_freep(int *fd)
{
	fd_free(*fd);
}

static int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static bool is_any_v6(const struct addr *a)
{
	static const uint8_t any[16];

	return a->family == AF_INET6 && !memcmp(a->octets, any, sizeof(any));
}

static int tcp_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	return fd < 0 ? -errno : fd;
}

static int listen_on(const struct endpoint *at, int backlog, bool shared, int *ret_fd)
{
	AUTO(fd) int fd = tcp_socket(at->addr.family);
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(at, &sa);
	int r;

	if (fd < 0)
		return fd;
	/* SO_REUSEADDR: a restarted server need not wait for the old connections' TIME_WAIT. */
	if ((r = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1)) < 0 ||
		(r = set_int(fd, SOL_SOCKET, SO_REUSEPORT, shared)) < 0)
		return r;
	if (at->addr.family == AF_INET6 &&
		(r = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_any_v6(&at->addr))) < 0)
		return r;
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || (backlog && listen(fd, backlog) < 0))
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int listen_or_why(
	const struct endpoint *at, int backlog, bool shared, int *ret_fd, struct os_failure *why)
{
	struct endpoint any4 = {.addr = {.family = AF_INET}, .port = at->port};
	char text[ENDPOINT_TEXT_LEN];
	enum event ev = EV_LISTEN_FAILED;
	int r = listen_on(at, backlog, shared, ret_fd);

	if ((r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) && is_any_v6(&at->addr))
		r = listen_on(&any4, backlog, shared, ret_fd);
	if (r == -EADDRINUSE)
		ev = EV_LISTEN_IN_USE;
	else if (r == -EACCES || r == -EPERM)
		ev = EV_LISTEN_FORBIDDEN;
	else if (r == -EADDRNOTAVAIL)
		ev = EV_LISTEN_NOT_LOCAL;
	return r < 0 ? os_fail(why, ev, r, "listen on %s", endpoint_format(at, text)) : 0;
}

int socket_listen(const struct endpoint *at, int backlog, int *ret_fd, struct os_failure *why)
{
	return listen_or_why(at, backlog, true, ret_fd, why);
}

int socket_nobody_listens(const struct endpoint *at, struct os_failure *why)
{
	AUTO(fd) int fd = -1;

	return listen_or_why(at, 0, false, &fd, why); /* bound, which fails beside a listener */
}

enum event tcp_event(int error)
{
	switch (-error) {
	case ECONNREFUSED: return EV_TCP_REFUSED;
	case ETIMEDOUT: return EV_TCP_TIMEOUT;
	case ECONNRESET: return EV_TCP_RESET;
	case ENETUNREACH:
	case EHOSTUNREACH: return EV_TCP_UNREACHABLE;
	}
	return EV_TCP_FAILED;
}

int socket_local(int fd, struct endpoint *ret)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	endpoint_from_sockaddr((struct sockaddr *)&sa, ret);
	return 0;
}

int socket_peer(int fd, struct endpoint *ret)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getpeername(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	endpoint_from_sockaddr((struct sockaddr *)&sa, ret);
	return 0;
}

void tcp_tune_client(int fd, const char *congestion, uint32_t mark)
{
	tcp_tune(fd,
		&(struct tcp_opts){.notsent_lowat = 64 * 1024,
			.keepalive_idle_s = 20,
			.keepalive_interval_s = 5,
			.keepalive_count = 4,
			.user_timeout_ms = 20000,
			.congestion = congestion,
			.mark = mark},
		NULL);
}

int tcp_set_congestion(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0
		       ? -errno
		       : 0;
}

static void choose_congestion(int fd, const char *name, char ret[CONGESTION_NAME_LEN])
{
	socklen_t len = CONGESTION_NAME_LEN;

	/* Not there, not allowed: the default serves as well, and the caller reports which. */
	if (name)
		tcp_set_congestion(fd, name);
	if (ret && getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, ret, &len) < 0)
		ret[0] = '\0';
	if (ret)
		ret[CONGESTION_NAME_LEN - 1] = '\0';
}

int tcp_tune(int fd, const struct tcp_opts *opts, char ret_congestion[CONGESTION_NAME_LEN])
{
	const struct {
		int level, name;
		uint32_t value;
	} rows[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{SOL_SOCKET, SO_KEEPALIVE, opts->keepalive_idle_s > 0},
		{IPPROTO_TCP, TCP_KEEPIDLE, opts->keepalive_idle_s},
		{IPPROTO_TCP, TCP_KEEPINTVL, opts->keepalive_interval_s},
		{IPPROTO_TCP, TCP_KEEPCNT, opts->keepalive_count},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, opts->user_timeout_ms},
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, opts->notsent_lowat},
		{SOL_SOCKET, SO_MARK, opts->mark},
	};
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = rows[i].value ? set_int(fd, rows[i].level, rows[i].name, (int)rows[i].value)
				      : 0;

		if (r < 0 && first == 0)
			first = r;
	}
	choose_congestion(fd, opts->congestion, ret_congestion);
	return first;
}
