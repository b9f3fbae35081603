// SPDX-License-Identifier: Apache-2.0
#include "cli/qr.h"

#include <errno.h>
#include <qrencode.h>

#define QUIET 4 /* light modules around (ISO 18004) */

static bool is_light(const QRcode *q, int x, int y)
{
	if (x < 0 || y < 0 || x >= q->width || y >= q->width)
		return true;
	return !(q->data[y * q->width + x] & 1);
}

static void print_module_pair(const QRcode *q, int x, int y, FILE *out)
{
	bool upper = is_light(q, x, y), lower = is_light(q, x, y + 1);

	if (upper && lower)
		fputs("\u2588", out);
	else if (upper)
		fputs("\u2580", out);
	else
		fputs(lower ? "\u2584" : " ", out);
}

int qr_print(const char *text, bool colours, FILE *out)
{
	QRcode *q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

	if (!q)
		return errno == ERANGE ? -E2BIG : -ENOMEM;
	for (int y = -QUIET; y < q->width + QUIET; y += 2) {
		fputs(colours ? "\033[97;40m" : "", out);
		for (int x = -QUIET; x < q->width + QUIET; x++)
			print_module_pair(q, x, y, out);
		fputs(colours ? "\033[0m\n" : "\n", out);
	}
	QRcode_free(q);
	return 0;
}
