// SPDX-License-Identifier: Apache-2.0
/*
 * tls/failure.h — why a handshake, a connection or a certificate file failed: one event of the
 * catalogue, and what was found (names, dates, the alert), in words for one line of a log.
 */
#pragma once
#include "events/event.h"

struct tls_failure {
	enum event event; /* EV_NONE: nothing failed */
	char text[256];
};

/* Fills *f; text is cut to fit. f may be NULL. Returns `error`, so that it can end a function. */
int tls_failure_set(struct tls_failure *f, int error, enum event event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
