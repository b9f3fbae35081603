// SPDX-License-Identifier: Apache-2.0
#include "config/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/parse.h"

/* The value as a file would say it; NULL without memory. */
static char *text_of(const struct config *cfg, const struct config_option *o)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return NULL;
	value_print(o->type, o->valid, config_value(cfg, o), f);
	fclose(f);
	return text;
}

int config_diff(const struct config *from, const struct config *to,
	void (*each)(const struct config_option *o, const char *from, const char *to, void *arg),
	void *arg)
{
	const struct config_option *o;
	int n = 0;

	for (size_t i = 0; (o = config_option(i)); i++) {
		AUTO_MEM char *a = text_of(from, o);
		AUTO_MEM char *b = text_of(to, o);

		if (!a || !b)
			return -ENOMEM;
		if (!strcmp(a, b))
			continue;
		n++;
		if (each)
			each(o, a, b, arg);
	}
	return n;
}

/* Through its text: the one form that every type has. */
static int copy_value(struct config *to, const struct config *from, const struct config_option *o)
{
	AUTO_MEM char *value = text_of(from, o);
	AUTO_MEM char *line = NULL;
	AUTO_MEM struct parser *p = malloc(sizeof(*p));
	char why[CONFIG_WHY_LEN];
	struct parse_line l;

	if (!value || !p || asprintf(&line, "[%s]\n%s = %s\n", o->section, o->name, value) < 0)
		return -ENOMEM;
	parse_init(p, line, strlen(line));
	while (parse_next(p, &l) > 0)
		if (l.key)
			return value_parse(
				o->type, o->valid, &l.words, (char *)to + o->offset, why);
	return -EINVAL;
}

int config_keep_started(struct config *next, const struct config *running)
{
	const struct config_option *o;

	for (size_t i = 0; (o = config_option(i)); i++) {
		int r = o->effect == CONFIG_ON_RESTART ? copy_value(next, running, o) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
