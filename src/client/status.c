// SPDX-License-Identifier: Apache-2.0
/* client/status.c — what the client's owner sees of it. */
#include <string.h>

#include "base/clock.h"
#include "client/client.h"
#include "client/private.h"

static enum client_phase phase_of(const struct machine *m)
{
	static const enum client_phase phases[] = {[MACHINE_DIAL] = CLIENT_DIALS,
		[MACHINE_CALL] = CLIENT_CALLS,
		[MACHINE_UP] = CLIENT_UP,
		[MACHINE_WAIT] = CLIENT_WAITS};

	return m->stopping ? CLIENT_ENDS : phases[m->state];
}

static void take_known(const struct attempt *a, struct client_known *ret)
{
	_Static_assert(CLIENT_KNOWN_MAX >= DIAL_ADDRESSES_MAX, "room");

	if (!a->n_known || strlen(a->known_of->host) >= sizeof(ret->host))
		return;
	strcpy(ret->host, a->known_of->host);
	memcpy(ret->at, a->known, a->n_known * sizeof(*a->known));
	ret->n = a->n_known;
}

void client_status(const struct client *c, struct client_status *ret)
{
	const struct client_server *server =
		c->attempt.server ? c->attempt.server : &c->opts->servers[0];
	const struct machine *m = &c->machine;
	uint64_t now_ms = clock_mono_ms();

	*ret = (struct client_status){.phase = phase_of(m),
		.since_s = c->since_s,
		.host = server->host,
		.port = server->port,
		.facts = &c->facts,
		.rx_octets = c->port.stats.rx_octets,
		.tx_octets = c->port.stats.tx_octets,
		.lost = m->lost,
		.lost_text = m->lost_text};
	if (ret->phase == CLIENT_WAITS && m->again_ms != NEVER && m->again_ms > now_ms)
		ret->wait_ms = m->again_ms - now_ms;
	/* While it dials, the thread that looks the name up writes there. */
	if (ret->phase == CLIENT_UP)
		take_known(&c->attempt, &ret->known);
}

void client_look_at_phase(struct client *c)
{
	enum client_phase phase = phase_of(&c->machine);

	if (phase == c->phase)
		return;
	if ((phase == CLIENT_UP) != (c->phase == CLIENT_UP))
		c->since_s = clock_wall_s();
	c->phase = phase;
	if (c->opts->on_change)
		c->opts->on_change(c->opts->arg);
}
