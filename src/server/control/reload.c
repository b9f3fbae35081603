/*
 * Theory of operation
 *
 * A reload reads everything first: configuration, certificates, keys. Only when all of it is good is
 * a new struct live made and sent to the workers, so that a bad file changes nothing. Options that
 * wait for a restart keep their running values in it, and are named. Calls that run keep the context
 * and the certificate they began with; the crypto binding is about that one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/diff.h"
#include "events/event.h"
#include "os/notify.h"
#include "server/control/control.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/host/setup.h"
#include "server/worker/worker.h"

static int publish(struct governor *g, struct live *l)
{
	struct server *s = g->server;
	int r = 0;

	for (unsigned i = 0; i < s->n_workers && !r; i++)
		r = worker_post_live(&s->workers[i], l);
	if (r < 0)
		return r; /* some have it: the next reload will do, the old one is as good */
	live_free(s->live);
	s->live = live_ref(l);
	log_init((enum log_level)l->config->server.log);
	watch_files(&g->watch, l->config);
	certificates_warn(l->config, &g->terms, clock_wall_s());
	return 0;
}

/* Everything that is made from a configuration. */
static int make_live(
	struct governor *g, struct config *cfg, struct live **ret, struct tls_failure *ret_failure)
{
	AUTO(live) struct live *l = NULL;
	int r = live_new(cfg, &l);

	if (r < 0)
		return tls_failure_set(ret_failure, r, EV_OUT_OF_MEMORY, "reload");
	r = certificates_load(l, ret_failure);
	if (r < 0)
		return r;
	l->addresses = g->server->live->addresses;
	server_told_addresses(cfg, &l->addresses);
	*ret = TAKE(l);
	return 0;
}

int governor_reload_certificates(struct governor *g)
{
	AUTO(live) struct live *l = NULL;
	struct tls_failure why = {0};
	int r = make_live(g, g->server->live->config, &l, &why);

	if (!r)
		r = publish(g, l);
	if (r < 0)
		log_event(NULL, EV_RELOAD_FAILED, "reason=\"%s %s\"", event_info(why.event)->what,
			why.text);
	else
		log_event(NULL, EV_CERTIFICATES_RELOADED, "certificate_sha256=%s pin=%s",
			l->fingerprint, l->pin);
	return r;
}

struct changes {
	json_t *list;
	bool log;
};

static void note_change(const struct config_option *o, const char *from, const char *to, void *arg)
{
	struct changes *c = arg;
	char name[80];

	snprintf(name, sizeof(name), "%s.%s", o->section, o->name);
	json_array_append_new(c->list,
		json_pack("{s:s, s:o, s:o, s:s, s:b}", "option", name, "from", json_text(from),
			"to", json_text(to), "effect", config_effect_text(o->effect), "restart",
			o->effect == CONFIG_ON_RESTART));
	if (c->log && o->effect == CONFIG_ON_RESTART)
		log_event(NULL, EV_RELOAD_NEEDS_RESTART, "option=%s", name);
}

/* Pools wait for a restart; one that the restart would refuse is refused now. */
static bool has_bad_pools(
	const struct server *s, const struct config *next, char *why, size_t why_cap)
{
	struct host_addresses host;
	char text[RANGES_TEXT_LEN], now[RANGES_TEXT_LEN];

	host_addresses_read(s->config->tunnel.tun, &host);
	if (ranges_check_config(next, &host, text) == 0 ||
		ranges_check_config(s->config, &host, now) < 0) /* it serves as it is */
		return false;
	snprintf(why, why_cap, "%s", text);
	return true;
}

static int reload(struct governor *g, bool dry, json_t *changes, char *why, size_t why_cap)
{
	AUTO(config) struct config *next = NULL;
	AUTO(live) struct live *l = NULL;
	struct config_error err = {0};
	struct tls_failure bad = {0};
	int r;

	if (!g->reread) {
		snprintf(why, why_cap, "there is no configuration to read again");
		return -ENOTSUP;
	}
	r = g->reread(g->reread_arg, &next, &err);
	if (r < 0) {
		snprintf(why, why_cap, "%s", err.text);
		return r;
	}
	if (has_bad_pools(g->server, next, why, why_cap))
		return -EINVAL;
	config_diff(g->server->live->config, next, note_change, &(struct changes){changes, !dry});
	r = config_keep_started(next, g->server->live->config);
	if (!r)
		r = make_live(g, next, &l, &bad);
	if (!r && !dry)
		r = publish(g, l);
	if (r < 0)
		snprintf(why, why_cap, "%s %s", event_info(bad.event)->what, bad.text);
	return r;
}

int governor_reload(struct governor *g, bool dry, json_t **ret, char *why, size_t why_cap)
{
	json_t *changes = json_array();
	int r;

	if (!dry)
		notify_reloading();
	r = reload(g, dry, changes, why, why_cap);
	if (!dry)
		notify_ready(g->server->ready_on);
	if (r < 0) {
		if (!dry)
			log_event(NULL, EV_RELOAD_FAILED, "reason=\"%s\"", why);
		json_decref(changes);
		return r;
	}
	if (!dry)
		log_event(NULL, EV_RELOADED, "changed=%zu certificate_sha256=%s",
			json_array_size(changes), g->server->live->fingerprint);
	*ret = json_pack("{s:o, s:s, s:s}", "changes", changes, "certificate_sha256",
		g->server->live->fingerprint, "pin", g->server->live->pin);
	return 0;
}
