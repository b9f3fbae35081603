// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>

#include "aaa/eap/method.h"
#include "base/text.h"

enum eap_step eap_refuse(
	struct eap_host *host, enum event event, enum auth_error code, const char *fmt, ...)
{
	va_list ap;

	host->refusal = (struct eap_refusal){.event = event, .code = code};
	va_start(ap, fmt);
	text_vformat(host->refusal.detail, sizeof(host->refusal.detail), fmt, ap);
	va_end(ap);
	return EAP_STEP_FAILURE;
}
