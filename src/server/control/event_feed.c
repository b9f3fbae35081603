// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Events happen on every thread; followers are clients of the control thread. While there is at least one
 * follower, the tap copies each event into a letter. The number of letters in transit is bounded, so a
 * follower cannot fill the memory of a busy server. Dropped events are counted; the next line that a
 * follower gets has their number.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mailbox.h"
#include "events/event.h"
#include "server/control/control.h"
#include "server/core/context.h"

#define UNDER_WAY_MAX 1024

struct event_letter {
	struct letter letter;
	int64_t at_s;
	enum event event;
	struct log_scope scope;
	char text[EVENT_TEXT_MAX];
};

/* The log is the process's, and so is its tap. */
static struct control *home;
static _Atomic unsigned under_way, lost;

static void tell(struct letter *l)
{
	struct event_letter *e = container_of(l, struct event_letter, letter);
	const struct event_info *info = event_info(e->event);
	unsigned dropped = atomic_exchange(&lost, 0);
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	json_t *o;

	atomic_fetch_sub(&under_way, 1);
	if (home && !home->stopping && admin_followed(home->admin)) {
		o = json_pack("{s:I, s:i, s:s, s:s, s:s, s:s}", "at", (json_int_t)e->at_s, "event",
			info->number, "name", info->name, "layer", layer_name(info->layer), "level",
			levels[info->level], "what", info->what);
		if (e->scope.session)
			json_object_set_new(
				o, "session", json_integer((json_int_t)e->scope.session));
		if (*e->scope.peer)
			json_object_set_new(o, "peer", json_text(e->scope.peer));
		if (*e->scope.correlation)
			json_object_set_new(o, "correlation", json_text(e->scope.correlation));
		if (*e->text)
			json_object_set_new(o, "text", json_text(e->text));
		if (dropped)
			json_object_set_new(o, "lost", json_integer(dropped));
		admin_tell(home->admin, o);
	}
	free(e);
}

static void tap(const struct log_scope *scope, enum event ev, const char *text)
{
	struct event_letter *e;

	if (!admin_followed(home->admin))
		return;
	e = atomic_load(&under_way) < UNDER_WAY_MAX ? malloc(sizeof(*e)) : NULL;
	if (!e) {
		atomic_fetch_add(&lost, 1);
		return;
	}
	atomic_fetch_add(&under_way, 1);
	*e = (struct event_letter){
		.letter = {.deliver = tell}, .at_s = clock_wall_s(), .event = ev};
	if (scope)
		e->scope = *scope;
	snprintf(e->text, sizeof(e->text), "%s", text);
	mailbox_post(&home->context->control_mailbox, &e->letter);
}

void event_feed_begin(struct control *c)
{
	home = c;
	log_tap(tap);
}

void event_feed_end(void)
{
	log_tap(NULL);
}
