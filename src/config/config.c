// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: options.def becomes two things, the fields of struct config and the rows of `options`.
 * Everything here walks the rows; the grammar is in parse.c, the types are in value.c, the texts
 * for people in manual.c. Defaults go the same way as a file's values, so a wrong row shows at
 * once, in every test.
 */
#include "config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/eap.h"
#include "base/host_name.h"
#include "base/text.h"
#include "config/parse.h"
#include "config/suggest.h"

static const struct config_option options[] = {
#define FIELD_BOOL(section, name) section.name
#define FIELD_INT FIELD_BOOL
#define FIELD_SIZE FIELD_BOOL
#define FIELD_DURATION(section, name) section.name##_ms
#define FIELD_TEXT FIELD_BOOL
#define FIELD_PATH FIELD_BOOL
#define FIELD_CHOICE FIELD_BOOL
#define FIELD_SET FIELD_BOOL
#define FIELD_ADDRESS FIELD_BOOL
#define FIELD_ADDRESS_LIST FIELD_BOOL
#define FIELD_IP_LIST FIELD_BOOL
#define FIELD_PREFIX FIELD_BOOL
#define FIELD_LIST FIELD_BOOL
#define FIELD_PATH_LIST FIELD_BOOL
#define SECTION(name, help)
#define END(name)
#define OPT(section, name, type, def, valid, effect, help)                                         \
	{#section, #name, VALUE_##type, def, valid, CONFIG_##effect, help,                         \
		offsetof(struct config, FIELD_##type(section, name))},
#include "config/options.def"
#undef SECTION
#undef END
#undef OPT
};

static const struct section {
	const char *name, *help;
} sections[] = {
#define SECTION(name, help) {#name, help},
#define END(name)
#define OPT(section, name, type, def, valid, effect, help)
#include "config/options.def"
#undef SECTION
#undef END
#undef OPT
};

const struct config_option *config_option(size_t i)
{
	return i < ARRAY_SIZE(options) ? &options[i] : NULL;
}

const char *config_section_help(const char *section)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (!strcmp(sections[i].name, section))
			return sections[i].help;
	return NULL;
}

const char *config_effect_text(enum config_effect effect)
{
	static const char *const texts[] = {
		[CONFIG_ON_RESTART] = "on restart",
		[CONFIG_NEW_SESSIONS] = "for new sessions, at reload",
		[CONFIG_AT_ONCE] = "at once, at reload",
	};

	return texts[effect];
}

const void *config_value(const struct config *cfg, const struct config_option *o)
{
	return (const char *)cfg + o->offset;
}

static void *value_at(struct config *cfg, const struct config_option *o)
{
	return (char *)cfg + o->offset;
}

/* --- errors --- */

static int __attribute__((format(printf, 3, 4)))
fail(struct config_error *err, enum event ev, const char *fmt, ...)
{
	va_list ap;

	err->event = ev;
	va_start(ap, fmt);
	text_vformat(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int out_of_memory(struct config_error *err)
{
	fail(err, EV_OUT_OF_MEMORY, "%s", event_info(EV_OUT_OF_MEMORY)->what);
	return -ENOMEM;
}

/* Where a value came from, in front of what is wrong with it. */
struct place {
	const char *file; /* NULL: the command line */
	unsigned line;
};

static const char *place_text(const struct place *at, char *ret, size_t cap)
{
	if (at->file)
		snprintf(ret, cap, "%.200s:%u", at->file, at->line);
	else
		snprintf(ret, cap, "command line");
	return ret;
}

static int unknown_section(const struct place *at, const char *section, struct config_error *err)
{
	const char *known[ARRAY_SIZE(sections) + 1] = {0}, *near;
	char place[240];

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		known[i] = sections[i].name;
	near = suggest(section, known);
	return fail(err, EV_CONFIG_UNKNOWN_OPTION, "%s: there is no section [%s]%s%s%s",
		place_text(at, place, sizeof(place)), section, near ? "; did you mean [" : "",
		near ? near : "", near ? "]?" : "");
}

/* The same name in another section is nearer than another name in this one. */
static int unknown_option(
	const struct place *at, const char *section, const char *name, struct config_error *err)
{
	const char *known[ARRAY_SIZE(options) + 1] = {0}, *near;
	char place[240];
	size_t n = 0;

	place_text(at, place, sizeof(place));
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!strcmp(options[i].name, name))
			return fail(err, EV_CONFIG_UNKNOWN_OPTION,
				"%s: there is no option %s in [%s]; it belongs in [%s]", place,
				name, section, options[i].section);
		if (!strcmp(options[i].section, section))
			known[n++] = options[i].name;
	}
	near = suggest(name, known);
	return fail(err, EV_CONFIG_UNKNOWN_OPTION, "%s: there is no option %s in [%s]%s%s%s", place,
		name, section, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static const struct config_option *find(
	const struct place *at, const char *section, const char *name, struct config_error *err)
{
	if (!config_section_help(section)) {
		unknown_section(at, section, err);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].section, section) && !strcmp(options[i].name, name))
			return &options[i];
	unknown_option(at, section, name, err);
	return NULL;
}

static int bad_value(const struct place *at, const struct config_option *o, int r, const char *why,
	struct config_error *err)
{
	char place[240];

	if (r == -ENOMEM)
		return out_of_memory(err);
	return fail(err, EV_CONFIG_BAD_VALUE, "%s: [%s] %s: %s",
		place_text(at, place, sizeof(place)), o->section, o->name, why);
}

/* --- making one --- */

static void set_default(struct config *cfg, const struct config_option *o)
{
	char text[256], why[CONFIG_WHY_LEN];
	struct words words;

	snprintf(text, sizeof(text), "%s", o->def);
	if (parse_words(text, &words, why) < 0 ||
		value_parse(o->type, o->valid, &words, value_at(cfg, o), why) < 0) {
		text_fprintf(stderr, "culvert: default of %s.%s: %s\n", o->section, o->name, why);
		abort();
	}
}

static struct config *config_new(void)
{
	struct config *cfg = calloc(1, sizeof(*cfg));

	if (!cfg)
		return NULL;
	atomic_init(&cfg->refs, 1);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		set_default(cfg, &options[i]);
	return cfg;
}

struct config *config_ref(struct config *cfg)
{
	atomic_fetch_add(&cfg->refs, 1);
	return cfg;
}

void config_free(struct config *cfg)
{
	if (!cfg || atomic_fetch_sub(&cfg->refs, 1) > 1)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		value_done(options[i].type, value_at(cfg, &options[i]));
	free(cfg);
}

/* One line of a file. `lines` remembers where each option stood, for it may stand there once. */
static int take_line(struct config *cfg, const char *file, const struct parse_line *line,
	unsigned lines[static CONFIG_OPTIONS], struct config_error *err)
{
	struct place at = {file, line->number};
	const struct config_option *o;
	char why[CONFIG_WHY_LEN];
	int r;

	if (!line->key)
		return config_section_help(line->section)
			       ? 0
			       : unknown_section(&at, line->section, err);
	o = find(&at, line->section, line->key, err);
	if (!o)
		return -EINVAL;
	if (lines[o - options]) {
		snprintf(why, sizeof(why), "expected once, but it stands in line %u already",
			lines[o - options]);
		return bad_value(&at, o, -EINVAL, why, err);
	}
	lines[o - options] = line->number;
	r = value_parse(o->type, o->valid, &line->words, value_at(cfg, o), why);
	if (r < 0)
		return bad_value(&at, o, r, why, err);
	cfg->origin[o - options] = CONFIG_BY_FILE;
	return 0;
}

int config_parse(const char *name, const char *text, size_t n, struct config **ret,
	struct config_error *ret_err)
{
	AUTO(config) struct config *cfg = config_new();
	unsigned lines[CONFIG_OPTIONS] = {0};
	struct parse_line line;
	struct parser parser;
	int r;

	if (!cfg)
		return out_of_memory(ret_err);
	parse_init(&parser, text, n);
	while ((r = parse_next(&parser, &line)) > 0) {
		r = take_line(cfg, name, &line, lines, ret_err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return fail(
			ret_err, EV_CONFIG_SYNTAX, "%.200s:%u: %s", name, parser.line, parser.why);
	*ret = TAKE(cfg);
	return 0;
}

/* The whole file; reading one octet past the limit shows that it is too long. */
static int read_file(const char *file, char **ret_text, size_t *ret_n, struct config_error *err)
{
	AUTO_MEM char *text = malloc(CONFIG_FILE_MAX + 1);
	FILE *f;
	size_t n;
	int failed;

	if (!text)
		return out_of_memory(err);
	f = fopen(file, "re");
	if (!f)
		return fail(err, EV_CONFIG_UNREADABLE, "%.200s: %s", file, strerror(errno));
	n = fread(text, 1, CONFIG_FILE_MAX + 1, f);
	failed = ferror(f) ? errno : 0;
	fclose(f);
	if (failed)
		return fail(err, EV_CONFIG_UNREADABLE, "%.200s: %s", file, strerror(failed));
	if (n > CONFIG_FILE_MAX)
		return fail(err, EV_CONFIG_UNREADABLE, "%.200s: expected at most %d octets", file,
			CONFIG_FILE_MAX);
	*ret_text = TAKE(text);
	*ret_n = n;
	return 0;
}

int config_load(const char *file, struct config **ret, struct config_error *ret_err)
{
	AUTO_MEM char *text = NULL;
	size_t n = 0;
	int r;

	*ret_err = (struct config_error){0};
	if (!file)
		return config_parse("defaults", "", 0, ret, ret_err);
	r = read_file(file, &text, &n, ret_err);
	return r < 0 ? r : config_parse(file, text, n, ret, ret_err);
}

int config_set(
	struct config *cfg, const char *option, const char *value, struct config_error *ret_err)
{
	static const struct place command_line = {NULL, 0};
	AUTO_MEM char *copy = strdup(value);
	char section[64], why[CONFIG_WHY_LEN];
	const char *dot = strchr(option, '.');
	const struct config_option *o;
	struct words words = {1, {copy}};
	int r = 0;

	*ret_err = (struct config_error){0};
	if (!copy)
		return out_of_memory(ret_err);
	snprintf(section, sizeof(section), "%.*s", dot ? (int)(dot - option) : 0, option);
	o = find(&command_line, section, dot ? dot + 1 : option, ret_err);
	if (!o)
		return -EINVAL;
	if (value_is_cut_at_blanks(o->type))
		r = parse_words(copy, &words, why);
	if (!r && value_is_list(o->type) && cfg->origin[o - options] == CONFIG_BY_COMMAND)
		r = value_append(o->type, o->valid, &words, value_at(cfg, o), why);
	else if (!r)
		r = value_parse(o->type, o->valid, &words, value_at(cfg, o), why);
	if (r < 0)
		return bad_value(&command_line, o, r, why, ret_err);
	cfg->origin[o - options] = CONFIG_BY_COMMAND;
	return 0;
}

/* --- what holds between options --- */

static bool is_interface_name(const char *name)
{
	return !strpbrk(name, "/: \t") && strcmp(name, ".") && strcmp(name, "..");
}

/* IPCP carries two of each (RFC 1877), and IPv4 only. */
/* Two in IPCP (RFC 1877), three in a router advertisement as it is built here. */
static bool can_be_told(const struct addr_list *list, size_t most_v6)
{
	size_t v4 = 0, v6 = 0;

	for (size_t i = 0; i < list->n; i++)
		list->item[i].family == AF_INET ? v4++ : v6++;
	return v4 <= 2 && v6 <= most_v6;
}

/* "NAME=PREFIX", "NAME=PREFIX+PREFIX": how many ranges; 0: it is no pool, or there is no room. */
static size_t parse_pool(const char *text, struct config_pool *ret, size_t room)
{
	const char *at = strchr(text, '=');
	size_t n = 0, name = at ? (size_t)(at - text) : 0;

	if (!name || name >= sizeof(ret->name) || (name == 7 && !strncmp(text, "default", 7)))
		return 0;
	for (; at && *at; n++) {
		size_t len = strcspn(++at, "+");
		char one[PREFIX_TEXT_LEN];

		if (n == room || len >= sizeof(one))
			return 0;
		memcpy(one, at, len);
		one[len] = '\0';
		if (prefix_parse(one, &ret[n].prefix) < 0 || ret[n].prefix.addr.family != AF_INET ||
			ret[n].prefix.len < 8 || ret[n].prefix.len > 30)
			return 0;
		memcpy(ret[n].name, text, name);
		ret[n].name[name] = '\0';
		at += len;
	}
	return n;
}

size_t config_pools(const struct config *cfg, struct config_pool ret[static CONFIG_ITEMS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < cfg->tunnel.pools.n; i++)
		n += parse_pool(cfg->tunnel.pools.item[i], &ret[n], CONFIG_ITEMS_MAX - n);
	return n;
}

static bool overlaps_earlier(const struct config *cfg, const struct config_pool *pools, size_t i)
{
	if (cfg->tunnel.ipv4_pool.addr.family &&
		prefix_overlaps(&pools[i].prefix, &cfg->tunnel.ipv4_pool))
		return true;
	for (size_t k = 0; k < i; k++)
		if (prefix_overlaps(&pools[i].prefix, &pools[k].prefix))
			return true;
	return false;
}

/* Each reads, each name is there once, and no range overlaps another. */
static bool are_pools(const struct config *cfg)
{
	struct config_pool pools[CONFIG_ITEMS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < cfg->tunnel.pools.n; i++) {
		size_t more =
			parse_pool(cfg->tunnel.pools.item[i], &pools[n], CONFIG_ITEMS_MAX - n);

		for (size_t k = 0; k < n && more; k++)
			if (!strcmp(pools[k].name, pools[n].name))
				return false;
		if (!more)
			return false;
		for (; more; more--, n++)
			if (overlaps_earlier(cfg, pools, n))
				return false;
	}
	return true;
}

/* "10.8.4.0/28", "10.8.4.9", "10.8.4.1-10.8.4.20" */
static bool parse_excluded(const char *text, struct addr_range *ret)
{
	const char *dash = strchr(text, '-');
	char first[ADDR_TEXT_LEN];
	struct addr a, b;
	struct prefix p;

	if (!dash) {
		if (prefix_parse(text, &p) < 0 || p.addr.family != AF_INET)
			return false;
		ret->first = addr_v4_value(&p.addr);
		ret->last = ret->first + (uint32_t)((UINT64_C(1) << (32 - p.len)) - 1);
		return true;
	}
	if ((size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (addr_parse(first, &a) < 0 || addr_parse(dash + 1, &b) < 0 || a.family != AF_INET ||
		b.family != AF_INET)
		return false;
	*ret = (struct addr_range){addr_v4_value(&a), addr_v4_value(&b)};
	return ret->first <= ret->last;
}

bool config_excluded(const struct config *cfg, struct addr_range ret[static CONFIG_ITEMS_MAX])
{
	for (size_t i = 0; i < cfg->tunnel.pool_exclude.n; i++)
		if (!parse_excluded(cfg->tunnel.pool_exclude.item[i], &ret[i]))
			return false;
	return true;
}

static bool are_excluded(const struct config *cfg)
{
	struct addr_range all[CONFIG_ITEMS_MAX];

	return config_excluded(cfg, all);
}

static bool are_host_names(const struct text_list *list)
{
	char ascii[HOST_NAME_MAX_LEN + 2];

	for (size_t i = 0; i < list->n; i++)
		if (host_to_ascii(list->item[i], ascii, sizeof(ascii), NULL) < 0)
			return false;
	return true;
}

static bool are_prefixes(const struct text_list *list)
{
	struct prefix p;

	for (size_t i = 0; i < list->n; i++)
		if (prefix_parse(list->item[i], &p) < 0)
			return false;
	return true;
}

static bool holds(const struct text_list *list, const struct addr *a)
{
	struct prefix p;

	for (size_t i = 0; i < list->n; i++)
		if (!prefix_parse(list->item[i], &p) && prefix_contains(&p, a))
			return true;
	return false;
}

static bool has_source(const struct config *cfg, int source)
{
	for (size_t i = 0; i < cfg->auth.sources.n; i++)
		if (cfg->auth.sources.item[i] == source)
			return true;
	return false;
}

bool config_is_balancer(const struct config *cfg, const struct addr *a)
{
	return holds(&cfg->balancer.trusted, a);
}

bool config_never_bans(const struct config *cfg, const struct addr *a)
{
	return holds(&cfg->auth.never_ban, a) || config_is_balancer(cfg, a);
}

static bool is_delegate_good(const struct config *cfg)
{
	struct prefix p;
	uint8_t len;

	return config_delegate(cfg, &p, &len) &&
	       (!p.addr.family || !cfg->tunnel.ipv6_prefix.addr.family ||
		       !prefix_overlaps(&p, &cfg->tunnel.ipv6_prefix));
}

static int check_routes(const struct config *cfg, struct config_error *ret_err)
{
	struct prefixes_seen seen;
	struct prefixes list;
	int r = config_routes(cfg, &list, &seen);

	if (r == -EINVAL)
		return fail(ret_err, EV_CONFIG_BAD_VALUE,
			"[tunnel] routes: expected networks like 10.9.0.0/16 or 2001:db8:9::/48, got \"%s\"",
			seen.item);
	return r < 0 ? fail(ret_err, EV_CONFIG_BAD_VALUE,
			       "[tunnel] routes: expected at most %d networks, got more",
			       PREFIXES_MAX)
		     : 0;
}

int config_check(const struct config *cfg, struct config_error *ret_err)
{
	const struct {
		bool wrong;
		const char *text;
	} checks[] = {
		{!cfg->server.listen.n, "[server] listen: expected at least one address"},
		{!*cfg->server.state, "[server] state: expected a folder"},
		{!are_host_names(&cfg->server.name),
			"[server] name: expected host names and addresses; umlauts and other letters are converted"},
		{cfg->tls.certificate.n != cfg->tls.key.n,
			"[tls] key: expected as many keys as there are files in certificate"},
		{cfg->tls.ocsp.n && cfg->tls.ocsp.n != cfg->tls.certificate.n,
			"[tls] ocsp: expected as many files as there are in certificate, or none"},
		{!are_prefixes(&cfg->balancer.trusted),
			"[balancer] trusted: expected addresses and networks like 192.0.2.1 or 10.0.0.0/8"},
		{!are_prefixes(&cfg->auth.never_ban),
			"[auth] never_ban: expected addresses and networks like 192.0.2.1 or 10.0.0.0/8"},
		{cfg->balancer.listen.n && !cfg->balancer.accept_certificates.n,
			"[balancer] accept_certificates: expected the balancer's certificate, as listen is set"},
		{cfg->balancer.accept_certificates.n > 16,
			"[balancer] accept_certificates: expected at most 16 files"},
		{cfg->balancer.listen.n && !cfg->balancer.trusted.n,
			"[balancer] trusted: expected the balancer's address, as listen is set"},
		{!cfg->sstp.hashes.n, "[sstp] hashes: expected at least one hash"},
		{!cfg->ppp.auth.n, "[ppp] auth: expected at least one method"},
		{!cfg->auth.sources.n, "[auth] sources: expected local, radius or both"},
		{cfg->auth.sources.n == 2 && cfg->auth.sources.item[0] == CONFIG_SOURCE_RADIUS,
			"[auth] sources: expected radius last: it does not say which names it does not know, so local would never be asked"},
		{has_source(cfg, CONFIG_SOURCE_RADIUS) && !cfg->radius.servers.n,
			"[radius] servers: expected at least one server, as auth.sources has radius"},
		{config_passes_eap(cfg) && !has_source(cfg, CONFIG_SOURCE_RADIUS),
			"[ppp] auth: eap passes EAP on to RADIUS; expected radius in auth.sources"},
		{cfg->radius.nas_address.n > 1, "[radius] nas_address: expected one address"},
		{!is_interface_name(cfg->tunnel.tun),
			"[tunnel] tun: expected the name of an interface, without blanks, colons and slashes"},
		{cfg->routes.table == 255,
			"[routes] table: expected another table than 255, which is the kernel's own (local)"},
		{!is_delegate_good(cfg),
			"[tunnel] delegate: expected an IPv6 prefix like 2001:db8:100::/40, or with the length of each like 2001:db8:100::/40/56 (up to 64), that does not overlap ipv6_prefix"},
		{!are_pools(cfg),
			"[tunnel] pools: expected NAME=PREFIX, or several ranges like NAME=PREFIX+PREFIX, with lengths of 8 to 30, none overlapping another"},
		{!are_excluded(cfg),
			"[tunnel] pool_exclude: expected addresses, networks and ranges like 10.8.4.9, 10.8.4.0/28 or 10.8.4.1-10.8.4.20"},
		{!can_be_told(&cfg->tunnel.dns, 3),
			"[tunnel] dns: expected at most two addresses of IPv4 and three of IPv6"},
		{!can_be_told(&cfg->tunnel.nbns, 0),
			"[tunnel] nbns: expected at most two addresses, of IPv4"},
	};

	*ret_err = (struct config_error){0};
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].wrong)
			return fail(ret_err, EV_CONFIG_CONTRADICTION, "%s", checks[i].text);
	return check_routes(cfg, ret_err);
}

/* --- in the terms of others --- */

/* In the order of the option's words. */
static const struct {
	enum auth_method method;
	uint8_t eap; /* its type; 0: none of its own */
} auth_words[] = {{AUTH_EAP, EAP_TLS}, {AUTH_EAP, EAP_MSCHAPV2}, {AUTH_EAP, EAP_PEAP},
	{AUTH_EAP, EAP_MD5}, {AUTH_MSCHAPV2, 0}, {AUTH_CHAP_MD5, 0}, {AUTH_PAP, 0}, {AUTH_EAP, 0}};

size_t config_auth_methods(const struct config *cfg, enum auth_method ret[static AUTH_METHODS])
{
	size_t n = 0;
	bool eap = false;

	for (size_t i = 0; i < cfg->ppp.auth.n; i++) {
		enum auth_method m = auth_words[cfg->ppp.auth.item[i]].method;

		if (m != AUTH_EAP || !eap)
			ret[n++] = m;
		eap |= m == AUTH_EAP;
	}
	return n;
}

static bool has_word(const struct config *cfg, enum auth_method method, uint8_t eap)
{
	for (size_t i = 0; i < cfg->ppp.auth.n; i++)
		if (auth_words[cfg->ppp.auth.item[i]].method == method &&
			auth_words[cfg->ppp.auth.item[i]].eap == eap)
			return true;
	return false;
}

/* EAP is offered, without the type that a password profile needs. */
static bool lacks_password_type(const struct config *cfg)
{
	bool eap = false;

	for (size_t i = 0; i < cfg->ppp.auth.n; i++)
		eap |= auth_words[cfg->ppp.auth.item[i]].eap != 0;
	return eap && has_word(cfg, AUTH_MSCHAPV2, 0) && !has_word(cfg, AUTH_EAP, EAP_MSCHAPV2);
}

static bool auth_is_default(const struct config *cfg)
{
	return cfg->origin[CONFIG_OPTION_ppp_auth] == CONFIG_BY_DEFAULT;
}

size_t config_eap_types(
	const struct config *cfg, bool authorities, uint8_t ret[static CONFIG_EAP_TYPES])
{
	size_t n = 0;

	if (authorities && auth_is_default(cfg))
		ret[n++] = EAP_TLS;
	for (size_t i = 0; i < cfg->ppp.auth.n; i++)
		if (auth_words[cfg->ppp.auth.item[i]].eap)
			ret[n++] = auth_words[cfg->ppp.auth.item[i]].eap;
	if (lacks_password_type(cfg))
		ret[n++] = EAP_MSCHAPV2;
	return n;
}

bool config_has_eap(const struct config *cfg, uint8_t type)
{
	return has_word(cfg, AUTH_EAP, type);
}

/* One without a key, where others have one: a relay refuses the others. */
static bool can_be_talked_down(const struct config *cfg)
{
	bool keyed = has_word(cfg, AUTH_MSCHAPV2, 0) || has_word(cfg, AUTH_EAP, EAP_TLS) ||
		     has_word(cfg, AUTH_EAP, EAP_MSCHAPV2) || has_word(cfg, AUTH_EAP, EAP_PEAP);

	return keyed && (has_word(cfg, AUTH_PAP, 0) || has_word(cfg, AUTH_CHAP_MD5, 0) ||
				has_word(cfg, AUTH_EAP, EAP_MD5));
}

const char *config_auth_doubt(const struct config *cfg, size_t i)
{
	const struct {
		bool is;
		const char *words;
	} doubts[] = {
		{lacks_password_type(cfg),
			"[ppp] auth: eap-mschapv2 is offered too, as a Windows profile with a password needs it beside mschapv2; for certificates alone leave mschapv2 out"},
		{can_be_talked_down(cfg),
			"[ppp] auth: pap, chap or eap-md5 beside methods with a key: a relay between client and server can make both use it, and the crypto binding does not show it"},
	};

	for (size_t k = 0; k < ARRAY_SIZE(doubts); k++)
		if (doubts[k].is && i-- == 0)
			return doubts[k].words;
	return NULL;
}

bool config_passes_eap(const struct config *cfg)
{
	for (size_t i = 0; i < cfg->ppp.auth.n; i++)
		if (auth_words[cfg->ppp.auth.item[i]].method == AUTH_EAP &&
			!auth_words[cfg->ppp.auth.item[i]].eap)
			return true;
	return false;
}

uint8_t config_hash_mask(const struct config *cfg)
{
	static const uint8_t bits[] = {0x02, 0x01};
	uint8_t mask = 0;

	for (size_t i = 0; i < cfg->sstp.hashes.n; i++)
		mask |= bits[cfg->sstp.hashes.item[i]];
	return mask;
}
