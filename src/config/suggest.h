// SPDX-License-Identifier: Apache-2.0
/* config/suggest.h — "did you mean": the nearest known word to one that is not known. */
#pragma once
#include <stddef.h>

/* The nearest of `known` (NULL-terminated), or NULL when none is near enough to be meant. */
const char *suggest(const char *got, const char *const *known);
/* Insertions, removals, exchanges and swaps of neighbours from a to b; cut off at `most` + 1. */
unsigned suggest_distance(const char *a, const char *b, unsigned most);
