// SPDX-License-Identifier: Apache-2.0
/*
 * admin/listener.h — a listening socket in a loop, for the control socket and metrics.
 *
 * Without a descriptor for the next connection it pauses, and who connects waits in the kernel's queue.
 * (uv_listen() turns in a loop for good once its spare descriptor is lost, which another thread's accept()
 * brings about.)
 *
 * Ownership: the listener owns its socket. Threads: the loop's. Errors: negative errno.
 */
#pragma once
#include <stdbool.h>
#include <uv.h>

#include "base/addr.h"

/* A connection, non-blocking; its descriptor is the receiver's. */
typedef void admin_arrived(void *arg, int fd);

struct admin_listener {
	uv_poll_t poll;
	uv_timer_t again;
	int fd;
	bool open;
	admin_arrived *arrived;
	void *arg;
};

/* A descriptor that listens. A path that is too long: -ENAMETOOLONG. */
int admin_listen_unix(const char *path);
int admin_listen_tcp(const struct endpoint *at);
/* Takes fd, also when it fails; then there is nothing to close. */
int admin_listener_open(
	struct admin_listener *l, uv_loop_t *loop, int fd, admin_arrived *arrived, void *arg);
void admin_listener_close(struct admin_listener *l); /* fine at any time; then run the loop dry */
