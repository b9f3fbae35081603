// SPDX-License-Identifier: Apache-2.0
/*
 * base/log.h — writes log lines. The event catalogue (events/event.h) has the events and their
 * texts; this file only filters by level and writes to standard error, with journal priorities
 * (<3>…) when standard error is the journal.
 *
 * Threads: any; one line is one write(2).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_init(enum log_level least);
bool log_is_journal(void); /* standard error leads to the journal */
enum log_level log_level_now(void);
/* One line, no newline at its end; escapes as text_format() does (base/text.h). */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Octets as they are, one write. */
void log_raw(const char *octets, size_t n);
