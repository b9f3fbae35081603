// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/snapshot.h — what a reload replaces: the configuration and what was made from it.
 *
 * Every worker holds a reference and reads it without a lock; a reload makes a new one and
 * sends it to the workers by letter. Nothing in it changes after it was published.
 *
 * Ownership: counted; the last snapshot_free() frees.
 * Threads:   snapshot_ref() and snapshot_free() any.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"
#include "config/value.h"
#include "sstp/binding.h"

struct config;
struct eap_anchors;
struct filters;
struct grant;
struct radius_settings;
struct tls_ctx;

struct snapshot {
	atomic_uint refs;
	struct config *config;
	struct tls_ctx *tls;
	struct eap_anchors *anchors; /* whose certificates let users in (EAP-TLS), or NULL */
	struct tls_ctx *eap_tls;     /* that asks for these; or NULL */
	struct tls_ctx
		*eap_peap; /* for TLS inside EAP without a certificate of the client; or NULL */
	char pin[64], fingerprint[65];  /* of the first certificate */
	struct radius_settings *radius; /* NULL: not loaded yet */
	struct grant *defaults;         /* what every user is granted */
	struct filters *filters;        /* of policy.filters */
	/* Behind a balancer: the certificates that it shows in our place. */
	struct sstp_cert_hash accepted[CONFIG_ITEMS_MAX];
	size_t n_accepted;
};

/* Holds a reference to the configuration; the rest is the maker's to fill in. */
int snapshot_new(struct config *config, struct snapshot **ret);
/* Takes a reference; NULL: no authority for users' certificates. */
void snapshot_set_anchors(struct snapshot *l, struct eap_anchors *anchors);
struct snapshot *snapshot_ref(struct snapshot *l);
void snapshot_free(struct snapshot *l);
DEFINE_AUTO(snapshot, struct snapshot *, snapshot_free)
