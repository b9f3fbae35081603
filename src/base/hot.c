// SPDX-License-Identifier: Apache-2.0
#include "base/hot.h"

/* src/hot.ld; where the linker did not take it, both are NULL */
extern const char hot_begin[] __attribute__((weak)), hot_end[] __attribute__((weak));

HOT void prefetch_code(void)
{
	for (const char *line = hot_begin; line < hot_end; line += CACHE_LINE)
		__builtin_prefetch(line, 0, 2); /* to the second level: the first one's is data's */
	__asm__ volatile("");
}
