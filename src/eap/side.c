// SPDX-License-Identifier: Apache-2.0
/* Why a method failed, or what the server said. */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "eap/method.h"

enum eap_answer eap_side_fail(struct eap_side *side, enum event event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vformat(side->detail, sizeof(side->detail), fmt, ap);
	va_end(ap);
	side->event = event;
	return EAP_ANSWER_FAIL;
}

void eap_side_note(struct eap_side *side, enum event event, const char *detail)
{
	side->event = event;
	snprintf(side->detail, sizeof(side->detail), "%s", detail);
}
