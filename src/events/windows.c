// SPDX-License-Identifier: Apache-2.0
#include "events/windows.h"

#include <stdio.h>

#include "base/auto.h"

static const struct windows_code codes[] = {
#define WINDOWS(kind, number, symbol, layer, meaning, cure)                                        \
	{WINDOWS_##kind, number, symbol, LAYER_##layer, meaning, cure},
#include "events/windows.def"
#undef WINDOWS
};

const struct windows_code *windows_at(unsigned i)
{
	return i < ARRAY_SIZE(codes) ? &codes[i] : NULL;
}

const char *windows_kind_name(enum windows_kind kind)
{
	static const char *const names[] = {[WINDOWS_RASSSTP] = "event of RasSstp (System log)",
		[WINDOWS_RASCLIENT] = "event of RasClient (Application log)",
		[WINDOWS_RAS] = "RAS error",
		[WINDOWS_HRESULT] = "Windows error"};

	return names[kind];
}

const char *windows_text(const struct windows_code *c, char ret[static 32])
{
	switch (c->kind) {
	case WINDOWS_RASSSTP: snprintf(ret, 32, "RasSstp event %u", c->number); break;
	case WINDOWS_RASCLIENT: snprintf(ret, 32, "RasClient event %u", c->number); break;
	case WINDOWS_RAS: snprintf(ret, 32, "%u", c->number); break;
	case WINDOWS_HRESULT: snprintf(ret, 32, "0x%08X", c->number); break;
	}
	return ret;
}
