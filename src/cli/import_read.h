// SPDX-License-Identifier: Apache-2.0
/*
 * cli/import_read.h — users out of another server's files. Pure: text in, users out, one by one.
 *
 *  CHAP_SECRETS  pppd's chap-secrets: client server secret addresses
 *  CSV           a first line of column names: name, password, groups, keys of aaa/grant.def; RFC 4180
 *  OCSERV        ocpasswd: name:groups:hash; the hash is of no use for the methods here
 *  SOFTETHER     vpn_server.config: users of all hubs, with the NT hash of their password
 *
 * Secrets: the caller wipes what it keeps; the struct is wiped after each call.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/credentials.h"
#include "base/mschap.h"

enum import_format { IMPORT_CHAP_SECRETS, IMPORT_CSV, IMPORT_OCSERV, IMPORT_SOFTETHER };

#define IMPORT_FILE_MAX (64 * 1024 * 1024)
#define IMPORT_VALUES_MAX 32
#define IMPORT_WORD_MAX 6400 /* octets of one field, with the zero: the longest list of networks */

struct imported {
	char name[USER_NAME_MAX + 1];
	char password[IMPORT_WORD_MAX]; /* "": none */
	bool has_nt;
	uint8_t nt_hash[MSCHAP_NT_HASH_LEN];
	size_t n; /* KEY=VALUE, as `culvert user set` takes them */
	struct {
		char key[40], value[IMPORT_WORD_MAX];
	} value[IMPORT_VALUES_MAX];
};

struct import_fault {
	unsigned line;
	const char *expected; /* static text */
};

/* False: no format of that name. */
bool import_format_of(const char *name, enum import_format *ret);
/*
 * Calls `each` for every user; stops when it returns nonzero, which is then returned. -EINVAL: *ret_fault
 * says where and what was expected; the users before it have been given.
 */
int import_read(enum import_format format, const char *text, size_t n,
	int (*each)(const struct imported *u, void *arg), void *arg,
	struct import_fault *ret_fault);
