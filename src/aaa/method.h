// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/method.h — the words for authentication methods that `methods=` of a user or group knows, as in
 * ppp.auth. A login is known by one word; `eap` in a list stands for all of EAP. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METHOD_WORDS_LEN 100 /* all of them with commas */

/* A mask of "eap-tls,mschapv2", or 0: a word is not known, or there is none. */
uint32_t method_mask(const char *words);
/* The words of a mask, with commas. */
char *method_words(uint32_t mask, char ret[static METHOD_WORDS_LEN]);
/* Is a login by the method `word` (as the log names it) among those of the mask? */
bool method_allowed(uint32_t mask, const char *word);
