// SPDX-License-Identifier: Apache-2.0
#include "server/host/certificates.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aaa/eap/anchors.h"
#include "base/eap.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/host_name.h"
#include "config/config.h"
#include "os/keylog.h"
#include "os/netlink.h"
#include "server/core/snapshot.h"
#include "tls/cert.h"
#include "tls/ctx.h"

/*
 * P-256 and RSA side by side: P-256 is ten times cheaper and what every current client chooses, old
 * routers know RSA only. server.crt is what clients trust or pin: both certificates, the one they
 * will meet first.
 */
static const struct {
	enum cert_key key;
	const char *cert, *key_file;
} generated[] = {{CERT_P256, "server-p256.crt", "server.key"},
	{CERT_RSA_2048, "server-rsa.crt", "server-rsa.key"}};

static void put(char ret[static CERTIFICATE_PATH_MAX], const char *folder, const char *name)
{
	snprintf(ret, CERTIFICATE_PATH_MAX, "%s%s%s", folder, *folder ? "/" : "", name);
}

void certificates_list(const struct config *cfg, struct certificate_files *ret)
{
	*ret = (struct certificate_files){.generated = !cfg->tls.certificate.n};
	for (; ret->n < cfg->tls.certificate.n; ret->n++) {
		put(ret->item[ret->n].cert, "", cfg->tls.certificate.item[ret->n]);
		put(ret->item[ret->n].key, "", cfg->tls.key.item[ret->n]);
		if (ret->n < cfg->tls.ocsp.n)
			put(ret->item[ret->n].ocsp, "", cfg->tls.ocsp.item[ret->n]);
	}
	for (size_t i = 0; ret->generated && i < ARRAY_SIZE(generated); i++, ret->n++) {
		put(ret->item[i].cert, cfg->server.state, generated[i].cert);
		put(ret->item[i].key, cfg->server.state, generated[i].key_file);
	}
}

/* ---- names ---------------------------------------------------------- */

struct names {
	char text[CERT_NAMES_MAX][256];
	const char *list[CERT_NAMES_MAX];
	size_t n;
};

static void add_name(void *arg, const char *name)
{
	struct names *names = arg;
	char ascii[sizeof(names->text[0])];

	if (host_to_ascii(name, ascii, sizeof(ascii), NULL) < 0)
		return;
	for (size_t i = 0; i < names->n; i++)
		if (!strcasecmp(names->list[i], ascii))
			return;
	if (names->n == CERT_NAMES_MAX)
		return;
	strcpy(names->text[names->n], ascii);
	names->list[names->n] = names->text[names->n];
	names->n++;
}

static bool add_local_address(unsigned ifindex UNUSED, const struct prefix *address, void *arg)
{
	char text[ADDR_TEXT_LEN];
	const uint8_t *o = address->addr.octets;

	if (address->addr.family == AF_INET6 && o[0] == 0xfe && (o[1] & 0xc0) == 0x80)
		return true; /* link-local: no client uses that as a server's name */
	add_name(arg, addr_format(&address->addr, text));
	return true;
}

/* The names by which clients may call this server. */
static void collect_names(const struct config *cfg, const char *old, struct names *names)
{
	AUTO(netlink) struct netlink *nl = NULL;
	char text[256] = "";

	for (size_t i = 0; i < cfg->server.name.n; i++)
		add_name(names, cfg->server.name.item[i]);
	cert_names(old, add_name, names); /* a renewal keeps them, because clients use them */
	if (!gethostname(text, sizeof(text) - 1))
		add_name(names, text);
	for (size_t i = 0; i < cfg->server.listen.n; i++) {
		static const struct addr any4 = {.family = AF_INET}, any6 = {.family = AF_INET6};
		const struct addr *a = &cfg->server.listen.item[i].addr;

		if (!addr_equal(a, &any4) && !addr_equal(a, &any6))
			add_name(names, addr_format(a, text));
	}
	if (!netlink_new(&nl, NULL))
		netlink_addresses(nl, AF_UNSPEC, add_local_address, names, NULL);
}

