// SPDX-License-Identifier: Apache-2.0
#include "cli/proxy.h"

#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/password.h"

/* `ps` shows arguments as they stand in memory now. */
static void blot_out(char *url)
{
	char *start = strstr(url, "://"), *at, *colon;

	start = start ? start + 3 : url;
	at = memrchr(start, '@', strcspn(start, "/?#"));
	colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
	if (!colon)
		return;
	memset(colon + 1, '*', (size_t)(at - colon - 1));
	fputs("culvert: --proxy: every process of this machine can read a password in the arguments; "
	      "use --proxy-user\n  with --proxy-password-file, or https_proxy in the environment\n",
		stderr);
}

static int take_login(struct proxy_choice *c)
{
	struct proxy *p = &c->proxy;

	if (c->user) {
		if (strlen(c->user) >= sizeof(p->user)) {
			fputs("culvert: --proxy-user: expected at most 255 octets\n", stderr);
			return CMD_USAGE;
		}
		strcpy(p->user, c->user);
	}
	if (!c->user && !c->password_file)
		return CMD_OK;
	if (!*p->user) {
		fputs("culvert: --proxy-password-file: expected --proxy-user, too\n", stderr);
		return CMD_USAGE;
	}
	return password_read(c->password_file, "Password for the proxy: ", p->password,
		       sizeof(p->password)) < 0
		       ? CMD_USAGE
		       : CMD_OK;
}

int proxy_choose(struct proxy_choice *c, const char *host, const struct proxy **ret)
{
	int r;

	*ret = NULL;
	if (c->none)
		return CMD_OK;
	if (c->url) {
		r = proxy_parse(c->url, &c->proxy);
		snprintf(c->proxy.source, sizeof(c->proxy.source), "--proxy");
		blot_out(c->url);
	} else {
		r = proxy_from_environment(host, &c->proxy);
		if (!r && (c->user || c->password_file)) {
			fputs("culvert: --proxy-user: expected --proxy, or a proxy in https_proxy\n",
				stderr);
			return CMD_USAGE;
		}
	}
	if (r < 0)
		return cmd_fail(EV_PROXY_BAD_URL, c->url ? "(--proxy)" : c->proxy.source);
	if (!c->url && !r)
		return CMD_OK;
	if (c->ca_file && !c->proxy.tls) {
		fputs("culvert: --proxy-ca: expected a proxy of https://\n", stderr);
		return CMD_USAGE;
	}
	c->proxy.ca_file = c->ca_file;
	*ret = &c->proxy;
	return take_login(c);
}
