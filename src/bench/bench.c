// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A caller is one tunnel: a link on the port of this process, which has no TUN. What comes out of a
 * tunnel is read in deliver(), what goes in is made in send_load(). All of it happens on one thread.
 *
 * Phases: LOGIN, until every caller is up or has failed; HOLD, with or without load; CLOSE, politely.
 * With churn, LOGIN lasts as long as HOLD would and a caller that is up hangs up and calls again.
 *
 * Callers are begun, ended and fed in on_turn(), once a loop turn after the sockets were served:
 * never in a link's callback, for all tunnels share one plaintext buffer. A timer keeps turns coming
 * each millisecond, so the load leaves in bursts of a millisecond's worth, evenly over all tunnels.
 *
 * It ends by itself: logins, holding and closing have time limits, and when none of the first logins
 * succeeds, the rest is skipped.
 */
#include "bench/bench.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "bench/probe.h"
#include "datapath/link.h"
#include "os/dial.h"
#include "os/socket.h"
#include "tls/ctx.h"
#include "tls/engine.h"

#define BEGUN_PER_TURN 16  /* then the sockets get their turn */
#define CLOSED_PER_TURN 64 /* the same at the end */
#define SENT_PER_TURN 1024 /* and while loading */
#define LATE_MS 50         /* load that is later than this is not sent any more */
#define CLOSE_MS 10000     /* for all good-byes together */
#define SWEEP_MS 100       /* how often logins are looked at that take too long */
#define PROGRESS_MS 1000
#define DESCRIPTORS_BESIDE 64 /* besides the tunnels' */

struct bench;

struct caller {
	struct link link; /* first */
	struct bench *bench;
	enum { CALLER_FREE, CALLER_CONNECTING, CALLER_UP, CALLER_CLOSING } state;
	uint32_t up_at;  /* its place in bench.up */
	uint32_t number; /* of the next probe */
	uint64_t begun_us;
	struct addr local, peer;
	struct caller *next_free;
	bool timed_out;
};

struct bench {
	const struct bench_opts *opts;
	struct bench_result *result;
	struct endpoint server;
	struct tls_ctx *tls;
	struct port port;
	uv_loop_t loop;
	uv_timer_t timer;
	uv_check_t turn;
	uv_signal_t sigint, sigterm;
	struct caller *callers;
	struct caller *free;
	struct caller **up;                   /* those that are up, in no order */
	uint32_t n_connecting, n_open, begun; /* n_open: links that exist */
	uint32_t next_to_send;
	double due; /* packets that should have left by now */
	uint64_t run, start_us, phase_us, load_us, sweep_us, progress_us, last_login_us, cpu_us;
	bool closing;
};

static struct caller *caller_of(struct link *l)
{
	return container_of(l, struct caller, link);
}

static uint64_t own_cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* ---- phases ---------- */

static void report(struct bench *b)
{
	b->progress_us = clock_mono_us();
	if (b->opts->progress)
		b->opts->progress(b->opts->progress_arg, b->result);
}

static void end_phase(struct bench *b, uint64_t now_us)
{
	struct bench_result *r = b->result;
	uint64_t cpu = own_cpu_us();

	if (r->phase == BENCH_LOGIN) {
		r->login_us = b->last_login_us > b->start_us ? b->last_login_us - b->start_us : 0;
		r->login_cpu_us = cpu - b->cpu_us;
	}
	if (r->phase == BENCH_HOLD) {
		r->hold_us = now_us - b->phase_us;
		r->hold_cpu_us = cpu - b->cpu_us;
	}
	b->cpu_us = cpu;
	b->phase_us = b->load_us = now_us;
}

static void enter(struct bench *b, enum bench_phase phase, uint64_t now_us)
{
	if (phase <= b->result->phase)
		return;
	end_phase(b, now_us);
	b->result->phase = phase;
	report(b);
}

/* ---- callers come and go ---------- */

static void count_failure(struct bench *b, enum event ev, const char *text)
{
	struct bench_result *r = b->result;
	unsigned i = 0;

	while (i < r->n_failures && r->failures[i].event != ev)
		i++;
	if (i == BENCH_FAILURES_MAX)
		return;
	if (i == r->n_failures) {
		r->n_failures++;
		r->failures[i].event = ev;
		snprintf(r->failures[i].text, sizeof(r->failures[i].text), "%s", text);
	}
	r->failures[i].count++;
}

