// SPDX-License-Identifier: Apache-2.0
/* What the account learns of a session: server/core/account.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "config/config.h"
#include "os/tun.h"
#include "server/core/account.h"
#include "server/core/snapshot.h"
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

static void fill(const struct session *s, struct db_session *r)
{
	const struct aaa_connection c = session_connection(s);

	*r = (struct db_session){.id = s->scope.session,
		.user_id = s->user_id,
		.ipv4 = s->leased_address,
		.started_at = s->opened_s,
		.ended_at = clock_wall_s(),
		.octets_in = s->link.rx_octets,
		.octets_out = s->link.tx_octets,
		.packets_in = s->link.rx_packets,
		.packets_out = s->link.tx_packets,
		.accounted = s->started,
		.by_radius = s->by_radius,
		.classes = s->classes};
	snprintf(r->user, sizeof(r->user), "%s", s->user);
	snprintf(r->peer, sizeof(r->peer), "%s", s->scope.peer);
	snprintf(r->correlation, sizeof(r->correlation), "%s", s->scope.correlation);
	snprintf(r->acct_id, sizeof(r->acct_id), "%s", c.session);
	snprintf(r->called, sizeof(r->called), "%s", c.called);
	if (s->site->snapshot->config->radius.calling_port)
		snprintf(r->calling, sizeof(r->calling), "%s", s->scope.peer);
	else
		addr_format(&s->peer.addr, r->calling);
}

/* When the next interim update is due: 10 % more or less, so that they do not come together. */
static void plan_interim(struct session *s)
{
	uint64_t ms = (uint64_t)s->grant->is.interim.value * 1000;
	uint16_t dice;

	if (!ms)
		ms = s->site->snapshot->config->radius.interim_ms;
	crypto_random(&dice, sizeof(dice));
	s->interim_ms = clock_mono_ms() + ms - ms / 10 + ms * dice / (5 * UINT16_MAX);
}

void session_record(struct session *s, enum event ended)
{
	struct db_session r;

	fill(s, &r);
	r.reason = ended;
	if (ended) {
		account_end(s->site->context->account, &r);
		s->leased_address = (struct addr){0};
	} else if (!s->started) {
		s->started = true;
		account_begin(s->site->context->account, &r);
		plan_interim(s);
	}
}

void session_record_interim(struct session *s, uint64_t now_ms)
{
	struct db_session r;

	if (!s->started || now_ms < s->interim_ms || !s->leased_address.family)
		return;
	fill(s, &r);
	account_interim(s->site->context->account, &r);
	plan_interim(s);
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

/* ---- logins ---- */

void session_count_login(struct session *s, enum login_result result)
{
	stat_add(&s->site->logins[result], 1);
}

void session_record_refusal(struct session *s, enum event why, const char *detail)
{
	if (*detail)
		log_event(&s->scope, why, "%s", detail);
	else
		log_event(&s->scope, why, "user=\"%s\"", s->user);
	session_record_attempt(s, why, detail);
}
