// SPDX-License-Identifier: Apache-2.0
/*
 * config/config.h — the configuration: one struct, made from options.def.
 *
 *     config_load(file, &cfg, &err)       defaults, then the file's values
 *     config_set(cfg, "server.log", "debug", &err)     then the command line's
 *     config_check(cfg, &err)             then the rules between options
 *
 * An option is read as cfg->section.name; times as cfg->section.name_ms (milliseconds). Lists have
 * n and item[] (config/value.h). Texts are never NULL; an empty one means "not given".
 *
 * Ownership: counted. Each keeper of a config holds a reference. A shared config never changes
 *            (a reload makes a new one).
 * Threads:   config_ref() and config_free() any; the rest the one owner.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/credentials.h"
#include "base/prefixes.h"
#include "config/value.h"
#include "events/event.h"

/* The words of CHOICE options, in the order of the rows in options.def. */
enum { CONFIG_SANDBOX_ON, CONFIG_SANDBOX_LOG, CONFIG_SANDBOX_OFF };
enum { CONFIG_LOG_AUTO, CONFIG_LOG_TEXT, CONFIG_LOG_JSON };
enum { CONFIG_STEERING_AUTO, CONFIG_STEERING_BPF, CONFIG_STEERING_RING };
enum { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum { CONFIG_BINDING_REQUIRED, CONFIG_BINDING_OPTIONAL };
enum { CONFIG_OFFLOAD_AUTO, CONFIG_OFFLOAD_NO_USO, CONFIG_OFFLOAD_OFF };
enum { CONFIG_ACCESS_BASIC, CONFIG_ACCESS_ALL };
enum { CONFIG_SOURCE_LOCAL, CONFIG_SOURCE_RADIUS };
enum {
	CONFIG_MESSAGE_AUTHENTICATOR_YES,
	CONFIG_MESSAGE_AUTHENTICATOR_AUTO,
	CONFIG_MESSAGE_AUTHENTICATOR_NO
};
/* server.log is an enum log_level. */

enum config_effect { CONFIG_ON_RESTART, CONFIG_NEW_SESSIONS, CONFIG_AT_ONCE };

#define CONFIG_FIELD_BOOL(name) bool name;
#define CONFIG_FIELD_INT(name) int name;
#define CONFIG_FIELD_SIZE(name) uint64_t name;
#define CONFIG_FIELD_DURATION(name) uint64_t name##_ms;
#define CONFIG_FIELD_TEXT(name) char *name;
#define CONFIG_FIELD_PATH(name) char *name;
#define CONFIG_FIELD_CHOICE(name) int name;
#define CONFIG_FIELD_SET(name) struct word_set name;
#define CONFIG_FIELD_ADDRESS(name) struct endpoint name;
#define CONFIG_FIELD_ADDRESS_LIST(name) struct endpoint_list name;
#define CONFIG_FIELD_IP_LIST(name) struct addr_list name;
#define CONFIG_FIELD_PREFIX(name) struct prefix name;
#define CONFIG_FIELD_LIST(name) struct text_list name;
#define CONFIG_FIELD_PATH_LIST(name) struct text_list name;

enum config_option_index {
#define SECTION(name, help)
#define END(name)
#define OPT(section, name, type, def, valid, effect, help) CONFIG_OPTION_##section##_##name,
#include "config/options.def"
#undef SECTION
#undef END
#undef OPT
	CONFIG_OPTIONS,
};

/* Who gave an option its value. */
enum config_origin { CONFIG_BY_DEFAULT, CONFIG_BY_FILE, CONFIG_BY_COMMAND };

struct config {
	atomic_uint refs;
	uint8_t origin[CONFIG_OPTIONS]; /* enum config_origin */
#define SECTION(name, help) struct {
#define END(name)                                                                                  \
	}                                                                                          \
	name;
#define OPT(section, name, type, def, valid, effect, help) CONFIG_FIELD_##type(name)
#include "config/options.def"
#undef SECTION
#undef END
#undef OPT
};

