// SPDX-License-Identifier: Apache-2.0
/* events/catalogue.c — events.def and the layers as tables. */
#include "events/event.h"

#include "base/auto.h"

static const struct event_info catalogue[] = {
#define EVENT(number, name, layer, level, windows, what, cure)                                     \
	{number, #name, LAYER_##layer, LOG_LEVEL_##level, windows, what, cure},
#include "events/events.def"
#undef EVENT
};

const struct event_info *event_at(unsigned i)
{
	return i < ARRAY_SIZE(catalogue) ? &catalogue[i] : NULL;
}

const struct event_info *event_info(enum event ev)
{
	static const struct event_info none = {
		0, "NONE", LAYER_LOCAL, LOG_LEVEL_DEBUG, "", "Nothing happened.", ""};

	size_t from = 0, to = ARRAY_SIZE(catalogue); /* in the order of their numbers */

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (catalogue[middle].number == (int)ev)
			return &catalogue[middle];
		if (catalogue[middle].number < (int)ev)
			from = middle + 1;
		else
			to = middle;
	}
	return &none;
}

static const struct {
	const char *name;
	int exit_code;
} layers[LAYERS] = {
	[LAYER_LOCAL] = {"local", 1},
	[LAYER_CONFIG] = {"config", 2},
	[LAYER_DNS] = {"dns", 10},
	[LAYER_TCP] = {"tcp", 11},
	[LAYER_PROXY] = {"proxy", 12},
	[LAYER_TLS] = {"tls", 13},
	[LAYER_CERT] = {"cert", 14},
	[LAYER_HTTP] = {"http", 15},
	[LAYER_SSTP] = {"sstp", 16},
	[LAYER_BINDING] = {"binding", 17},
	[LAYER_LCP] = {"lcp", 18},
	[LAYER_AUTH] = {"auth", 19},
	[LAYER_NCP] = {"addresses", 20},
	[LAYER_IP] = {"ip", 21},
};

const char *layer_name(enum layer l)
{
	return layers[l].name;
}

int layer_exit_code(enum layer l)
{
	return layers[l].exit_code;
}
