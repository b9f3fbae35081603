// SPDX-License-Identifier: Apache-2.0
/*
 * events/windows.h — what Windows says about SSTP, by number: windows.def as a table.
 */
#pragma once
#include <stdint.h>

#include "events/event.h"

enum windows_kind {
	WINDOWS_RASSSTP,   /* event of the source RasSstp */
	WINDOWS_RASCLIENT, /* event of the source RasClient */
	WINDOWS_RAS,       /* "Error 691" */
	WINDOWS_HRESULT,   /* 0x800B0109, and Winsock's numbers as they are */
};

struct windows_code {
	enum windows_kind kind;
	uint32_t number;
	const char *symbol; /* "" when none is public */
	enum layer layer;
	const char *meaning, *cure;
};

const struct windows_code *windows_at(unsigned i); /* NULL at the end */
const char *windows_kind_name(enum windows_kind kind);
/* As Windows writes it: "RasSstp event 4", "691", "0x800B0109". Returns ret. */
const char *windows_text(const struct windows_code *c, char ret[static 32]);
