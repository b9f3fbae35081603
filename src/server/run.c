// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The one file that knows all rooms (docs/architecture.md). First what needs privileges and one thread
 * (state folder with its lock, TUN, user, keeper), then what may be refused (pools, store, certificates,
 * interface, listeners), last what the whole machine feels. Then the control thread runs its loop until
 * the workers are gone, and all is undone in reverse.
 */
#include "server/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

#include "aaa/aaa.h"
#include "aaa/eap/anchors.h"
#include "base/eap.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "config/config.h"
#include "os/child.h"
#include "os/journal.h"
#include "os/netlink.h"
#include "os/steering.h"
#include "os/tun.h"
#include "server/admission/admission.h"
#include "server/control/accounting.h"
#include "server/control/control.h"
#include "server/core/account.h"
#include "server/core/context.h"
#include "server/core/directory.h"
#include "server/core/filters.h"
#include "server/core/networks.h"
#include "server/core/records.h"
#include "server/core/snapshot.h"
#include "server/host/certificates.h"
#include "server/host/grant.h"
#include "server/host/host.h"
#include "server/worker/spare.h"
#include "server/worker/worker.h"
#include "store/db.h"
#include "store/store.h"

struct server {
	struct context context;
	struct host host;
	struct control control;
	struct spare spare;
	struct worker *workers;
	struct eap_anchors *anchors; /* from the store, until the snapshot takes them */
};

/* ---- steps of the start: 0, or an exit code; what failed has been logged ---------------------- */

static void begin_log(const struct config *cfg)
{
	bool journal = cfg->server.log_format == CONFIG_LOG_AUTO && log_is_journal();

	log_init((enum log_level)cfg->server.log);
	log_form(cfg->server.log_format == CONFIG_LOG_JSON ? LOG_FORM_JSON : LOG_FORM_TEXT,
		journal ? journal_writer() : NULL);
}

static unsigned count_workers(const struct config *cfg)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cfg->server.workers)
		return (unsigned)cfg->server.workers;
	return cpus < 1 ? 1 : cpus > 64 ? 64 : (unsigned)cpus;
}

static void choose_name(struct context *c)
{
	c->n_sites = count_workers(c->config);
	if (gethostname(c->name, sizeof(c->name) - 1) < 0 || !*c->name)
		strcpy(c->name, "culvert");
}

/* As root, if it is started so. */
static int begin_privileged(struct host *h)
{
	int r = host_open_state(h);

	if (!r)
		r = host_open_tun(h);
	return r ? r : host_give_up_rights(h);
}

static int open_account(struct server *s)
{
	struct context *c = &s->context;

	return account_new(&c->account) < 0 || accounting_new(c, &s->control.accounting) < 0 ||
			       account_add_sink(c->account, &records_sink, c->store) < 0 ||
			       account_add_sink(
				       c->account, &accounting_sink, s->control.accounting) < 0
		       ? layer_exit_code(LAYER_LOCAL)
		       : 0;
}

#define KNOWN_SESSIONS 20000 /* the newest on record: from where users log in */

static int remember_ban(const struct db_ban *b, void *admission)
{
	admission_ban(admission, &b->of, b->user, b->until_at);
	return 0;
}

static int remember_session(const struct db_session *s, void *admission)
{
	struct endpoint peer;

	if (!endpoint_parse(s->peer, 0, &peer))
		admission_remember(admission, &peer.addr, s->user, s->started_at);
	return 0;
}

/* With the bans and the sources of users that are on record. */
static int make_admission(struct context *c, struct db *db)
{
	if (admission_new(&c->admission) < 0)
		return host_refused(EV_OUT_OF_MEMORY, "admission");
	if (db_session_list(db, KNOWN_SESSIONS, remember_session, c->admission) < 0 ||
		db_ban_list(db, clock_wall_s(), remember_ban, c->admission) < 0)
		return host_refused(db_error(db)->event, db_error(db)->text);
	return 0;
}

/* The store's thread takes the handle over; what must be known before it is asked before. */
static int open_store(struct server *s, struct netlink *nl)
{
	struct context *c = &s->context;
	struct db_opts opts = {.state = c->config->server.state,
		.key_file = c->config->store.key_file,
		.check = true,
		.owner = true};
	struct store_opts keep = {
		(uint64_t)c->config->store.attempts, (uint64_t)c->config->store.sessions};
	struct db_error why = {0};
	struct tls_failure bad = {0};
	struct db *db;
	int r;

	if (db_open(&opts, &db, &why) < 0)
		return host_refused(why.event, why.text);
	r = host_choose_pools(&s->host, nl, db);
	if (!r)
		r = host_open_radius(&s->host, db);
	if (!r && host_load_anchors(db, &s->anchors, &bad) < 0)
		r = host_refused(bad.event, bad.text);
	if (!r)
		r = make_admission(c, db);
	if (r) {
		db_close(db);
		return r;
	}
	if (store_new(db, &keep, &c->store, &why) < 0)
		return host_refused(why.event, why.text);
	c->epoch = store_epoch(c->store);
	if (aaa_new(&(struct aaa_opts){.store = c->store, .radius = c->radius}, &c->aaa) < 0)
		return layer_exit_code(LAYER_LOCAL);
	return open_account(s);
}

