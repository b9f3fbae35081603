#include "server/core/handles.h"
#include "server/host/setup.h"

#include <errno.h>
#include <fcntl.h>
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
#include "base/line.h"
#include "base/lockfile.h"
#include "config/config.h"
#include "events/event.h"
#include "ip/table.h"
#include "os/child.h"
#include "os/choose.h"
#include "os/firewall.h"
#include "os/harden.h"
#include "os/journal.h"
#include "os/netlink.h"
#include "os/nft.h"
#include "os/notify.h"
#include "os/privileges.h"
#include "os/resolver.h"
#include "os/socket.h"
#include "os/steering.h"
#include "os/tun.h"
#include "server/host/certificates.h"
#include "server/admission/sources.h"
#include "server/core/directory.h"
#include "server/host/uplink.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/worker/worker.h"
#include "store/db.h"
#include "store/store.h"
#include "tls/failure.h"

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

/* ---- state folder and certificate ---------------------------------------------------------- */

/* What root makes for another user has to be that user's. */
static int own_state_folder(struct server *s)
{
	const char *path = s->config->server.state, *user = s->config->server.user;
	struct os_failure why = {0};
	int r;

	if (!*user || geteuid() != 0 || mkdir(path, 0750) < 0)
		return 0;
	r = privileges_give(path, user, &why);
	return r < 0 ? refused(&why) : 0;
}

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

/*
 * Before anything of an instance is touched: what a start tidies up (leases, session records, the
 * forwarding note) belongs to the server that runs, if there is one.
 */
static int lock_instance(struct server *s)
{
	char path[512];
	pid_t holder = 0;
	int r;

	snprintf(path, sizeof(path), "%s/" STORE_LOCK, s->config->server.state);
	r = lockfile_take(path, &s->lock, &holder);
	if (r == -EBUSY)
		log_event(NULL, EV_SERVER_ALREADY_RUNNING, "lock=%s pid=%ld", path, (long)holder);
	else if (r < 0)
		log_event(NULL, EV_STATE_FOLDER, "path=%s error=\"%s\"", path, strerror(-r));
	return r < 0 ? layer_exit_code(LAYER_LOCAL) : 0;
}

/* Without the program child_run() says so; a server that only moves packets needs no keeper. */
static const char *const programs[] = {"nft", NULL};

/*
 * Becomes server.user, and has the keeper forked: both want to be done while there is one thread.
 * CAP_NET_BIND_SERVICE stays for listeners that a reload adds.
 */
static int give_up_rights(struct server *s)
{
	const char *user = s->config->server.user;
	struct privileges_opts opts = {
		.user = user, .net_admin = true, .bpf = true, .bind_service = true};
	struct os_failure why = {0};
	int r;

	if (*user && privileges_drop(&opts, &why) < 0)
		return refused(&why);
	r = child_keeper_start(programs);
	if (r < 0) {
		os_fail(&why, EV_OUT_OF_MEMORY, r, "start a process that runs nft");
		return refused(&why);
	}
	return 0;
}

static int load_certificates(struct server *s)
{
	AUTO(live) struct live *l = NULL;
	struct tls_failure why = {0};

	if (live_new(s->config, &l) < 0)
		return layer_exit_code(LAYER_LOCAL);
	if (certificates_make(s->config, false, &why) < 0 || certificates_load(l, &why) < 0)
		return refused_tls(&why);
	s->live = TAKE(l);
	return 0;
}

/* ---- addresses, TUN, forwarding ------------------------------------------------ */

