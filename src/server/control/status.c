// SPDX-License-Identifier: Apache-2.0
#include "server/control/status.h"

#include "base/clock.h"
#include "config/config.h"
#include "os/tun.h"
#include "server/admission/admission.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/core/networks.h"
#include "server/core/site.h"

static json_int_t get(const _Atomic uint64_t *counter)
{
	return (json_int_t)atomic_load_explicit((_Atomic uint64_t *)counter, memory_order_relaxed);
}

enum in_status { HIDDEN, STATUS };

static void add(json_t *o, enum in_status shown, const char *key, const _Atomic uint64_t *counter)
{
	if (shown == STATUS)
		json_object_set_new(o, key, json_integer(get(counter)));
}

static json_t *worker_json(const struct site *w)
{
	json_t *o = json_object();

#define GAUGE(field, key, ...) json_object_set_new(o, key, json_integer((json_int_t)w->field));
#define LOGIN COUNTER_IGNORE
#define COUNTER(field, shown, ...) add(o, shown, #field, &w->port.stats.field);
#define SITE_COUNTER(field, shown, ...) add(o, shown, #field, &w->field);
#include "server/core/counters.def"
#undef GAUGE
#undef LOGIN
#undef COUNTER
#undef SITE_COUNTER
	return o;
}

static json_t *pools_json(const struct context *s)
{
	char text[PREFIX_TEXT_LEN];
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_pools; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "name", s->pools[i].name, "prefix",
				      prefix_format(&s->pools[i].prefix, text)));
	return list;
}

/* "" when there is none. */
static json_t *prefix_json(const struct prefix *p)
{
	char text[PREFIX_TEXT_LEN];

	return json_string(p->addr.family ? prefix_format(p, text) : "");
}

json_t *status_json(const struct context *s)
{
	char pool[PREFIX_TEXT_LEN], own[ADDR_TEXT_LEN];
	json_t *workers = json_array();

	for (unsigned i = 0; i < s->n_sites; i++)
		json_array_append_new(workers, worker_json(s->sites[i]));
	return json_pack(
		"{s:s, s:I, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:o, "
		"s:o, s:o, s:i}",
		"version", CULVERT_VERSION, "uptime_s", (json_int_t)(clock_wall_s() - s->started_s),
		"listen", s->ready_on, "tun", tun_name(s->tun), "pool",
		prefix_format(&s->pool, pool), "pools", pools_json(s), "address",
		addr_format(&s->addresses.local, own), "offload", tun_offload_text(s->tun),
		"steering", s->steering ? "bpf" : "ring", "pin", s->snapshot->pin,
		"certificate_sha256", s->snapshot->fingerprint, "up", (int)sites_up(s),
		"connections", (int)sites_connections(s), "handshakes", (int)sites_handshakes(s),
		"max_sessions", s->snapshot->config->server.max_sessions, "refused",
		(json_int_t)admission_refused(s->admission), "workers", workers, "ipv6_prefix",
		prefix_json(&s->prefix6), "delegate", prefix_json(&s->delegate), "networks",
		(int)networks_count(s->networks));
}
