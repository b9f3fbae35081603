// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/records.h — the records of sessions and attempts in the store, as a sink of the account.
 *
 * Threads: as server/core/account.h.
 */
#pragma once
#include "server/core/account.h"

extern const struct account_sink records_sink; /* its `arg` is the struct store */
