// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: sessions claim networks on their workers (server/core/networks.h); here the kernel's routes
 * follow, a few milliseconds at a time: ten thousand sessions may come or go at once.
 */
#include "base/auto.h"
#include "base/clock.h"
#include "os/netlink.h"
#include "server/control/control.h"
#include "server/core/context.h"
#include "server/core/networks.h"
#include "server/host/host.h"

#define FOLLOW_MS 20 /* and then others get their turn */

static void follow(struct control *c);

static void on_timer(uv_timer_t *t)
{
	follow(t->data);
}

/* Without a socket the changes wait for the next one. */
static void follow(struct control *c)
{
	AUTO(netlink) struct netlink *nl = NULL;

	if (netlink_new(&nl, NULL) < 0 ||
		host_follow_networks(c->host, nl, clock_mono_ms() + FOLLOW_MS))
		uv_timer_start(&c->routes_timer, on_timer, nl ? 0 : 1000, 0);
}

/* After the end of the loop letters may still come. */
static void on_changed(struct letter *l)
{
	struct control *c = container_of(l, struct control, networks_changed);

	if (c->routes_follow)
		follow(c);
}

int routes_prepare(struct control *c)
{
	c->networks_changed.deliver = on_changed;
	return networks_new(
		&c->context->control_mailbox, &c->networks_changed, &c->context->networks);
}

void routes_begin(struct control *c)
{
	uv_timer_init(&c->loop, &c->routes_timer);
	c->routes_timer.data = c;
	c->routes_follow = true;
}

/* All at once: what ended before this is not announced any more. */
void routes_announce(struct control *c, bool pools)
{
	AUTO(netlink) struct netlink *nl = NULL;

	if (netlink_new(&nl, NULL) < 0)
		return;
	host_follow_networks(c->host, nl, UINT64_MAX);
	if (pools)
		host_export_pools(c->host, nl);
	else
		host_withdraw_pools(c->host, nl);
}

void routes_end(struct control *c)
{
	c->routes_follow = false;
	uv_close((uv_handle_t *)&c->routes_timer, NULL);
}
