// SPDX-License-Identifier: Apache-2.0
#include "config/manual.h"

#include <string.h>

#include "config/config.h"

/* Breaks text into lines of at most `width`, each after `margin`. */
static void print_wrapped(const char *text, const char *margin, int width, FILE *out)
{
	int column = 0;

	while (*text) {
		int n = (int)strcspn(text, " ");

		if (column && column + 1 + n > width) {
			fputc('\n', out);
			column = 0;
		}
		if (!column)
			fputs(margin, out);
		else
			fputc(' ', out);
		column += n + (column > 0);
		fprintf(out, "%.*s", n, text);
		text += n;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static bool opens_section(const struct config_option *o, size_t i)
{
	return i == 0 || strcmp(config_option(i - 1)->section, o->section);
}

void config_print_help(FILE *out)
{
	const struct config_option *o;
	char rule[CONFIG_WHY_LEN];

	for (size_t i = 0; (o = config_option(i)); i++) {
		if (opens_section(o, i))
			fprintf(out, "%s[%s] %s\n", i ? "\n" : "", o->section,
				config_section_help(o->section));
		value_describe(o->type, o->valid, rule);
		fprintf(out, "  %s = %s   (%s%s%s)\n", o->name, *o->def ? o->def : "\"\"",
			value_type_name(o->type), *rule ? ": " : "", rule);
		print_wrapped(o->help, "      ", 84, out);
	}
}

void config_print_example(FILE *out)
{
	const struct config_option *o;

	fputs("# Culvert's configuration; culvert.conf(5) says more. Every option has the value that "
	      "stands\n# here unless another is set: take the # away and change it. Then: culvert "
	      "config check\n",
		out);
	for (size_t i = 0; (o = config_option(i)); i++) {
		if (opens_section(o, i)) {
			fputc('\n', out);
			print_wrapped(config_section_help(o->section), "# ", 94, out);
			fprintf(out, "[%s]\n", o->section);
		}
		fputc('\n', out);
		print_wrapped(o->help, "# ", 94, out);
		fprintf(out, "#%s = %s\n", o->name, *o->def ? o->def : "\"\"");
	}
}

void config_dump(const struct config *cfg, FILE *out)
{
	static const char *const origins[] = {"default", "file", "command line"};
	const struct config_option *o;

	for (size_t i = 0; (o = config_option(i)); i++) {
		if (opens_section(o, i))
			fprintf(out, "%s[%s]\n", i ? "\n" : "", o->section);
		fprintf(out, "%s = ", o->name);
		value_print(o->type, o->valid, config_value(cfg, o), out);
		fprintf(out, " # %s\n", origins[cfg->origin[i]]);
	}
}

static void mdoc_word(const char *word, int n, FILE *out)
{
	for (int i = 0; i < n; i++)
		fputs(word[i] == '\\' ? "\\e" : (char[]){word[i], '\0'}, out);
}

/* Whether a sentence ends with this word: it then ends the line too, so that mdoc spaces it. */
static bool ends_sentence(const char *word, int n)
{
	const char *next = word + n + strspn(word + n, " ");

	return word[n - 1] == '.' && (strchr("([\"", *next) || (*next >= 'A' && *next <= 'Z'));
}

/* Text in mdoc, in lines of at most 78; a line must not begin with a dot or an apostrophe. */
static void mdoc_text(const char *text, FILE *out)
{
	int column = 0;

	for (; *text; text += strspn(text, " ")) {
		int n = (int)strcspn(text, " ");

		if (column && column + 1 + n > 78) {
			fputc('\n', out);
			column = 0;
		}
		if (column)
			column += fputc(' ', out) == ' ';
		else if (*text == '.' || *text == '\'')
			fputs("\\&", out);
		mdoc_word(text, n, out);
		column += n;
		if (ends_sentence(text, n)) {
			fputs(text[n] ? "\n" : "", out);
			column = 0;
		}
		text += n;
	}
	fputc('\n', out);
}

static void mdoc_option(const struct config_option *o, FILE *out)
{
	char rule[CONFIG_WHY_LEN];

	value_describe(o->type, o->valid, rule);
	fprintf(out, ".It Ic %s No = Ar %s\n", o->name, value_type_name(o->type));
	mdoc_text(o->help, out);
	fprintf(out, ".br\n");
	if (*rule)
		fprintf(out, "Valid: %s.\n", rule);
	if (*o->def)
		fprintf(out, "Default:\n.Ql %s .\n", o->def);
	else
		fprintf(out, "Default: empty.\n");
	fprintf(out, "Takes effect %s.\n", config_effect_text(o->effect));
}

// clang-format off
static const char head[] =
	".\\\" Made from src/config/options.def by `culvert config man`; change it there.\n"
	".Dd November 22, 2026\n"
	".Dt CULVERT.CONF 5\n"
	".Os\n"
	".Sh NAME\n"
	".Nm culvert.conf\n"
	".Nd configuration of the Culvert SSTP server\n"
	".Sh DESCRIPTION\n"
	"The server works without a configuration file;\n"
	"each option has the default named below.\n"
	".Pp\n"
	"A file has sections, and in them one option to a line:\n"
	".Bd -literal -offset indent\n"
	"[server]\n"
	"listen = [::]:443, 192.0.2.1:8443   # several values: blanks or commas between\n"
	"name = vpn.example.com\n"
	"\n"
	"[tls]\n"
	"certificate = \"/etc/my certificates/chain.pem\"\n"
	"key = /etc/culvert/key.pem\n"
	".Ed\n"
	".Pp\n"
	"A\n"
	".Ql #\n"
	"begins a comment.\n"
	"A value with blanks, commas or\n"
	".Ql #\n"
	"in it stands in double quotes; inside them\n"
	".Ql \\e\\(dq\n"
	"and\n"
	".Ql \\e\\e\n"
	"stand for a quote and a backslash.\n"
	"An option may stand once.\n"
	"Unknown sections and options, and values out of range,\n"
	"are errors that name file and line.\n"
	".Pp\n"
	"Types:\n"
	".Em time\n"
	"is a number with one of the units ms, s, m, h, d;\n"
	".Em size\n"
	"a number of octets, or of units k, M, G (powers of 1024).\n"
	"The order of\n"
	".Em \"words, in order\"\n"
	"is one of preference.\n"
	".Pp\n"
	".Dl culvert config check --config FILE\n"
	".Dl culvert config dump --config FILE\n"
	".Pp\n"
	"check a file, and print every option with its value and who set it.\n";

static const char tail[] =
	".Sh SEE ALSO\n"
	".Xr culvert 1\n";
// clang-format on

void config_print_manual(FILE *out)
{
	const struct config_option *o;

	fputs(head, out);
	fputs(".Sh OPTIONS\n", out);
	for (size_t i = 0; (o = config_option(i)); i++) {
		if (opens_section(o, i)) {
			fprintf(out, "%s.Ss Section %s\n", i ? ".El\n" : "", o->section);
			mdoc_text(config_section_help(o->section), out);
			fputs(".Bl -tag -width Ds\n", out);
		}
		mdoc_option(o, out);
	}
	fputs(".El\n", out);
	fputs(tail, out);
}
