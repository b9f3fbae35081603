// SPDX-License-Identifier: Apache-2.0
#include "os/lookup.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"

#define ASK_MS 2000     /* one server once */
#define ASK_TRIES 2     /* each server */
#define ASK_ALL_MS 9000 /* all of it */

static int cancelled(void)
{
	errno = ECANCELED;
	return EAI_SYSTEM;
}

/* ---- the system's way, in a thread that may be left behind ---------------------------------- */

struct job {
	atomic_int owners; /* the last one frees */
	int done;          /* eventfd */
	char host[256];
	uint16_t port;
	int family, result, error;
	struct endpoint found[DIAL_ADDRESSES_MAX];
	size_t n;
};

static void job_leave(struct job *j)
{
	if (atomic_fetch_sub(&j->owners, 1) != 1)
		return;
	close(j->done);
	free(j);
}

static void *job_run(void *arg)
{
	struct job *j = arg;

	j->result = dial_lookup(j->host, j->port, j->family, j->found, &j->n);
	j->error = errno;
	eventfd_write(j->done, 1);
	job_leave(j);
	return NULL;
}

static struct job *job_new(const struct lookup_opts *o)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->owners = 2;
	j->port = o->port;
	j->family = o->family;
	snprintf(j->host, sizeof(j->host), "%s", o->host);
	j->done = eventfd(0, EFD_CLOEXEC);
	if (j->done >= 0)
		return j;
	free(j);
	return NULL;
}

/* Signals are for the caller's threads. */
static int job_start(struct job *j)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, job_run, j);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int ask_system(const struct lookup_opts *o, struct endpoint *ret, size_t *ret_n)
{
	struct job *j = job_new(o);
	struct pollfd p[2] = {
		{.fd = j ? j->done : -1, .events = POLLIN}, {.fd = o->cancel_fd, .events = POLLIN}};
	int r;

	if (!j || job_start(j)) {
		if (j)
			close(j->done);
		free(j);
		return EAI_MEMORY;
	}
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (p[0].revents) {
		memcpy(ret, j->found, sizeof(j->found));
		*ret_n = j->n;
		r = j->result;
		errno = j->error;
		job_leave(j);
		return r;
	}
	job_leave(j);
	return cancelled();
}

/* ---- name servers of our own choice ---------------------------------- */

struct question {
	const struct lookup_opts *opts;
	struct endpoint *ret;
	size_t n;
	bool answered;
	int status; /* ARES_* */
};

static int mark_socket(ares_socket_t fd, UNUSED int type, void *arg)
{
	const struct question *q = arg;
	uint32_t mark = q->opts->mark;

	return mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ? -1 : 0;
}

static void on_answer(void *arg, int status, UNUSED int timeouts, struct ares_addrinfo *found)
{
	struct question *q = arg;

	q->answered = true;
	q->status = status;
	for (struct ares_addrinfo_node *a = found ? found->nodes : NULL;
		a && q->n < DIAL_ADDRESSES_MAX; a = a->ai_next) {
		if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
			continue;
		endpoint_from_sockaddr(a->ai_addr, &q->ret[q->n]);
		q->ret[q->n++].port = q->opts->port;
	}
	if (found)
		ares_freeaddrinfo(found);
}

static bool set_servers(ares_channel channel, const struct lookup_opts *o)
{
	struct ares_addr_node nodes[LOOKUP_SERVERS_MAX] = {0};
	size_t n = o->n_servers < LOOKUP_SERVERS_MAX ? o->n_servers : LOOKUP_SERVERS_MAX;

	for (size_t i = 0; i < n; i++) {
		nodes[i].family = o->servers[i].family;
		nodes[i].next = i + 1 < n ? &nodes[i + 1] : NULL;
		memcpy(&nodes[i].addr, o->servers[i].octets, addr_len(&o->servers[i]));
	}
	return ares_set_servers(channel, nodes) == ARES_SUCCESS;
}

/* One round of waiting. False: it was cancelled. */
static bool wait_once(ares_channel channel, int cancel_fd, uint64_t until_ms)
{
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];
	struct pollfd p[ARES_GETSOCK_MAXNUM + 1] = {{.fd = cancel_fd, .events = POLLIN}};
	int mask = ares_getsock(channel, fds, ARES_GETSOCK_MAXNUM);
	uint64_t now_ms = clock_mono_ms();
	struct timeval most, tv;
	nfds_t n = 1;

	most.tv_sec = until_ms > now_ms ? (time_t)((until_ms - now_ms) / 1000) : 0;
	most.tv_usec = 1000;
	ares_timeout(channel, &most, &tv);
	for (int i = 0; i < ARES_GETSOCK_MAXNUM;
		i++) { /* bits 0 to 15: to read; 16 to 31: to write */
		bool in = (unsigned)mask >> i & 1, out = (unsigned)mask >> (i + 16) & 1;

		if (in || out)
			p[n++] = (struct pollfd){.fd = fds[i],
				.events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0))};
	}
	poll(p, n, (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000));
	if (p[0].revents)
		return false;
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what has timed out */
	for (nfds_t i = 1; i < n; i++)
		ares_process_fd(channel, p[i].revents & ~POLLOUT ? p[i].fd : ARES_SOCKET_BAD,
			p[i].revents & POLLOUT ? p[i].fd : ARES_SOCKET_BAD);
	return true;
}

static int eai_of(const struct question *q)
{
	switch (q->status) {
	case ARES_SUCCESS: return q->n ? 0 : EAI_NODATA;
	case ARES_ENOTFOUND: return EAI_NONAME;
	case ARES_ENODATA: return EAI_NODATA;
	case ARES_ENOMEM: return EAI_MEMORY;
	}
	return EAI_AGAIN;
}

static int ask_servers(const struct lookup_opts *o, struct endpoint *ret, size_t *ret_n)
{
	struct ares_options options = {.timeout = ASK_MS, .tries = ASK_TRIES, .lookups = "fb"};
	struct ares_addrinfo_hints hints = {.ai_family = o->family, .ai_socktype = SOCK_STREAM};
	struct question q = {.opts = o, .ret = ret};
	uint64_t until_ms = clock_mono_ms() + ASK_ALL_MS;
	ares_channel channel;
	bool go_on = true;

	if (ares_init_options(&channel, &options,
		    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS) != ARES_SUCCESS)
		return EAI_MEMORY;
	ares_set_socket_configure_callback(channel, mark_socket, &q);
	if (set_servers(channel, o))
		ares_getaddrinfo(channel, o->host, NULL, &hints, on_answer, &q);
	else
		q = (struct question){.answered = true, .status = ARES_ENOMEM};
	while (!q.answered && go_on && clock_mono_ms() < until_ms)
		go_on = wait_once(channel, o->cancel_fd, until_ms);
	if (!q.answered)
		ares_cancel(channel); /* on_answer() is called */
	ares_destroy(channel);
	*ret_n = q.n;
	return go_on ? eai_of(&q) : cancelled();
}

int lookup_wait(const struct lookup_opts *opts, struct endpoint ret[static DIAL_ADDRESSES_MAX],
	size_t *ret_n)
{
	struct addr literal;

	*ret_n = 0;
	if (!addr_parse(opts->host, &literal)) {
		ret[(*ret_n)++] = (struct endpoint){literal, opts->port};
		return 0;
	}
	return opts->n_servers ? ask_servers(opts, ret, ret_n) : ask_system(opts, ret, ret_n);
}
