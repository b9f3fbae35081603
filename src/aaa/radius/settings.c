// SPDX-License-Identifier: Apache-2.0
#include "aaa/radius/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define AUTH_PORT 1812
#define ACCT_PORT 1813

static int __attribute__((format(printf, 2, 3)))
fail(struct config_error *err, const char *fmt, ...)
{
	va_list ap;

	err->event = EV_CONFIG_BAD_VALUE;
	va_start(ap, fmt);
	text_vformat(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* One line; blanks at its ends are a part of it, line ends are not. */
static int read_secret(const char *path, struct radius_secret *ret, struct config_error *err)
{
	char line[RADIUS_SECRET_MAX + 3];
	FILE *f = fopen(path, "re");
	const char *fault;
	size_t n;

	if (!f)
		return fail(err, "[radius] secret_file: %.200s: %s", path, strerror(errno));
	n = fread(line, 1, sizeof(line), f);
	fclose(f);
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	fault = text_mark_fault(line, n); /* else it may be any octets */
	if (fault)
		return fail(err, "[radius] secret_file: %.200s: %s", path, fault);
	if (!n || n > RADIUS_SECRET_MAX || memchr(line, '\n', n))
		return fail(err,
			"[radius] secret_file: %.200s: expected one line of 1 to %d octets, the secret",
			path, RADIUS_SECRET_MAX);
	*ret = (struct radius_secret){.len = n};
	memcpy(ret->octets, line, n);
	explicit_bzero(line, sizeof(line));
	return 0;
}

static int read_server(const char *option, const char *text, uint16_t port, struct endpoint *ret,
	char name[static 64], struct config_error *err)
{
	if (endpoint_parse(text, port, ret) < 0 || *text == ':' || !ret->port)
		return fail(err,
			"[radius] %s: expected an address with or without a port, such as 192.0.2.9:%u "
			"or [2001:db8::9]:%u, got \"%.100s\"",
			option, port, port, text);
	endpoint_format(ret, name);
	return 0;
}

static int read_weights(
	const struct config *cfg, struct radius_peer_opts *p, struct config_error *err)
{
	const struct text_list *w = &cfg->radius.weights;

	p->in_order = !w->n;
	if (w->n && w->n != p->n_servers)
		return fail(err, "[radius] weights: expected %zu, one for each server, got %zu",
			p->n_servers, w->n);
	for (size_t i = 0; i < p->n_servers; i++) {
		char *end = NULL;
		unsigned long n = w->n ? strtoul(w->item[i], &end, 10) : 1;

		if (w->n && (!*w->item[i] || *end || n > 1000 || *w->item[i] == '-'))
			return fail(err, "[radius] weights: expected 0 to 1000, got \"%.100s\"",
				w->item[i]);
		p->server[i].weight = (unsigned)n;
	}
	return 0;
}

static int read_servers(const struct config *cfg, struct radius_settings *s,
	enum radius_service service, struct config_error *err)
{
	const struct text_list *list =
		service == RADIUS_AUTH ? &cfg->radius.servers : &cfg->radius.accounting;
	struct radius_peer_opts *p = &s->peer[service];
	const char *option = service == RADIUS_AUTH ? "servers" : "accounting";

	*p = (struct radius_peer_opts){.in_order = true,
		.timeout_ms = cfg->radius.timeout_ms,
		.dead_ms = cfg->radius.dead_time_ms,
		.in_flight = (unsigned)cfg->radius.in_flight};
	if (list->n > RADIUS_SERVERS_MAX)
		return fail(err, "[radius] %s: expected at most %d", option, RADIUS_SERVERS_MAX);
	for (size_t i = 0; i < list->n; i++) {
		struct radius_server_opts *o = &p->server[i];
		int r = read_server(option, list->item[i],
			service == RADIUS_AUTH ? AUTH_PORT : ACCT_PORT, &s->address[service][i],
			o->name, err);

		if (r < 0)
			return r;
		o->weight = 1;
		o->require_seal = cfg->radius.require_message_authenticator ==
				  CONFIG_MESSAGE_AUTHENTICATOR_YES;
		o->learn_seal = cfg->radius.require_message_authenticator ==
				CONFIG_MESSAGE_AUTHENTICATOR_AUTO;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(p->server[k].name, o->name))
				return fail(err, "[radius] %s: %s is there twice", option, o->name);
	}
	p->n_servers = list->n;
	return service == RADIUS_AUTH ? read_weights(cfg, p, err) : 0;
}

/* Which file has the secret of an accounting server: that of the login server on the same host. */
static size_t secret_of(const struct radius_settings *s, enum radius_service service, size_t i)
{
	const struct addr *a = &s->address[service][i].addr;

	for (size_t k = 0; service == RADIUS_ACCT && k < s->peer[RADIUS_AUTH].n_servers; k++)
		if (addr_equal(a, &s->address[RADIUS_AUTH][k].addr))
			return k;
	return i;
}

static int read_secrets(
	const struct config *cfg, struct radius_settings *s, struct config_error *err)
{
	const struct text_list *files = &cfg->radius.secret_file;

	for (enum radius_service v = RADIUS_AUTH; v < RADIUS_SERVICES; v++)
		for (size_t i = 0; i < s->peer[v].n_servers; i++) {
			size_t k = files->n == 1 ? 0 : secret_of(s, v, i);
			int r;

			if (k >= files->n)
				return fail(err,
					"[radius] secret_file: expected one for all servers, or one "
					"for each in their order; %s has none",
					s->peer[v].server[i].name);
			r = read_secret(files->item[k], &s->peer[v].server[i].secret, err);
			if (r < 0)
				return r;
		}
	return 0;
}

int radius_settings_load(const struct config *cfg, const char *host, struct radius_settings **ret,
	struct config_error *ret_err)
{
	AUTO(radius_settings) struct radius_settings *s = calloc(1, sizeof(*s));
	const char *name = *cfg->radius.nas_identifier ? cfg->radius.nas_identifier : host;
	int r;

	if (!s) {
		ret_err->event = EV_OUT_OF_MEMORY;
		return -ENOMEM;
	}
	atomic_init(&s->refs, 1);
	snprintf(s->nas_identifier, sizeof(s->nas_identifier), "%s", name);
	if (cfg->radius.nas_address.n)
		s->nas_address = cfg->radius.nas_address.item[0];
	s->calling_port = cfg->radius.calling_port;
	r = read_servers(cfg, s, RADIUS_AUTH, ret_err);
	if (!r)
		r = read_servers(cfg, s, RADIUS_ACCT, ret_err);
	if (!r)
		r = read_secrets(cfg, s, ret_err);
	if (!r)
		*ret = TAKE(s);
	return r;
}

struct radius_settings *radius_settings_ref(struct radius_settings *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void radius_settings_unref(struct radius_settings *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	explicit_bzero(s, sizeof(*s));
	free(s);
}
