// SPDX-License-Identifier: Apache-2.0
#include "cli/profile_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/password.h"

#define SYSTEM_FOLDER "/etc/culvert/profiles"
#define FOLDERS 2
#define FOREIGN (S_IWGRP | S_IWOTH)
#define SECRET_MODE (S_IRWXG | S_IRWXO)

/* ---- where ---------------------------------------------------------- */

static bool user_folder(char ret[PATH_MAX / 2])
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = -1;

	if (config && *config == '/')
		n = snprintf(ret, PATH_MAX / 2, "%s/culvert/profiles", config);
	else if (home && *home == '/')
		n = snprintf(ret, PATH_MAX / 2, "%s/.config/culvert/profiles", home);
	return n > 0 && n < PATH_MAX / 2;
}

/* In the order of their weight; the first takes new profiles. */
static size_t folders_of_user(char ret[FOLDERS][PATH_MAX / 2])
{
	bool root = !geteuid();
	size_t n = 0;

	if (root)
		strcpy(ret[n++], SYSTEM_FOLDER);
	n += user_folder(ret[n]);
	if (!root)
		strcpy(ret[n++], SYSTEM_FOLDER);
	return n;
}

static void set_paths(struct profile_file *f, const char *name, const char *folder)
{
	strcpy(f->name, name);
	strcpy(f->folder, folder);
	snprintf(f->path, sizeof(f->path), "%s/%s.conf", folder, name);
	snprintf(f->secret_path, sizeof(f->secret_path), "%s/%s.secret", folder, name);
}

static bool find(const char *name, struct profile_file *f)
{
	char folders[FOLDERS][PATH_MAX / 2];
	size_t n = folders_of_user(folders);

	for (size_t i = 0; i < n; i++) {
		set_paths(f, name, folders[i]);
		if (!access(f->path, F_OK) || errno == EACCES)
			return true;
	}
	return false;
}

bool profile_find(const char *name, struct profile_file *ret)
{
	struct profile_file f = {0};
	bool found = profile_name_ok(name) && find(name, &f);

	if (found && ret)
		*ret = f;
	return found;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool has(const struct profile_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->name[i], name))
			return true;
	return false;
}

static void add_names(const char *folder, struct profile_names *ret)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir)) && ret->n < PROFILE_NAMES_MAX) {
		size_t n = strlen(e->d_name);

		if (n <= strlen(".conf") || strcmp(e->d_name + n - strlen(".conf"), ".conf"))
			continue;
		e->d_name[n - strlen(".conf")] = '\0';
		if (profile_name_ok(e->d_name) && !has(ret, e->d_name))
			strcpy(ret->name[ret->n++], e->d_name);
	}
	if (dir)
		closedir(dir);
}

void profile_names(struct profile_names *ret)
{
	char folders[FOLDERS][PATH_MAX / 2];
	size_t n = folders_of_user(folders);

	ret->n = 0;
	for (size_t i = 0; i < n; i++)
		add_names(folders[i], ret);
	qsort(ret->name, ret->n, sizeof(ret->name[0]), by_name);
}

static int check_name(const char *name)
{
	if (profile_name_ok(name))
		return 0;
	text_fprintf(stderr,
		"culvert: \"%.80s\" is no name of a profile: expected 1 to 64 letters, digits, - _ and "
		"dots, a letter or\n  digit first\n",
		name);
	return CMD_USAGE;
}

static int none(const char *name)
{
	char text[100];

	text_format(text, sizeof(text), "(\"%s\")", name);
	return cmd_fail(EV_PROFILE_NONE, text);
}

/* ---- reading ---------------------------------------------------------- */

static int refuse(enum event ev, const char *path, const char *why)
{
	char text[PATH_MAX + 100];

	text_format(text, sizeof(text), "%s: %s", path, why);
	return cmd_fail(ev, text);
}

static int bad_file(const char *path, const struct profile_fault *fault)
{
	char text[PATH_MAX + CONFIG_WHY_LEN + 20];

	if (fault->line)
		text_format(text, sizeof(text), "%s:%u: %s", path, fault->line, fault->text);
	else
		text_format(text, sizeof(text), "%s: %s", path, fault->text);
	return cmd_fail(EV_PROFILE_BAD, text);
}

