// SPDX-License-Identifier: Apache-2.0
/*
 * ip/filter.c: any octets as the text of a filter, up to the first NUL, and what is behind it as a packet,
 * in both directions. A filter that denies all passes nothing, one that allows all passes what has a
 * version.
 */
#include <stdlib.h>
#include <string.h>

#include "ip/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void must(bool b)
{
	if (!b)
		abort();
}

static struct filter *made(const char *text)
{
	struct filter *f = NULL;
	char why[FILTER_WHY_LEN];

	if (!filter_parse(text, &f, why))
		return f;
	must(*why && strlen(why) < sizeof(why) && !f);
	return NULL;
}

static void judge(struct filter *own, const uint8_t *octets, const struct ip_packet *p)
{
	struct filter_chain c = {own ? 1 : 0, {own}}, none = {1, {made("deny any")}};

	filter_passes_up(&c, octets, p);
	filter_passes_down(&c, octets, p);
	must(!filter_passes_up(&none, octets, p) && !filter_passes_down(&none, octets, p));
	filter_unref(none.item[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	size_t text_len = strnlen((const char *)octets, n), len = n - text_len - (text_len < n);
	char *text = calloc(1, text_len + 1);
	struct filter *f;
	uint8_t *copy = malloc(len ? len : 1); /* of its own: a read behind its end is seen */
	struct ip_packet p;

	memcpy(text, octets, text_len);
	f = made(text);
	memcpy(copy, octets + n - len, len);
	packet_parse(copy, len, &p);
	if (p.version)
		judge(f, copy, &p);
	free(copy);
	filter_unref(f);
	free(text);
	return 0;
}
