// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A connection that asks to be a lane comes through the door as any other: counted, limited, its
 * handshake within the cap, in the hands of the worker that accepted it. When its request has been
 * read, everything of it hangs off one tunnel and one descriptor: these go by letter to the worker
 * of the session that it names (directory.h), and only there, where the session's key is, the proof is
 * judged. In between it is in no loop and costs no deadline: a letter is delivered in the next turn.
 *
 * A session has one lane; a second one with a right proof replaces the first one, because the client
 * knows which of them still works.
 */
#include "server/session/second.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "datapath/link.h"
#include "server/core/limits.h"
#include "server/session/private.h"

struct session_lane {
	struct link link; /* first: link callbacks get back to the lane */
	struct site *site;
	struct session *session; /* NULL: it was refused, or the session is gone */
	struct session_lane *next, **prev;
	struct log_scope scope;
};

static struct session_lane *lane_of(struct link *l)
{
	return container_of(l, struct session_lane, link);
}

/* ---- the session ---------------------------------------------------------- */

void second_allow(struct session *s)
{
	struct tunnel_ticket ticket;

	if (s->handle.prev || !tunnel_lane_ticket(s->link.tunnel, &ticket))
		return;
	memcpy(s->handle.octets, ticket.call.handle, sizeof(s->handle.octets));
	tunnel_ticket_wipe(&ticket);
	s->handle.owner = (struct directory_owner){s, s->site->index};
	directory_add_handle(s->site->context->directory, &s->handle);
}

/* ---- at the door, on any worker ---------------------------------------------------------- */

/* Does this server have the session that the lane names? */
static bool has_session(struct site *site, const struct tunnel *tunnel)
{
	struct directory_owner owner;

	return directory_by_handle(site->context->directory, tunnel_lane_handle(tunnel), &owner);
}

void second_requested(struct session *s, const struct tunnel_event *ev)
{
	snprintf(s->scope.correlation, sizeof(s->scope.correlation), "%s", ev->correlation);
	if (has_session(s->site, s->link.tunnel)) {
		link_detach(&s->link);
		return;
	}
	tunnel_lane_answer(s->link.tunnel, NULL, clock_wall_s());
}

/* ---- on the session's worker ---------------------------------------------------------- */

/* Logged as itself; any other end of a lane is logged as EV_LANE_ENDED. */
static bool is_fault(enum event why)
{
	return why == EV_LANE_REFUSED || why == EV_LANE_PROTOCOL;
}

static void on_event(struct link *l, const struct tunnel_event *ev)
{
	struct session_lane *lane = lane_of(l);

	if (ev->type != TUNNEL_ENDED)
		return; /* a lane's other events are packets */
	if (lane->session)
		lane->session->lane = NULL;
	lane->session = NULL;
	log_event(&lane->scope, is_fault(ev->reason) ? ev->reason : EV_LANE_ENDED, "reason=%s%s%s",
		event_info(ev->reason)->name, *ev->text ? " " : "", ev->text);
}

static bool accept_no_source(
	struct link *l UNUSED, const uint8_t *octets UNUSED, const struct ip_packet *ip UNUSED)
{
	return false; /* a lane that is joined asks its main link; another carries nothing */
}

static void on_closed(struct link *l)
{
	struct session_lane *lane = lane_of(l);
	struct site *site = lane->site;

	*lane->prev = lane->next;
	if (lane->next)
		lane->next->prev = lane->prev;
	free(lane);
	site->leave(site);
}

static const struct link_ops link_ops = {
	.event = on_event, .accept_source = accept_no_source, .closed = on_closed};

static void add_to_site(struct session_lane *lane, struct site *site)
{
	lane->site = site;
	lane->next = site->lanes;
	lane->prev = &site->lanes;
	if (lane->next)
		lane->next->prev = &lane->next;
	site->lanes = lane;
}

/* The session that the lane names, if it still is there: this worker's own, so it stays. */
static struct session *find_session(struct site *site, const struct tunnel *tunnel)
{
	struct directory_owner o;

	if (!directory_by_handle(site->context->directory, tunnel_lane_handle(tunnel), &o) ||
		o.site != site->index)
		return NULL;
	return o.session;
}

static bool proved(struct session_lane *lane, struct session *session)
{
	struct tunnel_ticket ticket;
	bool known = session && tunnel_lane_ticket(session->link.tunnel, &ticket);
	bool ok = tunnel_lane_answer(lane->link.tunnel, known ? &ticket : NULL, clock_wall_s());

	tunnel_ticket_wipe(&ticket);
	return ok;
}

static void join(struct session_lane *lane, struct session *session)
{
	struct session_lane *before = session->lane;

	_Static_assert(LANES_PER_SESSION == 1, "a session has one place for it");
	if (before) {
		before->session = NULL;
		link_retire(&before->link, EV_LANE_ENDED);
	}
	lane->session = session;
	lane->scope.session = session->scope.session;
	session->lane = lane;
	pair_join(&session->link, &lane->link);
	log_event(&lane->scope, EV_LANE_UP, "worker=%u", lane->site->index);
}

/* ---- from one worker to the other ---------------------------------------------------------- */

struct lane_letter {
	struct letter letter;
	struct site *to;
	int fd;
	struct tunnel *tunnel;
	struct endpoint peer;
	struct log_scope scope;
};

static void drop(struct lane_letter *h)
{
	close(h->fd);
	tunnel_free(h->tunnel);
	free(h);
}

static void arrive(struct letter *l)
{
	struct lane_letter *h = container_of(l, struct lane_letter, letter);
	struct site *site = h->to;
	struct session_lane *lane = site->stopping ? NULL : calloc(1, sizeof(*lane));
	struct session *session;

	if (!lane || link_init(&lane->link, &site->port, h->fd, h->tunnel, &link_ops) < 0) {
		free(lane);
		drop(h);
		return;
	}
	tunnel_move(h->tunnel, site->port.scratch);
	lane->scope = h->scope;
	add_to_site(lane, site);
	session = find_session(site, lane->link.tunnel);
	if (proved(lane, session))
		join(lane, session);
	else
		admission_lane_failed(site, &h->peer);
	free(h);
	link_start(&lane->link);
}

void second_hand_over(struct site *site, int fd, struct tunnel *tunnel, const struct endpoint *peer,
	const struct log_scope *scope)
{
	struct lane_letter *h = tunnel_asks_for_lane(tunnel) ? malloc(sizeof(*h)) : NULL;
	struct directory_owner owner = {.site = site->index};

	if (!h) {
		close(fd);
		tunnel_free(tunnel);
		return;
	}
	/* gone meanwhile: refused here as well as there */
	directory_by_handle(site->context->directory, tunnel_lane_handle(tunnel), &owner);
	*h = (struct lane_letter){
		{.deliver = arrive}, site->context->sites[owner.site], fd, tunnel, *peer, *scope};
	mailbox_post(&h->to->mailbox, &h->letter);
}

/* ---- the end ---------------------------------------------------------- */

void second_end(struct session_lane *lane, enum event why)
{
	if (lane->session)
		lane->session->lane = NULL;
	lane->session = NULL;
	link_close(&lane->link, why);
}
