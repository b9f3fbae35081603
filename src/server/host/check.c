// SPDX-License-Identifier: Apache-2.0
#include "server/host/check.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "aaa/eap/anchors.h"
#include "aaa/grant.h"
#include "aaa/radius/settings.h"
#include "aaa/stored.h"
#include "base/addr.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/host_name.h"
#include "base/text.h"
#include "config/config.h"
#include "os/privileges.h"
#include "os/tun.h"
#include "server/host/certificates.h"
#include "server/core/filters.h"
#include "server/host/host.h"
#include "server/core/ranges.h"
#include "server/core/reach.h"
#include "store/db.h"
#include "store/secret.h"
#include "tls/cert.h"

#define METRICS_PORT 9443 /* where none is given (admin/metrics.c) */
#define VALUES_TOLD 10    /* users and groups named; of more the number */

struct check {
	const struct config *cfg;
	const char *user; /* that will read the files; NULL: who runs this */
	server_check_fn *say;
	void *arg;
};

static void __attribute__((format(printf, 3, 4)))
say(const struct check *c, enum event ev, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	text_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->say(c->arg, event_info(ev)->level == LOG_LEVEL_ERROR, ev, text);
}

/* ---- users, folders, files --------------------------------------------------------------------- */

static void check_user(struct check *c)
{
	const char *user = c->cfg->server.user;

	if (!*user)
		return;
	if (privileges_find(user) < 0)
		say(c, EV_CONFIG_NAMES_NOTHING, "[server] user: there is no user \"%s\"", user);
	else if (!geteuid())
		c->user = user;
	else
		say(c, EV_CONFIG_DOUBTFUL,
			"[server] user: whether \"%s\" can read the files is seen by root only",
			user);
}

/* False: the reason was reported. */
static bool check_file(const struct check *c, const char *option, const char *path)
{
	int r = privileges_try(c->user, path, false);

	if (r < 0)
		say(c, EV_CONFIG_NAMES_NOTHING, "%s: %s: %s%s%s", option, path, strerror(-r),
			c->user ? ", as the user " : "", c->user ? c->user : "");
	return r == 0;
}

static bool check_files(const struct check *c, const char *option, const struct text_list *list)
{
	bool good = true;

	for (size_t i = 0; i < list->n; i++)
		good &= check_file(c, option, list->item[i]);
	return good;
}

/* The folder that `path` lies in; "." without a slash. */
static const char *folder_of(const char *path, char *ret, size_t cap)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strcpy(ret, ".");
	snprintf(ret, cap, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return ret;
}

static void check_folder(const struct check *c, const char *option, const char *path)
{
	struct stat st;
	int r = stat(path, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;

	if (!r)
		r = privileges_try(c->user, path, true);
	if (r < 0)
		say(c, EV_CONFIG_NAMES_NOTHING, "%s: %s: %s%s%s", option, path, strerror(-r),
			c->user ? ", as the user " : "", c->user ? c->user : "");
}

static void check_state(const struct check *c)
{
	const char *path = c->cfg->server.state;
	char folder[4096];
	struct stat st;

	if (!stat(path, &st) || errno != ENOENT)
		check_folder(c, "[server] state", path);
	else if (stat(folder_of(path, folder, sizeof(folder)), &st) < 0)
		say(c, EV_CONFIG_NAMES_NOTHING, "[server] state: %s: %s", folder, strerror(errno));
}

static void check_key_file(const struct check *c)
{
	const char *path = c->cfg->store.key_file;
	struct secret_key key;
	struct db_error err = {0};

	if (!*path || !check_file(c, "[store] key_file", path))
		return;
	if (secret_key_load(c->cfg->server.state, path, false, &key, &err) < 0)
		say(c, err.event, "[store] key_file: %s", err.text);
	explicit_bzero(&key, sizeof(key));
}

static void check_written(const struct check *c)
{
	char folder[4096];

	if (*c->cfg->tls.keylog)
		check_folder(
			c, "[tls] keylog", folder_of(c->cfg->tls.keylog, folder, sizeof(folder)));
}

/* ---- certificates ------------------------------------------------------------------------------ */

static void on_note(void *arg, const struct tls_failure *what)
{
	say(arg, what->event, "%s", what->text);
}

static void check_dates(const struct check *c, const char *file, const struct cert_info *info)
{
	int64_t now_s = clock_wall_s();

	if (info->not_after_s < now_s)
		say(c, EV_CERT_OVER, "[tls] certificate: %s", file);
	else if (info->not_before_s > now_s)
		say(c, EV_CONFIG_DOUBTFUL, "[tls] certificate: %s: it is not valid yet", file);
	if (!info->server_auth)
		say(c, EV_CONFIG_DOUBTFUL,
			"[tls] certificate: %s: its extended key usage lacks serverAuth", file);
}

/* Each name by which clients know this server must be in one of the certificates. */
static void check_names(const struct check *c, const struct certificate_files *files)
{
	for (size_t i = 0; i < c->cfg->server.name.n; i++) {
		const char *name = c->cfg->server.name.item[i];
		char ascii[HOST_NAME_MAX_LEN + 2] = "";
		bool found = false;

		host_to_ascii(name, ascii, sizeof(ascii), NULL);
		for (size_t k = 0; k < files->n; k++)
			found |= cert_is_for(files->item[k].cert, ascii);
		if (!found)
			say(c, EV_CONFIG_DOUBTFUL,
				"[server] name: no certificate is for \"%s\": clients refuse it",
				name);
	}
}

static void check_chains(const struct check *c, const struct certificate_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		const char *file = files->item[i].cert;
		struct tls_failure why = {0};
		struct cert_info info;

		if (cert_info_load(file, &info, NULL) < 0)
			continue; /* reported already */
		check_dates(c, file, &info);
		if (!files->generated && cert_chain_check(file, &why) < 0)
			say(c, EV_CONFIG_DOUBTFUL, "[tls] certificate: %s", why.text);
	}
}

