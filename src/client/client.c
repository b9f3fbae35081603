// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One tunnel at a time, one loop, one thread. What happens is fed to machine.c, whose orders
 * orders.c carries out; attempt.c makes each connection, network.c is for what comes up with it.
 * The order is that of the seven steps: name → TCP → (link and tunnel do TLS, HTTP, SSTP, PPP) →
 * interface, routes, resolver → data. The TUN is opened first, before anything is sent, so that a
 * missing right shows at once and not after a login.
 *
 * Over a lost connection the interface stays, with its address, routes and name servers, and the
 * next connection asks for the same address: TCP connections inside go on. Packets wait in the
 * interface's queue meanwhile, so that what TCP repeated in vain goes out at the first moment.
 *
 * What it sets up and how that goes away: the interface is not persistent, so addresses and routes
 * on it die with the process, however it ends. Policy rules (client/policy.h) carry our protocol
 * mark and are deleted at the end, or by the next start after a kill -9. The resolver is restored
 * the same way (os/resolver.h).
 */
#include "client/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/text.h"
#include "client/guard.h"
#include "client/lane.h"
#include "client/private.h"
#include "os/keylog.h"
#include "os/tun.h"
#include "tls/ctx.h"

static void on_stop(void *arg)
{
	struct client *c = arg;

	machine_stop(&c->machine, clock_mono_ms());
	client_carry_out(c);
}

void client_stop(struct client *c)
{
	on_stop(c);
}

static void on_links_changed(void *arg)
{
	struct client *c = arg;

	client_setup_judge_again(c->setup);
	machine_links_changed(&c->machine, clock_mono_ms());
	client_carry_out(c);
}

static void on_woke(void *arg)
{
	struct client *c = arg;

	client_say(c, "sleep", "this machine has slept");
	machine_woke(&c->machine, clock_mono_ms());
	client_carry_out(c);
}

static const struct client_watch_ops watch_ops = {on_stop, on_links_changed, on_woke};

/* ---- from the start to the end ---------------------------------------------------------- */

static enum event make_tls(struct client *c)
{
	struct tls_client_opts opts = {.ca_file = c->opts->ca_file,
		.pins = c->opts->pins,
		.n_pins = c->opts->n_pins,
		.insecure = c->opts->insecure};
	struct tls_failure why = {0};

	if (c->opts->keylog) {
		opts.keylog = keylog_write;
		opts.keylog_arg = (void *)(uintptr_t)c->opts->keylog;
	}
	return tls_client_ctx_new(&opts, &c->tls, &why) < 0 ? client_fail(c, why.event, why.text)
							    : EV_NONE;
}

static const struct port_ops port_ops = {.route = network_route};

static int lock(struct client *c, struct os_failure *why)
{
	struct guard_lock guard = {.tun = tun_name(c->tun), .lan = c->opts->lock_lan};
	int r = guard_lock(&guard, why);

	if (!r)
		log_event(NULL, EV_CLIENT_LOCKED, "tun=%s", guard.tun);
	return r;
}

static enum event prepare(struct client *c)
{
	struct tun_opts tun = {
		.name = c->opts->tun_name, .queues = 1, .no_offloads = c->opts->no_offloads};
	struct os_failure why = {0};
	char line[80];
	enum event ev = make_tls(c);

	if (ev)
		return ev;
	if (tun_new(&tun, &c->tun, &why) < 0)
		return client_fail(c, why.event, why.text);
	snprintf(line, sizeof(line), "%s, super-packets: %s", tun_name(c->tun),
		tun_offload_text(c->tun));
	client_say(c, "interface", line);
	if (c->opts->lock && lock(c, &why) < 0)
		return client_fail(c, why.event, why.text);
	if (c->opts->insecure)
		fputs("culvert: --insecure: the server's certificate is not checked; anyone on the way "
		      "can read everything and attack your password\n",
			stderr);
	if (client_setup_new(c->opts, c->tun, &c->setup, &why) < 0)
		return client_fail(c, why.event, why.text);
	uv_loop_init(&c->loop);
	uv_timer_init(&c->loop, &c->timer);
	uv_timer_init(&c->loop, &c->lifetimes);
	c->timer.data = c->lifetimes.data = c;
	asker_init(&c->asker, &c->loop, &c->link, network_pushed);
	if (attempt_init(&c->attempt, c->opts, client_on_attempt) < 0 ||
		port_init(&c->port, &c->loop, tun_fd(c->tun, 0),
			(tun_takes_tcp(c->tun) ? COALESCE_TCP : 0) |
				(tun_takes_udp(c->tun) ? COALESCE_UDP : 0),
			&port_ops, &link_calls) < 0)
		return client_fail(c, EV_OUT_OF_MEMORY, "at the start");
	c->attempt.mark = client_setup_mark(c->setup);
	port_set_tun_polling(&c->port, false); /* what comes before the tunnel waits */
	client_watch_start(&c->watch, &c->loop, &watch_ops, c);
	return EV_NONE;
}

static void run(struct client *c)
{
	if (prepare(c))
		return;
	if (c->opts->on_begin)
		c->opts->on_begin(c->opts->arg, c, &c->loop);
	machine_start(&c->machine, clock_mono_ms());
	client_carry_out(c);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	client_lane_free(c->lane);
	port_done(&c->port);
	uv_loop_close(&c->loop);
	client_watch_done(&c->watch);
}

enum event client_run(const struct client_opts *opts, char *detail, size_t detail_cap)
{
	struct client c = {
		.opts = opts, .attempt = {.fd = -1, .stop = -1}, .since_s = clock_wall_s()};
	struct machine_opts machine = {.once = opts->once, .servers = (unsigned)opts->n_servers};

	crypto_random(&machine.seed, sizeof(machine.seed));
	crypto_random(c.correlation, sizeof(c.correlation));
	machine_init(&c.machine, &machine);
	signal(SIGPIPE, SIG_IGN);
	run(&c);
	client_setup_free(c.setup);
	attempt_done(&c.attempt);
	tun_free(c.tun);
	tls_ctx_free(c.tls);
	text_format(detail, detail_cap, "%s", c.machine.text);
	return c.machine.reason;
}
