// SPDX-License-Identifier: Apache-2.0
/* The report for programs. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/host_name.h"
#include "base/json.h"
#include "diagnose/private.h"

static json_t *finding_json(const struct diagnosis *d, const struct finding *f, enum probe_id id)
{
	const struct event_info *info = event_info(f->event);
	char command[400];

	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:o, s:s, s:s, s:o}", "probe",
		probe_name(id), "weight",
		f->weight == OUTCOME_OK ? "note" : outcome_name(f->weight), "event", info->number,
		"name", info->name, "layer", layer_name(info->layer), "what", info->what, "found",
		json_text(f->text), "cure", info->cure, "windows", info->windows, "by_hand",
		json_text(manual_command(d, f->event, command, sizeof(command))));
}

static json_t *probe_json(const struct probe *p, enum probe_id id)
{
	json_t *facts = json_array(), *o;

	for (size_t i = 0; i < p->n_facts; i++)
		json_array_append_new(facts, json_pack("{s:s, s:o}", "name", p->facts[i].name,
						     "value", json_text(p->facts[i].value)));
	o = json_pack("{s:s, s:s, s:f, s:f, s:o, s:o}", "probe", probe_name(id), "outcome",
		outcome_name(p->outcome), "began_ms", (double)p->began_us / 1000, "took_ms",
		(double)p->took_us / 1000, "summary", json_text(p->summary), "facts", facts);
	if (o && p->outcome == OUTCOME_NOT_MEASURED)
		json_object_set_new(o, "because", json_text(p->why));
	return o;
}

int report_json(const struct diagnosis *d, FILE *out)
{
	json_t *probes = json_array(), *findings = json_array(), *root;
	struct diagnosis_verdict v;
	const char *layer = "";
	char unicode[HOST_UNICODE_LEN];
	int r;

	diagnosis_verdict(d, &v);
	for (enum probe_id id = 0; id < PROBES; id++)
		json_array_append_new(probes, probe_json(&d->probes[id], id));
	for (size_t i = 0; i < v.n; i++)
		json_array_append_new(
			findings, finding_json(d, v.lines[i].finding, v.lines[i].probe));
	if (v.outcome >= OUTCOME_WARNING)
		layer = layer_name(event_info(v.lines[0].finding->event)->layer);
	root = json_pack("{s:o, s:i, s:o, s:I, s:f, s:s, s:s, s:i, s:o, s:o}", "host",
		json_text(d->opts->host), "port", d->opts->port, "user",
		json_text(d->opts->user ? d->opts->user : ""), "began", (json_int_t)d->began_s,
		"took_ms", (double)diagnosis_took_us(d) / 1000, "outcome", outcome_name(v.outcome),
		"layer", layer, "exit_code", v.exit_code, "findings", findings, "probes", probes);
	if (!root)
		return -ENOMEM;
	json_object_set_new(root, "host_unicode",
		json_text(host_unicode(d->opts->host, unicode, sizeof(unicode))));
	r = json_print(root, out, JSON_INDENT(2));
	json_decref(root);
	return r;
}
