// SPDX-License-Identifier: Apache-2.0
/*
 * server/host/crl_files.h — an authority's revocation lists, out of a file or all files of a folder.
 *
 * Ownership: crl_files_free() frees what crl_files_read() filled.
 * Threads:   any; it reads files.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"

#define CRL_FILES_MAX 256 /* lists of one authority */

struct crl_files {
	struct octets *item; /* DER */
	size_t n;
	int64_t next_update_s; /* the earliest; 0: none says */
	char fault[300];       /* the first file that could not be read, and why; "": none */
};

/* `path` "": nothing. */
void crl_files_read(const char *path, struct crl_files *ret);
void crl_files_free(struct crl_files *f);
/* Changes when a file does, or one comes or goes: another inode, time or length. 0: there is none. */
uint64_t crl_files_stamp(const char *path);
