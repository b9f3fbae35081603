/*
 * server/core/handles.h — whose lane is it: the public handles of sessions that may have one, and where
 * these sessions live.
 *
 * Ownership: an entry is embedded in its session and taken out before the session is freed.
 * Threads:   any; a mutex inside. It is asked once a lane and told once a session, never per packet.
 *            What is found may be used by the session's own worker only.
 */
#pragma once
#include <stdint.h>

#include "base/auto.h"
#include "sstp/lane.h"

struct session;

struct handle {
	struct handle *next, **prev; /* prev NULL: not in the table */
	uint8_t octets[SSTP_LANE_HANDLE_LEN];
	struct session *session;
	unsigned worker;
};

struct handles;

int handles_new(struct handles **ret);
void handles_free(struct handles *h); /* NULL is fine */
DEFINE_AUTO(handles, struct handles *, handles_free)

void handles_add(struct handles *h, struct handle *entry);
void handles_del(struct handles *h, struct handle *entry); /* harmless for one that is not in */
/* -ENOENT: nobody's. */
int handles_find(struct handles *h, const uint8_t octets[static SSTP_LANE_HANDLE_LEN],
	unsigned *ret_worker, struct session **ret_session);