static void come_up(struct caller *c, const struct tunnel_event *ev)
{
	struct bench *b = c->bench;
	struct bench_result *r = b->result;

	if (ev->family != AF_INET || c->state != CALLER_CONNECTING)
		return;
	c->state = CALLER_UP;
	c->local = c->link.local4 = ev->addresses->local;
	c->peer = ev->addresses->peer;
	c->link.mtu = tunnel_peer_mru(c->link.tunnel);
	b->n_connecting--;
	c->up_at = r->up;
	b->up[r->up++] = c;
	if (r->up > r->up_most)
		r->up_most = r->up;
	r->logins++;
	b->last_login_us = clock_mono_us();
	tally_add(&r->login, b->last_login_us - c->begun_us);
}

static void no_longer_up(struct caller *c)
{
	struct bench *b = c->bench;
	struct caller *last = b->up[--b->result->up];

	b->up[c->up_at] = last;
	last->up_at = c->up_at;
}

static void end_call(struct caller *c, const struct tunnel_event *ev)
{
	struct bench *b = c->bench;
	bool unwanted = c->state == CALLER_CONNECTING || c->state == CALLER_UP;

	if (c->state == CALLER_CONNECTING) {
		b->n_connecting--;
		if (!b->closing)
			b->result->failed++;
	}
	if (c->state == CALLER_UP) {
		no_longer_up(c);
		b->result->lost++;
	}
	c->state = CALLER_CLOSING;
	if (unwanted && !b->closing)
		count_failure(b, c->timed_out ? EV_TCP_TIMEOUT : ev->reason,
			c->timed_out ? "the login took too long" : ev->text);
}

static void on_event(struct link *l, const struct tunnel_event *ev)
{
	struct caller *c = caller_of(l);

	switch (ev->type) {
	case TUNNEL_STEP:
		tally_add(&c->bench->result->steps[ev->step - TUNNEL_STEP_TLS],
			clock_mono_us() - c->begun_us);
		break;
	case TUNNEL_UP: come_up(c, ev); break;
	case TUNNEL_ENDED: end_call(c, ev); break;
	case TUNNEL_BOUND:
	case TUNNEL_DOWN: /* the end follows */
	case TUNNEL_IDENTIFIED:
	case TUNNEL_HTTP_REQUEST:
	case TUNNEL_AUTH_REQUEST:
	case TUNNEL_LANE_REQUEST:
	case TUNNEL_LANE_UP:
	case TUNNEL_BATCH_END:
	case TUNNEL_PACKET: break;
	} /* no default */
}

static bool accept_any_source(
	struct link *l UNUSED, const uint8_t *octets UNUSED, const struct ip_packet *ip UNUSED)
{
	return true;
}

static void on_closed(struct link *l)
{
	struct caller *c = caller_of(l);

	c->state = CALLER_FREE;
	c->next_free = c->bench->free;
	c->bench->free = c;
	c->bench->n_open--;
}

static const struct link_ops link_ops = {
	.event = on_event, .accept_source = accept_any_source, .closed = on_closed};

/* ---- a call ---------- */

static const char *wanted_congestion(const struct bench *b)
{
	return b->opts->congestion ? b->opts->congestion : CONGESTION_AUTO;
}

static void tune(void *arg, int fd)
{
	tcp_tune_client(fd, congestion_first(wanted_congestion(arg)), 0);
}

/*
 * A connection on its way: the link's first write waits until it stands. From the next of the source
 * addresses; the port is chosen per destination, so 28,000 fit each.
 */
