// SPDX-License-Identifier: Apache-2.0
/*
 * culvert explain — explains a number or name: Culvert's events and Windows' errors. Numbers are
 * accepted in every form in which Windows and Culvert print them: 3107, 691, "event 4", 0x800B0109, -2146762487.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "events/windows.h"

#define WIN32_FACILITY 0x80070000u

static const char usage_text[] =
	"usage: culvert explain NUMBER|NAME [--json]\n"
	"       culvert explain --list [--markdown]\n"
	"\n"
	"Explains an event of Culvert, or an error of Windows about SSTP, and what to do about it:\n"
	"  culvert explain 3107                    an event of Culvert, also by its name\n"
	"  culvert explain 691                     a RAS error, as in \"Error 691\"\n"
	"  culvert explain 0x800B0109              an HRESULT, also as a signed decimal: -2146762487\n"
	"  culvert explain \"event 4\"               an event of RasSstp or RasClient\n"
	"\n"
	"Exit status: 0; 1 the code is unknown; 2 usage.\n";

struct query {
	bool is_event; /* "event N" */
	bool is_number;
	uint32_t number;
	const char *name;
};

static bool parse_query(const char *text, struct query *ret)
{
	const char *p = text;
	char *end;
	long long v;

	*ret = (struct query){.name = text};
	for (const char *const *w = (const char *const[]){"RasSstp ", "RasClient ", "error ",
		     "event ", "EventID ", "code ", NULL};
		*w; w++)
		if (!strncasecmp(p, *w, strlen(*w))) {
			ret->is_event |= !strncasecmp(*w, "event", 5);
			p += strlen(*w);
		}
	errno = 0;
	v = strtoll(p, &end, 0);
	if (end != p && !*end && !errno && v >= INT32_MIN && v <= UINT32_MAX) {
		ret->is_number = true;
		ret->number = (uint32_t)v; /* a signed decimal becomes the HRESULT it is */
	}
	return ret->is_number || *p;
}

static bool windows_fits(const struct windows_code *c, const struct query *q)
{
	if (!q->is_number)
		return *c->symbol && !strcasecmp(c->symbol, q->name);
	if (c->number == q->number)
		return q->is_event ? c->kind <= WINDOWS_RASCLIENT : c->kind != WINDOWS_RASSSTP;
	/* a Win32 code with its HRESULT's wrapping, or without */
	return c->kind != WINDOWS_RASSSTP && !q->is_event &&
	       ((q->number < 0x10000 && c->number == (WIN32_FACILITY | q->number)) ||
		       ((q->number & 0xffff0000) == WIN32_FACILITY &&
			       c->number == (q->number & 0xffff)));
}

static bool event_fits(const struct event_info *e, const struct query *q)
{
	const char *name = q->name;

	if (q->is_number)
		return !q->is_event && (uint32_t)e->number == q->number;
	if (!strncasecmp(name, "EV_", 3))
		name += 3;
	return !strcasecmp(e->name, name);
}

/* Is `code` one of those in the list "868, 0x80072AF9"? */
static bool shows(const struct event_info *e, const char *code)
{
	size_t n = strlen(code);

	for (const char *p = e->windows; (p = strstr(p, code)); p += n)
		if ((p == e->windows || strchr(" ,;", p[-1])) && (!p[n] || strchr(" ,;", p[n])))
			return true;
	return false;
}

/* ---- text ----------------------------------------------------------------------------------------- */

static void print_event(const struct event_info *e)
{
	text_fprintf(stdout, "%d %s: event of Culvert, layer %s\n  %s\n", e->number, e->name,
		layer_name(e->layer), e->what);
	if (*e->cure)
		text_fprintf(stdout, "  to do:   %s\n", e->cure);
	if (*e->windows)
		text_fprintf(stdout, "  Windows: %s\n", e->windows);
}

static void print_windows(const struct windows_code *c)
{
	char code[32];
	bool heading = false;

	windows_text(c, code);
	text_fprintf(stdout, "%s%s%s: %s, layer %s\n  %s\n", code, *c->symbol ? " " : "", c->symbol,
		windows_kind_name(c->kind), layer_name(c->layer), c->meaning);
	if (c->kind == WINDOWS_HRESULT && c->number > INT32_MAX)
		text_fprintf(stdout, "  decimal: %" PRId32 "\n", (int32_t)c->number);
	if (*c->cure)
		text_fprintf(stdout, "  to do:   %s\n", c->cure);
	for (unsigned i = 0; event_at(i); i++) {
		if (!shows(event_at(i), code))
			continue;
		text_fprintf(stdout, "%s  %d %s\n",
			heading ? "" : "  Culvert distinguishes these cases:\n",
			event_at(i)->number, event_at(i)->what);
		heading = true;
	}
}

