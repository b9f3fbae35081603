// SPDX-License-Identifier: Apache-2.0
/*
 * cli/nm_settings.h — a connection as NetworkManager keeps it, and as `culvert connect` takes it. The keys
 * are those of network-manager-sstp, so that its editors and connections work; `pin`, `sni` and `mtu` are
 * ours.
 *
 * Ownership: strings are copied. Secrets: nm_settings_done() wipes them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define NM_VALUE_MAX 512
#define NM_WORDS_MAX 48
#define NM_TEXT_MAX 8192

struct nm_settings {
	char gateway[NM_VALUE_MAX], user[NM_VALUE_MAX], domain[NM_VALUE_MAX], ca[NM_VALUE_MAX];
	char cert[NM_VALUE_MAX], key[NM_VALUE_MAX];
	char pin[NM_VALUE_MAX], sni[NM_VALUE_MAX], mtu[NM_VALUE_MAX];
	char proxy_server[NM_VALUE_MAX], proxy_port[NM_VALUE_MAX], proxy_user[NM_VALUE_MAX];
	char password[NM_VALUE_MAX], proxy_password[NM_VALUE_MAX];
	unsigned password_flags, proxy_password_flags; /* enum nm_secret_flags */
	bool insecure, no_mschapv2, no_chap, no_pap, no_eap;
};

enum nm_secret_flags {
	NM_SECRET_AGENT_OWNED = 1,
	NM_SECRET_NOT_SAVED = 2,
	NM_SECRET_NOT_REQUIRED = 4,
};

/* One pair of vpn.data or vpn.secrets. -EMSGSIZE: too long; -EINVAL: a value that the key cannot have. */
int nm_settings_take(struct nm_settings *s, const char *key, const char *value);
bool nm_settings_has(const char *key); /* whether it means something here */
/* The secrets that are missing, for NeedSecrets. Returns how many. */
size_t nm_settings_missing(const struct nm_settings *s, const char *ret[static 2]);

struct nm_words {
	char *argv[NM_WORDS_MAX + 1];
	int argc;
	char text[NM_TEXT_MAX];
	size_t used;
};

/*
 * As `culvert connect` takes it, without secrets: the password is the first line of standard input, that of
 * the proxy of `proxy_password_file`. -EINVAL with *ret_why: something is missing.
 */
int nm_settings_words(const struct nm_settings *s, const char *proxy_password_file,
	struct nm_words *ret, const char **ret_why);
void nm_settings_done(struct nm_settings *s);
