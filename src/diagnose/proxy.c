// SPDX-License-Identifier: Apache-2.0
/* The proxy, when one is set: CONNECT as `culvert connect --proxy` does it. */
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "diagnose/private.h"
#include "os/proxy_dial.h"

/* What of it this client can do, and with what. */
static void tell_logins(struct probe *p, const struct proxy_outcome *how)
{
	const struct http_answer *a = &how->answer;
	char text[160] = "";
	const struct {
		bool offered;
		const char *words;
	} logins[] = {{a->negotiate, "Negotiate (the Kerberos ticket at hand)"},
		{*a->digest, "Digest"}, {a->ntlm, "NTLM"}, {a->basic, "Basic"}};

	for (size_t i = 0; i < ARRAY_SIZE(logins); i++)
		if (logins[i].offered)
			text_format(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				*text ? ", " : "", logins[i].words);
	if (*a->authenticate)
		probe_fact(p, "logins possible", "%s", *text ? text : "none of them");
}

void probe_proxy(struct diagnosis *d, struct probe *p)
{
	const struct proxy_dial_opts opts = {.timeout_ms = d->opts->timeout_ms, .stop_fd = -1};
	const struct proxy *proxy = d->opts->proxy;
	struct proxy_outcome how;
	uint64_t begin = clock_mono_us();
	int fd = -1;

	if (!proxy) {
		probe_skip(p, "none is set (--proxy, https_proxy)");
		return;
	}
	probe_fact(p, "proxy", "%s port %u%s, from %s%s%s", proxy->host, proxy->port,
		proxy->tls ? " by TLS" : "", proxy->source, *proxy->user ? ", user " : "",
		proxy->user);
	proxy_dial(proxy, d->opts->host, d->opts->port, &opts, &fd, &how);
	if (*how.answer.line)
		probe_fact(p, "answer", "%s%s%s", how.answer.line, *how.answer.via ? ", via " : "",
			how.answer.via);
	if (*how.answer.authenticate)
		probe_fact(p, "logins offered", "%s", how.answer.authenticate);
	tell_logins(p, &how);
	if (*how.scheme)
		probe_fact(p, "login used", "%s%s", how.scheme,
			!strcmp(how.scheme, "Basic")
				? " (the password goes to the proxy in the clear)"
				: "");
	if (how.event) {
		probe_find(p, OUTCOME_FAILED, how.event, "%s", how.text);
		return;
	}
	if (how.first_status == 407)
		probe_fact(p, "Windows", "its SSTP cannot log in at a proxy (RasSstp event 23)");
	d->reachable = true;
	probe_summary(p, "%s:%u opens the way in %.1f ms%s%s", proxy->host, proxy->port,
		(double)(clock_mono_us() - begin) / 1000, *how.scheme ? " with " : "", how.scheme);
	close(fd);
}
