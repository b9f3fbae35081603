// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/diagnose.h — `culvert diagnose`: one probe per layer of the way into an SSTP tunnel.
 *
 * Nothing here needs root, an interface of its own, or a Culvert at the other end. A probe says only
 * what it measured; what it could not measure it names, with the reason.
 *
 * Ownership: options are borrowed for the life of the diagnosis.
 * Threads:   one; the probes block, each with its time limit.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/credentials.h"
#include "events/event.h"
#include "front/proxy_connect.h"

enum probe_id {
	PROBE_DNS,
	PROBE_REACH,
	PROBE_PROXY,
	PROBE_TLS,
	PROBE_HTTP,
	PROBE_SSTP,
	PROBE_PPP,
	PROBE_INNER,
	PROBE_LOCAL,
	PROBES,
};

enum outcome { OUTCOME_NOT_MEASURED, OUTCOME_OK, OUTCOME_WARNING, OUTCOME_FAILED };

#define FACT_NAME_LEN 28
#define FACT_VALUE_LEN 400
#define PROBE_FACTS_MAX 40
#define PROBE_FINDINGS_MAX 12

struct fact { /* what was seen */
	char name[FACT_NAME_LEN], value[FACT_VALUE_LEN];
};

struct finding { /* what that means: an event of the catalogue; OUTCOME_OK: worth a note only */
	enum outcome weight;
	enum event event;
	char text[400];
};

struct probe {
	enum outcome outcome;
	bool ran;
	uint64_t began_us, took_us; /* since the diagnosis began */
	char why[240];              /* not measured, because … */
	char summary[160];          /* the one line when all is well */
	struct fact facts[PROBE_FACTS_MAX];
	size_t n_facts;
	struct finding findings[PROBE_FINDINGS_MAX];
	size_t n_findings;
};

#define DIAGNOSE_PINS_MAX 8

struct diagnose_opts {
	const char *user, *password; /* NULL: no login */
	const char *host;
	uint16_t port;
	const char *ca_file, *sni;
	const char *pins[DIAGNOSE_PINS_MAX];
	size_t n_pins;
	enum auth_method methods[AUTH_METHODS]; /* that may log in, most wanted first */
	size_t n_methods;
	struct eap_peer *eap;      /* with AUTH_EAP among them; outlives the diagnosis */
	bool insecure;             /* log in although the certificate is not trusted */
	const struct proxy *proxy; /* NULL: none */
	const char *target;   /* a host behind the server to reach through the tunnel; NULL: none */
	uint16_t target_port; /* 0: no port was named */
	unsigned timeout_ms;  /* how long one answer may take */
	unsigned speed_s;     /* seconds of throughput; 0: none */
	const char *record_file; /* NULL: none */
	/* Called as each probe begins and ends; NULL: none. */
	void (*progress)(void *arg, enum probe_id id, const struct probe *done);
	void *progress_arg;
};

struct diagnosis;

int diagnose_run(const struct diagnose_opts *opts, struct diagnosis **ret);
void diagnosis_free(struct diagnosis *d);
DEFINE_AUTO(diagnosis, struct diagnosis *, diagnosis_free)

uint64_t diagnosis_took_us(const struct diagnosis *d);
const char *probe_name(enum probe_id id);  /* "dns" */
const char *probe_title(enum probe_id id); /* "name" */
const char *outcome_name(enum outcome o);  /* "ok", "not measured" */

/* What it all comes to. */
struct verdict_line {
	enum probe_id probe;
	const struct finding *finding;
};

struct diagnosis_verdict {
	enum outcome outcome; /* OK: all that was measured is well */
	size_t n;             /* failures first, each in the order of the layers */
	struct verdict_line lines[PROBES * PROBE_FINDINGS_MAX];
	int exit_code; /* layer_exit_code() of the first failure, or 0 */
};

void diagnosis_verdict(const struct diagnosis *d, struct diagnosis_verdict *ret);
/* The command that would show the same by hand, "" when there is none. Returns ret. */
const char *manual_command(const struct diagnosis *d, enum event ev, char *ret, size_t cap);

/* ---- reports ---- */
void report_text(const struct diagnosis *d, FILE *out, bool colours, bool verbose);
int report_json(const struct diagnosis *d, FILE *out);
int report_html(const struct diagnosis *d, FILE *out);
