// SPDX-License-Identifier: Apache-2.0
/*
 * os/journal.h — events as fields of the journal: CULVERT_EVENT, CULVERT_NAME, CULVERT_LAYER,
 * CULVERT_SESSION, CULVERT_PEER, CULVERT_CORRELATION beside MESSAGE and PRIORITY, so that
 * `journalctl CULVERT_SESSION=17` shows one session's life.
 */
#pragma once
#include "events/event.h"

/* For log_form(). NULL when the program was built without libsystemd. */
log_writer_fn *journal_writer(void);
