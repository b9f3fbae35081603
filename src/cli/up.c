// SPDX-License-Identifier: Apache-2.0
/*
 * culvert up — a profile's client, in the background once it is connected.
 *
 * Theory of operation. This process starts the client in a child and waits. The child reads the profile,
 * asks for what is missing and says on the same terminal what goes wrong; its exit code is the command's.
 * When it is connected it leaves the terminal (a session of its own, a log file, the root folder) and
 * writes one octet into a pipe, upon which the command ends with 0. --foreground does without the child,
 * for a service manager.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/connect.h"
#include "cli/instance.h"
#include "cli/profile_store.h"

static const char usage[] =
	"Usage: culvert up NAME [--foreground]\n"
	"\n"
	"Brings the connection of profile NAME up (`culvert profile`) and returns when data can flow, or with\n"
	"the reason why not. The client goes on in the background; `culvert list` prints its state, `culvert down`\n"
	"ends it. culvert@NAME.service does the same at boot.\n"
	"\n"
	"      --foreground   stay, as `culvert connect` does; for a service manager (sd_notify)\n"
	"  -h, --help\n"
	"\n"
	"Exit status: that of `culvert connect`: 0 it is connected (--foreground: you ended it), 1 this machine or\n"
	"NAME is up already, 2 usage, the profile, 10 to 21 the layer that failed.\n";

struct up {
	struct instance instance;
	int letters; /* the pipe's end that is written; negative: the foreground */
};

/* ---- the client ---------------------------------------------------------- */

static void replace(int fd, const char *path, int flags)
{
	int now = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);

	if (now < 0)
		now = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (now < 0)
		return;
	dup2(now, fd);
	close(now);
}

/* A shell that reads standard output to its end, as $(culvert up work) does, must not wait for us. */
static void leave(void *arg)
{
	struct up *u = arg;

	if (u->letters < 0)
		return;
	replace(STDIN_FILENO, "/dev/null", O_RDONLY);
	replace(STDOUT_FILENO, u->instance.paths.log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	setsid();
	if (chdir("/") < 0 || write(u->letters, "U", 1) < 0)
		log_line(LOG_LEVEL_DEBUG, "the command that started this client is gone");
	close(u->letters);
	u->letters = -1;
}

static int prepare(struct client_opts *o, void *arg)
{
	struct up *u = arg;

	instance_own(&u->instance, o);
	u->instance.leave = leave;
	u->instance.arg = u;
	return 0;
}

static void ended(void *arg, enum event why, const char *text)
{
	instance_end(&((struct up *)arg)->instance, why, text);
}

/* The exit code. */
static int run(const char *name, int letters)
{
	struct up u = {.letters = letters};
	struct connect_hooks hooks = {prepare, ended, &u};
	struct connect_options co;
	struct profile_file f;
	int r = profile_load(name, &f);

	connect_options_init(&co);
	co.quiet = true;
	if (!r)
		r = profile_into(&f, &co);
	if (!r)
		r = instance_take(name, &u.instance);
	if (!r)
		r = connect_run(&co, &hooks);
	profile_done(&f);
	return r;
}

/* ---- the command that waits ---------------------------------------------------------- */

static volatile sig_atomic_t client, stopped;

static void on_signal(int signum)
{
	stopped = signum;
	kill((pid_t)client, SIGTERM);
}

static void watch_signals(void)
{
	struct sigaction pass_on = {.sa_handler = on_signal};

	for (size_t i = 0; i < 4; i++)
		sigaction((const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT}[i], &pass_on, NULL);
}

static int wait_for_client(int letters)
{
	char letter = 0;
	int status = 0;
	ssize_t n;

	do
		n = read(letters, &letter, 1);
	while (n < 0);
	if (n > 0)
		return CMD_OK;
	while (waitpid((pid_t)client, &status, 0) < 0)
		continue;
	if (stopped)
		return 128 + stopped;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int start(const char *name)
{
	int pipe_fds[2];
	pid_t pid;

	closefrom(STDERR_FILENO + 1); /* what a script holds open is not for a process that stays */
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return cmd_fail(EV_OUT_OF_MEMORY, "");
	pid = fork();
	if (pid == 0) {
		close(pipe_fds[0]);
		exit(run(name, pipe_fds[1]));
	}
	close(pipe_fds[1]);
	if (pid < 0)
		return cmd_fail(EV_OUT_OF_MEMORY, "");
	client = (sig_atomic_t)pid;
	watch_signals();
	return wait_for_client(pipe_fds[0]);
}

int cmd_up(int argc, char **argv)
{
	static const struct option longs[] = {
		{"foreground", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	bool foreground = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return CMD_OK;
		}
		if (c == '?')
			return CMD_USAGE;
		foreground = true;
	}
	if (argc - optind != 1)
		return cmd_usage(usage);
	return foreground ? run(argv[optind], -1) : start(argv[optind]);
}