static void check_certificates(struct check *c)
{
	const struct config *cfg = c->cfg;
	struct certificate_files files;
	struct tls_failure why = {0};
	bool good = check_files(c, "[tls] certificate", &cfg->tls.certificate);

	good &= check_files(c, "[tls] key", &cfg->tls.key);
	good &= check_files(c, "[tls] ocsp", &cfg->tls.ocsp);
	good &= check_files(
		c, "[balancer] accept_certificates", &cfg->balancer.accept_certificates);
	if (!good)
		return;
	certificates_list(cfg, &files);
	if (certificates_try(cfg, on_note, c, &why) < 0)
		say(c, why.event, "%s", why.text);
	check_chains(c, &files);
	if (!files.generated)
		check_names(c, &files);
}

/* ---- authorities for users' certificates -------------------------------------------------------- */

static void on_list(void *arg, enum event event, const char *text)
{
	const struct check *c = arg;

	c->say(c->arg, false, event, text);
}

/* Can the server's user read the lists that the rules name? */
static void check_lists(const struct check *c, const struct eap_anchors *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (*a->item[i].crl_path && !access(a->item[i].crl_path, F_OK))
			check_file(c, "culvert ca: crl_file", a->item[i].crl_path);
}

static void check_authorities(const struct check *c, struct db *db)
{
	AUTO(eap_anchors) struct eap_anchors *a = NULL;
	struct tls_failure why = {0};

	if (host_try_anchors(db, on_list, (void *)c, &a, &why) < 0)
		say(c, why.event, "%s", why.text);
	if (a)
		check_lists(c, a);
}

/* ---- what users and groups name ------------------------------------------------------------------ */

struct naming {
	const struct check *check;
	struct db *db;
	struct pools pools;
	struct host_addresses host;
	struct filters *filters;
	unsigned n;
	bool group;
	const char *name; /* of the user or group in hand */
};

__attribute__((format(printf, 2, 3))) static void tell_of(struct naming *n, const char *fmt, ...)
{
	char text[RANGES_TEXT_LEN + 40];
	va_list ap;

	if (n->n++ >= VALUES_TOLD)
		return;
	va_start(ap, fmt);
	text_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(n->check, EV_CONFIG_DOUBTFUL, "%s \"%.64s\": %s", n->group ? "group" : "user", n->name,
		text);
}

static void judge_values(struct naming *n, const struct grant_values *v)
{
	char why[RANGES_TEXT_LEN];
	int r = 0;

	if (v->pool.origin && ranges_check_pool_name(v->pool.value, &n->pools, why) < 0)
		tell_of(n, "there is no pool %s", why);
	for (size_t i = 0; i < v->filter.n; i++)
		if (!filters_find(n->filters, v->filter.item[i]))
			tell_of(n,
				"[policy] filters has no \"%s\": until it has, nothing passes in "
				"these sessions",
				v->filter.item[i]);
	if (v->address.value.family)
		r = ranges_check_static(&v->address.value, &n->pools, &n->host, why);
	if (r == -EINVAL || (r == -ENOENT && n->pools.ordinary.addr.family))
		tell_of(n, "address: %s", why);
}

/* Its own; those of a user's groups are looked at with the group. */
static int judge_value(const struct db_value *v, void *arg)
{
	struct naming *n = arg;
	struct grant_values values = {0};
	char why[GRANT_WHY_LEN];

	if (v->place)
		return 0;
	if (grant_parse(&values, v->key, v->value, GRANT_USER, why) < 0)
		tell_of(n, "this version cannot read a value, and refuses the login: %s", why);
	else
		judge_values(n, &values);
	return 0;
}

