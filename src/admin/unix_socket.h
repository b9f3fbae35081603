// SPDX-License-Identifier: Apache-2.0
/* admin/unix_socket.h — a place in the file system for a listening socket. */
#pragma once

/*
 * Makes `path` free for bind(): removes the socket of a server that is dead. 0; -EADDRINUSE: a
 * living one listens there; -EEXIST: what is there is no socket, and stays. Else -errno.
 */
int unix_socket_clear(const char *path);