static int read_fd(int fd, size_t most, char **ret, size_t *ret_n)
{
	char *text = malloc(most + 1);
	ssize_t got = 1;
	size_t n = 0;

	while (text && n <= most && (got = read(fd, text + n, most + 1 - n)) > 0)
		n += (size_t)got;
	if (!text || got < 0 || n > most) {
		int r = !text ? -ENOMEM : got < 0 ? -errno : -EFBIG;

		if (text)
			explicit_bzero(text, most + 1);
		free(text);
		return r;
	}
	*ret = text;
	*ret_n = n;
	return 0;
}

/* Not a device, a pipe that never ends or a terminal. `judge` NULL: any rights. */
static int open_regular(const char *path, struct stat *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret) < 0)
		r = -errno;
	else if (!S_ISREG(ret->st_mode))
		r = -EINVAL;
	if (!r)
		return fd;
	close(fd);
	return r;
}

int profile_read(const char *path, size_t most, char **ret, size_t *ret_n)
{
	struct stat st;
	int fd = open_regular(path, &st), r;

	if (fd < 0)
		return fd;
	r = read_fd(fd, most, ret, ret_n);
	close(fd);
	return r;
}

static const char *error_text(int r)
{
	return r == -EINVAL ? "it is no regular file" : strerror(-r);
}

/* Whether another user may have written it; with a secret: may have read it. */
static const char *judge(const struct stat *st, bool secret)
{
	if (st->st_uid && st->st_uid != geteuid())
		return "another user owns it";
	if (st->st_mode & (mode_t)(secret ? SECRET_MODE : FOREIGN))
		return secret ? "other users can read it" : "other users can change it";
	return NULL;
}

static int read_judged(const char *path, bool secret, char **ret, size_t *ret_n)
{
	struct stat st;
	int fd = open_regular(path, &st), r;
	const char *fault;

	if (fd < 0)
		return refuse(EV_PROFILE_UNREADABLE, path, error_text(fd));
	fault = judge(&st, secret);
	r = fault ? 0 : read_fd(fd, PROFILE_FILE_MAX, ret, ret_n);
	close(fd);
	if (fault)
		return refuse(EV_PROFILE_EXPOSED, path, fault);
	return r < 0 ? refuse(EV_PROFILE_UNREADABLE, path, strerror(-r)) : 0;
}

