#include "server/watch.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config.h"
#include "server/certificates.h"

#define SETTLE_MS 500

/* Changes when the file does: another inode, another time, another length. */
static uint64_t stamp_of(const char *path)
{
	struct stat st;
	uint64_t h = 0;

	if (stat(path, &st) < 0)
		return 0;
	h = (uint64_t)st.st_ino * 31 + (uint64_t)st.st_dev;
	h = h * 31 + (uint64_t)st.st_mtim.tv_sec;
	h = h * 31 + (uint64_t)st.st_mtim.tv_nsec;
	return h * 31 + (uint64_t)st.st_size;
}

static bool take_stamps(struct watch *w)
{
	bool changed = false;

	for (size_t i = 0; i < w->n_files; i++) {
		uint64_t now = stamp_of(w->files[i].path);

		changed = changed || now != w->files[i].stamp;
		w->files[i].stamp = now;
	}
	return changed;
}

static void on_settled(uv_timer_t *t)
{
	struct watch *w = t->data;

	if (take_stamps(w))
		w->changed(w->arg);
}

static void on_folder(uv_fs_event_t *e, const char *name, int events, int status)
{
	struct watch *w = e->data;

	(void)name;
	(void)events;
	(void)status;
	uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

static void add_folder(struct watch *w, const char *file)
{
	char *copy = strdup(file), *folder = copy ? dirname(copy) : NULL;
	uv_fs_event_t *e = NULL;

	for (size_t i = 0; folder && i < w->n_folders; i++)
		if (!strcmp(w->names[i], folder))
			folder = NULL;
	if (folder && w->n_folders < WATCH_FOLDERS_MAX)
		e = calloc(1, sizeof(*e));
	if (e) {
		uv_fs_event_init(w->loop, e);
		e->data = w;
		w->names[w->n_folders] = strdup(folder);
		w->folders[w->n_folders++] = e;
		uv_fs_event_start(e, on_folder, folder, 0); /* a folder that is not there: SIGHUP */
	}
	free(copy);
}

static void add_file(struct watch *w, const char *path)
{
	char *real;

	if (!*path || w->n_files == WATCH_FILES_MAX)
		return;
	snprintf(w->files[w->n_files++].path, sizeof(w->files[0].path), "%s", path);
	add_folder(w, path);
	real = realpath(path, NULL);
	if (real)
		add_folder(w, real);
	free(real);
}

static void on_closed(uv_handle_t *h)
{
	free(h);
}

static void forget(struct watch *w)
{
	for (size_t i = 0; i < w->n_folders; i++) {
		free(w->names[i]);
		uv_close((uv_handle_t *)w->folders[i], on_closed);
	}
	w->n_folders = w->n_files = 0;
}

void watch_init(struct watch *w, uv_loop_t *loop, void (*changed)(void *arg), void *arg)
{
	*w = (struct watch){.loop = loop, .changed = changed, .arg = arg};
	uv_timer_init(loop, &w->settle);
	w->settle.data = w;
}

void watch_files(struct watch *w, const struct config *cfg)
{
	struct certificate_files files;

	forget(w);
	certificates_list(cfg, &files);
	for (size_t i = 0; i < files.n; i++) {
		add_file(w, files.item[i].cert);
		add_file(w, files.item[i].key);
		add_file(w, files.item[i].ocsp);
	}
	for (size_t i = 0; i < cfg->balancer.accept_certificates.n; i++)
		add_file(w, cfg->balancer.accept_certificates.item[i]);
	take_stamps(w);
}

void watch_close(struct watch *w)
{
	forget(w);
	uv_close((uv_handle_t *)&w->settle, NULL);
}
