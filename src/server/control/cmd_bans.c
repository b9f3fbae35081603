// SPDX-License-Identifier: Apache-2.0
/* Commands about bans. The command line has written them into the database; here they take effect. */
#include "base/credentials.h"
#include "server/admission/admission.h"
#include "server/control/commands.h"
#include "server/core/context.h"

/* NULL: good. */
static const char *read_ban(const json_t *request, struct prefix *ret_of, const char **ret_user)
{
	*ret_user = command_text(request, "user");
	if (prefix_parse(command_text(request, "source"), ret_of) < 0)
		return "\"source\" is no address or network";
	return strlen(*ret_user) > USER_NAME_MAX ? "\"user\" is too long for a name" : NULL;
}

void command_ban(struct control *c, const json_t *request, struct admin_reply *reply)
{
	json_int_t until = json_integer_value(json_object_get(request, "until"));
	struct prefix of;
	const char *user, *wrong = read_ban(request, &of, &user);

	if (!wrong && until < 0)
		wrong = "\"until\" is a number of seconds since 1970, or 0: for good";
	if (!wrong && admission_ban(c->context->admission, &of, user, until) < 0)
		wrong = "too many networks are banned";
	if (wrong)
		admin_refuse(reply, wrong);
	else
		admin_answer(reply, json_object());
}

void command_unban(struct control *c, const json_t *request, struct admin_reply *reply)
{
	struct prefix of;
	const char *user, *wrong = read_ban(request, &of, &user);

	if (wrong) {
		admin_refuse(reply, wrong);
		return;
	}
	admission_unban(c->context->admission, &of, user);
	admin_answer(reply, json_object());
}
