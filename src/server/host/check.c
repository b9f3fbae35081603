// SPDX-License-Identifier: Apache-2.0
#include "server/host/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aaa/eap/anchors.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/host_name.h"
#include "base/text.h"
#include "config/config.h"
#include "os/privileges.h"
#include "server/host/certificates.h"
#include "server/core/filters.h"
#include "server/host/host.h"
#include "server/core/ranges.h"
#include "store/db.h"
#include "store/secret.h"
#include "tls/cert.h"

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
	if (*c->cfg->metrics.listen == '/')
		check_folder(c, "[metrics] listen",
			folder_of(c->cfg->metrics.listen, folder, sizeof(folder)));
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

static void check_authorities(const struct check *c)
{
	AUTO(db) struct db *db = NULL;
	AUTO(eap_anchors) struct eap_anchors *a = NULL;
	struct db_opts opts = {.state = c->cfg->server.state,
		.key_file = c->cfg->store.key_file,
		.must_exist = true,
		.look = true};
	struct db_error err;
	struct tls_failure why = {0};

	if (db_open(&opts, &db, &err) < 0 || db_is_older(db))
		return; /* no database yet, or said already: the key */
	if (host_try_anchors(db, on_list, (void *)c, &a, &why) < 0)
		say(c, why.event, "%s", why.text);
	if (a)
		check_lists(c, a);
}

/* ---- addresses, interfaces, the kernel ---------------------------------------------------------- */

/* On any port: the server itself may be running on the one that is meant. */
static void check_listen(
	const struct check *c, const char *option, const struct endpoint_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct endpoint e = list->item[i];
		struct sockaddr_storage sa;
		char text[ENDPOINT_TEXT_LEN];
		socklen_t n;
		int fd;

		e.port = 0;
		n = endpoint_to_sockaddr(&e, &sa);
		fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && bind(fd, (struct sockaddr *)&sa, n) < 0 && errno == EADDRNOTAVAIL)
			say(c, EV_CONFIG_NAMES_NOTHING,
				"%s: %s: no interface of this host has that address", option,
				endpoint_format(&list->item[i], text));
		if (fd >= 0)
			close(fd);
	}
}

static void check_tun(const struct check *c)
{
	const char *name = c->cfg->tunnel.tun;
	char path[64];
	bool exists, is_tun;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s", name);
	exists = !access(path, F_OK);
	snprintf(path, sizeof(path), "/sys/class/net/%.15s/tun_flags", name);
	is_tun = !access(path, F_OK);
	if (exists && !is_tun)
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
	check_authorities(&c);
	check_listen(&c, "[server] listen", &cfg->server.listen);
	check_listen(&c, "[balancer] listen", &cfg->balancer.listen);
	check_tun(&c);
	check_pools(&c);
	check_filters(&c);
	check_auth(&c);
	check_congestion(&c);
}
