/*
 * Theory of operation
 *
 * The control thread sets everything up (setup.c), starts the workers, then runs a loop of its own
 * for signals and the control socket. It touches no packet and no session: workers publish counters
 * that it may read, and take orders as letters. At SIGTERM the workers end their sessions politely
 * (CALL_DISCONNECT) and their loops run dry; then what was set up is undone in reverse.
 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <uv.h>

#include "aaa/aaa.h"
#include "admin/control.h"
#include "base/clock.h"
#include "config/config.h"
#include "ip/table.h"
#include "offload/inet.h"
#include "offload/ip_packet.h"
#include "os/netlink.h"
#include "os/notify.h"
#include "os/seccomp.h"
#include "os/steering.h"
#include "server/ipv6.h"
#include "server/limits.h"
#include "server/live.h"
#include "server/setup.h"
#include "server/status.h"
#include "server/watchdog.h"
#include "server/worker.h"
#include "store/store.h"

struct control_thread {
	struct server *server;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint;
	uv_timer_t ipv6_timer;
	struct control *control;
	struct watchdog watchdog;
};

/* ---- what workers ask ---------------------------------------------------------- */

static unsigned sum(const struct server *s, size_t offset)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_workers; i++)
		n += atomic_load_explicit((_Atomic unsigned *)((char *)&s->workers[i] + offset),
			memory_order_relaxed);
	return n;
}

unsigned server_sessions(const struct server *s)
{
	return sum(s, offsetof(struct worker, n_sessions));
}

unsigned server_handshakes(const struct server *s)
{
	return sum(s, offsetof(struct worker, n_handshakes));
}

bool server_accepting(const struct worker *w)
{
	return !atomic_load_explicit(&w->server->draining, memory_order_relaxed) &&
	       server_sessions(w->server) <= (unsigned)w->live->config->server.max_sessions;
}

struct session *server_find_session(
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

void server_note_refused(struct server *s, const struct endpoint *peer)
{
	struct log_scope scope = {0};

	endpoint_format(peer, scope.peer);
	atomic_fetch_add_explicit(&s->refused, 1, memory_order_relaxed);
	log_event(&scope, EV_SERVER_HANDSHAKES_FULL, "max_handshakes=%d",
		s->config->server.max_handshakes);
}

void server_note_no_descriptors(struct server *s)
{
	if (!(atomic_fetch_add_explicit(&s->no_descriptors, 1, memory_order_relaxed) % 1000))
		log_event(NULL, EV_SERVER_NO_DESCRIPTORS, "times=%llu",
			(unsigned long long)atomic_load(&s->no_descriptors));
}

int server_open_spare_fd(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
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

/* ---- the control thread ---------------------------------------------------------- */

static void on_request(void *arg, const json_t *request, struct control_reply *reply)
{
	struct control_thread *ct = arg;
	const char *cmd = json_string_value(json_object_get(request, "cmd"));

	if (!strcmp(cmd, "status"))
		control_answer(reply, status_json(ct->server));
	else
		control_refuse(reply, "unknown command; this server knows: status");
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct control_thread *ct = handle->data;

	log_event(NULL, EV_SERVER_STOPPING, "signal=%d sessions=%u", signum,
		server_sessions(ct->server));
	notify_stopping("sessions are being told");
	atomic_store_explicit(&ct->server->draining, true, memory_order_relaxed);
	for (unsigned i = 0; i < ct->server->n_workers; i++)
		worker_stop(&ct->server->workers[i]);
	control_close(ct->control);
	watchdog_stop(&ct->watchdog);
	uv_close((uv_handle_t *)&ct->sigterm, NULL);
	uv_close((uv_handle_t *)&ct->sigint, NULL);
	uv_close((uv_handle_t *)&ct->ipv6_timer, NULL);
}

static void on_ipv6_timer(uv_timer_t *timer)
{
	AUTO(netlink) struct netlink *nl = NULL;

	if (netlink_new(&nl, NULL) == 0)
		ipv6_check(((struct control_thread *)timer->data)->server, nl);
}

static void watch_ipv6(struct control_thread *ct)
{
	uv_timer_init(&ct->loop, &ct->ipv6_timer);
	ct->ipv6_timer.data = ct;
	uv_timer_start(&ct->ipv6_timer, on_ipv6_timer, IPV6_CHECK_MS, IPV6_CHECK_MS);
}

static void watch_signals(struct control_thread *ct)
{
	uv_signal_init(&ct->loop, &ct->sigterm);
	uv_signal_init(&ct->loop, &ct->sigint);
	ct->sigterm.data = ct->sigint.data = ct;
	uv_signal_start(&ct->sigterm, on_signal, SIGTERM);
	uv_signal_start(&ct->sigint, on_signal, SIGINT);
}

static int open_control(struct control_thread *ct)
{
	char path[512];
	int r;

	snprintf(path, sizeof(path), "%s/%s", ct->server->config->server.state, CONTROL_SOCKET);
	r = control_new(&ct->loop, path, on_request, ct, &ct->control);
	if (r == -EADDRINUSE)
		log_event(NULL, EV_SERVER_ALREADY_RUNNING, "socket=%s", path);
	else if (r < 0)
		log_event(NULL, EV_CONTROL_FAILED, "socket=%s error=\"%s\"", path, strerror(-r));
	return r;
}

static int start_workers(struct server *s)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		int r = worker_start(&s->workers[i]);

		if (r < 0) {
			log_event(NULL, EV_OUT_OF_MEMORY, "what=\"worker thread\" error=\"%s\"",
				strerror(-r));
			return r;
		}
	}
	return 0;
}