/* What serves clients badly, or not at all. */
static void log_doubts(const struct snapshot *l)
{
	const char *doubt;

	for (size_t i = 0; (doubt = config_auth_doubt(l->config, i)); i++)
		log_event(NULL, EV_CONFIG_DOUBTFUL, "%s", doubt);
	if (config_has_eap(l->config, EAP_TLS) && !l->anchors)
		log_event(NULL, EV_CONFIG_DOUBTFUL, "%s",
			"[ppp] auth: eap-tls is not offered before there is an authority: `culvert ca init` makes one, `culvert ca import` takes another's");
}

static int load_certificates(struct server *s)
{
	struct context *c = &s->context;
	AUTO(snapshot) struct snapshot *snapshot = NULL;
	struct tls_failure why = {0};
	char wrong[FILTERS_WHY_LEN];

	if (snapshot_new(c->config, &snapshot) < 0)
		return layer_exit_code(LAYER_LOCAL);
	if (filters_new(c->config, &snapshot->filters, wrong) < 0)
		return host_refused(EV_POLICY_BAD_FILTER, wrong);
	snapshot->anchors = TAKE(s->anchors);
	log_doubts(snapshot);
	if (certificates_make(c->config, false, &why) < 0 || certificates_load(snapshot, &why) < 0)
		return host_refused(why.event, why.text);
	c->snapshot = TAKE(snapshot);
	return 0;
}

static int make_tables(struct server *s)
{
	struct context *c = &s->context;

	return directory_new(c->steering, &c->directory) < 0 || routes_prepare(&s->control) < 0
		       ? layer_exit_code(LAYER_LOCAL)
		       : 0;
}

static int make_workers(struct server *s)
{
	struct context *c = &s->context;
	enum coalesce_kinds joins = (tun_takes_tcp(c->tun) ? COALESCE_TCP : 0) |
				    (tun_takes_udp(c->tun) ? COALESCE_UDP : 0);
	int r = workers_new(c, &s->spare, joins, &s->workers);

	if (r < 0)
		log_event(NULL, EV_OUT_OF_MEMORY, "what=worker error=\"%s\"", strerror(-r));
	return r < 0 ? layer_exit_code(LAYER_LOCAL) : 0;
}

static void take_listener(void *arg, unsigned worker, int fd, bool clear)
{
	struct server *s = arg;

	worker_add_listener(worker_at(s->workers, worker), fd, clear);
}

static int serve_on_machine(struct server *s, struct netlink *nl)
{
	struct context *c = &s->context;
	struct config_error wrong = {0};
	int r = host_configure_tun(&s->host, nl);

	if (!r && host_default_grant(c->config, &c->snapshot->defaults) < 0)
		r = host_refused(EV_OUT_OF_MEMORY, "grant");
	if (!r && host_load_radius(c, c->snapshot, &wrong) < 0)
		r = host_refused(wrong.event, wrong.text);
	if (!r)
		host_configure_radius(c, c->snapshot);
	if (r)
		return r;
	r = make_tables(s);
	if (!r)
		r = make_workers(s);
	if (!r)
		r = host_listen(&s->host, take_listener, s);
	if (!r)
		host_change_machine(&s->host, nl);
	if (!r)
		host_export_pools(&s->host, nl);
	return r;
}

static int begin(struct server *s)
{
	AUTO(netlink) struct netlink *nl = NULL;
	struct os_failure why = {0};
	int r;

	begin_log(s->context.config);
	choose_name(&s->context);
	r = begin_privileged(&s->host);
	if (!r && netlink_new(&nl, &why) < 0)
		r = host_refused(why.event, why.text);
	if (!r)
		r = host_check_pools(&s->host);
	if (!r)
		r = open_store(s, nl);
	if (!r)
		r = load_certificates(s);
	return r ? r : serve_on_machine(s, nl);
}

static void end(struct server *s)
{
	struct context *c = &s->context;

	host_close_radius(&s->host);
	aaa_free(c->aaa);
	store_free(
		c->store); /* writes what waits; the last letters to the workers are posted here */
	c->store = NULL;
	workers_free(c, s->workers);
	account_free(c->account);
	host_restore_machine(&s->host);
	child_keeper_stop();
	steering_free(c->steering);
	tun_free(c->tun);
	urcu_memb_barrier();
	directory_free(c->directory);
	networks_free(c->networks);
	admission_free(c->admission);
	snapshot_free(c->snapshot);
	eap_anchors_unref(s->anchors);
}

/* A descriptor a session: as many as the system grants without a question. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int server_run(struct config *config, control_reread *reread, void *reread_arg)
{
	struct server s = {.context = {.config = config, .started_s = clock_wall_s()},
		.host = {.context = &s.context, .lock = -1},
		.control = {.context = &s.context,
			.host = &s.host,
			.reread = reread,
			.reread_arg = reread_arg}};
	int r;

	raise_descriptor_limit();
	signal(SIGPIPE, SIG_IGN);
	urcu_memb_register_thread();
	spare_init(&s.spare);
	if (mailbox_init(&s.context.control_mailbox) < 0)
		return layer_exit_code(LAYER_LOCAL);
	r = begin(&s);
	s.control.workers = s.workers;
	if (!r)
		r = control_run(&s.control);
	end(&s);
	mailbox_deliver(&s.context.control_mailbox);
	mailbox_done(&s.context.control_mailbox);
	control_done(&s.control);
	accounting_free(s.control.accounting);
	spare_done(&s.spare);
	host_close_state(&s.host);
	urcu_memb_unregister_thread();
	return r;
}
