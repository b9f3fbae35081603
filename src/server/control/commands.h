// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/commands.h — the commands of admin/commands.def, one function each.
 *
 * Each answers its reply once, at once or later. Threads: the control thread.
 */
#pragma once
#include "server/control/control.h"

#define COMMAND(name, ...)                                                                         \
	void command_##name(struct control *c, const json_t *request, struct admin_reply *reply);
#include "admin/commands.def"
#undef COMMAND

/* A text of the request; "" when it has none. */
static inline const char *command_text(const json_t *request, const char *key)
{
	const char *t = json_string_value(json_object_get(request, key));

	return t ? t : "";
}