struct config_option {
	const char *section, *name;
	enum value_type type;
	const char *def, *valid;
	enum config_effect effect;
	const char *help;
	size_t offset; /* of the value in struct config */
};

struct config_error {
	enum event event; /* 1010 and following */
	char text[600];   /* "file:12: [ppp] mru: expected …, got …" */
};

/* `file` NULL: the defaults. */
int config_load(const char *file, struct config **ret, struct config_error *ret_err);
/* The same from text; `name` stands for the file in errors. */
int config_parse(const char *name, const char *text, size_t n, struct config **ret,
	struct config_error *ret_err);
/*
 * From the command line. Replaces what the file said; given again, a list grows:
 * `--name a --name b`. A TEXT, PATH or one item of a LIST is taken as it is, blanks and all; other
 * lists are cut at blanks and commas.
 */
int config_set(
	struct config *cfg, const char *option, const char *value, struct config_error *ret_err);
/* The rules between options: one key per certificate, a pool large enough, ... */
int config_check(const struct config *cfg, struct config_error *ret_err);
struct config *config_ref(struct config *cfg);
void config_free(struct config *cfg); /* gives one reference back; NULL is fine */
DEFINE_AUTO(config, struct config *, config_free)

/* Every option with its value, as a file that config_load() takes. */
void config_dump(const struct config *cfg, FILE *out);

/* The rows. */
const struct config_option *config_option(size_t i); /* NULL past the last */
const char *config_section_help(const char *section);
const void *config_value(const struct config *cfg, const struct config_option *o);
const char *config_effect_text(enum config_effect effect);

/* Options that others want in their own terms. */
size_t config_auth_methods(const struct config *cfg, enum auth_method ret[static AUTH_METHODS]);
#define CONFIG_EAP_TYPES 8
/*
 * The types of EAP among them (base/eap.h). With authorities for users' certificates the default begins
 * with EAP-TLS. EAP-MSCHAPv2 is added where MS-CHAPv2 is allowed: a Windows profile with a password
 * accepts EAP and then wants that type alone.
 */
size_t config_eap_types(
	const struct config *cfg, bool authorities, uint8_t ret[static CONFIG_EAP_TYPES]);
bool config_has_eap(const struct config *cfg, uint8_t type);
/* Is EAP passed on to RADIUS (the word eap)? */
bool config_passes_eap(const struct config *cfg);
/* What is doubtful about ppp.auth, in words: the i-th, or NULL. */
const char *config_auth_doubt(const struct config *cfg, size_t i);
struct config_pool {
	char name[32];
	struct prefix prefix;
};
/* tunnel.pools; a pool of several ranges is as many rows of one name. Returns how many. */
size_t config_pools(const struct config *cfg, struct config_pool ret[static CONFIG_ITEMS_MAX]);
/* tunnel.pool_exclude: as many as it has items. False: one of them is none. */
bool config_excluded(const struct config *cfg, struct addr_range ret[static CONFIG_ITEMS_MAX]);
/* tunnel.delegate: the prefix (AF_UNSPEC: none), and the length of each that is cut from it. */
bool config_delegate(const struct config *cfg, struct prefix *ret, uint8_t *ret_len);
/*
 * tunnel.routes; none when it is not set. -EINVAL: seen->item is no network; -E2BIG: too many. What was
 * taken without its bits beyond its length is in *ret_seen, too.
 */
int config_routes(const struct config *cfg, struct prefixes *ret, struct prefixes_seen *ret_seen);
uint8_t config_hash_mask(const struct config *cfg); /* [MS-SSTP] 2.2.6: 1 SHA-1, 2 SHA-256 */
bool config_is_balancer(const struct config *cfg, const struct addr *a); /* balancer.trusted */
bool config_never_bans(const struct config *cfg, const struct addr *a);  /* auth.never_ban */