/* Configured, or chosen at first start and written down: then it stays. */
static int choose_pool(struct server *s, struct netlink *nl, struct db *db, bool v6)
{
	const struct prefix *configured =
		v6 ? &s->config->tunnel.ipv6_prefix : &s->config->tunnel.ipv4_pool;
	struct prefix *pool = v6 ? &s->prefix6 : &s->pool;
	const char *key = v6 ? "ipv6_prefix" : "ipv4_pool";
	char text[PREFIX_TEXT_LEN] = "";
	struct os_failure why = {0};
	uint64_t seed;

	*pool = *configured;
	if (pool->addr.family)
		return 0;
	if (!db_meta_get(db, key, text, sizeof(text)) && !prefix_parse(text, pool))
		return 0;
	crypto_random(&seed, sizeof(seed));
	if (os_choose_pool(nl, seed, v6 ? NULL : pool, v6 ? pool : NULL, &why) < 0) {
		int exit_code = refused(&why);

		return v6 && why.event == EV_POOL_NONE_FREE ? 0 : exit_code; /* IPv4 alone */
	}
	if (db_meta_set(db, key, prefix_format(pool, text)) < 0)
		return refused_db(db_error(db));
	log_event(NULL, EV_POOL_CHOSEN, "pool=%s", text);
	return 0;
}

/* IPCP has room for two. */
static void add_dns(struct ppp_addresses *to, const struct addr *a)
{
	if (a->family == AF_INET && !to->dns[1].family)
		to->dns[to->dns[0].family ? 1 : 0] = *a;
}

/* A router advertisement has room for three. */
static void add_dns6(struct server *s, const struct addr *a)
{
	if (a->family == AF_INET6 && s->n_dns6 < ARRAY_SIZE(s->dns6))
		s->dns6[s->n_dns6++] = *a;
}

void server_told_addresses(const struct config *cfg, struct ppp_addresses *ret)
{
	struct addr up[8];
	size_t n = 0, n_up = 0;

	memset(ret->dns, 0, sizeof(ret->dns));
	memset(ret->nbns, 0, sizeof(ret->nbns));
	if (cfg->tunnel.dns.automatic) {
		n_up = resolver_upstreams("", up, ARRAY_SIZE(up));
		if (!n_up)
			log_event(NULL, EV_DNS_NO_UPSTREAM, "tunnel.dns=auto");
	}
	for (size_t i = 0; i < n_up; i++)
		add_dns(ret, &up[i]);
	for (size_t i = 0; i < cfg->tunnel.dns.n; i++)
		add_dns(ret, &cfg->tunnel.dns.item[i]);
	for (size_t i = 0; i < cfg->tunnel.nbns.n && n < 2; i++)
		if (cfg->tunnel.nbns.item[i].family == AF_INET)
			ret->nbns[n++] = cfg->tunnel.nbns.item[i];
}

static void choose_addresses(struct server *s)
{
	const struct addr_list *dns = &s->config->tunnel.dns;
	struct addr up[8];
	size_t n_up = dns->automatic ? resolver_upstreams("", up, ARRAY_SIZE(up)) : 0;

	for (size_t i = 0; i < n_up; i++)
		add_dns6(s, &up[i]);
	for (size_t i = 0; i < dns->n; i++)
		add_dns6(s, &dns->item[i]);
	s->nets[s->n_nets++] = s->pool;
	for (size_t i = 0; i < s->n_pools; i++)
		s->nets[s->n_nets++] = s->pools[i].prefix;
	s->addresses.local = addr_v4(addr_v4_value(&s->pool.addr) + 1);
	server_told_addresses(s->config, &s->addresses);
}

/*
 * While still privileged: /dev/net/tun may be root's alone (0600). All queues are opened here and
 * kept; configure_tun() needs CAP_NET_ADMIN only.
 */
static int open_tun(struct server *s)
{
	static const unsigned unwanted[] = {[CONFIG_OFFLOAD_AUTO] = 0,
		[CONFIG_OFFLOAD_NO_USO] = TUN_OFFLOAD_USO,
		[CONFIG_OFFLOAD_OFF] = TUN_OFFLOAD_ALL};
	struct tun_opts tun = {.name = s->config->tunnel.tun,
		.queues = s->n_workers,
		.no_offloads = unwanted[s->config->tunnel.offload]};
	struct os_failure why = {0};

	return tun_new(&tun, &s->tun, &why) < 0 ? refused(&why) : 0;
}

static int make_steering(struct server *s)
{
	const struct config *cfg = s->config;
	struct os_failure why = {0};

	if (cfg->server.steering == CONFIG_STEERING_RING || s->n_workers == 1)
		return 0;
	if (steering_new(s->tun, (unsigned)cfg->server.max_sessions * 3, &s->steering, &why) < 0) {
		s->steering = NULL;
		if (cfg->server.steering == CONFIG_STEERING_BPF)
			return refused(&why);
		log_event(NULL, why.event, "%s", why.text); /* the ring does it, see worker.c */
	}
	return 0;
}

