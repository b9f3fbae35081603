// SPDX-License-Identifier: Apache-2.0
/*
 * base/json.h — text that a stranger chose, in JSON.
 *
 * jansson takes UTF-8 only and prints what is above U+007F as it is: a name with an octet FF would be
 * lost, one with a C1 control would reach the terminal. JSON goes in and out through these two.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

/* A string; an octet that is no UTF-8 becomes \xNN in it. NULL without memory or for NULL. */
json_t *json_text(const char *text);
/* `flags` as for json_dumps(). Escaped is what is not ASCII, and DEL. 0 or -EIO. */
int json_print(const json_t *value, FILE *out, size_t flags);
