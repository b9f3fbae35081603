// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/scenario.h — the conversation as text that a test can play again (tests/peers/replay.py):
 * `<` octets that the server received, `>` what it sent, in words. Secrets are left out: where a
 * password, a proof or a key stood there is a name that the player fills in.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scenario;

/* Writes to `file`; -errno. */
int scenario_new(const char *file, const char *host, struct scenario **ret);
/* Closes the file; NULL is fine. */
void scenario_free(struct scenario *r);
void scenario_message(void *scenario, bool sent, bool http, const uint8_t *octets, size_t n);
