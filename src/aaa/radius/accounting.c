// SPDX-License-Identifier: Apache-2.0
#include "aaa/radius/accounting.h"

#include <stdio.h>
#include <string.h>

#include "aaa/radius/codec.h"
#include "events/event.h"

enum cause { /* RFC 2866 section 5.10 */
	USER_REQUEST = 1,
	LOST_CARRIER = 2,
	IDLE_TIMEOUT = 4,
	SESSION_TIMEOUT = 5,
	ADMIN_RESET = 6,
	ADMIN_REBOOT = 7,
	PORT_ERROR = 8,
	NAS_ERROR = 9,
	NAS_REQUEST = 10,
	NAS_REBOOT = 11,
	USER_ERROR = 17,
};

#define AUTHENTIC_RADIUS 1
#define AUTHENTIC_LOCAL 2
#define SERVICE_FRAMED 2
#define PROTOCOL_PPP 1
#define PORT_VIRTUAL 5

static unsigned terminate_cause(enum event reason)
{
	const struct event_info *e = event_info(reason);

	switch ((int)reason) {
	case EV_SESSION_IDLE: return IDLE_TIMEOUT;
	case EV_SESSION_TIME_UP:
	case EV_SESSION_HOURS_OVER:
	case EV_USER_DATE_PASSED: return SESSION_TIMEOUT;
	case EV_SESSION_KICKED:
	case EV_SESSION_DISCONNECTED:
	case EV_USER_CHANGED: return ADMIN_RESET;
	case EV_SERVER_STOPPING:
	case EV_SESSION_DRAINED: return ADMIN_REBOOT;
	case EV_SESSION_REPLACED: return NAS_REQUEST;
	case EV_SESSION_LOST: return NAS_REBOOT;
	}
	switch ((int)e->layer) {
	case LAYER_TCP: return LOST_CARRIER;
	case LAYER_LOCAL: return NAS_ERROR;
	case LAYER_BINDING:
	case LAYER_AUTH: return USER_ERROR;
	}
	return e->level == LOG_LEVEL_INFO || e->level == LOG_LEVEL_DEBUG ? USER_REQUEST
									 : PORT_ERROR;
}

/* The attributes go behind a header that is cut off again. */
static void begin(struct radius_builder *b, uint8_t room[static RADIUS_PACKET_MAX])
{
	radius_begin(b, RADIUS_ACCOUNTING_REQUEST, 0, NULL, false, room, RADIUS_PACKET_MAX);
}

static size_t written(const struct radius_builder *b)
{
	return wr_len(&b->wr) - RADIUS_HEADER_LEN;
}

static void take(const struct radius_builder *b, struct accounting_record *ret)
{
	ret->n = written(b) < sizeof(ret->octets) ? written(b) : 0;
	memcpy(ret->octets, b->wr.start + RADIUS_HEADER_LEN, ret->n);
}

/* What all records of a session say alike: servers know a session by it. */
static void put_common(struct radius_builder *b, const struct db_session *s)
{
	radius_put_text(b, RADIUS_ACCT_SESSION_ID, s->acct_id);
	radius_put(b, RADIUS_USER_NAME, s->user, strnlen(s->user, RADIUS_VALUE_MAX));
	radius_put_u32(b, RADIUS_NAS_PORT, (uint32_t)s->id);
	radius_put_u32(b, RADIUS_NAS_PORT_TYPE, PORT_VIRTUAL);
	radius_put_u32(b, RADIUS_SERVICE_TYPE, SERVICE_FRAMED);
	radius_put_u32(b, RADIUS_FRAMED_PROTOCOL, PROTOCOL_PPP);
	radius_put_text(b, RADIUS_CALLED_STATION_ID, s->called);
	radius_put_text(b, RADIUS_CALLING_STATION_ID, s->calling);
	if (s->ipv4.family == AF_INET)
		radius_put_addr(b, RADIUS_FRAMED_IP_ADDRESS, &s->ipv4);
	radius_put_u32(b, RADIUS_ACCT_AUTHENTIC, s->by_radius ? AUTHENTIC_RADIUS : AUTHENTIC_LOCAL);
	if (s->classes)
		wr_octets(&b->wr, s->classes->octets, s->classes->len);
}

static void put_counters(
	struct radius_builder *b, const struct accounting_record *r, int64_t seconds)
{
	const struct accounting_counters *c = &r->counters;

	radius_put_u32(b, RADIUS_ACCT_SESSION_TIME, seconds > 0 ? (uint32_t)seconds : 0);
	radius_put_u32(b, RADIUS_ACCT_INPUT_OCTETS, (uint32_t)c->octets_in);
	radius_put_u32(b, RADIUS_ACCT_OUTPUT_OCTETS, (uint32_t)c->octets_out);
	radius_put_u32(b, RADIUS_ACCT_INPUT_GIGAWORDS, (uint32_t)(c->octets_in >> 32));
	radius_put_u32(b, RADIUS_ACCT_OUTPUT_GIGAWORDS, (uint32_t)(c->octets_out >> 32));
	radius_put_u32(b, RADIUS_ACCT_INPUT_PACKETS, (uint32_t)c->packets_in);
	radius_put_u32(b, RADIUS_ACCT_OUTPUT_PACKETS, (uint32_t)c->packets_out);
}

static void put_event(struct radius_builder *b, enum accounting_kind kind, int64_t at)
{
	radius_put_u32(b, RADIUS_ACCT_STATUS_TYPE, kind);
	radius_put_u32(b, RADIUS_EVENT_TIMESTAMP, (uint32_t)at);
}

void radius_account_session(enum accounting_kind kind, const struct db_session *s, int64_t now,
	struct accounting_record *ret)
{
	uint8_t room[RADIUS_PACKET_MAX];
	struct radius_builder b;

	*ret = (struct accounting_record){.kind = kind,
		.at = now,
		.started_at = s->started_at,
		.counters = {s->octets_in, s->octets_out, s->packets_in, s->packets_out}};
	snprintf(ret->session, sizeof(ret->session), "%s", s->acct_id);
	begin(&b, room);
	put_common(&b, s);
	ret->common_len = written(&b);
	put_event(&b, kind, now);
	if (kind != ACCOUNTING_START)
		put_counters(&b, ret, now - s->started_at);
	if (kind == ACCOUNTING_STOP)
		radius_put_u32(&b, RADIUS_ACCT_TERMINATE_CAUSE, terminate_cause(s->reason));
	take(&b, ret);
}

void radius_account_server(enum accounting_kind kind, int64_t now, struct accounting_record *ret)
{
	uint8_t room[RADIUS_PACKET_MAX];
	struct radius_builder b;

	*ret = (struct accounting_record){.kind = kind, .at = now};
	begin(&b, room);
	put_event(&b, kind, now);
	radius_put_u32(&b, RADIUS_NAS_PORT_TYPE, PORT_VIRTUAL);
	take(&b, ret);
}

void radius_account_lost(struct accounting_record *r, int64_t last_at, void *arg)
{
	uint8_t room[RADIUS_PACKET_MAX];
	struct radius_builder b;

	(void)arg;
	begin(&b, room);
	wr_octets(&b.wr, r->octets, r->common_len);
	put_event(&b, ACCOUNTING_STOP, r->at);
	put_counters(&b, r, last_at - r->started_at);
	radius_put_u32(&b, RADIUS_ACCT_TERMINATE_CAUSE, NAS_REBOOT);
	take(&b, r);
}
