// SPDX-License-Identifier: Apache-2.0
/*
 * culvert run — a tunnel for one command, or for what asks its proxies; without root, and nothing on the
 * machine changes.
 *
 * Theory of operation. Up to four processes:
 *
 *     supervisor ─┬─ client    `culvert connect`; its main thread has the tunnel's network (os/apart.h),
 *                 │            its others, which look the server up and connect, have the machine's
 *                 ├─ proxies   SOCKS, HTTP, forwards (socks/serve.h), in the tunnel's network; no secret
 *                 └─ command   in the tunnel's network, with the user's own number
 *
 * The supervisor has one thread and knows no password. The client sends it a letter by a pipe for each
 * step: the network is there (it joins, and starts the proxies), the tunnel is up (it starts the command).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/connect.h"
#include "cli/profile_store.h"
#include "cli/run_options.h"
#include "client/options.h"
#include "os/apart.h"
#include "socks/serve.h"

#define PATIENCE_MS 10000 /* for a command whose tunnel has ended */
#define NETWORK_IS_THERE 'N'
#define TUNNEL_IS_UP 'U'

static const struct option own[] = {RUN_OPTIONS, {0}};

struct run {
	struct run_options opts;
	int steps; /* the pipe's end that is read, or in the client written */
	int signals;
	sigset_t before;
	pid_t client, proxies, command; /* 0: does not run */
	bool was_up, lost, stopped;
	int client_code, command_code;
};

static int exit_code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- the client ---------------------------------------------------------- */

static void nothing(uv_work_t *work UNUSED)
{
}

static void nothing_more(uv_work_t *work UNUSED, int status UNUSED)
{
}

/* libuv starts its threads with the first work; from then on they keep the machine's network. */
static void start_threads(void)
{
	sigset_t all, before;
	uv_work_t work;
	uv_loop_t loop;

	uv_loop_init(&loop);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	uv_queue_work(&loop, &work, nothing, nothing_more);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

static void send_step(const struct run *r, char step)
{
	if (write(r->steps, &step, 1) < 0)
		raise(SIGTERM); /* the supervisor is gone */
}

static void on_up(void *arg, const struct client_facts *facts UNUSED)
{
	send_step(arg, TUNNEL_IS_UP);
}

static int prepare(struct client_opts *o, void *arg)
{
	struct run *r = arg;
	struct os_failure why = {0};
	int result;

	if (o->lock) {
		fputs("culvert run: --lock is for `culvert connect`: this tunnel has a network of its own, which "
		      "has no other way\n",
			stderr);
		return CMD_USAGE;
	}
	start_threads();
	result = apart_network(&why);
	if (result < 0)
		return cmd_fail(why.event, why.text);
	if (result > 0)
		log_event(NULL, why.event, "%s", why.text);
	setpgid(0, 0); /* the terminal's ^C is for the command, and the supervisor's to pass on */
	o->apart = true;
	o->on_up = on_up;
	o->arg = r;
	send_step(r, NETWORK_IS_THERE);
	return 0;
}

/* A lone word that is the name of a profile stands for it; what the command line says goes before it. */
static int take_profile(struct run *r, struct connect_options *co, struct profile_file *f)
{
	const char *word = r->opts.connect[r->opts.n_connect - 1];
	int code;

	if (co->client.n_servers != 1 || !profile_find(word, NULL))
		return 0;
	code = profile_load(word, f);
	co->client.n_servers = 0;
	co->quiet = true;
	if (!code)
		code = profile_into(f, co);
	/* The command's network has no other way than the tunnel. */
	co->client.lock &= co->given[CONNECT_LOCK] || co->given[CONNECT_LOCK_LAN];
	return code;
}

static int run_client(struct run *r)
{
	struct connect_hooks hooks = {.prepare = prepare, .arg = r};
	struct profile_file f = {0};
	struct connect_options co;
	int code;

	connect_options_init(&co);
	code = connect_command_line(&co, r->opts.n_connect, r->opts.connect);
	if (!code)
		code = take_profile(r, &co, &f);
	if (!code)
		code = connect_run(&co, &hooks);
	profile_done(&f);
	return code;
}

static void be_client(struct run *r, int steps)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	r->steps = steps;
	sigprocmask(SIG_SETMASK, &r->before, NULL);
	fd = *r->opts.command ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0)
		dup2(fd, STDOUT_FILENO); /* standard output is the command's */
	exit(run_client(r));
}

