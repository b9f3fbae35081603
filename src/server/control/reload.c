// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A reload reads everything first: configuration, certificates, keys. Only when all of it is good is
 * a new struct snapshot made and sent to the workers, so that a bad file changes nothing. Options that
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
#include "server/control/accounting.h"
#include "server/control/control.h"
#include "server/core/filters.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/host/grant.h"
#include "server/host/host.h"
#include "server/core/site.h"

static int publish(struct control *c, struct snapshot *l)
{
	struct context *s = c->context;
	int r = 0;

	for (unsigned i = 0; i < s->n_sites && !r; i++)
		r = site_post_snapshot(s->sites[i], l);
	if (r < 0)
		return r; /* some have it: the next reload will do, the old one is as good */
	snapshot_free(s->snapshot);
	s->snapshot = snapshot_ref(l);
	host_configure_radius(s, l);
	accounting_configure(c->accounting);
	log_init((enum log_level)l->config->server.log);
	watch_files(&c->watch, l->config, l->anchors);
	certificates_warn(l->config, &c->terms, clock_wall_s());
	return 0;
}

/* Everything that is made from a configuration. */
static int make_snapshot(const struct context *s, struct config *cfg, struct eap_anchors *anchors,
	struct snapshot **ret, struct tls_failure *ret_failure)
{
	AUTO(snapshot) struct snapshot *l = NULL;
	char wrong[FILTERS_WHY_LEN];
	struct config_error radius_wrong = {0};
	int r = snapshot_new(cfg, &l);

	if (r < 0)
		return tls_failure_set(ret_failure, r, EV_OUT_OF_MEMORY, "reload");
	snapshot_set_anchors(l, anchors);
	r = certificates_load(l, ret_failure);
	if (r < 0)
		return r;
	r = filters_new(cfg, &l->filters, wrong);
	if (r < 0)
		return tls_failure_set(ret_failure, r, EV_POLICY_BAD_FILTER, "%s", wrong);
	r = host_default_grant(cfg, &l->defaults);
	if (r < 0)
		return tls_failure_set(ret_failure, r, EV_OUT_OF_MEMORY, "reload");
	r = host_load_radius(s, l, &radius_wrong);
	if (r < 0)
		return tls_failure_set(ret_failure, r, radius_wrong.event, "%s", radius_wrong.text);
	*ret = TAKE(l);
	return 0;
}

int reload_certificates(struct control *c)
{
	AUTO(snapshot) struct snapshot *l = NULL;
	struct tls_failure why = {0};
	const struct snapshot *now = c->context->snapshot;
	int r = make_snapshot(c->context, now->config, now->anchors, &l, &why);

	if (!r)
		r = publish(c, l);
	if (r < 0)
		log_event(NULL, EV_RELOAD_FAILED, "reason=\"%s %s\"", event_info(why.event)->what,
			why.text);
	else
		log_event(NULL, EV_CERTIFICATES_RELOADED, "certificate_sha256=%s pin=%s",
			l->fingerprint, l->pin);
	return r;
}

int reload_anchors(struct control *c, struct eap_anchors *anchors, struct tls_failure *ret_failure)
{
	AUTO(snapshot) struct snapshot *l = NULL;
	int r = make_snapshot(c->context, c->context->snapshot->config, anchors, &l, ret_failure);

	if (!r)
		r = publish(c, l);
	return r < 0 && !ret_failure->event
		       ? tls_failure_set(ret_failure, r, EV_OUT_OF_MEMORY, "authorities")
		       : r;
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
	const struct context *s, const struct config *next, char *why, size_t why_cap)
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

static int reload(struct control *c, bool dry, json_t *changes, char *why, size_t why_cap)
{
	AUTO(config) struct config *next = NULL;
	AUTO(snapshot) struct snapshot *l = NULL;
	struct config_error err = {0};
	struct tls_failure bad = {0};
	int r;

	if (!c->reread) {
		snprintf(why, why_cap, "there is no configuration to read again");
		return -ENOTSUP;
	}
	r = c->reread(c->reread_arg, &next, &err);
	if (r < 0) {
		snprintf(why, why_cap, "%s", err.text);
		return r;
	}
	if (has_bad_pools(c->context, next, why, why_cap))
		return -EINVAL;
	config_diff(
		c->context->snapshot->config, next, note_change, &(struct changes){changes, !dry});
	r = config_keep_started(next, c->context->snapshot->config);
	if (!r)
		r = make_snapshot(c->context, next, c->context->snapshot->anchors, &l, &bad);
	if (!r && !dry)
		r = publish(c, l);
	if (r < 0)
		snprintf(why, why_cap, "%s %s", event_info(bad.event)->what, bad.text);
	return r;
}

int reload_all(struct control *c, bool dry, json_t **ret, char *why, size_t why_cap)
{
	json_t *changes = json_array();
	int r;

	if (!dry)
		notify_reloading();
	r = reload(c, dry, changes, why, why_cap);
	if (!dry)
		notify_ready(c->context->ready_on);
	if (r < 0) {
		if (!dry)
			log_event(NULL, EV_RELOAD_FAILED, "reason=\"%s\"", why);
		json_decref(changes);
		return r;
	}
	if (!dry)
		log_event(NULL, EV_RELOADED, "changed=%zu certificate_sha256=%s",
			json_array_size(changes), c->context->snapshot->fingerprint);
	*ret = json_pack("{s:o, s:s, s:s}", "changes", changes, "certificate_sha256",
		c->context->snapshot->fingerprint, "pin", c->context->snapshot->pin);
	return 0;
}
