// SPDX-License-Identifier: Apache-2.0
/* The report as one page that needs nothing else: a picture of when each layer was tried, and words. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/host_name.h"
#include "base/text.h"
#include "diagnose/private.h"

#define LABEL_PERCENT 18.0 /* the chart's columns: names, bars, times; letters keep their size */
#define BARS_PERCENT 60.0
#define ROW_HEIGHT 26

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;max-width:54rem;margin:2rem auto;padding:0 1rem;"
	"color:#1d2733;background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}"
	"table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .6rem;"
	"border-bottom:1px solid #dde3ea;vertical-align:top;overflow-wrap:anywhere}"
	"td:first-child{white-space:nowrap}h1,h3{overflow-wrap:anywhere}"
	"@media(max-width:600px){body{margin:1rem auto}h3{margin:.5rem 0}.card{padding:.2rem .6rem}"
	"td{padding:.25rem .3rem}td:first-child{white-space:normal;width:28%;overflow-wrap:normal}}"
	".ok{color:#1a7f37}.warning{color:#9a6700}.failed{color:#cf222e;font-weight:600}"
	".not{color:#6e7781}code{background:#f3f5f8;padding:.1rem .3rem;border-radius:3px;"
	"overflow-wrap:anywhere}.card{border-left:4px solid #cf222e;padding:.2rem 1rem;margin:1rem 0;"
	"background:#fafbfc}.card.warning{border-color:#d4a72c;color:inherit;font-weight:400}"
	".card.failed{color:inherit;font-weight:400}svg{display:block}"
	"svg text{font:12px system-ui,sans-serif;fill:#1d2733}"
	"@media(prefers-color-scheme:dark){body{background:#10161d;color:#dde5ee}"
	".card,code{background:#1a222c}td,th{border-color:#2b3643}svg text{fill:#dde5ee}}";

/* Text for people: what is not printable is escaped first, then what HTML would obey. */
static void put(FILE *out, const char *text)
{
	char line[1024];

	text_format(line, sizeof(line), "%s", text);
	for (const char *p = line; *p; p++)
		switch (*p) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: fputc(*p, out);
		}
}

static const char *class_of(enum outcome o)
{
	static const char *const names[] = {"not", "ok", "warning", "failed"};

	return names[o];
}

static const char *fill_of(enum outcome o)
{
	static const char *const colours[] = {"#afb8c1", "#2da44e", "#d4a72c", "#cf222e"};

	return colours[o];
}

static void put_axis(FILE *out, double whole_us)
{
	for (int i = 0; i <= 2; i++) {
		double x = LABEL_PERCENT + BARS_PERCENT * i / 2;

		fprintf(out,
			"<line x1=\"%.2f%%\" y1=\"0\" x2=\"%.2f%%\" y2=\"%d\" stroke=\"#8884\"/>"
			"<text x=\"%.2f%%\" y=\"%d\" text-anchor=\"middle\">%.0f ms</text>\n",
			x, x, PROBES * ROW_HEIGHT, x, PROBES * ROW_HEIGHT + 15,
			whole_us / 1000 * i / 2);
	}
}

/* In percent of the page's width, so that it fits a phone and letters stay readable. */
static void put_timeline(const struct diagnosis *d, FILE *out)
{
	double whole = (double)diagnosis_took_us(d), scale = BARS_PERCENT / (whole > 0 ? whole : 1);

	fprintf(out, "<svg width=\"100%%\" height=\"%d\" role=\"img\" aria-label=\"timeline\">\n",
		PROBES * ROW_HEIGHT + 20);
	put_axis(out, whole);
	for (enum probe_id id = 0; id < PROBES; id++) {
		const struct probe *p = &d->probes[id];
		double w = (double)p->took_us * scale,
		       x = LABEL_PERCENT + (double)p->began_us * scale;
		int y = (int)id * ROW_HEIGHT;

		w = w < 0.4 ? 0.4 : w;
		fprintf(out,
			"<text x=\"0\" y=\"%d\">%s</text><rect x=\"%.2f%%\" y=\"%d\" width=\"%.2f%%\" "
			"height=\"16\" rx=\"3\" fill=\"%s\"/>"
			"<text x=\"%.2f%%\" y=\"%d\">%.1f ms</text>\n",
			y + 16, probe_name(id), x, y + 4, w, fill_of(p->outcome), x + w + 1, y + 16,
			(double)p->took_us / 1000);
	}
	fputs("</svg>\n", out);
}