static int configure_tun(struct server *s, struct netlink *nl)
{
	const struct config *cfg = s->config;
	struct prefix own = {s->addresses.local, s->pool.len};
	struct link_opts up = {.up = true,
		.no_link_local = true,
		.mtu = (unsigned)(cfg->tunnel.mtu ? cfg->tunnel.mtu : cfg->ppp.mru)};
	struct os_failure why = {0};
	int r;

	r = harden_interface(tun_name(s->tun));
	if (r < 0)
		log_event(NULL, EV_TUN_NOT_HARDENED, "tun=%s error=\"%s\"", tun_name(s->tun),
			strerror(-r));
	snprintf(s->forward.own, sizeof(s->forward.own), "%s", tun_name(s->tun));
	if (netlink_link_set(nl, tun_ifindex(s->tun), &up, &why) < 0 ||
		netlink_address_add(nl, tun_ifindex(s->tun), &own, NULL, 0, &why) < 0)
		return refused(&why);
	for (size_t i = 0; i < s->n_pools; i++) {
		own = s->pools[i].prefix;
		own.addr = addr_v4(addr_v4_value(&own.addr) + 1);
		if (netlink_address_add(nl, tun_ifindex(s->tun), &own, NULL, 0, &why) < 0)
			return refused(&why);
	}
	if (ipv6_setup(s, nl, &why) < 0) { /* a host with IPv6 switched off serves IPv4 */
		log_event(NULL, why.event, "%s", why.text);
		s->prefix6 = (struct prefix){0};
	}
	return make_steering(s);
}

/* Another program's filter may stop what we forward; only the admin can mend that. */
static void look_at_firewalls(struct server *s)
{
	static const enum event events[] = {[FIREWALL_UFW] = EV_FORWARD_DROPPED_UFW,
		[FIREWALL_DOCKER] = EV_FORWARD_DROPPED_DOCKER,
		[FIREWALL_FIREWALLD] = EV_FORWARD_DROPPED_FIREWALLD,
		[FIREWALL_OTHER] = EV_FORWARD_DROPPED};
	AUTO_MEM char *ruleset = NULL;
	struct firewall_block block;
	int n;

	if (nft_list(&ruleset, NULL) < 0)
		return; /* nft_apply() says what is wrong */
	n = nft_remove_dead(ruleset);
	if (n > 0)
		log_event(NULL, EV_NFT_CLEANED, "tables=%d", n);
	firewall_judge(ruleset, tun_name(s->tun), &s->pool, &block);
	if (block.by)
		log_event(NULL, events[block.by], "%s", block.text);
}

static void make_nat(struct server *s)
{
	struct prefix pools[CONFIG_ITEMS_MAX + 2] = {s->pool};
	struct nft_rules rules = {.instance = tun_name(s->tun),
		.tun = tun_name(s->tun),
		.masquerade = pools,
		.n_masquerade = 1,
		.keep_clients_apart = !s->config->tunnel.client_to_client,
		.guard_host = s->config->tunnel.server_access == CONFIG_ACCESS_BASIC};
	struct os_failure why = {0};

	for (size_t i = 0; i < s->n_pools; i++)
		pools[rules.n_masquerade++] = s->pools[i].prefix;
	if (ipv6_is_masqueraded(s))
		pools[rules.n_masquerade++] = s->prefix6;
	look_at_firewalls(s);
	if (!s->config->tunnel.nat)
		rules.n_masquerade = 0;
	else if (forward_v4_on(&s->forward, &why) < 0)
		log_event(NULL, why.event, "%s", why.text);
	if (!rules.n_masquerade && !rules.keep_clients_apart && !rules.guard_host)
		return;
	if (nft_apply(&rules, &why) < 0)
		/* A server without NAT still serves those who only want to reach it. */
		log_event(NULL, why.event, "%s", why.text);
}

/* ---- workers and listeners ---------------------------------------------------------- */

