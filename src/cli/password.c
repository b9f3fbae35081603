#include "cli/password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int refuse(const char *what, const char *why, int error)
{
	fprintf(stderr, "culvert: password: %s: %s\n", what, why);
	return error;
}

static int take_line(FILE *f, const char *what, char *ret, size_t cap)
{
	size_t n;

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

static int ask(const char *prompt, char *ret, size_t cap)
{
	struct termios before, quiet;
	FILE *tty = fopen("/dev/tty", "r+e");
	int r;

	if (!tty || tcgetattr(fileno(tty), &before) < 0) {
		if (tty)
			fclose(tty);
		return refuse("no terminal to ask on", "give a file", -ENOTTY);
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	fputs(prompt, tty);
	fflush(tty);
	r = take_line(tty, "terminal", ret, cap);
	fputc('\n', tty);
	tcsetattr(fileno(tty), TCSAFLUSH, &before);
	fclose(tty);
	return r;
}

int password_read(const char *file, const char *prompt, char *ret, size_t cap)
{
	FILE *f;
	int r;

	if (!file)
		return ask(prompt, ret, cap);
	if (!strcmp(file, "-"))
		return take_line(stdin, "standard input", ret, cap);
	f = fopen(file, "re");
	if (!f)
		return refuse(file, strerror(errno), -errno);
	r = take_line(f, file, ret, cap);
	fclose(f);
	return r;
}
