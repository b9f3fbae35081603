#include "server/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

#include "aaa/aaa.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "config/config.h"
#include "events/event.h"
#include "ip/table.h"
#include "os/choose.h"
#include "os/keylog.h"
#include "os/netlink.h"
#include "os/nft.h"
#include "os/resolver.h"
#include "os/socket.h"
#include "os/steering.h"
#include "os/tun.h"
#include "server/limits.h"
#include "server/server.h"
#include "server/worker.h"
#include "store/store.h"
#include "tls/cert.h"
#include "tls/ctx.h"
#include "os/keylog.h"

/* Says what the system refused; returns the exit code of the layer. */
static int refused(const struct os_failure *why)
{
	log_event(NULL, why->event, "%s", why->text);
	return layer_exit_code(event_info(why->event)->layer);
}

static int refused_tls(const struct tls_failure *why)
{
	log_event(NULL, why->event, "%s", why->text);
	return layer_exit_code(event_info(why->event)->layer);
}

static int refused_db(const struct db_error *why)
{
	log_event(NULL, why->event, "%s", why->text);
	return layer_exit_code(event_info(why->event)->layer);
}

/* ---- state folder and certificate ---------------------------------------------------------------- */

static int make_state_folder(struct server *s)
{
	const char *path = s->config->server.state;
	struct stat st;

	if (mkdir(path, 0750) < 0 && errno != EEXIST) {
		log_event(NULL, EV_STATE_FOLDER, "path=%s error=\"%s\"", path, strerror(errno));
		return layer_exit_code(LAYER_LOCAL);
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || access(path, W_OK) < 0) {
		log_event(NULL, EV_STATE_FOLDER,
			"path=%s error=\"not a folder that this user can write to\"", path);
		return layer_exit_code(LAYER_LOCAL);
	}
	return 0;
}

struct names {
	char text[CERT_NAMES_MAX][256];
	const char *list[CERT_NAMES_MAX];
	size_t n;
};

static void add_name(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->list[i], name))
			return;
	if (names->n == CERT_NAMES_MAX || !*name || strlen(name) >= sizeof(names->text[0]))
		return;
	strcpy(names->text[names->n], name);
	names->list[names->n] = names->text[names->n];
	names->n++;
}

static bool add_local_address(unsigned ifindex, const struct prefix *address, void *arg)
{
	char text[ADDR_TEXT_LEN];
	const uint8_t *o = address->addr.octets;

	(void)ifindex;
	if (address->addr.family == AF_INET6 && o[0] == 0xfe && (o[1] & 0xc0) == 0x80)
		return true; /* link-local: nobody writes that as a server's name */
	add_name(arg, addr_format(&address->addr, text));
	return true;
}

/* The names by which clients may call this server (DESIGN section 6). */
static void collect_names(struct server *s, struct netlink *nl, struct names *names)
{
	const struct config *cfg = s->config;
	char text[256] = "";

	for (size_t i = 0; i < cfg->server.name.n; i++)
		add_name(names, cfg->server.name.item[i]);
	if (!gethostname(text, sizeof(text) - 1))
		add_name(names, text);
	for (size_t i = 0; i < cfg->server.listen.n; i++) {
		static const struct addr any4 = {.family = AF_INET}, any6 = {.family = AF_INET6};
		const struct addr *a = &cfg->server.listen.item[i].addr;

		if (!addr_equal(a, &any4) && !addr_equal(a, &any6))
			add_name(names, addr_format(a, text));
	}
	netlink_addresses(nl, AF_UNSPEC, add_local_address, names, NULL);
}

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

static int make_certificate(
	struct server *s, struct netlink *nl, size_t i, const char *cert, const char *key)
{
	struct names names = {.n = 0};
	struct tls_failure why = {0};
	struct cert_opts opts = {.key = generated[i].key, .now_s = clock_wall_s()};

