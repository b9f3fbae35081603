#include "cli/password.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"

static int refuse(const char *what, const char *why, int error)
{
	text_fprintf(stderr, "culvert: password: %s: %s\n", what, why);
	return error;
}

/* The file is read without a buffer, in which a copy would stay behind. */
static int take_line(FILE *f, const char *what, char *ret, size_t cap)
{
	size_t n;

	setvbuf(f, NULL, _IONBF, 0);
	if (!fgets(ret, (int)cap, f))
		return refuse(what, ferror(f) ? strerror(errno) : "nothing in it", -EINVAL);
	n = strlen(ret);
	if (n && ret[n - 1] == '\n')
		ret[--n] = '\0';
	else if (n == cap - 1 && fgetc(f) != EOF)
		return refuse(what, "the first line is too long", -EMSGSIZE);
	if (n && ret[n - 1] == '\r')
		ret[--n] = '\0';
	return n ? 0 : refuse(what, "the first line is empty", -EINVAL);
}

static int terminal;
static struct termios terminal_before;

/* An interrupt at the prompt must not leave the terminal mute. */
static void give_echo_back(int signal)
{
	tcsetattr(terminal, TCSANOW, &terminal_before);
	_exit(128 + signal);
}

static int take_line_unseen(FILE *tty, const char *prompt, char *ret, size_t cap)
{
	struct sigaction restore = {.sa_handler = give_echo_back}, before;
	struct termios quiet = terminal_before;
	int r;

	quiet.c_lflag &= ~(tcflag_t)ECHO;
	sigaction(SIGINT, &restore, &before);
	tcsetattr(terminal, TCSAFLUSH, &quiet);
	dprintf(terminal, "%s", prompt); /* a constant */
	r = take_line(tty, "terminal", ret, cap);
	tcsetattr(terminal, TCSANOW, &terminal_before);
	sigaction(SIGINT, &before, NULL);
	dprintf(terminal, "\n");
	return r;
}

static int ask(const char *prompt, char *ret, size_t cap)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	int r = -ENOTTY;

	if (tty) {
		terminal = fileno(tty);
		if (!tcgetattr(terminal, &terminal_before))
			r = take_line_unseen(tty, prompt, ret, cap);
		fclose(tty);
	}
	return r;
}

int password_read(const char *file, const char *prompt, char *ret, size_t cap)
{
	FILE *f;
	int r;

	if (!file) {
		r = ask(prompt, ret, cap);
		return r == -ENOTTY ? refuse("no terminal to ask on", "give a file", r) : r;
	}
	if (!strcmp(file, "-"))
		return take_line(stdin, "standard input", ret, cap);
	f = fopen(file, "re");
	if (!f)
		return refuse(file, strerror(errno), -errno);
	r = take_line(f, file, ret, cap);
	fclose(f);
	return r;
}
