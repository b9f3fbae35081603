// SPDX-License-Identifier: Apache-2.0
/* Commands that concern the server as a whole. */
#include "server/control/commands.h"
#include "base/auto.h"
#include "server/control/status.h"
#include "server/core/context.h"

void command_status(struct control *c, const json_t *request UNUSED, struct admin_reply *reply)
{
	admin_answer(reply, status_json(c->context));
}

void command_reload(struct control *c, const json_t *request, struct admin_reply *reply)
{
	json_t *result;
	char why[700] = "";

	if (reload_all(c, json_is_true(json_object_get(request, "dry_run")), &result, why,
		    sizeof(why)) < 0)
		admin_refuse(reply, why);
	else
		admin_answer(reply, result);
	if (!json_is_true(json_object_get(request, "dry_run")))
		authorities_refresh(c, NULL);
}

void command_drain(struct control *c, const json_t *request, struct admin_reply *reply)
{
	json_int_t seconds = json_integer_value(json_object_get(request, "for_s"));

	if (c->stopping || seconds < 0 || seconds > 7 * 24 * 3600) {
		admin_refuse(reply, c->stopping
					    ? "the server is stopping"
					    : "\"for_s\" is a number of seconds, a week at most");
		return;
	}
	if (json_is_true(json_object_get(request, "stop")))
		drain_stop(&c->drain);
	else
		drain_start(&c->drain, (uint64_t)seconds * 1000);
	admin_answer(reply, json_pack("{s:b, s:i}", "draining", c->drain.active, "sessions",
				    (int)context_sessions(c->context)));
}

void command_events(
	struct control *c UNUSED, const json_t *request UNUSED, struct admin_reply *reply)
{
	admin_follow(reply, json_pack("{s:b}", "following", 1));
}
