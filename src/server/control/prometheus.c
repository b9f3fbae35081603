// SPDX-License-Identifier: Apache-2.0
#include "server/control/prometheus.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "config/config.h"
#include "server/admission/admission.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/core/site.h"

static uint64_t sum(const struct context *s, size_t offset)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->n_sites; i++)
		n += atomic_load_explicit(
			(_Atomic uint64_t *)((char *)s->sites[i] + offset), memory_order_relaxed);
	return n;
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP culvert_%s %s\n# TYPE culvert_%s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	fprintf(out, "culvert_%s %" PRIu64 "\n", name, value);
}

/* ---- rows of core/counters.def ---------------------------------------------------------------- */

enum form { NONE, TOTAL, SUM_US, COUNT };

static const struct row {
	size_t offset;
	enum form form;
	const char *metric, *labels, *help;
} rows[] = {
#define GAUGE COUNTER_IGNORE
#define LOGIN COUNTER_IGNORE
#define COUNTER(field, shown, form, metric, labels, help)                                          \
	{offsetof(struct site, port.stats.field), form, metric, labels, help},
#define SITE_COUNTER(field, shown, form, metric, labels, help)                                     \
	{offsetof(struct site, field), form, metric, labels, help},
#include "server/core/counters.def"
#undef GAUGE
#undef LOGIN
#undef COUNTER
#undef SITE_COUNTER
};

static void counter(const struct context *s, FILE *out, const struct row *r)
{
	uint64_t n = sum(s, r->offset);

	switch (r->form) {
	case NONE: break;
	case TOTAL: fprintf(out, "culvert_%s{%s} %" PRIu64 "\n", r->metric, r->labels, n); break;
	case SUM_US: fprintf(out, "culvert_%s_sum %.6f\n", r->metric, (double)n / 1e6); break;
	case COUNT: fprintf(out, "culvert_%s_count %" PRIu64 "\n", r->metric, n); break;
	}
}

/* Rows of one metric stand together; the first has its help. */
static void counters(const struct context *s, FILE *out)
{
	const char *before = "";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		if (r->form != NONE && strcmp(before, r->metric))
			head(out, r->metric, r->form == TOTAL ? "counter" : "summary", r->help);
		before = r->metric;
		counter(s, out, r);
	}
}

static unsigned gauge_sum(const struct context *s, size_t offset)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_sites; i++)
		n += atomic_load_explicit(
			(_Atomic unsigned *)((char *)s->sites[i] + offset), memory_order_relaxed);
	return n;
}

static void gauges(const struct context *s, FILE *out)
{
#define GAUGE(field, key, metric, help)                                                            \
	one(out, metric, "gauge", help, gauge_sum(s, offsetof(struct site, field)));
#define LOGIN COUNTER_IGNORE
#define COUNTER COUNTER_IGNORE
#define SITE_COUNTER COUNTER_IGNORE
#include "server/core/counters.def"
#undef GAUGE
#undef LOGIN
#undef COUNTER
#undef SITE_COUNTER
}

/* ---- what is counted in another way ------------------------------------------------------------ */

static void logins(const struct context *s, FILE *out)
{
	static const char *const results[LOGIN_RESULTS] = {
#define GAUGE COUNTER_IGNORE
#define LOGIN(result, label) [LOGIN_##result] = label,
#define COUNTER COUNTER_IGNORE
#define SITE_COUNTER COUNTER_IGNORE
#include "server/core/counters.def"
#undef GAUGE
#undef LOGIN
#undef COUNTER
#undef SITE_COUNTER
	};
	uint64_t below = 0;

	head(out, "logins_total", "counter", "Logins, by result.");
	for (size_t i = 0; i < LOGIN_RESULTS; i++)
		fprintf(out, "culvert_logins_total{result=\"%s\"} %" PRIu64 "\n", results[i],
			sum(s, offsetof(struct site, logins) + i * sizeof(_Atomic uint64_t)));
	head(out, "handshake_seconds", "histogram",
		"From the accepted connection to the accepted login.");
	for (size_t i = 0; i <= HANDSHAKE_BUCKETS; i++) {
		below += sum(s, offsetof(struct site, handshakes) + i * sizeof(_Atomic uint64_t));
		if (i < HANDSHAKE_BUCKETS)
			fprintf(out, "culvert_handshake_seconds_bucket{le=\"%.3g\"} %" PRIu64 "\n",
				(double)handshake_bucket_ms[i] / 1000, below);
	}
	fprintf(out,
		"culvert_handshake_seconds_bucket{le=\"+Inf\"} %" PRIu64
		"\nculvert_handshake_seconds_sum %.3f\nculvert_handshake_seconds_count %" PRIu64
		"\n",
		below, (double)sum(s, offsetof(struct site, handshake_ms)) / 1000, below);
}

void prometheus_write(void *server, FILE *out)
{
	const struct context *s = server;

	head(out, "info", "gauge", "The version that runs.");
	fprintf(out, "culvert_info{version=\"%s\"} 1\n", CULVERT_VERSION);
	one(out, "uptime_seconds", "gauge", "Time since the start.",
		(uint64_t)(clock_wall_s() - s->started_s));
	gauges(s, out);
	one(out, "max_sessions", "gauge", "The configured limit.",
		(uint64_t)s->snapshot->config->server.max_sessions);
	one(out, "refused_total", "counter", "Connections refused at the door.",
		admission_refused(s->admission));
	one(out, "draining", "gauge", "Whether the server is being emptied.",
		atomic_load_explicit((_Atomic bool *)&s->draining, memory_order_relaxed));
	logins(s, out);
	counters(s, out);
}
