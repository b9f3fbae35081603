// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/settings.h — the section [radius] of the configuration, with the secrets that its
 * files hold.
 *
 * Ownership: counted; never changes after it was loaded. Secrets are wiped with the last reference.
 * Threads:   radius_settings_ref() and _unref() any.
 */
#pragma once
#include <stdatomic.h>

#include "aaa/radius/peer.h"
#include "base/auto.h"
#include "config/config.h"

enum radius_service { RADIUS_AUTH, RADIUS_ACCT, RADIUS_SERVICES };

struct radius_settings {
	atomic_uint refs;
	struct radius_peer_opts peer[RADIUS_SERVICES];
	struct endpoint address[RADIUS_SERVICES][RADIUS_SERVERS_MAX];
	char nas_identifier[64];
	struct addr nas_address; /* AF_UNSPEC: none is named */
	bool calling_port;       /* Calling-Station-Id has the client's port */
};

/* 0; -EINVAL or -ENOMEM with *ret_err: a server or a file cannot be used. `host`: this host's name. */
int radius_settings_load(const struct config *cfg, const char *host, struct radius_settings **ret,
	struct config_error *ret_err);
struct radius_settings *radius_settings_ref(struct radius_settings *s);
void radius_settings_unref(struct radius_settings *s); /* NULL is fine */
DEFINE_AUTO(radius_settings, struct radius_settings *, radius_settings_unref)
