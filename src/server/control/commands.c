// SPDX-License-Identifier: Apache-2.0
/* Binds the table of commands to the control socket (docs/control.md). */
#include "server/control/commands.h"

#include <string.h>

#include "base/auto.h"

static const struct {
	const char *name;
	void (*run)(struct control *c, const json_t *request, struct admin_reply *reply);
} commands[] = {
#define COMMAND(name, ...) {#name, command_##name},
#include "admin/commands.def"
#undef COMMAND
};

void commands_run(void *arg, const json_t *request, struct admin_reply *reply)
{
	const char *cmd = command_text(request, "cmd");
	char known[200] = "unknown command; this server knows:";

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(cmd, commands[i].name)) {
			commands[i].run(arg, request, reply);
			return;
		}
		strcat(strcat(known, " "), commands[i].name);
	}
	admin_refuse(reply, known);
}
