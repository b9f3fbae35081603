// SPDX-License-Identifier: Apache-2.0
#include "events/event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/auto.h"
#include "base/text.h"

static _Atomic(log_tap_fn *) tapped;

void log_tap(log_tap_fn *tap)
{
	atomic_store(&tapped, tap);
}

static enum log_form form;
static log_writer_fn *writer;

void log_form(enum log_form new_form, log_writer_fn *new_writer)
{
	form = new_form;
	writer = new_writer;
}

const char *log_scope_text(const struct log_scope *scope, char *ret, size_t cap)
{
	size_t n = 0;

	*ret = '\0';
	if (scope && scope->session)
		n = text_format(ret, cap, " session=%" PRIu64, scope->session);
	if (scope && *scope->peer)
		n += text_format(ret + n, cap - n, " peer=%s", scope->peer);
	if (scope && *scope->correlation)
		text_format(ret + n, cap - n, " correlation=%s", scope->correlation);
	return ret;
}

static void write_text(
	const struct event_info *info, const struct log_scope *scope, const char *text)
{
	char who[140];

	log_line(info->level, "%d %s: %s%s%s%s", info->number, info->name, info->what,
		log_scope_text(scope, who, sizeof(who)), *text ? " " : "", text);
}

static void write_json(
	const struct event_info *info, const struct log_scope *scope, const char *text)
{
	struct timespec now;
	char line[4096];

	clock_gettime(CLOCK_REALTIME, &now);
	log_raw(line,
		log_json(info, scope, text, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
			line, sizeof(line)));
}

void log_event(const struct log_scope *scope, enum event ev, const char *fmt, ...)
{
	const struct event_info *info = event_info(ev);
	char text[EVENT_TEXT_MAX];
	va_list ap;
	log_tap_fn *tap = atomic_load_explicit(&tapped, memory_order_relaxed);

	if (info->level > log_level_now() && (!tap || info->level > LOG_LEVEL_INFO))
		return;
	va_start(ap, fmt);
	text_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (tap)
		tap(scope, ev, text);
	if (info->level > log_level_now())
		return;
	if (writer)
		writer(info, scope, text);
	else if (form == LOG_FORM_JSON)
		write_json(info, scope, text);
	else
		write_text(info, scope, text);
}