static int dial(struct bench *b, int *ret_fd)
{
	const struct bench_opts *o = b->opts;
	struct endpoint source = {0};
	struct dial_opts opts = {.try_ms = (uint64_t)o->timeout_s * 1000, .tune = tune, .arg = b};
	struct dial dial;
	int fd;

	if (o->n_sources) {
		source.addr = o->sources[b->begun % o->n_sources];
		opts.source = &source;
	}
	dial_init(&dial, &opts, &b->server, 1);
	fd = dial_step(&dial, clock_mono_ms());
	if (fd == -EINPROGRESS)
		fd = dial_take(&dial);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int make_tunnel(struct bench *b, struct tunnel **ret)
{
	static const enum auth_method methods[] = {AUTH_MSCHAPV2};
	const struct bench_opts *o = b->opts;
	const struct bench_user *user = &o->users[b->begun % o->n_users];
	struct tls_peer_opts peer = {.host = o->host, .sni = o->sni};
	struct tunnel_opts opts = {.tls = b->tls,
		.require_binding = true,
		.hello_ms = (uint64_t)o->hello_s * 1000,
		.methods = methods,
		.n_methods = ARRAY_SIZE(methods),
		.user = user->name,
		.password = user->password,
		.ipv4 = true};

	tunnel_client_opts(&opts, &peer, o->port, b->port.scratch);
	return tunnel_new(&opts, clock_mono_ms(), ret);
}

static int open_link(struct bench *b, struct caller *c)
{
	AUTO(tunnel) struct tunnel *tunnel = NULL;
	int fd = -1, r = dial(b, &fd);

	if (r < 0)
		return r;
	r = make_tunnel(b, &tunnel);
	if (!r)
		r = link_init(&c->link, &b->port, fd, tunnel, &link_ops);
	if (r < 0) {
		close(fd);
		return r;
	}
	(void)TAKE(tunnel);
	if (congestion_is_ours(wanted_congestion(b)))
		link_choose_congestion(&c->link);
	return 0;
}

static void begin_call(struct bench *b)
{
	struct caller *c = b->free;
	int r;

	b->free = c->next_free;
	c->begun_us = clock_mono_us();
	c->timed_out = false;
	r = open_link(b, c);
	b->begun++;
	if (r < 0) {
		b->result->failed++;
		count_failure(b, EV_CONNECT_FAILED, strerror(-r));
		c->next_free = b->free;
		b->free = c;
		return;
	}
	c->state = CALLER_CONNECTING;
	b->n_connecting++;
	b->n_open++;
	link_start(&c->link);
}

static void hang_up(struct caller *c)
{
	if (c->state == CALLER_UP)
		no_longer_up(c);
	if (c->state == CALLER_CONNECTING)
		c->bench->n_connecting--;
	c->state = CALLER_CLOSING;
	link_close(&c->link, EV_CLIENT_STOPPED);
}

/* ---- the phases' work, once a turn ---------- */

/* Of the first logins, as many as may be under way at once, not one succeeded. */
static bool hopeless(const struct bench *b)
{
	const struct bench_result *r = b->result;

	return !r->logins && r->failed >= b->opts->parallel && r->failed < r->wanted;
}

static void begin_calls(struct bench *b, uint64_t now_us)
{
	const struct bench_opts *o = b->opts;
	uint64_t allowed = o->churn ? UINT64_MAX : o->tunnels;

	if (o->rate && 1 + (now_us - b->start_us) * o->rate / 1000000 < allowed)
		allowed = 1 + (now_us - b->start_us) * o->rate / 1000000;
	for (unsigned i = 0; i < BEGUN_PER_TURN && b->free && b->begun < allowed &&
			     b->n_connecting < o->parallel;
		i++)
		begin_call(b);
}

static void do_login(struct bench *b, uint64_t now_us)
{
	struct bench_result *r = b->result;

	begin_calls(b, now_us);
	r->gave_up = hopeless(b);
	if (b->opts->churn) {
		for (unsigned i = 0; i < BEGUN_PER_TURN && r->up; i++)
			hang_up(b->up[0]);
		if (now_us - b->start_us >= (uint64_t)b->opts->hold_s * 1000000 || r->gave_up)
			enter(b, BENCH_CLOSE, now_us);
		return;
	}
	if (r->gave_up || (b->begun == r->wanted && !b->n_connecting))
		enter(b, r->up ? BENCH_HOLD : BENCH_CLOSE, now_us);
}

static void send_probe(struct bench *b, struct caller *c, uint64_t now_us)
{
	const struct bench_opts *o = b->opts;
	struct probe p = {.run = b->run,
		.sent_us = now_us,
		.caller = (uint32_t)(c - b->callers),
		.number = c->number++};
	struct endpoint to = o->target;
	uint8_t packet[PROBE_LEN_MAX];

	if (!to.addr.family)
		to.addr = c->peer;
	if (o->load == BENCH_LOAD_ECHO)
		probe_echo(&p, &c->local, &to.addr, packet, o->size);
	else
		probe_udp(&p, &c->local, &to, packet, o->size);
	link_send_copy(&c->link, &(struct vnet_hdr){0}, packet, o->size);
	b->result->sent++;
}

static void send_load(struct bench *b, uint64_t now_us)
{
	struct bench_result *r = b->result;
	double rate = b->opts->per_second * r->up, most = rate * LATE_MS / 1000;

	if (b->opts->load == BENCH_LOAD_NONE)
		return;
	b->due += rate * (double)(now_us - b->load_us) / 1e6;
	b->load_us = now_us;
	if (b->due > most + 1) {
		r->late += (uint64_t)(b->due - most);
		b->due = most;
	}
	for (unsigned i = 0; i < SENT_PER_TURN && b->due >= 1 && r->up; i++, b->due--) {
		if (b->next_to_send >= r->up)
			b->next_to_send = 0;
		send_probe(b, b->up[b->next_to_send++], clock_mono_us());
	}
	port_flush(&b->port);
}

static void do_hold(struct bench *b, uint64_t now_us)
{
	send_load(b, now_us);
	if (!b->result->up || now_us - b->phase_us >= (uint64_t)b->opts->hold_s * 1000000)
		enter(b, BENCH_CLOSE, now_us);
}

static void close_handles(struct bench *b)
{
	port_close(&b->port);
	uv_close((uv_handle_t *)&b->timer, NULL);
	uv_close((uv_handle_t *)&b->turn, NULL);
	uv_close((uv_handle_t *)&b->sigint, NULL);
	uv_close((uv_handle_t *)&b->sigterm, NULL);
}

/* Those that never got in have nothing to say good-bye to; the others have CLOSE_MS. */
static void cut_off(struct bench *b, bool all)
{
	for (uint32_t i = 0; i < b->opts->tunnels; i++) {
		struct caller *c = &b->callers[i];

		if (c->state == CALLER_CONNECTING || (all && c->state != CALLER_FREE))
			link_abort(&c->link);
	}
}

static void do_close(struct bench *b, uint64_t now_us)
{
	bool late = now_us - b->phase_us > CLOSE_MS * 1000ull;

	b->closing = true;
	for (unsigned i = 0; i < CLOSED_PER_TURN && b->result->up; i++)
		hang_up(b->up[0]);
	if (late || b->n_connecting)
		cut_off(b, late);
	if (b->n_open)
		return;
	enter(b, BENCH_DONE, now_us);
	close_handles(b);
}

/* Logins that take too long: looked for now and then. */
static void sweep(struct bench *b, uint64_t now_us)
{
	uint64_t most = (uint64_t)b->opts->timeout_s * 1000000;

	b->sweep_us = now_us;
	for (uint32_t i = 0; i < b->opts->tunnels && b->n_connecting; i++) {
		struct caller *c = &b->callers[i];

		if (c->state != CALLER_CONNECTING || now_us - c->begun_us < most)
			continue;
		c->timed_out = true;
		link_abort(&c->link);
	}
}

static void on_turn(uv_check_t *turn)
{
	struct bench *b = turn->data;
	uint64_t now_us = clock_mono_us();

	if (now_us - b->sweep_us >= SWEEP_MS * 1000)
		sweep(b, now_us);
	if (now_us - b->progress_us >= PROGRESS_MS * 1000)
		report(b);
	switch (b->result->phase) {
	case BENCH_LOGIN: do_login(b, now_us); break;
	case BENCH_HOLD: do_hold(b, now_us); break;
	case BENCH_CLOSE: do_close(b, now_us); break;
	case BENCH_DONE: break;
	}
}

static void on_timer(UNUSED uv_timer_t *timer)
{
}

static void on_signal(uv_signal_t *handle, UNUSED int signum)
{
	struct bench *b = handle->data;

	b->result->interrupted = true;
	enter(b, BENCH_CLOSE, clock_mono_us());
}

/* What comes out of a tunnel. */
static void deliver(struct link *l, const uint8_t *octets, size_t n)
{
	struct bench *b = caller_of(l)->bench;
	struct probe p;

	if (!probe_parse(octets, n, b->run, &p)) {
		b->result->others++;
		return;
	}
	b->result->answered++;
	tally_add(&b->result->answer, clock_mono_us() - p.sent_us);
}

/* ---- putting it together ---------- */

static const struct port_ops port_ops = {.deliver = deliver};

static enum event resolve(struct bench *b, char *detail, size_t cap)
{
	int family = b->opts->n_sources ? b->opts->sources[0].family : AF_UNSPEC;
	struct endpoint found[DIAL_ADDRESSES_MAX];
	size_t n;
	int r = dial_lookup(b->opts->host, b->opts->port, family, found, &n);

	if (r) {
		snprintf(detail, cap, "%s: %s", b->opts->host, gai_strerror(r));
		return r == EAI_NONAME || r == EAI_NODATA ? EV_DNS_NO_SUCH_NAME : EV_DNS_FAILED;
	}
	b->server = found[0];
	return EV_NONE;
}

/* A descriptor for each tunnel. */
static enum event raise_descriptors(const struct bench *b, char *detail, size_t cap)
{
	rlim_t want = b->opts->tunnels + DESCRIPTORS_BESIDE;
	struct rlimit lim;

	getrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur >= want)
		return EV_NONE;
	lim.rlim_cur = want;
	if (lim.rlim_max < want)
		lim.rlim_max = want;
	if (!setrlimit(RLIMIT_NOFILE, &lim))
		return EV_NONE;
	getrlimit(RLIMIT_NOFILE, &lim);
	snprintf(detail, cap, "%u tunnels need %llu descriptors, this process may have %llu",
		b->opts->tunnels, (unsigned long long)want, (unsigned long long)lim.rlim_max);
	return EV_BENCH_NO_DESCRIPTORS;
}

