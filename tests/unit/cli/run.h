/* unit/cli/run.h — one command in a child, with what it says. */
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct said {
	int code;
	char out[8192], err[8192];
};

static inline void run_slurp(FILE *f, char *ret, size_t cap)
{
	rewind(f);
	ret[fread(ret, 1, cap - 1, f)] = '\0';
	fclose(f);
}

/* Runs command(words...) with standard input from `in`; the words end with NULL. */
static inline struct said run_from(
	int (*command)(int argc, char **argv), int in, const char *const *words)
{
	FILE *out = tmpfile(), *err = tmpfile();
	struct said said = {0};
	char *argv[20];
	int argc = 0, status;
	pid_t child;

	for (; words[argc]; argc++)
		argv[argc] = strdup(words[argc]);
	argv[argc] = NULL;
	child = fork();
	if (!child) {
		setsid(); /* nobody to ask */
		dup2(in, 0);
		dup2(fileno(out), 1);
		dup2(fileno(err), 2);
		exit(command(argc, argv)); /* flushes */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	said.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	run_slurp(out, said.out, sizeof(said.out));
	run_slurp(err, said.err, sizeof(said.err));
	while (argc)
		free(argv[--argc]);
	return said;
}

/* The same with `input` as standard input. */
static inline struct said run_command(
	int (*command)(int argc, char **argv), const char *input, const char *const *words)
{
	FILE *in = tmpfile();
	struct said said;

	fputs(input, in);
	rewind(in);
	said = run_from(command, fileno(in), words);
	fclose(in);
	return said;
}
