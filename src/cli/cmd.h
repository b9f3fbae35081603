// SPDX-License-Identifier: Apache-2.0
/*
 * cli/cmd.h — the subcommands. Each has a file of its own and a row in cli/main.c; argv[0] is the
 * subcommand's name. A command returns its exit code: 0, one of CMD_*, or layer_exit_code().
 */
#pragma once
#include <stddef.h>

#include "events/event.h"

#define CMD_OK 0
#define CMD_FAILED 1 /* LAYER_LOCAL: this machine, its files */
#define CMD_USAGE 2  /* LAYER_CONFIG: command line or configuration */

/* The file that was given; else the one of the installed server, if it is there; else NULL. */
const char *cmd_config_file(const char *given);

/*
 * How a command ends; each prints on standard error and returns the exit code. An event with its
 * cure; the cure alone (the rest is printed); a command line that cannot be; the value of an option.
 */
int cmd_fail(enum event ev, const char *text);
int cmd_cure(enum event ev);
int cmd_usage(const char *usage);
int cmd_bad(const char *command, const char *what, const char *value, const char *want);

/*
 * The row of `name` in a table of `n` rows of `size` octets, each of which begins with its name. NULL:
 * there is none, and standard error says so.
 */
const void *cmd_action(
	const char *command, const char *name, const void *actions, size_t n, size_t size);

int cmd_ban(int argc, char **argv);
int cmd_pool(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_attempts(int argc, char **argv);
int cmd_ca(int argc, char **argv);
int cmd_radius(int argc, char **argv);
int cmd_cert(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_connect(int argc, char **argv);
int cmd_diagnose(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_drain(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_group(int argc, char **argv);
int cmd_kick(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_networkmanager(int argc, char **argv);
const char *networkmanager_word(const char *program);
int cmd_profile(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_sessions(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_unlock(int argc, char **argv);
int cmd_up(int argc, char **argv);
int cmd_user(int argc, char **argv);
