// SPDX-License-Identifier: Apache-2.0
/* cli/qr.h — a text as a QR code for a terminal (libqrencode). */
#pragma once
#include <stdbool.h>
#include <stdio.h>

/*
 * Two rows of modules a line of text: half blocks, light modules in the colour of the writing, as on a dark
 * terminal. `colours`: the terminal shows black on white whatever its own are. -ENOMEM; -E2BIG.
 */
int qr_print(const char *text, bool colours, FILE *out);
