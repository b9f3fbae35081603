/* cli/password.h — how a command gets a password: never from its arguments. */
#pragma once
#include <stddef.h>

/*
 * The first line of `file` ("-": standard input), without its newline; with file NULL the user is
 * asked on the terminal with echo off. Negative errno after having said on standard error why not:
 * -ENOENT …, -EMSGSIZE (longer than cap - 1), -EINVAL (empty), -ENOTTY (nobody there to ask).
 */
int password_read(const char *file, const char *prompt, char *ret, size_t cap);