/* ---- the supervisor ---------------------------------------------------------- */

static pid_t start_proxies(struct run *r)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &r->before, NULL);
	setpgid(0, 0);
	_exit(serve_run(r->opts.doors, r->opts.n_doors) < 0);
}

static pid_t start_command(struct run *r)
{
	pid_t pid = fork();
	int error;

	if (pid)
		return pid;
	sigprocmask(SIG_SETMASK, &r->before, NULL);
	execvp(*r->opts.command, r->opts.command);
	error = errno;
	text_fprintf(stderr, "culvert run: %s: %s\n", *r->opts.command, strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

static void pass_on(pid_t pid, int signum)
{
	if (pid > 0)
		kill(pid, signum);
}

static void join_network(struct run *r)
{
	struct os_failure why = {0};

	if (apart_join(r->client, &why) < 0) {
		cmd_fail(why.event, why.text);
		pass_on(r->client, SIGTERM);
	} else if (r->opts.n_doors) {
		r->proxies = start_proxies(r);
	}
}

static void take_step(struct run *r)
{
	char step = 0;

	if (read(r->steps, &step, 1) <= 0) {
		close(r->steps);
		r->steps = -1;
	} else if (step == NETWORK_IS_THERE) {
		join_network(r);
	} else if (step == TUNNEL_IS_UP && !r->was_up) {
		r->was_up = true;
		if (*r->opts.command && !r->stopped)
			r->command = start_command(r);
	}
}

static void take_end(struct run *r, pid_t pid, int status)
{
	if (pid == r->command) {
		r->command = 0;
		r->command_code = exit_code_of(status);
		r->stopped = true;
		pass_on(r->client, SIGTERM);
	} else if (pid == r->client) {
		r->client = 0;
		r->client_code = exit_code_of(status);
		r->lost = r->command > 0;
		pass_on(r->command, SIGTERM);
	} else if (pid == r->proxies) {
		r->proxies = 0;
		pass_on(r->client, SIGTERM);
	}
}

/* ^C reaches the command by its terminal; the rest is passed on. */
static void take_signal(struct run *r)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(r->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			take_end(r, pid, status);
		return;
	}
	if (!r->command) {
		r->stopped = true;
		pass_on(r->client, SIGTERM);
	} else if (info.ssi_signo != SIGINT && info.ssi_signo != SIGQUIT) {
		pass_on(r->command, (int)info.ssi_signo);
	}
}

static void supervise(struct run *r)
{
	while (r->client || r->command) {
		struct pollfd p[] = {{r->signals, POLLIN, 0}, {r->steps, POLLIN, 0}};
		int n = poll(p, 2, r->lost ? PATIENCE_MS : -1);

		if (n == 0)
			pass_on(r->command, SIGKILL);
		if (n > 0 && p[1].revents)
			take_step(r);
		if (n > 0 && p[0].revents)
			take_signal(r);
	}
	if (r->proxies) {
		kill(r->proxies, SIGKILL);
		waitpid(r->proxies, NULL, 0);
	}
}

static int begin(struct run *r)
{
	struct os_failure why = {0};
	sigset_t set;
	int steps[2];

	if (apart_user(&why) < 0)
		return cmd_fail(why.event, why.text);
	sigemptyset(&set);
	for (size_t i = 0; i < 5; i++)
		sigaddset(&set, (const int[]){SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT}[i]);
	sigprocmask(SIG_BLOCK, &set, &r->before);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signals < 0 || pipe2(steps, O_CLOEXEC) < 0)
		return cmd_fail(EV_OUT_OF_MEMORY, strerror(errno));
	r->client = fork();
	if (r->client == 0)
		be_client(r, steps[1]);
	close(steps[1]);
	r->steps = steps[0];
	return r->client < 0 ? cmd_fail(EV_OUT_OF_MEMORY, strerror(errno)) : 0;
}

int cmd_run(int argc, char **argv)
{
	struct run r = {.signals = -1, .steps = -1};
	int code = run_options_parse(argc, argv, own, &r.opts);

	if (code || r.opts.help)
		return code;
	code = begin(&r);
	if (code)
		return code;
	supervise(&r);
	/* A tunnel that ended by itself took the command with it. */
	return r.was_up && *r.opts.command && !r.lost ? r.command_code : r.client_code;
}
