// SPDX-License-Identifier: Apache-2.0
/* cli/password.h — how a command gets a password: never from its arguments. */
#pragma once
#include <stddef.h>

#include "base/credentials.h"

/* Octets of a password, the same wherever one is given: RFC 1334 has one octet for the length. */
#define PASSWORD_MAX PAP_PASSWORD_MAX

/*
 * The first line of `file` ("-": standard input), without its newline; with file NULL the user is
 * asked on the terminal with echo off. The line is UTF-8 without control characters, or refused:
 * nothing is cut or converted. What is odd but taken (blanks at an end, lines behind the first one of
 * a file) gets a line on standard error.
 *
 * Negative errno after having said on standard error why not: -ENOENT …, -EMSGSIZE (longer than
 * cap - 1), -EILSEQ (not such text), -EINVAL (empty), -ENOTTY (no terminal).
 */
int password_read(const char *file, const char *prompt, char *ret, size_t cap);

/* A descriptor whose first line is `secret`, to be read once: "/proc/self/fd/N". Negative errno. */
int password_pipe(const char *secret);
