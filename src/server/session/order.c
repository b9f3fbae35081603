// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a session gives an order to another one, which may be another worker's. A letter to that worker
 * carries the number; the session is looked for when it arrives.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "server/session/private.h"

struct order {
	struct letter letter;
	struct site *site;
	uint64_t session;
	order_fn *do_it;
};

static void deliver(struct letter *l)
{
	struct order *o = container_of(l, struct order, letter);

	o->do_it(o->site, o->session);
	free(o);
}

void order_send(struct context *c, const struct directory_hit *to, order_fn *do_it)
{
	struct order *o = malloc(sizeof(*o));

	if (!o)
		return;
	*o = (struct order){{.deliver = deliver}, c->sites[to->site], to->session, do_it};
	mailbox_post(&o->site->mailbox, &o->letter);
}