static int make_workers(struct server *s)
{
	enum coalesce_kinds joins = (tun_takes_tcp(s->tun) ? COALESCE_TCP : 0) |
				    (tun_takes_udp(s->tun) ? COALESCE_UDP : 0);

	s->workers = line_calloc(s->n_workers * sizeof(*s->workers));
	if (!s->workers)
		return layer_exit_code(LAYER_LOCAL);
	for (unsigned i = 0; i < s->n_workers; i++) {
		int r = worker_init(&s->workers[i], s, i, tun_fd(s->tun, i), joins);

		if (r < 0) {
			log_event(NULL, EV_OUT_OF_MEMORY, "what=worker error=\"%s\"", strerror(-r));
			return layer_exit_code(LAYER_LOCAL);
		}
	}
	return 0;
}

static int make_listeners(struct server *s, const struct endpoint_list *list, bool clear)
{
	struct os_failure why = {0};

	for (size_t i = 0; i < list->n; i++) {
		struct endpoint at = list->item[i];

		if (socket_nobody_listens(&at, &why) < 0)
			return refused(&why);
		for (unsigned w = 0; w < s->n_workers; w++) {
			int fd, r = socket_listen(&at, LISTEN_BACKLOG, &fd, &why);

			if (r < 0)
				return refused(&why);
			socket_local(
				fd, &at); /* port 0: the first got one, the others take the same */
			worker_add_listener(&s->workers[w], fd, clear);
		}
		if (i == 0 && !clear)
			endpoint_format(&at, s->ready_on);
	}
	return 0;
}

/*
 * Sockets that the service manager opened take the place of `listen`. A worker needs one of its
 * own; a copy of the descriptor will do: who is first, accepts.
 */
static bool take_listeners(struct server *s)
{
	int fds[CONFIG_ITEMS_MAX];
	size_t n = notify_listen_fds(fds, ARRAY_SIZE(fds));
	struct endpoint at;

	for (size_t i = 0; i < n; i++) {
		for (unsigned w = 1; w < s->n_workers; w++)
			worker_add_listener(
				&s->workers[w], fcntl(fds[i], F_DUPFD_CLOEXEC, 3), false);
		worker_add_listener(&s->workers[0], fds[i], false);
		if (i == 0 && !socket_local(fds[i], &at))
			endpoint_format(&at, s->ready_on);
	}
	return n > 0;
}

static unsigned count_workers(const struct config *cfg)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cfg->server.workers)
		return (unsigned)cfg->server.workers;
	return cpus < 1 ? 1 : cpus > 64 ? 64 : (unsigned)cpus;
}

/* Pools that a client could not use are refused by name, before anything is made of them. */
static int check_pools(struct server *s)
{
	char why[RANGES_TEXT_LEN];

	s->n_pools = config_pools(s->config, s->pools);
	host_addresses_read(s->config->tunnel.tun, &s->host);
	if (ranges_check_config(s->config, &s->host, why) == 0)
		return 0;
	log_event(NULL, EV_POOL_UNUSABLE, "%s", why);
	return layer_exit_code(LAYER_CONFIG);
}

/* One that was chosen when this host had other addresses still serves, but that is logged. */
static int check_chosen_pool(const struct server *s)
{
	struct pools pools = {.ordinary = s->pool, .n_named = s->n_pools};
	char why[RANGES_TEXT_LEN];
	int r;

	if (s->config->tunnel.ipv4_pool.addr.family)
		return 0;
	memcpy(pools.named, s->pools, sizeof(pools.named));
	r = ranges_check_chosen(&pools, &s->host, why);
	if (r < 0)
		log_event(NULL, EV_POOL_UNUSABLE, "%s", why);
	return r == -EEXIST ? layer_exit_code(LAYER_CONFIG) : 0;
}

