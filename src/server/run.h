// SPDX-License-Identifier: Apache-2.0
/*
 * server/run.h — `culvert serve`: order of start and end.
 *
 * Threads: server_run() on the process's first thread, which becomes the control thread.
 */
#pragma once

struct config;
struct config_error;

/*
 * Runs until SIGTERM or SIGINT; `reread` (NULL: none) reads the configuration again at a reload.
 * Returns the exit code; whatever failed has been logged.
 */
int server_run(struct config *config,
	int (*reread)(void *arg, struct config **ret, struct config_error *ret_err),
	void *reread_arg);
