/*
 * server/lane.h — the server's end of lanes: from a connection that asks to be one to its place
 * beside its session's (datapath/lane.h).
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
struct worker;

/*
 * Is the session that this tunnel (TUNNEL_LANE_REQUEST) names here at all? Any worker.
 */
bool lane_has_session(struct worker *w, const struct tunnel *tunnel);
/*
 * Sends the connection to that session's worker, which answers it. Takes fd and tunnel. On the
 * worker that accepted it; nothing of the connection may hang on its loop any more.
 */
void lane_hand_over(struct worker *w, int fd, struct tunnel *tunnel, const struct endpoint *peer,
	const struct log_scope *scope);

/* The session ends, and with it its lane. On its worker. */
void lane_end(struct session_lane *lane, enum event why);
