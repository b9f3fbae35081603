// SPDX-License-Identifier: Apache-2.0
/* What the account learns of a session: server/core/account.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "os/tun.h"
#include "server/core/account.h"
#include "server/session/private.h"

void session_record_attempt(struct session *s, enum event outcome, const char *detail)
{
	struct db_attempt a = {.at = s->opened_s, .outcome = outcome};

	if (s->recorded)
		return;
	s->recorded = true;
	snprintf(a.peer, sizeof(a.peer), "%s", s->scope.peer);
	snprintf(a.user, sizeof(a.user), "%s", s->user);
	snprintf(a.correlation, sizeof(a.correlation), "%s", s->scope.correlation);
	snprintf(a.detail, sizeof(a.detail), "%s", detail);
	account_attempt(s->site->context->account, &a);
}

void session_record(struct session *s, enum event ended)
{
	struct db_session r = {.id = s->scope.session,
		.user_id = s->user_id,
		.ipv4 = s->leased_address,
		.started_at = s->opened_s,
		.ended_at = clock_wall_s(),
		.octets_in = s->link.rx_octets,
		.octets_out = s->link.tx_octets,
		.reason = ended};

	snprintf(r.user, sizeof(r.user), "%s", s->user);
	snprintf(r.peer, sizeof(r.peer), "%s", s->scope.peer);
	snprintf(r.correlation, sizeof(r.correlation), "%s", s->scope.correlation);
	if (ended) {
		account_end(s->site->context->account, &r);
		s->leased_address = (struct addr){0};
	} else if (!s->started) {
		s->started = true;
		account_begin(s->site->context->account, &r);
	}
}

struct aaa_connection session_connection(const struct session *s)
{
	const struct context *c = s->site->context;
	struct aaa_connection r = {.peer = s->peer, .port = (uint32_t)s->scope.session};

	snprintf(r.called, sizeof(r.called), "%s", c->ready_on);
	snprintf(r.interface, sizeof(r.interface), "%s", c->tun ? tun_name(c->tun) : "");
	snprintf(r.session, sizeof(r.session), "%08" PRIx64 "-%08" PRIx64, c->epoch,
		s->scope.session);
	return r;
}
