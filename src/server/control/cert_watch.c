// SPDX-License-Identifier: Apache-2.0
#include "server/control/cert_watch.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aaa/eap/anchors.h"
#include "base/auto.h"
#include "config/config.h"
#include "server/host/certificates.h"
#include "server/host/crl_files.h"

#define SETTLE_MS 500
#define SETTLE_MOST_MS 5000 /* where a program writes all the time */

static bool take_stamps(struct watch *w)
{
	bool changed = false;

	for (size_t i = 0; i < w->n_files; i++) {
		uint64_t now = crl_files_stamp(w->files[i].path);

		changed = changed || now != w->files[i].stamp;
		w->files[i].stamp = now;
	}
	return changed;
}

static void on_change(uv_fs_event_t *e, const char *name, int events, int status);

static bool begin(struct watch_place *p)
{
	return !uv_fs_event_start(p->event, on_change, p->path, 0);
}

/* True when all exist. A folder that did not exist at the start is read at SIGHUP only. */
static bool watch_files_again(struct watch *w)
{
	bool all = true;

	for (size_t i = 0; i < w->n_places; i++) {
		if (!w->places[i].is_file)
			continue;
		uv_fs_event_stop(w->places[i].event); /* its file may have been replaced */
		all = begin(&w->places[i]) && all;
	}
	return all;
}

static void on_settled(uv_timer_t *t)
{
	struct watch *w = t->data;

	if (!watch_files_again(w)) /* one is missing: look for it again later */
		uv_timer_start(&w->settle, on_settled, SETTLE_MOST_MS, 0);
	if (take_stamps(w))
		w->changed(w->arg);
}

static void on_change(
	uv_fs_event_t *e, const char *name UNUSED, int events UNUSED, int status UNUSED)
{
	struct watch *w = e->data;
	uint64_t now = uv_now(w->loop);

	if (!uv_is_active((uv_handle_t *)&w->settle))
		w->unsettled_ms = now;
	if (now - w->unsettled_ms < SETTLE_MOST_MS)
		uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

static void add_place(struct watch *w, const char *path, bool is_file)
{
	struct watch_place *p = &w->places[w->n_places];

	for (size_t i = 0; i < w->n_places; i++)
		if (!strcmp(w->places[i].path, path))
			return;
	if (w->n_places == WATCH_PLACES_MAX)
		return;
	*p = (struct watch_place){calloc(1, sizeof(*p->event)), strdup(path), is_file};
	if (!p->event || !p->path) {
		free(p->event);
		free(p->path);
		return;
	}
	w->n_places++;
	uv_fs_event_init(w->loop, p->event);
	p->event->data = w;
	begin(p);
}

static void add_folder(struct watch *w, const char *file)
{
	char *copy = strdup(file);

	if (copy)
		add_place(w, dirname(copy), false);
	free(copy);
}

/* alone: the file, not its folder. */
static void add_file(struct watch *w, const char *path, bool alone)
{
	char *real;

	if (!*path || w->n_files == WATCH_FILES_MAX)
		return;
	snprintf(w->files[w->n_files++].path, sizeof(w->files[0].path), "%s", path);
	if (alone) {
		add_place(w, path, true);
		return;
	}
	add_folder(w, path);
	real = realpath(path, NULL);
	if (real)
		add_folder(w, real);
	free(real);
}

/* A file, or a folder of which each file counts. */
static void add_lists(struct watch *w, const char *path)
{
	struct stat st;

	if (*path && !stat(path, &st) && S_ISDIR(st.st_mode))
		add_place(w, path, false);
	add_file(w, path, false);
}

static void on_closed(uv_handle_t *h)
{
	free(h);
}

static void forget(struct watch *w)
{
	for (size_t i = 0; i < w->n_places; i++) {
		free(w->places[i].path);
		uv_close((uv_handle_t *)w->places[i].event, on_closed);
	}
	w->n_places = w->n_files = 0;
}

void watch_init(struct watch *w, uv_loop_t *loop, void (*changed)(void *arg), void *arg)
{
	*w = (struct watch){.loop = loop, .changed = changed, .arg = arg};
	uv_timer_init(loop, &w->settle);
	w->settle.data = w;
}

/* What has changed since it was read, and nothing has said so yet: as if a notice had come. */
static void keep_changes(struct watch *w, const struct watch_file *before, size_t n)
{
	for (size_t i = 0; i < w->n_files; i++)
		for (size_t k = 0; k < n; k++) {
			if (strcmp(w->files[i].path, before[k].path) != 0 ||
				w->files[i].stamp == before[k].stamp)
				continue;
			w->files[i].stamp = before[k].stamp;
			uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
		}
}

void watch_files(struct watch *w, const struct config *cfg, const struct eap_anchors *anchors)
{
	AUTO_MEM struct watch_file *before = malloc(sizeof(w->files));
	size_t n_before = before ? w->n_files : 0;
	struct certificate_files files;

	if (before)
		memcpy(before, w->files, sizeof(w->files));
	forget(w);
	certificates_list(cfg, &files);
	for (size_t i = 0; i < files.n; i++) {
		add_file(w, files.item[i].cert, files.generated);
		add_file(w, files.item[i].key, files.generated);
		add_file(w, files.item[i].ocsp, files.generated);
	}
	for (size_t i = 0; i < cfg->balancer.accept_certificates.n; i++)
		add_file(w, cfg->balancer.accept_certificates.item[i], false);
	for (size_t i = 0; anchors && i < anchors->n; i++)
		add_lists(w, anchors->item[i].crl_path);
	take_stamps(w);
	keep_changes(w, before, n_before);
}

void watch_close(struct watch *w)
{
	forget(w);
	uv_close((uv_handle_t *)&w->settle, NULL);
}
