// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/cert_watch.h — watches the files of certificates for replacement and rewriting.
 *
 * It watches folders (inotify), not files: a renewal replaces the file, or a symbolic link, by a new
 * one. Targets of links (certbot's live/ points into archive/) are watched, too. For the generated
 * certificates it watches the files, because their folder has the database, which changes at each login.
 *
 * Revocation lists, and folders of them, are watched, too.
 *
 * Threads: the loop's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define WATCH_PLACES_MAX 64
#define WATCH_FILES_MAX 160

struct config;
struct eap_anchors;

/* A folder, or a file. A file is watched again after each change, because it may be replaced. */
struct watch_place {
	uv_fs_event_t *event;
	char *path;
	bool is_file;
};

struct watch {
	uv_loop_t *loop;
	struct watch_place places[WATCH_PLACES_MAX];
	size_t n_places;
	uv_timer_t settle;     /* a renewal writes several files: wait until it is done */
	uint64_t unsettled_ms; /* since when */
	struct watch_file {
		char path[512];
		uint64_t stamp; /* of what stat() said */
	} files[WATCH_FILES_MAX];
	size_t n_files;
	void (*changed)(void *arg);
	void *arg;
};

void watch_init(struct watch *w, uv_loop_t *loop, void (*changed)(void *arg), void *arg);
/* From now on these files; forgets others. */
void watch_files(struct watch *w, const struct config *cfg, const struct eap_anchors *anchors);
void watch_close(struct watch *w);