static void put_row(FILE *out, const char *name, const char *value, const char *tag)
{
	if (!*value)
		return;
	fputs("<tr><td>", out);
	put(out, name);
	fputs(*tag ? "<td><code>" : "<td>", out);
	put(out, value);
	fputs(*tag ? "</code>\n" : "\n", out);
}

static void put_finding(const struct diagnosis *d, const struct verdict_line *line, FILE *out)
{
	const struct event_info *info = event_info(line->finding->event);
	char command[400], number[100];

	fprintf(out, "<div class=\"card %s\"><h3>", class_of(line->finding->weight));
	put(out, info->what);
	fputs("</h3><table>", out);
	put_row(out, "Found", line->finding->text, "");
	put_row(out, "Cure", info->cure, "");
	put_row(out, "Windows shows", info->windows, "");
	put_row(out, "By hand", manual_command(d, line->finding->event, command, sizeof(command)),
		"code");
	snprintf(number, sizeof(number), "%d %s, layer %s", info->number, info->name,
		layer_name(info->layer));
	put_row(out, "Event", number, "");
	fputs("</table></div>\n", out);
}

static void put_verdict(const struct diagnosis *d, FILE *out)
{
	struct diagnosis_verdict v;

	diagnosis_verdict(d, &v);
	if (v.outcome == OUTCOME_OK)
		fputs("<p class=\"ok\">All that was measured is well.</p>\n", out);
	else
		fprintf(out, "<p class=\"%s\">%s: %s</p>\n", class_of(v.outcome),
			v.outcome == OUTCOME_FAILED ? "First broken layer"
						    : "It works, with a warning at layer",
			layer_name(event_info(v.lines[0].finding->event)->layer));
	for (size_t i = 0; i < v.n; i++)
		put_finding(d, &v.lines[i], out);
}

static void put_probe(const struct probe *p, enum probe_id id, FILE *out)
{
	fprintf(out, "<h2>%s: <span class=\"%s\">%s</span></h2>\n<table>", probe_title(id),
		class_of(p->outcome), outcome_name(p->outcome));
	if (p->outcome == OUTCOME_NOT_MEASURED)
		put_row(out, "because", p->why, "");
	for (size_t i = 0; i < p->n_facts; i++) {
		fputs("<tr><td>", out);
		put(out, p->facts[i].name);
		fputs("<td>", out);
		put(out, p->facts[i].value);
		fputc('\n', out);
	}
	fputs("</table>\n", out);
}

int report_html(const struct diagnosis *d, FILE *out)
{
	time_t t = (time_t)d->began_s;
	struct tm tm;
	char when[32], host[600];

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&t, &tm));
	fprintf(out,
		"<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>SSTP diagnosis of ");
	put(out, host_shown(d->opts->host, host, sizeof(host)));
	fprintf(out, "</title>\n<style>%s</style>\n<h1>SSTP diagnosis of ", style);
	put(out, host_shown(d->opts->host, host, sizeof(host)));
	fprintf(out, " port %u</h1>\n<p>%s, took %.1f s, culvert " CULVERT_VERSION "</p>\n",
		d->opts->port, when, (double)diagnosis_took_us(d) / 1e6);
	put_verdict(d, out);
	put_timeline(d, out);
	for (enum probe_id id = 0; id < PROBES; id++)
		put_probe(&d->probes[id], id, out);
	fputs("</html>\n", out);
	return ferror(out) ? -EIO : 0;
}