	if (!access(cert, F_OK) && !access(key, F_OK))
		return 0;
	collect_names(s, nl, &names);
	opts.names = names.list;
	opts.n_names = names.n;
	if (cert_create(&opts, cert, key, &why) < 0)
		return refused_tls(&why);
	log_event(NULL, EV_CERT_MADE, "file=%s names=%zu", cert, names.n);
	return 0;
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
static int bundle_certificates(struct server *s, char path[4][512])
{
	char want[16384], have[16384], bundle[512], beside[520];
	size_t n = read_file(path[0], want, sizeof(want));
	FILE *f;

	n += read_file(path[2], want + n, sizeof(want) - n);
	snprintf(bundle, sizeof(bundle), "%s/server.crt", s->config->server.state);
	if (read_file(bundle, have, sizeof(have)) == n && !memcmp(want, have, n))
		return 0;
	snprintf(beside, sizeof(beside), "%s.new", bundle);
	f = fopen(beside, "we");
	if (!f || fwrite(want, 1, n, f) != n || fclose(f) || rename(beside, bundle) < 0) {
		log_event(NULL, EV_STATE_FOLDER, "path=%s error=\"%s\"", bundle, strerror(errno));
		return layer_exit_code(LAYER_LOCAL);
	}
	return 0;
}

static int load_certificates(struct server *s, struct netlink *nl)
{
	const struct config *cfg = s->config;
	char path[4][512];
	struct tls_pair pairs[CONFIG_ITEMS_MAX] = {{0}};
	struct tls_server_opts opts = {.pairs = pairs,
		.min_version = cfg->tls.min_version == CONFIG_TLS_1_3 ? "1.3" : "1.2"};
	struct tls_failure why = {0};
	struct cert_info info;
	int r = 0;

	for (size_t i = 0; i < cfg->tls.certificate.n; i++)
		pairs[opts.n_pairs++] =
			(struct tls_pair){cfg->tls.certificate.item[i], cfg->tls.key.item[i]};
	for (size_t i = 0; !cfg->tls.certificate.n && i < ARRAY_SIZE(generated) && !r; i++) {
		snprintf(path[2 * i], sizeof(*path), "%s/%s", cfg->server.state, generated[i].cert);
		snprintf(path[2 * i + 1], sizeof(*path), "%s/%s", cfg->server.state,
			generated[i].key_file);
		r = make_certificate(s, nl, i, path[2 * i], path[2 * i + 1]);
		pairs[opts.n_pairs++] = (struct tls_pair){path[2 * i], path[2 * i + 1]};
	}
	if (!r && !cfg->tls.certificate.n)
		r = bundle_certificates(s, path);
	if (r)
		return r;
	if (*cfg->tls.keylog) {
		opts.keylog = keylog_write;
		opts.keylog_arg = cfg->tls.keylog;
		log_event(NULL, EV_KEYLOG_ON, "file=%s", cfg->tls.keylog);
	}
	if (tls_server_ctx_new(&opts, &s->tls, &why) < 0 ||
		cert_info_load(pairs[0].cert_file, &info, &why) < 0)
		return refused_tls(&why);
	snprintf(s->pin, sizeof(s->pin), "%s", info.pin);
	hex_encode(info.sha256, sizeof(info.sha256), s->fingerprint);
	return 0;
}

/* ---- addresses, TUN, forwarding -------------------------------------------------------------------- */

static int choose_pool(struct server *s, struct netlink *nl, struct db *db)
{
	char text[PREFIX_TEXT_LEN] = "";
	struct os_failure why = {0};
	struct prefix v6; /* for routed IPv6, which is not given out yet */
	uint64_t seed;

	s->pool = s->config->tunnel.ipv4_pool;
	if (s->pool.addr.family)
		return 0;
	if (!db_meta_get(db, "ipv4_pool", text, sizeof(text)) && !prefix_parse(text, &s->pool))
		return 0;
	crypto_random(&seed, sizeof(seed));
	if (os_choose_pool(nl, seed, &s->pool, &v6, &why) < 0)
		return refused(&why);
	if (db_meta_set(db, "ipv4_pool", prefix_format(&s->pool, text)) < 0)
		return refused_db(db_error(db));
	log_event(NULL, EV_POOL_CHOSEN, "pool=%s", text);
	return 0;
}

static void choose_addresses(struct server *s)
{
	const struct config *cfg = s->config;
	struct addr up[8];
	size_t n = 0, n_up = 0;

	s->addresses.local = addr_v4(addr_v4_value(&s->pool.addr) + 1);
	if (cfg->tunnel.dns.automatic) {
		n_up = resolver_upstreams("", up, ARRAY_SIZE(up));
		if (!n_up)
			log_event(NULL, EV_DNS_NO_UPSTREAM, "tunnel.dns=auto");
	}
	for (size_t i = 0; i < n_up && n < 2; i++)
		if (up[i].family == AF_INET)
			s->addresses.dns[n++] = up[i];
	for (size_t i = 0; i < cfg->tunnel.dns.n && n < 2; i++)
		if (cfg->tunnel.dns.item[i].family == AF_INET)
			s->addresses.dns[n++] = cfg->tunnel.dns.item[i];
	n = 0;
	for (size_t i = 0; i < cfg->tunnel.nbns.n && n < 2; i++)
		if (cfg->tunnel.nbns.item[i].family == AF_INET)
			s->addresses.nbns[n++] = cfg->tunnel.nbns.item[i];
}

/* fe80:: and the identifier that IPv6CP tells every client: the server's end of all links. */
static int add_link_local(struct server *s, struct netlink *nl, struct os_failure *why)
{
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 64};