/* ---- making ---------------------------------------------------------- */

static int make_one(const struct config *cfg, size_t i, const struct certificate_file *f,
	bool renew, struct tls_failure *ret_failure)
{
	struct names names = {.n = 0};
	struct cert_opts opts = {
		.key = generated[i].key, .now_s = clock_wall_s(), .keep_key = renew};
	int r;

	if (!renew && !access(f->cert, F_OK) && !access(f->key, F_OK))
		return 0;
	collect_names(cfg, f->cert, &names);
	opts.names = names.list;
	opts.n_names = names.n;
	r = cert_create(&opts, f->cert, f->key, ret_failure);
	if (!r)
		log_event(NULL, EV_CERT_MADE, "file=%s names=%zu", f->cert, names.n);
	return r;
}

static size_t read_file(const char *path, char *ret, size_t cap)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(ret, 1, cap, f) : 0;

	if (f)
		fclose(f);
	return n;
}

/* Writes server.crt beside and renames it, when it is not what it should be. */
static int bundle(const struct config *cfg, const struct certificate_files *files,
	struct tls_failure *ret_failure)
{
	char want[16384], have[16384], path[CERTIFICATE_PATH_MAX], beside[CERTIFICATE_PATH_MAX + 8];
	size_t n = 0;
	FILE *f;

	for (size_t i = 0; i < files->n; i++)
		n += read_file(files->item[i].cert, want + n, sizeof(want) - n);
	put(path, cfg->server.state, "server.crt");
	if (read_file(path, have, sizeof(have)) == n && !memcmp(want, have, n))
		return 0;
	snprintf(beside, sizeof(beside), "%s.new", path);
	f = fopen(beside, "we");
	if (!f || fwrite(want, 1, n, f) != n || fclose(f) || rename(beside, path) < 0)
		return tls_failure_set(ret_failure, -errno, EV_STATE_FOLDER, "path=%s error=\"%s\"",
			path, strerror(errno));
	return 0;
}

int certificates_make(const struct config *cfg, bool renew, struct tls_failure *ret_failure)
{
	struct certificate_files files;
	int r = 0;

	certificates_list(cfg, &files);
	for (size_t i = 0; files.generated && i < files.n && !r; i++)
		r = make_one(cfg, i, &files.item[i], renew, ret_failure);
	return r || !files.generated ? r : bundle(cfg, &files, ret_failure);
}

/* ---- loading ---------------------------------------------------------- */

static int load_accepted(struct snapshot *l, struct tls_failure *ret_failure)
{
	const struct text_list *list = &l->config->balancer.accept_certificates;

	for (size_t i = 0; i < list->n; i++) {
		struct cert_info info;
		int r = cert_info_load(list->item[i], &info, ret_failure);

		if (r < 0)
			return r;
		memcpy(l->accepted[i].sha1, info.sha1, sizeof(info.sha1));
		memcpy(l->accepted[i].sha256, info.sha256, sizeof(info.sha256));
		l->n_accepted = i + 1;
	}
	return 0;
}

static void log_note(void *arg UNUSED, const struct tls_failure *what)
{
	log_event(NULL, what->event, "%s", what->text);
}

/* The pairs of `files`, which must outlive `ret`. */
static struct tls_server_opts opts_of(const struct config *cfg,
	const struct certificate_files *files, struct tls_pair ret_pairs[static CONFIG_ITEMS_MAX])
{
	for (size_t i = 0; i < files->n; i++) {
		const struct certificate_file *f = &files->item[i];

		ret_pairs[i] = (struct tls_pair){f->cert, f->key, *f->ocsp ? f->ocsp : NULL};
	}
	return (struct tls_server_opts){.pairs = ret_pairs,
		.n_pairs = files->n,
		.min_version = cfg->tls.min_version == CONFIG_TLS_1_3 ? "1.3" : "1.2",
		.note = log_note};
}

