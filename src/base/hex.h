// SPDX-License-Identifier: Apache-2.0
/* base/hex.h — hexadecimal and Base64 text. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * n lower-case digits and a zero. */
void hex_encode(const void *octets, size_t n, char *ret_text);
/* Exactly n octets from 2 * n digits; -EINVAL otherwise. */
int hex_decode(const char *text, void *ret_octets, size_t n);
/* ret_text holds 4 * ((n + 2) / 3) + 1. */
void base64_encode(const void *octets, size_t n, char *ret_text);
/* Returns the number of octets, or -EINVAL (bad text) or -ENOSPC (more than cap). */
int base64_decode(const char *text, void *ret_octets, size_t cap);
