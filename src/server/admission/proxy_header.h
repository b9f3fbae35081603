// SPDX-License-Identifier: Apache-2.0
/*
 * server/admission/proxy_header.h — connections of a trusted balancer before they are a session: the PROXY
 * protocol header is read first, for limits, logs and the TLS that follows are the client's. What may
 * become a session goes to the site's enter hook.
 *
 * A health check (version 2 LOCAL) that says nothing more never becomes a session.
 *
 * Threads: the worker's.
 */
#pragma once
struct arrival;
struct site;

/* Takes the connection over, or closes it. */
void proxy_header_take(struct site *site, const struct arrival *a);
/* Closes those that wait; the worker's loop runs on until they are gone. */
void proxy_header_close_all(struct site *site);
