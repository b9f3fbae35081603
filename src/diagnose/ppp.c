// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The main conversation goes on: LCP, and with a user and a certificate that is trusted the login,
 * the crypto binding and the addresses. Without, it stops where the login would begin: no password
 * goes to an untrusted server.
 *
 * A silent server may still refuse the crypto binding, so an SSTP echo follows it. A server reads in
 * order and answers an echo only in a connected call. Its answer, or data in answer to ours, shows that
 * it did not end the call for the binding. That is no proof that it checked the binding: one with
 * binding = optional, or one that checks nothing, behaves the same behind a relay. After the last
 * probe the call is checked once more: it must still be up.
 *
 * Which methods a server would take is asked by connections that agree to one method each and stop
 * at the end of LCP. There is no login, so no failure counts against a user.
 */
#include <string.h>

#include "diagnose/private.h"

#define OTHER_FAMILY_MS 500 /* one is up: for the other, which a server may pass over in silence */

static const struct {
	enum auth_method method;
	const char *name;
} methods[] = {{AUTH_MSCHAPV2, "MS-CHAPv2"}, {AUTH_CHAP_MD5, "CHAP-MD5"}, {AUTH_PAP, "PAP"},
	{AUTH_EAP, "EAP"}};

static bool is_up(const struct call *c)
{
	return c->up4 || c->up6;
}

static bool up_or_over(const struct call *c)
{
	return is_up(c) || c->reason;
}

static bool ipv4_settled_or_over(const struct call *c)
{
	return c->up4 || strstr(c->talk.rejected, "IPv4") || c->reason;
}

static bool settled_or_over(const struct call *c)
{
	return (ipv4_settled_or_over(c) && (c->up6 || strstr(c->talk.rejected, "IPv6"))) ||
	       c->reason;
}

static bool echoed_or_over(const struct call *c)
{
	return tunnel_echoed(c->tunnel) || c->reason;
}

static bool over(const struct call *c)
{
	return c->reason != EV_NONE;
}

static bool lcp_is_open(const struct call *c)
{
	return c->talk.stage >= TALK_AUTH;
}

static bool open_or_over(const struct call *c)
{
	return lcp_is_open(c) || c->reason;
}

/* ---- methods ------------------------------------------------------------------------------------ */

static void ask_methods(struct diagnosis *d, struct probe *p)
{
	char taken[80] = "";
	bool asked = false;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		struct call_opts opts = {
			.tls = d->look, .methods = &methods[i].method, .n_methods = 1};
		AUTO(call) struct call *c = NULL;
		size_t n = strlen(taken);

		if (call_open(d, &opts, &c) < 0)
			continue;
		call_advance(c, open_or_over);
		asked |= c->talk.stage >= TALK_LCP;
		if (lcp_is_open(c))
			snprintf(taken + n, sizeof(taken) - n, "%s%s", n ? ", " : "",
				methods[i].name);
	}
	if (!asked) {
		probe_fact(p, "methods it agrees to",
			"not measured, because further connections were refused");
		return;
	}
	probe_fact(p, "methods it agrees to", "%s%s",
		*taken ? taken : "none of MS-CHAPv2, CHAP, PAP",
		strstr(d->call->talk.offered, "EAP") ? ", EAP" : "");
}

/* ---- judging -------------------------------------------------------------------------------------- */

/* After CALL_CONNECTED, and without a sign that it was taken, the server went away. */
static bool binding_broke(const struct call *c)
{
	const struct talk *t = &c->talk;
	enum layer layer = event_info(c->reason)->layer;

	return t->connected_us && !c->timed_out && !tunnel_echoed(c->tunnel) && !c->packets4 &&
	       (layer == LAYER_TCP || layer == LAYER_TLS || layer == LAYER_SSTP ||
		       c->reason == EV_LCP_PEER_TERMINATED);
}

#define ALLOWED_LEN 40

static const char *method_name(enum auth_method m)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i].method == m)
			return methods[i].name;
	return "?";
}

static const char *allowed_text(const struct diagnosis *d, char ret[static ALLOWED_LEN])
{
	size_t used = 0;

	*ret = '\0';
	for (size_t i = 0; i < d->opts->n_methods && used < ALLOWED_LEN; i++)
		used += (size_t)snprintf(ret + used, ALLOWED_LEN - used, "%s%s", i ? ", " : "",
			method_name(d->opts->methods[i]));
	return ret;
}

