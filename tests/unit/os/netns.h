/*
 * tests/unit/os/netns.h — a network namespace of the test's own, for what needs a real kernel.
 *
 *     static void setup... (void **state) { NEED_NETNS(); ... }
 *
 * Without root the test is skipped and says why.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A fresh, empty namespace for the calling thread; loopback is down. */
#define NEED_NETNS()                                                                               \
	do {                                                                                       \
		if (unshare(CLONE_NEWNET) < 0) {                                                   \
			print_message("skipped: no network namespace without root (%s)\n",         \
				strerror(errno));                                                  \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

/* Runs a command (iproute2 and its like) and fails the test when it fails. */
#define RUN(command) assert_int_equal(system(command), 0)

/* Does the command's output hold `text`? */
static inline int output_has(const char *command, const char *text)
{
	char out[16384];
	FILE *f = popen(command, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	pclose(f);
	return strstr(out, text) != NULL;
}
