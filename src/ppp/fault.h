// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/fault.h — why this end gives up: set by a part, read by ppp.c, which then closes the link. One
 * per PPP end, shared by all its parts; the first fault counts.
 */
#pragma once
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "events/event.h"
#include "ppp/limits.h"

struct ppp_fault {
	enum event event; /* EV_NONE: all is well */
	char detail[PPP_DETAIL_MAX];
};

__attribute__((format(printf, 3, 4))) static inline void ppp_fault_set(
	struct ppp_fault *f, enum event ev, const char *fmt, ...)
{
	va_list ap;

	if (f->event)
		return;
	f->event = ev;
	va_start(ap, fmt);
	text_vformat(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
}