	if (!s->config->ppp.ipv6)
		return 0;
	crypto_random(s->addresses.local_ifid, 8);
	s->addresses.local_ifid[0] &= (uint8_t)~0x02; /* not a universal one, RFC 4291 2.5.1 */
	memcpy(own.addr.octets + 8, s->addresses.local_ifid, 8);
	return netlink_address_add(nl, tun_ifindex(s->tun), &own, NULL, NETLINK_NO_DAD, why);
}

static int make_tun(struct server *s, struct netlink *nl)
{
	const struct config *cfg = s->config;
	struct prefix own = {s->addresses.local, s->pool.len};
	struct link_opts up = {.up = true,
		.no_link_local = true,
		.mtu = (unsigned)(cfg->tunnel.mtu ? cfg->tunnel.mtu : cfg->ppp.mru)};
	struct os_failure why = {0};

	if (tun_new(&(struct tun_opts){.name = cfg->tunnel.tun, .queues = s->n_workers}, &s->tun,
		    &why) < 0 ||
		netlink_link_set(nl, tun_ifindex(s->tun), &up, &why) < 0 ||
		netlink_address_add(nl, tun_ifindex(s->tun), &own, NULL, 0, &why) < 0 ||
		add_link_local(s, nl, &why) < 0)
		return refused(&why);
	if (cfg->server.steering == CONFIG_STEERING_RING || s->n_workers == 1)
		return 0;
	if (steering_new(s->tun, (unsigned)cfg->server.max_sessions * 2, &s->steering, &why) < 0) {
		s->steering = NULL;
		if (cfg->server.steering == CONFIG_STEERING_BPF)
			return refused(&why);
		log_event(NULL, why.event, "%s", why.text); /* the ring does it, see worker.c */
	}
	return 0;
}

static void make_nat(struct server *s)
{
	struct nft_rules rules = {.instance = tun_name(s->tun),
		.tun = tun_name(s->tun),
		.masquerade = &s->pool,
		.n_masquerade = 1};
	struct os_failure why = {0};

	if (!s->config->tunnel.nat)
		return;
	if (forward_v4_on(&s->forward, &why) < 0 || nft_apply(&rules, &why) < 0)
		/* A server without NAT still serves those who only want to reach it. */
		log_event(NULL, why.event, "%s", why.text);
}

/* ---- workers and listeners --------------------------------------------------------------------------- */