static int explain(const struct query *q)
{
	int found = 0;

	for (unsigned i = 0; event_at(i); i++)
		if (event_fits(event_at(i), q)) {
			print_event(event_at(i));
			found++;
		}
	for (unsigned i = 0; windows_at(i); i++)
		if (windows_fits(windows_at(i), q)) {
			print_windows(windows_at(i));
			found++;
		}
	return found;
}

/* ---- JSON ------------------------------------------------------------------------------------------- */

static json_t *event_json(const struct event_info *e)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "kind", "culvert", "number",
		e->number, "name", e->name, "layer", layer_name(e->layer), "meaning", e->what,
		"cure", e->cure, "windows", e->windows);
}

static json_t *windows_json(const struct windows_code *c)
{
	char code[32];

	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "kind", windows_kind_name(c->kind),
		"number", (json_int_t)c->number, "code", windows_text(c, code), "name", c->symbol,
		"layer", layer_name(c->layer), "meaning", c->meaning, "cure", c->cure);
}

static int print_json(const struct query *q) /* NULL: everything */
{
	json_t *list = json_array();
	int found;

	for (unsigned i = 0; event_at(i); i++)
		if (!q || event_fits(event_at(i), q))
			json_array_append_new(list, event_json(event_at(i)));
	for (unsigned i = 0; windows_at(i); i++)
		if (!q || windows_fits(windows_at(i), q))
			json_array_append_new(list, windows_json(windows_at(i)));
	found = (int)json_array_size(list);
	json_print(list, stdout, JSON_INDENT(2));
	json_decref(list);
	return found;
}

/* ---- lists ------------------------------------------------------------------------------------------- */

/* docs/events.md. A bar would end the table's cell. */
static void print_cell(const char *text)
{
	fputs(" | ", stdout);
	for (size_t n; *text; text += n) {
		n = strcspn(text, "|");
		text_fprintf(stdout, "%.*s", (int)n, text);
		if (text[n])
			fputs("\\|", stdout);
		n += !!text[n];
	}
}

static void print_markdown(void)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	char code[32];

	puts("# Events\n\n<!-- Generated by `culvert explain --list --markdown`. -->\n\n"
	     "All events of the server, the client and `culvert diagnose`. A number keeps its meaning for ever.\n"
	     "`culvert explain NUMBER` prints the same on the command line.\n\n"
	     "| number | name | layer | level | what happened | what to do | Windows shows |\n"
	     "|---|---|---|---|---|---|---|");
	for (unsigned i = 0; event_at(i); i++) {
		const struct event_info *e = event_at(i);

		text_fprintf(stdout, "| %d | %s | %s | %s", e->number, e->name,
			layer_name(e->layer), levels[e->level]);
		print_cell(e->what);
		print_cell(e->cure);
		print_cell(e->windows);
		puts(" |");
	}
	puts("\n## What Windows says\n\n| code | symbol | layer | meaning | what to do |\n|---|---|---|---|---|");
	for (unsigned i = 0; windows_at(i); i++) {
		const struct windows_code *c = windows_at(i);

		text_fprintf(stdout, "| %s | %s | %s", windows_text(c, code), c->symbol,
			layer_name(c->layer));
		print_cell(c->meaning);
		print_cell(c->cure);
		puts(" |");
	}
}

static void print_list(void)
{
	for (unsigned i = 0; event_at(i); i++)
		text_fprintf(stdout, "%d %-28s %s\n", event_at(i)->number, event_at(i)->name,
			event_at(i)->what);
}

int cmd_explain(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"list", no_argument, NULL, 'l'}, {"markdown", no_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'}, {0}};
	bool json = false, list = false, markdown = false;
	char text[200] = "";
	struct query q;
	int c, found;

	/* "+": -2146762487 is a number and no option, so options come first */
	while ((c = argc > optind && argv[optind][0] == '-' && argv[optind][1] >= '0' &&
				       argv[optind][1] <= '9'
			       ? -1
			       : getopt_long(argc, argv, "+hjlm", options, NULL)) != -1)
		switch (c) {
		case 'h': fputs(usage_text, stdout); return CMD_OK;
		case 'j': json = true; break;
		case 'l': list = true; break;
		case 'm': list = markdown = true; break;
		default: return CMD_USAGE;
		}
	for (int i = optind; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			json = true;
			continue;
		}
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "",
			argv[i]);
	}
	if (list) {
		json ? (void)print_json(NULL) : markdown ? print_markdown() : print_list();
		return CMD_OK;
	}
	if (!*text || !parse_query(text, &q))
		return cmd_usage(usage_text);
	found = json ? print_json(&q) : explain(&q);
	if (!found)
		text_fprintf(stderr,
			"culvert explain: nothing is known of \"%s\" (culvert explain --list)\n",
			text);
	return found ? CMD_OK : CMD_FAILED;
}