/* The last step before it is told that strangers may come. */
static void enter_sandbox(const struct server *s)
{
	struct os_failure why = {0};
	int how = s->config->server.sandbox;

	if (how != CONFIG_SANDBOX_OFF && seccomp_enter(how == CONFIG_SANDBOX_LOG, &why) < 0)
		log_event(NULL, why.event, "%s", why.text);
}

static void announce(const struct server *s)
{
	char pool[PREFIX_TEXT_LEN];

	log_event(NULL, EV_SERVER_READY, "listen=%s workers=%u pool=%s steering=%s pin=%s",
		s->ready_on, s->n_workers, prefix_format(&s->pool, pool),
		s->steering ? "bpf" : "ring", s->live->pin);
	printf("culvert: ready on %s\n", s->ready_on);
	fflush(stdout);
	notify_ready(s->ready_on);
}

static int serve(struct server *s)
{
	struct control_thread ct = {.server = s};
	int r;

	uv_loop_init(&ct.loop);
	r = open_control(&ct);
	if (!r)
		r = start_workers(s);
	if (!r)
		r = watchdog_start(&ct.watchdog, &ct.loop, s);
	if (!r) {
		watch_signals(&ct);
		watch_ipv6(&ct);
		enter_sandbox(s);
		announce(s);
	} else {
		for (unsigned i = 0; i < s->n_workers; i++)
			worker_stop(&s->workers[i]);
		control_close(ct.control);
	}
	uv_run(&ct.loop, UV_RUN_DEFAULT);
	control_free(ct.control);
	watchdog_done(&ct.watchdog);
	uv_loop_close(&ct.loop);
	return r ? layer_exit_code(LAYER_LOCAL) : 0;
}

int server_run(struct config *config)
{
	struct server s = {.config = config, .spare_fd = -1, .started_s = clock_wall_s()};
	int r;

	signal(SIGPIPE, SIG_IGN);
	urcu_memb_register_thread();
	pthread_mutex_init(&s.spare_lock, NULL);
	s.spare_fd = server_open_spare_fd();
	r = server_setup(&s);
	if (!r)
		r = serve(&s);
	server_setup_undo(&s);
	close(s.spare_fd);
	urcu_memb_unregister_thread();
	return r;
}
