// SPDX-License-Identifier: Apache-2.0
/* client/private.h — shared by the files of this folder only. */
#pragma once

struct client_opts;

/* What a connection to the server wants of TCP. */
void client_tune(const struct client_opts *opts, int fd);