/* The store's thread takes the handle over; what must be known before it is asked before. */
static int open_store(struct server *s, struct netlink *nl)
{
	struct db_opts opts = {.state = s->config->server.state,
		.key_file = s->config->store.key_file,
		.check = true,
		.owner = true};
	struct store_opts keep = {
		(uint64_t)s->config->store.attempts, (uint64_t)s->config->store.sessions};
	struct db_error why = {0};
	struct db *db;
	int r;

	if (db_open(&opts, &db, &why) < 0)
		return refused_db(&why);
	r = choose_pool(s, nl, db, false);
	if (!r && s->config->ppp.ipv6)
		r = choose_pool(s, nl, db, true);
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

static void begin_log(const struct config *cfg)
{
	bool journal = cfg->server.log_format == CONFIG_LOG_AUTO && log_is_journal();

	log_init((enum log_level)cfg->server.log);
	log_form(cfg->server.log_format == CONFIG_LOG_JSON ? LOG_FORM_JSON : LOG_FORM_TEXT,
		journal ? journal_writer() : NULL);
}

/* As root, if it is started so; nothing that another server of this folder uses is changed. */
static int begin_privileged(struct server *s)
{
	int r = own_state_folder(s);

	if (!r)
		r = make_state_folder(s);
	if (!r)
		r = lock_instance(s);
	if (!r)
		r = open_tun(s);
	if (!r)
		r = give_up_rights(s);
	return r ? r : make_state_folder(s); /* may the user write there, too? */
}

static int make_tables(struct server *s)
{
	uint64_t seed;

	crypto_random(&seed, sizeof(seed));
	if (table_new(&s->table) < 0 || admit_new(seed, &s->admit) < 0 ||
		handles_new(&s->handles) < 0 || directory_new(&s->directory) < 0)
		return layer_exit_code(LAYER_LOCAL);
	return 0;
}

static int listen_everywhere(struct server *s)
{
	int r = take_listeners(s) ? 0 : make_listeners(s, &s->config->server.listen, false);

	return r ? r : make_listeners(s, &s->config->balancer.listen, true);
}

/*
 * What the whole machine feels (forwarding switches, packet filter) comes last, when all that can
 * fail has been done. Listeners are open by then, but no worker accepts yet.
 */
static void change_machine(struct server *s, struct netlink *nl)
{
	snprintf(s->forward.note, sizeof(s->forward.note), "%s/forward", s->config->server.state);
	forward_recall(&s->forward);
	ipv6_check(s, nl);
	make_nat(s);
	s->machine_changed = true;
}

int server_setup(struct server *s)
{
	AUTO(netlink) struct netlink *nl = NULL;
	struct os_failure why = {0};
	int r;

	begin_log(s->config);
	s->n_workers = count_workers(s->config);
	if (gethostname(s->name, sizeof(s->name) - 1) < 0 || !*s->name)
		strcpy(s->name, "culvert");
	r = begin_privileged(s);
	if (!r && netlink_new(&nl, &why) < 0)
		r = refused(&why);
	if (!r)
		r = check_pools(s);
	if (!r)
		r = open_store(s, nl);
	if (!r)
		r = check_chosen_pool(s);
	if (!r)
		r = load_certificates(s);
	if (!r)
		r = make_tables(s);
	if (r)
		return r;
	choose_addresses(s);
	r = configure_tun(s, nl);
	if (r)
		return r;
	s->live->addresses = s->addresses;
	r = make_workers(s);
	if (!r)
		r = listen_everywhere(s);
	if (!r)
		change_machine(s, nl);
	return r;
}

static void undo_nat(struct server *s)
{
	AUTO(netlink) struct netlink *nl = NULL;

	if (!s->machine_changed)
		return;
	nft_remove(tun_name(s->tun), NULL);
	netlink_new(&nl, NULL);
	forward_restore(&s->forward, nl, tun_ifindex(s->tun));
}

void server_setup_undo(struct server *s)
{
	aaa_free(s->aaa);
	store_free(s->store); /* the last letters to the workers are posted here */
	s->store = NULL;
	for (unsigned i = 0; s->workers && i < s->n_workers; i++)
		worker_done(&s->workers[i]);
	free(s->workers);
	undo_nat(s);
	child_keeper_stop();
	steering_free(s->steering);
	tun_free(s->tun);
	urcu_memb_barrier();
	table_free(s->table);
	admit_free(s->admit);
	handles_free(s->handles);
	directory_free(s->directory);
	live_free(s->live);
}
