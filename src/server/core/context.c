/*
 * Theory of operation
 *
 * The control thread sets everything up (setup.c), starts the workers, then runs a loop of its own
 * (governor.c) for signals and the control socket. It touches no packet and no session: workers
 * publish counters that it may read, and take orders as letters. At SIGTERM the workers end their
 * sessions politely (CALL_DISCONNECT) and their loops run dry; then what was set up is undone in
 * reverse.
 */
#include "server/core/context.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <uv.h>

#include "aaa/aaa.h"
#include "base/clock.h"
#include "base/hot.h"
#include "config/config.h"
#include "ip/table.h"
#include "offload/inet.h"
#include "offload/ip_packet.h"
#include "os/netlink.h"
#include "os/notify.h"
#include "os/seccomp.h"
#include "os/steering.h"
#include "server/control/control.h"
#include "server/core/directory.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"
#include "server/host/setup.h"
#include "server/worker/worker.h"
#include "store/store.h"

/* ---- what workers ask ------------------------------------------------------------------------- */

static unsigned sum(const struct server *s, size_t offset)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_workers; i++)
		n += atomic_load_explicit((_Atomic unsigned *)((char *)&s->workers[i] + offset),
			memory_order_relaxed);
	return n;
}

unsigned server_connections(const struct server *s)
{
	return sum(s, offsetof(struct worker, n_connections));
}

unsigned server_sessions(const struct server *s)
{
	return directory_count(s->directory);
}

unsigned server_handshakes(const struct server *s)
{
	return sum(s, offsetof(struct worker, n_handshakes));
}

bool server_accepting(const struct worker *w)
{
	return !atomic_load_explicit(&w->server->draining, memory_order_relaxed) &&
	       server_sessions(w->server) < (unsigned)w->live->config->server.max_sessions;
}

HOT struct session *server_find_session(
	struct server *s, const struct ip_packet *ip, struct worker **ret_owner)
{
	struct table_hit hit;
	bool found;

	urcu_memb_read_lock();
	found = ip->version == 4
			? table_lookup_v4(s->table, ip->octets + IPV4_ADDRESSES + 4, &hit)
			: table_lookup_v6(s->table, ip->octets + IPV6_ADDRESSES + 16, &hit);
	urcu_memb_read_unlock();
	/* Only the owner may look inside the session, and only the owner ends it: no more is needed. */
	*ret_owner = found ? &s->workers[hit.worker] : NULL;
	return found ? hit.session : NULL;
}

void server_note_refused(struct server *s, const struct endpoint *peer, enum event why)
{
	uint64_t n = atomic_fetch_add_explicit(&s->refused, 1, memory_order_relaxed) + 1;
	int64_t now_s = clock_wall_s();
	struct log_scope scope = {0};

	/* A flood must not become one of the log. */
	if (atomic_exchange_explicit(&s->refused_told_s, now_s, memory_order_relaxed) == now_s)
		return;
	endpoint_format(peer, scope.peer);
	log_event(&scope, why, "refused_so_far=%" PRIu64, n);
}

bool server_tells_of_stranger(struct server *s)
{
	int64_t now_s = clock_wall_s();

	if (atomic_exchange_explicit(&s->strangers_s, now_s, memory_order_relaxed) != now_s)
		atomic_store_explicit(&s->strangers, 0, memory_order_relaxed);
	return atomic_fetch_add_explicit(&s->strangers, 1, memory_order_relaxed) <
	       STRANGERS_TOLD_PER_SECOND;
}

void server_note_no_descriptors(struct server *s)
{
	uint64_t n = atomic_fetch_add_explicit(&s->no_descriptors, 1, memory_order_relaxed) + 1;
	int64_t now_s = clock_wall_s();

	if (atomic_exchange_explicit(&s->no_descriptors_told_s, now_s, memory_order_relaxed) !=
		now_s)
		log_event(NULL, EV_SERVER_NO_DESCRIPTORS, "refused_so_far=%" PRIu64, n);
}

void server_worker_begins(struct server *s)
{
	(void)s;
	urcu_memb_register_thread();
}

void server_worker_ends(struct server *s)
{
	(void)s;
	urcu_memb_unregister_thread();
}

/* ---- start and end -------------------------------------------------------------------------- */

/* A descriptor a session: as many as the system lets us have without asking anybody. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int server_run(struct config *config, governor_reread *reread, void *reread_arg)
{
	struct server s = {.config = config, .lock = -1, .started_s = clock_wall_s()};
	struct governor g = {.server = &s, .reread = reread, .reread_arg = reread_arg};
	int r;

	raise_descriptor_limit();
	signal(SIGPIPE, SIG_IGN);
	urcu_memb_register_thread();
	spare_init(&s.spare);
	pthread_mutex_init(&s.admit_lock, NULL);
	if (mailbox_init(&s.control_mailbox) < 0)
		return layer_exit_code(LAYER_LOCAL);
	r = server_setup(&s);
	if (!r)
		r = governor_run(&g);
	server_setup_undo(&s);
	mailbox_deliver(&s.control_mailbox);
	mailbox_done(&s.control_mailbox);
	control_free(g.control); /* last: other threads asked it whether events are followed */
	spare_done(&s.spare);
	if (s.lock >= 0)
		close(s.lock); /* the very last: the next start may begin */
	urcu_memb_unregister_thread();
	return r;
}
