// SPDX-License-Identifier: Apache-2.0
/*
 * server/session/second.h — the server's end of lanes: from a connection that asks to be one to its place
 * beside its session's (datapath/pair.h).
 *
 * Threads: as each function says; a lane belongs to its session's worker.
 */
#pragma once
#include <stdbool.h>

#include "base/addr.h"
#include "events/event.h"

struct session;
struct session_lane;
struct tunnel;
struct tunnel_event;
struct site;

/* The binding of a session holds: a lane may be asked for from now on. On its worker. */
void second_allow(struct session *s);

/*
 * TUNNEL_LANE_REQUEST on a connection that came as any other does, and is still a session: it is
 * refused, or detached when this pull is over, and then second_hand_over() is due.
 */
void second_requested(struct session *s, const struct tunnel_event *ev);
/*
 * Sends the connection to that session's worker, which answers it. Takes fd and tunnel. On the
 * worker that accepted it; nothing of the connection may hang on its loop any more.
 */
void second_hand_over(struct site *site, int fd, struct tunnel *tunnel, const struct endpoint *peer,
	const struct log_scope *scope);

/* The session ends, and with it its lane. On its worker. */
void second_end(struct session_lane *lane, enum event why);