static enum event make_tls(struct bench *b, char *detail, size_t cap)
{
	struct tls_client_opts opts = {.ca_file = b->opts->ca_file,
		.pins = b->opts->pins,
		.n_pins = b->opts->n_pins,
		.insecure = b->opts->insecure};
	struct tls_failure why = {0};

	if (!tls_client_ctx_new(&opts, &b->tls, &why))
		return EV_NONE;
	snprintf(detail, cap, "%s", why.text);
	return why.event;
}

static enum event make_callers(struct bench *b)
{
	uint32_t n = b->opts->tunnels;

	b->callers = calloc(n, sizeof(*b->callers));
	b->up = calloc(n, sizeof(struct caller *));
	if (!b->callers || !b->up)
		return EV_OUT_OF_MEMORY;
	for (uint32_t i = n; i--;) {
		b->callers[i].bench = b;
		b->callers[i].next_free = b->free;
		b->free = &b->callers[i];
	}
	return EV_NONE;
}

static void watch_signal(struct bench *b, uv_signal_t *handle, int signum)
{
	uv_signal_init(&b->loop, handle);
	handle->data = b;
	uv_signal_start(handle, on_signal, signum);
}

static enum event run(struct bench *b)
{
	uv_loop_init(&b->loop);
	if (port_init(&b->port, &b->loop, -1, COALESCE_NOTHING, &port_ops, &link_calls) < 0)
		return EV_OUT_OF_MEMORY;
	uv_timer_init(&b->loop, &b->timer);
	uv_check_init(&b->loop, &b->turn);
	b->turn.data = b;
	watch_signal(b, &b->sigint, SIGINT);
	watch_signal(b, &b->sigterm, SIGTERM);
	crypto_random(&b->run, sizeof(b->run));
	b->cpu_us = own_cpu_us();
	b->start_us = b->phase_us = b->sweep_us = clock_mono_us();
	report(b);
	uv_timer_start(&b->timer, on_timer, 1, 1);
	uv_check_start(&b->turn, on_turn);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	port_done(&b->port);
	uv_loop_close(&b->loop);
	return EV_NONE;
}

enum event bench_run(
	const struct bench_opts *opts, struct bench_result *ret, char *detail, size_t detail_cap)
{
	struct bench b = {.opts = opts, .result = ret};
	enum event ev;

	*ret = (struct bench_result){.wanted = opts->tunnels};
	*detail = '\0';
	signal(SIGPIPE, SIG_IGN);
	ev = resolve(&b, detail, detail_cap);
	if (!ev)
		ev = raise_descriptors(&b, detail, detail_cap);
	if (!ev)
		ev = make_tls(&b, detail, detail_cap);
	if (!ev)
		ev = make_callers(&b);
	if (!ev)
		ev = run(&b);
	free(b.callers);
	free(b.up);
	tls_ctx_free(b.tls);
	return ev;
}
