// SPDX-License-Identifier: Apache-2.0
/*
 * os/resolver.c — DNS servers of this machine.
 *
 * Theory of operation, client's side. Three ways, tried in this order until one works; what one set
 * before it failed is undone, and its failure is kept for the user:
 *
 *   systemd-resolved, when /etc/resolv.conf leads to it (os/resolved.c): servers and domains of the
 *   tunnel's interface; all of it vanishes with the interface, even after kill -9. It alone can ask
 *   the tunnel's servers for some domains only.
 *
 *   resolvconf, when it is installed: a record named so that its usual order puts tunnels first.
 *   systemd has a program of that name too, a link to resolvectl, that takes names of interfaces
 *   only: it is resolved once more, and passed by.
 *
 *   else the file itself. The original is kept beside it as resolv.conf.culvert (a hard link to the
 *   original file or symbolic link), the new one replaces it by rename(2), and its first line names
 *   the writer:
 *
 *       # culvert PID STARTTIME IFNAME: ...
 *
 *   Restoring renames the original back, but only while that line is still there: if a DHCP client
 *   wrote the file meanwhile, its file stays. Start time (field 22 of /proc/PID/stat) with the
 *   PID identify the process even if its number is used again. Where /etc/resolv.conf is a
 *   mount (containers), rename is -EBUSY and its contents are copied instead.
 */
#include "os/resolver.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "os/child.h"
#include "os/resolved.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define BACKUP "/etc/resolv.conf.culvert"
#define FRESH "/etc/resolv.conf.culvert-new"
#define MARK "# culvert "
#define RECORD_MAX_LEN 4608 /* servers, and a search line of all domains */
#define FILE_MAX_LEN 16384  /* a resolv.conf longer than that is none */

struct resolver {
	enum resolver_way way;
	char root[128];
	char ifname[16];
	char passed_over[400];
};

static const char *const way_names[] = {
	[RESOLVER_RESOLVED] = "systemd-resolved",
	[RESOLVER_RESOLVCONF] = "resolvconf",
	[RESOLVER_OWN_FILE] = "an own /etc/resolv.conf",
	[RESOLVER_FILE] = "/etc/resolv.conf",
};

enum resolver_way resolver_way(const struct resolver *r)
{
	return r->way;
}

bool resolver_splits(const struct resolver *r)
{
	return r->way == RESOLVER_RESOLVED;
}

const char *resolver_way_name(enum resolver_way way)
{
	return way_names[way];
}

const char *resolver_passed_over(const struct resolver *r)
{
	return r->passed_over;
}

struct path {
	char text[256];
};

static struct path path_of(const char *root, const char *path)
{
	struct path p;

	snprintf(p.text, sizeof(p.text), "%s%s", root, path);
	return p;
}

/* --- the server's side ------------------------------------------------------------------- */

static bool is_global(const struct addr *a)
{
	static const uint8_t zeros[15];
	const uint8_t *o = a->octets;

	if (a->family == AF_INET)
		return o[0] != 0 && o[0] != 127 && !(o[0] == 169 && o[1] == 254) && o[0] < 224;
	return o[0] != 0xff && !(o[0] == 0xfe && (o[1] & 0xc0) == 0x80) &&
	       memcmp(o, zeros, sizeof(zeros));
}

static bool has(const struct addr *list, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_equal(&list[i], a))
			return true;
	return false;
}

/* "nameserver ADDRESS", resolv.conf(5); an address with %zone is link-local and fails to parse. */
static size_t read_servers(const char *path, struct addr *ret, size_t cap)
{
	FILE *f = fopen(path, "re");
	char line[256], text[64];
	size_t n = 0;

	while (f && n < cap && fgets(line, sizeof(line), f)) {
		struct addr a;

		if (sscanf(line, " nameserver %63s", text) == 1 && addr_parse(text, &a) == 0 &&
			is_global(&a) && !has(ret, n, &a))
			ret[n++] = a;
	}
	if (f)
		fclose(f);
	return n;
}

size_t resolver_upstreams(const char *root, struct addr *ret, size_t cap)
{
	static const char *const files[] = {
		"/run/systemd/resolve/resolv.conf",        /* behind 127.0.0.53 */
		"/run/NetworkManager/no-stub-resolv.conf", /* behind its dnsmasq */
		RESOLV_CONF,
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && n == 0; i++)
		n = read_servers(path_of(root, files[i]).text, ret, cap);
	return n;
}

/* --- systemd-resolved -------------------------------------------------------------------- */

