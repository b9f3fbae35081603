// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The request that opens a tunnel, on the main conversation: what follows it is the next probes'.
 * Answers other than 200 are distinguished by status and by the head, which shows what answered: a web
 * server, a balancer, a login page. Load balancers send HEAD on the same path; the Date of its answer
 * shows whether one of the two clocks is wrong.
 */
#include <string.h>

#include "diagnose/private.h"
#include "http/server.h"
#include "os/socket.h"

#define WEB_SERVERS                                                                                \
	"nginx", "Apache", "Microsoft-IIS", "lighttpd", "Caddy", "LiteSpeed", "openresty"

static bool is_web_server(const char *server)
{
	static const char *const names[] = {WEB_SERVERS};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncasecmp(server, names[i], strlen(names[i])))
			return true;
	return false;
}

/* One row per status that has a cure of its own. */
static const struct {
	unsigned status;
	enum event event;
} statuses[] = {
	{301, EV_PROBE_HTTP_REDIRECT},
	{302, EV_PROBE_HTTP_REDIRECT},
	{303, EV_PROBE_HTTP_REDIRECT},
	{307, EV_PROBE_HTTP_REDIRECT},
	{308, EV_PROBE_HTTP_REDIRECT},
	{401, EV_PROBE_HTTP_LOGIN},
	{403, EV_PROBE_HTTP_FORBIDDEN},
	{404, EV_PROBE_HTTP_NOT_FOUND},
	{405, EV_PROBE_HTTP_METHOD},
	{407, EV_HTTP_PROXY_AUTH},
	{501, EV_PROBE_HTTP_METHOD},
	{502, EV_PROBE_HTTP_BACKEND},
	{503, EV_PROBE_HTTP_FULL},
	{504, EV_PROBE_HTTP_BACKEND},
};

static enum event status_event(const struct talk *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].status == t->status)
			return statuses[i].event;
	if (*t->via)
		return EV_PROBE_HTTP_BALANCER;
	if (is_web_server(t->server) || t->status == 200)
		return EV_PROBE_HTTP_WEB_SERVER;
	return EV_HTTP_STATUS;
}

static void judge(struct diagnosis *d, struct probe *p)
{
	const struct call *c = d->call;
	const struct talk *t = &c->talk;
	const char *who = is_web_server(t->server) ? ", an ordinary web server"
			  : *t->via                ? ", by way of a proxy"
						   : "";

	if (*t->line && c->reason == EV_HTTP_STATUS)
		probe_find(p, OUTCOME_FAILED, status_event(t),
			"\"%s\"%s%s%s%s%s%s%s; Windows: RasSstp event 4 with status %u", t->line,
			*t->server ? ", Server: " : "", t->server, who, *t->via ? ", Via: " : "",
			t->via, *t->location ? ", to " : "", t->location, t->status);
	else if (c->reason == EV_TCP_CLOSED_BY_PEER || c->reason == EV_TLS_CUT)
		probe_find(p, OUTCOME_FAILED, EV_HTTP_NO_RESPONSE, "%s", c->text);
	else
		probe_find(p, OUTCOME_FAILED, c->reason, "%s", c->text);
}

/* As a load balancer asks; also the server's clock, and whether it offers resumption. */
static void ask_head(struct diagnosis *d, struct probe *p, bool tunnel_ok)
{
	char request[500], answer[2048], date[64], line[120];
	struct look s;
	unsigned status = 0;
	int64_t at;

	if (look_open(d, &(struct look_opts){.ctx = d->look, .sni = d->sni}, &s)) {
		look_close(&s);
		return;
	}
	snprintf(request, sizeof(request),
		"HEAD " SSTP_URI " HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
		d->opts->host);
	if (look_ask(&s, request, answer, sizeof(answer), d->opts->timeout_ms) == 0) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(answer, "\r\n"), answer);
		probe_fact(p, "HEAD", "%s", line);
		sscanf(answer, "HTTP/%*u.%*u %u", &status);
		at = http_date(head_value(answer, "Date", date, sizeof(date)));
		if (at)
			judge_clock(d, at);
	} else {
		probe_fact(p, "HEAD", "no answer");
	}
	if (status)
		judge_large(d, p);
	if (tunnel_ok && status && status != 200)
		probe_find(p, OUTCOME_OK, EV_PROBE_HTTP_HEALTH, "%s", line);
	probe_fact(&d->probes[PROBE_TLS], "resumption", "%s",
		tls_resumable(s.tls)
			? "offered (bindings of resumed connections break after a renewal)"
			: "not offered");
	look_close(&s);
}

static bool answered(const struct call *c)
{
	return c->talk.stage > TALK_HTTP;
}

static bool answered_or_over(const struct call *c)
{
	return answered(c) || c->reason;
}

void probe_http(struct diagnosis *d, struct probe *p)
{
	static const enum auth_method methods[] = {AUTH_MSCHAPV2, AUTH_CHAP_MD5, AUTH_PAP};
	struct call_opts opts = {
		.tls = d->look, .methods = methods, .n_methods = ARRAY_SIZE(methods)};
	struct talk *t;
	int r;

	if (!d->tls_works) {
		judge_portal(d, p);
		probe_skip(p, d->reachable ? "TLS does not come up" : "the server is not reached");
		return;
	}
	if (d->opts->user && d->login) {
		opts.login = true;
		opts.tls = d->login;
		opts.methods = d->opts->methods;
		opts.n_methods = d->opts->n_methods;
	} /* else nothing is sent that would need protection */
	opts.record = d->record;
	r = call_open(d, &opts, &d->call);
	if (r < 0) {
		probe_find(p, OUTCOME_FAILED, net_server_event(d, r),
			"for the main conversation: %s",
			d->proxy_event ? "by way of the proxy" : strerror(-r));
		return;
	}
	call_advance(d->call, answered_or_over);
	t = &d->call->talk;
	if (*t->line)
		probe_fact(p, "answer", "%s%s%s%s%s", t->line, *t->server ? ", Server: " : "",
			t->server, *t->via ? ", Via: " : "", t->via);
	if (answered(d->call)) {
		probe_summary(p, "\"%s\"%s%s in %.1f ms", t->line, *t->server ? " from " : "",
			t->server, (double)(t->at_us[TALK_SSTP] - t->at_us[TALK_HTTP]) / 1000);
		probe_fact(p, "kind", "SSTP server");
	} else {
		judge(d, p);
	}
	ask_head(d, p, answered(d->call));
	if (!answered(d->call))
		judge_portal(d, p);
}