static int judge_group(const struct db_group *g, void *arg)
{
	struct naming *n = arg;

	n->group = true;
	n->name = g->name;
	return db_values(n->db, DB_GROUP, g->id, judge_value, n);
}

static int judge_user(const struct db_user *u, void *arg)
{
	struct naming *n = arg;
	struct grant_values columns = stored_columns(&u->ipv4, u->pool, u->expires_at, u->disabled);

	n->group = false;
	n->name = u->name;
	judge_values(n, &columns);
	return db_values(n->db, DB_USER, u->id, judge_value, n);
}

static void check_values(const struct check *c, struct db *db)
{
	AUTO(filters) struct filters *filters = NULL;
	struct naming n = {.check = c, .db = db, .pools.ordinary = c->cfg->tunnel.ipv4_pool};
	char text[PREFIX_TEXT_LEN], why[FILTERS_WHY_LEN];

	if (filters_new(c->cfg, &filters, why) < 0)
		return; /* reported by itself */
	n.filters = filters;
	n.pools.n_named = config_pools(c->cfg, n.pools.named);
	host_addresses_read(NULL, &n.host);
	if (!n.pools.ordinary.addr.family && !db_meta_get(db, "ipv4_pool", text, sizeof(text)))
		prefix_parse(text, &n.pools.ordinary);
	if (db_group_list(db, judge_group, &n) < 0 || db_user_list(db, judge_user, &n) < 0)
		say(c, db_error(db)->event, "%s", db_error(db)->text);
	if (n.n > VALUES_TOLD)
		say(c, EV_CONFIG_DOUBTFUL, "users and groups: %u more values like these",
			n.n - VALUES_TOLD);
}

static void check_stored(const struct check *c)
{
	AUTO(db) struct db *db = NULL;
	struct db_opts opts = {.state = c->cfg->server.state,
		.key_file = c->cfg->store.key_file,
		.must_exist = true,
		.look = true};
	struct db_error err;

	if (db_open(&opts, &db, &err) < 0 || db_is_older(db))
		return; /* no database yet, or said already: the key */
	check_authorities(c, db);
	check_values(c, db);
}

/* ---- RADIUS ---------------------------------------------------------------------------------------- */

static void check_radius(const struct check *c)
{
	AUTO(radius_settings) struct radius_settings *s = NULL;
	const struct config *cfg = c->cfg;
	struct config_error wrong = {0};

	if (check_files(c, "[radius] secret_file", &cfg->radius.secret_file) &&
		radius_settings_load(cfg, "", &s, &wrong) < 0)
		say(c, wrong.event, "%s", wrong.text);
	if (cfg->radius.coa_listen.n && !cfg->radius.servers.n && !cfg->radius.accounting.n)
		say(c, EV_CONFIG_DOUBTFUL,
			"[radius] coa_listen: only hosts of radius.servers and radius.accounting are "
			"heard, and there are none");
}

/* ---- addresses, interfaces, the kernel ---------------------------------------------------------- */

