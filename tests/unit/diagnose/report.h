// SPDX-License-Identifier: Apache-2.0
/*
 * unit/diagnose/report.h — a diagnosis that no probe made: the tests write down what was seen.
 * Included once in a test's program, behind cmocka.h.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/private.h"

static struct diagnose_opts opts;
static struct diagnosis *d;

static inline int diagnosis_setup(void **state)
{
	(void)state;
	opts = (struct diagnose_opts){.host = "vpn.example", .port = 443};
	d = calloc(1, sizeof(*d));
	d->opts = &opts;
	d->began_s = 1700000000;
	d->ended_us = 2500000;
	return 0;
}

static inline int diagnosis_teardown(void **state)
{
	(void)state;
	free(d);
	return 0;
}

/* What a report prints; the caller frees. */
static inline char *printed(int (*report)(const struct diagnosis *d, FILE *out))
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_int_equal(report(d, out), 0);
	fclose(out);
	return text;
}

static inline unsigned times(const char *text, const char *part)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, diagnosis_setup, diagnosis_teardown)