static int make_workers(struct server *s)
{
	bool uso = tun_offloads(s->tun) & TUN_OFFLOAD_USO4;

	s->workers = aligned_alloc(64, s->n_workers * sizeof(*s->workers));
	if (!s->workers)
		return layer_exit_code(LAYER_LOCAL);
	memset(s->workers, 0, s->n_workers * sizeof(*s->workers));
	for (unsigned i = 0; i < s->n_workers; i++) {
		int r = worker_init(&s->workers[i], s, i, tun_fd(s->tun, i), uso);

		if (r < 0) {
			log_event(NULL, EV_OUT_OF_MEMORY, "what=worker error=\"%s\"", strerror(-r));
			return layer_exit_code(LAYER_LOCAL);
		}
	}
	return 0;
}

static int make_listeners(struct server *s)
{
	const struct endpoint_list *list = &s->config->server.listen;
	struct os_failure why = {0};

	for (size_t i = 0; i < list->n; i++) {
		struct endpoint at = list->item[i];

		for (unsigned w = 0; w < s->n_workers; w++) {
			int fd, r = socket_listen(&at, LISTEN_BACKLOG, &fd, &why);

			if (r < 0)
				return refused(&why);
			socket_local(
				fd, &at); /* port 0: the first got one, the others take the same */
			worker_add_listener(&s->workers[w], fd);
		}
		if (i == 0)
			endpoint_format(&at, s->ready_on);
	}
	return 0;
}

static unsigned count_workers(const struct config *cfg)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cfg->server.workers)
		return (unsigned)cfg->server.workers;
	return cpus < 1 ? 1 : cpus > 64 ? 64 : (unsigned)cpus;
}

/* The store's thread takes the handle over; what must be known before it is asked before. */
static int open_store(struct server *s, struct netlink *nl)
{
	struct db_opts opts = {.state = s->config->server.state,
		.key_file = s->config->store.key_file,
		.check = true};
	struct store_opts keep = {
		(uint64_t)s->config->store.attempts, (uint64_t)s->config->store.sessions};
	struct db_error why = {0};
	struct db *db;
	int r;

	if (db_open(&opts, &db, &why) < 0)
		return refused_db(&why);
	r = choose_pool(s, nl, db);
	if (r) {
		db_close(db);
		return r;
	}
	if (store_new(db, &keep, &s->store, &why) < 0)
		return refused_db(&why);
	return aaa_new(&(struct aaa_opts){.store = s->store}, &s->aaa) < 0
		       ? layer_exit_code(LAYER_LOCAL)
		       : 0;
}

int server_setup(struct server *s)
{
	AUTO(netlink) struct netlink *nl = NULL;
	struct os_failure why = {0};
	int r;

	log_init((enum log_level)s->config->server.log);
	s->n_workers = count_workers(s->config);
	if (gethostname(s->name, sizeof(s->name) - 1) < 0 || !*s->name)
		strcpy(s->name, "culvert");
	r = make_state_folder(s);
	if (!r && netlink_new(&nl, &why) < 0)
		r = refused(&why);
	if (!r)
		r = open_store(s, nl);
	if (!r)
		r = load_certificates(s, nl);
	if (!r && table_new(&s->table) < 0)
		r = layer_exit_code(LAYER_LOCAL);
	if (r)
		return r;
	choose_addresses(s);
	r = make_tun(s, nl);
	if (r)
		return r;
	make_nat(s);
	r = make_workers(s);
	return r ? r : make_listeners(s);
}

static void undo_nat(struct server *s)
{
	AUTO(netlink) struct netlink *nl = NULL;

	if (!s->tun || !s->config->tunnel.nat)
		return;
	nft_remove(tun_name(s->tun), NULL);
	netlink_new(&nl, NULL);
	forward_restore(&s->forward, nl, tun_ifindex(s->tun));
}

void server_setup_undo(struct server *s)
{
	for (unsigned i = 0; s->workers && i < s->n_workers; i++)
		worker_done(&s->workers[i]);
	free(s->workers);
	undo_nat(s);
	steering_free(s->steering);
	tun_free(s->tun);
	urcu_memb_barrier();
	table_free(s->table);
	aaa_free(s->aaa);
	store_free(s->store);
	tls_ctx_free(s->tls);
}
