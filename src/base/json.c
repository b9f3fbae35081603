// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

json_t *json_text(const char *text)
{
	json_t *s = text ? json_string(text) : NULL;
	size_t n = text ? strlen(text) : 0;
	char *copy;

	if (s || !text)
		return s;
	copy = malloc(4 * n + 1);
	if (copy)
		s = json_stringn(copy, text_to_utf8(text, n, copy));
	free(copy);
	return s;
}

int json_print(const json_t *value, FILE *out, size_t flags)
{
	char *text = json_dumps(value, flags | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

	if (!text)
		return -EIO;
	for (const char *p = text; *p; p++)
		if (*p == 0x7f) /* inside a string: nowhere else can it stand */
			fputs("\\u007f", out);
		else
			putc(*p, out);
	free(text);
	putc('\n', out);
	return ferror(out) ? -EIO : 0;
}
