// SPDX-License-Identifier: Apache-2.0
#include "server/host/crl_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tls/crl.h"

static void note_fault(struct crl_files *f, const char *path, const char *why)
{
	if (!*f->fault)
		text_format(f->fault, sizeof(f->fault), "%.180s: %s", path, why);
}

static int take(const struct tls_crl_info *crl, void *arg)
{
	struct crl_files *f = arg;
	struct octets *bigger;
	void *copy;

	if (f->n == CRL_FILES_MAX)
		return -E2BIG;
	bigger = reallocarray(f->item, f->n + 1, sizeof(*f->item));
	if (bigger)
		f->item = bigger;
	copy = bigger ? malloc(crl->der.n) : NULL;
	if (!copy)
		return -ENOMEM;
	memcpy(copy, crl->der.p, crl->der.n);
	f->item[f->n++] = (struct octets){copy, crl->der.n};
	if (crl->next_update_s && (!f->next_update_s || crl->next_update_s < f->next_update_s))
		f->next_update_s = crl->next_update_s;
	return 0;
}

/* A regular file, whole; NULL with errno. */
static uint8_t *slurp(const char *path, size_t *ret_n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = 0;
	uint8_t *octets = NULL;
	struct stat st;
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > TLS_CRL_FILE_MAX)
		error = EFBIG;
	else if (!(octets = malloc((size_t)st.st_size + 1)))
		error = ENOMEM;
	while (!error && got > 0 && n < (size_t)st.st_size) {
		got = read(fd, octets + n, (size_t)st.st_size - n);
		error = got < 0 ? errno : 0;
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	if (error) {
		free(octets);
		errno = error;
		return NULL;
	}
	*ret_n = n;
	return octets;
}

static void read_file(const char *path, struct crl_files *f)
{
	size_t n = 0;
	uint8_t *octets = slurp(path, &n);
	int r;

	if (!octets) {
		note_fault(f, path, strerror(errno));
		return;
	}
	r = tls_crl_each((struct octets){octets, n}, take, f);
	free(octets);
	if (r < 0)
		note_fault(f, path, r == -EINVAL ? "it is no revocation list" : strerror(-r));
}

/* Calls `each` for a file, or for each file of a folder whose name does not begin with a dot. */
static int walk(const char *path, void (*each)(const char *path, void *arg), void *arg)
{
	DIR *folder = opendir(path);
	struct dirent *e;
	char name[4400];

	if (!folder && errno != ENOTDIR)
		return -errno;
	if (!folder) {
		each(path, arg);
		return 0;
	}
	while ((e = readdir(folder)))
		if (*e->d_name != '.') {
			snprintf(name, sizeof(name), "%.4000s/%s", path, e->d_name);
			each(name, arg);
		}
	closedir(folder);
	return 0;
}

static void read_one(const char *path, void *arg)
{
	read_file(path, arg);
}

void crl_files_read(const char *path, struct crl_files *ret)
{
	int r;

	*ret = (struct crl_files){0};
	r = *path ? walk(path, read_one, ret) : 0;
	if (r < 0)
		note_fault(ret, path, strerror(-r));
}

void crl_files_free(struct crl_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free((void *)f->item[i].p);
	free(f->item);
	*f = (struct crl_files){0};
}

/* Summed, so that the order of a folder does not count. */
static void add_stamp(const char *path, void *arg)
{
	uint64_t *sum = arg, h;
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	h = (uint64_t)st.st_ino * 31 + (uint64_t)st.st_dev;
	h = h * 31 + (uint64_t)st.st_mtim.tv_sec;
	h = h * 31 + (uint64_t)st.st_mtim.tv_nsec;
	*sum += (h * 31 + (uint64_t)st.st_size) | 1;
}

uint64_t crl_files_stamp(const char *path)
{
	uint64_t sum = 0;

	walk(path, add_stamp, &sum);
	return sum;
}
