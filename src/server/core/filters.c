// SPDX-License-Identifier: Apache-2.0
#include "server/core/filters.h"

#include <errno.h>
#include <string.h>

#include "aaa/grant_value.h"
#include "base/text.h"
#include "config/config.h"

struct filters {
	size_t n;
	struct {
		char name[GRANT_WORD_MAX + 1];
		struct filter *filter;
	} item[CONFIG_ITEMS_MAX];
};

void filters_free(struct filters *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++)
		filter_unref(f->item[i].filter);
	free(f);
}

struct filter *filters_find(const struct filters *f, const char *name)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (!strcmp(f->item[i].name, name))
			return f->item[i].filter;
	return NULL;
}

/* "NAME: RULES" */
static int add(struct filters *f, const char *text, char why[static FILTERS_WHY_LEN])
{
	size_t n =
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
	char *name = f->item[f->n].name, wrong[FILTER_WHY_LEN];
	int r;

	if (n < 1 || n > GRANT_WORD_MAX || text[n] != ':') {
		text_format(why, FILTERS_WHY_LEN,
			"policy.filters: expected NAME: RULE; RULE, got \"%.60s\"", text);
		return -EINVAL;
	}
	memcpy(name, text, n);
	name[n] = '\0';
	if (filters_find(f, name)) {
		text_format(why, FILTERS_WHY_LEN, "policy.filters: %s is there twice", name);
		return -EINVAL;
	}
	r = filter_parse(text + n + 1, &f->item[f->n].filter, wrong);
	if (r < 0)
		text_format(why, FILTERS_WHY_LEN, "policy.filters: %s: %s", name, wrong);
	else
		f->n++;
	return r;
}

int filters_new(const struct config *cfg, struct filters **ret, char why[static FILTERS_WHY_LEN])
{
	AUTO(filters) struct filters *f = calloc(1, sizeof(*f));
	int r = f ? 0 : -ENOMEM;

	strcpy(why, "no memory");
	for (size_t i = 0; !r && i < cfg->policy.filters.n; i++)
		r = add(f, cfg->policy.filters.item[i], why);
	if (r < 0)
		return r;
	*ret = TAKE(f);
	return 0;
}
