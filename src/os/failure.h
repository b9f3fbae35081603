// SPDX-License-Identifier: Apache-2.0
/*
 * os/failure.h — why the system refused: the event for the catalogue and the text of what was tried.
 *
 * Every function of os/ that can fail in a way a person must mend takes a `struct os_failure *why`
 * (NULL: not wanted), returns a negative errno, and fills `why` only then. Nothing in os/ logs:
 * the owner, who knows whose tunnel it was, does, once:
 *
 *     log_event(scope, why.event, "%s", why.text);
 */
#pragma once
#include "events/event.h"

struct os_failure {
	enum event event;
	int error;      /* negative errno */
	char text[400]; /* tried="add address 10.1.0.1/22 to culvert0" error="Permission denied" */
};

/* Fills `why` from what was tried (fmt) and `error` (negative errno); returns `error`. */
int os_fail(struct os_failure *why, enum event ev, int error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
