/*
 * unit/server/rooms.h — a context with two sites and no thread: letters are delivered when the test
 * says so, the clock stands until the test moves it (the linker takes nothing from base/clock.c).
 * Included once in a test's program.
 */
#pragma once
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

#include "aaa/grant.h"
#include "base/clock.h"
#include "base/line.h"
#include "config/config.h"
#include "server/admission/admission.h"
#include "server/core/account.h"
#include "server/core/context.h"
#include "server/core/directory.h"
#include "server/core/networks.h"
#include "server/core/site.h"
#include "server/core/snapshot.h"
#include "server/session/private.h"

#define SITES 2
#ifndef SITE_SIZE /* of what a site is the first part of, in a test that needs all of it */
#define SITE_SIZE sizeof(struct site)
#endif

static uint64_t now_us = 1000000000;

uint64_t clock_mono_us(void)
{
	return now_us;
}

int64_t clock_wall_s(void)
{
	return 1700000000 + (int64_t)(now_us / 1000000);
}

struct rooms {
	struct context context;
	struct site *sites[SITES];
	unsigned begun, ended, attempts; /* reports to the account */
	struct db_session last;
	enum event last_attempt;
	unsigned left; /* calls of the leave hook */
};

static struct rooms *the_rooms;

/* ---- a sink that counts ---- */

static inline void rooms_begin(void *arg, const struct db_session *s)
{
	struct rooms *r = arg;

	r->begun++;
	r->last = *s;
}

static inline void rooms_end(void *arg, const struct db_session *s)
{
	struct rooms *r = arg;

	r->ended++;
	r->last = *s;
}

static inline void rooms_attempt(void *arg, const struct db_attempt *a)
{
	struct rooms *r = arg;

	r->attempts++;
	r->last_attempt = a->outcome;
}

static const struct account_sink rooms_sink = {
	.begin = rooms_begin, .end = rooms_end, .attempt = rooms_attempt};

/* ---- sites ---- */

static inline void rooms_leave(struct site *site)
{
	(void)site;
	the_rooms->left++;
}

static inline struct site *rooms_site(struct context *c, unsigned index)
{
	static const struct port_ops ops;
	struct site *site = line_calloc(SITE_SIZE);

	assert_non_null(site);
	*site = (struct site){.context = c,
		.snapshot = snapshot_ref(c->snapshot),
		.index = index,
		.leave = rooms_leave};
	site->held_tail = &site->held;
	assert_int_equal(mailbox_init(&site->mailbox), 0);
	assert_int_equal(uv_loop_init(&site->loop), 0);
	assert_int_equal(port_init(&site->port, &site->loop, -1, 0, &ops, &link_calls), 0);
	return site;
}

/* `text`: the configuration. */
static inline struct rooms *rooms_new(const char *text)
{
	struct rooms *r = calloc(1, sizeof(*r));
	struct config_error err;
	struct context *c = &r->context;

	the_rooms = r;
	urcu_memb_register_thread();
	if (config_parse("test", text, strlen(text), &c->config, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(snapshot_new(c->config, &c->snapshot), 0);
	assert_int_equal(mailbox_init(&c->control_mailbox), 0);
	assert_int_equal(directory_new(NULL, &c->directory), 0);
	assert_int_equal(networks_new(NULL, NULL, &c->networks), 0);
	assert_int_equal(admission_new(&c->admission), 0);
	assert_int_equal(account_new(&c->account), 0);
	assert_int_equal(account_add_sink(c->account, &rooms_sink, r), 0);
	c->pool = (struct prefix){addr_v4(0x0a000000), 24};
	c->nets[c->n_nets++] = c->pool;
	c->addresses.local = addr_v4(0x0a000001);
	c->sites = r->sites;
	c->n_sites = SITES;
	for (unsigned i = 0; i < SITES; i++)
		r->sites[i] = rooms_site(c, i);
	return r;
}

static inline void rooms_deliver(struct rooms *r)
{
	for (unsigned i = 0; i < SITES; i++)
		mailbox_deliver(&r->sites[i]->mailbox);
	mailbox_deliver(&r->context.control_mailbox);
}

/* ---- sessions: a link on a socket pair, a tunnel without TLS ---- */

static inline void rooms_closed(struct link *l)
{
	struct session *s = session_of(l);

	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		s->site->sessions = s->next;
	if (s->question)
		question_abandon(s->question);
	aaa_end(s->conversation);
	addresses_give_back(s);
	directory_leave(s->site->context->directory, &s->place);
	grant_unref(s->grant);
	free(s);
}

static inline void rooms_event(struct link *l, const struct tunnel_event *ev)
{
	if (ev->type == TUNNEL_ENDED)
		session_of(l)->ended_by = ev->reason;
}

static const struct link_ops rooms_link_ops = {
	.event = rooms_event, .accept_source = addresses_accept_source, .closed = rooms_closed};

static inline struct session *rooms_session(struct site *site, uint64_t id, const char *user)
{
	enum auth_method methods[] = {AUTH_MSCHAPV2};
	struct tunnel_opts opts = {.role = TUNNEL_SERVER,
		.certs = &(struct sstp_cert_hash){.sha256 = {1}},
		.n_certs = 1,
		.scratch = site->port.scratch,
		.binding_hashes = 2,
		.hello_ms = 60000,
		.negotiation_ms = 60000,
		.handshake_ms = 60000,
		.first_octet_ms = 60000,
		.login_ms = 60000,
		.mru = 1400,
		.methods = methods,
		.n_methods = 1,
		.name = "test",
		.ipv4 = true,
		.ipv6 = true};
	struct session *s = line_calloc(sizeof(*s));
	struct tunnel *tunnel;
	int pair[2];

	assert_non_null(s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	close(pair[1]);
	assert_int_equal(tunnel_new(&opts, clock_mono_ms(), &tunnel), 0);
	assert_int_equal(link_init(&s->link, &site->port, pair[0], tunnel, &rooms_link_ops), 0);
	s->site = site;
	s->scope.session = id;
	s->opened_s = clock_wall_s();
	strcpy(s->user, user);
	strcpy(s->scope.peer, "192.0.2.1:5000");
	assert_int_equal(grant_new(&(struct grant_values){0}, &s->grant), 0);
	s->next = site->sessions;
	if (s->next)
		s->next->prev = s;
	site->sessions = s;
	return s;
}

/* All sessions go, then everything. */
static inline void rooms_free(struct rooms *r)
{
	struct context *c = &r->context;

	for (unsigned i = 0; i < SITES; i++) {
		struct site *site = r->sites[i];
		struct session *next;

		for (struct session *s = site->sessions; s; s = next) {
			next = s->next;
			session_end(s, EV_SERVER_STOPPING);
			link_abort(&s->link);
		}
		port_close(&site->port);
		uv_run(&site->loop, UV_RUN_DEFAULT);
		mailbox_deliver(&site->mailbox);
		mailbox_done(&site->mailbox);
		port_done(&site->port);
		assert_int_equal(uv_loop_close(&site->loop), 0);
		snapshot_free(site->snapshot);
		free(site);
	}
	mailbox_done(&c->control_mailbox);
	urcu_memb_barrier();
	directory_free(c->directory);
	networks_free(c->networks);
	admission_free(c->admission);
	account_free(c->account);
	snapshot_free(c->snapshot);
	config_free(c->config);
	urcu_memb_unregister_thread();
	free(r);
}
