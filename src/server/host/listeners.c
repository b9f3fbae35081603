// SPDX-License-Identifier: Apache-2.0
#include "server/host/host.h"

#include <fcntl.h>

#include "base/auto.h"
#include "config/config.h"
#include "os/notify.h"
#include "os/socket.h"
#include "server/core/context.h"
#include "server/core/limits.h"

static int make_listeners(struct host *h, const struct endpoint_list *list, bool clear,
	host_take_listener *take, void *arg)
{
	struct context *c = h->context;
	struct os_failure why = {0};

	for (size_t i = 0; i < list->n; i++) {
		struct endpoint at = list->item[i];

		if (socket_nobody_listens(&at, &why) < 0)
			return host_refused(why.event, why.text);
		for (unsigned w = 0; w < c->n_sites; w++) {
			int fd, r = socket_listen(&at, LISTEN_BACKLOG, &fd, &why);

			if (r < 0)
				return host_refused(why.event, why.text);
			socket_local(
				fd, &at); /* port 0: the first got one, the others take the same */
			take(arg, w, fd, clear);
		}
		if (i == 0 && !clear)
			endpoint_format(&at, c->ready_on);
	}
	return 0;
}

/*
 * Sockets that the service manager opened take the place of `listen`. Each worker gets a copy of the
 * descriptor; the first one to call accept() gets the connection.
 */
static bool take_listeners(struct host *h, host_take_listener *take, void *arg)
{
	struct context *c = h->context;
	int fds[CONFIG_ITEMS_MAX];
	size_t n = notify_listen_fds(fds, ARRAY_SIZE(fds));
	struct endpoint at;

	for (size_t i = 0; i < n; i++) {
		for (unsigned w = 1; w < c->n_sites; w++)
			take(arg, w, fcntl(fds[i], F_DUPFD_CLOEXEC, 3), false);
		take(arg, 0, fds[i], false);
		if (i == 0 && !socket_local(fds[i], &at))
			endpoint_format(&at, c->ready_on);
	}
	return n > 0;
}

int host_listen(struct host *h, host_take_listener *take, void *arg)
{
	const struct config *cfg = h->context->config;
	int r = 0;

	if (!take_listeners(h, take, arg))
		r = make_listeners(h, &cfg->server.listen, false, take, arg);
	return r ? r : make_listeners(h, &cfg->balancer.listen, true, take, arg);
}
