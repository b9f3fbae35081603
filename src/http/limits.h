// SPDX-License-Identifier: Apache-2.0
/*
 * http/limits.h — how much a peer may send in a head.
 */
#pragma once

/* A request or response head, first line and headers; a browser with all its cookies stays below. */
#define HTTP_HEAD_MAX 8192

/* Header lines: each costs a comparison per name looked for, and no SSTP client sends ten. */
#define HTTP_HEADERS_MAX 100

/* [MS-SSTP] 4.1: the time that a client waits for the response; the same for a proxy's CONNECT. */
#define HTTP_RESPONSE_MS 60000

/* Interim answers (1xx) before the final one: a peer could send them for ever, each of them whole. */
#define HTTP_INTERIM_MAX 10
