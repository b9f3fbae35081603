// SPDX-License-Identifier: Apache-2.0
#include "server/core/account.h"

#include <errno.h>
#include <stdlib.h>

#define SINKS_MAX 4

struct account {
	struct {
		const struct account_sink *calls;
		void *arg;
	} sink[SINKS_MAX];
	size_t n;
};

int account_new(struct account **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void account_free(struct account *a)
{
	free(a);
}

int account_add_sink(struct account *a, const struct account_sink *sink, void *arg)
{
	if (a->n == SINKS_MAX)
		return -ENOSPC;
	a->sink[a->n].calls = sink;
	a->sink[a->n++].arg = arg;
	return 0;
}

void account_begin(struct account *a, const struct db_session *s)
{
	for (size_t i = 0; i < a->n; i++)
		a->sink[i].calls->begin(a->sink[i].arg, s);
}

void account_interim(struct account *a, const struct db_session *s)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->sink[i].calls->interim)
			a->sink[i].calls->interim(a->sink[i].arg, s);
}

void account_end(struct account *a, const struct db_session *s)
{
	for (size_t i = 0; i < a->n; i++)
		a->sink[i].calls->end(a->sink[i].arg, s);
}

void account_attempt(struct account *a, const struct db_attempt *attempt)
{
	for (size_t i = 0; i < a->n; i++)
		a->sink[i].calls->attempt(a->sink[i].arg, attempt);
}

void account_ban(struct account *a, const struct db_ban *ban)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->sink[i].calls->ban)
			a->sink[i].calls->ban(a->sink[i].arg, ban);
}
