// SPDX-License-Identifier: Apache-2.0
/*
 * unit/server/host/host.h — a host with its context and a folder of its own; the events that it logs are
 * kept for the test. Included once in a test's program, behind cmocka.h.
 */
#pragma once
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "config/config.h"
#include "events/event.h"
#include "server/core/context.h"
#include "server/host/host.h"

static char folder[64];
static struct context context;
static struct host host;
static enum event logged[64];
static char logged_text[64][300];
static unsigned n_logged;

static inline void keep_event(const struct log_scope *scope, enum event ev, const char *text)
{
	(void)scope;
	snprintf(logged_text[n_logged % 64], sizeof(logged_text[0]), "%s", text);
	logged[n_logged++ % 64] = ev;
}

/* How often it was logged since the last call of forget_events(). */
static inline unsigned said(enum event ev)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_logged && i < 64; i++)
		n += logged[i] == ev;
	return n;
}

static inline void forget_events(void)
{
	n_logged = 0;
}

/* The state folder is `below` the test's; `more` follows. In place of the configuration before. */
static inline void configure_below(const char *below, const char *more)
{
	struct config_error err;
	char text[4000];

	config_free(context.config);
	context.config = NULL;
	snprintf(text, sizeof(text), "[server]\nstate = %s%s\n%s", folder, below, more);
	if (config_parse("test", text, strlen(text), &context.config, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void configure(const char *more)
{
	configure_below("", more);
}

static inline const char *in_folder(const char *name)
{
	static char path[4][300];
	static unsigned i;
	char *p = path[i++ % 4];

	snprintf(p, 300, "%s/%s", folder, name);
	return p;
}

static inline void put_file(const char *name, const char *text)
{
	int fd = open(in_folder(name), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline int host_setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/culvert-host-XXXXXX");
	assert_non_null(mkdtemp(folder));
	context = (struct context){0};
	host = (struct host){.context = &context, .lock = -1};
	configure("");
	forget_events();
	log_tap(keep_event);
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int host_teardown(void **state)
{
	(void)state;
	log_tap(NULL);
	host_close_state(&host);
	config_free(context.config);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, host_setup, host_teardown)
