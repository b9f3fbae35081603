// SPDX-License-Identifier: Apache-2.0
/*
 * Commands that concern sessions: a broadcast to the workers, answered when the last one has.
 */
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "server/control/broadcast.h"
#include "server/control/commands.h"
#include "server/core/context.h"

static json_t *networks_json(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t n = strcspn(text, " ");

		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == ' ');
	}
	return list;
}

static json_t *session_json(const struct session_info *s)
{
	json_t *o = json_pack("{s:I, s:o, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:b}",
		"session", (json_int_t)s->id, "user", json_text(s->user), "peer", s->peer,
		"address", s->address, "phase", s->phase, "tls", s->tls, "worker", (int)s->worker,
		"since", (json_int_t)s->since, "rx_octets", (json_int_t)s->rx_octets, "tx_octets",
		(json_int_t)s->tx_octets, "rx_packets", (json_int_t)s->rx_packets, "tx_packets",
		(json_int_t)s->tx_packets, "lane", s->lane);

	if (o)
		json_object_set_new(o, "networks", networks_json(s->networks));
	if (o && *s->thumbprint)
		json_object_set_new(o, "certificate",
			json_pack("{s:s, s:s, s:o, s:I}", "thumbprint", s->thumbprint, "serial",
				s->serial, "authority", json_text(s->authority), "not_after",
				(json_int_t)s->cert_ends));
	return o;
}

static void on_round(struct broadcast *r)
{
	struct admin_reply *reply = r->arg;
	json_t *list = json_array();
	bool incomplete = false;

	for (unsigned i = 0; i < r->context->n_sites; i++) {
		incomplete |= r->part[i].incomplete;
		for (size_t k = 0; k < r->part[i].n; k++)
			json_array_append_new(list, session_json(&r->part[i].session[k]));
	}
	broadcast_free(r);
	if (incomplete) {
		json_decref(list);
		admin_refuse(reply, "out of memory: not all sessions can be listed");
		return;
	}
	admin_answer(reply, json_pack("{s:o}", "sessions", list));
}

static void go_round(struct control *c, const struct broadcast_match *match, enum event end,
	struct admin_reply *reply)
{
	struct broadcast *r;

	if (c->stopping || broadcast_new(c->context, on_round, reply, &r) < 0) {
		admin_refuse(reply, c->stopping ? "the server is stopping" : "out of memory");
		return;
	}
	r->match = *match;
	r->end = end;
	broadcast_start(r);
}

/* NULL: good. */
static const char *read_match(const json_t *request, struct broadcast_match *ret)
{
	json_int_t session = json_integer_value(json_object_get(request, "session"));
	const char *address = command_text(request, "address"),
		   *user = command_text(request, "user"),
		   *thumbprint = command_text(request, "thumbprint");
	uint8_t sha1[20];

	*ret = (struct broadcast_match){.session = (uint64_t)session};
	if (session < 0)
		return "\"session\" is a number above 0";
	if (strlen(user) >= sizeof(ret->user))
		return "\"user\" is too long for a name";
	strcpy(ret->user, user);
	if (*thumbprint && hex_decode(thumbprint, sha1, sizeof(sha1)) < 0)
		return "\"thumbprint\" is a SHA-1: 40 hexadecimal digits";
	if (*thumbprint)
		hex_encode(sha1, sizeof(sha1), ret->thumbprint);
	if (*address && addr_parse(address, &ret->address) < 0)
		return "\"address\" is no IP address";
	return NULL;
}

void command_sessions(struct control *c, const json_t *request, struct admin_reply *reply)
{
	struct broadcast_match match;
	const char *wrong = read_match(request, &match);

	if (wrong)
		admin_refuse(reply, wrong);
	else
		go_round(c, &match, EV_NONE, reply);
}

void command_kick(struct control *c, const json_t *request, struct admin_reply *reply)
{
	bool changed = !strcmp(command_text(request, "why"), "user-changed");
	struct broadcast_match match;
	const char *wrong = read_match(request, &match);

	if (!wrong && !match.session && !*match.user && !*match.thumbprint &&
		match.address.family == AF_UNSPEC)
		wrong = "whom? \"user\", \"session\", \"address\" or \"thumbprint\" is wanted";
	if (wrong)
		admin_refuse(reply, wrong);
	else
		go_round(c, &match, changed ? EV_USER_CHANGED : EV_SESSION_KICKED, reply);
}

/* `culvert user expire`: sessions that are up end at the new date, too. */
void command_expire(struct control *c, const json_t *request, struct admin_reply *reply)
{
	json_int_t at = json_integer_value(json_object_get(request, "at"));
	struct broadcast_match match;
	const char *wrong = read_match(request, &match);
	struct broadcast *r;

	if (!wrong && !*match.user)
		wrong = "\"user\" is wanted";
	if (!wrong && at < 0)
		wrong = "\"at\" is a number of seconds since 1970, or 0: never";
	if (!wrong && c->stopping)
		wrong = "the server is stopping";
	if (wrong || broadcast_new(c->context, on_round, reply, &r) < 0) {
		admin_refuse(reply, wrong ? wrong : "out of memory");
		return;
	}
	r->match = match;
	r->dated = true;
	r->expires_at = at;
	broadcast_start(r);
}

/* `culvert user set`, `culvert group set`: what takes effect now does so in sessions that are up. */
void command_regrant(struct control *c, const json_t *request, struct admin_reply *reply)
{
	struct broadcast_match match;
	const char *wrong = read_match(request, &match);
	struct broadcast *r;

	if (wrong || c->stopping || broadcast_new(c->context, on_round, reply, &r) < 0) {
		admin_refuse(reply, wrong ? wrong : "the server is stopping, or out of memory");
		return;
	}
	r->match = match;
	r->regrant = true;
	broadcast_start(r);
}
