// SPDX-License-Identifier: Apache-2.0
/*
 * http/limits.h — what a peer can send before it is told that it is too much.
 */
#pragma once

/* A request or response head, first line and headers; a browser with all its cookies stays below. */
#define HTTP_HEAD_MAX 8192

/* Header lines: each costs a comparison per name looked for, and no SSTP client sends ten. */
#define HTTP_HEADERS_MAX 100

/* [MS-SSTP] 4.1: so long a client waits for the response; a proxy gets as much for its CONNECT. */
#define HTTP_RESPONSE_MS 60000

/* Interim answers (1xx) before the final one: a peer could send them for ever, each of them whole. */
#define HTTP_INTERIM_MAX 10