static int load_secrets(struct profile_file *f)
{
	struct profile_fault fault = {0};
	char *text = NULL;
	size_t n = 0;
	int r;

	if (access(f->secret_path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = read_judged(f->secret_path, true, &text, &n);
	if (r)
		return r;
	r = profile_secrets_parse(text, n, &f->secrets, &fault);
	explicit_bzero(text, n);
	free(text);
	return r < 0 ? bad_file(f->secret_path, &fault) : 0;
}

int profile_load(const char *name, struct profile_file *ret)
{
	struct profile_fault fault = {0};
	AUTO_MEM char *text = NULL;
	size_t n = 0;
	int r = check_name(name);

	*ret = (struct profile_file){0};
	if (!r && !find(name, ret))
		r = none(name);
	if (!r)
		r = read_judged(ret->path, false, &text, &n);
	if (r)
		return r;
	if (profile_parse(text, n, false, &ret->profile, &fault) < 0)
		return bad_file(ret->path, &fault);
	return load_secrets(ret);
}

/* ---- writing ---------------------------------------------------------- */

int profile_begin(const char *name, struct profile_file *ret)
{
	char folders[FOLDERS][PATH_MAX / 2];
	int r = check_name(name);

	*ret = (struct profile_file){0};
	if (r)
		return r;
	if (!folders_of_user(folders)) {
		fputs("culvert: no folder for profiles: expected HOME in the environment\n",
			stderr);
		return CMD_FAILED;
	}
	set_paths(ret, name, folders[0]);
	if (!access(ret->path, F_OK))
		return refuse(EV_PROFILE_THERE, ret->path, "");
	ret->profile = profile_new();
	return ret->profile ? 0 : cmd_fail(EV_OUT_OF_MEMORY, "");
}

/* Each folder on the way; those that are there stay as they are. */
int profile_make_folder(const char *path, mode_t last)
{
	mode_t mode = geteuid() ? 0700 : 0755;
	char part[PATH_MAX / 2];

	strcpy(part, path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, last) < 0 && errno != EEXIST ? -errno : 0;
}

int profile_write(const char *path, const char *text, size_t n)
{
	char beside[PATH_MAX + 8];
	int fd, r = 0;

	snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
	fd = mkostemp(beside, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return -errno;
	for (size_t at = 0; !r && at < n;) {
		ssize_t k = write(fd, text + at, n - at);

		at += k > 0 ? (size_t)k : 0;
		r = k < 0 && errno != EINTR ? -errno : 0;
	}
	if (!r && (fsync(fd) < 0 || rename(beside, path) < 0))
		r = -errno;
	close(fd);
	if (r)
		unlink(beside);
	return r;
}

static int save_text(const char *path, const char *text, size_t n)
{
	int r = text ? profile_write(path, text, n) : -ENOMEM;

	return r < 0 ? refuse(EV_PROFILE_UNWRITABLE, path, strerror(-r)) : 0;
}

static bool has_secret(const struct profile_secrets *s)
{
	for (size_t i = 0; i < PROFILE_SECRETS; i++)
		if (*s->value[i])
			return true;
	return false;
}

static int save_secrets(const struct profile_file *f)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out;
	int r;

	if (!has_secret(&f->secrets)) {
		if (unlink(f->secret_path) < 0 && errno != ENOENT)
			return refuse(EV_PROFILE_UNWRITABLE, f->secret_path, strerror(errno));
		return 0;
	}
	out = open_memstream(&text, &n);
	if (!out)
		return cmd_fail(EV_OUT_OF_MEMORY, "");
	profile_secrets_print(&f->secrets, out);
	fclose(out);
	r = save_text(f->secret_path, text, n);
	if (text)
		explicit_bzero(text, n);
	free(text);
	return r;
}

/* Secrets first: a profile without them would ask. */
int profile_save(const struct profile_file *f)
{
	AUTO_MEM char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int r = profile_make_folder(f->folder, geteuid() ? 0700 : 0755);

	if (out) {
		profile_print(f->profile, false, out);
		fclose(out);
	}
	if (r < 0)
		return refuse(EV_PROFILE_UNWRITABLE, f->folder, strerror(-r));
	r = save_secrets(f);
	return r ? r : save_text(f->path, text, n);
}

int profile_remove(const struct profile_file *f)
{
	if (unlink(f->path) < 0)
		return refuse(EV_PROFILE_UNWRITABLE, f->path, strerror(errno));
	if (unlink(f->secret_path) < 0 && errno != ENOENT)
		return refuse(EV_PROFILE_UNWRITABLE, f->secret_path, strerror(errno));
	return 0;
}

void profile_done(struct profile_file *f)
{
	profile_free(f->profile);
	explicit_bzero(f, sizeof(*f));
}

/* ---- use ---------------------------------------------------------- */

static int check_secret_file(const char *path)
{
	struct stat st;

	/* What is missing is said by password_read(); a pipe has no mode of its own. */
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (!(st.st_mode & SECRET_MODE))
		return 0;
	return refuse(EV_PROFILE_EXPOSED, path, "other users can read it");
}

/* A name without a folder stands beside the profile. */
static int complete(struct profile_file *f, struct profile_item *item)
{
	enum connect_kind kind = item->id == PROFILE_SERVER
					 ? CONNECT_TEXT
					 : connect_option((enum connect_id)item->id)->kind;
	char *whole;

	if (kind != CONNECT_PATH && kind != CONNECT_SECRET)
		return 0;
	if (*item->value != '/') {
		if (asprintf(&whole, "%s/%s", f->folder, item->value) < 0)
			return cmd_fail(EV_OUT_OF_MEMORY, "");
		free(item->value);
		item->value = whole;
	}
	return kind == CONNECT_SECRET ? check_secret_file(item->value) : 0;
}

/* A secret of ours takes the place of a file. */
static int put_secret(struct profile_file *f, size_t at)
{
	int id = (int)profile_secret_row(at), fd;
	char path[40];

	if (!*f->secrets.value[at])
		return 0;
	if (profile_get(f->profile, id)) {
		text_fprintf(stderr, "culvert: %s: %s stands there, and the secret in %s, too\n",
			f->path, connect_option((enum connect_id)id)->name, f->secret_path);
		return CMD_USAGE;
	}
	fd = password_pipe(f->secrets.value[at]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd < 0 || profile_put(f->profile, id, path, 0) < 0 ? cmd_fail(EV_OUT_OF_MEMORY, "")
								  : 0;
}

int profile_into(struct profile_file *f, struct connect_options *co)
{
	int r = 0;

	for (size_t i = 0; !r && i < f->profile->n; i++)
		r = complete(f, &f->profile->item[i]);
	for (size_t i = 0; !r && i < PROFILE_SECRETS; i++)
		r = put_secret(f, i);
	return r ? r : profile_apply(f->profile, f->path, co);
}