/* On any port: the server itself may be running on the one that is meant. */
static bool is_own(const struct addr *a)
{
	struct endpoint e = {.addr = *a};
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(&e, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool own = fd < 0 || !bind(fd, (struct sockaddr *)&sa, n) || errno != EADDRNOTAVAIL;

	if (fd >= 0)
		close(fd);
	return own;
}

static void check_listen(
	const struct check *c, const char *option, const struct endpoint_list *list)
{
	char text[ENDPOINT_TEXT_LEN];

	for (size_t i = 0; i < list->n; i++)
		if (!is_own(&list->item[i].addr))
			say(c, EV_CONFIG_NAMES_NOTHING,
				"%s: %s: no interface of this host has that address", option,
				endpoint_format(&list->item[i], text));
}

/* An address and port, or the path of a socket. */
static void check_metrics(const struct check *c)
{
	static const char option[] = "[metrics] listen";
	const char *at = c->cfg->metrics.listen;
	struct endpoint_list list = {.n = 1};
	char folder[4096];
	struct stat st;

	if (!*at)
		return;
	if (*at != '/') {
		if (endpoint_parse(at, METRICS_PORT, &list.item[0]) < 0)
			say(c, EV_CONFIG_NAMES_NOTHING,
				"%s: expected an address and port, or the path of a socket, got "
				"\"%.100s\"",
				option, at);
		else
			check_listen(c, option, &list);
		return;
	}
	check_folder(c, option, folder_of(at, folder, sizeof(folder)));
	if (strlen(at) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		say(c, EV_CONFIG_NAMES_NOTHING, "%s: %.120s: %s", option, at,
			strerror(ENAMETOOLONG));
	else if (!lstat(at, &st) && !S_ISSOCK(st.st_mode))
		say(c, EV_CONFIG_NAMES_NOTHING, "%s: %s: it is there, and is no socket", option,
			at);
}

/* What clients are given as name servers, and cannot reach. */
static void check_name_servers(
	const struct check *c, const char *option, const struct addr_list *list)
{
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < list->n; i++)
		if (ranges_no_host(&list->item[i]))
			say(c, EV_CONFIG_DOUBTFUL, "%s: %s is %s: clients cannot reach it", option,
				addr_format(&list->item[i], text), ranges_no_host(&list->item[i]));
}

static void check_nas_address(const struct check *c)
{
	char text[ADDR_TEXT_LEN];

	if (c->cfg->radius.nas_address.n && !is_own(&c->cfg->radius.nas_address.item[0]))
		say(c, EV_CONFIG_DOUBTFUL,
			"[radius] nas_address: %s: no interface of this host has that address",
			addr_format(&c->cfg->radius.nas_address.item[0], text));
}

static void check_tun(const struct check *c)
{
	const char *name = c->cfg->tunnel.tun;

	if (if_nametoindex(name) && !tun_is(name))
		say(c, EV_CONFIG_NAMES_NOTHING,
			"[tunnel] tun: there is an interface \"%s\" that is no TUN device", name);
}

static void check_congestion(const struct check *c)
{
	const char *name = c->cfg->server.congestion;
	int fd;

	if (!strcmp(name, "auto"))
		return;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0 &&
		errno == ENOENT)
		say(c, EV_CONFIG_DOUBTFUL,
			"[server] congestion: this kernel has no \"%s\": its own default is used",
			name);
	if (fd >= 0)
		close(fd);
}

/* A server that runs already has its addresses on a TUN device: those do not count. */
static void check_pools(struct check *c)
{
	struct host_addresses host;
	char why[RANGES_TEXT_LEN];

	host_addresses_read(NULL, &host);
	if (ranges_check_config(c->cfg, &host, why) < 0)
		say(c, EV_POOL_UNUSABLE, "%s", why);
	else if (ranges_routed(c->cfg, NULL, why))
		say(c, EV_CONFIG_DOUBTFUL, "%s", why);
}

/* Networks that clients learn. */
static void check_routes(const struct check *c)
{
	AUTO_MEM struct reach *r = malloc(sizeof(*r));
	char why[REACH_TEXT_LEN], taken[PREFIX_TEXT_LEN];
	struct prefixes_seen seen;
	struct prefixes list;
	struct prefix p;

	if (!r || config_routes(c->cfg, &list, &seen) < 0)
		return;
	if (seen.masked && prefix_parse_masked(seen.item, &p) >= 0)
		say(c, EV_CONFIG_DOUBTFUL,
			"[tunnel] routes: \"%s\" has bits beyond its length: it is %s", seen.item,
			prefix_format(&p, taken));
	if (list.n)
		reach_read(c->cfg, r);
	for (size_t i = 0; i < list.n; i++)
		if (reach_doubt(r, "[tunnel] routes", &list.of[i], why))
			say(c, EV_CONFIG_DOUBTFUL, "%s", why);
}

static void check_filters(struct check *c)
{
	AUTO(filters) struct filters *f = NULL;
	char why[FILTERS_WHY_LEN];

	if (filters_new(c->cfg, &f, why) < 0)
		say(c, EV_POLICY_BAD_FILTER, "%s", why);
}

static void check_auth(const struct check *c)
{
	const char *doubt;

	for (size_t i = 0; (doubt = config_auth_doubt(c->cfg, i)); i++)
		say(c, EV_CONFIG_DOUBTFUL, "%s", doubt);
}

void server_check(const struct config *cfg, server_check_fn *to, void *arg)
{
	struct check c = {cfg, NULL, to, arg};

	check_user(&c);
	check_state(&c);
	check_key_file(&c);
	check_written(&c);
	check_certificates(&c);
	check_stored(&c);
	check_radius(&c);
	check_listen(&c, "[server] listen", &cfg->server.listen);
	check_listen(&c, "[balancer] listen", &cfg->balancer.listen);
	check_listen(&c, "[radius] coa_listen", &cfg->radius.coa_listen);
	check_metrics(&c);
	check_name_servers(&c, "[tunnel] dns", &cfg->tunnel.dns);
	check_name_servers(&c, "[tunnel] nbns", &cfg->tunnel.nbns);
	check_nas_address(&c);
	check_tun(&c);
	check_pools(&c);
	check_routes(&c);
	check_filters(&c);
	check_auth(&c);
	check_congestion(&c);
}