int certificates_try(const struct config *cfg,
	void (*note)(void *arg, const struct tls_failure *what), void *arg,
	struct tls_failure *ret_failure)
{
	AUTO(tls_ctx) struct tls_ctx *tls = NULL;
	struct certificate_files files;
	struct tls_pair pairs[CONFIG_ITEMS_MAX];
	struct tls_server_opts opts;
	struct cert_info info;
	int r = 0;

	certificates_list(cfg, &files);
	for (size_t i = 0; i < cfg->balancer.accept_certificates.n && !r; i++)
		r = cert_info_load(cfg->balancer.accept_certificates.item[i], &info, ret_failure);
	for (size_t i = 0; files.generated && i < files.n; i++)
		if (access(files.item[i].cert, F_OK) && (errno == ENOENT || errno == ENOTDIR))
			return r; /* it is made at the next start */
	opts = opts_of(cfg, &files, pairs);
	opts.note = note;
	opts.note_arg = arg;
	return r ? r : tls_server_ctx_new(&opts, &tls, ret_failure);
}

/*
 * The same certificates for TLS inside EAP: for EAP-TLS clients have to show theirs, for PEAP not.
 * Made only when there is a use for them: each is as large as the first.
 */
static int load_for_eap(
	struct snapshot *l, struct tls_server_opts opts, struct tls_failure *ret_failure)
{
	int r = 0;

	opts.inner = true;
	opts.note = NULL;
	if (config_has_eap(l->config, EAP_PEAP))
		r = tls_server_ctx_new(&opts, &l->eap_peap, ret_failure);
	if (r < 0 || !l->anchors)
		return r;
	opts.anchors = l->anchors->tls;
	return tls_server_ctx_new(&opts, &l->eap_tls, ret_failure);
}

int certificates_load(struct snapshot *l, struct tls_failure *ret_failure)
{
	const struct config *cfg = l->config;
	struct certificate_files files;
	struct tls_pair pairs[CONFIG_ITEMS_MAX];
	struct tls_server_opts opts;
	struct cert_info info;
	int r;

	certificates_list(cfg, &files);
	opts = opts_of(cfg, &files, pairs);
	if (*cfg->tls.keylog) {
		opts.keylog = keylog_write;
		opts.keylog_arg = cfg->tls.keylog;
		log_event(NULL, EV_KEYLOG_ON, "file=%s", cfg->tls.keylog);
	}
	r = tls_server_ctx_new(&opts, &l->tls, ret_failure);
	if (!r)
		r = load_for_eap(l, opts, ret_failure);
	if (!r)
		r = cert_info_load(pairs[0].cert_file, &info, ret_failure);
	if (r < 0)
		return r;
	snprintf(l->pin, sizeof(l->pin), "%s", info.pin);
	hex_encode(info.sha256, sizeof(info.sha256), l->fingerprint);
	return load_accepted(l, ret_failure);
}

/* ---- the end of their time ---------------------------------------------------------- */

static uint8_t term_of(int64_t left_s)
{
	static const int64_t day = 24 * 3600;

	return left_s < 0 ? 3 : left_s < 7 * day ? 2 : left_s < 21 * day ? 1 : 0;
}

void certificates_warn(const struct config *cfg, struct certificate_terms *terms, int64_t now_s)
{
	struct certificate_files files;

	certificates_list(cfg, &files);
	for (size_t i = 0; i < files.n; i++) {
		struct cert_info info;
		char until[32];
		time_t at;
		uint8_t term;

		if (cert_info_load(files.item[i].cert, &info, NULL) < 0)
			continue; /* the reload that failed over it has logged it */
		if (terms->not_after[i] != info.not_after_s)
			terms->told[i] = 0;
		terms->not_after[i] = info.not_after_s;
		term = term_of(info.not_after_s - now_s);
		if (term <= terms->told[i])
			continue;
		terms->told[i] = term;
		at = (time_t)info.not_after_s;
		strftime(until, sizeof(until), "%FT%TZ", gmtime(&at));
		log_event(NULL, term == 3 ? EV_CERT_OVER : EV_CERT_ENDS_SOON,
			"file=%s until=%s days=%" PRId64, files.item[i].cert, until,
			(info.not_after_s - now_s) / (24 * 3600));
	}
}
