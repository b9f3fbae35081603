// SPDX-License-Identifier: Apache-2.0
/*
 * server/host/certificates.h — which certificates a server shows: those of the configuration, or the
 * self-signed ones in the state folder, which are made at first start (DESIGN: docs/architecture.md).
 *
 * Threads: the control thread; commands of the command line use it, too.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/value.h"
#include "tls/failure.h"

struct config;
struct snapshot;
struct netlink;

#define CERTIFICATE_PATH_MAX 512

struct certificate_files {
	struct certificate_file {
		char cert[CERTIFICATE_PATH_MAX], key[CERTIFICATE_PATH_MAX],
			ocsp[CERTIFICATE_PATH_MAX]; /* "": none */
	} item[CONFIG_ITEMS_MAX];
	size_t n;
	bool generated; /* ours, in the state folder */
};

/* The first is shown to every client that can use it. */
void certificates_list(const struct config *cfg, struct certificate_files *ret);
/*
 * Makes generated ones that are missing, for all names by which this machine is known; `renew`
 * renews them with the old keys, and adds the old names.
 */
int certificates_make(const struct config *cfg, bool renew, struct tls_failure *ret_failure);
/* Reads all files as a start would, and keeps nothing. `note` as in tls/ctx.h. */
int certificates_try(const struct config *cfg,
	void (*note)(void *arg, const struct tls_failure *what), void *arg,
	struct tls_failure *ret_failure);
/* Reads all files into ret->tls, pin, fingerprint and accepted. */
int certificates_load(struct snapshot *ret, struct tls_failure *ret_failure);

/* Events for those that end within 21 and 7 days; each file and term once while `told` is kept. */
struct certificate_terms {
	int64_t not_after[CONFIG_ITEMS_MAX];
	uint8_t told[CONFIG_ITEMS_MAX];
};
void certificates_warn(const struct config *cfg, struct certificate_terms *terms, int64_t now_s);
