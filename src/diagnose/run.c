// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One probe per layer, in the order in which a tunnel is built, each in a file of its own. A probe
 * looks at what those before it found and goes on as far as it can: an expired certificate does not
 * keep the HTTP probe from asking, but it keeps the password at home.
 *
 * A probe writes facts (what it saw) and findings (events of the catalogue that follow from that).
 * One that could not look says why; it is then "not measured", never "ok" and never "failed".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/private.h"
#include "diagnose/scenario.h"

static void (*const probes[PROBES])(struct diagnosis *d, struct probe *p) = {
	[PROBE_DNS] = probe_dns,
	[PROBE_REACH] = probe_reach,
	[PROBE_PROXY] = probe_proxy,
	[PROBE_TLS] = probe_tls,
	[PROBE_HTTP] = probe_http,
	[PROBE_SSTP] = probe_sstp,
	[PROBE_PPP] = probe_ppp,
	[PROBE_INNER] = probe_inner,
	[PROBE_LOCAL] = probe_local,
};

static void run_probe(struct diagnosis *d, enum probe_id id)
{
	struct probe *p = &d->probes[id];

	if (d->opts->progress)
		d->opts->progress(d->opts->progress_arg, id, NULL);
	p->ran = true;
	p->began_us = clock_mono_us() - d->began_us;
	probes[id](d, p);
	p->took_us = clock_mono_us() - d->began_us - p->began_us;
	if (d->opts->progress)
		d->opts->progress(d->opts->progress_arg, id, p);
}

int diagnose_run(const struct diagnose_opts *opts, struct diagnosis **ret)
{
	AUTO(diagnosis) struct diagnosis *d = calloc(1, sizeof(*d));
	int r = 0;

	if (!d)
		return -ENOMEM;
	d->opts = opts;
	d->began_us = clock_mono_us();
	d->began_s = clock_wall_s();
	if (opts->target)
		addr_parse(opts->target, &d->target);
	if (opts->record_file)
		r = scenario_new(opts->record_file, opts->host, &d->record);
	if (r < 0)
		return r;
	for (enum probe_id id = 0; id < PROBES; id++)
		run_probe(d, id);
	judge_call(d);
	d->ended_us = clock_mono_us();
	call_free(d->call); /* says good-bye */
	d->call = NULL;
	scenario_free(d->record);
	d->record = NULL;
	*ret = TAKE(d);
	return 0;
}

void diagnosis_free(struct diagnosis *d)
{
	if (!d)
		return;
	call_free(d->call);
	scenario_free(d->record);
	tls_ctx_free(d->look);
	tls_ctx_free(d->login);
	free(d);
}

uint64_t diagnosis_took_us(const struct diagnosis *d)
{
	return d->ended_us - d->began_us;
}