static bool allowed_was_offered(const struct diagnosis *d)
{
	for (size_t i = 0; i < d->opts->n_methods; i++)
		if (strstr(d->call->talk.offered, method_name(d->opts->methods[i])))
			return true;
	return false;
}

static void judge_failure(struct diagnosis *d, struct probe *p)
{
	const struct call *c = d->call;
	const struct talk *t = &c->talk;
	char mine[2 * SHA256_LEN + 1] = "", allowed[ALLOWED_LEN];

	for (size_t i = 0; i < d->probes[PROBE_TLS].n_facts; i++)
		if (!strcmp(d->probes[PROBE_TLS].facts[i].name, "SHA-256"))
			snprintf(mine, sizeof(mine), "%.64s", d->probes[PROBE_TLS].facts[i].value);
	if (t->stage == TALK_LCP && c->login && *t->offered && !allowed_was_offered(d) &&
		!c->timed_out)
		probe_find(p, OUTCOME_FAILED, EV_LCP_AUTH_NOT_COMMON,
			"it asked for %s; allowed here (--auth): %s; the end: %s", t->offered,
			allowed_text(d, allowed), event_info(c->reason)->what);
	else if (c->reason == EV_SSTP_BINDING_REFUSED)
		probe_find(p, OUTCOME_FAILED, EV_SSTP_BINDING_REFUSED,
			"%s; seen here: SHA-256 %s, issuer \"%s\"", t->abort, mine, d->issuer);
	else if (binding_broke(c))
		probe_find(p, OUTCOME_FAILED, EV_PROBE_BINDING_OFFLOAD,
			"%s; seen here: SHA-256 %s, issuer \"%s\"",
			*t->abort ? t->abort : "it closed the connection", mine, d->issuer);
	else if (*t->terminated && c->reason == EV_LCP_PEER_TERMINATED)
		probe_find(p, OUTCOME_FAILED, c->reason, "it says: \"%s\"", t->terminated);
	else
		probe_find(p, OUTCOME_FAILED, c->reason, "%s", *c->text ? c->text : t->abort);
}

static void tell_addresses(struct probe *p, const struct call *c)
{
	char own[ADDR_TEXT_LEN], peer[ADDR_TEXT_LEN], dns[2][ADDR_TEXT_LEN] = {"", ""};

	if (c->up4) {
		probe_fact(p, "IPv4", "%s, the server %s%s", addr_format(&c->v4.local, own),
			c->v4.peer.family ? "is " : "names no address of its own",
			c->v4.peer.family ? addr_format(&c->v4.peer, peer) : "");
		for (int i = 0; i < 2; i++)
			if (c->v4.dns[i].family)
				addr_format(&c->v4.dns[i], dns[i]);
		probe_fact(p, "name servers", "%s%s%s", *dns[0] ? dns[0] : "none",
			*dns[1] ? ", " : "", dns[1]);
	} else {
		probe_fact(p, "IPv4", "no");
	}
	probe_fact(p, "IPv6", "%s", c->up6 ? "yes" : "no");
	probe_fact(p, "MTU", "%u", tunnel_peer_mru(c->tunnel));
	probe_summary(p, "login as %s accepted, binding sent%s, address %s%s", c->d->opts->user,
		c->binding == TUNNEL_BINDING_KEYED ? "" : " without a key",
		c->up4 ? addr_format(&c->v4.local, own) : "IPv6 only",
		c->up4 && c->up6 ? " and IPv6" : "");
}

static void tell_lcp(struct probe *p, const struct talk *t)
{
	if (*t->lcp_options)
		probe_fact(p, "LCP options", "%s", t->lcp_options);
	if (*t->offered)
		probe_fact(p, "login asked for", "%s", t->offered);
}

/* Without a user: as far as LCP. */
static void look_only(struct diagnosis *d, struct probe *p)
{
	struct call *c = d->call;

	call_advance(c, open_or_over);
	tell_lcp(p, &c->talk);
	if (!lcp_is_open(c)) {
		judge_failure(d, p);
		return;
	}
	probe_summary(p, "LCP agreed, it asks for %s", c->talk.offered);
	if (d->opts->user)
		probe_find(p, OUTCOME_WARNING, EV_PROBE_CREDENTIALS_KEPT, "certificate of \"%s\"",
			d->opts->host);
	else
		probe_fact(p, "login", "not measured, because no user was given (USER@HOST)");
}

