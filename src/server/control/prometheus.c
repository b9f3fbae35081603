#include "server/control/prometheus.h"

#include <inttypes.h>
#include <stddef.h>

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
			(_Atomic uint64_t *)((char *)s->sites), memory_order_relaxed);
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

#define PORT(field) offsetof(struct site, port.stats.field)

static const struct {
	const char *reason;
	size_t offset;
} drops[] = {
	{"no_route", PORT(drop_no_route)},
	{"malformed", PORT(drop_malformed)},
	{"source", PORT(drop_source)},
	{"noise", PORT(drop_noise)},
	{"forbidden", PORT(drop_forbidden)},
	{"queue", PORT(drop_queue)},
	{"too_big", PORT(drop_too_big)},
	{"tun", PORT(drop_tun)},
	{"ring", offsetof(struct site, ring_dropped)},
};

static void traffic(const struct context *s, FILE *out)
{
	head(out, "octets_total", "counter", "IP octets, by direction as the client sees it.");
	fprintf(out, "culvert_octets_total{direction=\"up\"} %" PRIu64 "\n",
		sum(s, PORT(rx_octets)));
	fprintf(out, "culvert_octets_total{direction=\"down\"} %" PRIu64 "\n",
		sum(s, PORT(tx_octets)));
	head(out, "packets_total", "counter", "IP packets, by direction as the client sees it.");
	fprintf(out, "culvert_packets_total{direction=\"up\"} %" PRIu64 "\n",
		sum(s, PORT(rx_packets)));
	fprintf(out, "culvert_packets_total{direction=\"down\"} %" PRIu64 "\n",
		sum(s, PORT(tx_packets)));
	head(out, "queue_seconds", "summary",
		"Waiting in the queue of a tunnel, on the way to its client.");
	fprintf(out, "culvert_queue_seconds_sum %.6f\nculvert_queue_seconds_count %" PRIu64 "\n",
		(double)sum(s, PORT(queue_us)) / 1e6, sum(s, PORT(queue_turns)));
	head(out, "drops_total", "counter", "Packets dropped, by reason.");
	for (size_t i = 0; i < ARRAY_SIZE(drops); i++)
		fprintf(out, "culvert_drops_total{reason=\"%s\"} %" PRIu64 "\n", drops[i].reason,
			sum(s, drops[i].offset));
}

static void logins(const struct context *s, FILE *out)
{
	static const char *const results[LOGIN_RESULTS] = {
		[LOGIN_ACCEPTED] = "accepted",
		[LOGIN_REJECTED] = "rejected",
		[LOGIN_DISABLED] = "disabled",
		[LOGIN_EXPIRED] = "expired",
		[LOGIN_NO_ADDRESS] = "no_address",
		[LOGIN_NO_PLACE] = "no_place",
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
	one(out, "sessions", "gauge", "Sessions with data flowing.", context_up(s));
	one(out, "connections", "gauge", "Open connections, in any phase.", context_connections(s));
	one(out, "handshakes", "gauge", "Of these, not logged in yet.", context_handshakes(s));
	one(out, "max_sessions", "gauge", "The configured limit.",
		(uint64_t)s->snapshot->config->server.max_sessions);
	one(out, "refused_total", "counter", "Connections refused at the door.",
		admission_refused(s->admission));
	one(out, "draining", "gauge", "Whether the server is being emptied.",
		atomic_load_explicit((_Atomic bool *)&s->draining, memory_order_relaxed));
	logins(s, out);
	traffic(s, out);
}
