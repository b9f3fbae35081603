// SPDX-License-Identifier: Apache-2.0
/*
 * The report for people: a line per layer, and below it what is wrong, first things first. When all
 * is well it fits one screen.
 */
#include <string.h>
#include <time.h>

#include "base/host_name.h"
#include "base/text.h"
#include "diagnose/private.h"

static const char *colour(bool on, enum outcome o)
{
	static const char *const codes[] = {[OUTCOME_NOT_MEASURED] = "\033[2m",
		[OUTCOME_OK] = "\033[32m",
		[OUTCOME_WARNING] = "\033[33m",
		[OUTCOME_FAILED] = "\033[31;1m"};

	return on ? codes[o] : "";
}

static const char *reset(bool on)
{
	return on ? "\033[0m" : "";
}

static void print_heading(const struct diagnosis *d, FILE *out)
{
	time_t t = (time_t)d->began_s;
	struct tm tm;
	char when[32], host[600];

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&t, &tm));
	text_fprintf(out, "culvert diagnose %s%s%s:%u    %s, took %.1f s\n\n",
		d->opts->user ? d->opts->user : "", d->opts->user ? "@" : "",
		host_shown(d->opts->host, host, sizeof(host)), d->opts->port, when,
		(double)diagnosis_took_us(d) / 1e6);
}

/* The one line of a layer. */
static void print_line(const struct probe *p, enum probe_id id, FILE *out, bool colours)
{
	const char *text = p->summary;
	char because[300];

	if (p->outcome == OUTCOME_NOT_MEASURED) {
		snprintf(because, sizeof(because), "because %s", p->why);
		text = because;
	} else if (p->outcome >= OUTCOME_WARNING && p->n_findings) {
		for (size_t i = 0; i < p->n_findings; i++)
			if (p->findings[i].weight == p->outcome) {
				text = event_info(p->findings[i].event)->what;
				break;
			}
	}
	text_fprintf(out, " %-7s", probe_name(id));
	fputs(colour(colours, p->outcome), out);
	text_fprintf(out, "%-13s", outcome_name(p->outcome));
	fputs(reset(colours), out);
	text_fprintf(out, " %6.0f ms  %s\n", (double)p->took_us / 1000, text);
}

static void print_facts(const struct probe *p, FILE *out)
{
	for (size_t i = 0; i < p->n_facts; i++)
		text_fprintf(out, "           %-22s %s\n", p->facts[i].name, p->facts[i].value);
}

static void print_finding(
	const struct diagnosis *d, const struct verdict_line *line, FILE *out, bool colours)
{
	const struct finding *f = line->finding;
	const struct event_info *info = event_info(f->event);
	char command[400];

	fputs("  ", out);
	fputs(colour(colours, f->weight), out);
	text_fprintf(out, "%s", info->what);
	fputs(reset(colours), out);
	fputs("\n", out);
	if (*f->text)
		text_fprintf(out, "    found    %s\n", f->text);
	if (*info->cure)
		text_fprintf(out, "    cure     %s\n", info->cure);
	if (*info->windows)
		text_fprintf(out, "    Windows  %s\n", info->windows);
	if (*manual_command(d, f->event, command, sizeof(command)))
		text_fprintf(out, "    by hand  %s\n", command);
	text_fprintf(out, "    event    %d %s, layer %s\n", info->number, info->name,
		layer_name(info->layer));
}

static void print_verdict(const struct diagnosis *d, FILE *out, bool colours)
{
	struct diagnosis_verdict v;
	size_t shown = 0;

	diagnosis_verdict(d, &v);
	if (v.outcome == OUTCOME_OK) {
		fputs("\n", out);
		fputs(colour(colours, OUTCOME_OK), out);
		fputs("All that was measured is well.", out);
		fputs(reset(colours), out);
		fputs("\n", out);
	} else {
		enum layer layer = event_info(v.lines[0].finding->event)->layer;

		text_fprintf(out, "\n%s: %s\n",
			v.outcome == OUTCOME_FAILED ? "First broken layer"
						    : "It works, with a warning at layer",
			layer_name(layer));
	}
	for (size_t i = 0; i < v.n; i++) {
		if (v.lines[i].finding->weight == OUTCOME_OK)
			continue;
		if (shown++ == 1)
			text_fprintf(out, "\nAlso found\n");
		print_finding(d, &v.lines[i], out, colours);
	}
	for (size_t i = 0; i < v.n; i++)
		if (v.lines[i].finding->weight == OUTCOME_OK)
			text_fprintf(out, "note: %s (%s)\n",
				event_info(v.lines[i].finding->event)->what,
				v.lines[i].finding->text);
}

void report_text(const struct diagnosis *d, FILE *out, bool colours, bool verbose)
{
	print_heading(d, out);
	for (enum probe_id id = 0; id < PROBES; id++) {
		print_line(&d->probes[id], id, out, colours);
		if (verbose)
			print_facts(&d->probes[id], out);
	}
	print_verdict(d, out, colours);
}
