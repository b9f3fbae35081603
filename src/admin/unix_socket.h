// SPDX-License-Identifier: Apache-2.0
/* admin/unix_socket.h — the path of a listening Unix socket. */
#pragma once

/*
 * Makes `path` free for bind(): removes the socket of a server that is dead. 0; -EADDRINUSE: a
 * running server listens there; -EEXIST: the file is not a socket, and stays. Else -errno.
 */
int unix_socket_clear(const char *path);
