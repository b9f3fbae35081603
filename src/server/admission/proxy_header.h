/*
 * server/admission/proxy_header.h — connections of a trusted balancer before they are a session: the PROXY
 * protocol header is read first, for limits, logs and the TLS that follows are the client's.
 *
 * A health check (version 2 LOCAL) that says nothing more never becomes a session.
 *
 * Threads: the worker's.
 */
#pragma once
#include <stdbool.h>

#include "base/addr.h"

struct doorstep;
struct worker;

struct arrival {
	int fd;
	struct endpoint peer, local;
	bool clear; /* came to a listener without TLS */
};

/* Takes the connection over, or closes it. */
void doorstep_take(struct worker *w, const struct arrival *a);
/* Closes those that wait; the worker's loop runs on until they are gone. */
void doorstep_close_all(struct worker *w);
