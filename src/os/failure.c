// SPDX-License-Identifier: Apache-2.0
#include "os/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int os_fail(struct os_failure *why, enum event ev, int error, const char *fmt, ...)
{
	char tried[160];
	va_list ap;

	if (!why)
		return error;
	va_start(ap, fmt);
	text_vformat(tried, sizeof(tried), fmt, ap);
	va_end(ap);
	why->event = ev;
	why->error = error;
	text_format(
		why->text, sizeof(why->text), "tried=\"%s\" error=\"%s\"", tried, strerror(-error));
	return error;
}