/* Does /etc/resolv.conf lead to resolved: by its stub's address, or as a link to its files? */
static bool resolved_answers(const char *root)
{
	struct path conf = path_of(root, RESOLV_CONF);
	char line[256], target[PATH_MAX];
	bool found = false;
	ssize_t n = readlink(conf.text, target, sizeof(target) - 1);
	FILE *f;

	if (access(path_of(root, "/run/systemd/resolve").text, F_OK) < 0)
		return false;
	if (n > 0) {
		target[n] = '\0';
		if (strstr(target, "systemd/resolve"))
			return true;
	}
	f = fopen(conf.text, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "nameserver", 10) &&
			(strstr(line, "127.0.0.53") || strstr(line, "127.0.0.54"));
	if (f)
		fclose(f);
	return found;
}

/* --- resolvconf -------------------------------------------------------------------------- */

static int run(const char *const argv[], const char *input, struct os_failure *why)
{
	char output[120];
	int r = child_run(argv, input, output, sizeof(output));

	if (r == 0)
		return 0;
	return os_fail(
		why, EV_DNS_NOT_SET, r < 0 ? r : -EIO, "%s %s: %s", argv[0], argv[1], output);
}

/* Both kinds of resolvconf put records that begin with "tun" and a digit before the rest. */
static const char *record_name(const char *ifname, char ret[static 32])
{
	snprintf(ret, 32, "tun0.%s", ifname);
	return ret;
}

/* "search a b": one line, for of several the last counts (resolv.conf(5)). Returns its length. */
static size_t put_search(const struct resolver_opts *o, char *ret, size_t cap)
{
	size_t at = 0;

	if (!o->n_domains)
		return 0;
	at = (size_t)snprintf(ret, cap, "search");
	for (size_t i = 0; i < o->n_domains && at + strlen(o->domains[i]) + 3 < cap; i++)
		at += (size_t)snprintf(ret + at, cap - at, " %s", o->domains[i]);
	return at + (size_t)snprintf(ret + at, cap - at, "\n");
}

static void put_servers(const struct resolver_opts *o, char *ret, size_t cap)
{
	size_t at = strlen(ret);
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < o->n_servers && at + 64 < cap; i++)
		at += (size_t)snprintf(
			ret + at, cap - at, "nameserver %s\n", addr_format(&o->servers[i], text));
}

/* systemd's resolvconf is resolvectl under another name: a link, or the same file. */
static bool is_resolvectl(const char *root, const char *program)
{
	char real[PATH_MAX], other[CHILD_PATH_LEN];
	struct stat a, b;
	const char *name;

	if (!realpath(program, real))
		return false;
	name = strrchr(real, '/') + 1;
	if (!strcmp(name, "resolvectl") || !strcmp(name, "systemd-resolve"))
		return true;
	return child_find(root, "resolvectl", other) == 0 && stat(program, &a) == 0 &&
	       stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void delete_record(const char *program, const char *ifname)
{
	char record[32];
	const char *const argv[] = {program, "-d", record_name(ifname, record), NULL};

	run(argv, NULL, NULL);
}

static int set_resolvconf(
	const struct resolver_opts *o, const char *program, struct os_failure *why)
{
	char record[32], servers[RECORD_MAX_LEN] = "";
	const char *const argv[] = {program, "-a", record_name(o->ifname, record), NULL};
	int r;

	put_servers(o, servers, sizeof(servers));
	put_search(o, servers + strlen(servers), sizeof(servers) - strlen(servers));
	r = run(argv, servers, why);
	if (r < 0)
		delete_record(program, o->ifname);
	return r;
}

/* --- the file ---------------------------------------------------------------------------- */

/*
 * Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and brackets. 0: not there, or ended and
 * not yet collected by its parent.
 */
static unsigned long long start_time(long pid)
{
	char path[64], text[1024], *p;
	unsigned long long t = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	if (p && (!strncmp(p, ") Z", 3) || !strncmp(p, ") X", 3)))
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, " %llu", &t) == 1 ? t : 0;
}

/* A whole small file; NULL when it is not there or too long. */
static char *read_file(const char *path, size_t *ret_n)
{
	AUTO_MEM char *text = malloc(FILE_MAX_LEN);
	FILE *f = fopen(path, "re");
	size_t n = f && text ? fread(text, 1, FILE_MAX_LEN, f) : FILE_MAX_LEN;

	if (f)
		fclose(f);
	if (n == FILE_MAX_LEN)
		return NULL;
	text[n] = '\0';
	*ret_n = n;
	return TAKE(text);
}

static int write_file(const char *path, int flags, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, n) != (ssize_t)n || fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

struct mark {
	long pid;
	unsigned long long start;
	char ifname[16];
};

