// SPDX-License-Identifier: Apache-2.0
/*
 * events/event.h — the event catalogue: every message for people, written once.
 *
 * events.def has one row per event. Logs, `culvert diagnose`, the record of attempts, metrics and
 * docs/events.md are made from it, so no message is written twice.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/* The layers of the way into a tunnel, in order; `culvert` exits with layer_exit_code(). */
enum layer {
	LAYER_LOCAL,  /* this program, its files, its machine */
	LAYER_CONFIG, /* configuration and command line */
	LAYER_DNS,
	LAYER_TCP,
	LAYER_PROXY,
	LAYER_TLS,
	LAYER_CERT,
	LAYER_HTTP,
	LAYER_SSTP,
	LAYER_BINDING,
	LAYER_LCP,
	LAYER_AUTH,
	LAYER_NCP, /* IPCP and IPv6CP: addresses */
	LAYER_IP,  /* interface, routes, DNS, data */
	LAYERS,
};

enum event {
	EV_NONE = 0,
#define EVENT(number, name, layer, level, windows, what, cure) EV_##name = number,
#include "events/events.def"
#undef EVENT
};

struct event_info {
	int number;
	const char *name; /* SSTP_BINDING_MISMATCH */
	enum layer layer;
	enum log_level level;
	const char *windows; /* what Windows shows: "RasSstp event 4", "691", "0x800B0109", or "" */
	const char *what;    /* one sentence */
	const char *cure;    /* the next thing to try; may be "" */
};

const struct event_info *event_info(enum event ev); /* never NULL; EV_NONE has a row of its own */
const struct event_info *event_at(unsigned i);      /* the catalogue in order; NULL at its end */
const char *layer_name(enum layer l);
int layer_exit_code(enum layer l);

/* Octets of the text of an event, composed and escaped, with its zero. */
#define EVENT_TEXT_MAX 1400

/* The session of a line: set once by the owner of the session, kept for its life. */
struct log_scope {
	uint64_t session;     /* 0: none */
	char peer[56];        /* "ADDR:PORT" or "" */
	char correlation[40]; /* SSTPCORRELATIONID or "" */
};

/*
 * From now on log_event() also passes every event to `tap` (NULL: none), at the level info or above
 * and at the level that is logged. Any thread may call it, so `tap` must be quick.
 */
typedef void log_tap_fn(const struct log_scope *scope, enum event ev, const char *text);
void log_tap(log_tap_fn *tap);

/*
 * How log_event() writes: a line of text (the default), a line of JSON, or by `writer`, which takes
 * the event whole (the journal's fields, os/journal.h). Set before threads start.
 */
enum log_form { LOG_FORM_TEXT, LOG_FORM_JSON };
typedef void log_writer_fn(
	const struct event_info *info, const struct log_scope *scope, const char *text);
void log_form(enum log_form form, log_writer_fn *writer /* or NULL */);
/* The line of JSON, with its newline; returns its length. Cut texts stay valid JSON. */
size_t log_json(const struct event_info *info, const struct log_scope *scope, const char *text,
	int64_t wall_ms, char *ret, size_t cap);

/* " session=7 peer=192.0.2.1:50000 correlation=…", each part when it is known. Returns ret. */
const char *log_scope_text(const struct log_scope *scope, char *ret, size_t cap);

/*
 * One line: number, name, what happened, scope, then key=value pairs from fmt (may be ""). Escapes
 * as text_format() does: write key="%s" or key=%s for what a peer may choose.
 */
void log_event(const struct log_scope *scope, enum event ev, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
