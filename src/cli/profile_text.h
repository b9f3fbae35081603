// SPDX-License-Identifier: Apache-2.0
/*
 * cli/profile_text.h — a profile: what `culvert connect` is asked for, under a name, as text.
 *
 *     server = alice@vpn.example:443     # [USER@]HOST[:PORT]; repeat for further ones
 *     ca = /etc/culvert/profiles/work.crt
 *     route = 10.1.0.0/16 10.2.0.0/16    # a key that takes several values may be repeated, too
 *     lock = yes
 *
 * Keys are the long options of connect (cli/connect.def), in the grammar of culvert.conf(5) without a
 * section; [connect] may stand there. Values are judged by connect_take() when the profile is used.
 *
 * Secrets stand in a file of their own, in the same grammar: password, p12-password, proxy-password; these
 * are the keys of SECRET rows without "-file".
 *
 * An invite is such a text from elsewhere: it has the rows of connect.def that are for ANY alone, and may
 * have `name`, `ca-data` (a certificate, DER as base64; repeat) and `password`.
 *
 * The text is a stranger's when it is imported: all of it is bounded, nothing of it is run or opened here.
 * Ownership: profile_free() frees the texts. Threads: any.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/auto.h"
#include "cli/connect_options.h"
#include "config/limits.h"

#define PROFILE_NAME_MAX 64
#define PROFILE_FILE_MAX (64 * 1024) /* octets */
#define PROFILE_ITEMS_MAX 256
#define PROFILE_SECRETS 3

struct profile_item {
	int id; /* enum connect_id; -1: server */
	unsigned line;
	char *value; /* "" for a flag */
};

struct profile_secrets {
	char value[PROFILE_SECRETS][PASSWORD_MAX + 1]; /* "": none; profile_secret_at() */
};

struct profile {
	struct profile_item item[PROFILE_ITEMS_MAX];
	size_t n;
	/* Of an invite alone: */
	char name[PROFILE_NAME_MAX + 1]; /* "": none */
	char *ca;                        /* certificates, PEM; NULL: none */
	struct profile_secrets secrets;
};

struct profile_fault {
	unsigned line; /* 0: of the whole */
	char text[CONFIG_WHY_LEN];
};

#define PROFILE_SERVER (-1)

/* 1 to 64 letters, digits, - _ and dots, the first one a letter or digit: no path, no option. */
bool profile_name_ok(const char *name);

struct profile *profile_new(void);
void profile_free(struct profile *p);
DEFINE_AUTO(profile, struct profile *, profile_free)

/* -EINVAL with *ret_fault, or -ENOMEM. `invite`: the text comes from elsewhere. */
int profile_parse(const char *text, size_t n, bool invite, struct profile **ret,
	struct profile_fault *ret_fault);
/* A LIST and servers grow, others are replaced. `value` is copied. -E2BIG, -ENOMEM. */
int profile_put(struct profile *p, int id, const char *value, unsigned line);
/* One trusted certificate more: DER as base64. -EINVAL, -ENOMEM. */
int profile_put_ca(struct profile *p, const char *data);
void profile_drop(struct profile *p, int id);
const char *profile_get(const struct profile *p, int id); /* the first; NULL: not given */
/* A text that profile_parse() takes, but for what an invite has besides; `any`: rows of ANY alone. */
void profile_print(const struct profile *p, bool any, FILE *out);
/* Into the options; what they have from a command line stays. 0, or the exit code: it is said why. */
int profile_apply(const struct profile *p, const char *file, struct connect_options *co);

/* The place of a SECRET row's secret in struct profile_secrets; negative: no such row. */
int profile_secret_at(int id);
enum connect_id profile_secret_row(size_t at);
int profile_secrets_parse(
	const char *text, size_t n, struct profile_secrets *ret, struct profile_fault *ret_fault);
void profile_secrets_print(const struct profile_secrets *s, FILE *out);
