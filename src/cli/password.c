// SPDX-License-Identifier: Apache-2.0
#include "cli/password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/text.h"

static int refuse(const char *what, const char *why, int error)
{
	text_fprintf(stderr, "culvert: password: %s: %s\n", what, why);
	return error;
}

/* Longer than any secret; what is longer still is not looked at. */
#define LINE_MOST 4096

/*
 * The first line, with its end cut off, octet by octet: nothing behind it is taken from a pipe, and
 * no buffer keeps a copy. Returns the length, which may be LINE_MOST; -1 when reading failed.
 */
static ssize_t read_line(int fd, char line[static LINE_MOST])
{
	size_t n = 0;
	ssize_t r;

	while (n < LINE_MOST && ((r = read(fd, line + n, 1)) > 0 || (r < 0 && errno == EINTR))) {
		if (r > 0 && line[n] == '\n')
			break;
		n += r > 0;
	}
	if (n < LINE_MOST && r < 0)
		return -1;
	return (ssize_t)(n && line[n - 1] == '\r' ? n - 1 : n);
}

/* A file with more in it than the secret may be another file than the one that was meant. */
static void note_what_follows(int fd, const char *what)
{
	char octets[LINE_MOST];
	ssize_t n = read(fd, octets, sizeof(octets));
	bool more = false;

	for (ssize_t i = 0; i < n; i++)
		more |= !strchr(" \t\r\n", octets[i]);
	if (more)
		text_fprintf(stderr, "culvert: password: %s: only its first line is used\n", what);
	explicit_bzero(octets, sizeof(octets));
}

static int judge_line(const char *what, const char *line, size_t n, size_t most)
{
	const char *fault = text_fault(line, n);
	char why[80];

	if (fault)
		return refuse(what, fault, -EILSEQ);
	if (n > most) {
		text_format(
			why, sizeof(why), "expected at most %zu octets in its first line", most);
		return refuse(what, why, -EMSGSIZE);
	}
	if (!n)
		return refuse(what, "its first line is empty", -EINVAL);
	if (line[0] == ' ' || line[n - 1] == ' ')
		text_fprintf(stderr,
			"culvert: password: %s: the blank at its %s is taken as part of it\n", what,
			line[0] == ' ' ? "beginning" : "end");
	return 0;
}

static int take_line(int fd, const char *what, char *ret, size_t cap)
{
	char line[LINE_MOST];
	ssize_t n = read_line(fd, line);
	int r = n < 0 ? refuse(what, strerror(errno), -EIO)
		      : judge_line(what, line, (size_t)n, cap - 1);

	if (!r) {
		memcpy(ret, line, (size_t)n);
		ret[n] = '\0';
	}
	explicit_bzero(line, sizeof(line));
	return r;
}

static int terminal;
static struct termios terminal_before;

/* A signal at the prompt must not leave the terminal without echo. */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static void give_echo_back(int signal)
{
	tcsetattr(terminal, TCSANOW, &terminal_before);
	_exit(128 + signal);
}

static int take_line_unseen(const char *prompt, char *ret, size_t cap)
{
	struct sigaction restore = {.sa_handler = give_echo_back}, before[ARRAY_SIZE(ending)];
	struct termios quiet = terminal_before;
	int r;

	quiet.c_lflag &= ~(tcflag_t)ECHO;
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &restore, &before[i]);
	tcsetattr(terminal, TCSAFLUSH, &quiet);
	dprintf(terminal, "%s", prompt); /* a constant */
	r = take_line(terminal, "terminal", ret, cap);
	tcsetattr(terminal, TCSANOW, &terminal_before);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &before[i], NULL);
	dprintf(terminal, "\n");
	return r;
}

static int ask(const char *prompt, char *ret, size_t cap)
{
	int r = -ENOTTY;

	terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (terminal < 0)
		return r;
	if (!tcgetattr(terminal, &terminal_before))
		r = take_line_unseen(prompt, ret, cap);
	close(terminal);
	return r;
}

int password_read(const char *file, const char *prompt, char *ret, size_t cap)
{
	int fd, r;

	if (!file) {
		r = ask(prompt, ret, cap);
		return r == -ENOTTY ? refuse("no terminal to ask on", "give a file", r) : r;
	}
	if (!strcmp(file, "-"))
		return take_line(STDIN_FILENO, "standard input", ret, cap);
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return refuse(file, strerror(errno), -errno);
	r = take_line(fd, file, ret, cap);
	if (!r)
		note_what_follows(fd, file);
	close(fd);
	return r;
}

int password_pipe(const char *secret)
{
	size_t n = strlen(secret);
	int fds[2];

	if (pipe(fds) < 0)
		return -errno;
	if (write(fds[1], secret, n) != (ssize_t)n || write(fds[1], "\n", 1) != 1) {
		close(fds[0]);
		fds[0] = -EIO;
	}
	close(fds[1]);
	return fds[0];
}