static bool read_mark(const char *path, struct mark *ret)
{
	FILE *f = fopen(path, "re");
	char line[256] = "";
	bool found;

	found = f && fgets(line, sizeof(line), f) &&
		sscanf(line, MARK "%ld %llu %15[^:]:", &ret->pid, &ret->start, ret->ifname) == 3;
	if (f)
		fclose(f);
	return found;
}

static bool is_alive(const struct mark *m)
{
	return start_time(m->pid) == m->start;
}

/* Puts `from` in the place of `to`, by rename or, where `to` is a mount, by copying. */
static int replace(const char *from, const char *to)
{
	AUTO_MEM char *text = NULL;
	size_t n;
	int r;

	if (rename(from, to) == 0)
		return 0;
	if (errno != EBUSY && errno != EXDEV)
		return -errno;
	text = read_file(from, &n);
	if (!text)
		return -EIO;
	r = write_file(to, O_TRUNC, text, n);
	if (r == 0)
		unlink(from);
	return r;
}

/* A hard link keeps owner, mode and, when it is one, the symbolic link; a copy is second best. */
static int back_up(const char *conf, const char *backup)
{
	AUTO_MEM char *text = NULL;
	size_t n;

	if (linkat(AT_FDCWD, conf, AT_FDCWD, backup, 0) == 0)
		return 0;
	if (errno == EEXIST || (errno != EXDEV && errno != EPERM && errno != EMLINK))
		return -errno;
	text = read_file(conf, &n);
	return text ? write_file(backup, O_EXCL, text, n) : -EIO;
}

static bool is_replaced(const struct resolver_opts *o, const char *line)
{
	if (o->n_domains && (!strncmp(line, "search", 6) || !strncmp(line, "domain", 6)))
		return true;
	return !strncmp(line, "nameserver", 10);
}

/* What the tunnel does not set stays: options, search domains if it has none. */
static char *new_contents(const struct resolver_opts *o, const char *conf)
{
	size_t n = 0;
	AUTO_MEM char *old = read_file(conf, &n);
	char *text = malloc(FILE_MAX_LEN);
	size_t at;

	if (!text)
		return NULL;
	snprintf(text, FILE_MAX_LEN, MARK "%ld %llu %s: the original is " BACKUP "\n",
		(long)getpid(), start_time(getpid()), o->ifname);
	put_servers(o, text, FILE_MAX_LEN);
	put_search(o, text + strlen(text), FILE_MAX_LEN - strlen(text));
	for (char *save = NULL, *line = old ? strtok_r(old, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		at = strlen(text);
		if (!is_replaced(o, line) && at + strlen(line) + 2 < FILE_MAX_LEN)
			snprintf(text + at, FILE_MAX_LEN - at, "%s\n", line);
	}
	return text;
}

/* With `conf` still ours the original goes back (or, if there was none, ours goes away). */
static int restore_file(const char *root)
{
	struct path conf = path_of(root, RESOLV_CONF), backup = path_of(root, BACKUP);
	struct mark mark;
	int r;

	if (!read_mark(conf.text, &mark)) {
		unlink(backup.text); /* another program rewrote it: its file is newer than the kept one */
		return 0;
	}
	r = replace(backup.text, conf.text);
	if (r == -ENOENT)
		r = unlink(conf.text) < 0 ? -errno : 0;
	return r;
}

int resolver_recover(const char *root, struct os_failure *why)
{
	struct path conf = path_of(root, RESOLV_CONF), backup = path_of(root, BACKUP);
	bool kept = access(backup.text, F_OK) == 0;
	struct mark mark;
	int r;

	if (!read_mark(conf.text, &mark)) {
		if (kept)
			unlink(backup.text);
		return 0;
	}
	if (is_alive(&mark))
		return 0;
	r = restore_file(root);
	if (r < 0)
		return os_fail(why, EV_DNS_NOT_SET, r, "put %s back in the place of %s",
			backup.text, conf.text);
	if (why)
		text_format(why->text, sizeof(why->text), "pid=%ld interface=%s", mark.pid,
			mark.ifname);
	return 1;
}

/* The file's original, unless another program wrote a newer one in the place of ours. */
static const char *own_conf(const char *root)
{
	struct mark mark;

	return read_mark(path_of(root, RESOLV_CONF).text, &mark) ? BACKUP : RESOLV_CONF;
}

size_t resolver_beside(
	const char *root, const struct addr *except, size_t n_except, struct addr *ret, size_t cap)
{
	const char *const files[] = {"/run/systemd/resolve/resolv.conf",
		"/run/NetworkManager/no-stub-resolv.conf", own_conf(root)};
	struct addr found[16];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && n == 0; i++) {
		size_t m = read_servers(path_of(root, files[i]).text, found, ARRAY_SIZE(found));

		for (size_t k = 0; k < m && n < cap; k++)
			if (!has(except, n_except, &found[k]))
				ret[n++] = found[k];
	}
	return n;
}