/* Until both families are agreed on or not, and the server has shown what it makes of the binding. */
static void await_network(struct call *c)
{
	unsigned limit = c->d->opts->timeout_ms;

	call_run(c, ipv4_settled_or_over, clock_mono_ms() + limit);
	call_run(c, settled_or_over, clock_mono_ms() + OTHER_FAMILY_MS);
	if (!c->reason && tunnel_echo(c->tunnel, clock_mono_ms()))
		call_run(c, echoed_or_over, clock_mono_ms() + limit);
}

/* What was seen after it. Without a key, any relay can make the same binding. */
static void tell_binding(struct probe *p, const struct call *c, const char *seen)
{
	bool keyed = c->binding == TUNNEL_BINDING_KEYED;

	probe_fact(p, "crypto binding", "sent%s%s%s; %s", *c->bound_hash ? " by " : "",
		c->bound_hash, keyed ? "" : " without a key, since this login yields none",
		keyed ? seen : "it proves nothing");
	if (!keyed)
		return;
	probe_fact(p, "binding checked", "not measured, because only the server knows");
	probe_find(p, OUTCOME_OK, EV_PROBE_BINDING_SENT, "%s", seen);
}

static void log_in(struct diagnosis *d, struct probe *p)
{
	struct call *c = d->call;

	call_advance(c, up_or_over);
	tell_lcp(p, &c->talk);
	if (*c->identified)
		probe_fact(p, "it says it is", "%s", c->identified);
	if (c->talk.auth_passed)
		probe_fact(p, "login", "accepted in %.1f ms",
			(double)(c->talk.passed_us - c->talk.at_us[TALK_AUTH]) / 1000);
	if (*c->talk.auth_message)
		probe_fact(p, "its words", "%s", c->talk.auth_message);
	if (is_up(c) && !c->reason)
		await_network(c);
	if (c->reason) {
		judge_failure(d, p);
		return;
	}
	c->came_up = true;
	c->came_up_us = clock_mono_us();
	if (tunnel_echoed(c->tunnel))
		tell_binding(p, c, "the server answered an SSTP echo after it");
	if (c->binding != TUNNEL_BINDING_KEYED)
		probe_find(p, OUTCOME_WARNING, EV_PROBE_BINDING_WITHOUT_KEY, "%s", c->talk.offered);
	if (!ipv4_settled_or_over(c))
		probe_find(p, OUTCOME_WARNING, EV_IPCP_TIMEOUT,
			"IPv6 is up; about IPv4 nothing was agreed on");
	tell_addresses(p, c);
}

/* The call ended under the later probes: what they found inside it may be no more than that. */
static void judge_late_end(struct diagnosis *d)
{
	struct probe *inner = &d->probes[PROBE_INNER];
	const struct call *c = d->call;
	bool unsure = binding_broke(c);

	inner->n_findings = 0;
	inner->outcome = OUTCOME_NOT_MEASURED;
	probe_find(inner, OUTCOME_FAILED, unsure ? EV_PROBE_BINDING_OFFLOAD : c->reason,
		"the call ended within %.1f s of coming up: %s",
		(double)(clock_mono_us() - c->came_up_us) / 1e6,
		*c->text ? c->text : event_info(c->reason)->what);
}

void judge_call(struct diagnosis *d)
{
	struct probe *p = &d->probes[PROBE_PPP];
	struct call *c = d->call;

	if (!c || !c->came_up)
		return;
	call_run(c, over, clock_mono_ms() + 2 * c->talk.ack_us / 1000 + 1); /* what is on its way */
	if (c->reason)
		judge_late_end(d);
	else if (tunnel_echoed(c->tunnel))
		return;
	else if (c->packets4)
		tell_binding(p, c, "data came after it");
	else
		probe_find(p, OUTCOME_WARNING, EV_PROBE_BINDING_UNKNOWN,
			"it was sent, and the server has answered neither an SSTP echo nor a packet "
			"within %.1f s",
			(double)(clock_mono_us() - c->talk.connected_us) / 1e6);
}

void probe_ppp(struct diagnosis *d, struct probe *p)
{
	struct call *c = d->call;
	bool login;

	if (!c || c->talk.stage < TALK_LCP) {
		probe_skip(p, "the SSTP call was not accepted");
		return;
	}
	login = c->login;
	if (login)
		log_in(d, p);
	else
		look_only(d, p);
	if (c->talk.lcp_heard && !c->timed_out)
		ask_methods(d, p);
}
