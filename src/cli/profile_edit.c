// SPDX-License-Identifier: Apache-2.0
/* cli/profile_edit.c — a profile made or changed by a command line, or in an editor. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/password.h"
#include "cli/profile.h"

/* ---- a command line ---------------------------------------------------------- */

int profile_whole_name(const char *value, char ret[PATH_MAX])
{
	char here[PATH_MAX / 2] = "";
	int n;

	if (*value != '/' && !getcwd(here, sizeof(here)))
		return cmd_bad("profile", "file", value, "a name from the root folder on");
	n = snprintf(ret, PATH_MAX, "%s%s%s", here, *here ? "/" : "", value);
	return n < PATH_MAX ? 0 : cmd_bad("profile", "file", value, "a shorter name");
}

/* A file that only its owner reads stays where it is; the secret of another one is copied. */
static int take_secret(struct profile_file *f, const struct connect_option *row, const char *value)
{
	char *secret = f->secrets.value[profile_secret_at((int)row->id)], path[PATH_MAX];
	struct stat st;
	int r;

	*secret = '\0';
	if (strcmp(value, "-") && !stat(value, &st) && S_ISREG(st.st_mode) &&
		!(st.st_mode & (S_IRWXG | S_IRWXO))) {
		r = profile_whole_name(value, path);
		return r ? r : profile_put(f->profile, (int)row->id, path, 0);
	}
	profile_drop(f->profile, (int)row->id);
	if (password_read(value, "", secret, PASSWORD_MAX + 1) < 0)
		return CMD_USAGE; /* it said why */
	text_fprintf(stderr, "culvert: the secret of --%s is kept in %s (0600)\n", row->name,
		f->secret_path);
	return 0;
}

static int take_option(
	struct profile_file *f, const struct connect_option *row, const char *value, bool *seen)
{
	char path[PATH_MAX];
	int r = 0;

	if (!seen[row->id])
		profile_drop(f->profile, (int)row->id);
	seen[row->id] = true;
	if (row->kind == CONNECT_SECRET)
		return take_secret(f, row, value);
	if (row->kind == CONNECT_PATH) {
		r = profile_whole_name(value, path);
		value = path;
	}
	return r ? r : profile_put(f->profile, (int)row->id, value, 0);
}

int profile_take_words(struct profile_file *f, int argc, char **argv)
{
	bool seen[CONNECT_IDS] = {false};
	int c, r = 0;

	optind = 0;
	while (!r && (c = getopt_long(argc, argv, "u:v", connect_long_options(), NULL)) != -1) {
		const struct connect_option *row = connect_option_got(c);

		r = row ? take_option(f, row, optarg ? optarg : "", seen) : CMD_USAGE;
	}
	if (!r && optind < argc)
		profile_drop(f->profile, PROFILE_SERVER);
	for (int i = optind; !r && i < argc; i++)
		r = profile_put(f->profile, PROFILE_SERVER, argv[i], 0);
	return r == -E2BIG ? cmd_bad("profile", "options", "", "256 values at most")
	       : r < 0     ? cmd_fail(EV_OUT_OF_MEMORY, "")
			   : r;
}

static int judge(const struct profile *p, const char *file)
{
	struct connect_options co;
	int r;

	connect_options_init(&co);
	co.quiet = true;
	r = profile_apply(p, file, &co);
	if (!r)
		r = connect_options_check(&co);
	connect_options_done(&co);
	return r;
}

int profile_judge(const struct profile_file *f)
{
	return judge(f->profile, NULL);
}

/* ---- an editor ---------------------------------------------------------- */

static const char *editor(void)
{
	const char *name = getenv("VISUAL");

	if (!name || !*name)
		name = getenv("EDITOR");
	return name && *name ? name : "vi";
}

/* By the shell, since the variable may hold options, as in "emacs -nw". */
static int run_editor(const char *path)
{
	char command[1024];
	pid_t pid;
	int status;

	snprintf(command, sizeof(command), "exec %s \"$1\"", editor());
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) {
		text_fprintf(
			stderr, "culvert: the editor (%s) failed; nothing is changed\n", editor());
		return CMD_FAILED;
	}
	return 0;
}

static int take_edited(const struct profile_file *f, const char *path)
{
	struct profile_fault fault = {0};
	AUTO(profile) struct profile *p = NULL;
	AUTO_MEM char *text = NULL;
	size_t n = 0;
	int r = profile_read(path, PROFILE_FILE_MAX, &text, &n);

	if (!r && profile_parse(text, n, false, &p, &fault) < 0) {
		text_fprintf(stderr, "culvert: %s:%u: %s\n", f->path, fault.line, fault.text);
		r = CMD_USAGE;
	} else if (!r) {
		r = judge(p, f->path);
	}
	if (r) {
		fputs("culvert: nothing is changed\n", stderr);
		return r < 0 ? CMD_FAILED : r;
	}
	r = profile_write(f->path, text, n);
	return r < 0 ? cmd_fail(EV_PROFILE_UNWRITABLE, strerror(-r)) : 0;
}

int profile_edit(const struct profile_file *f)
{
	char path[PATH_MAX + 8];
	AUTO_MEM char *text = NULL;
	size_t n = 0;
	int r;

	snprintf(path, sizeof(path), "%s.edit", f->path);
	r = profile_read(f->path, PROFILE_FILE_MAX, &text, &n);
	if (!r)
		r = profile_write(path, text, n);
	if (r < 0)
		return cmd_fail(EV_PROFILE_UNWRITABLE, strerror(-r));
	r = run_editor(path);
	if (!r)
		r = take_edited(f, path);
	unlink(path);
	return r;
}
