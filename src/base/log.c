// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

static _Atomic enum log_level least_level = LOG_LEVEL_INFO; /* a reload may change it */
static bool to_journal;

/* systemd names the device and inode of the journal's stream in JOURNAL_STREAM. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && !fstat(2, &st) &&
	       st.st_dev == dev && st.st_ino == ino;
}

void log_init(enum log_level least)
{
	least_level = least;
	to_journal = stderr_is_journal();
}

bool log_is_journal(void)
{
	return to_journal;
}

void log_raw(const char *octets, size_t n)
{
	if (write(2, octets, n) < 0)
		return; /* there is no other place to report it */
}

enum log_level log_level_now(void)
{
	return least_level;
}

static size_t put_stamp(char *line, size_t cap, enum log_level level)
{
	static const char *const names[] = {"error", "warn ", "info ", "debug"};
	static const int priority[] = {3, 4, 6, 7};
	struct timespec now;
	struct tm tm;
	size_t n;

	if (to_journal)
		return (size_t)snprintf(line, cap, "<%d>", priority[level]);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(line, cap, "%F %T", &tm);
	return n + (size_t)snprintf(
			   line + n, cap - n, ".%03ld %s ", now.tv_nsec / 1000000, names[level]);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	size_t n;

	if (level > least_level)
		return;
	n = put_stamp(line, sizeof(line), level);
	va_start(ap, fmt);
	n += text_vformat(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	line[n++] = '\n'; /* the zero's place */
	log_raw(line, n);
}