static int set_file(const struct resolver_opts *o, struct os_failure *why)
{
	struct path conf = path_of(o->root, RESOLV_CONF), backup = path_of(o->root, BACKUP),
		    fresh = path_of(o->root, FRESH);
	AUTO_MEM char *text = new_contents(o, conf.text);
	struct mark mark;
	int r;

	if (!text)
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "write %s", conf.text);
	resolver_recover(o->root, NULL);
	if (read_mark(conf.text, &mark))
		return os_fail(why, EV_DNS_BUSY, -EBUSY, "write %s (process %ld has it)", conf.text,
			mark.pid);
	r = back_up(conf.text, backup.text);
	if (r < 0 && r != -ENOENT)
		return os_fail(why, EV_DNS_NOT_SET, r, "keep %s as %s", conf.text, backup.text);
	r = write_file(fresh.text, O_TRUNC, text, strlen(text));
	if (r == 0)
		r = replace(fresh.text, conf.text);
	if (r < 0) {
		unlink(fresh.text);
		unlink(backup.text);
		return os_fail(why, EV_DNS_NOT_SET, r, "write %s", conf.text);
	}
	return 0;
}

static int set_own_file(const struct resolver_opts *o, struct os_failure *why)
{
	struct path conf = path_of(o->root, RESOLV_CONF);
	AUTO_MEM char *text = new_contents(o, conf.text);
	int r = text ? write_file(conf.text, O_TRUNC, text, strlen(text)) : -ENOMEM;

	return r < 0 ? os_fail(why, EV_DNS_NOT_SET, r, "write %s", conf.text) : 0;
}

/* --- the ways together ------------------------------------------------------------------ */

/* 0: set; -ENOENT with nothing in `why`: this machine does not have that way. */
static int try_way(enum resolver_way way, const struct resolver_opts *o, struct os_failure *why)
{
	char program[CHILD_PATH_LEN];

	switch (way) {
	case RESOLVER_RESOLVED: return resolved_answers(o->root) ? resolved_set(o, why) : -ENOENT;
	case RESOLVER_RESOLVCONF:
		if (child_find(o->root, "resolvconf", program) < 0 ||
			is_resolvectl(o->root, program))
			return -ENOENT;
		return set_resolvconf(o, program, why);
	case RESOLVER_OWN_FILE: return o->own_file ? set_own_file(o, why) : -ENOENT;
	case RESOLVER_FILE: return set_file(o, why);
	}
	return -ENOENT;
}

static void note_failure(struct resolver *r, const struct os_failure *why)
{
	size_t n = strlen(r->passed_over);

	snprintf(r->passed_over + n, sizeof(r->passed_over) - n, "%s%s: %s", n ? "; " : "",
		way_names[r->way], why->text);
}

int resolver_set(const struct resolver_opts *opts, struct resolver **ret, struct os_failure *why)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct os_failure last = {0};
	unsigned failed = 0;
	int error = -ENOENT;

	if (!r)
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "set DNS servers");
	snprintf(r->root, sizeof(r->root), "%s", opts->root);
	snprintf(r->ifname, sizeof(r->ifname), "%s", opts->ifname);
	for (enum resolver_way way = RESOLVER_RESOLVED; way <= RESOLVER_FILE; way++) {
		struct os_failure failure = {0};

		if (opts->own_file && way < RESOLVER_OWN_FILE)
			continue; /* those of the machine */
		r->way = way;
		error = try_way(way, opts, &failure);
		if (error == 0) {
			*ret = r;
			return 0;
		}
		if (failure.event) {
			note_failure(r, &failure);
			last = failure;
			failed++;
		}
	}
	if (why) {
		*why = last;
		if (failed > 1)
			snprintf(why->text, sizeof(why->text), "%s", r->passed_over);
	}
	free(r);
	return error;
}

void resolver_restore(struct resolver *r)
{
	char program[CHILD_PATH_LEN];

	if (!r)
		return;
	switch (r->way) {
	case RESOLVER_RESOLVED: resolved_revert(r->root, r->ifname); break;
	case RESOLVER_RESOLVCONF:
		if (child_find(r->root, "resolvconf", program) == 0)
			delete_record(program, r->ifname);
		break;
	case RESOLVER_OWN_FILE: break; /* it ends with its namespace */
	case RESOLVER_FILE: restore_file(r->root); break;
	}
	free(r);
}
